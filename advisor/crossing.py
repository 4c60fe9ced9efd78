"""Where a difference changes sign: break-even volumes on a staircase, and the values that flip a verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pricing.figure import Figure, Number, recompute

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


@dataclass(frozen=True, slots=True)
class Interval:
    """A range in which a condition holds; `high` None means: as far as was looked."""

    low: float
    high: float | None


def changes_on(difference: Callable[[Array], Array], grid: Array, looks: int) -> Array:
    """Return every point between the ends of a rising grid where the difference changes sign, jumps included."""
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


def sign_changes(
    difference: Callable[[Array], Array],
    low: float,
    high: float,
    points: int = GRID_POINTS,
    looks: int = VOLUME_LOOKS,
) -> Array:
    """Return every point in [low, high] (both > 0) where the difference changes sign, ascending."""
    return changes_on(difference, np.geomspace(low, high, points), looks)


def intervals_below_zero(difference: Callable[[Array], Array], low: float, high: float) -> tuple[Interval, ...]:
    """Return the ranges of [low, high] where the difference is negative (the other road is cheaper)."""
    edges = sign_changes(difference, low, high)
    bounds = [low, *edges.tolist(), high]
    inside = [(a, b) for a, b in pairwise(bounds) if difference(np.array([(a * b) ** 0.5]))[0] < 0]
    return tuple(Interval(a, None if b == high else b) for a, b in inside)


def looked_at(today: float, limits: tuple[float, float], reach: float) -> Array:
    """Return the values at which one input is first looked: a thousandfold up and down, inside what it may be.

    What is zero or negative today is looked at over all it may be: evenly where that is a share, else from a
    thousandth of its unit up.
    """
    least, most = limits
    if today > 0:
        return np.geomspace(max(least, today / reach), min(most, today * reach), FLIP_POINTS)
    if least < 0:
        return np.linspace(least, most, FLIP_POINTS)
    return np.geomspace(1 / reach, min(most, reach * reach * reach), FLIP_POINTS)


def flip_value(
    at: Callable[[Array], Array], today: float, threshold: float, limits: tuple[float, float], reach: float
) -> float | None:
    """Return the input value nearest to today's where `at` crosses the threshold, or None within reach and limits."""
    edges = changes_on(lambda values: at(values) - threshold, looked_at(today, limits, reach), FLIP_LOOKS)
    return min(edges.tolist(), key=lambda x: abs(np.log(x / today)) if x > 0 < today else abs(x - today), default=None)


def value_at(figure: Figure, replaced: Mapping[str, Number]) -> float:
    """Return the figure's scalar value with leaves replaced."""
    return float(np.asarray(recompute(figure, replaced)).reshape(-1)[0])
