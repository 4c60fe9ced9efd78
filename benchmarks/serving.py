"""Scores the serving formulas on published rows, every source predicted from a fit of the others; writes their table.

    python -m benchmarks.serving ../shared/reference/serving/serving_truth.csv 2026-11-21 [--write]

Prints markdown. `--write` also makes advisor/data/serving_efficiency.csv (constants, factors, intervals) and
advisor/data/serving_evidence.csv (a compact choice of the measured rows).
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor import serving
from advisor.sizing_serve import answer_serving
from benchmarks.fit_serving import Predictor, solve
from benchmarks.fitting import Array
from benchmarks.serving_capacity import LIMITS_SECONDS, Capacities, capacities
from benchmarks.serving_rows import Case, columns_of, plain_cases, read_cases
from benchmarks.serving_write import write_evidence, write_table

IDLE: Final = {
    "step_seconds": 0.0, "layer_seconds": 0.0, "expert_layer_seconds": 0.0, "sequence_seconds": 0.0, "hop_seconds": 0.0,
    "prompt_seconds": 0.0, "link_share": 1.0, "mixture_ratio": 1.0, "tail_ratio": 0.0,
    "overlap_ratio": 16.0,  # work and streaming wholly beside each other, to a fraction of a per cent
}  # fmt: skip
NAIVE: Final = IDLE | {"bandwidth_share": 1.0, "compute_share": 1.0, "cache_share": 1.0}
TEXTBOOK: Final = IDLE | {"bandwidth_share": 0.8, "compute_share": 0.6, "cache_share": 0.8}
FIXED: Final = {"peak-spec roofline": NAIVE, "textbook efficiencies (0.8, 0.6)": TEXTBOOK}
INNER, OUTER = (0.1, 0.9), (0.05, 0.95)
BEYOND: Final = 1e6  # a ratio no speed reaches: the prediction allowed nothing at all
CALLS: Final = 400


class HeldOut(NamedTuple):
    """Truth over prediction of every case from a fit without its source; was its card in that fit; and the fits."""

    throughput: Array
    tpot: Array
    known_card: NDArray[np.bool_]
    capacity: Capacities
    fits: list[dict[str, float]]


def held_out(cases: Sequence[Case]) -> HeldOut:
    """Predict every source from a fit of all the others."""
    speed, tpot, known = np.zeros(len(cases)), np.zeros(len(cases)), np.zeros(len(cases), bool)
    fits: list[dict[str, float]] = []
    found: list[Capacities] = []
    for source in sorted({case.source for case in cases}):
        here = [i for i, case in enumerate(cases) if case.source == source]
        names, values = solve([case for case in cases if case.source != source])
        own = [cases[i] for i in here]
        bound = Predictor(own, names.names, nuisance=False)
        speed[here] = bound.columns.truth / bound.throughput(values)
        tpot[here] = bound.columns.tpot_seconds / bound.tpot_seconds(values)
        known[here] = [f"card_{case.card}" in names.names for case in own]
        fits.append(dict(zip(names.names, values.tolist(), strict=True)))
        replica, *asked, k = bound.arguments(values)
        found.append(capacities(own, replica, asked, k))
    return HeldOut(speed, tpot, known, Capacities.joined(found), fits)


def line(label: str, ratio: Array) -> str:
    """Return one markdown row of errors, from truth over prediction."""
    error = np.abs(1 / ratio - 1)
    low, high = np.quantile(ratio, INNER)
    most = f"{high:.2f}" if high < BEYOND else "nothing allowed"
    return (
        f"| {label} | {len(ratio)} | {np.median(error):.1%} | {np.quantile(error, 0.9):.1%} | "
        f"{np.median(1 / ratio):.2f} | {low:.2f}..{most} |"
    )


def coverage(cases: Sequence[Case], out: HeldOut) -> Array:
    """Return, for each case, whether it lies in the 80 % interval that the other sources' errors give."""
    sources = np.array([case.source for case in cases])
    inside = np.zeros(len(cases), bool)
    for source in set(sources.tolist()):
        for known in (True, False):
            here, rest = (
                (sources == source) & (out.known_card == known),
                (sources != source) & (out.known_card == known),
            )
            if here.any():
                low, high = interval(out.throughput[rest], sources[rest], INNER) if rest.any() else (0.0, np.inf)
                inside[here] = (out.throughput[here] >= low) & (out.throughput[here] <= high)
    return inside


def interval(ratio: Array, sources: NDArray[np.str_], shares: tuple[float, float]) -> tuple[float, float]:
    """Return where the ratio of a new source lies: sources spread around their mean, rows around their source's median.

    Both spreads are normal in logs and add as squares; a source counts by the square root of its rows; 1 lies inside.
    """
    reach = NormalDist().inv_cdf(shares[1])
    names, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    logs = [np.log(ratio[inverse == i]) for i in range(len(names))]
    medians = np.array([np.median(own) for own in logs])
    within = [
        np.quantile(np.abs(own - mid), shares[1] - shares[0]) / reach for own, mid in zip(logs, medians, strict=True)
    ]
    weight = np.sqrt(counts)
    centre = np.average(medians, weights=weight)
    spread = np.sqrt(np.average((medians - centre) ** 2 + np.square(within), weights=weight))
    return min(float(np.exp(centre - reach * spread)), 1.0), max(float(np.exp(centre + reach * spread)), 1.0)


def repeat_interval(cases: Sequence[Case], ratio: Array, shares: tuple[float, float]) -> tuple[float, float]:
    """Return how far a row lies from the formula once another row of the same replica has corrected it."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, case in enumerate(cases):
        cards = int(case.replica.cards)
        groups.setdefault((case.source, case.engine, case.card, case.model, case.row["quant"], cards), []).append(i)
    moves: list[float] = []
    names: list[str] = []
    for members in groups.values():
        for one, other in zip(members, members[1:] + members[:1], strict=True):
            if one != other:
                moves.append(ratio[one] / ratio[other])
                names.append(cases[one].source)
    return interval(np.array(moves), np.array(names), shares)


def baseline(cases: Sequence[Case], k: dict[str, float]) -> Array:
    """Return truth over the prediction of fixed efficiencies."""
    columns = columns_of(cases)
    asked = (columns.concurrency, columns.input_tokens, columns.output_tokens)
    return columns.truth / serving.output_tokens_per_second(columns.replica, *asked, k)


def milliseconds_a_call(cases: Sequence[Case]) -> float:
    """Return the median time of one whole answer of the table's door, rows spread over the table."""
    times: list[float] = []
    for case in cases[:: max(1, len(cases) // CALLS)]:
        begin = time.perf_counter()
        try:
            answer_serving(case.row)
        except ValueError:
            continue
        times.append(time.perf_counter() - begin)
    return float(np.median(times)) * 1000


def by_source(cases: Sequence[Case], ratio: Array) -> float:
    """Return the mean over sources of the median error."""
    sources = np.array([case.source for case in cases])
    return float(np.mean([np.median(np.abs(1 / ratio[sources == s] - 1)) for s in set(sources.tolist())]))


def groups_of(cases: Sequence[Case], out: HeldOut) -> dict[str, NDArray[np.bool_]]:
    """Return the row sets of the report by name."""
    groups = {"card in another source": out.known_card, "card in no other source": ~out.known_card}
    for kind in ("source", "card", "engine", "load"):
        values = [getattr(case, kind) for case in cases]
        groups |= {f"{kind} {name}": np.array([v == name for v in values]) for name in sorted(Counter(values))}
    return groups


HEAD = "| rows | n | median APE | p90 APE | median ratio | truth / prediction, 10-90 % |\n|---|---|---|---|---|---|\n"


def head_lines(cases: Sequence[Case], out: HeldOut) -> str:
    """Return throughput, time between tokens and capacity, each beside fixed efficiencies on the same rows."""
    columns = columns_of(cases)
    asked = (columns.concurrency, columns.input_tokens, columns.output_tokens)
    fixed = {name: capacities(cases, columns.replica, asked, k) for name, k in FIXED.items()}
    timed = ~np.isnan(out.tpot)
    lines = [line("all", out.throughput)]
    lines += [line(f"the same rows, {name}", baseline(cases, k)) for name, k in FIXED.items()]
    lines += [line("time between tokens", out.tpot[timed])]
    for label, pick in (("best measured point within", 1), ("where the curve crosses", 0)):
        lines += [line(f"capacity, {label} a TPOT limit", out.capacity[pick])]
        lines += [line(f"the same, {name}", both[pick]) for name, both in fixed.items()]
    for limit in LIMITS_SECONDS:
        here = out.capacity.best[out.capacity.limit_seconds == limit]
        lines += [line(f"capacity, best measured point within {limit * 1000:g} ms", here)]
    return "\n".join(lines)


def report(cases: Sequence[Case], out: HeldOut, left: Counter[str], day: str) -> str:
    """Return the dated result as markdown."""
    inside = coverage(cases, out)
    sources = np.array([case.source for case in cases])
    each = np.mean([inside[sources == s].mean() for s in set(sources.tolist())])
    alone = ", ".join(f"{name} {by_source(cases, baseline(cases, k)):.1%}" for name, k in FIXED.items())
    return (
        f"# Serving throughput, {day}\n\nOutput tokens a second of published rows, every source predicted from a fit "
        f"without it. The form of the model was chosen while such scores were looked at; the constants were not.\n"
        f"{sum(left.values())} rows not asked:\n\n"
        + "".join(f"- {count}: {why}\n" for why, count in left.most_common())
        + f"\n{HEAD}{head_lines(cases, out)}\n\nTPOT limits: "
        f"{', '.join(f'{limit * 1000:g}' for limit in LIMITS_SECONDS)} ms. "
        f"Each source counted once: {by_source(cases, out.throughput):.1%} ({alone}).\n"
        f"Capacity is the most output tokens a second whose time between tokens keeps the limit, of the concurrencies "
        f"that were measured: measured of those whose measured time keeps it, predicted of those whose predicted time "
        f"does. Where the curve crosses, both are taken between measured points. For this question 161 % "
        f"(roofline) and 17.4 % (aiconfigurator 0.12.0, on the rows it answers) have been published. Rows of "
        f"speculative decoding are scored, not fitted.\n"
        f"80 % intervals made from other sources cover {inside.mean():.1%} of rows, and of a source {each:.1%} on "
        f"average.\n"
        f"One call of the table's door takes {milliseconds_a_call(cases):.2f} ms (median of {CALLS} rows spread over "
        f"the table, in process, two shared cores).\n\n{HEAD}"
        + "\n".join(line(name, out.throughput[mask]) for name, mask in groups_of(cases, out).items() if mask.any())
        + "\n"
    )


def intervals(cases: Sequence[Case], out: HeldOut) -> dict[str, tuple[float, float, str]]:
    """Return the intervals the product prints, by name, each with what it is from."""
    sources = np.array([case.source for case in cases])
    ranges: dict[str, tuple[float, float, str]] = {}
    for label, shares in (("80", INNER), ("90", OUTER)):
        for name, mask in (("known", out.known_card), ("unknown", ~out.known_card)):
            low, high = interval(out.throughput[mask], sources[mask], shares)
            why = f"truth over prediction, source held out, {mask.sum()} rows"
            ranges[f"interval{label}_{name}_card_ratio"] = (low, high, why)
        low, high = repeat_interval(cases, out.throughput, shares)
        ranges[f"interval{label}_measured_ratio"] = (low, high, "after another row of the same replica corrected it")
    return ranges


def main() -> None:
    """Fit, score, print; write the tables if asked."""
    path, day = Path(sys.argv[1]), sys.argv[2]
    cases, left = read_cases(path)
    out = held_out(cases)
    if "--write" in sys.argv:
        names, values = solve(cases)
        write_table(names, values, out.fits, intervals(cases, out), plain_cases(cases), day)
        write_evidence(cases)
    print(report(cases, out, left, day))


if __name__ == "__main__":
    main()
