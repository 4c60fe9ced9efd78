"""How a column of the data files is read, and what a fault says was wanted, by the type of the field it fills."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Final

from pricing.entries import (
    BilledPer,
    ColdStart,
    Confidence,
    Crosscheck,
    Entry,
    LongContext,
    Offer,
    TuningStatus,
)

COLUMN_OF: Final = {"starts": "from"}
"""Field names that cannot be the column's name (`from` is a Python keyword)."""
FROM_FILE: Final = frozenset({"provider", "place", "layer", "own"})
"""Fields that are no column: they come from where a line stands."""
SEPARATOR: Final = ";"
"""Between several values in one column (cards of one serverless class, methods at one price, spellings of a card)."""
TEXTS_KEPT: Final = 4096
"""Numbers and days remembered by their text while reading; the shipped book has under a thousand different ones."""


@lru_cache(TEXTS_KEPT)
def decimal(text: str) -> Decimal:
    """Read a plain decimal number of 0 or more, to the last digit; ValueError or InvalidOperation otherwise."""
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


@lru_cache(TEXTS_KEPT)
def _day(text: str) -> date:
    return date.fromisoformat(text)


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def several(text: str) -> tuple[str, ...]:
    """Split a column that holds several values."""
    return tuple(part for part in text.split(SEPARATOR) if part)


def _words(kind: type[StrEnum]) -> tuple[Callable[[str], Any], str]:
    by_word = {str(word): word for word in kind}
    return by_word.__getitem__, " | ".join(by_word)


def _optional(reader: tuple[Callable[[str], Any], str]) -> tuple[Callable[[str], Any], str]:
    return _or_none(reader[0]), f"{reader[1]}, or nothing"


A_DAY: Final = (_day, "a day, for example 2026-11-21")
A_PRICE: Final = (decimal, "a decimal number of 0 or more, for example 0.15")
A_COUNT: Final = (_count, "a whole number of 1 or more")
A_YES_OR_NO: Final = ({"yes": True, "no": False}.__getitem__, "yes | no")
READERS: Final[dict[Any, tuple[Callable[[str], Any], str]]] = {
    str: (str, "text"),
    int: A_COUNT,
    int | None: _optional(A_COUNT),
    Decimal: A_PRICE,
    Decimal | None: _optional(A_PRICE),
    date | None: _optional(A_DAY),
    bool | None: _optional(A_YES_OR_NO),
    tuple[str, ...]: (several, "names with ; between them"),
    Confidence: _words(Confidence),
    Confidence | None: _optional(_words(Confidence)),
    Crosscheck: _words(Crosscheck),
    Offer: _words(Offer),
    Offer | None: _optional(_words(Offer)),
    LongContext | None: _optional(_words(LongContext)),
    BilledPer: _words(BilledPer),
    ColdStart | None: _optional(_words(ColdStart)),
    TuningStatus: _words(TuningStatus),
}
"""How a column is read, and what a fault says was wanted, by the type of the field it fills."""


@cache
def columns(kind: type[Entry]) -> dict[str, tuple[str, Callable[[str], Any], str]]:
    """Return column -> (field, reader, what is wanted) for one kind of entry."""
    return {
        COLUMN_OF.get(name, name): (name, *READERS[kind_of])
        for name, kind_of in kind.types.items()
        if name not in FROM_FILE
    }


@cache
def defaults(kind: type[Entry]) -> dict[str, Any]:
    """Return the fields a file may leave out, with what an absent or empty column means."""
    return {name: getattr(kind, name) for name in kind.fields if hasattr(kind, name)}
