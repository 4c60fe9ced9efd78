"""Which training rows count beside this test set, and why the others do not: readiness and the run ask here. Pure.

Rule 1  The test set is never changed: where a training row and a test row ask the same, the training row goes. Against
        the test set neither case nor sentence punctuation counts (signs that calculate or name, such as - * / %, do).
Rule 2  Of equal rows the first stays. Of rows that ask the same and answer differently none stays: nobody knows which
        is right. White space apart, a conflict is of the very same words: case may be what is asked about.
Rule 3  Nearly the same (advisor.checks.duplicates) is a repeat only where the answers agree too: two questions that
        differ in one word and in their answer are what a model learns most from.
Rule 4  A row with a secret (a key, a token) goes whole: what is trained on can be read out of the model.
Rule 5  Each row is dropped once, for the first reason in the order of REASONS.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from advisor.checks.duplicates import folded, leak_both_ways, near_duplicates, overlap_share, shingle_sets
from advisor.checks.personal import secret_kinds
from advisor.checks.records import Row

REASONS: Final = {
    "leak": "ask what the test set asks",
    "near_leak": "ask nearly what the test set asks",
    "conflict": "ask the same as another and answer differently",
    "duplicate": "repeat an earlier row word for word",
    "invalid_json": "answer with something that is not JSON",
    "secret": "hold a key or token that opens something",
    "near_duplicate": "nearly repeat an earlier row",
}
"""Reason to what such rows do, in the order in which they are looked for."""
FAULTS: Final = frozenset({"conflict", "invalid_json", "secret"})
"""Reasons that show a fault of the source; the others only say nothing new."""
SIGNS_THAT_COUNT: Final = frozenset("-*/%#@&_")
SAME_ANSWER_SHARE: Final = 0.8  # of shingles, as for the whole of two rows (duplicates.NEAR_SHARE)


class Drop(NamedTuple):
    """One row left out: its place in the list given, the reason's name, and what exactly was found."""

    place: int
    reason: str
    detail: str


class Sifted(NamedTuple):
    """The places of the rows that count, what was left out, and the places of test rows that training rows asked."""

    kept: list[int]
    drops: list[Drop]
    touched: list[int]


def sift(rows: Sequence[Row], test: Sequence[Row], *, wants_json: bool = False) -> Sifted:
    """Return which rows count beside this test set; `wants_json`: every answer must be JSON."""
    drops: list[Drop] = []
    touched: set[int] = set()
    left = list(range(len(rows)))

    def without(reason: str, found: Mapping[int, str]) -> None:
        drops.extend(Drop(left[inner], reason, detail) for inner, detail in sorted(found.items()))
        left[:] = [place for inner, place in enumerate(left) if inner not in found]

    def those() -> list[Row]:
        return [rows[place] for place in left]

    without("leak", leaks(those(), test, touched))
    without("near_leak", near_leaks(those(), test, touched))
    without("conflict", conflicts(those()))
    without("duplicate", duplicates(those()))
    without("invalid_json", invalid_json(those()) if wants_json else {})
    without("secret", secrets(those()))
    without("near_duplicate", repeats(those()))
    return Sifted(left, sorted(drops), sorted(touched))


def spaced(text: str) -> str:
    """Return the text with every run of white space as one blank."""
    return " ".join(text.split())


def normalised(text: str) -> str:
    """Return the text as it is compared with the test set (Rule 1); one of punctuation only stays as it is."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return spaced(plain.translate(WITHOUT_PUNCTUATION)) or spaced(plain)


class Punctuation(dict[int, int]):
    """Code point to what it is compared as: signs that only structure a sentence become blanks; filled as asked."""

    def __missing__(self, code: int) -> int:
        """Return, and remember, what a code point becomes."""
        sign = chr(code)
        only_structure = unicodedata.category(sign).startswith("P") and sign not in SIGNS_THAT_COUNT
        self[code] = ord(" ") if only_structure else code
        return self[code]


WITHOUT_PUNCTUATION: Final = Punctuation()
"""For str.translate; a table of what was looked up before, the same for everyone."""


def prompt_key(row: Row, compared: Callable[[str], str]) -> str:
    """Return what a row asks, for comparing: all turns but the answer, roles included; all of a plain text."""
    turns = row.messages[:-1] or row.messages
    return "\x1f".join(f"{turn.role}\x1e{compared(turn.content)}" for turn in turns)


def asked(row: Row) -> str:
    """Return the words of what a row asks, without roles; for plain text, all it says."""
    return "\n".join(turn.content for turn in row.messages[:-1] or row.messages)


def said(row: Row) -> str:
    """Return all the words of a row, without roles."""
    return "\n".join(turn.content for turn in row.messages)


def leaks(rows: Sequence[Row], test: Sequence[Row], touched: set[int]) -> dict[int, str]:
    """Return the rows that ask what a test row asks (Rule 1), and add the test rows that are asked to `touched`."""
    if not test:
        return {}
    asked_in_test: dict[str, list[int]] = {}
    for place, row in enumerate(test):
        asked_in_test.setdefault(prompt_key(row, normalised), []).append(place)
    found: dict[int, str] = {}
    for inner, row in enumerate(rows):
        places = asked_in_test.get(prompt_key(row, normalised))
        if places:
            touched.update(places)
            found[inner] = f"asks what test line {test[places[0]].line} asks"
    return found


def near_leaks(rows: Sequence[Row], test: Sequence[Row], touched: set[int]) -> dict[int, str]:
    """Return the rows that ask nearly what a test row asks; looked for both ways, `touched` gets the test rows."""
    if not test or not rows:
        return {}
    ours, theirs = leak_both_ways([asked(row) for row in rows], [asked(row) for row in test])
    touched.update(one.row for one in theirs)
    touched.update(one.other for one in ours)
    found = {one.other: (one.row, one.share) for one in theirs} | {one.row: (one.other, one.share) for one in ours}
    return {
        inner: f"asks nearly what test line {test[place].line} asks ({share:.0%} alike)"
        for inner, (place, share) in found.items()
    }


def conflicts(rows: Sequence[Row]) -> dict[int, str]:
    """Return the rows that ask the same words and answer differently (Rule 2); plain text has no answer."""
    groups: dict[str, list[int]] = {}
    for inner, row in enumerate(rows):
        if len(row.messages) > 1:
            groups.setdefault(prompt_key(row, spaced), []).append(inner)
    found: dict[int, str] = {}
    for group in groups.values():
        first = {rows[inner].answer.strip(): inner for inner in reversed(group)}
        if len(first) > 1:
            one, other = sorted(first.values())[:2]
            for inner in group:
                against = other if rows[inner].answer.strip() == rows[one].answer.strip() else one
                found[inner] = f"asks what line {rows[against].line} asks, and answers differently"
    return found


def duplicates(rows: Sequence[Row]) -> dict[int, str]:
    """Return the rows that equal an earlier one but for case and white space of the question."""
    first: dict[tuple[str, str], int] = {}
    found: dict[int, str] = {}
    for inner, row in enumerate(rows):
        key = (prompt_key(row, folded), row.answer.strip() if len(row.messages) > 1 else "")
        if first.setdefault(key, inner) != inner:
            found[inner] = f"equals line {rows[first[key]].line}"
    return found


def invalid_json(rows: Sequence[Row]) -> dict[int, str]:
    """Return the rows whose answer is no JSON value."""
    return {inner: "the answer is not JSON" for inner, row in enumerate(rows) if not is_json(row.answer)}


def is_json(text: str) -> bool:
    """Return True if the text is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def secrets(rows: Sequence[Row]) -> dict[int, str]:
    """Return the rows that hold a secret, by its kind and never with it (Rule 4)."""
    held = ((inner, secret_kinds(said(row))) for inner, row in enumerate(rows))
    return {inner: f"holds {', '.join(kinds)}" for inner, kinds in held if kinds}


def near_conflicts(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Return pairs of places of rows that ask nearly the same and answer differently: one label may be wrong."""
    answered = [place for place, row in enumerate(rows) if len(row.messages) > 1]

    def differ(one: int, other: int) -> bool:
        return folded(rows[answered[one]].answer) != folded(rows[answered[other]].answer)

    found = near_duplicates([asked(rows[place]) for place in answered], comparable=differ)
    return [(answered[one.row], answered[one.other]) for one in found]


def repeats(rows: Sequence[Row]) -> dict[int, str]:
    """Return the rows that nearly repeat an earlier one, answer and all (Rule 3)."""

    def agree(row: int, other: int) -> bool:
        ours, theirs = folded(rows[row].answer), folded(rows[other].answer)
        if ours == theirs:
            return True
        first, second = shingle_sets([ours, theirs]).each()
        return overlap_share(first, second) >= SAME_ANSWER_SHARE

    found = near_duplicates([said(row) for row in rows], comparable=agree)
    return {one.row: f"nearly repeats line {rows[one.other].line} ({one.share:.0%} alike)" for one in found}
