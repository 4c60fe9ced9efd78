"""The 90 % interval of a derived figure: each leaf moved to its ends alone, the moves added in squares of logarithms.

Exact for products of independent log-normal leaves; a first approximation for sums. Draws replace it where they exist.
"""

import math
from collections.abc import Iterable

from pricing.figure import Figure, leaves, recompute


def in_squares(moves: Iterable[float]) -> float:
    """Return the root of the sum of squares."""
    return math.sqrt(sum(move * move for move in moves))


def interval(figure: Figure) -> tuple[float, float]:
    """Return (low, high) of a positive scalar figure; its own bounds if it has them, its value if nothing moves."""
    value = float(figure.value)
    if figure.low is not None and figure.high is not None:
        return float(figure.low), float(figure.high)
    if value <= 0:
        return value, value
    moves = [math.log(float(recompute(figure, {leaf.name: end})) / value) for leaf, end in ends(figure)]
    down = in_squares(move for move in moves if move < 0)
    up = in_squares(move for move in moves if move > 0)
    return value * math.exp(-down), value * math.exp(up)


def ends(figure: Figure) -> list[tuple[Figure, float]]:
    """Return every scalar leaf that has bounds with each of its two ends."""
    bounded = [leaf for leaf in leaves(figure) if leaf.low is not None and leaf.high is not None]
    return [(leaf, float(end)) for leaf in bounded for end in (leaf.low, leaf.high)]
