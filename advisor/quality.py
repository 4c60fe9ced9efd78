"""Is one answer as good as another: pairs of answers to the same questions, and how many are wanted. Pure.

Rule 1  Answers to the same questions are compared in pairs: only those questions count on which the two differ.
Rule 2  "As good" is shown by an interval above minus the margin; a difference that is merely not shown is unknown.
Rule 3  Intervals are two-sided 95 %, sample sizes give 80 % power, as in advisor.evidence.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from advisor.answer import Answer
from advisor.evidence import (
    Z_POWER_80,
    Z_TWO_SIDED_95,
    Finding,
    Interval,
    ScoredTrial,
    best_trial,
    non_inferiority_answer,
    wilson,
)
from pricing.figure import Figure, Number, measured


class Pairs(NamedTuple):
    """Questions answered twice: right by both, by the first (tuned) only, by the second (hosted) only, by neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def n(self) -> int:
        """Questions in all."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def first(self) -> int:
        """Right by the first."""
        return self.both + self.only_first

    @property
    def second(self) -> int:
        """Right by the second."""
        return self.both + self.only_second


def pair_correlation(pairs: Pairs) -> float:
    """Return the correlation of the two outcomes, a positive one corrected for continuity; 0 where it is undefined."""
    first, second, n = pairs.first, pairs.second, pairs.n
    under = first * (n - first) * second * (n - second)
    if under == 0:
        return 0.0
    cross = float(pairs.both * pairs.neither - pairs.only_first * pairs.only_second)
    return (max(cross - n / 2, 0.0) if cross > 0 else cross) / math.sqrt(under)


def paired_difference(pairs: Pairs) -> Interval:
    """Return the share right of the first minus the second with its hybrid score interval; ValueError without pairs.

    Method 10 of Newcombe, Statistics in Medicine 17 (1998) 2635-2650.
    """
    first, second, phi = wilson(pairs.first, pairs.n), wilson(pairs.second, pairs.n), pair_correlation(pairs)

    def half(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    below = half(first.value - first.low, second.high - second.value)
    above = half(first.high - first.value, second.value - second.low)
    value = (pairs.only_first - pairs.only_second) / pairs.n
    return Interval(value, value - below, value + above)


def mcnemar_p(pairs: Pairs) -> float:
    """Return the exact two-sided p-value that questions on which the two differ fall evenly; 1 where there are none.

    Q. McNemar (1947): the binomial test of the discordant pairs at one half.
    """
    n, few = pairs.only_first + pairs.only_second, min(pairs.only_first, pairs.only_second)
    tail = sum(math.comb(n, k) for k in range(few + 1))
    return min(1.0, 2 * tail / 2**n)


def paired_size(differing_share: float, difference_share: float, margin_share: float) -> int | None:
    """Return the questions that settle non-inferiority in pairs with 80 % power; None where the gap is nil.

    (z + z_power)**2 (s - d**2) / (d + margin)**2, rounded up: s the share on which the two differ, d the difference.
    """
    gap = difference_share + margin_share
    if math.isclose(gap, 0.0, abs_tol=1e-9):
        return None
    variance = max(0.0, differing_share - difference_share**2)
    return max(1, math.ceil((Z_TWO_SIDED_95 + Z_POWER_80) ** 2 * variance / gap**2))


def width_size(rate_share: float, half_width_share: float) -> int:
    """Return the least number of scored answers whose Wilson interval at this rate is no wider than twice the half.

    Exact in the interval, found by bisection: its width falls with n. Raises ValueError for a half width of nought.
    """
    if half_width_share <= 0:
        message = f"no sample gives a half width of {half_width_share}; wanted a share above 0"
        raise ValueError(message)

    def half(n: int) -> float:
        z2 = Z_TWO_SIDED_95**2
        return Z_TWO_SIDED_95 * math.sqrt(rate_share * (1 - rate_share) / n + z2 / (4 * n * n)) / (1 + z2 / n)

    high = 1
    while half(high) > half_width_share:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if half(middle) > half_width_share else (low, middle)
    return high


def paired_answer(pairs: Pairs, margin_share: float) -> Finding:
    """Answer "is the first at most `margin_share` worse than the second?" from pairs."""
    found = paired_difference(pairs)
    told = (
        f"in pairs on {pairs.n:,} questions the difference is {found}, margin {margin_share:g}; right by tuned only "
        f"{pairs.only_first:,}, by hosted only {pairs.only_second:,} (exact McNemar p = {mcnemar_p(pairs):.2g})"
    )
    if found.low > -margin_share:
        return Finding(Answer.YES, told)
    if found.high < -margin_share:
        return Finding(Answer.NO, told)
    differing = (pairs.only_first + pairs.only_second) / pairs.n
    size = paired_size(differing, found.value, margin_share)
    if size is None:
        return Finding(Answer.UNKNOWN, f"{told}; exactly on the margin: more answers are needed than can be planned")
    wanted = max(size, pairs.n + 1)
    return Finding(Answer.UNKNOWN, told, wanted, 2 * (wanted - pairs.n))


def as_good(
    tuned: Sequence[ScoredTrial], hosted: Sequence[ScoredTrial], pairs: Pairs | None, margin_share: float
) -> Finding:
    """Answer "is the tuned model as good as today's?": in pairs where they are known, else from two trial counts."""
    if pairs is not None:
        return paired_answer(pairs, margin_share)
    return non_inferiority_answer(tuned, hosted, margin_share)


def success_share(name: str, trials: Sequence[ScoredTrial]) -> Figure | None:
    """Return the best trial's success share as a measured figure with its Wilson interval, or None without trials."""
    if not trials:
        return None
    best = best_trial(trials)
    rate = wilson(best.successes, best.n)
    note = f"{best.variant}: {best.successes} of {best.n}"
    return measured(name, rate.value, "share", note, low=rate.low, high=rate.high)


def error_loss_usd_per_month(error_usd: Number, success_share: Number, demand_tasks_per_month: Number) -> Number:
    """Return what wrong answers are expected to cost: each priced the same, at the share that trials show."""
    return error_usd * (1 - success_share) * demand_tasks_per_month
