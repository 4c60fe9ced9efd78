"""Edge: the user's own file of what runs measured: JSON lines, one a run, only ever appended to."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from advisor.plan import Plan
from pricing.places import calibration_file
from runner import ledger
from runner.calibrate import record_of
from runner.disk import fsync_directory, host_name, split_lines
from runner.folder import RunFolder


def keep(home: RunFolder, plan: Plan, report: Mapping[str, Any], day: str) -> str:
    """Append the finished run's record and return a sentence; empty where the user keeps none. Never raises OSError.

    A run that is recorded already is not recorded again.
    """
    path = calibration_file()
    if path is None:
        return ""
    entries = ledger.read(home.ledger, plan.plan_id).entries
    record = record_of(plan, entries, report["comparisons"], host_name(), os.cpu_count() or 1, day)
    try:
        append(path, record)
    except OSError as error:
        return f"what this run measured was not kept: {error}"
    return f"what this run measured is kept in {path} for the next advice (CROSSOVER_CALIBRATION=none keeps nothing)"


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Write one line at the end and wait for the disk; a torn last line of before is ended first."""
    own = record["run_id"], record["started"]
    if any((one["run_id"], one.get("started")) == own for one in read_records(path)):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with path.open("ab") as handle:
        handle.write(line if before.endswith(b"\n") or not before else b"\n" + line)
        handle.flush()
        os.fsync(handle.fileno())
    fsync_directory(path.parent)


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records in the order they were written; a line that is no record is passed over."""
    if not path.exists():
        return []
    found: list[dict[str, Any]] = []
    for line in split_lines(path.read_bytes()):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict) and "run_id" in document:
            found.append(cast("dict[str, Any]", document))
    return found
