"""Demand over the week to replicas, and from replicas to what is billed: presets, own logs, four ways of scaling.

Rule 1  A load is a duration curve: shares of the time, each at so many times the mean. The shares add up to 1, the
        loads to a mean of 1, and the highest is the hour that capacity is bought for: what lies above it queues.
Rule 2  A scaler that sees a ten-minute window late holds the larger of this window and the last one.
Rule 3  Replicas are whole, never under the floor, and never less than the work itself: utilisation is an output.
Rule 4  static >= autoscale >= scale to zero, hour by hour; serverless pays for what is awake, by the second.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pricing.figure import Number
from pricing.units import SECONDS_PER_HOUR, TOKENS_PER_PRICE_UNIT

Array = NDArray[np.float64]

Z_PEAK: Final = 2.3263
"""The standard normal's 99th percentile: a peak is the p99 hour, as in the statistics that the defaults come from."""
PEAK_PERCENTILE: Final = 99
LEVELS: Final = (
    (-2.0537, 0.04), (-1.4051, 0.12), (-0.8779, 0.12), (-0.5244, 0.12), (-0.1764, 0.14), (0.1764, 0.12),
    (0.4677, 0.12), (0.8416, 0.10), (1.2265, 0.06), (1.6449, 0.03), (1.9600, 0.02), (2.3263, 0.01),
)  # fmt: skip
"""Standard normal quantile and share of the time; the middle of each slice of the year, the busiest 1 % at the peak."""
HOURS_OF_A_DAY: Final = 24
DAYS_OF_A_WEEK: Final = 7
WINDOWS_SEEN: Final = 2
"""This ten-minute window and the last: reproduces reference/traffic/utilisation_policy.csv (benchmarks/traffic.py)."""
CURVE_POINTS: Final = 24
"""Levels an own log is summed up in: half-percent slices at the top, where whole replicas are decided."""
FLOOR_DECIDES: Final = 0.5
THROUGHPUT_DECIDES: Final = 3.0
"""Mean load in replicas, from the policy table of 395 production clients: below half of one the floor is most of the
bill, above three a wrong throughput moves it one for one."""


class Curve(NamedTuple):
    """A load-duration curve: loads over the mean (lowest first), the share of the time of each, and the p99 load."""

    load_ratio: tuple[float, ...]
    time_share: tuple[float, ...]
    peak_ratio: float


class Preset(NamedTuple):
    """A usual traffic: the p99 hour over the mean hour with its 90 % interval, a week of 168 loads or none, and why."""

    peak_ratio: float
    low: float
    high: float
    week: tuple[float, ...]
    because: str


def business_week() -> tuple[float, ...]:
    """Return 168 hourly weights: ten office hours on five days, a twentieth of that at night and at the weekend."""
    office = (0.05,) * 8 + (0.6, 1.0, 1.2, 1.2, 0.8, 1.0, 1.2, 1.2, 1.0, 0.6) + (0.05,) * 6
    return office * 5 + (0.05,) * (2 * HOURS_OF_A_DAY)


CLIENTS: Final = "of 260 production clients above 0.1 requests/s over 14 days (reference/traffic/traffic_clients.csv)"
PRESETS: Final = {
    "steady": Preset(1.6, 1.3, 2.6, (), f"p99 hour over mean hour: 10th, 5th and 25th percentile {CLIENTS}"),
    "business_hours": Preset(
        3.7, 3.3, 4.8, business_week(), "ten office hours on five days carry nine tenths of the week (an assumed shape)"
    ),
    "bursty": Preset(11.0, 4.8, 32.0, (), f"p99 hour over mean hour: 75th, 50th and 95th percentile {CLIENTS}"),
    "pooled": Preset(
        2.2, 1.6, 2.6, (), f"many clients on one replica: below the 25th percentile {CLIENTS}, day and night remain"
    ),
}
"""The presets a scenario may name."""


def sigma_of_peak(peak_to_mean_ratio: Number) -> Number:
    """Return the log standard deviation of a lognormal load whose p99 is so many times its mean (at most 14.9)."""
    most = np.log(np.maximum(peak_to_mean_ratio, 1.0))
    return Z_PEAK - np.sqrt(np.maximum(Z_PEAK**2 - 2 * most, 0.0))


def lognormal_curve_ratio(peak_to_mean_ratio: Number) -> Number:
    """Return the load over the mean at each of LEVELS, of a lognormal year with this peak: a mean of 1, none above it.

    Shape (levels,), or (levels, rows, 1) for a peak of shape (rows, 1).
    """
    sigma = sigma_of_peak(peak_to_mean_ratio)
    raw = np.stack([np.exp(sigma * z) for z, _ in LEVELS])
    top_share = LEVELS[-1][1]
    below = sum(level * share for level, (_, share) in zip(raw[:-1], LEVELS, strict=False))
    top = np.minimum(raw[-1] / (below + raw[-1] * top_share), peak_to_mean_ratio)
    rest = raw[:-1] * ((1 - top * top_share) / below)
    return np.concatenate([np.minimum(rest, top), top[None]])


def curve_of_loads(loads: Sequence[float] | Array) -> Curve:
    """Return the duration curve of equally long slices of time, cut at the p99 slice; exact for few distinct loads.

    Raises ValueError where nothing was ever asked.
    """
    ordered = np.sort(np.asarray(loads, dtype=np.float64))
    mean = float(ordered.mean()) if ordered.size else 0.0
    if not mean > 0:
        message = "the traffic holds no request at all; wanted at least one"
        raise ValueError(message)
    peak = max(float(np.percentile(ordered, PEAK_PERCENTILE)), mean)
    values, counts = np.unique(np.minimum(ordered, peak), return_counts=True)
    if values.size > CURVE_POINTS:
        edges = 1 - np.geomspace(1.0, 1 / CURVE_POINTS**2, CURVE_POINTS)
        places = np.unique(np.append(np.round(edges * ordered.size).astype(int), [0, ordered.size])).tolist()
        values = np.array([np.minimum(ordered[a:b], peak).mean() for a, b in pairwise(places)])
        counts = np.diff(places)
    return Curve(tuple((values / mean).tolist()), tuple((counts / ordered.size).tolist()), peak / mean)


def held_over_load(loads: Sequence[float] | Array) -> float:
    """Return what a scaler that is one slice late holds, over the load itself: the larger of neighbours, summed."""
    series = np.asarray(loads, dtype=np.float64)
    before = np.concatenate([series[:1], series[:-1]])
    return float(np.maximum(series, before).sum() / series.sum())


def awake_share(arrivals_tasks_per_second: Number, idle_seconds: Number, start_seconds: Number) -> Number:
    """Return the share of the time a worker is up that stops after so long without a request, 0 to 1.

    Requests arrive at random (Poisson); `start_seconds` is what each start adds to the bill. Leaves out clumping,
    which keeps it down for longer.
    """
    expected = np.minimum(arrivals_tasks_per_second * idle_seconds, 700.0)  # exp(709) is the last float64
    return 1 - 1 / (np.exp(expected) + arrivals_tasks_per_second * start_seconds)


def fluid_replicas(
    demand_tasks_per_month: Number,
    busy_hours_per_month: Number,
    capacity_tasks_per_hour: Number,
    calendar_share: Number,
) -> Number:
    """Return the mean load in whole-replica capacities: the fluid bound of every staircase."""
    hours = busy_hours_per_month * np.where(calendar_share > 0, calendar_share, 1.0)
    return demand_tasks_per_month / hours / capacity_tasks_per_hour


def urgent_tasks_per_hour(peak_tasks_per_hour: Number, peak_to_mean_ratio: Number, batchable_share: Number) -> Number:
    """Return the load that sizes replicas whose waiting work fills the trough: the urgent peak, or all the work."""
    return np.maximum(peak_tasks_per_hour * (1 - batchable_share), peak_tasks_per_hour / peak_to_mean_ratio)


def remaining_tasks_per_month(demand_tasks_per_month: Number, batchable_share: Number) -> Number:
    """Return the work that stays on the replica set where the part that can wait runs elsewhere, on spot cards."""
    return demand_tasks_per_month * (1 - batchable_share)


def waiting_replicas(
    demand_tasks_per_month: Number,
    busy_hours_per_month: Number,
    capacity_tasks_per_hour: Number,
    batchable_share: Number,
    calendar_share: Number,
) -> Number:
    """Return the spot replicas that the waiting work fills: packed full, started when there is enough of it."""
    hours = busy_hours_per_month * np.where(calendar_share > 0, calendar_share, 1.0)
    return demand_tasks_per_month * batchable_share / hours / capacity_tasks_per_hour


def following_replicas(
    fluid_replicas: Number,
    static_replicas: Number,
    curve_ratio: Number,
    curve_share: Number,
    headroom_ratio: Number,
    reaction_ratio: Number,
    floor_replicas: Number,
    batchable_share: Number,
    calendar_share: Number,
) -> Number:
    """Return the mean replicas that follow a duration curve: max(floor, ceil(load x held)) over its levels.

    Levels are the first axis of `curve_ratio` and `curve_share`. Never under the work itself, nor over static.
    """
    held = fluid_replicas * (1 - batchable_share) * headroom_ratio * reaction_ratio
    mean: Number = 0.0
    for ratio, share in zip(curve_ratio, curve_share, strict=True):
        mean = mean + share * np.minimum(np.maximum(np.ceil(held * ratio), floor_replicas), static_replicas)
    return np.maximum(mean, fluid_replicas) * (calendar_share > 0)


def sleeping_replicas(
    following_replicas: Number,
    fluid_replicas: Number,
    curve_ratio: Number,
    curve_share: Number,
    arrivals_tasks_per_second: Number,
    idle_seconds: Number,
    start_seconds: Number,
) -> Number:
    """Return the mean replicas where the last one stops too once idle; `following_replicas` have a floor of 0.

    Of that last one only the time in which anything is awake is billed, level by level. Never under the work itself.
    """
    asleep: Number = 0.0
    for ratio, share in zip(curve_ratio, curve_share, strict=True):
        asleep = asleep + share * (1 - awake_share(arrivals_tasks_per_second * ratio, idle_seconds, start_seconds))
    last = np.minimum(following_replicas, 1.0)
    return np.maximum(following_replicas - last * asleep, fluid_replicas)


def start_seconds(loading_seconds: Number, step_seconds: Number, minimum_seconds: Number) -> Number:
    """Return what one start adds to a bill: loading, half a started billing step, and never less than the minimum."""
    return np.maximum(loading_seconds + step_seconds / 2, minimum_seconds)


def serverless_replicas(
    fluid_replicas: Number,
    headroom_ratio: Number,
    arrivals_tasks_per_second: Number,
    idle_seconds: Number,
    start_seconds: Number,
    calendar_share: Number,
) -> Number:
    """Return the mean workers billed: the work with its headroom, or one worker's waking time if that is more.

    Workers come and go within seconds, so there are no steps; each start and each wait for another request is billed.
    """
    awake = awake_share(arrivals_tasks_per_second, idle_seconds, start_seconds)
    return np.maximum(fluid_replicas * headroom_ratio, awake) * (calendar_share > 0)


def mean_tasks_per_second(
    demand_tasks_per_month: Number, busy_hours_per_month: Number, calendar_share: Number
) -> Number:
    """Return requests a second at the mean load; a part of a month has a part of its hours."""
    hours = busy_hours_per_month * np.where(calendar_share > 0, calendar_share, 1.0)
    return demand_tasks_per_month / (hours * SECONDS_PER_HOUR)


def utilisation_share(fluid_replicas: Number, billed_replicas: Number, calendar_share: Number) -> Number:
    """Return work over what is billed, all months together, 0 to 1; shape (rows, 1) for arrays with rows."""
    work = np.asarray(fluid_replicas * calendar_share, dtype=np.float64)
    billed = np.asarray(billed_replicas * calendar_share, dtype=np.float64)
    return work.sum(axis=-1, keepdims=work.ndim > 1) / billed.sum(axis=-1, keepdims=billed.ndim > 1)


def usage_price_usd_per_million_tokens(
    serving_usd_per_task: Number,
    utilisation_share: Number,
    input_tokens_per_task: Number,
    output_tokens_per_task: Number,
) -> Number:
    """Return the price of a million tokens on a replica that is always full (allocated price times utilisation)."""
    tokens = input_tokens_per_task + output_tokens_per_task
    return serving_usd_per_task * utilisation_share * TOKENS_PER_PRICE_UNIT / tokens


def site_watts(card_watts: Number, pue_ratio: Number) -> Number:
    """Return the power drawn at the meter: the card's own, and cooling and losses around it."""
    return card_watts * pue_ratio


def regime(mean_load: float, utilisation: float, full_usd: float) -> str:
    """Return what decides the bill, as one sentence: load in replicas, share in use, USD per million tokens if full."""
    decides = "whole replicas and throughput share the decision"
    if mean_load < FLOOR_DECIDES:
        decides = "the floor decides the cost, not the throughput"
    if mean_load > THROUGHPUT_DECIDES:
        decides = "an error in the throughput moves the cost one for one"
    prices = f"USD {full_usd / utilisation:.3g} to serve a million tokens, {full_usd:.3g} if always full"
    return f"mean load {mean_load:.2g} replicas, {utilisation:.0%} in use ({prices}): {decides}"
