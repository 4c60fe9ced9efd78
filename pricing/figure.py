"""A number with its unit, its origin and, if it was derived, the formula and figures it came from.

Rule 1  A leaf is quoted, measured or assumed; nothing else may enter a calculation.
Rule 2  A derived figure keeps its formula and its inputs, so it can be computed again with any leaf replaced:
        by a number (flip values), or by an array (draws, sweeps, sliders). There is no second computation.
Rule 3  A derived figure's grade is the weakest among its leaves: measured, then quoted, then assumed.
Rule 4  Parameter and formula names end in their unit, and `derive` refuses an input whose unit is another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from pricing.units import LABELS, UnknownUnitError, unit_of

Number: TypeAlias = Any
"""int, float, Decimal, or a numpy array of float64; formulas take any of them."""


class Kind(StrEnum):
    """The letter a report prints beside a number."""

    QUOTED = "q"
    MEASURED = "m"
    ASSUMED = "a"
    DERIVED = "d"


STRENGTH = {Kind.MEASURED: 2, Kind.QUOTED: 1, Kind.ASSUMED: 0}


class Origin(NamedTuple):
    """Where a leaf comes from: `note` is the source, the run or benchmark id, or the reason for assuming it."""

    kind: Kind
    note: str
    on: date | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One number. `low` and `high` bound a 90 % interval where one is known; `inputs` go by parameter name."""

    name: str
    value: Number
    unit: str
    origin: Origin
    low: Number = None
    high: Number = None
    formula: Callable[..., Number] | None = None
    inputs: Mapping[str, "Figure"] = field(default_factory=dict[str, "Figure"])

    def __post_init__(self) -> None:
        """Refuse a unit that does not exist."""
        if self.unit not in LABELS:
            message = f"{self.name}: unit {self.unit!r} is not in pricing.units.LABELS"
            raise UnknownUnitError(message)

    @property
    def kind(self) -> Kind:
        """The letter of this figure itself."""
        return self.origin.kind

    @property
    def grade(self) -> Kind:
        """The weakest kind among this figure's leaves; its own kind if it is a leaf."""
        return min((leaf.kind for leaf in leaves(self)), key=STRENGTH.__getitem__)


class UnitMismatchError(TypeError):
    """A figure was handed to a parameter that wants another unit."""


def quoted(name: str, value: Number, unit: str, source: str, on: date | None) -> Figure:
    """Return a leaf somebody publishes; `source` says who, `on` when it was last seen to hold."""
    return Figure(name, value, unit, Origin(Kind.QUOTED, source, on))


def measured(name: str, value: Number, unit: str, note: str, on: date | None = None, **bounds: Number) -> Figure:
    """Return a leaf somebody measured; `note` names the run or benchmark and the machine; bounds are low and high."""
    return Figure(name, value, unit, Origin(Kind.MEASURED, note, on), **bounds)


def assumed(name: str, value: Number, unit: str, because: str, low: Number = None, high: Number = None) -> Figure:
    """Return a leaf nobody has checked, with the reason it was chosen and the 90 % interval it may lie in."""
    return Figure(name, value, unit, Origin(Kind.ASSUMED, because), low, high)


def plain(value: Number) -> Number:
    """Return the value as a formula wants it: Decimal becomes float, numbers and arrays stay."""
    return float(value) if isinstance(value, Decimal) else value


def derive(name: str, formula: Callable[..., Number], /, **inputs: Figure) -> Figure:
    """Apply `formula` to the figures' values; the unit is the end of the formula's name. Raises UnitMismatchError."""
    for parameter, figure in inputs.items():
        wanted = unit_of(parameter)
        if wanted != figure.unit:
            message = f"{formula.__name__}({parameter}) wants {wanted}, but {figure.name} is in {figure.unit}"
            raise UnitMismatchError(message)
    value = formula(**{parameter: plain(figure.value) for parameter, figure in inputs.items()})
    origin = Origin(Kind.DERIVED, formula.__name__)
    return Figure(name, value, unit_of(formula.__name__), origin, formula=formula, inputs=inputs)


def recompute(figure: Figure, replaced: Mapping[str, Number], memo: dict[int, Number] | None = None) -> Number:
    """Return the figure's value with the leaves (or inner figures) named in `replaced` set to other values.

    Values may be arrays; shared sub-trees are computed once per `memo`.
    """
    memo = {} if memo is None else memo
    key = id(figure)
    if key not in memo:
        if figure.name in replaced:
            memo[key] = replaced[figure.name]
        elif figure.formula is None:
            memo[key] = plain(figure.value)
        else:
            memo[key] = figure.formula(**{p: recompute(f, replaced, memo) for p, f in figure.inputs.items()})
    return memo[key]


def walk(figure: Figure, depth: int = 0) -> Iterator[tuple[int, Figure]]:
    """Yield (depth, figure) from the figure down to its leaves, in the order a reader wants them."""
    yield depth, figure
    for below in figure.inputs.values():
        yield from walk(below, depth + 1)


def leaves(figure: Figure) -> list[Figure]:
    """Return every leaf below the figure once, by identity; the figure itself if it is one."""
    found: dict[int, Figure] = {}
    seen: set[int] = set()
    stack = [figure]
    while stack:
        here = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if here.inputs:
            stack.extend(here.inputs.values())
        else:
            found[id(here)] = here
    return list(found.values())
