"""Writes the product's tables of serving: constants with their intervals, and a compact choice of measured rows."""

import csv
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Final

from benchmarks.fit_serving import NUISANCE, PRIORS, Names
from benchmarks.fitting import Array
from benchmarks.serving_rows import Case

DATA: Final = Path(__file__).parent.parent / "advisor" / "data"
EVIDENCE: Final = (
    "row", "source", "model", "quant", "gpu", "cards", "engine", "isl", "osl", "concurrency", "output_tokens_per_s",
    "tpot_ms",
)  # fmt: skip
MOST_ROWS_A_REPLICA: Final = 6  # of one model, card, engine, format and number of cards in one source


def write_table(
    names: Names, values: Array, fits: Sequence[dict[str, float]], intervals: dict[str, tuple[float, float, str]],
    cases: Sequence[Case], day: str,
) -> None:  # fmt: skip
    """Write constants and factors: value from all rows, low and high over the fits without each source."""
    made = f"benchmarks/serving.py {day}: {len(cases)} published rows of {len({c.source for c in cases})} sources"
    with (DATA / "serving_efficiency.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["name", "value", "low", "high", "unit", "kind", "source"])
        for name, value in zip(names.names, values, strict=True):
            if name.split("_")[0] not in NUISANCE:
                unit, why = PRIORS[name][2:] if name in PRIORS else ("ratio", "a time factor, shrunk to 1")
                seen = [value, *(fit[name] for fit in fits if name in fit)]
                table.writerow(
                    [name, *(f"{x:.4g}" for x in (value, min(seen), max(seen))), unit, "m", f"{made}; {why}"]
                )
        for name, (low, high, why) in intervals.items():
            table.writerow([name, 1, f"{low:.3g}", f"{high:.3g}", "ratio", "m", f"{made}; {why}"])


def write_evidence(cases: Sequence[Case]) -> None:
    """Write measured rows, a few of each replica, spread over the concurrency; sources are named in full by `ref`."""
    groups: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        row = case.row
        groups.setdefault(
            (case.source, case.model, case.card, case.engine, row["quant"], row["tp"], row["pp"]), []
        ).append(case)
    with (DATA / "serving_evidence.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(EVIDENCE)
        for members in groups.values():
            ordered = sorted(members, key=lambda c: (c.concurrency, c.input_tokens, c.output_tokens))
            step = max(1.0, len(ordered) / MOST_ROWS_A_REPLICA)
            for i in range(min(len(ordered), MOST_ROWS_A_REPLICA)):
                table.writerow(_evidence(ordered[int(i * step)]))


def _evidence(case: Case) -> list[object]:
    row, time = case.row, case.tpot_seconds * 1000
    return [
        row["id"], case.source, case.model, row["quant"], case.card, int(case.replica.cards * case.replica.stages),
        case.engine, round(float(row["isl"])), round(float(row["osl"])), round(case.concurrency), f"{case.truth:.5g}",
        "" if isnan(time) else f"{time:.4g}",
    ]  # fmt: skip
