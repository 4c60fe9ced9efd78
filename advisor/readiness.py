"""Is there good data: how many rows are usable, what is wrong with the rest, and may it be trained on?

Rule 1  Only rows that can be read, say something new, do not contradict another and are not in the test set count.
        A duplicate never raises readiness.
Rule 2  Under 50 usable rows nothing is trained; 50 to 99 carry a pilot of style or format only; 100 and over may be
        judged on quality. More rows are a larger tier, not a better answer.
Rule 3  A finding blocks (no), leaves open (unknown), or warns; the answer is the worst of them.
Rule 4  Files are counted where there are files; a stated number is believed with a warning; else it is unknown.
"""

from collections.abc import Sequence
from typing import Final

from advisor.answer import Answer
from advisor.findings import DataFinding, Readiness, Severity
from advisor.row_findings import (
    EXAMPLES_SHOWN,
    SYNTHETIC_TEST,
    Records,
    Usable,
    held_findings,
    usable_rows,
    valid_findings,
)
from advisor.scenario import Data

LEAST_FOR_PILOT: Final = 50  # provider documentation starts tuning at 50 to 100 examples (R030)
LEAST_FOR_QUALITY: Final = 100  # "less than 100 examples probably won't help much" (R030)
SMALL_TEST_ROWS: Final = 100  # below it the 95 % interval of a rate is wider than ten points either way
PILOT_GOALS: Final = frozenset({"style", "format"})

TIERS: Final = (
    (50_000, "large"),
    (10_000, "ample"),
    (1_000, "typical"),
    (LEAST_FOR_QUALITY, "minimum"),
    (LEAST_FOR_PILOT, "pilot"),
    (0, "blocked"),
)
"""Fewest usable rows of each tier (R030, R031)."""


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
    valid: Records | None = None,
) -> Readiness:
    """Return the readiness of the data a scenario states, and of its files where they were read.

    `wants_json`: every answer must be JSON (metric json_match).
    """
    if train is not None:
        return assess_rows(stated, goals, usable_rows(train, test, wants_json), test, valid)
    rows, findings = believed(stated)
    return judged(stated, goals, rows, findings)


def assess_rows(
    stated: Data,
    goals: Sequence[str],
    usable: Usable,
    test: Records | None,
    valid: Records | None = None,
    more: Sequence[DataFinding] = (),
) -> Readiness:
    """Return the readiness of rows that were sifted already (usable_rows), with what else was found about them."""
    found = [*more, *usable.findings, *held_findings(stated, usable.rows, test), *test_findings(test)]
    return judged(stated, goals, len(usable.rows), found + valid_findings(valid, usable.rows, test))


def judged(stated: Data, goals: Sequence[str], usable: int | None, findings: Sequence[DataFinding]) -> Readiness:
    """Return the readiness of so many usable rows, with what the scenario states and what was found before."""
    every = (*findings, *stated_findings(stated), *size_findings(usable, goals))
    return Readiness(answer_of(every), tier_of(usable), usable, every)


def answer_of(findings: Sequence[DataFinding]) -> Answer:
    """Return no if anything blocks, else unknown if anything is open, else yes (Rule 3)."""
    severities = {finding.severity for finding in findings}
    if Severity.BLOCKS in severities:
        return Answer.NO
    return Answer.UNKNOWN if Severity.OPEN in severities else Answer.YES


def believed(stated: Data) -> tuple[int | None, list[DataFinding]]:
    """Return the number of rows as stated, else unknown, and what that is worth (Rule 4)."""
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
        found.append(SYNTHETIC_TEST)
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
