"""Records -> curated messages. Every row that is not trained on is counted with its reason and listed; pure.

Rule 1  The test set is never changed: where a training row and a test row ask the same, the training row goes.
Rule 2  Of equal rows the first stays. Of rows that ask the same and answer differently none stays: nobody knows
        which is right.
Rule 3  Within the training set texts are the same if they agree but for white space. Against the test set case and
        sentence punctuation do not count either (signs that calculate or name, such as - * / % # @ &, do).
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.engine import Message

REASONS = {
    "fault": "could not be read as a conversation",
    "empty": "prompt or answer is empty",
    "leak": "asks what a test row asks",
    "duplicate": "equals an earlier row",
    "conflict": "asks the same as another row, and is answered differently",
    "over_long": "is longer than max_length; its end of turn would never be learned",
}
SIGNS_THAT_COUNT = frozenset("-*/%#@&_")


@dataclass(frozen=True, slots=True)
class Row:
    """One record as a conversation that ends in the answer; `line` is its place in the file."""

    line: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """One row left out: its line, the reason's name, and what exactly was found."""

    line: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Curated:
    """What is trained on, and what is not."""

    kept: tuple[Row, ...]
    dropped: tuple[Dropped, ...]

    def counts(self) -> dict[str, int]:
        """Return how many rows were dropped, by reason, every reason named."""
        counted = Counter(dropped.reason for dropped in self.dropped)
        return {reason: counted[reason] for reason in REASONS}


def spaced(text: str) -> str:
    """Return the text with every run of white space as one blank."""
    return " ".join(text.split())


def normalised(text: str) -> str:
    """Return the text as it is compared with the test set (Rule 3); one of punctuation only stays as it is."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(" " if is_punctuation(sign) else sign for sign in folded)
    return spaced(bare) or spaced(folded)


def is_punctuation(sign: str) -> bool:
    """Return whether the character only structures a sentence."""
    return unicodedata.category(sign).startswith("P") and sign not in SIGNS_THAT_COUNT


def prompt_key(messages: Sequence[Message], compared: Callable[[str], str]) -> str:
    """Return what a conversation asks, for comparing: all turns but the answer, roles included."""
    return "\x1f".join(f"{turn['role']}\x1e{compared(turn['content'])}" for turn in messages[:-1])


def answer_key(messages: Sequence[Message]) -> str:
    """Return the answer, for comparing; only white space at the ends is apart: case may be what is asked for."""
    return messages[-1]["content"].strip()


def conflicts(rows: Sequence[Row]) -> set[str]:
    """Return the prompts that are answered in more than one way."""
    answers: dict[str, set[str]] = {}
    for row in rows:
        answers.setdefault(prompt_key(row.messages, spaced), set()).add(answer_key(row.messages))
    return {prompt for prompt, given in answers.items() if len(given) > 1}


def curate(rows: Sequence[Row], test: Sequence[Row]) -> Curated:
    """Return the training rows that stay beside this test set, and why the others do not (length not looked at)."""
    dropped: list[Dropped] = []
    asked_in_test = {prompt_key(row.messages, normalised): row.line for row in test}
    leaks = {row.line: asked_in_test.get(prompt_key(row.messages, normalised)) for row in rows}
    unclear = conflicts([row for row in rows if leaks[row.line] is None])
    first: dict[tuple[str, str], int] = {}
    kept: list[Row] = []
    for row in rows:
        prompt, answer = prompt_key(row.messages, spaced), answer_key(row.messages)
        if leaks[row.line] is not None:
            dropped.append(Dropped(row.line, "leak", f"asks what test line {leaks[row.line]} asks"))
        elif prompt in unclear:
            dropped.append(Dropped(row.line, "conflict", REASONS["conflict"]))
        elif (prompt, answer) in first:
            dropped.append(Dropped(row.line, "duplicate", f"equals line {first[prompt, answer]}"))
        else:
            first[prompt, answer] = row.line
            kept.append(row)
    return Curated(tuple(kept), tuple(sorted(dropped, key=lambda one: one.line)))


def fit_length(curated: Curated, row_tokens: Sequence[int], max_length_tokens: int) -> Curated:
    """Return the curated rows without those longer than `max_length_tokens`; `row_tokens` goes with `kept`."""
    kept: list[Row] = []
    dropped = list(curated.dropped)
    for row, tokens in zip(curated.kept, row_tokens, strict=True):
        if tokens > max_length_tokens:
            dropped.append(Dropped(row.line, "over_long", f"{tokens} tokens, max_length is {max_length_tokens}"))
        else:
            kept.append(row)
    return Curated(tuple(kept), tuple(sorted(dropped, key=lambda one: one.line)))


def unique_texts(texts: Sequence[str], test: Sequence[Row]) -> list[str]:
    """Return the unlabelled texts once each, without empty ones and without those a test row asks."""
    asked = {normalised(turn["content"]) for row in test for turn in row.messages[:-1]}
    seen: set[str] = set(asked)
    kept: list[str] = []
    for text in texts:
        key = normalised(text)
        if key and key not in seen:
            seen.add(key)
            kept.append(text)
    return kept
