"""Fit the constants of the training-time formula to measured rows, partly pooled, and write them as product data.

    python -m benchmarks.fit_traintime ../shared/reference/memory/traintime_truth.csv 2026-11-21

makes advisor/data/training_efficiency.csv. A constant starts at what physics expects and moves as far as rows speak
for it; a card's share of its rate is the common share times its architecture's and its own factor, each held near 1.
"""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from advisor.training import link_bytes_per_second, micro_step_seconds
from advisor.training_work import StepWork, step_work
from benchmarks.fitting import Array, fit, source_weights
from benchmarks.traintime_rows import Case, read_cases

TABLE = Path(__file__).parent.parent / "advisor" / "data" / "training_efficiency.csv"
PRIORS = {  # name: value before any row is seen, its spread in log units, unit, why
    "compute_share": (0.68, 0.15, "share", "large matrix products reach 60 to 75 % of a card's dense rate"),
    "attention_share": (0.5, 0.4, "share", "fused attention reaches about half of what products do"),
    "elementwise_ratio": (1.0, 0.5, "ratio", "1 is each counted byte moved at the stated bandwidth"),
    "fused_share": (0.6, 0.4, "share", "fused kernels save a third to a half of the traffic (Liger's own figures)"),
    "adapter_traffic_share": (0.3, 0.5, "share", "adapters read each input again, drop out and add"),
    "launch_seconds": (4e-4, 0.6, "seconds", "a layer and pass of eager PyTorch: some 60 kernels of 7 us"),
    "adapter_launches": (0.15, 0.5, "ratio", "an adapted map's six more kernels, in layers"),
    "quantised_launches": (1.0, 0.6, "ratio", "dequantisation and casts of a layer's maps, in layers"),
    "expert_launches": (0.1, 0.7, "ratio", "an expert's own loop turn, in layers"),
    "mixture_launches": (1.0, 0.5, "ratio", "routing, sorting and gathering, in layers"),
    "sharded_launch_seconds": (2e-3, 0.5, "seconds", "gather, wait and free of one sharded unit"),
    "sharded_adapter_launches": (0.3, 0.5, "ratio", "adapted maps are sharded units of their own, in layers"),
    "nf4_ratio": (1.5, 0.5, "ratio", "1 is codes read and copies written at the stated bandwidth"),
    "int4_ratio": (2.0, 0.7, "ratio", "group-wise kernels vary more than NF4's"),
    "optimizer_ratio": (1.5, 0.5, "ratio", "foreach AdamW reads and writes temporaries beside the counted bytes"),
    "mixture_share": (0.7, 0.3, "share", "small products of single experts are slower"),
    "link_share": (0.45, 0.3, "share", "collectives reach about half of the stated link"),
}
ARCHITECTURES = {  # factor on the common value before any row is seen, its spread, why
    ("compute_share", "Ampere"): (1.1, 0.15, "A100s hold their stated rate"),
    ("compute_share", "Hopper"): (0.85, 0.12, "power limits hold H100s below theirs"),
    ("compute_share", "Ada"): (0.95, 0.12, "no public row isolates it"),
    ("attention_share", "Hopper"): (0.7, 0.3, "FlashAttention 2 was not made for Hopper's asynchronous units"),
}
POOLED = ("compute_share", "attention_share")
"""Constants that differ by architecture and card."""
CARD_SPREAD = 0.06  # log units: cards of one architecture differ in clocks and cooling, not in kind
UNMEASURED = (0.45, 1.35)
"""Interval of a card whose architecture no row measures: between the worst and best held-out cards, assumed."""


class Model:
    """The parameter vector: names, where each starts, how freely it moves, and which cards each serves."""

    def __init__(self, cards: Iterable[tuple[str, str]]) -> None:
        """Take the (architecture, name) of every card that has rows."""
        self.cards = sorted(set(cards))
        pooled = {f"{name}.{kind}": row[:2] for (name, kind), row in ARCHITECTURES.items()}
        single = {f"compute_share.{name}": (1.0, CARD_SPREAD) for _, name in self.cards}
        rows = {name: row[:2] for name, row in PRIORS.items()} | pooled | single
        self.names = list(rows)
        self.start = np.array([value for value, _ in rows.values()])
        self.spread = np.array([spread for _, spread in rows.values()])

    def factors_of(self, cards: Sequence[tuple[str, str]]) -> dict[str, tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Return where the factors of each card's architecture and own stand, for the pooled constants; -1 for none."""
        at = {name: i for i, name in enumerate(self.names)}
        return {
            name: (
                np.array([at.get(f"{name}.{kind}", -1) for kind, _ in cards]),
                np.array([at.get(f"{name}.{card}", -1) for _, card in cards]),
            )
            for name in POOLED
        }

    def constants(
        self, values: Array, factors: Mapping[str, tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> dict[str, Array]:
        """Return every constant as an array over the cards that `factors` stands for."""
        found = dict(zip(self.names, values, strict=True))
        with_none = np.append(values, 1.0)  # at place -1
        pooled = {name: found[name] * with_none[kind] * with_none[card] for name, (kind, card) in factors.items()}
        return {name: found[name] for name in PRIORS} | pooled


def as_array(value: Array, size: int) -> Array:
    """Return a number, or an array, as an array of that size."""
    return value * np.ones(size)


def card_key(case: Case) -> tuple[str, str]:
    """Return a case's architecture and card."""
    return case.card.architecture, case.card.name


def predictor(model: Model, cases: Sequence[Case]) -> Callable[[Array], Array]:
    """Return a function from a parameter vector to tokens per second of every case."""
    works = [step_work(c.shape, c.setup, c.fill, c.kernels) for c in cases]
    work = StepWork(*(np.array(column, dtype=float) for column in zip(*works, strict=True)))
    flops = np.array([c.card.bf16_flops_per_second for c in cases])
    memory = np.array([c.card.bandwidth_bytes_per_second for c in cases])
    link = np.array([link_bytes_per_second(c.card, c.setup.cards) for c in cases])
    factors = model.factors_of([card_key(c) for c in cases])

    def predict(values: Array) -> Array:
        seconds = micro_step_seconds(work, flops, memory, link, model.constants(values, factors))
        return work.real_tokens / sum(seconds.values())

    return predict


def fitted(model: Model, cases: Sequence[Case]) -> Array:
    """Return the parameters fitted to these cases."""
    truth = np.array([c.truth for c in cases])
    weights = source_weights([c.source for c in cases])
    return fit(predictor(model, cases), truth, model.start, model.spread, weights)


def held_out(model: Model, cases: Sequence[Case]) -> tuple[Array, dict[str, Array]]:
    """Return truth over prediction of every case from a fit without its source, and each of those fits."""
    ratio = np.zeros(len(cases))
    fits: dict[str, Array] = {}
    for source in sorted({c.source for c in cases}):
        here = [i for i, c in enumerate(cases) if c.source == source]
        fits[source] = fitted(model, [c for c in cases if c.source != source])
        guess = predictor(model, [cases[i] for i in here])(fits[source])
        ratio[here] = np.array([cases[i].truth for i in here]) / guess
    return ratio, fits


def model_of(cases: Sequence[Case]) -> Model:
    """Return the model with the cards of these cases."""
    return Model(card_key(c) for c in cases)


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """Return the value below which `share` of the weight lies."""
    order = np.argsort(values)
    passed = np.cumsum(weights[order]) - weights[order] / 2
    return float(cast("float", np.interp(share * weights.sum(), passed, values[order])))


def interval(ratio: Array, cases: Sequence[Case], group: str) -> tuple[float, float]:
    """Return 5 % and 95 % of truth over prediction in a group, a source counting by the root of its rows."""
    here = np.array([c.group == group for c in cases])
    weights = source_weights([c.source for c in cases if c.group == group])
    return weighted_quantile(ratio[here], weights, 0.05), weighted_quantile(ratio[here], weights, 0.95)


def rows_of(
    model: Model, cases: Sequence[Case], scored: tuple[Array, Mapping[str, Array]], day: str
) -> list[list[str]]:
    """Return the table: common constants, those of architectures and cards, and the intervals; `scored` of held_out."""
    values, (ratio, fits) = fitted(model, cases), scored
    per_source = Counter(c.source for c in cases)
    made = f"benchmarks/fit_traintime.py {day}: {len(cases)} rows of {len(per_source)} sources"
    cards = [("", ""), *((kind, "") for kind in sorted({k for _, k in ARCHITECTURES})), *model.cards]
    factors = model.factors_of(cards)
    every = [model.constants(v, factors) for v in (values, *fits.values())]
    rows: list[list[str]] = []
    for name, (_, _, unit, why) in PRIORS.items():
        for i, (kind, card) in enumerate(cards):
            suffix = f".{card or kind}" if kind else ""
            note = ARCHITECTURES.get((name, kind), ("", "", ""))[2]
            if suffix and ((name, kind) not in ARCHITECTURES or (card and name != "compute_share")):
                continue
            drawn = [float(as_array(k[name], len(cards))[i]) for k in every]
            numbers = [f"{x:.4g}" for x in (drawn[0], min(drawn), max(drawn))]
            rows.append([name + suffix, *numbers, unit, "m", f"{made}; before the fit: {note or why}"])
    for group in ("several_cards", "other"):
        low, high = interval(ratio, cases, group)
        note = (
            f"{made}: 5 % and 95 % of truth over prediction, source held out, n={sum(c.group == group for c in cases)}"
        )
        rows.append([f"interval_{group}_ratio", "1", f"{low:.3g}", f"{high:.3g}", "ratio", "m", note])
    rows.append(["interval_unmeasured_ratio", "1", *map(str, UNMEASURED), "ratio", "a",
                 "no row of this architecture: the worst held-out card's miss either way"])  # fmt: skip
    return rows


def main() -> None:
    """Fit and write the table."""
    cases, _ = read_cases(Path(sys.argv[1]))
    model = model_of(cases)
    rows = rows_of(model, cases, held_out(model, cases), sys.argv[2])
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["name", "value", "low", "high", "unit", "kind", "source"])
        out.writerows(rows)


if __name__ == "__main__":
    main()
