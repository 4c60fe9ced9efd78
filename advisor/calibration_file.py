"""Edge: what earlier runs measured, read from the user's data folder; this machine's own name and cores."""

import json
import os
import platform
from pathlib import Path
from typing import Any, Final, cast

from advisor.calibration import Calibration, Machine, matching
from advisor.map import LOCAL

MAJOR: Final = "1."  # records of another major version are of another form, and passed over
NEEDED: Final = ("run_id", "on", "machine", "method", "parameters", "stages", "scenario")


def read_runs(path: Path) -> list[dict[str, Any]]:
    """Return the records of the file, oldest first; a torn or foreign line is passed over. Raises OSError."""
    found: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if usable(document):
            found.append(document)
    return found


def usable(document: object) -> bool:
    """Return whether a line is a record of this version with every name that is needed."""
    if not isinstance(document, dict):
        return False
    record = cast("dict[str, Any]", document)
    machine, stages = record.get("machine"), record.get("stages")
    return (
        str(record.get("format_version", "")).startswith(MAJOR)
        and all(name in record for name in NEEDED)
        and isinstance(machine, dict)
        and {"card", "cards", "host", "cores"} <= set(cast("dict[str, Any]", machine))
        and isinstance(stages, dict)
        and isinstance(record["parameters"], int)
        and record["parameters"] > 0
    )


def recalled(path: Path, card: str, method: str, parameters: float) -> Calibration | None:
    """Return the runs that say something about such a run here; None where there are none. Raises OSError."""
    machine = Machine(None if card == LOCAL else card, platform.node(), os.cpu_count() or 1)
    return matching(read_runs(path), machine, method, parameters)
