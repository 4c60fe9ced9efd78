"""Roads against today: savings, payback, where they cross, what flips the verdict, and the regret at a tenth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor import economics as eco
from advisor.advice import CrossoverRecord, FlipRecord, OptionRecord, RegretRecord
from advisor.crossing import along, flip_value, intervals_below_zero, value_at
from advisor.ground import Ground
from advisor.options import Option
from advisor.scenario import Scenario
from pricing.figure import Figure, derive, leaves, walk

VOLUME = "volume.tasks_per_month"
FLIP_REACH = 1000.0
"""Inputs are looked at from a thousandth to a thousand times today's value."""
VOLUME_REACH = (1.0, 1e10)
"""Tasks a month between which crossings are looked for: one, and more than anybody has."""
LEVERS = ("hosted_batch",)
"""Cheaper ways of buying the same model; a smaller model joins them once its trials reach the target."""
TIE_DIGITS = 6
"""Inputs that enter as one product flip at the same factor; below this they stand by name."""
REGRET_SHARE = 0.1
"""The question is what happens if volume is a tenth (R006)."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The cheapest road that trains against the cheapest hosted one of today's quality; money over the horizon.

    `lever_saving_share` is what that hosted road saves of today's cost; `smaller_saving_share` the same of a smaller
    model, whatever its quality (None if none is named).
    """

    best: Option
    saving: Figure
    hosted: Figure
    own: Figure
    saving_share: float
    saving_share_low_volume: float
    saving_usd: float
    lever_saving_share: float
    smaller_saving_share: float | None
    smaller_is_lever: bool
    margin_share: float
    strict_margin_share: float
    hosted_usd_per_task: float
    hosted_first_month_usd: float


def number(figure: Figure) -> float:
    """Return a scalar figure as a float."""
    return float(np.asarray(figure.value, dtype=float).reshape(-1)[0])


def at_volume(option: Option, tasks_per_month: float) -> float:
    """Return a road's lifetime cost if it was prepared for today's volume and another one came: cards stay bought."""
    bought = {f.name: f.value for _, f in walk(option.upfront) if f.name == f"{option.key}.purchase"}
    return value_at(option.lifetime, {VOLUME: tasks_per_month, **bought})


def weigh(ground: Ground, options: Sequence[Option], scenario: Scenario, smaller_works: bool) -> Balance | None:
    """Return the balance, or None where today or every road that trains is not priced."""
    today = next((option for option in options if option.key == "hosted_today"), None)
    trained = {f"{option.key}_usd": option.lifetime for option in options if option.trains}
    if today is None or not trained:
        return None
    own = derive("cheapest_trained", eco.cheapest_usd, **trained)
    levers = (*LEVERS, "hosted_smaller") if smaller_works else LEVERS
    equal = {f"{option.key}_usd": option.lifetime for option in options if option is today or option.key in levers}
    hosted = derive("cheapest_hosted", eco.cheapest_usd, **equal)
    saving = derive("saving", eco.saving_share, hosted_usd=hosted, own_usd=own)
    best = min((option for option in options if option.trains), key=lambda option: number(option.lifetime))
    smaller = next((number(option.lifetime) for option in options if option.key == "hosted_smaller"), None)
    volume = ground[VOLUME]
    low = volume.value if volume.low is None else volume.low
    today_usd = number(today.lifetime)
    return Balance(
        best=best,
        saving=saving,
        hosted=hosted,
        own=own,
        saving_share=number(saving),
        saving_share_low_volume=1 - at_volume(best, float(low)) / value_at(hosted, {VOLUME: float(low)}),
        saving_usd=number(hosted) - number(own),
        lever_saving_share=1 - number(hosted) / today_usd,
        smaller_saving_share=None if smaller is None else 1 - smaller / today_usd,
        smaller_is_lever=smaller_works and smaller is not None and smaller <= number(hosted),
        margin_share=float(scenario.finance.meaningful_margin.known_value("finance.meaningful_margin")),
        strict_margin_share=float(scenario.finance.cost_only_margin.known_value("finance.cost_only_margin")),
        hosted_usd_per_task=number(today.running.inputs["cost_usd_per_task"]),
        hosted_first_month_usd=float(np.asarray(today.running.value, dtype=float)[0]),
    )


def payback_months(today: Option, option: Option) -> float | None:
    """Return months until savings have repaid what was spent up front, within the horizon; None for never."""
    saved = np.cumsum(np.asarray(today.running.value, dtype=float) - np.asarray(option.running.value, dtype=float))
    owed = number(option.upfront) - number(today.upfront)
    paid = np.flatnonzero(saved >= owed)
    if not paid.size or saved[-1] < owed:
        return None
    month = int(paid[0])
    before = float(saved[month - 1]) if month else 0.0
    return month + (owed - before) / (float(saved[month]) - before) if saved[month] > before else float(month)


def option_record(ground: Ground, today: Option, option: Option) -> OptionRecord:
    """Return one road's results."""
    lifetime = number(option.lifetime)
    per_task = eco.unit_cost_usd_per_task(lifetime, number(ground.tasks))
    running = np.asarray(option.running.value, dtype=float)
    tokens = number(ground["tokens.input"]) + number(ground["tokens.output"])
    present = eco.net_present_usd(
        today.running.value, running, number(option.upfront), float(ground["finance.annual_discount_rate"].value)
    )
    success = None if option.success is None else number(option.success)
    return OptionRecord(
        key=option.key,
        title=option.title,
        trains=option.trains,
        hosted=option.hosted,
        upfront_usd=number(option.upfront),
        first_month_usd=float(running[0]),
        average_usd_per_month=eco.average_usd_per_month(lifetime, float(ground.horizon.value)),
        lifetime_usd=lifetime,
        usd_per_task=per_task,
        success_share=success,
        usd_per_successful_task=None if not success else eco.success_cost_usd_per_successful_task(per_task, success),
        usd_per_million_tokens=eco.token_cost_usd_per_million_tokens(per_task, tokens, 0.0),
        saving_share=1 - lifetime / number(today.lifetime),
        net_present_usd=float(np.asarray(present).reshape(-1)[0]),
        payback_months=None if option is today else payback_months(today, option),
        ends_on=option.ends_on,
        notes=option.notes,
    )


def option_records(ground: Ground, options: Sequence[Option]) -> tuple[OptionRecord, ...]:
    """Return every priced road, today first; empty where today is not priced."""
    today = next((option for option in options if option.key == "hosted_today"), None)
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
    today = next(option for option in options if option.key == "hosted_today")
    found: list[CrossoverRecord] = []
    for option in options:
        if option is today or option.key == "tuned_claimed" or (option.hosted and not option.trains):
            continue
        gap = derive("gap", eco.saving_usd, hosted_usd=option.lifetime, own_usd=today.lifetime)
        spans = intervals_below_zero(along(gap, VOLUME), *VOLUME_REACH)
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


def flips(balance: Balance, margin_share: float) -> tuple[FlipRecord, ...]:
    """Return, for every number the saving rests on, the value at which it crosses the margin; nearest flip first."""
    rows: list[tuple[float, FlipRecord]] = []
    for leaf in {leaf.name: leaf for leaf in leaves(balance.saving)}.values():
        if not np.ndim(leaf.value) and float(leaf.value) > 0:
            at = flip_value(balance.saving, leaf, margin_share, FLIP_REACH)
            distance = np.inf if at is None else round(abs(float(np.log(at / float(leaf.value)))), TIE_DIGITS)
            rows.append((distance, FlipRecord(leaf=leaf.name, unit=leaf.unit, today=float(leaf.value), flips_at=at)))
    return tuple(row for _, row in sorted(rows, key=lambda pair: (pair[0], pair[1].leaf)))


def regret(ground: Ground, balance: Balance) -> RegretRecord:
    """Return what the training road costs against staying hosted, if volume turns out to be a tenth."""
    volume = number(ground[VOLUME]) * REGRET_SHARE
    hosted, own = value_at(balance.hosted, {VOLUME: volume}), at_volume(balance.best, volume)
    return RegretRecord(tasks_per_month=volume, hosted_usd=hosted, trained_usd=own, regret_usd=max(0.0, own - hosted))
