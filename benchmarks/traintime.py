"""Score the training-time formula on published rows, one source held out at a time, beside the rules people use.

    python -m benchmarks.traintime ../shared/reference/memory/traintime_truth.csv 2026-11-21 > benchmarks/results/...

Prints markdown. `benchmarks/fit_traintime.py` makes the constants.
"""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from advisor.memory_setup import Method
from advisor.shape import matmul_parameters
from advisor.training_work import passes_flops_per_parameter
from benchmarks.fit_traintime import held_out, interval, model_of
from benchmarks.fitting import Array
from benchmarks.traintime_rows import Case, read_cases

CONSTANT_SHARE: Final = 0.56  # the one hardware-FLOPs share of A100 fine-tuning at a packed 4096, PHYSICS.md section 2
TEXTBOOK_SHARE: Final = 0.40  # "6ND at 40 % of peak", the usual planning rule for a training run
POSTED_FLOPS: Final = 120e12  # EleutherAI, Transformer Math 101: expect 120 TFLOP/s and more on an A100
POSTED_PEAK: Final = 312e12
INTRODUCTION: Final = (
    "Tokens a second and card. Every source is predicted from a fit without it, through the columns that `advise train "
    "--table` reads. The form of the formula and its starting values were chosen with these rows in view; the "
    "constants were fitted without the source they are scored on. The interval is that of the other sources' errors."
)


def constant_rule(case: Case) -> float:
    """Return tokens a second at one share of peak for all, by the method's FLOPs."""
    passes = passes_flops_per_parameter(case.setup.method is Method.FULL, case.setup.checkpointing)
    return CONSTANT_SHARE * case.card.bf16_flops_per_second / (matmul_parameters(case.shape) * passes)


def textbook_rule(case: Case) -> float:
    """Return tokens a second of 6ND at two fifths of peak, whatever the method."""
    return TEXTBOOK_SHARE * case.card.bf16_flops_per_second / (matmul_parameters(case.shape) * 6)


def posted_rule(case: Case) -> float:
    """Return tokens a second of 6ND, 8ND where activations are recomputed, at the posted rate scaled to the card."""
    passes = passes_flops_per_parameter(full=True, checkpointing=case.setup.checkpointing)
    rate = POSTED_FLOPS / POSTED_PEAK * case.card.bf16_flops_per_second
    return rate / (matmul_parameters(case.shape) * passes)


RULES: Final[Mapping[str, Callable[[Case], float]]] = {
    "one share of peak, 56 %": constant_rule,
    "6ND at peak x 40 %": textbook_rule,
    "Transformer Math 101: 6ND or 8ND at 120 TFLOP/s of an A100": posted_rule,
}


def line(label: str, ratio: Array, covered: Array | None = None) -> str:
    """Return one markdown row of errors, from truth over prediction."""
    error = np.abs(1 / ratio - 1)
    inside = "" if covered is None else f"{covered.mean():.0%}"
    return (
        f"| {label} | {len(ratio)} | {np.median(error):.1%} | {np.quantile(error, 0.9):.1%} | "
        f"{np.median(1 / ratio):.2f} | {inside} |"
    )


def covered_by_others(ratio: Array, cases: Sequence[Case]) -> Array:
    """Return whether each row lies in the interval that the other sources' held-out errors alone give its group."""
    found = np.zeros(len(cases), dtype=bool)
    for source in sorted({c.source for c in cases}):
        others = [i for i, c in enumerate(cases) if c.source != source]
        rest = [cases[i] for i in others]
        given = {group: interval(ratio[others], rest, group) for group in {c.group for c in rest}}
        for i, case in enumerate(cases):
            if case.source == source:
                low, high = given[case.group]
                found[i] = low <= ratio[i] <= high
    return found


def source_weighted(ratio: Array, cases: Sequence[Case]) -> tuple[float, float]:
    """Return the mean over sources of a source's median and 90th percentile of error: every source counts the same."""
    error = np.abs(1 / ratio - 1)
    groups = [error[np.array([c.source == s for c in cases])] for s in sorted({c.source for c in cases})]
    return float(np.mean([np.median(g) for g in groups])), float(np.mean([np.quantile(g, 0.9) for g in groups]))


def configuration(case: Case) -> tuple[object, ...]:
    """Return what makes two rows the same experiment, the source aside."""
    return (case.model, case.card.name, case.setup, case.fill, case.kernels)


def repeats(cases: Sequence[Case]) -> tuple[int, int]:
    """Return how many rows repeat a configuration of their own source, and how many stand in two sources."""
    own = {(c.source, configuration(c)) for c in cases}
    sources = Counter(key for _, key in own)
    return len(cases) - len(own), sum(count > 1 for count in sources.values())


def once_each(cases: Sequence[Case], ratio: Array) -> Array:
    """Return one ratio a source and configuration, the median of its repetitions."""
    groups: dict[object, list[float]] = {}
    for case, value in zip(cases, ratio, strict=True):
        groups.setdefault((case.source, configuration(case)), []).append(float(value))
    return np.array([np.median(values) for values in groups.values()])


def groups_of(cases: Sequence[Case]) -> dict[str, list[bool]]:
    """Return the rows of each part of the report."""
    parts: dict[str, Callable[[Case], str]] = {
        "source": lambda c: c.source,
        "method": lambda c: str(c.setup.method),
        "card": lambda c: c.card.name,
        "interval": lambda c: c.group.replace("_", " "),
    }
    found = {"all": [True] * len(cases)}
    for part, name in parts.items():
        for value in sorted({name(c) for c in cases}):
            found[f"{part}: {value}"] = [name(c) == value for c in cases]
    return found


def report(cases: Sequence[Case], left: Mapping[str, int], day: str) -> str:
    """Return the dated result as markdown."""
    ratio, _ = held_out(model_of(cases), cases)
    covered = covered_by_others(ratio, cases)
    median, high = source_weighted(ratio, cases)
    again, twice = repeats(cases)
    head = "| rows | n | median APE | p90 APE | prediction / truth | in the 90 % interval |\n|---|---|---|---|---|---|"
    parts = [line(name, ratio[np.array(mask)], covered[np.array(mask)]) for name, mask in groups_of(cases).items()]
    rules = [line(name, np.array([c.truth / rule(c) for c in cases])) for name, rule in RULES.items()]
    asked = f"{len(cases)} of {len(cases) + sum(left.values())} rows asked"
    reasons = "\n".join(f"- {count} rows: {why}" for why, count in sorted(left.items(), key=lambda p: -p[1]))
    once = once_each(cases, ratio)
    return (
        f"# Training time, {day}\n\n{asked}. {INTRODUCTION}\n\n"
        f"Every source counted the same: median {median:.1%}, p90 {high:.1%} (means over sources). {again} rows repeat "
        f"a configuration of their own source, {twice} configurations stand in two sources; one row a configuration: "
        f"median {np.median(np.abs(1 / once - 1)):.1%} over {len(once)}.\n\n{head}\n"
        + "\n".join(parts)
        + f"\n\nThe same rows, by rules people use (nothing fitted here)\n\n{head}\n"
        + "\n".join(rules)
        + f"\n\nNot asked\n\n{reasons}\n"
    )


def main() -> None:
    """Score and print."""
    cases, left = read_cases(Path(sys.argv[1]))
    print(report(cases, left, sys.argv[2]))


if __name__ == "__main__":
    main()
