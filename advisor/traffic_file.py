"""Edge: a traffic log on disk to a load-duration curve: one request a line with its time, or one hour a line.

Rule 1  CSV with a heading, or JSON lines. A column `timestamp` (or `time`, `ts`, `hour`) holds ISO 8601 or seconds
        since 1970; with a column `count` (or `requests`, `tasks`) every line is an hour, without it a request.
Rule 2  Hours between the first and the last that nobody asked in are hours of no load, not gaps.
Rule 3  Unreadable lines are told at once, the first few by number; a log of less than a day says nothing of a day.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from advisor.scenario_file import ScenarioFaultsError
from advisor.scenario_tree import Fault, quote
from advisor.shape_of_demand import Log
from advisor.traffic import HOURS_OF_A_DAY, curve_of_loads, held_over_load
from pricing.units import SECONDS_PER_HOUR

Floats: TypeAlias = NDArray[np.float64]

TIME_COLUMNS: Final = ("timestamp", "time", "ts", "hour")
COUNT_COLUMNS: Final = ("count", "requests", "tasks")
WINDOWS_OF_AN_HOUR: Final = 6  # ten minutes, as in the statistics the default reaction comes from
SHOWN: Final = 5  # faults shown in full; a wrong format makes every line one
MOST_HOURS: Final = 100_000  # eleven years; more is a slip of units, milliseconds for seconds


def refused(path: Path, found: str, wanted: str, next_step: str, line: int = 1, field: str = "log") -> Fault:
    """Return a fault of the log in the form of a scenario's own."""
    return Fault(line, field, found, wanted, next_step, path.name)


def read_log(path: Path) -> Log:
    """Return what a traffic log says; raises ScenarioFaultsError with every fault."""
    rows = list(records(path))
    timed = column(rows[0][1], TIME_COLUMNS) if rows else None
    counted = column(rows[0][1], COUNT_COLUMNS) if rows else None
    if timed is None and counted is None:
        wanted = f"a column {' or '.join(TIME_COLUMNS)}, or one hour a line with {' or '.join(COUNT_COLUMNS)}"
        raise ScenarioFaultsError([refused(path, "names no time and no count", wanted, "add a heading or a key")])
    seconds = numbers(path, rows, timed, as_seconds, "ISO 8601 or seconds since 1970") if timed else None
    if counted is None:
        return from_requests(path, np.asarray(seconds))
    counts = np.asarray(numbers(path, rows, counted, as_count, "a count of at least 0"))
    return from_hours(path, counts, None if seconds is None else np.asarray(seconds))


def records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line, record) of a CSV or JSONL file; raises ScenarioFaultsError where it cannot be read as one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            if path.suffix == ".csv":
                reader = csv.DictReader(stream)
                yield from ((reader.line_num, row) for row in reader)
            else:
                yield from ((number, as_record(line)) for number, line in enumerate(stream, 1) if line.strip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fault = refused(path, f"cannot be read ({error})", "a CSV or JSONL traffic log", "check traffic.log")
        raise ScenarioFaultsError([fault]) from None


def as_record(line: str) -> Mapping[str, Any]:
    """Return a line's record; a line that is none has no fields, and is a fault where they are looked for."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def column(record: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """Return the first of these names that the record has."""
    return next((name for name in names if name in record), None)


def as_seconds(raw: object) -> float:
    """Return seconds since 1970; a time without a zone counts as UTC. Raises ValueError for anything else."""
    try:
        return float(str(raw))
    except ValueError:
        moment = datetime.fromisoformat(str(raw).strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def as_count(raw: object) -> float:
    """Return a count; raises ValueError for text, and for less than nothing."""
    count = float(str(raw))
    if not 0 <= count < float("inf"):
        raise ValueError(raw)
    return count


def numbers(path: Path, rows: list[tuple[int, Mapping[str, Any]]], name: str, read: Any, wanted: str) -> list[float]:
    """Return one column as numbers; raises ScenarioFaultsError with the first lines that hold none."""
    found: list[float] = []
    bad: list[Fault] = []
    for line, record in rows:
        try:
            found.append(read(record.get(name)))
        except ValueError:
            bad.append(refused(path, f"is {quote(str(record.get(name)))}", wanted, "correct or remove it", line, name))
    if len(bad) > SHOWN:
        bad[SHOWN:] = [
            refused(path, f"and {len(bad) - SHOWN:,} more lines", wanted, "check the format", bad[SHOWN].line)
        ]
    if bad:
        raise ScenarioFaultsError(bad)
    return found


def slices(path: Path, seconds: Floats, width: float, weights: Floats | None = None) -> Floats:
    """Return loads of equally long slices from the first to the last; raises ScenarioFaultsError if too few or many."""
    places = np.floor(seconds / width).astype(np.int64)
    places -= places.min()
    hours = (places.max() + 1) * width / SECONDS_PER_HOUR
    if not HOURS_OF_A_DAY <= hours <= MOST_HOURS:
        wanted = f"{HOURS_OF_A_DAY} to {MOST_HOURS:,} hours"
        raise ScenarioFaultsError([refused(path, f"spans {hours:,.1f} hours", wanted, "check the unit of its times")])
    return np.bincount(places, weights=weights).astype(np.float64)


def from_requests(path: Path, seconds: Floats) -> Log:
    """Return the curve of hours, and what a scaler ten minutes late holds, from one time a request."""
    hourly = slices(path, seconds, SECONDS_PER_HOUR)
    windows = slices(path, seconds, SECONDS_PER_HOUR / WINDOWS_OF_AN_HOUR)
    note = f"{path.name}: {seconds.size:,} requests over {hourly.size:,} hours"
    return Log(curve_of_loads(hourly), held_over_load(windows), note)


def from_hours(path: Path, counts: Floats, seconds: Floats | None) -> Log:
    """Return the curve of hours from their counts; bursts inside an hour stay an assumption."""
    hourly = counts if seconds is None else slices(path, seconds, SECONDS_PER_HOUR, counts)
    if hourly.size < HOURS_OF_A_DAY or not hourly.sum() > 0:
        found = f"has {hourly.size} hours and {hourly.sum():g} tasks"
        wanted = "a day with at least one task"
        raise ScenarioFaultsError([refused(path, found, wanted, "log longer, or name a preset")])
    return Log(curve_of_loads(hourly), None, f"{path.name}: {hourly.sum():,.0f} tasks over {hourly.size:,} hours")
