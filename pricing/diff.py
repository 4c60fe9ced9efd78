"""What differs between two days of one book, or between two books on one day; pure."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pricing.entries import Entry
from pricing.units import PERCENT
from pricing.view import tiers


class What(StrEnum):
    """What happened to a price."""

    NEW = "new"
    GONE = "gone"
    DEARER = "dearer"
    CHEAPER = "cheaper"


class Difference(NamedTuple):
    """One column of one offer that differs; None where a side has no such price. `percent` is the change from `old`."""

    kind: str
    name: str
    column: str
    what: What
    old: Decimal | None
    new: Decimal | None
    percent: Decimal | None


def differences(old: Iterable[Entry], new: Iterable[Entry]) -> list[Difference]:
    """Return what differs between the lines in force on two sides, each an offer at most once; by kind and name."""
    before = {(entry.kind, entry.name): tiers(entry) for entry in old}
    after = {(entry.kind, entry.name): tiers(entry) for entry in new}
    found: list[Difference] = []
    for kind, name in sorted({*before, *after}):
        was, now = before.get((kind, name), {}), after.get((kind, name), {})
        for column in dict.fromkeys((*was, *now)):
            if was.get(column) != now.get(column):
                found.append(_difference(kind, name, column, was.get(column), now.get(column)))
    return found


def _difference(kind: str, name: str, column: str, old: Decimal | None, new: Decimal | None) -> Difference:
    if old is None or new is None:
        return Difference(kind, name, column, What.NEW if old is None else What.GONE, old, new, None)
    percent = None if old == 0 else (new - old) * PERCENT / old
    return Difference(kind, name, column, What.DEARER if new > old else What.CHEAPER, old, new, percent)
