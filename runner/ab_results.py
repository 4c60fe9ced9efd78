"""Edge: the results of a test in production, one JSON object a line, counted by arm. Every fault at once, by line."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from runner.disk import split_lines

ARMS: Final = {"control": "control", "a": "control", "hosted": "control",
               "tuned": "tuned", "b": "tuned", "treatment": "tuned"}  # fmt: skip
TRUTHS: Final = ("success", "error", "unsafe")
AMOUNTS: Final = ("latency_ms", "usd")
MOST_FAULTS: Final = 20  # a screenful; the rest is counted


class ResultFaultsError(ValueError):
    """The results cannot be used; one sentence a fault, each with its line."""

    def __init__(self, faults: list[str]) -> None:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        super().__init__("\n".join([*faults[:MOST_FAULTS], *more]))


@dataclass(slots=True)
class Tally:
    """Numbers of one kind in one arm: how many, their sum and sum of squares; a truth counts as 1 or 0."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one number."""
        self.count += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float:
        """Return the mean; `count` must be above 0."""
        return self.total / self.count

    @property
    def variance(self) -> float:
        """Return the variance of one number about the mean; `count` must be above 0."""
        return max(0.0, self.squares / self.count - self.mean**2)


@dataclass(slots=True)
class Arm:
    """One arm: its tasks, a tally of every field that was seen, and the latencies themselves for their quantiles."""

    tasks: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    latencies_ms: list[float] = field(default_factory=list[float])

    def tally(self, name: str) -> Tally:
        """Return the tally of a field, empty if nothing of it was seen."""
        return self.tallies.setdefault(name, Tally())

    def add(self, row: dict[str, Any]) -> None:
        """Count one checked row; a task that ended in an error and was not judged is no success."""
        self.tasks += 1
        if row.get("error") and row.get("success") is None:
            row = {**row, "success": False}
        for name in (*TRUTHS, "usd"):
            if row.get(name) is not None:
                self.tally(name).add(float(row[name]))
        if row.get("latency_ms") is not None:
            self.latencies_ms.append(float(row["latency_ms"]))


def faults_of(row: dict[str, Any]) -> Iterable[str]:
    """Yield what is wrong with one row, in words that name field, found and wanted."""
    arm = row.get("arm")
    if not isinstance(arm, str) or arm.strip().lower() not in ARMS:
        yield f"arm is {json.dumps(arm)}; wanted control or tuned"
    for name in TRUTHS:
        if row.get(name) is not None and not isinstance(row[name], bool):
            yield f"{name} is {json.dumps(row[name])[:40]}; wanted true, false, or no {name} at all"
    for name in AMOUNTS:
        value = row.get(name)
        if value is not None and not amount(value):
            yield f"{name} is {json.dumps(value)[:40]}; wanted a number, 0 or more"


def amount(value: object) -> bool:
    """Return whether a value is a finite number that is not negative."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return a line's JSON object, None where it holds none."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def count_rows(lines: Iterable[bytes], name: str) -> dict[str, Arm]:
    """Return the arms, counted. Raises ResultFaultsError with every fault of every line; blank lines are passed."""
    arms, seen, faults = {"control": Arm(), "tuned": Arm()}, dict[str, int](), list[str]()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = parsed(line)
        if row is None:
            faults.append(f"{name}:{number}  is no JSON object; wanted one task a line")
            continue
        found = list(faults_of(row))
        key = "" if row.get("id") is None else json.dumps(row["id"])
        if key and seen.setdefault(key, number) != number:
            found.append(f"id {key[:40]} was on line {seen[key]} already; wanted each task once")
        faults += [f"{name}:{number}  {text}" for text in found]
        if not found:
            arms[ARMS[row["arm"].strip().lower()]].add(row)
    faults += missing(arms, name) if not faults else []
    if faults:
        raise ResultFaultsError(faults)
    return arms


def missing(arms: dict[str, Arm], name: str) -> list[str]:
    """Return a fault for each arm without a single judged task."""
    return [
        f"{name}  has no judged task in arm {key}; wanted lines with arm {key} and success true or false"
        for key, arm in arms.items()
        if not arm.tally("success").count
    ]


def read_results(path: Path) -> dict[str, Arm]:
    """Return the arms of a results file. Raises OSError, ResultFaultsError."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")  # a byte order mark some editors put first
    return count_rows(split_lines(content), path.name)
