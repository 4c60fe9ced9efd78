"""Score the memory formula on published rows; nothing in it is fitted but the width of its interval.

    python -m benchmarks.memory ../shared/reference/memory/vram_truth.csv 2026-11-21 [--write]

`--write` makes advisor/data/memory_intervals.csv; without it the rows are only scored. Prints markdown.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.sizing import answer_row

TABLE = Path(__file__).parent.parent / "advisor" / "data" / "memory_intervals.csv"
COVERED = (0.05, 0.95)  # of truth over prediction: the printed interval
LEAN = 1.05  # widen the costly side by this much: an out-of-memory stop costs more than an idle gigabyte


@dataclass(frozen=True)
class Scored:
    """A measured row and the formula's answer for the quantity that was measured."""

    row: dict[str, str]
    truth: float
    predicted: float
    low: float
    high: float


def score(path: Path) -> tuple[list[Scored], Counter[str]]:
    """Return the rows with a measured peak and an answer, and why the others have none."""
    found: list[Scored] = []
    left: Counter[str] = Counter()
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        answer = answer_row("vram", row)
        if not row["peak_mem_gib"]:
            left["no measured peak (out of memory or failed)"] += 1
        elif answer["error"]:
            left[str(answer["error"]).partition(",")[0][:60]] += 1
        else:
            column = "reserved_gib" if "reserved" in row["mem_metric"] else "allocated_gib"
            bounds = (float(answer["low_gib"]), float(answer["high_gib"]))
            summed = int(row["n_gpus"]) if "summed" in row["mem_metric"] else 1
            found.append(Scored(row, float(row["peak_mem_gib"]) / summed, float(answer[column]), *bounds))
    return found, left


def groups(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Return the cuts that the report shows."""
    train = [s for s in scored if s.row["task"] == "train"]
    one = [s for s in train if s.row["n_gpus"] == "1"]
    best = [s for s in one if s.row["quality"] == "A"]
    cuts = {"training, one card, grade A": best}
    for key in ("method", "source", "loss_impl"):
        cuts |= {
            f"- {key} {value}": [s for s in best if s.row[key] == value] for value in sorted({s.row[key] for s in best})
        }
    cuts["training, several cards, grade A"] = [s for s in train if s.row["quality"] == "A" and s not in one]
    cuts["training, one card, grade B"] = [s for s in one if s.row["quality"] == "B"]
    cuts |= {
        f"- grade B {source}": [s for s in cuts["training, one card, grade B"] if s.row["source"] == source]
        for source in sorted({s.row["source"] for s in one if s.row["quality"] == "B"})
    }
    infer = [s for s in scored if s.row["task"] == "infer"]
    cuts |= {
        f"inference, {q}": [s for s in infer if s.row["source"] == q] for q in sorted({s.row["source"] for s in infer})
    }
    return cuts


def ratios(scored: Sequence[Scored]) -> NDArray[np.float64]:
    """Return truth over prediction."""
    return np.array([s.truth / s.predicted for s in scored])


def line(label: str, scored: Sequence[Scored]) -> str:
    """Return one markdown row: errors, how often too low, and how often the printed interval covers the truth."""
    ratio = ratios(scored)
    error = np.abs(1 / ratio - 1)
    covered = np.mean([s.low <= s.truth <= s.high for s in scored])
    low, high = np.quantile(ratio, COVERED)
    return (
        f"| {label} | {len(scored)} | {np.median(error):.1%} | {np.quantile(error, 0.9):.1%} | "
        f"{np.mean(ratio > 1):.0%} | {covered:.0%} | {low:.2f}..{high:.2f} |"
    )


def report(scored: Sequence[Scored], left: Counter[str], day: str) -> str:
    """Return the dated result as markdown."""
    head = (
        f"# Memory, {day}\n\nThe formula of advisor/memory.py against published peaks, by what each row measured. "
        "Its coefficients are counts of tensors; they were chosen with some of these rows in view, none was fitted "
        f"to a row. {sum(left.values())} rows have no answer:\n\n"
        + "".join(f"- {count}: {why}\n" for why, count in left.most_common(6))
        + "\n| rows | n | median APE | p90 APE | predicted too low | interval covers | truth / prediction, 5-95 % |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(line(name, part) for name, part in groups(scored).items() if part) + "\n"


def write(path: Path, scored: Sequence[Scored], day: str) -> None:
    """Write the interval table from the residuals of all answered rows of a kind; nothing else was fitted to them."""
    cuts = groups(scored)
    kinds = {
        "training_ratio": cuts["training, one card, grade A"],
        "inference_ratio": [s for s in scored if s.row["task"] == "infer"],
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["name", "value", "low", "high", "unit", "kind", "source"])
        for name, part in kinds.items():
            low, high = np.quantile(ratios(part), COVERED)
            note = (
                f"benchmarks/memory.py {day}: 5 % and 95 % of truth over prediction, upper times {LEAN}, n={len(part)}"
            )
            out.writerow([name, 1, f"{min(low, 1):.3g}", f"{max(high, 1) * LEAN:.3g}", "ratio", "m", note])


def main() -> None:
    """Score and print; write the interval table if asked."""
    path, day = Path(sys.argv[1]), sys.argv[2]
    scored, left = score(path)
    if "--write" in sys.argv:
        write(TABLE, scored, day)
    print(report(scored, left, day))


if __name__ == "__main__":
    main()
