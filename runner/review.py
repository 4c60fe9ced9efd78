"""The sheet for people: base and tuned answers side by side, which is which not said, and what came of reading it.

Differing rows come first in the draw, since equal answers teach a reader nothing. Pure: text in, text out.
"""

import csv
import io
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runner.ab_results import ResultFaultsError
from runner.evaluate import LockedRow
from runner.metrics import Interval, mcnemar_p, wilson

SHEET, KEY = "review.csv", "review-key.json"
SHEET_ROWS = 50  # assumed: an hour's reading; 50 preferences tell 50 % from 70 %
COLUMNS = ("row", "prompt", "expected", "answer_1", "answer_2", "preferred", "rating_1", "rating_2", "note")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so (OWASP, CSV injection)
SETTLED = 0.05  # the usual two-sided error of a sign test
Side = Literal["base", "tuned"]


@dataclass(frozen=True, slots=True)
class Preference:
    """What readers preferred: rows by winner, the share of decided rows that tuned won, sign test, mean ratings."""

    base: int
    tuned: int
    ties: int
    unread: int
    tuned_share: Interval | None
    p_value: float
    ratings: dict[str, float | None]


def drawn_rows(base: Sequence[str], tuned: Sequence[str], seed: str) -> list[int]:
    """Return the rows of the sheet in their order in the test: differing ones first, then others to fill it."""
    draw = random.Random(seed)
    differing = [row for row, pair in enumerate(zip(base, tuned, strict=True)) if pair[0] != pair[1]]
    equal = [row for row in range(len(base)) if base[row] == tuned[row]]
    picked = draw.sample(differing, min(SHEET_ROWS, len(differing)))
    return sorted([*picked, *draw.sample(equal, min(SHEET_ROWS - len(picked), len(equal)))])


def cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(FORMULA_SIGNS) else text


def sheet(
    tests: Sequence[LockedRow], base: Sequence[str], tuned: Sequence[str], seed: str
) -> tuple[str, dict[str, list[Side]]]:
    """Return the CSV, and by row which side each of its two answers is; the same seed gives the same sheet."""
    draw = random.Random(f"{seed} sides")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    key: dict[str, list[Side]] = {}
    for row in drawn_rows(base, tuned, seed):
        sides: list[Side] = ["base", "tuned"]
        draw.shuffle(sides)
        key[str(row)] = sides
        given = {"base": base[row], "tuned": tuned[row]}
        prompt = "\n".join(turn["content"] for turn in tests[row].prompt)
        texts = (prompt, tests[row].expected, *(given[side] for side in sides))
        writer.writerow([row, *map(cell, texts), "", "", "", ""])
    return out.getvalue(), key


def read_sheet(text: str, key: dict[str, list[Side]]) -> Preference:
    """Return what a filled sheet says; `preferred` is 1, 2 or tie. Raises ResultFaultsError."""
    faults: list[str] = []
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","  # as spreadsheets save it, by their language
    won: Counter[str] = Counter()
    ratings: dict[str, list[float]] = {"base": [], "tuned": []}
    for number, line in enumerate(csv.DictReader(io.StringIO(text), delimiter=separator), start=2):
        sides = key.get((line.get("row") or "").strip())
        if sides is None:
            faults.append(f"line {number}: row {line.get('row')!r} is not in the key; wanted a row of this sheet")
            continue
        word = (line.get("preferred") or "").strip().casefold()
        if word not in ("", "1", "2", "tie"):
            faults.append(f"line {number}: preferred is {word!r}; wanted 1, 2 or tie, or nothing if it was not read")
            continue
        won[{"": "unread", "tie": "tie"}.get(word) or sides[int(word) - 1]] += 1
        for side, name in zip(sides, ("rating_1", "rating_2"), strict=True):
            given = (line.get(name) or "").strip()
            if given and given not in "12345":
                faults.append(f"line {number}: {name} is {given!r}; wanted 1 to 5")
            elif given:
                ratings[side].append(float(given))
    if faults:
        raise ResultFaultsError(faults)
    decided = won["base"] + won["tuned"]
    return Preference(
        base=won["base"],
        tuned=won["tuned"],
        ties=won["tie"],
        unread=won["unread"],
        tuned_share=wilson(won["tuned"], decided) if decided else None,
        p_value=mcnemar_p(won["base"], won["tuned"]),
        ratings={side: sum(found) / len(found) if found else None for side, found in ratings.items()},
    )


def verdict_of(found: Preference) -> Literal["tuned", "base", "open", "unread"]:
    """Return whose answers readers prefer, where chance would seldom bring that about."""
    if found.tuned + found.base + found.ties == 0:
        return "unread"
    if found.p_value >= SETTLED:
        return "open"
    return "tuned" if found.tuned > found.base else "base"
