"""What `run ab` prints: results read, terms found, the decision. No command-line library here."""

import json
from pathlib import Path
from typing import Any, Final

from runner.ab_judge import BAD_NEWS, Terms, default_terms, judge, terms_of
from runner.ab_page import reading_json, reading_sections
from runner.ab_results import ResultFaultsError, read_results
from runner.admission import EXIT_ANSWERED, EXIT_REFUSED
from runner.render import markdown_of, tables_of

PLAN_FILE: Final = "abplan/abplan.json"
DEFAULT_MARGIN: Final = 0.02  # two points, as the scenario's own default: a loss that few users notice


def plan_terms(place: Path) -> Terms:
    """Return the terms in a run folder, or in a plan file itself. Raises OSError, ResultFaultsError."""
    path = place / PLAN_FILE if place.is_dir() else place
    try:
        return terms_of(json.loads(path.read_bytes()))
    except (KeyError, TypeError, ValueError):
        message = f"{path.name} is not the plan of a test; wanted a run folder with {PLAN_FILE}, or that file"
        raise ResultFaultsError([message]) from None


def ab_text(
    results: Path,
    place: Path | None,
    margin: float | None,
    slow_ms: float | None,
    form: str,
    columns: int,
    colour: bool,
) -> tuple[int, str]:
    """Return the exit code and what the results say. Raises OSError, ResultFaultsError.

    Without a plan, terms follow from `margin` and the control arm; `slow_ms` given here replaces the plan's limit.
    """
    arms = read_results(results)
    terms = default_terms(arms, margin or DEFAULT_MARGIN) if place is None else plan_terms(place)
    if slow_ms is not None:
        terms = terms._replace(latency_limit_ms=slow_ms)
    reading = judge(arms, terms)
    code = EXIT_REFUSED if reading.decision in BAD_NEWS else EXIT_ANSWERED
    if form == "json":
        document: dict[str, Any] = {"results": results.name, **reading_json(reading, terms)}
        return code, json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    found = reading_sections(reading, terms, results.name)
    return code, markdown_of(found) if form == "markdown" else tables_of(found, columns, colour)
