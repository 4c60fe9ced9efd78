"""One scenario at many values of some of its numbers: `advise` at every point of a grid, by arrays where that is exact.

Rule 1  What rests on the figures alone is computed in arrays; what decides outside them which roads there are (tokens,
        lifetimes, limits) is asked anew at every value of it.
Rule 2  The arrays are checked, not believed: at the ends and the middle of the grid the whole advice is made again, and
        where it differs by a digit the numbers concerned are asked anew at every value too.
Rule 3  A point has the stated numbers exactly: a swept number has no range.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from itertools import product
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError

from advisor.advise import Considered, Question, consider
from advisor.balance import VOLUME, money_says, number, stand
from advisor.choice import choose_cards
from advisor.facts import untested
from advisor.options import Option
from advisor.program import Program
from advisor.quantity import Measure
from advisor.scenario import Scenario
from advisor.settings import Part
from advisor.uncertainty import call_again
from advisor.uncertainty_draws import limits_of
from pricing.figure import Figure, leaves, walk

Array = NDArray[np.float64]
ASKED_ANEW = ("tokens.", "constraints.", "quality.", "traffic.", "volume.lifetime_months", "finance.")
"""Numbers that also decide outside the figures: long-context prices, capacity, end dates, horizons, margins."""
FIXED = ("data.", "evidence.", "limits.", "gate.", "today.")
"""Numbers that are counted, or that decide nothing about the money."""
MOST_ASKED = 2000
"""Whole advices one sweep may make: half a minute at some 15 ms each."""
PROBED = (0.0, 0.5, 1.0)
"""Where along the grid the arrays are checked against the whole advice."""
ONE_POINT = "the only point"
"""Names the axis of a grid in which nothing is left to vary."""
EXACT = 1e-12
"""Relative difference that the order of additions may make, and nothing else."""


class SweepError(ValueError):
    """A sweep that cannot be made as asked; the message says what was wanted and the next step."""


class Axis(NamedTuple):
    """One number of the scenario, by its path, and the values it is set to."""

    path: str
    values: Array


class Swept(NamedTuple):
    """Every point: the set values by path, lifetime cost by road (nan where it is not priced), saving and verdict.

    `cheapest` is the key of the cheapest road that is compared: hosted of today's quality, or one that trains.
    """

    points: Mapping[str, Array]
    lifetime_usd: Mapping[str, Array]
    saving_share: Array
    cheapest: Sequence[str]
    verdicts: Sequence[str]
    titles: Mapping[str, str]

    @property
    def rows(self) -> int:
        """How many points there are."""
        return len(self.verdicts)


def measure_of(part: Part, name: str) -> Measure:
    """Return what a number of this part of a scenario may be."""
    return next(one for one in type(part).model_fields[name].metadata if isinstance(one, Measure))


def with_number(part: Part, path: Sequence[str], value: float) -> Part:
    """Return the part with one number set exactly; raises PydanticCustomError where it may not be so."""
    name, *below = path
    inner = getattr(part, name)
    if below:
        return part.model_copy(update={name: with_number(cast("Part", inner), below, value)})
    return part.model_copy(update={name: measure_of(part, name).read(Decimal(repr(float(value))))})


def at_point(question: Question, point: Mapping[str, float]) -> Question:
    """Return the question with these numbers set; raises SweepError where one of them may not be so."""
    scenario = question.scenario
    for path, value in point.items():
        try:
            scenario = cast("Scenario", with_number(scenario, path.split("."), value))
        except PydanticCustomError as fault:
            message = f"{path} = {value:g}: {fault.message()}"
            raise SweepError(message) from None
    cards = choose_cards(scenario, question.shape, question.book, question.as_of)
    return replace(question, scenario=scenario, cards=cards)


def refuse_unknown(scenario: Scenario, axes: Sequence[Axis]) -> None:
    """Raise SweepError for paths that name no number that a sweep may set, all at once."""
    known = [path for path in limits_of(scenario) if not path.startswith(FIXED)]
    wrong = [axis.path for axis in axes if axis.path not in known]
    if wrong:
        message = f"{', '.join(wrong)} cannot be swept; wanted one of: {', '.join(sorted(known))}"
        raise SweepError(message)


def is_array_axis(axis: Axis, made: Considered) -> bool:
    """Say whether the number acts through the figures alone."""
    below = {leaf.name for option in made.options for leaf in leaves(option.lifetime)}
    return axis.path in below and not axis.path.startswith(ASKED_ANEW)


def grid_of(axes: Sequence[Axis]) -> dict[str, Array]:
    """Return the values of every point of the product of the axes, the last axis running fastest."""
    mesh = np.meshgrid(*(axis.values for axis in axes), indexing="ij")
    return {axis.path: values.reshape(-1) for axis, values in zip(axes, mesh, strict=True)}


def purchases(option: Option) -> list[Figure]:
    """Return what is bought up front and stays bought."""
    return [figure for _, figure in walk(option.upfront) if figure.name == f"{option.key}.purchase"]


def low_volume_saving(made: Considered, points: Mapping[str, Array], lifetime_usd: Mapping[str, Array]) -> Array:
    """Return what the best road that trains saves if it was prepared for the volume and its low end came."""
    balance = made.balance
    rows = next(iter(points.values())).size
    if balance is None:
        return np.full(rows, np.nan)
    volume = made.ground[VOLUME]
    low = points.get(VOLUME, np.full(rows, float(volume.value if volume.low is None else volume.low)))
    by_key = {option.key: option for option in made.options}
    trained = [by_key[key] for key in balance.roles.trained]
    bought = [figure for option in trained for figure in purchases(option)]
    held = Program(bought, set(points)).run(points, rows)
    values = {**points, **{figure.name: row for figure, row in zip(bought, held, strict=True)}, VOLUME: low}
    own = Program([option.lifetime for option in trained], set(values)).run(values, rows)
    hosted = Program([balance.hosted], set(values)).run(values, rows)[0]
    best = np.argmin(np.stack([lifetime_usd[key] for key in balance.roles.trained]), axis=0)
    return 1 - own[best, np.arange(rows)] / hosted


def by_arrays(made: Considered, scenario: Scenario, points: Mapping[str, Array]) -> Swept:
    """Return all points of one set of roads, through their figures."""
    rows = next(iter(points.values())).size
    found = Program([option.lifetime for option in made.options], set(points)).run(points, rows)
    lifetime = {option.key: row for option, row in zip(made.options, found, strict=True)}
    titles = {option.key: option.title for option in made.options}
    balance = made.balance
    if balance is None:
        return Swept(points, lifetime, np.full(rows, np.nan), [""] * rows, [made.rung.code] * rows, titles)
    standing = stand(lifetime, balance.roles)
    says = money_says(standing, balance.margin_share, balance.strict_margin_share, untested(scenario))
    doubtful = low_volume_saving(made, points, lifetime) < 0
    calls = call_again(made.facts, says._replace(volume_doubtful=doubtful))
    codes = [rung.code for rung in calls.rungs]
    compared = list(dict.fromkeys((*balance.roles.equal, *balance.roles.trained)))
    least = np.argmin(np.stack([lifetime[key] for key in compared]), axis=0)
    at = np.broadcast_to(calls.at, (rows,)).tolist()
    saving = np.broadcast_to(np.asarray(standing.saving_share, dtype=float), (rows,))
    cheapest = [compared[int(index)] for index in least]
    return Swept(points, lifetime, saving, cheapest, [codes[index] for index in at], titles)


def agrees(question: Question, swept: Swept, row: int) -> bool:
    """Say whether the whole advice at one point says what the arrays say."""
    made = consider(at_point(question, {path: float(values[row]) for path, values in swept.points.items()}))
    whole = {option.key: number(option.lifetime) for option in made.options}
    same = whole.keys() == swept.lifetime_usd.keys() and made.rung.code == swept.verdicts[row]
    return same and all(abs(cost - swept.lifetime_usd[key][row]) <= EXACT * abs(cost) for key, cost in whole.items())


def one_piece(question: Question, made: Considered, axes: Sequence[Axis]) -> Swept | None:
    """Return the grid of these axes by arrays, or None where a probe of it differs from the whole advice."""
    swept = by_arrays(made, question.scenario, grid_of(axes))
    probes = sorted({round(part * (swept.rows - 1)) for part in PROBED})
    return swept if all(agrees(question, swept, row) for row in probes) else None


def joined(pieces: Sequence[Swept]) -> Swept:
    """Return all pieces as one; a road that a piece has no price for is nan there."""
    titles = reduce(lambda found, piece: found | dict(piece.titles), pieces, dict[str, str]())
    lost = [np.full(piece.rows, np.nan) for piece in pieces]
    return Swept(
        points={path: np.concatenate([piece.points[path] for piece in pieces]) for path in pieces[0].points},
        lifetime_usd={
            key: np.concatenate([piece.lifetime_usd.get(key, no) for piece, no in zip(pieces, lost, strict=True)])
            for key in titles
        },
        saving_share=np.concatenate([piece.saving_share for piece in pieces]),
        cheapest=[key for piece in pieces for key in piece.cheapest],
        verdicts=[verdict for piece in pieces for verdict in piece.verdicts],
        titles=titles,
    )


def sweep(question: Question, axes: Sequence[Axis]) -> Swept:
    """Return the advice at every point; raises SweepError, or UnknownQuantityError where a number wanted is unknown."""
    refuse_unknown(question.scenario, axes)
    start = at_point(question, {axis.path: float(axis.values[0]) for axis in axes})
    made = consider(start)
    arrays = [axis for axis in axes if is_array_axis(axis, made)]
    asked = [axis for axis in axes if axis not in arrays]
    if arrays and not asked:
        found = one_piece(start, made, arrays)
        if found is not None:
            return found
        arrays, asked = [], list(axes)
    if (count := int(np.prod([axis.values.size for axis in asked]))) > MOST_ASKED:
        paths = ", ".join(axis.path for axis in asked)
        message = (
            f"{paths} must be asked anew at each of {count:,} values, and {MOST_ASKED:,} is the most; fewer --points"
        )
        raise SweepError(message)
    return joined([asked_piece(question, axes, arrays, values) for values in combinations(asked)])


def combinations(asked: Sequence[Axis]) -> list[dict[str, float]]:
    """Return every combination of the values that are asked anew."""
    return [
        dict(zip((axis.path for axis in asked), values, strict=True))
        for values in product(*(axis.values.tolist() for axis in asked))
    ]


def asked_piece(question: Question, axes: Sequence[Axis], arrays: Sequence[Axis], values: Mapping[str, float]) -> Swept:
    """Return all points at one combination of the values that are asked anew."""
    first = {axis.path: float(axis.values[0]) for axis in arrays}
    here = at_point(question, {**values, **first})
    made = consider(here)
    piece = one_piece(here, made, arrays) if arrays else as_one_point(made, here.scenario)
    if piece is None:
        paths = ", ".join(axis.path for axis in arrays)
        message = f"{paths} cannot be swept together with {', '.join(values)}; sweep one of them at a time"
        raise SweepError(message)
    points = {path: np.full(piece.rows, value) for path, value in values.items()} | dict(piece.points)
    return piece._replace(points={axis.path: points[axis.path] for axis in axes})


def as_one_point(made: Considered, scenario: Scenario) -> Swept:
    """Return one whole advice as a grid of one point."""
    return by_arrays(made, scenario, {ONE_POINT: np.zeros(1)})._replace(points={})
