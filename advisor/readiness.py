"""Is there good data: how many rows are usable, what is wrong with the rest, and may it be trained on?

Rule 1  Only rows that can be read, say something new, do not contradict another and are not in the test set count.
        A duplicate never raises readiness.
Rule 2  Under 50 usable rows nothing is trained; 50 to 99 carry a pilot of style or format only; 100 and over may be
        judged on quality. More rows are a larger tier, not a better answer.
Rule 3  A finding blocks (no), leaves open (unknown), or warns; the answer is the worst of them.
Rule 4  Files are counted where there are files; a stated number is believed with a warning; else it is unknown.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from advisor.answer import Answer
from advisor.checks.duplicates import exact_duplicates, folded, label_conflicts, leak, near_duplicates
from advisor.checks.records import RecordFault, Row
from advisor.findings import DataFinding, Readiness, Severity
from advisor.scenario import Data

LEAST_FOR_PILOT: Final = 50  # provider documentation starts tuning at 50 to 100 examples (R030)
LEAST_FOR_QUALITY: Final = 100  # "less than 100 examples probably won't help much" (R030)
UNUSABLE_LIMIT_SHARE: Final = (
    0.05  # one row in twenty: past it the source is at fault, not the row (as the plan's gate)
)
SMALL_TEST_ROWS: Final = 100  # below it the 95 % interval of a rate is wider than ten points either way
PILOT_GOALS: Final = frozenset({"style", "format"})
EXAMPLES_SHOWN: Final = 5  # line numbers named in a finding

TIERS: Final = (
    (50_000, "large"),
    (10_000, "ample"),
    (1_000, "typical"),
    (LEAST_FOR_QUALITY, "minimum"),
    (LEAST_FOR_PILOT, "pilot"),
    (0, "blocked"),
)
"""Fewest usable rows of each tier (R030, R031)."""


@dataclass(frozen=True, slots=True)
class Records:
    """What `read_records` found in one file."""

    rows: Sequence[Row]
    faults: Sequence[RecordFault] = ()


def tier_of(usable_rows: int | None) -> str:
    """Return the tier of a number of usable rows; `unknown` for None."""
    if usable_rows is None:
        return "unknown"
    return next(name for fewest, name in TIERS if usable_rows >= fewest)


def assess(
    stated: Data,
    goals: Sequence[str],
    train: Records | None = None,
    test: Records | None = None,
    wants_json: bool = False,
) -> Readiness:
    """Return the readiness of the data a scenario states, and of its files where they were read.

    `wants_json`: every answer must be JSON (metric json_match).
    """
    usable, findings = counted(stated, train, test, wants_json)
    findings += stated_findings(stated) + size_findings(usable, goals)
    return Readiness(answer_of(findings), tier_of(usable), usable, tuple(findings))


def answer_of(findings: Sequence[DataFinding]) -> Answer:
    """Return no if anything blocks, else unknown if anything is open, else yes (Rule 3)."""
    severities = {finding.severity for finding in findings}
    if Severity.BLOCKS in severities:
        return Answer.NO
    return Answer.UNKNOWN if Severity.OPEN in severities else Answer.YES


def counted(
    stated: Data, train: Records | None, test: Records | None, wants_json: bool
) -> tuple[int | None, list[DataFinding]]:
    """Return the usable rows and what was found on the way: from files, else as stated, else unknown (Rule 4)."""
    if train is not None:
        usable, findings = usable_rows(train, test, wants_json)
        return len(usable), findings + test_findings(test)
    rows = stated.rows.low if stated.rows.low is not None else stated.rows.value
    if rows is None:
        why = "neither a training file nor a number of rows was stated"
        return None, [DataFinding("no_data", Severity.OPEN, why, "name data.train, or state data.rows")]
    why = f"{int(rows)} rows are stated (the low end counts) and none was looked at"
    return int(rows), [DataFinding("unchecked", Severity.WARNS, why, "name the file as data.train")]


def size_findings(usable: int | None, goals: Sequence[str]) -> list[DataFinding]:
    """Return what the number of usable rows means for these goals (Rule 2)."""
    if usable is None or usable >= LEAST_FOR_QUALITY:
        return []
    collect = f"collect {LEAST_FOR_QUALITY - usable} more different rows"
    if usable < LEAST_FOR_PILOT:
        why = f"{usable} usable rows; under {LEAST_FOR_PILOT} nothing is learned that a prompt could not say"
        return [DataFinding("too_few", Severity.BLOCKS, why, collect)]
    if goals and PILOT_GOALS.issuperset(goals):
        why = f"{usable} usable rows carry a pilot of style or format, and no claim of quality"
        return [DataFinding("pilot_only", Severity.WARNS, why, collect)]
    why = f"{usable} usable rows; under {LEAST_FOR_QUALITY} tuning seldom helps beyond style and format"
    return [DataFinding("too_few", Severity.BLOCKS, why, collect)]


def stated_findings(stated: Data) -> list[DataFinding]:
    """Return what is missing or doubtful in what the scenario says about its data."""
    found: list[DataFinding] = []
    if stated.licence is None:
        why = "no licence is stated, so it is not known whether training is allowed"
        found.append(DataFinding("licence", Severity.OPEN, why, "state data.licence"))
    if stated.consent is None:
        why = "it is not stated on what ground people's words may be used"
        found.append(DataFinding("consent", Severity.OPEN, why, "state data.consent, for example: no personal data"))
    if stated.test_is_synthetic is Answer.YES:
        why = "the test set was written by a model, so it shows agreement with that model"
        found.append(DataFinding("synthetic_test", Severity.WARNS, why, "hold out real rows"))
    return found


def test_findings(test: Records | None) -> list[DataFinding]:
    """Return what is wrong with the held-out set."""
    if test is None:
        why = "no rows are held out, so nothing can be shown afterwards"
        return [DataFinding("no_test", Severity.OPEN, why, "put rows aside as data.test before looking at them")]
    found: list[DataFinding] = []
    if test.faults:
        why = f"{len(test.faults)} test rows cannot be read"
        lines = tuple(fault.line for fault in test.faults[:EXAMPLES_SHOWN])
        found.append(DataFinding("test_unreadable", Severity.BLOCKS, why, "mend these rows", len(test.faults), lines))
    if len(test.rows) < SMALL_TEST_ROWS:
        why = f"{len(test.rows)} test rows leave an interval wider than ten points either way"
        found.append(DataFinding("small_test", Severity.WARNS, why, f"hold out {SMALL_TEST_ROWS} rows or more"))
    return found


def usable_rows(train: Records, test: Records | None, wants_json: bool) -> tuple[list[Row], list[DataFinding]]:
    """Return the rows that count (Rule 1), and a finding for each reason why others do not."""
    total = len(train.rows) + len(train.faults)
    rows = list(train.rows)
    findings: list[DataFinding] = []
    unreadable = [fault.line for fault in train.faults]
    findings += dropped("unreadable", unreadable, total, limited=True)
    for code, limited, find in SIEVE:
        out = find(rows, test, wants_json)
        findings += dropped(code, [rows[place].line for place in sorted(out)], total, limited)
        rows = [row for place, row in enumerate(rows) if place not in out]
    return rows, findings


def dropped(code: str, lines: Sequence[int], total: int, limited: bool) -> list[DataFinding]:
    """Return the finding for rows that do not count; a limited reason blocks past UNUSABLE_LIMIT_SHARE."""
    if not lines:
        return []
    why, remedy = REASONS[code]
    severe = limited and len(lines) > UNUSABLE_LIMIT_SHARE * total
    severity = Severity.BLOCKS if severe else Severity.WARNS
    told = f"{len(lines)} of {total} rows {why}"
    return [DataFinding(code, severity, told, remedy, len(lines), tuple(lines[:EXAMPLES_SHOWN]))]


def said(row: Row) -> str:
    """Return the whole of a row as one text."""
    return f"{row.prompt}\n{row.answer}"


def asked(row: Row) -> str:
    """Return what a row asks; for plain text, all it says."""
    return row.prompt or row.answer


def duplicate_places(rows: Sequence[Row], test: Records | None, wants_json: bool) -> set[int]:
    """Return the places of rows that repeat an earlier one."""
    return {again.row for again in exact_duplicates([folded(said(row)) for row in rows])}


def conflicting_places(rows: Sequence[Row], test: Records | None, wants_json: bool) -> set[int]:
    """Return the places of rows that ask the same and answer differently: nobody knows which is right."""
    places = [place for place, row in enumerate(rows) if row.prompt]
    groups = label_conflicts([rows[place].prompt for place in places], [rows[place].answer for place in places])
    return {places[inner] for group in groups for inner in group}


def invalid_json_places(rows: Sequence[Row], test: Records | None, wants_json: bool) -> set[int]:
    """Return the places of rows whose answer is not JSON, where JSON is the task."""
    return {place for place, row in enumerate(rows) if wants_json and not is_json(row.answer)}


def is_json(text: str) -> bool:
    """Return True if the text is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def leaking_places(rows: Sequence[Row], test: Records | None, wants_json: bool) -> set[int]:
    """Return the places of rows that ask what the test set asks, in the same words or nearly."""
    if test is None:
        return set()
    return {found.row for found in leak([asked(row) for row in rows], [asked(row) for row in test.rows])}


def near_places(rows: Sequence[Row], test: Records | None, wants_json: bool) -> set[int]:
    """Return the places of rows that nearly repeat an earlier one."""
    return {found.row for found in near_duplicates([said(row) for row in rows])}


Sieve = Callable[[Sequence[Row], Records | None, bool], set[int]]

SIEVE: Final[tuple[tuple[str, bool, Sieve], ...]] = (
    ("duplicate", False, duplicate_places),
    ("conflict", True, conflicting_places),
    ("invalid_json", True, invalid_json_places),
    ("leak", False, leaking_places),
    ("near_duplicate", False, near_places),
)
"""Reason, whether it blocks past the limit, and who finds it; in this order, so that each row is dropped once."""

REASONS: Final = {
    "unreadable": ("cannot be read", "mend or remove these rows"),
    "duplicate": ("repeat an earlier row word for word", "they are counted once"),
    "conflict": ("ask the same as another and answer differently", "settle which answer is right"),
    "invalid_json": ("answer with something that is not JSON", "mend the answers, or change quality.metric"),
    "leak": ("ask what the test set asks", "the run leaves out those that match word for word; remove the near ones"),
    "near_duplicate": ("nearly repeat an earlier row", "they are counted once"),
}
"""Reason to (what the rows do, remedy)."""
