"""Rows of a result file to right, wrong and declined, and two files to pairs. Pure: the edge hands in the lines.

Rule 1  A row is {id, correct} or {id, answer, expected}; {id, declined: true} is handed over and no success.
Rule 2  An id stands once in a file; every row at fault is told with its line, and no row is guessed.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

from advisor.quality import Pairs

WANTED: Final = "{id, correct: true or false}, {id, answer, expected}, or {id, declined: true}"
MOST_FAULTS: Final = 5
"""Faults told of one file: the rest are likely of the same kind."""


class Results(NamedTuple):
    """One file's rows by id: whether each is right; which were declined; and the faults, each with its line."""

    right: Mapping[str, bool]
    declined: frozenset[str]
    faults: tuple[str, ...]

    @property
    def successes(self) -> int:
        """Right answers."""
        return sum(self.right.values())


def same_label(expected: object, answer: object) -> bool:
    """Return whether both name the same label, capitals and white space at both ends apart."""
    return str(expected).strip().casefold() == str(answer).strip().casefold()


def same_text(expected: object, answer: object) -> bool:
    """Return whether both are the same text, white space at both ends apart."""
    return str(expected).strip() == str(answer).strip()


def exact(value: Any) -> Any:
    """Return a JSON value in which true is told from 1, for comparing."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return {name: exact(below) for name, below in cast("dict[str, Any]", value).items()}
    return [exact(below) for below in cast("list[Any]", value)] if isinstance(value, list) else value


def same_json(expected: object, answer: object) -> bool:
    """Return whether both are the same JSON value, order of names free; an answer that is no JSON is wrong."""
    try:
        sides = [json.loads(side) if isinstance(side, str) else side for side in (expected, answer)]
    except ValueError:
        return False
    return exact(sides[0]) == exact(sides[1])


MATCHES: Final = {"json_match": same_json, "accuracy": same_label, "macro_f1": same_label}
"""By metric; exact_match compares text. Macro F1 rests on the same match row by row."""


def read_row(line: str) -> dict[str, Any]:
    """Return the object of a line; raises ValueError where it is none."""
    row = json.loads(line)
    if not isinstance(row, dict) or "id" not in row:
        message = f"no object with an id; wanted {WANTED}"
        raise ValueError(message)
    return cast("dict[str, Any]", row)


def verdict_on(row: Mapping[str, Any], metric: str) -> tuple[bool, bool]:
    """Return (right, declined) of a row; raises ValueError where it says neither."""
    if row.get("declined") is True:
        return False, True
    if isinstance(row.get("correct"), bool):
        return bool(row["correct"]), False
    if "answer" in row and "expected" in row:
        return MATCHES.get(metric, same_text)(row["expected"], row["answer"]), False
    message = f"says neither right nor wrong; wanted {WANTED}"
    raise ValueError(message)


def results_of(lines: Iterable[str], metric: str) -> Results:
    """Return the results of a file's lines; empty lines are left out."""
    right: dict[str, bool] = {}
    declined: set[str] = set()
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = read_row(line)
            name = str(row["id"])
            if name in right:
                faults.append(f"line {number}: id {name} stands twice")
                continue
            right[name], handed_over = verdict_on(row, metric)
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
            continue
        if handed_over:
            declined.add(name)
    return Results(right, frozenset(declined), tuple(faults[:MOST_FAULTS]))


def pair(tuned: Results, hosted: Results) -> Pairs:
    """Return the pairs over the ids that stand in both."""
    shared = tuned.right.keys() & hosted.right.keys()
    outcomes = [(tuned.right[name], hosted.right[name]) for name in shared]
    return counted(outcomes)


def counted(outcomes: Iterable[tuple[bool, bool]]) -> Pairs:
    """Return the pairs of (tuned right, hosted right)."""
    rows = list(outcomes)
    ways = ((True, True), (True, False), (False, True), (False, False))
    return Pairs(*(rows.count(way) for way in ways))


def pairs_of(lines: Iterable[str]) -> tuple[Pairs, tuple[str, ...]]:
    """Return the pairs of a file of {id, tuned, hosted}, and its faults, each with its line."""
    outcomes: dict[str, tuple[bool, bool]] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = read_row(line)
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
            continue
        sides = (row.get("tuned"), row.get("hosted"))
        if not all(isinstance(side, bool) for side in sides):
            faults.append(f"line {number}: tuned and hosted are wanted, each true or false")
        elif str(row["id"]) in outcomes:
            faults.append(f"line {number}: id {row['id']} stands twice")
        else:
            outcomes[str(row["id"])] = (bool(sides[0]), bool(sides[1]))
    return counted(outcomes.values()), tuple(faults[:MOST_FAULTS])
