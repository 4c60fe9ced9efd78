"""What the rest of a run will take, from its own first steps: the measurement that replaces the forecast.

Rule 1  Warm-up is dropped, interruptions are trimmed away, and what is left is averaged: half the steps of padded rows
        are longer than the median, and the bill is the sum.
Rule 2  The interval is as wide as the steps themselves scatter, and never narrower than a machine drifts over a run.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from pricing.figure import Figure, assumed
from pricing.units import SECONDS_PER_HOUR

WARM_STEPS: Final = 3
"""Compilation, allocator and page faults slow the first steps (benchmarks/cpu_step.py drops as many)."""
LEAST_STEPS: Final = 5
"""Fewer steps after the warm ones have no middle to speak of."""
TRIM_SHARE: Final = 0.1  # of the steps at either end: interruptions and lucky steps
SCATTER_SHARES: Final = (0.05, 0.95)  # of the steps: what lies between is the 90 % of them
DRIFT: Final = assumed(
    "probe.drift",
    0.05,
    "share",
    "clocks, heat and neighbours over a run: the same step repeats within some per cent on a card of one's own",
    low=0.02,
    high=0.15,
)


class ProbeError(ValueError):
    """Too few steps to forecast from; the message says how many are wanted."""


class Probe(NamedTuple):
    """Seconds that the steps left will take, with the 90 % interval, and the seconds of one step they rest on."""

    seconds_left: float
    low: float
    high: float
    seconds_per_step: float
    steps_used: int

    @property
    def hours_left(self) -> float:
        """Return the hours left, for the bill."""
        return self.seconds_left / SECONDS_PER_HOUR


def quantile_seconds(ordered_seconds: Sequence[float], quantile_share: float) -> float:
    """Return a quantile of sorted values, by linear interpolation."""
    place = quantile_share * (len(ordered_seconds) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered_seconds) - 1)
    return ordered_seconds[below] + (place - below) * (ordered_seconds[above] - ordered_seconds[below])


def trimmed_seconds(seconds: Sequence[float], trim_share: float = TRIM_SHARE) -> float:
    """Return the mean without the slowest and the fastest `trim_share` of values."""
    ordered = sorted(seconds)
    cut = int(len(ordered) * trim_share)
    kept = ordered[cut : len(ordered) - cut]
    return sum(kept) / len(kept)


def _checked(step_seconds: Sequence[float], step_tokens: Sequence[float] | None) -> None:
    wanted = WARM_STEPS + LEAST_STEPS
    if len(step_seconds) < wanted:
        raise ProbeError(f"{len(step_seconds)} steps were measured, wanted at least {wanted}: let it run on")
    if step_tokens is not None and len(step_tokens) != len(step_seconds):
        raise ProbeError(f"{len(step_tokens)} token counts for {len(step_seconds)} steps, wanted one for each")
    if min(step_seconds) <= 0 or (step_tokens is not None and min(step_tokens) <= 0):
        raise ProbeError("a step of no length was measured, wanted seconds and tokens above 0")


def probe_forecast(
    step_seconds: Sequence[float],
    steps_left: int,
    step_tokens: Sequence[float] | None = None,
    tokens_left: float | None = None,
    drift: Figure = DRIFT,
) -> Probe:
    """Return what `steps_left` more steps take, from the seconds of the first ones in their order.

    With tokens of the steps and of the rest, the rate is a token's: rows of changing length then scatter less.
    Raises ProbeError where there are too few steps.
    """
    _checked(step_seconds, step_tokens)
    by_token = step_tokens is not None and tokens_left is not None
    units = [1.0] * len(step_seconds) if step_tokens is None or not by_token else list(step_tokens)
    rates = sorted(s / u for s, u in zip(step_seconds[WARM_STEPS:], units[WARM_STEPS:], strict=True))
    rate = trimmed_seconds(rates)
    left = float(tokens_left) if by_token and tokens_left is not None else float(steps_left)
    fastest, slowest = (quantile_seconds(rates, share) for share in SCATTER_SHARES)
    down = max(float(drift.value), 1 - fastest / rate)
    up = max(float(drift.value), slowest / rate - 1)
    whole = rate * left
    per_step = whole / steps_left if steps_left else rate
    return Probe(whole, whole * (1 - down), whole * (1 + up), per_step, len(rates))
