"""How sure the advice is, put together: the draws, the verdicts they end in, what moves them, what to measure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from advisor.advice_drawn import UncertaintyRecord
from advisor.balance import Balance, money_says, stand
from advisor.ground import Ground
from advisor.options import Option
from advisor.uncertainty import call_again, drawn_option, imagine, rung_name, verdict_shares
from advisor.uncertainty_draws import DRAWS, SEED, Limits
from advisor.uncertainty_worth import Means, drawn_inputs, worth, worth_measuring
from advisor.verdict import Facts, Rung
from pricing.figure import Figure

WORTH_SAYING_SHARE = 0.05
"""A verdict that changes in fewer draws than one in twenty stands without a remark, as a 90 % interval would."""

SHOWN = 0.005
"""Less reads as nought percent."""


class Case(NamedTuple):
    """What was decided and on what; `untested`: nobody has scored the smaller hosted model."""

    ground: Ground
    options: Sequence[Option]
    balance: Balance
    facts: Facts
    rung: Rung
    untested: bool


def means_of(ground: Ground, balance: Balance, rate: Figure | str) -> Means:
    """Return what a measurement is paid with, from the scenario's own figures."""
    machine = float(rate.value) if isinstance(rate, Figure) else None
    return Means(float(ground["people.usd_per_hour"].value), balance.hosted_usd_per_task, machine)


def how_sure(case: Case, limits: Mapping[str, Limits], means: Means, draws: int = DRAWS) -> UncertaintyRecord:
    """Return everything the draws say."""
    worlds = imagine(case.ground, case.options, limits, draws)
    standing = stand(worlds.lifetime_usd, case.balance.roles)
    margins = case.balance.margin_share, case.balance.strict_margin_share
    calls = call_again(case.facts, money_says(standing, *margins, case.untested))
    each, everything = worth(worlds, case.balance, calls)
    names = [rung_name(rung) for rung in calls.rungs]
    given = rung_name(case.rung)
    horizon = float(np.asarray(case.ground.horizon.value))
    return UncertaintyRecord(
        draws=draws,
        seed=SEED,
        same_verdict_share=calls.share(names.index(given)) if given in names else 0.0,
        verdicts=verdict_shares(calls),
        options=tuple(drawn_option(worlds, option, horizon) for option in case.options),
        inputs=drawn_inputs(worlds, case.balance, each),
        perfect_information_usd=everything.value_usd,
        measure=worth_measuring(each, everything.wrong_share, means),
    )


def doubt(sure: UncertaintyRecord | None, rung: Rung) -> str:
    """Return the sentence of a verdict that flips within the ranges: in how many draws, and to what; else nothing."""
    if sure is None or 1 - sure.same_verdict_share < WORTH_SAYING_SHARE:
        return ""
    others = [row for row in sure.verdicts if (row.code, row.road) != rung_name(rung)]
    told = ", ".join(
        f"{row.title[0].lower()}{row.title[1:]} in {row.share:.0%}" for row in others if row.share >= 0.005
    )
    return f"Within the stated ranges it is not settled: {told} of draws."
