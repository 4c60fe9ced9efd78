"""What each range draws: how a stated low..value..high becomes 10,000 numbers.

Rule 1  A range is a 90 % interval: 5 % of the draws lie below low, half below the value, 5 % above high. Two
        half-normals meet at the value, in logarithms where the whole range is above zero, else in plain numbers.
Rule 2  One figure is one draw: every road and both sides of a comparison see the same price, volume and tokens.
Rule 3  A Latin hypercube: each input takes every 10,000th of its distribution exactly once, in a shuffled order of its
        own, which depends on its name alone; adding a road or an input leaves the draws of the others as they were.
Rule 4  A draw stays inside what the scenario's field allows (no peak below the mean, no share above one).
Rule 5  A quoted price is certain today; where prices as a family may drift until the end, all of them drift together.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from math import log
from statistics import NormalDist
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from advisor.quantity import Measure, Quantity
from advisor.settings import Part
from pricing.figure import Figure, Kind, assumed
from pricing.units import MONTHS_PER_YEAR

Array = NDArray[np.float64]
Ranks = NDArray[np.intp]
DRAWS = 10_000
"""A share of draws is then known to half a point, which is finer than any range is."""
SEED = 20_261_121
"""Any number; the same one every time, so that the same scenario gives the same page."""
HALF_INTERVAL = NormalDist().inv_cdf(0.95)
"""Standard deviations between the middle and either end of a 90 % interval: 1.645."""
IN_ORDER = "volume.lifetime_months"
"""One column of a Latin hypercube need not be shuffled: with lifetimes in order, a block of rows has as few months
as its own longest life."""
Limits = tuple[float, float]
UNIT_MOST = {"share": 1.0, "months": 120.0}
"""A share is of a whole, and no scenario looks further than ten years; other units have no top of their own."""


class Family(NamedTuple):
    """Prices that move together: names that begin so, their level a year on, lowest and highest, and why.

    `instead` names the leaf of a chosen price path that already says how they move.
    """

    prefixes: tuple[str, ...]
    name: str
    low_ratio: float
    high_ratio: float
    instead: str
    because: str


FAMILIES = (
    Family(("price.api.", "price.tuning."), "price level of hosted tokens", 0.72, 1.16, "price_path.switch",
           "a year on: the cheapest chat models of three vendors, 2024-11 to 2026-11 (0.72, 0.87, 1.16 a year); 11 of "
           "16 named models kept their price throughout"),
    Family(("price.gpu.", "price.serverless."), "price level of rented cards", 0.82, 1.5, "price_path.gpu_rise",
           "a year on: on-demand H100 fell by 18 % a year in 2023-2026 at one provider, and rose from 2.95 to 4.50 USD "
           "within a year at another; three of five cards kept their price"),
)  # fmt: skip


class Input(NamedTuple):
    """Something that is drawn: a figure with a range, and the leaves it multiplies (none: it is the leaf itself)."""

    figure: Figure
    leaves: tuple[Figure, ...] = ()


def limits_of(part: Part, prefix: str = "") -> dict[str, Limits]:
    """Return the least and most that each stated number of a scenario may be, by its path."""
    found: dict[str, Limits] = {}
    for name, info in type(part).model_fields.items():
        value: object = getattr(part, name)
        if isinstance(value, Part):
            found |= limits_of(value, f"{prefix}{name}.")
        elif isinstance(value, Quantity):
            measure = next(m for m in info.metadata if isinstance(m, Measure))
            found[f"{prefix}{name}"] = (float(measure.least), float(measure.most))
    return found


def limits_for(leaf: Figure, limits: Mapping[str, Limits]) -> Limits:
    """Return the least and most that the leaf may be: its field's, else what its unit allows."""
    most = UNIT_MOST.get(leaf.unit, np.inf)
    return limits.get(leaf.name, (0.0 if float(leaf.value) >= 0 else -np.inf, most))


def is_range(leaf: Figure) -> bool:
    """Say whether the leaf is one number with two ends that differ."""
    return not np.ndim(leaf.value) and leaf.low is not None and leaf.high is not None and leaf.low < leaf.high


def drifted_ratio(yearly_ratio: float, horizon_months: float) -> float:
    """Return the mean price over the horizon, over today's, if it drifts evenly by so much a year."""
    middles = np.arange(0.5, max(horizon_months, 1.0)) / MONTHS_PER_YEAR
    return float(np.mean(yearly_ratio**middles))


def level(family: Family, leaves: Iterable[Figure], horizon_months: float) -> Input | None:
    """Return the family's price level as one input over all its quoted leaves, or None where none is in use."""
    every = list(leaves)
    if any(leaf.name == family.instead for leaf in every):
        return None
    driven = tuple(
        leaf for leaf in every
        if leaf.kind is Kind.QUOTED and leaf.name.startswith(family.prefixes) and not is_range(leaf)
    )  # fmt: skip
    low, high = drifted_ratio(family.low_ratio, horizon_months), drifted_ratio(family.high_ratio, horizon_months)
    return Input(assumed(family.name, 1, "ratio", family.because, low, high), driven) if driven else None


def inputs_of(leaves: Iterable[Figure], horizon_months: float) -> dict[str, Input]:
    """Return everything that is drawn, by name: leaves with a range in the order of names, then price levels."""
    every = sorted(leaves, key=lambda leaf: leaf.name)
    levels = [level(family, every, horizon_months) for family in FAMILIES]
    stated = [Input(leaf) for leaf in every if is_range(leaf)]
    return {one.figure.name: one for one in (*stated, *(one for one in levels if one is not None))}


def free_leaves(inputs: Mapping[str, Input]) -> set[str]:
    """Return the names of all leaves that the inputs set."""
    return {leaf.name for one in inputs.values() for leaf in (one.leaves or (one.figure,))}


def leaf_values(inputs: Mapping[str, Input], drawn: Mapping[str, Array]) -> dict[str, Array]:
    """Return values by leaf from values by input."""
    found: dict[str, Array] = {}
    for name, one in inputs.items():
        if one.leaves:
            found |= {leaf.name: drawn[name] * float(leaf.value) for leaf in one.leaves}
        else:
            found[name] = drawn[name]
    return found


@cache
def scores(count: int) -> Array:
    """Return the middles of `count` equal parts of the standard normal distribution, ascending."""
    half = [NormalDist().inv_cdf((index + 0.5) / count) for index in range(count // 2)]
    middle = [0.0] if count % 2 else []
    return np.array([*half, *middle, *(-score for score in reversed(half))])


def order(name: str, count: int, seed: int) -> Ranks:
    """Return the order in which an input takes the parts of its distribution: a permutation of 0..count-1."""
    if name == IN_ORDER:
        return np.arange(count)
    return np.random.default_rng([seed, crc32(name.encode())]).permutation(count)


def spread_over(leaf: Figure, score: Array, limits: Limits) -> Array:
    """Return the leaf's values at standard-normal scores (Rule 1), kept inside its limits (Rule 4)."""
    value = float(leaf.value)
    low: float = min(float(leaf.low), value)
    high: float = max(float(leaf.high), value)
    if low > 0:
        down, up = log(value / low) / HALF_INTERVAL, log(high / value) / HALF_INTERVAL
        drawn = value * np.exp(score * np.where(score < 0, down, up))
    else:
        drawn = value + score * np.where(score < 0, value - low, high - value) / HALF_INTERVAL
    return np.clip(drawn, *limits)


def draw(
    inputs: Mapping[str, Input], limits: Mapping[str, Limits], count: int = DRAWS, seed: int = SEED
) -> tuple[dict[str, Array], dict[str, Ranks]]:
    """Return values by input name, shape (draws,), and each draw's rank among them, which sorts without sorting."""
    ranks = {name: order(name, count, seed) for name in inputs}
    every = scores(count)
    values = {
        name: spread_over(one.figure, every[ranks[name]], limits_for(one.figure, limits))
        for name, one in inputs.items()
    }
    return values, ranks
