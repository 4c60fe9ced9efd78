"""Where a difference changes sign: break-even volumes on a staircase, and the values that flip a verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pricing.figure import Figure, Number, plain, recompute

Array = NDArray[np.float64]
GRID_POINTS = 2000
"""Log-spaced first look at volumes; a step narrower than 1/2000 of the range on a log scale can hide between points."""
FLIP_POINTS = 200
"""First look at one input: a verdict that flips there and back within 7 % of a value is not what a reader asks for."""
REFINE_POINTS = 128
"""Each look into a bracket narrows it 127-fold; one array call is cheaper than seven halvings."""
VOLUME_LOOKS = 7
"""127**-7 of a bracket is below the digits of a float64."""
FLIP_LOOKS = 5
"""A bracket of 7 % is then known to one part in 10**11: more than any input is."""
LONGEST_MONTHS = 120.0
"""Lifetimes and intervals are looked at up to the ten years a scenario may state."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range in which a condition holds; `high` None means: as far as was looked."""

    low: float
    high: float | None


def untouched(figure: Figure, leaf: str) -> dict[int, Number]:
    """Return the values of all figures below that do not rest on the leaf, by identity."""
    fixed: dict[int, Number] = {}
    rests: dict[int, bool] = {}

    def visit(here: Figure) -> bool:
        if id(here) not in rests:
            below = [visit(one) for one in here.inputs.values()]
            rests[id(here)] = here.name == leaf or any(below)
            if not rests[id(here)]:
                fixed[id(here)] = plain(here.value)
        return rests[id(here)]

    visit(figure)
    return fixed


def along(figure: Figure, leaf: str) -> Callable[[Array], Array]:
    """Return the figure as a function of one leaf's value, for arrays of shape (points,).

    What does not rest on the leaf keeps its value, so only the path from the leaf up is computed again.
    """
    fixed = untouched(figure, leaf)

    def at(values: Array) -> Array:
        column = values.reshape(-1, 1)
        found = recompute(figure, {leaf: column}, dict(fixed))
        return np.broadcast_to(np.asarray(found, dtype=float), column.shape)[:, 0]

    return at


def sign_changes(
    difference: Callable[[Array], Array],
    low: float,
    high: float,
    points: int = GRID_POINTS,
    looks: int = VOLUME_LOOKS,
) -> Array:
    """Return every point in [low, high] (both > 0) where the difference changes sign, jumps included, ascending."""
    grid = np.geomspace(low, high, points)
    negative = difference(grid) < 0
    at = np.flatnonzero(negative[1:] != negative[:-1])
    left, right, left_negative = grid[at], grid[at + 1], negative[at]
    rows = np.arange(at.size)
    for _ in range(looks if at.size else 0):
        inside = np.linspace(left, right, REFINE_POINTS, axis=1)
        other = (difference(inside.reshape(-1)) < 0).reshape(inside.shape) != left_negative[:, None]
        other[:, -1] = True
        first = np.maximum(other.argmax(axis=1), 1)
        left, right = inside[rows, first - 1], inside[rows, first]
    return right


def intervals_below_zero(difference: Callable[[Array], Array], low: float, high: float) -> tuple[Interval, ...]:
    """Return the ranges of [low, high] where the difference is negative (the other road is cheaper)."""
    edges = sign_changes(difference, low, high)
    bounds = [low, *edges.tolist(), high]
    inside = [(a, b) for a, b in pairwise(bounds) if difference(np.array([(a * b) ** 0.5]))[0] < 0]
    return tuple(Interval(a, None if b == high else b) for a, b in inside)


def flip_value(figure: Figure, leaf: Figure, threshold: float, reach: float) -> float | None:
    """Return the leaf value nearest (by ratio) to today's where `figure` crosses `threshold`, or None within the reach.

    Looks from value / reach to value * reach; a leaf that is zero or negative is not looked at.
    """
    today = float(leaf.value)
    if today <= 0:
        return None
    most = max(today, LONGEST_MONTHS) if leaf.unit == "months" else today * reach
    at = along(figure, leaf.name)
    edges = sign_changes(lambda values: at(values) - threshold, today / reach, most, FLIP_POINTS, FLIP_LOOKS)
    return min(edges.tolist(), key=lambda x: abs(np.log(x / today)), default=None)


def value_at(figure: Figure, replaced: Mapping[str, Number]) -> float:
    """Return the figure's scalar value with leaves replaced."""
    return float(np.asarray(recompute(figure, replaced)).reshape(-1)[0])
