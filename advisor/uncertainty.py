"""How sure is the advice: all ranges drawn at once through the very figures that the headline is made of.

Rule 1  A draw is one possible world, the same for every road: its lifetime, payback and verdict are computed in it.
Rule 2  With every range collapsed, each draw is the headline itself, to the bit.
Rule 3  A verdict is called again in each world with what the money says there; the evidence is what was measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.advice_drawn import DrawnOptionRecord, PaybackShareRecord, VerdictShareRecord
from advisor.answer import Answer
from advisor.balance import TODAY, MoneySays
from advisor.ground import Ground
from advisor.options import Option
from advisor.program import Program
from advisor.results import payback_of
from advisor.uncertainty_draws import (
    DRAWS,
    SEED,
    Array,
    Input,
    Limits,
    Ranks,
    draw,
    free_leaves,
    inputs_of,
    leaf_values,
)
from advisor.verdict import Facts, Rung, decide
from pricing.figure import Figure, leaves

PAYBACK_MARKS = (6, 12, 18, 24, 36)
"""Months by which a finance partner asks whether the money is back; those inside the horizon are answered."""
P10_P50_P90 = (0.1, 0.5, 0.9)
"""The quantiles of every spread that is reported."""


@dataclass(frozen=True, slots=True)
class Worlds:
    """All draws: inputs with their values and ranks, and by road its lifetime cost and payback, shape (draws,)."""

    inputs: Mapping[str, Input]
    values: Mapping[str, Array]
    ranks: Mapping[str, Ranks]
    lifetime_usd: Mapping[str, Array]
    payback_months: Mapping[str, Array]

    @property
    def draws(self) -> int:
        """How many worlds there are."""
        return next(iter(self.lifetime_usd.values())).size


def outputs_of(options: Sequence[Option]) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Return the lifetime of every road, and the payback of every road that trains, by key."""
    today = next(option for option in options if option.key == TODAY)
    lifetime = {option.key: option.lifetime for option in options}
    return lifetime, {option.key: payback_of(today, option) for option in options if option.trains}


def imagine(
    ground: Ground, options: Sequence[Option], limits: Mapping[str, Limits], draws: int = DRAWS, seed: int = SEED
) -> Worlds:
    """Return so many worlds; `options` must hold today's road."""
    lifetime, payback = outputs_of(options)
    roots = [*lifetime.values(), *payback.values()]
    below = {leaf.name: leaf for root in roots for leaf in leaves(root)}
    inputs = inputs_of(below.values(), float(np.asarray(ground.horizon.value)))
    values, ranks = draw(inputs, limits, draws, seed)
    found = Program(roots, free_leaves(inputs)).run(leaf_values(inputs, values), draws)
    return Worlds(
        inputs,
        values,
        ranks,
        dict(zip(lifetime, found, strict=False)),
        dict(zip(payback, found[len(lifetime) :], strict=True)),
    )


def quantiles(drawn: Array) -> tuple[float, float, float]:
    """Return the 10 %, 50 % and 90 % quantiles, between neighbours in proportion; np.quantile loads numpy.ma, 20 ms."""
    places = np.array(P10_P50_P90) * (drawn.size - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, drawn.size - 1)
    row = np.partition(drawn, np.concatenate([below, above]))
    low, middle, high = (row[below] + (row[above] - row[below]) * (places - below)).tolist()
    return low, middle, high


def share_of(condition: NDArray[np.bool_]) -> float:
    """Return the share of draws in which it holds."""
    return float(np.mean(condition))


def paid_back(payback_months: Array, horizon_months: float) -> tuple[PaybackShareRecord, ...]:
    """Return the share of draws that have repaid themselves by each mark and by the end of the horizon."""
    marks = [float(mark) for mark in PAYBACK_MARKS if mark < horizon_months] + [horizon_months]
    return tuple(PaybackShareRecord(within_months=mark, share=share_of(payback_months <= mark)) for mark in marks)


def drawn_option(worlds: Worlds, option: Option, horizon_months: float) -> DrawnOptionRecord:
    """Return one road over all draws; shares of draws, money in USD over the horizon, savings against today."""
    lifetime, today = worlds.lifetime_usd[option.key], worlds.lifetime_usd[TODAY]
    payback = worlds.payback_months.get(option.key)
    cost, saving = quantiles(lifetime), quantiles(today - lifetime)
    return DrawnOptionRecord(
        key=option.key,
        title=option.title,
        cheaper_share=share_of(lifetime < today),
        lifetime_p10_usd=cost[0],
        lifetime_p50_usd=cost[1],
        lifetime_p90_usd=cost[2],
        saving_p10_usd=saving[0],
        saving_p50_usd=saving[1],
        saving_p90_usd=saving[2],
        paid_back=() if payback is None else paid_back(payback, horizon_months),
    )


class Calls(NamedTuple):
    """The verdict of every draw: the distinct rungs, and which of them holds where, shape (draws,)."""

    rungs: tuple[Rung, ...]
    at: NDArray[np.intp]

    def share(self, index: int) -> float:
        """Return the share of draws that end in this rung."""
        return share_of(self.at == index)


def call_again(facts: Facts, says: MoneySays) -> Calls:
    """Return the verdict of every draw, deciding once for each combination of what the money says."""
    shape = np.broadcast_shapes(*(np.shape(one) for one in says))
    columns = [np.broadcast_to(np.asarray(one, dtype=bool), shape) for one in says]
    codes = reduce(lambda code, column: code * 2 + column, columns, np.zeros(shape, dtype=np.int64))
    _, first, at = np.unique(codes, return_index=True, return_inverse=True)
    rungs = [decide(in_world(facts, MoneySays(*(bool(column[index]) for column in columns)))) for index in first]
    named = {rung_name(rung): rung for rung in rungs}
    places = np.array([list(named).index(rung_name(rung)) for rung in rungs])
    return Calls(tuple(named.values()), places[at])


def rung_name(rung: Rung) -> tuple[str, str]:
    """Return what makes two verdicts the same one: code and road, whatever the reason."""
    return rung.code, rung.road


def in_world(facts: Facts, says: MoneySays) -> Facts:
    """Return the facts with what the money says in one world."""
    volume = Answer.YES if says.volume_justifies else Answer.NO
    return replace(
        facts,
        volume_justifies=Answer.UNKNOWN if says.volume_justifies and says.volume_doubtful else volume,
        much_cheaper=Answer.YES if says.much_cheaper else Answer.NO,
        lever_saves=bool(says.lever_saves),
        smaller_is_lever=bool(says.smaller_is_lever),
        smaller_untested=bool(says.smaller_untested),
        best_road="hosted_tuning" if says.vendor_is_best else "self_host",
    )


def verdict_shares(calls: Calls) -> tuple[VerdictShareRecord, ...]:
    """Return each verdict with its share of draws, the commonest first."""
    rows = [
        VerdictShareRecord(code=rung.code, title=rung.title, road=rung.road, share=calls.share(index))
        for index, rung in enumerate(calls.rungs)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.share, row.code)))
