"""Records -> curated messages. Every row that is not trained on is counted with its reason and listed; pure.

Which rows count is decided by advisor.checks.sieve, as the advice did; here are what only a run knows: the model's own
tokens, and the rows held out to watch training.

Rule 1  Repeats and rows that the test set asks say nothing new; the plan was sized without them, so they are left out
        and listed, and only faults of the source count towards the plan's limit on dropped rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from advisor.checks import sieve
from advisor.checks.duplicates import leak
from advisor.checks.preferences import Pair
from advisor.checks.records import Row as Record
from advisor.checks.shapes import NOTHING, About
from advisor.checks.shapes import Message as Turn
from advisor.checks.sieve import asked, normalised
from advisor.checks.splits import split
from runner.engine import Message

REASONS: Final = {
    "fault": "could not be read as a conversation",
    "empty": "prompt or answer is empty",
    **sieve.REASONS,
    "over_long": "is longer than max_length; its end of turn would never be learned",
    "held_out": "is kept apart to watch training",
}
FAULTS: Final = frozenset({"fault", "empty", *sieve.FAULTS})
"""Reasons that count towards the limit on dropped rows (Rule 1); over_long has a limit of its own."""
VALID_SHARE: Final = 0.1  # one row in ten is the usual size of the set that stops training early


@dataclass(frozen=True, slots=True)
class Row:
    """One record as a conversation that ends in the answer; `line` is its place in the file."""

    line: int
    messages: tuple[Message, ...]
    about: About = NOTHING


@dataclass(frozen=True, slots=True)
class Dropped:
    """One row left out: its line, the reason's name, and what exactly was found."""

    line: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Curated:
    """What is trained on, and what is not; `touched` is how many test rows ask what dropped rows ask."""

    kept: tuple[Row, ...]
    dropped: tuple[Dropped, ...]
    touched: int = 0

    def counts(self) -> dict[str, int]:
        """Return how many rows were dropped, by reason, every reason named."""
        counted = Counter(dropped.reason for dropped in self.dropped)
        return {reason: counted[reason] for reason in REASONS}


def as_record(row: Row) -> Record:
    """Return a row as the checks take it."""
    return Record(row.line, tuple(Turn(turn["role"], turn["content"]) for turn in row.messages), "messages", row.about)


def in_order(dropped: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """Return what was dropped, by line."""
    return tuple(sorted(dropped, key=lambda one: one.line))


def curate(rows: Sequence[Row], test: Sequence[Row], wants_json: bool = False) -> Curated:
    """Return the training rows that stay beside this test set, and why the others do not (length not looked at)."""
    found = sieve.sift([as_record(row) for row in rows], [as_record(row) for row in test], wants_json=wants_json)
    dropped = [Dropped(rows[drop.place].line, drop.reason, drop.detail) for drop in found.drops]
    return Curated(tuple(rows[place] for place in found.kept), in_order(dropped), len(found.touched))


def fit_length(curated: Curated, row_tokens: Sequence[int], max_length_tokens: int) -> Curated:
    """Return the curated rows without those longer than `max_length_tokens`; `row_tokens` goes with `kept`."""
    kept: list[Row] = []
    dropped = list(curated.dropped)
    for row, tokens in zip(curated.kept, row_tokens, strict=True):
        if tokens > max_length_tokens:
            dropped.append(Dropped(row.line, "over_long", f"{tokens} tokens, max_length is {max_length_tokens}"))
        else:
            kept.append(row)
    return Curated(tuple(kept), in_order(dropped), curated.touched)


def hold_out(curated: Curated, share: float) -> tuple[Curated, tuple[Row, ...]]:
    """Return the curated rows without about this share of them, and those: by hash of the group, else the question."""
    sides = split([as_record(row) for row in curated.kept], {"valid": share, "train": 1 - share})
    valid, train = (tuple(curated.kept[place] for place in sides[name]) for name in ("valid", "train"))
    out = [Dropped(row.line, "held_out", REASONS["held_out"]) for row in valid]
    return Curated(train, in_order([*curated.dropped, *out]), curated.touched), valid


def beside(valid: Sequence[Row], others: Sequence[Row]) -> Curated:
    """Return the rows of a stated validation set that ask nothing that `others` (training and test rows) ask."""
    found = curate(valid, others)
    leaked = tuple(drop for drop in found.dropped if drop.reason in ("leak", "near_leak"))
    lines = {drop.line for drop in leaked}
    return Curated(tuple(row for row in valid if row.line not in lines), leaked, found.touched)


def unique_texts(texts: Sequence[str], test: Sequence[Row]) -> list[str]:
    """Return the unlabelled texts once each, without empty ones and without those that a test row asks, or nearly."""
    questions = [turn["content"] for row in test for turn in row.messages[:-1]]
    seen = {normalised(question) for question in questions}
    kept: list[str] = []
    for text in texts:
        key = normalised(text)
        if key and key not in seen:
            seen.add(key)
            kept.append(text)
    leaks = {found.row for found in leak(kept, questions)}
    return [text for place, text in enumerate(kept) if place not in leaks]


def unique_pairs(pairs: Sequence[Pair], test: Sequence[Row]) -> tuple[list[Pair], list[Dropped]]:
    """Return the preference pairs that stay beside this test set, each once, and why the others do not."""
    judged = [
        Record(pair.line, (*pair.prompt, Turn("assistant", f"{pair.chosen}\0{pair.rejected}")), "") for pair in pairs
    ]
    tested = [as_record(row) for row in test]
    leaks = {found.row for found in leak([asked(row) for row in judged], [asked(row) for row in tested])}
    repeated = sieve.duplicates(judged)
    kept: list[Pair] = []
    dropped: list[Dropped] = []
    for place, (pair, row) in enumerate(zip(pairs, judged, strict=True)):
        secret = sieve.secrets([row])
        if place in leaks:
            dropped.append(Dropped(pair.line, "leak", "asks what a test row asks, or nearly"))
        elif place in repeated:
            dropped.append(Dropped(pair.line, "duplicate", repeated[place]))
        elif secret:
            dropped.append(Dropped(pair.line, "secret", secret[0]))
        else:
            kept.append(pair)
    return kept, dropped
