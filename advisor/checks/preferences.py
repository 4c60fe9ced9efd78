"""Preference pairs: a prompt with a better and a worse answer (R038), each as messages. Pure but for the reading.

Rule 1  `chosen` and `rejected` are each an answer, or a whole conversation; without `prompt` the turns that both begin
        with are the prompt.
Rule 2  The two answers differ: a pair of equals teaches nothing. A prompt ends with the user.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from advisor.checks.records import RecordFault, records_of
from advisor.checks.shapes import Message, RecordError, content_faults, order_faults, turns

PAIR = frozenset({"chosen", "rejected"})
"""The names that make a record a pair."""


class Pair(NamedTuple):
    """One usable pair: the line it starts on, the turns before the answer, the better answer and the worse one."""

    line: int
    prompt: tuple[Message, ...]
    chosen: str
    rejected: str


def as_turns(record: Mapping[str, Any], name: str, role: str) -> tuple[list[Message], list[str]]:
    """Return a field of a pair as turns, text being one turn of this role, and its faults; nothing if it is absent."""
    value = record.get(name)
    if name not in record:
        return [], []
    return ([Message(role, value)], []) if isinstance(value, str) else turns(value, name)


def pair_of(line: int, record: Any) -> Pair:
    """Return the pair of a record; raises RecordError with every fault."""
    if isinstance(record, RecordError):
        raise record
    if not isinstance(record, dict):
        raise RecordError([f"is {type(record).__name__}; wanted an object"])
    named = cast("dict[str, Any]", record)
    missing = sorted(PAIR - named.keys())
    if missing:
        raise RecordError([f"has no {' and no '.join(missing)}; wanted prompt, chosen and rejected"])
    prompt, faults = as_turns(named, "prompt", "user")
    chosen, more = as_turns(named, "chosen", "assistant")
    rejected, rest = as_turns(named, "rejected", "assistant")
    faults += more + rest
    if faults:
        raise RecordError(faults)
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    if chosen[:shared] != prompt:
        prompt = [*prompt, *chosen[:shared]]
    return checked(
        Pair(line, tuple(prompt), chosen[-1].content, rejected[-1].content), chosen[shared:], rejected[shared:]
    )


def checked(pair: Pair, chosen: list[Message], rejected: list[Message]) -> Pair:
    """Return the pair, whose answers were these turns; raises RecordError with every fault (Rule 2)."""
    faults: list[str] = []
    for name, answer in (("chosen", chosen), ("rejected", rejected)):
        if len(answer) != 1:
            faults.append(f"{name} goes on for {len(answer)} turns after the prompt; wanted one answer")
        said = [*pair.prompt, *answer]
        faults += [f"with {name}: {fault}" for fault in content_faults(said) or order_faults(said)]
    if pair.chosen.strip() == pair.rejected.strip():
        faults.append("chosen equals rejected; wanted a better and a worse answer")
    if faults:
        raise RecordError(faults)
    return pair


def read_pairs(path: Path) -> tuple[list[Pair], list[RecordFault]]:
    """Return the usable pairs of a file and every fault, each by line; raises OSError if the file cannot be read."""
    pairs: list[Pair] = []
    faults: list[RecordFault] = []
    for line, record in records_of(path):
        try:
            pairs.append(pair_of(line, record))
        except RecordError as error:
            faults.extend(RecordFault(line, reason) for reason in error.faults)
    return pairs, sorted(faults)


def holds_pairs(path: Path) -> bool:
    """Return True if the first record that can be read is a preference pair; raises OSError."""
    for _, record in records_of(path):
        if isinstance(record, dict):
            return bool(PAIR & cast("dict[str, Any]", record).keys())
    return False
