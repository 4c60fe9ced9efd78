"""What a run will take, told again from a few measured steps, and whether it may go on. Pure.

Rule 1  A training stage takes its measured start, its steps at the mean of the typical ones, and its saves; what was
        not measured keeps the plan's forecast.
Rule 2  Refused: a run whose new low end crosses a limit, a stage whose new value lies past the plan's high end times
        the plan's own ratio, checkpoints that the disk cannot hold. A recorded reason lets the first two pass.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from statistics import fmean
from typing import NamedTuple

from advisor.plan import Forecast, Plan, Stage, TrainSettings
from pricing.units import GIB, SECONDS_PER_HOUR
from runner.engine import ProbeResult
from runner.refusal import Refusal

QUICKER, SLOWER = 0.9, 1.25
"""A sample of a few steps against hundreds: clocks settle, longer rows and other tenants come; as for rented cards."""
SAVED_AT_ONCE = 2  # one checkpoint more than is kept lies on the disk while a save is under way, and the artefact
ADAPTER = 1.5
"""A decoding step with an unmerged adapter against the base's: each product is three. Measured 1.3 to 1.6 on a CPU."""
BASIS = "measured by the probe"


class Answers(NamedTuple):
    """The base's answers to a few batches: how many, tokens of each one's longest together, seconds; and loading."""

    batches: int
    tokens: int
    seconds: float
    load_seconds: float


class Asked(NamedTuple):
    """What the evaluation asks both models: batches of test rows and of guards' requests; the limit and mean length."""

    tests: int
    guards: int
    longest_tokens: int
    answer_tokens: float
    adapter: bool


class Room(NamedTuple):
    """What is there at the probe: both limits, and bytes free on the disk."""

    limit_hours: float
    limit_usd: float
    disk_free_bytes: int


def measured(value: float, low: float, high: float, unit: str) -> Forecast:
    """Return a forecast that rests on the probe."""
    return Forecast(value=value, low=low, high=high, unit=unit, grade="m", basis=BASIS)


def training_seconds(settings: TrainSettings, found: ProbeResult, watched_rows: int = 0) -> Forecast:
    """Return the seconds of a whole training stage (Rule 1); the loss on `watched_rows` is taken while it trains."""
    around = found.ready_seconds + math.ceil(settings.max_steps / settings.save_every_steps) * found.save_seconds
    steps, typical = settings.max_steps + settings.watching_steps(watched_rows), found.typical_seconds
    return measured(
        around + steps * fmean(typical),
        QUICKER * (around + steps * min(typical)),
        SLOWER * (around + steps * max(typical)),
        "seconds",
    )


def answering_seconds(asked: Asked, found: Answers) -> Forecast:
    """Return the seconds of base and tuned answering the test rows and the guards' requests.

    The base does not know where to end: its batches run between what was probed and the limit.
    """
    step, tuned_step = (factor * found.seconds / found.tokens for factor in (1.0, ADAPTER if asked.adapter else 1.0))
    probed, to_limit = asked.tests * found.seconds / found.batches, asked.tests * step * asked.longest_tokens
    tuned, twice = (
        asked.tests * tuned_step * min(tokens, asked.longest_tokens)
        for tokens in (asked.answer_tokens, 2 * asked.answer_tokens)
    )
    guards = asked.guards * (step + tuned_step) * asked.longest_tokens
    around = 2 * found.load_seconds
    return measured(
        around + (probed + to_limit) / 2 + tuned + guards,
        QUICKER * (around + probed + tuned),
        SLOWER * (around + to_limit + twice + guards),
        "seconds",
    )


def usd_of(seconds: Forecast, usd_per_hour: Decimal) -> Forecast:
    """Return what so many seconds cost at the plan's rate."""
    rate = float(usd_per_hour) / SECONDS_PER_HOUR
    return measured(seconds.value * rate, seconds.low * rate, seconds.high * rate, "usd")


def stage_forecast(plan: Plan, stage: Stage, found: ProbeResult, watched_rows: int = 0) -> dict[str, Forecast]:
    """Return a probed training stage's new forecast; its peak is that of the longest rows."""
    if stage.train is None:
        return {}
    seconds, tokens = training_seconds(stage.train, found, watched_rows), found.typical_tokens * stage.train.max_steps
    peak = float(found.peak_bytes)
    return {
        "seconds": seconds,
        "usd": usd_of(seconds, plan.machine.usd_per_hour),
        "tokens": measured(tokens, QUICKER * tokens, SLOWER * tokens, "tokens"),
        "peak_bytes": measured(peak, QUICKER * peak, SLOWER * peak, "bytes"),
    }


def run_forecast(plan: Plan, stages: Mapping[str, Mapping[str, Forecast]]) -> dict[str, Forecast]:
    """Return the whole run's seconds and money with the probed stages in the place of the planned ones."""
    found: dict[str, Forecast] = {}
    for name in ("seconds", "usd"):
        if name not in plan.forecast:
            continue
        parts = [stages.get(stage.name, stage.forecast).get(name, stage.forecast.get(name)) for stage in plan.stages]
        parts = [*(part for part in parts if part is not None), *([plan.setup[name]] if name in plan.setup else [])]
        value = sum(part.value for part in parts)
        low, high = (
            value - math.hypot(*(part.value - part.low for part in parts)),
            value + math.hypot(*(part.high - part.value for part in parts)),
        )
        found[name] = measured(value, max(0.0, low), high, plan.forecast[name].unit)
    return found


def over_limits(run: Mapping[str, Forecast], room: Room) -> list[Refusal]:
    """Return a refusal for each limit that even the new low end crosses."""
    rows = (
        ("hours", run.get("seconds"), SECONDS_PER_HOUR, room.limit_hours, "--max-hours"),
        ("USD", run.get("usd"), 1.0, room.limit_usd, "--max-usd"),
    )
    return [
        Refusal(
            "probe",
            f"measured steps put the run at {told.value / per:.3g} {unit}, {told.low / per:.3g} at the least; "
            f"the limit is {limit:.3g}",
            f"plan less, raise the limit ({flag} AMOUNT --raise-limit REASON), or go on with --accept-probe REASON",
        )
        for unit, told, per, limit, flag in rows
        if told is not None and told.low / per > limit
    ]


def outside(plan: Plan, stages: Mapping[str, Mapping[str, Forecast]], ratio: float) -> list[tuple[str, bool]]:
    """Return a sentence for each probed figure outside the plan's interval, and whether it is grossly above it."""
    found: list[tuple[str, bool]] = []
    for stage in plan.stages:
        for name, told in stages.get(stage.name, {}).items():
            planned = stage.forecast.get(name)
            if planned is None or planned.low <= told.value <= planned.high:
                continue
            text = f"{stage.name} {name}: {told.value:.4g} by the probe, planned {planned.low:.4g}..{planned.high:.4g}"
            found.append((text, told.value > ratio * planned.high))
    return found


def too_far(sentences: list[tuple[str, bool]]) -> list[Refusal]:
    """Return a refusal for each figure that is grossly above the plan."""
    remedy = "make the plan again on this machine, or go on with --accept-probe REASON"
    return [Refusal("probe", text, remedy) for text, grossly in sentences if grossly]


def no_room(plan: Plan, results: Mapping[str, ProbeResult], free_bytes: int) -> list[Refusal]:
    """Return a refusal where the disk does not hold the checkpoints as they really are."""
    needed = sum(
        results[stage.name].checkpoint_bytes * (stage.train.keep_checkpoints + SAVED_AT_ONCE)
        for stage in plan.stages
        if stage.train is not None and stage.name in results
    )
    if needed <= free_bytes:
        return []
    found = f"checkpoints take {needed / GIB:.3g} GiB, {free_bytes / GIB:.3g} GiB are free"
    return [Refusal("disk", found, "free some, keep fewer checkpoints, or choose a --dir on another disk")]
