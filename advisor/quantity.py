"""A number as a scenario states it: exact, a 90 % interval, or unknown; never filled in silently.

Rule 1  `1_000`, `2e-4` and `0.10` are exact; `low..high` and `low..mode..high` are 90 % intervals.
Rule 2  `unknown` has no value. A default has one, and the reason it was chosen; the two are never confused.
Rule 3  The unit stands in the field's name, never in the number: `12k`, `30%` and `$5` are refused with a hint.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from pydantic_core import PydanticCustomError, core_schema

from pricing.figure import Figure, assumed
from pricing.units import PERCENT

UNKNOWN_WORD: Final = "unknown"
RANGE_MARK: Final = ".."
LARGEST: Final = Decimal("1e15")  # more than every token ever billed to one team in a month; a slip of units above it
NUMBER_PATTERN: Final = r"[+-]?[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]{1,2})?"
RANGE_PATTERN: Final = rf"{NUMBER_PATTERN}( *\.\. *{NUMBER_PATTERN}){{0,2}}"
_NUMBER: Final = re.compile(NUMBER_PATTERN, re.ASCII)
_SUFFIXED: Final = re.compile(r"([0-9][0-9_.]*)\s*(k|m|mn|mio|b|bn)", re.IGNORECASE)
_MULTIPLIERS: Final = {"k": 3, "m": 6, "mn": 6, "mio": 6, "b": 9, "bn": 9}  # powers of ten, by definition


class UnknownQuantityError(ValueError):
    """A figure was asked of a quantity that the scenario does not know; the message names the field to fill in."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One stated, defaulted or unknown number; `low` and `high` are None where it is exact, `value` where unknown."""

    value: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None
    stated: bool = True
    because: str = "stated in the scenario"

    @property
    def known(self) -> bool:
        """True if there is a value, stated or defaulted."""
        return self.value is not None

    def known_value(self, name: str) -> Decimal:
        """Return the value; raise UnknownQuantityError naming the field where there is none."""
        if self.value is None:
            message = f"{name} is unknown ({self.because}); state it in the scenario"
            raise UnknownQuantityError(message)
        return self.value

    def figure(self, name: str, unit: str) -> Figure:
        """Return the assumed figure this quantity enters formulas as; raises UnknownQuantityError if it is unknown."""
        return assumed(name, self.known_value(name), unit, self.because, self.low, self.high)

    def __str__(self) -> str:
        """Return the scenario's own spelling, which reads back as the same quantity."""
        if self.value is None:
            return UNKNOWN_WORD
        parts = [self.value] if self.low is None or self.high is None else [self.low, self.value, self.high]
        return RANGE_MARK.join(f"{part:f}" for part in parts)


UNKNOWN: Final = Quantity(None, stated=False, because="not stated")


def unknown(because: str) -> Quantity:
    """Return a default that has no value, with the reason why none can be supplied."""
    return Quantity(None, stated=False, because=because)


def assume(value: str, because: str, low: str | None = None, high: str | None = None) -> Quantity:
    """Return a documented default; `low` and `high` bound the 90 % interval where one is honest."""
    bounds = (Decimal(low), Decimal(high)) if low is not None and high is not None else (None, None)
    return Quantity(Decimal(value), *bounds, stated=False, because=because)


def read_number(text: str) -> Decimal | None:
    """Return the exact decimal that `text` spells (underscores and exponents allowed), or None if it is no number."""
    return Decimal(text.replace("_", "")) if _NUMBER.fullmatch(text) else None


def spelling_hint(text: str) -> str:
    """Return the next step for a number spelt with a suffix, a percent sign, a currency sign or commas."""
    bare = text.strip().lstrip("$€£").strip()
    if suffixed := _SUFFIXED.fullmatch(bare):
        number, power = read_number(suffixed[1]), _MULTIPLIERS[suffixed[2].lower()]
        return f"write {int(number.scaleb(power)):_d}" if number is not None else "write the number out"
    share = read_number(bare.removesuffix("%").strip())
    if bare.endswith("%") and share is not None:
        return f"write {share / 100:f}; shares run from 0 to 1"
    if read_number(bare.replace(",", "_")) is not None and bare != text:
        return f"write {bare.replace(',', '_')}; the unit stands in the field's name"
    if "," in bare and read_number(bare.replace(",", "")) is not None:
        return f"write {bare.replace(',', '_')} for thousands, or a point for decimals"
    return "write the number, or the word unknown if it is not known"


def refuse(wanted: str, next_step: str, field: str = "") -> PydanticCustomError:
    """Return the error a validator raises; `field` is the one at fault where a whole section was being checked."""
    context: dict[str, Any] = {"wanted": wanted, "next_step": next_step, "field": field}
    return PydanticCustomError("scenario_value", "wanted {wanted}; {next_step}", context)


def as_decimal(raw: object) -> Decimal | None:
    """Return a number given as Decimal, int, float or text exactly, or None if it is none of them."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, Decimal):
        return raw if raw.is_finite() else None
    if isinstance(raw, str):
        return read_number(raw)
    return read_number(repr(raw)) if isinstance(raw, (int, float)) else None


def as_parts(raw: object) -> list[Decimal] | None:
    """Return the one, two or three numbers of an exact quantity or a range, or None if `raw` is neither."""
    pieces = [piece.strip() for piece in raw.split(RANGE_MARK)] if isinstance(raw, str) else [raw]
    numbers = [as_decimal(piece) for piece in pieces]
    known = [number for number in numbers if number is not None]
    return known if len(known) == len(numbers) and len(known) <= 3 else None


@dataclass(frozen=True, slots=True)
class Measure:
    """Annotation of a Quantity field: its unit (of pricing.units.LABELS), its bounds and an example that is right."""

    unit: str
    least: str = "0"
    most: str = str(LARGEST)
    above: bool = False
    example: str = "120 or 100..150"

    @property
    def wanted(self) -> str:
        """What a fault says was wanted."""
        edge = "above" if self.above else "of at least"
        upper = "" if Decimal(self.most) == LARGEST else f" and at most {self.most}"
        return f"a number {edge} {self.least}{upper}, or a range, for example {self.example}"

    def read(self, raw: object) -> Quantity:
        """Return the quantity that `raw` states; raises a PydanticCustomError that says what was wanted."""
        if isinstance(raw, Quantity):
            return raw
        if raw == UNKNOWN_WORD:
            return replace(UNKNOWN, stated=True, because="stated as unknown in the scenario")
        parts = as_parts(raw)
        if parts is None:
            raise refuse(self.wanted, spelling_hint(raw) if isinstance(raw, str) else "write a number or a range")
        if parts != sorted(parts):
            raise refuse("a range that rises: low..high or low..mode..high", f"write {self._risen(parts)}")
        if not self._inside(parts[0]) or parts[-1] > Decimal(self.most):
            raise refuse(self.wanted, self._unit_hint(parts[-1]))
        if len(parts) == 1:
            return Quantity(parts[0])
        mode = parts[1] if len(parts) == 3 else (parts[0] + parts[1]) / 2
        return Quantity(mode, parts[0], parts[-1])

    def _inside(self, number: Decimal) -> bool:
        return number > Decimal(self.least) if self.above else number >= Decimal(self.least)

    def _unit_hint(self, number: Decimal) -> str:
        """Return the next step for a number out of bounds: a share that was written in per cent, or another unit."""
        if self.unit.startswith("share") and 1 < number <= PERCENT:
            return f"write {number / PERCENT:f} for {number:f} per cent; shares run from 0 to 1"
        return f"check the unit, which is {self.unit}"

    @staticmethod
    def _risen(parts: list[Decimal]) -> str:
        return RANGE_MARK.join(f"{part:f}" for part in sorted(parts))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Tell pydantic to read and write the field with this measure."""
        written = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Return what an editor may check: a number in bounds, a number or range as text, or the word unknown."""
        lower = "exclusiveMinimum" if self.above else "minimum"
        number = {"type": "number", lower: float(self.least), "maximum": float(self.most)}
        text = {"type": "string", "pattern": f"^({RANGE_PATTERN}|{UNKNOWN_WORD})$"}
        return {"anyOf": [number, text], "x-unit": self.unit}


@dataclass(frozen=True, slots=True)
class Setting:
    """Annotation of a plain number that is chosen, not estimated (a seed, a rank): a whole number or a float."""

    least: str
    most: str
    whole: bool = True

    @property
    def wanted(self) -> str:
        """What a fault says was wanted."""
        return f"a {'whole ' if self.whole else ''}number from {self.least} to {self.most}"

    def read(self, raw: object) -> int | float:
        """Return the number; raises a PydanticCustomError where it is none, out of bounds or has a fraction."""
        number = as_decimal(raw)
        if number is None:
            raise refuse(self.wanted, spelling_hint(raw) if isinstance(raw, str) else "write a number")
        if not Decimal(self.least) <= number <= Decimal(self.most) or (self.whole and number % 1):
            raise refuse(self.wanted, "choose one in these bounds")
        return int(number) if self.whole else float(number)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Tell pydantic to read the field with this setting."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Return what an editor may check: the bounds, or a number spelt with underscores."""
        bounds = {"minimum": float(self.least), "maximum": float(self.most)}
        kind = "integer" if self.whole else "number"
        return {"anyOf": [{"type": kind, **bounds}, {"type": "string", "pattern": f"^{NUMBER_PATTERN}$"}]}
