"""What every adapter shares: rows, strict readers of JSON, CSV and prices, and the error of an unexpected shape.

Rule 1  A number is Decimal from its text; what is not a number, not finite or negative makes the whole answer refused.
Rule 2  A price of 0 is left out: free, unknown or a placeholder, a price list does not say which.
Rule 3  What an adapter leaves out is counted by reason, never dropped in silence.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple, NoReturn, cast

SANE: Final = (Decimal("1e-6"), Decimal("1e9"))
"""Wider than any bound of a unit: outside it a text such as 1e999999 would fill the memory before it is judged."""
ROUNDED: Final = Context(prec=10)
"""Digits that a price keeps: per-token prices come as binary fractions, such as 2.9999999999999997e-06."""
CELL_BYTES: Final = 1 << 17
"""The longest cell of a CSV: csv's own default limit, stated so that nobody else's setting changes it."""


class ShapeError(ValueError):
    """An answer is not what its price list publishes: the message says what was found and what was wanted."""


class Row(NamedTuple):
    """One price: the part of the book, the provider (a file of that part) and its columns, column name to text."""

    kind: str
    provider: str
    columns: dict[str, str]


class Taken(NamedTuple):
    """What an adapter read: rows, what it left out by reason, and the day the list says it is of (None: not said)."""

    rows: list[Row]
    left_out: Counter[str]
    data_day: date | None


def text_of(content: bytes) -> str:
    """Decode an answer as UTF-8, or raise ShapeError with the place of the first wrong byte."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        message = f"byte {fault.start} is not UTF-8; wanted text in UTF-8"
        raise ShapeError(message) from None


def _no_constant(word: str) -> NoReturn:
    message = f"the JSON holds {word}; wanted a number"
    raise ShapeError(message)


def json_of(content: bytes) -> Any:
    """Read JSON with exact decimals, or raise ShapeError; NaN and Infinity are no JSON."""
    text = text_of(content)
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except ShapeError:
        raise
    except (ValueError, RecursionError, InvalidOperation) as fault:
        message = f"not JSON: {fault}; it begins with {text[:40]!r}"
        raise ShapeError(message) from None


def csv_of(content: bytes, wanted: frozenset[str]) -> list[dict[str, str]]:
    """Read CSV rows by column name, or raise ShapeError where a wanted column is missing or a line is cut short."""
    csv.field_size_limit(CELL_BYTES)
    lines = csv.reader(io.StringIO(text_of(content), newline=""), strict=True)
    try:
        header = next(lines, list[str]())
        missing = sorted(wanted - set(header))
        if missing:
            message = f"the columns {', '.join(missing)} are missing; found {', '.join(header)[:200]!r}"
            raise ShapeError(message)
        return [_record(header, values, lines.line_num) for values in lines if values]
    except csv.Error as fault:
        message = f"not CSV at line {lines.line_num}: {fault}"
        raise ShapeError(message) from None


def _record(header: list[str], values: list[str], line: int) -> dict[str, str]:
    if len(values) != len(header):
        message = f"line {line} has {len(values)} columns; wanted {len(header)}, as in the header: cut short?"
        raise ShapeError(message)
    return dict(zip(header, values, strict=True))


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """Return a JSON object, or raise ShapeError naming the place."""
    if not isinstance(value, dict):
        message = f"{place} is {type(value).__name__}; wanted an object"
        raise ShapeError(message)
    return cast("dict[str, Any]", value)


def sequence(value: Any, place: str) -> Sequence[Any]:
    """Return a JSON list, or raise ShapeError naming the place."""
    if not isinstance(value, list):
        message = f"{place} is {type(value).__name__}; wanted a list"
        raise ShapeError(message)
    return cast("list[Any]", value)


def price(value: Any, place: str) -> Decimal | None:
    """Return a price above 0; None where it is absent or 0; ShapeError where it is no price at all (Rules 1 and 2)."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number < 0:
        message = f"{place} is {str(value)[:40]!r}; wanted a price"
        raise ShapeError(message)
    if number == 0:
        return None
    low, high = SANE
    if not low * low <= number <= high:  # per-token prices are a millionth of what the house states
        message = f"{place} is {str(value)[:40]!r}; wanted a price between {low * low} and {high}"
        raise ShapeError(message)
    return number


def plain(value: Decimal) -> str:
    """Write a price as the data files do: a plain decimal without trailing zeros."""
    return f"{ROUNDED.plus(value).normalize():f}"


def filled(columns: Mapping[str, str | int | Decimal | None]) -> dict[str, str]:
    """Return the columns that have a value, as text."""
    return {
        name: plain(value) if isinstance(value, Decimal) else str(value)
        for name, value in columns.items()
        if value is not None and value != ""
    }


def whole(value: Any) -> int | None:
    """Return a count above 0, or None where there is none (token limits are often missing or written as text)."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number > 0 else None


def day_of(text: Any) -> date | None:
    """Read a day from the first ten characters of a timestamp; None where there is none."""
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
