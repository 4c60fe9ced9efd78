"""`run report DIR --out FILE`: the same report as a page, Markdown, rows, FOCUS rows or JSON; writes the files."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

from runner.disk import write_atomic
from runner.report_csv import render as csv_rows
from runner.report_focus import render as focus
from runner.report_html import render as html
from runner.report_sections import markdown

Report = dict[str, Any]


def as_json(report: Report) -> str:
    """Return the report as JSON text."""
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


FORMS: Final[dict[str, Callable[[Report], str]]] = {
    ".html": html,
    ".md": markdown,
    ".json": as_json,
    ".csv": csv_rows,
    ".focus.csv": focus,
}
"""How a file's name ends, and what it then holds; the longest ending wins. `focus.csv` alone is one too."""


def form_of(path: Path) -> Callable[[Report], str] | None:
    """Return what makes a file of this name, or None for an ending we do not know."""
    name = f".{path.name.lower()}"
    return FORMS.get(max((ending for ending in FORMS if name.endswith(ending)), key=len, default=""))


def odd(paths: Sequence[Path]) -> list[str]:
    """Return the files whose ending we do not know."""
    return [str(path) for path in paths if form_of(path) is None]


def written(report: Report, paths: Sequence[Path]) -> list[str]:
    """Write every file; returns a sentence each. Raises OSError, and ReportFaultError where a form has no row."""
    said: list[str] = []
    for path in paths:
        make = form_of(path)
        if make is not None:
            content = made(make, report, path)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content)
            said.append(f"written: {path}")
    return said


def made(make: Callable[[Report], str], report: Report, path: Path) -> bytes:
    """Return a file's content; raises ReportFaultError where the form has nothing to say."""
    try:
        return make(report).encode()
    except ValueError as fault:
        message = f"{path} not written: {fault}"
        raise ReportFaultError(message) from None


def kept_report(path: Path) -> Report:
    """Return the report that an earlier `report.json` holds. Raises OSError and ReportFaultError."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        message = f"{path}: {fault}; wanted the report.json of a run"
        raise ReportFaultError(message) from None
    missing = [name for name in NAMES if name not in found] if isinstance(found, dict) else list(NAMES)
    if missing:
        message = f"{path}: no report that this version reads, it lacks {', '.join(missing)}; name the run's folder"
        raise ReportFaultError(message)
    return cast(Report, found)


class ReportFaultError(ValueError):
    """A report that cannot be read, or a form that has nothing to say; the message has the next step."""


NAMES: Final = ("plan_id", "comparisons", "money", "totals", "attempts", "machine", "prices", "waste", "curves")
"""What tells a report of this version from another file."""
