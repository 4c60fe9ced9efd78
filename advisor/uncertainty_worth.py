"""Which inputs move the answer most, and which one is worth measuring first, at what price.

Rule 1  An input is worth knowing only as far as knowing it would change what is done: with 10,000 worlds sorted by the
        input into equal bins, the best road of each bin is compared with the one road that is best over all.
Rule 2  What a column of noise would seem to be worth by the same method is taken off.
Rule 3  A measurement has a price of its own, made of the scenario's figures: hours, model calls, machine hours.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from advisor.advice_drawn import DrawnInputRecord, WorthRecord
from advisor.balance import Balance
from advisor.program import Program
from advisor.uncertainty import Calls, Worlds
from advisor.uncertainty_draws import SEED, Array, Input, Ranks, free_leaves, leaf_values, order

BINS = 20
"""500 worlds a bin: enough to rank its roads, and few enough bins that the noise (Rule 2) stays small."""
NOISE = "a column of noise"
ROUNDING = 1e-9
"""Sums of 10,000 numbers of 16 digits are known to about 12; a thousandfold margin."""
LEAST_DROP_SHARE = 0.01
"""A measurement that lowers the chance of a wrong call by less than a point is not named."""


class Method(NamedTuple):
    """How an input is measured: hours of work, answers bought from today's model, machine hours, and why so many."""

    prefixes: tuple[str, ...]
    what: str
    work_hours: float
    answers_count: float
    machine_hours: float
    because: str


METHODS = (
    Method(("serving.capacity", "capacity."), "bench one replica with a day's real prompts", 3, 0, 1,
           "an hour on the card, and half a morning to set up and read it"),
    Method(("local.", "training.speed", "training.start"), "time twenty training steps on the machine", 1, 0, 0.5,
           "twenty steps are seconds; the rest is setting up"),
    Method(("volume.tasks_per_month", "volume.growth", "volume.peak", "traffic."),
           "count the calls of the last three months in the logs", 3, 0, 0,
           "one query over logs that exist, and a look at its odd days"),
    Method(("tokens.",), "count the tokens of 300 logged tasks", 2, 300, 0,
           "300 tasks give a mean to about 5 %; the answers are bought again from today's model"),
    Method(("people.build", "training.attempts"), "build a pilot for a week and keep the hours", 40, 0, 0,
           "one week of a two-week build shows its pace; the hours are not lost if the build goes on"),
    Method(("people.operate", "people.retrain"), "ask a team that runs such a model for its hours", 3, 0, 0,
           "two conversations and their notes, within the company or outside"),
    Method(("people.label", "people.relabel", "data."), "label fifty examples against the clock", 2, 0, 0,
           "fifty examples at half a minute to two minutes each, and agreeing on what is right"),
    Method(("people.usd_per_hour",), "ask finance for the loaded hourly rate", 0.5, 0, 0,
           "one question to one colleague, who has the number"),
    Method(("price level", "price."), "ask the vendors for a price fixed over the horizon", 4, 0, 0,
           "two or three calls with sales, and reading what they send"),
    Method(("serving.", "local_machine.", "candidates."), "take the figure from a bill or a written offer", 1, 0, 0,
           "one bill or one offer, found and read"),
)  # fmt: skip
"""First row whose prefix fits; what no row fits (how long the task will live) cannot be measured, only decided."""


class Means(NamedTuple):
    """What a measurement is paid with: an hour of work, one answer of today's model, an hour of the machine (USD)."""

    wage_usd_per_hour: float
    hosted_usd_per_task: float
    machine_usd_per_hour: float | None


def method_of(name: str) -> Method | None:
    """Return how the input is measured, or None."""
    return next((method for method in METHODS if name.startswith(method.prefixes)), None)


def price_of(method: Method, means: Means) -> float | None:
    """Return what the measurement costs, or None where a machine hour it needs has no price."""
    if method.machine_hours and means.machine_usd_per_hour is None:
        return None
    machine = method.machine_hours * (means.machine_usd_per_hour or 0.0)
    return method.work_hours * means.wage_usd_per_hour + method.answers_count * means.hosted_usd_per_task + machine


def binned(columns: Array, rank: Ranks) -> Array:
    """Return means of each row over worlds sorted into equal bins of one input, shape (rows, bins)."""
    worlds = columns.shape[1] // BINS * BINS
    inverse = np.empty(rank.size, dtype=np.intp)
    inverse[rank] = np.arange(rank.size)
    return columns[:, inverse[:worlds]].reshape(columns.shape[0], BINS, -1).mean(axis=2)


def if_known(costs_and_verdicts: Array, roads: int, rank: Ranks) -> tuple[float, float]:
    """Return expected cost (USD) and share of wrong verdicts if one input were known before the road is chosen.

    The first `roads` rows are costs by road, the others 1 or 0 by verdict, each of shape (worlds,).
    """
    means = binned(costs_and_verdicts, rank)
    return float(means[:roads].min(axis=0).mean()), float(1 - means[roads:].max(axis=0).mean())


def noticed(gain: float, whole: float) -> float:
    """Return the gain, or nought where it is below what 64-bit sums of the whole can tell."""
    return gain if gain > abs(whole) * ROUNDING else 0.0


class Worth(NamedTuple):
    """What knowing an input is worth: expected USD saved, and the chance of a wrong verdict that would be left."""

    value_usd: float
    wrong_share: float


def worth(worlds: Worlds, balance: Balance, calls: Calls) -> tuple[dict[str, Worth], Worth]:
    """Return the worth of knowing each input, and of knowing everything: USD, and today's chance of being wrong."""
    keys = dict.fromkeys((*balance.roles.equal, *balance.roles.trained))
    costs = np.stack([worlds.lifetime_usd[key] for key in keys])
    indicators = np.stack([calls.at == index for index in range(len(calls.rungs))]).astype(float)
    settled, unknown = float(costs.mean(axis=1).min()), float(1 - indicators.mean(axis=1).max())
    noise = order(NOISE, worlds.draws, SEED)
    both, roads = np.concatenate([costs, indicators]), len(costs)
    chance_usd, chance_wrong = if_known(both, roads, noise)  # what an input that decides nothing seems to tell
    each: dict[str, Worth] = {}
    for name, rank in worlds.ranks.items():
        known_usd, wrong = if_known(both, roads, rank)
        each[name] = Worth(noticed(chance_usd - known_usd, settled), unknown - noticed(chance_wrong - wrong, unknown))
    return each, Worth(noticed(settled - float(costs.min(axis=0).mean()), settled), unknown)


def tornado(inputs: Mapping[str, Input], balance: Balance) -> dict[str, tuple[float, float]]:
    """Return the saving in USD with each input alone at its low and at its high end, all else at its value."""
    rows = 2 * len(inputs)
    drawn: dict[str, Array] = {}
    for index, (name, one) in enumerate(inputs.items()):
        drawn[name] = np.full(rows, float(one.figure.value))
        drawn[name][2 * index : 2 * index + 2] = float(one.figure.low), float(one.figure.high)
    program = Program([balance.hosted, balance.own], free_leaves(inputs))
    hosted, own = program.run(leaf_values(inputs, drawn), rows)
    ends = (hosted - own).reshape(-1, 2)
    return {name: (float(low), float(high)) for name, (low, high) in zip(inputs, ends, strict=True)}


def drawn_inputs(worlds: Worlds, balance: Balance, each: Mapping[str, Worth]) -> tuple[DrawnInputRecord, ...]:
    """Return every input that is drawn, the one that moves the saving most first."""
    ends = tornado(worlds.inputs, balance)
    rows = [
        DrawnInputRecord(
            name=name,
            unit=one.figure.unit,
            value=float(one.figure.value),
            low=float(one.figure.low),
            high=float(one.figure.high),
            saving_at_low_usd=ends[name][0],
            saving_at_high_usd=ends[name][1],
            information_usd=each[name].value_usd,
            wrong_share_if_known=each[name].wrong_share,
        )
        for name, one in worlds.inputs.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-abs(row.saving_at_high_usd - row.saving_at_low_usd), row.name)))


def worth_measuring(each: Mapping[str, Worth], unknown_share: float, means: Means) -> WorthRecord | None:
    """Return the measurement that most lowers the chance of a wrong call, or None where none lowers it by a point."""
    methods = {name: method_of(name) for name in each}
    found = [
        (unknown_share - one.wrong_share, one, name, method)
        for name, one in each.items()
        if (method := methods[name]) is not None and unknown_share - one.wrong_share >= LEAST_DROP_SHARE
    ]
    if not found:
        return None
    _, best, name, method = max(found, key=lambda row: (row[0], row[2]))
    return WorthRecord(
        name=name,
        what=method.what,
        cost_usd=price_of(method, means),
        worth_usd=best.value_usd,
        wrong_share_before=unknown_share,
        wrong_share_after=best.wrong_share,
    )
