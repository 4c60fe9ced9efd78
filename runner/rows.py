"""Record files as the stages take them: through the reader that the advisor's readiness check uses too."""

from pathlib import Path

from advisor.checks.records import RecordFault, read_records
from advisor.checks.records import Row as Record
from advisor.checks.sieve import asked
from runner.curate import Dropped, Row
from runner.engine import Message

EMPTY_WORDS = "is empty"  # how advisor.checks says it; a test holds the two together


def read_rows(path: Path) -> tuple[list[Row], list[Dropped]]:
    """Return the conversations of a file, and one dropped row for each line that holds none. Raises OSError."""
    found, faults = read_records(path)
    records = [record for record in found if writable(record)]
    plain = [
        RecordFault(record.line, "is plain text; wanted a prompt and an answer")
        for record in records
        if len(record.messages) < 2
    ]
    halves = [
        RecordFault(record.line, "holds half of a character pair (a lone surrogate); wanted whole characters")
        for record in found
        if not writable(record)
    ]
    rows = [
        Row(record.line, tuple(Message(role=turn.role, content=turn.content) for turn in record.messages), record.about)
        for record in records
        if len(record.messages) >= 2
    ]
    return rows, by_line([*faults, *halves, *plain])


def writable(record: Record) -> bool:
    """Return whether every text of the record can be written to a file: JSON can escape what UTF-8 cannot hold."""
    try:
        "".join(turn.content for turn in record.messages).encode()
    except UnicodeEncodeError:
        return False
    return True


def by_line(faults: list[RecordFault]) -> list[Dropped]:
    """Return one dropped row a line, with all that is wrong with it."""
    found: dict[int, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.line, []).append(fault.reason)
    return [
        Dropped(line, "empty" if any(EMPTY_WORDS in reason for reason in reasons) else "fault", "; ".join(reasons))
        for line, reasons in sorted(found.items())
    ]


def read_texts(path: Path) -> list[str]:
    """Return the texts of a file of unlabelled records, and of a record with an answer only what is asked.

    An answer (a label, most of all) is learned from the training file, where it is checked. Faulty rows are left out.
    """
    records, _ = read_records(path)
    return [asked(record) for record in records if writable(record)]
