"""Fit and score the serving formulas on published rows, one source held out at a time.

    python -m benchmarks.serving ../shared/reference/serving/serving_truth.csv 2026-11-21 [--write]

`--write` makes advisor/data/serving_efficiency.csv; without it the rows are only scored. Prints markdown.
"""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.catalog import UnknownCardError, UnknownModelError, find_card, find_model
from advisor.replica import ServingFault, replica_of
from advisor.serving import Replica, max_concurrency, output_tokens_per_second
from benchmarks.fitting import Array, fit, source_weights

TABLE = Path(__file__).parent.parent / "advisor" / "data" / "serving_efficiency.csv"
PRIORS = {  # name: value before any row is seen, spread in log units, unit, why
    "bandwidth_share": (0.75, 0.15, "share", "weights stream at 70-85 % of the stated bandwidth"),
    "decode_share": (0.45, 0.3, "share", "narrow products reach less than wide ones"),
    "cache_share": (0.55, 0.4, "share", "paged reads are less regular"),
    "prefill_share": (0.45, 0.3, "share", "wide products, with attention and sampling between"),
    "step_seconds": (1e-3, 1.0, "seconds", "scheduling and sampling a step"),
    "layer_seconds": (2e-5, 1.0, "seconds", "about 8 kernels a layer under a graph"),
    "sequence_seconds": (2e-5, 1.0, "seconds", "scheduling, sampling and detokenising a sequence"),
    "hop_seconds": (2e-5, 1.0, "seconds", "two all-reduces a layer"),
    "hop_sequence_seconds": (1e-7, 1.0, "seconds", "all-reduce payload a sequence"),
    "prompt_seconds": (1e-2, 1.0, "seconds", "admission of one request"),
}
OFFSET_SPREAD = {"engine": 0.3, "card": 0.15, "source": 0.3}


@dataclass(frozen=True)
class Case:
    """One measured row: what was asked and the output tokens a second that came."""

    source: str
    engine: str
    card: str
    model: str
    replica: Replica
    concurrency: float
    input_tokens: float
    output_tokens: float
    truth: float


def read_cases(path: Path) -> tuple[list[Case], Counter[str]]:
    """Return the rows that can be asked, and why the others cannot."""
    cases: list[Case] = []
    left: Counter[str] = Counter()
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        try:
            cases.append(_case(row))
        except (UnknownModelError, UnknownCardError) as fault:
            left["model not in the catalogue" if isinstance(fault, UnknownModelError) else "card not in it"] += 1
        except ServingFault as fault:
            left[str(fault)] += 1
    return cases, left


def _case(row: dict[str, str]) -> Case:
    truth = row["out_tok_s"] or row["derived_out_tok_s"]
    if not truth or not float(truth) or not row["isl"] or not row["osl"] or not float(row["osl"]):
        raise ServingFault("no throughput, or lengths not stated")
    if not row["n_gpu"] or int(row["n_gpu"]) == 0 or not row["tp"]:
        raise ServingFault("number of cards not stated")
    pipeline = float(row["pp"] or 1)
    card = find_card(row["gpu"])
    cards = int(int(row["n_gpu"]) / pipeline)
    replica = replica_of(find_model(row["model"]), card, row["quant"], cards, "none", int(pipeline))
    replica = replace(replica, slowdown_ratio=1.0)
    held = max(1.0, float(row["isl"]) + float(row["osl"]))
    room = max_concurrency(replica, held)
    if room < 1:
        raise ServingFault("weights or cache do not fit by our count")
    asked = float(row["concurrency"] or 1024)
    lengths = (float(row["isl"]), float(row["osl"]))
    return Case(
        row["source"], row["engine"], card.name, row["model"], replica, min(asked, room), *lengths, float(truth)
    )


class Fit:
    """The parameter vector: physical constants, then a time factor for each engine, card and source (shrunk to 1)."""

    def __init__(self, cases: Sequence[Case]) -> None:
        """Name the parameters that these cases can speak about."""
        self.offsets = [
            f"{kind}_{name}" for kind in OFFSET_SPREAD for name in sorted({getattr(c, kind) for c in cases})
        ]
        self.names = [*PRIORS, *self.offsets]
        self.prior = np.array([row[0] for row in PRIORS.values()] + [1.0] * len(self.offsets))
        spread = [OFFSET_SPREAD[name.partition("_")[0]] for name in self.offsets]
        self.spread = np.array([row[1] for row in PRIORS.values()] + spread)

    def predictor(self, cases: Sequence[Case], with_source: bool) -> Callable[[Array], Array]:
        """Return a function from parameters to output tokens a second; offsets that are not known count as 1."""
        one = len(self.names)
        stacked = {f.name: np.array([getattr(c.replica, f.name) for c in cases], float) for f in fields(Replica)}
        asked = [np.array([getattr(c, n) for c in cases]) for n in ("concurrency", "input_tokens", "output_tokens")]
        kinds = [kind for kind in OFFSET_SPREAD if with_source or kind != "source"]
        where = {name: i for i, name in enumerate(self.names)}
        index = [[where.get(f"{kind}_{getattr(c, kind)}", one) for kind in kinds] for c in cases]
        picks = np.array(index)

        def predict(values: Array) -> Array:
            k = dict(zip(self.names, values, strict=True))
            slow = np.append(values, 1.0)[picks].prod(axis=1)
            return output_tokens_per_second(Replica(**(stacked | {"slowdown_ratio": slow})), *asked, k)

        return predict

    def solve(self, cases: Sequence[Case]) -> Array:
        """Return the fitted parameters."""
        truth = np.array([c.truth for c in cases])
        weights = source_weights([c.source for c in cases])
        return fit(self.predictor(cases, with_source=True), truth, self.prior, self.spread, weights)


@dataclass(frozen=True)
class HeldOut:
    """Truth over prediction of every case from a fit without its source; was its card in that fit; and the fits."""

    ratio: Array
    known_card: NDArray[np.bool_]
    fits: list[dict[str, float]]


def held_out(cases: Sequence[Case]) -> HeldOut:
    """Predict every source from a fit of all the others."""
    ratio, known, fits = np.zeros(len(cases)), np.zeros(len(cases), bool), []
    for source in sorted({c.source for c in cases}):
        here = [i for i, c in enumerate(cases) if c.source == source]
        rest = [c for c in cases if c.source != source]
        model = Fit(rest)
        values = model.solve(rest)
        guess = model.predictor([cases[i] for i in here], with_source=False)(values)
        ratio[here] = np.array([cases[i].truth for i in here]) / guess
        known[here] = [f"card_{cases[i].card}" in model.names for i in here]
        fits.append(dict(zip(model.names, values.tolist(), strict=True)))
    return HeldOut(ratio, known, fits)


def line(label: str, ratio: Array) -> str:
    """Return one markdown row of errors, from truth over prediction."""
    error = np.abs(1 / ratio - 1)
    low, high = np.quantile(ratio, [0.05, 0.95])
    return (
        f"| {label} | {len(ratio)} | {np.median(error):.1%} | {np.quantile(error, 0.9):.1%} | "
        f"{np.median(1 / ratio):.2f} | {low:.2f}..{high:.2f} |"
    )


def report(cases: Sequence[Case], out: HeldOut, left: Counter[str], day: str) -> str:
    """Return the dated result as markdown."""
    head = (
        f"# Serving throughput, {day}\n\nOutput tokens a second, every source predicted from a fit without it. "
        f"{sum(left.values())} rows not asked:\n\n"
        + "".join(f"- {count}: {why}\n" for why, count in left.most_common(8))
        + "\n| rows | n | median APE | p90 APE | median ratio | truth / prediction, 5-95 % |\n"
        "|---|---|---|---|---|---|\n"
    )
    groups = {
        "all": np.ones(len(cases), bool),
        "card in the fit": out.known_card,
        "card in no other source": ~out.known_card,
    }
    for kind in ("source", "card", "engine"):
        counts = Counter(getattr(c, kind) for c in cases)
        groups |= {f"{kind} {n}": np.array([getattr(c, kind) == n for c in cases]) for n in sorted(counts)}
    return head + "\n".join(line(name, out.ratio[mask]) for name, mask in groups.items()) + "\n"


def write(path: Path, cases: Sequence[Case], out: HeldOut, day: str) -> None:
    """Write the table: value from all rows, low and high over the fits without each source; no offset of sources."""
    model = Fit(cases)
    sources = len({c.source for c in cases})
    made = f"benchmarks/serving.py {day}: fit over {len(cases)} published rows of {sources} sources"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["name", "value", "low", "high", "unit", "kind", "source"])
        for name, value in zip(model.names, model.solve(cases), strict=True):
            if not name.startswith("source_"):
                unit, why = PRIORS[name][2:] if name in PRIORS else ("ratio", "1: a time factor, shrunk to it")
                seen = [value, *(fit[name] for fit in out.fits if name in fit)]
                numbers = [f"{x:.4g}" for x in (value, min(seen), max(seen))]
                table.writerow([name, *numbers, unit, "m", f"{made}; before the fit: {why}"])
        for name, mask in (("known", out.known_card), ("unknown", ~out.known_card)):
            low, high = np.quantile(out.ratio[mask], [0.05, 0.95])
            note = f"benchmarks/serving.py {day}: 5-95 % of truth over prediction, source held out, n={mask.sum()}"
            bounds = [f"{min(low, 1):.3g}", f"{max(high, 1):.3g}"]
            table.writerow([f"interval_{name}_card_ratio", 1, *bounds, "ratio", "m", note])


def main() -> None:
    """Fit, score, print; write the table if asked."""
    path, day = Path(sys.argv[1]), sys.argv[2]
    cases, left = read_cases(path)
    out = held_out(cases)
    print(report(cases, out, left, day))
    if "--write" in sys.argv:
        write(TABLE, cases, out, day)


if __name__ == "__main__":
    main()
