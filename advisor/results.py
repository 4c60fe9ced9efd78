"""What each road comes to: unit costs, payback, return, the volumes at which it crosses today, and what flips it."""

from collections.abc import Mapping, Sequence

import numpy as np

from advisor import economics as eco
from advisor import returns
from advisor.advice import CrossoverRecord, FlipRecord, OptionRecord
from advisor.balance import TODAY, VOLUME, Balance, number
from advisor.crossing import flip_value, intervals_below_zero, value_at
from advisor.ground import Ground
from advisor.options import Option
from advisor.program import Program
from advisor.uncertainty_draws import Limits, is_range, limits_for
from pricing.figure import Figure, Kind, derive, leaves

FLIP_REACH = 1000.0
"""Inputs are looked at from a thousandth to a thousand times today's value."""
VOLUME_REACH = (1.0, 1e10)
"""Tasks a month between which crossings are looked for: one, and more than anybody has."""
TIE_DIGITS = 6
"""Inputs that enter as one product flip at the same factor; below this they stand by name."""


def finite(months: float) -> float | None:
    """Return the months, or None for never."""
    return float(months) if np.isfinite(months) else None


def saved_by(today: Option, option: Option) -> Figure:
    """Return what each month's bill falls by if this road is taken instead of today's."""
    return derive(
        f"{option.key}.saved",
        returns.saved_usd_per_month,
        hosted_usd_per_month=today.running,
        own_usd_per_month=option.running,
    )


def payback_of(today: Option, option: Option) -> Figure:
    """Return the months until the road has repaid itself, as a figure that draws can be run through."""
    return derive(
        f"{option.key}.payback",
        returns.payback_months,
        saved_usd_per_month=saved_by(today, option),
        upfront_usd=option.upfront,
    )


def option_record(ground: Ground, today: Option, option: Option) -> OptionRecord:
    """Return one road's results."""
    lifetime, upfront = number(option.lifetime), number(option.upfront)
    per_task = eco.unit_cost_usd_per_task(lifetime, number(ground.tasks))
    running = np.asarray(option.running.value, dtype=float)
    tokens = number(ground["tokens.input"]) + number(ground["tokens.output"])
    rate = float(ground["finance.annual_discount_rate"].value)
    saved = np.asarray(today.running.value, dtype=float) - running
    rates = returns.internal_rates(saved, upfront) if upfront > 0 else ()
    discounted = returns.discounted_usd_per_month(saved, rate)
    success = None if option.success is None else number(option.success)
    return OptionRecord(
        key=option.key,
        title=option.title,
        trains=option.trains,
        hosted=option.hosted,
        upfront_usd=upfront,
        first_month_usd=float(running[0]),
        average_usd_per_month=eco.average_usd_per_month(lifetime, float(ground.horizon.value)),
        lifetime_usd=lifetime,
        usd_per_task=per_task,
        success_share=success,
        usd_per_successful_task=None if not success else eco.success_cost_usd_per_successful_task(per_task, success),
        usd_per_million_tokens=eco.token_cost_usd_per_million_tokens(per_task, tokens, 0.0),
        usd_per_million_tokens_if_full=None if option.full_price is None else number(option.full_price),
        utilisation_share=None if option.utilisation is None else number(option.utilisation),
        saving_share=1 - lifetime / number(today.lifetime),
        net_present_usd=float(returns.net_present_usd(today.running.value, running, upfront, rate)),
        payback_months=None if option is today else finite(returns.payback_months(saved, upfront)),
        discounted_payback_months=None if option is today else finite(returns.payback_months(discounted, upfront)),
        internal_rate_share=rates[0] if len(rates) == 1 else None,
        internal_rate_notice=None if option is today else returns.rate_notice(rates, upfront),
        ends_on=option.ends_on,
        notes=option.notes,
    )


def option_records(ground: Ground, options: Sequence[Option]) -> tuple[OptionRecord, ...]:
    """Return every priced road, today first; empty where today is not priced."""
    today = next((option for option in options if option.key == TODAY), None)
    return () if today is None else tuple(option_record(ground, today, option) for option in options)


def closed_form(ground: Ground, today: Option, option: Option) -> float | None:
    """Return the break-even volume as one division, where the road has no steps in this range of volume.

    Fixed and variable parts come from the cost model itself, at two volumes; None where it never pays or has steps.
    """
    months = float(ground.horizon.value)
    volume = number(ground[VOLUME])
    at = [value_at(option.lifetime, {VOLUME: v}) for v in (volume, 1.5 * volume, 2 * volume)]
    hosted = [value_at(today.lifetime, {VOLUME: v}) for v in (volume, 2 * volume)]
    if not np.isclose(at[1] - at[0], at[2] - at[1], rtol=1e-9, atol=1e-9):
        return None
    tasks = number(ground.tasks)
    own_per_task, hosted_per_task = (at[2] - at[0]) / tasks, (hosted[1] - hosted[0]) / tasks
    fixed = at[0] - own_per_task * tasks
    even = eco.break_even_tasks_per_month(fixed, 0.0, hosted_per_task, own_per_task, months)
    return None if even is None else even * months * volume / tasks


def crossovers(ground: Ground, options: Sequence[Option]) -> tuple[CrossoverRecord, ...]:
    """Return, for every road but today's, the volumes at which it is cheaper than today."""
    today = next(option for option in options if option.key == TODAY)
    found: list[CrossoverRecord] = []
    for option in options:
        if option is today or option.key == "tuned_claimed" or (option.hosted and not option.trains):
            continue
        gap = derive("gap", eco.saving_usd, hosted_usd=option.lifetime, own_usd=today.lifetime)
        spans = intervals_below_zero(Program([gap], {VOLUME}).along(VOLUME), *VOLUME_REACH)
        found.append(
            CrossoverRecord(
                option=option.title,
                cheaper_between=tuple((span.low, span.high) for span in spans),
                closed_form=closed_form(ground, today, option),
                looked_from=VOLUME_REACH[0],
                looked_to=VOLUME_REACH[1],
            )
        )
    return tuple(found)


def flip_record(program: Program, leaf: Figure, margin_share: float, limits: Limits) -> FlipRecord:
    """Return where one input flips the gate, and whether that lies inside its own range."""
    today = float(leaf.value)
    at = flip_value(program.along(leaf.name), today, margin_share, limits, FLIP_REACH)
    low, high = (None, None) if leaf.low is None or leaf.high is None else (float(leaf.low), float(leaf.high))
    inside = at is not None and low is not None and high is not None and low <= at <= high
    return FlipRecord(leaf=leaf.name, unit=leaf.unit, today=today, low=low, high=high, flips_at=at, inside_range=inside)


def distance(flip: FlipRecord) -> tuple[bool, float, str]:
    """Return how far an input is from its flip, for sorting: by factor, then those that are zero today, then none."""
    if flip.flips_at is None:
        return True, 0.0, flip.leaf
    near = abs(np.log(flip.flips_at / flip.today)) if flip.today > 0 < flip.flips_at else np.log(FLIP_REACH)
    return False, round(float(near), TIE_DIGITS), flip.leaf


def is_input(leaf: Figure, limits: Mapping[str, Limits]) -> bool:
    """Say whether a reader may be wrong about this number: a field of the scenario, a range, a quote, a measurement."""
    if np.ndim(leaf.value):
        return False
    return leaf.name in limits or is_range(leaf) or (leaf.kind is not Kind.ASSUMED and float(leaf.value) > 0)


def flips(balance: Balance, margin_share: float, limits: Mapping[str, Limits]) -> tuple[FlipRecord, ...]:
    """Return, for every number the saving rests on, the value at which it crosses the margin; nearest flip first.

    Settings and noughts that the model itself supplies (a batch, nothing spent up front) are not inputs.
    """
    every = {leaf.name: leaf for leaf in leaves(balance.saving) if is_input(leaf, limits)}
    program = Program([balance.saving], every)
    found = [flip_record(program, leaf, margin_share, limits_for(leaf, limits)) for leaf in every.values()]
    return tuple(sorted(found, key=distance))
