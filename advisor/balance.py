"""Which roads are weighed against each other, what they save, and the regret if the volume is a tenth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from advisor import economics as eco
from advisor.advice import RegretRecord
from advisor.crossing import value_at
from advisor.ground import Ground
from advisor.options import Option
from advisor.scenario import Scenario
from pricing.figure import Figure, Number, derive, walk

VOLUME = "volume.tasks_per_month"
TODAY = "hosted_today"
SMALLER = "hosted_smaller"
LEVERS = ("hosted_batch", "hosted_levers")
"""Cheaper ways of buying the same model; a smaller model joins them once its trials reach the target."""
REGRET_SHARE = 0.1
"""The question is what happens if volume is a tenth (R006)."""


class Roles(NamedTuple):
    """Which roads are compared: hosted ones of today's quality, ones that train, and of those a vendor's; by key."""

    equal: tuple[str, ...]
    trained: tuple[str, ...]
    vendor: tuple[str, ...]


class Standing(NamedTuple):
    """What the roads save, numbers or one a draw: the best that trains against the best hosted, and hosted on today.

    `smaller_saving_share` is a smaller model's, whatever its quality (None if none is named); `vendor_is_best` says
    whether the cheapest road that trains is a vendor's.
    """

    saving_share: Number
    lever_saving_share: Number
    smaller_saving_share: Number | None
    smaller_is_best: Number
    vendor_is_best: Number


@dataclass(frozen=True, slots=True)
class Balance:
    """The cheapest road that trains against the cheapest hosted one of today's quality; money over the horizon."""

    best: Option
    saving: Figure
    hosted: Figure
    own: Figure
    roles: Roles
    standing: Standing
    saving_share: float
    saving_share_low_volume: float
    saving_usd: float
    margin_share: float
    strict_margin_share: float
    hosted_usd_per_task: float
    hosted_first_month_usd: float


def number(figure: Figure) -> float:
    """Return a scalar figure as a float."""
    return float(np.asarray(figure.value, dtype=float).reshape(-1)[0])


def paid_usd(option: Option) -> float:
    """Return what a road bills over the lifetime: its cost without the expected loss of wrong answers."""
    paid = option.running.inputs.get("paid_usd_per_month")
    return number(option.lifetime) if paid is None else number(option.upfront) + float(np.sum(paid.value))


def at_volume(option: Option, tasks_per_month: float) -> float:
    """Return a road's lifetime cost if it was prepared for today's volume and another one came: cards stay bought."""
    bought = {f.name: f.value for _, f in walk(option.upfront) if f.name == f"{option.key}.purchase"}
    return value_at(option.lifetime, {VOLUME: tasks_per_month, **bought})


def cast_roles(options: Sequence[Option], smaller_works: bool) -> Roles:
    """Return who is compared with whom; a smaller model counts as equal once its trials reach the target."""
    keys = [option.key for option in options]
    equal = (TODAY, *LEVERS, SMALLER) if smaller_works else (TODAY, *LEVERS)
    equal = (*equal, *(option.key for option in options if option.proven))
    return Roles(
        equal=tuple(key for key in keys if key in equal),
        trained=tuple(option.key for option in options if option.trains),
        vendor=tuple(option.key for option in options if option.trains and option.hosted),
    )


def stand(lifetime_usd: Mapping[str, Number], roles: Roles) -> Standing:
    """Return what the roads save, from their lifetime costs by key: numbers, or arrays of draws."""
    hosted = eco.cheapest_usd(**{key: lifetime_usd[key] for key in roles.equal})
    own = eco.cheapest_usd(**{key: lifetime_usd[key] for key in roles.trained})
    today, smaller = lifetime_usd[TODAY], lifetime_usd.get(SMALLER)
    vendor = eco.cheapest_usd(**{key: lifetime_usd[key] for key in roles.vendor}) if roles.vendor else np.inf
    return Standing(
        saving_share=eco.saving_share(hosted, own),
        lever_saving_share=eco.saving_share(today, hosted),
        smaller_saving_share=None if smaller is None else eco.saving_share(today, smaller),
        smaller_is_best=False if smaller is None or SMALLER not in roles.equal else smaller <= hosted,
        vendor_is_best=vendor <= own,
    )


class MoneySays(NamedTuple):
    """What the ladder asks of money, numbers or one a draw: all true or false.

    `volume_doubtful`: at the low end of the stated volume the road that trains costs more than staying.
    """

    volume_justifies: Number
    volume_doubtful: Number
    much_cheaper: Number
    lever_saves: Number
    smaller_is_lever: Number
    smaller_untested: Number
    vendor_is_best: Number


def money_says(standing: Standing, margin_share: float, strict_margin_share: float, untested: bool) -> MoneySays:
    """Return the standing held against the margins; `untested`: nobody has scored the smaller model."""
    smaller = standing.smaller_saving_share
    return MoneySays(
        volume_justifies=standing.saving_share >= margin_share,
        volume_doubtful=False,
        much_cheaper=standing.saving_share >= strict_margin_share,
        lever_saves=standing.lever_saving_share >= margin_share,
        smaller_is_lever=standing.smaller_is_best,
        smaller_untested=False if smaller is None or not untested else smaller >= margin_share,
        vendor_is_best=standing.vendor_is_best,
    )


def weigh(ground: Ground, options: Sequence[Option], scenario: Scenario, smaller_works: bool) -> Balance | None:
    """Return the balance, or None where today or every road that trains is not priced."""
    roles = cast_roles(options, smaller_works)
    if TODAY not in roles.equal or not roles.trained:
        return None
    by_key = {option.key: option for option in options}
    own = derive("cheapest_trained", eco.cheapest_usd, **{f"{key}_usd": by_key[key].lifetime for key in roles.trained})
    hosted = derive("cheapest_hosted", eco.cheapest_usd, **{f"{key}_usd": by_key[key].lifetime for key in roles.equal})
    saving = derive("saving", eco.saving_share, hosted_usd=hosted, own_usd=own)
    best = min((by_key[key] for key in roles.trained), key=lambda option: number(option.lifetime))
    volume = ground[VOLUME]
    low = float(volume.value if volume.low is None else volume.low)
    today = by_key[TODAY]
    billed = next((figure for _, figure in walk(today.running) if figure.name == f"{TODAY}.bill"), today.running)
    return Balance(
        best=best,
        saving=saving,
        hosted=hosted,
        own=own,
        roles=roles,
        standing=stand({key: number(option.lifetime) for key, option in by_key.items()}, roles),
        saving_share=number(saving),
        saving_share_low_volume=1 - at_volume(best, low) / value_at(hosted, {VOLUME: low}),
        saving_usd=number(hosted) - number(own),
        margin_share=float(scenario.finance.meaningful_margin.known_value("finance.meaningful_margin")),
        strict_margin_share=float(scenario.finance.cost_only_margin.known_value("finance.cost_only_margin")),
        hosted_usd_per_task=paid_usd(today) / number(ground.tasks),
        hosted_first_month_usd=float(np.asarray(billed.value, dtype=float)[0]),
    )


def regret(ground: Ground, balance: Balance) -> RegretRecord:
    """Return what the training road costs against staying hosted, if volume turns out to be a tenth."""
    volume = number(ground[VOLUME]) * REGRET_SHARE
    hosted, own = value_at(balance.hosted, {VOLUME: volume}), at_volume(balance.best, volume)
    return RegretRecord(tasks_per_month=volume, hosted_usd=hosted, trained_usd=own, regret_usd=max(0.0, own - hosted))
