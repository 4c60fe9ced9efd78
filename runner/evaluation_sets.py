"""What a model is asked beside the locked test: the base's prompt, a hosted model's answers, safety and general texts.

A prompt file is one record: a conversation goes before the question as turns, a plain text before it in the same turn.
A file of hosted answers has {"answer": ...} a line, in the order of the test rows. The other two have a text a row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.checks.records import read_records
from advisor.plan import DataRef, FileRef
from runner.disk import split_lines
from runner.engine import Message
from runner.evaluate import LockedRow
from runner.refusal import MAKE_AGAIN, Refusal, RefusedError
from runner.rows import read_texts

SHIPPED = Path(__file__).parent / "data"  # 24 everyday texts and 30 requests to refuse, written for this program


@dataclass(frozen=True, slots=True)
class Sets:
    """Turns or a text to put before the base's questions, hosted answers by test row, safety and general texts."""

    turns: tuple[Message, ...]
    text: str
    hosted: list[str] | None
    safety: list[str]
    general: list[str]

    @property
    def has_prompt(self) -> bool:
        """Whether there is anything to put before a question."""
        return bool(self.turns or self.text)

    def prompted(self, rows: Sequence[LockedRow]) -> list[LockedRow]:
        """Return the rows with the prompt before each question."""
        return [LockedRow((*self.turns, *opened(row.prompt, self.text)), row.expected) for row in rows]


def opened(prompt: Sequence[Message], text: str) -> tuple[Message, ...]:
    """Return a prompt whose last turn begins with `text`."""
    if not text:
        return tuple(prompt)
    last = prompt[-1]
    return (*prompt[:-1], Message(role=last["role"], content=f"{text}\n\n{last['content']}"))


def read_sets(data: DataRef, root: Path, test_rows: int) -> Sets:
    """Return the sets of a plan whose files lie below `root`. Raises RefusedError with every fault at once."""
    faults: list[Refusal] = []
    turns, text = read_prompt(data.prompt, root, faults)
    hosted = read_hosted(data.hosted, root, test_rows, faults)
    safety, general = (
        read_texts(SHIPPED / name if ref is None else root / ref.path)
        for name, ref in (("safety_prompts.jsonl", data.safety), ("general_texts.jsonl", data.general))
    )
    for ref, found in ((data.safety, safety), (data.general, general)):
        if ref is not None and not found:
            faults.append(Refusal("sets", f"{ref.path} holds no text; wanted one a row", MAKE_AGAIN))
    if faults:
        raise RefusedError(faults)
    return Sets(turns, text, hosted, safety, general)


def read_prompt(ref: FileRef | None, root: Path, faults: list[Refusal]) -> tuple[tuple[Message, ...], str]:
    """Return the turns or the text to put before a question; a fault is added to `faults`."""
    if ref is None:
        return (), ""
    records, wrong = read_records(root / ref.path)
    if len(records) != 1 or wrong:
        found = "; ".join([f"{len(records)} records", *(f"line {one.line} {one.reason}" for one in wrong[:3])])
        remedy = 'write one record: {"text": ...} or {"messages": [...]}, and make the plan again'
        faults.append(Refusal("prompt", f"{ref.path} holds {found}", remedy))
        return (), ""
    turns = tuple(Message(role=turn.role, content=turn.content) for turn in records[0].messages)
    return ((), turns[0]["content"]) if len(turns) == 1 else (turns, "")


def read_hosted(ref: FileRef | None, root: Path, test_rows: int, faults: list[Refusal]) -> list[str] | None:
    """Return a hosted model's answer to each test row; a fault is added to `faults`."""
    if ref is None:
        return None
    answers: list[str] = []
    before = len(faults)
    for number, line in enumerate(split_lines((root / ref.path).read_bytes()), start=1):
        try:
            answers.append(str(json.loads(line)["answer"]))
        except (ValueError, KeyError, TypeError):
            faults.append(Refusal("hosted", f"{ref.path}:{number} has no answer", 'write {"answer": ...} a line'))
    if len(faults) == before and len(answers) != test_rows:
        found = f"{ref.path} has {len(answers)} answers to {test_rows} test rows"
        faults.append(Refusal("hosted", found, "record one answer for each test row, in their order"))
    return answers
