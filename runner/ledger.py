"""The ledger: what happened in a run, one JSON line each, append-only, every line chained to the one before.

Rule 1  A line carries its number, and a sha256 over the checksum before it and everything else in the line; the first
        is chained to the plan's id. A changed, lost, doubled or moved line breaks the chain.
Rule 2  Only the last line may be torn (no newline, or not JSON): it is moved to `ledger.jsonl.torn`, and counted.
Rule 3  Amounts are Decimal written as text. `at` is seconds since the attempt's first billed second; `wall` is a label.
Rule 4  Every line is written at once; all but steps and heartbeats are on the disk before the call returns, and those
        wait at most a second: a killed process loses nothing, a power cut at most that second.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, cast

from advisor.plan import canonical_json
from runner.disk import AppendFile, set_aside_tail, split_lines

Event = Literal[
    "attempt_started",
    "engine_ready",
    "stage_started",
    "training_started",
    "step",
    "rows",
    "checkpoint",
    "evaluation",
    "heartbeat",
    "note",
    "limit",
    "limit_raised",
    "verdict",
    "stage_committed",
    "attempt_ended",
]
LAZY_EVENTS = frozenset({"step", "rows", "heartbeat"})
FLUSH_SECONDS = Decimal(1)  # Rule 4
MILLISECOND = Decimal("0.001")


class LedgerFaultError(ValueError):
    """The ledger does not hold together; the message names the line, what was found and the next step."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `at` is in seconds of its attempt; `data` holds numbers, text and amounts as text."""

    seq: int
    attempt: int
    at: Decimal
    wall: str
    event: Event
    data: dict[str, Any]


def checksum(previous: str, body: dict[str, Any]) -> str:
    """Return the line's checksum: sha256 over the previous checksum and the line without its own (Rule 1)."""
    return hashlib.sha256(previous.encode() + canonical_json(body)).hexdigest()


def body_of(entry: Entry) -> dict[str, Any]:
    """Return the entry as plain JSON, without its checksum."""
    return {
        "seq": entry.seq,
        "attempt": entry.attempt,
        "at": str(entry.at),
        "wall": entry.wall,
        "event": entry.event,
        "data": entry.data,
    }


def encode(previous: str, entry: Entry) -> tuple[bytes, str]:
    """Return the entry's line and the checksum the next one is chained to."""
    body = body_of(entry)
    sha = checksum(previous, body)
    return json.dumps({**body, "sha": sha}, ensure_ascii=False, allow_nan=False).encode() + b"\n", sha


@dataclass(frozen=True, slots=True)
class Reading:
    """A ledger read: its entries, the checksum to go on from, and how many bytes are whole (the rest is torn)."""

    entries: tuple[Entry, ...]
    sha: str
    good_bytes: int


def decode(content: bytes, plan_id: str) -> Reading:
    """Return the entries of a ledger's bytes; a torn last line is left out. Raises LedgerFaultError."""
    entries: list[Entry] = []
    previous, good = plan_id, 0
    for line in split_lines(content):
        document = parse_line(line)
        if document is None:
            if good + len(line) != len(content):
                raise LedgerFaultError(fault(len(entries) + 1, "is not a ledger line"))
            break
        sha = document.pop("sha", None)
        if sha != checksum(previous, document) or document.get("seq") != len(entries) + 1:
            raise LedgerFaultError(fault(len(entries) + 1, "does not follow from the line before it"))
        entries.append(entry_of(document, len(entries) + 1))
        previous, good = str(sha), good + len(line)
    return Reading(tuple(entries), previous, good)


def entry_of(document: dict[str, Any], line: int) -> Entry:
    """Return the entry a line's JSON holds. Raises LedgerFaultError where a name is missing or strange."""
    try:
        fields: dict[str, Any] = {**document, "at": Decimal(document["at"])}
        return Entry(**fields)
    except (TypeError, KeyError, InvalidOperation):
        raise LedgerFaultError(fault(line, "lacks a name of an entry, or has one too many")) from None


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the line as a JSON object; None if it is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def fault(line: int, found: str) -> str:
    """Return the sentence for a ledger that does not hold together."""
    return (
        f"ledger.jsonl:{line}  {found}; wanted the chain this run wrote. Restore the file from a copy, "
        "or start again in a new --dir: money already spent cannot be shown from this one"
    )


def read(path: Path, plan_id: str) -> Reading:
    """Return the ledger at `path` without touching it; empty if there is none. Raises LedgerFaultError."""
    return decode(path.read_bytes() if path.exists() else b"", plan_id)


class Ledger:
    """The open ledger of one attempt. Opening repairs a torn last line; `torn` tells how many bytes were set aside."""

    def __init__(self, path: Path, plan_id: str) -> None:
        reading = read(path, plan_id)
        self.torn = path.stat().st_size - reading.good_bytes if path.exists() else 0
        if self.torn:
            set_aside_tail(path, reading.good_bytes)
        self.entries = list(reading.entries)
        self._sha = reading.sha
        self._file = AppendFile(path)
        self._flushed_at = Decimal(0)
        self.attempt = 1 + max((entry.attempt for entry in self.entries), default=0)

    def append(self, event: Event, at_seconds: Decimal, wall: str, data: dict[str, Any]) -> Entry:
        """Write one entry (Rule 4) and return it. Raises ContendedError if somebody else writes to the file."""
        entry = Entry(len(self.entries) + 1, self.attempt, at_seconds, wall, event, data)
        line, sha = encode(self._sha, entry)
        durable = event not in LAZY_EVENTS or at_seconds - self._flushed_at >= FLUSH_SECONDS
        self._file.append(line, durable)
        self._sha = sha
        if durable:
            self._flushed_at = at_seconds
        self.entries.append(entry)
        return entry

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        self._file.close()


def unique(entries: Iterable[Entry]) -> list[Entry]:
    """Return each entry once, by its number, in order: replaying a ledger twice changes nothing."""
    return [entry for _, entry in sorted({entry.seq: entry for entry in entries}.items())]
