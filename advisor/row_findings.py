"""What the rows themselves show: which do not count and why, what they hold, and how they lie beside the test set."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from advisor.answer import Answer
from advisor.checks.coverage import gaps, label_counts
from advisor.checks.personal import personal_kinds
from advisor.checks.records import RecordFault, Row
from advisor.checks.sieve import FAULTS, REASONS, Sifted, near_conflicts, said, sift
from advisor.findings import DataFinding, Severity
from advisor.scenario import Data

UNUSABLE_LIMIT_SHARE: Final = (
    0.05  # one row in twenty: past it the source is at fault, not the row (as the plan's gate)
)
EXAMPLES_SHOWN: Final = 5  # line numbers named in a finding
MOSTLY: Final = 0.5  # half: past it the rows stand for what a model says more than for what people say
NO_PERSONAL: Final = "no personal"  # how a scenario's consent says that nothing personal is in the data
LIMITED: Final = frozenset({"unreadable", *FAULTS})
"""Reasons that show a fault of the source: past UNUSABLE_LIMIT_SHARE they block, each or together."""
REMEDIES: Final = {
    "unreadable": "mend or remove these rows",
    "leak": "the run leaves them out",
    "near_leak": "the run leaves them out",
    "conflict": "settle which answer is right; the run leaves out both",
    "duplicate": "they are counted once",
    "invalid_json": "mend the answers, or change quality.metric",
    "secret": "revoke what they hold; the run leaves them out",
    "near_duplicate": "they are counted once",
}
SYNTHETIC_TEST: Final = DataFinding(
    "synthetic_test",
    Severity.WARNS,
    "the test set was written by a model, so it shows agreement with that model",
    "hold out real rows",
)
"""Stated by the scenario, or by every row of the test set itself."""


@dataclass(frozen=True, slots=True)
class Records:
    """What `read_records` found in one file."""

    rows: Sequence[Row]
    faults: Sequence[RecordFault] = ()


class Usable(NamedTuple):
    """The rows that count, every row that does not, and what was found on the way."""

    rows: list[Row]
    sifted: Sifted
    findings: list[DataFinding]


def usable_rows(train: Records, test: Records | None, wants_json: bool) -> Usable:
    """Return the rows that count (advisor.checks.sieve), and a finding for each reason why others do not."""
    tested = test.rows if test else ()
    sifted = sift(train.rows, tested, wants_json=wants_json)
    total = len(train.rows) + len({fault.line for fault in train.faults})
    by_reason: dict[str, list[int]] = {"unreadable": sorted({fault.line for fault in train.faults})}
    for drop in sifted.drops:
        by_reason.setdefault(drop.reason, []).append(train.rows[drop.place].line)
    findings = [dropped(code, lines, total) for code in REMEDIES if (lines := by_reason.get(code))]
    faulty = sum(one.rows for one in findings if one.code in LIMITED)
    if faulty > UNUSABLE_LIMIT_SHARE * total and all(one.severity is not Severity.BLOCKS for one in findings):
        why = f"{faulty} of {total} rows are at fault in one way or another"
        findings.append(DataFinding("faulty", Severity.BLOCKS, why, "mend the source, not the rows", faulty))
    return Usable([train.rows[place] for place in sifted.kept], sifted, findings)


def dropped(code: str, lines: Sequence[int], total: int) -> DataFinding:
    """Return the finding for rows that do not count; a limited reason blocks past UNUSABLE_LIMIT_SHARE."""
    severe = code in LIMITED and len(lines) > UNUSABLE_LIMIT_SHARE * total
    told = f"{len(lines)} of {total} rows {REASONS.get(code, 'cannot be read')}"
    severity = Severity.BLOCKS if severe else Severity.WARNS
    return DataFinding(code, severity, told, REMEDIES[code], len(lines), tuple(lines[:EXAMPLES_SHOWN]))


def held_findings(stated: Data, rows: Sequence[Row], test: Records | None) -> list[DataFinding]:
    """Return what usable rows hold (personal data, model-written text, terms of their own) and miss (coverage)."""
    found = [*label_findings(rows), *personal_findings(stated, rows)]
    found += [*synthetic_findings(stated, rows, test), *licence_findings(stated, rows)]
    beside = gaps(rows, test.rows if test else ())
    return found + [DataFinding(one.code, Severity.WARNS, one.why, one.remedy, one.rows, one.lines) for one in beside]


def label_findings(rows: Sequence[Row]) -> list[DataFinding]:
    """Return the rows of a label set that ask nearly the same under different labels; both stay."""
    pairs = near_conflicts(rows) if label_counts(rows) else []
    if not pairs:
        return []
    lines = sorted({rows[place].line for pair in pairs for place in pair})
    why = f"{len(lines)} rows ask nearly what another asks and have another label"
    remedy = "see whether both labels are right; the run keeps both"
    return [DataFinding("near_conflict", Severity.WARNS, why, remedy, len(lines), tuple(lines[:EXAMPLES_SHOWN]))]


def personal_findings(stated: Data, rows: Sequence[Row]) -> list[DataFinding]:
    """Return how many rows hold personal data, by kind; open where the scenario says that there is none."""
    held = [(row.line, kinds) for row in rows if (kinds := personal_kinds(said(row)))]
    if not held:
        return []
    counts = Counter(kind for _, kinds in held for kind in kinds)
    told = ", ".join(f"{kind} in {count}" for kind, count in counts.most_common())
    why = f"{len(held)} of {len(rows)} rows hold what looks like personal data ({told})"
    lines = tuple(line for line, _ in held[:EXAMPLES_SHOWN])
    if NO_PERSONAL in (stated.consent or "").casefold():
        why = f"data.consent says there is none, but {why}"
        return [DataFinding("personal", Severity.OPEN, why, "replace it, or correct data.consent", len(held), lines)]
    return [DataFinding("personal", Severity.WARNS, why, "replace it by placeholders", len(held), lines)]


def synthetic_findings(stated: Data, rows: Sequence[Row], test: Records | None) -> list[DataFinding]:
    """Return what the records say of themselves: how many a model wrote, in training and in the test set."""
    found: list[DataFinding] = []
    marked = [row for row in rows if row.about.synthetic is not None]
    made = [row for row in marked if row.about.synthetic]
    told = stated.synthetic_share.value
    if made and len(made) > MOSTLY * len(rows) and (told is None or float(told) < MOSTLY):
        why = f"{len(made)} of {len(rows)} rows are marked as written by a model, whose blind spots they share"
        found.append(DataFinding("synthetic", Severity.WARNS, why, "state data.synthetic_share; add real rows"))
    tested = test.rows if test else ()
    if tested and stated.test_is_synthetic is not Answer.YES and all(row.about.synthetic for row in tested):
        found.append(SYNTHETIC_TEST)
    return found


def licence_findings(stated: Data, rows: Sequence[Row]) -> list[DataFinding]:
    """Return the licences that records state themselves, where they are not the one that the scenario states."""
    own = Counter(row.about.licence for row in rows if row.about.licence)
    other = {name: count for name, count in own.items() if name.casefold() not in (stated.licence or "").casefold()}
    if not other:
        return []
    why = f"{sum(other.values())} rows state a licence of their own ({named_counts(other.items())})"
    remedy = "see that each allows training, and name them all in data.licence"
    return [DataFinding("row_licence", Severity.OPEN, why, remedy, sum(other.values()))]


def named_counts(counts: Iterable[tuple[str, int]]) -> str:
    """Return names with their counts, the most frequent first."""
    ordered = sorted(counts, key=lambda pair: -pair[1])[:EXAMPLES_SHOWN]
    return ", ".join(f"{name[:40]}: {count}" for name, count in ordered)


def valid_findings(valid: Records | None, train: Sequence[Row], test: Records | None) -> list[DataFinding]:
    """Return what is wrong with the rows on which settings are chosen: unreadable, or asked on another side too."""
    if valid is None:
        return []
    found: list[DataFinding] = []
    if valid.faults:
        lines = tuple(fault.line for fault in valid.faults[:EXAMPLES_SHOWN])
        why = f"{len(valid.faults)} faults in the validation file"
        found.append(DataFinding("valid_unreadable", Severity.WARNS, why, "mend them", len(valid.faults), lines))
    others = [*train, *(test.rows if test else ())]
    drops = [drop for drop in sift(valid.rows, others).drops if drop.reason in ("leak", "near_leak")]
    if drops:
        lines = tuple(valid.rows[drop.place].line for drop in drops[:EXAMPLES_SHOWN])
        why = f"{len(drops)} of {len(valid.rows)} validation rows ask what training or test rows ask"
        found.append(DataFinding("valid_leak", Severity.WARNS, why, "the run leaves them out", len(drops), lines))
    return found
