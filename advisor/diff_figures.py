"""The numbers in which two advices differ, where only the advices are at hand: each formula computed again from them.

Rule 1  The formulas are the cost model's own, found by the name that the advice gives them.
Rule 2  An advice that this version's formulas do not reproduce is not computed with: the effects are unknown.
Rule 3  Money only: what decides outside the figures (evidence, data, constraints) needs the scenarios.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from advisor import (
    calibration,
    economics,
    estimates,
    option_costs,
    price_paths,
    quality,
    quality_cascade,
    traffic,
    training,
)
from advisor.advice import Advice, FigureRecord
from advisor.diff import ChangeRecord
from advisor.report import words
from pricing.figure import Number

MODULES: Final = (
    economics,
    option_costs,
    price_paths,
    traffic,
    estimates,
    training,
    quality,
    quality_cascade,
    calibration,
)
"""Where the cost model's formulas stand."""
EXACT: Final = 1e-9
"""Relative difference that a year of additions in another order may make, and nothing else."""
OTHER_VERSION: Final = "the old advice was made by other formulas than this version's; name the scenarios instead"
NOT_WEIGHED: Final = "the old advice weighs nothing"
HOSTED, OWN = "cheapest_hosted", "cheapest_trained"


class Unreproducible(ValueError):
    """An advice whose figures this version's formulas do not give."""


def formula(name: str) -> Callable[..., Number] | None:
    """Return the cost model's formula of this name, or None."""
    return next((getattr(module, name) for module in MODULES if hasattr(module, name)), None)


def value_of(figure: FigureRecord) -> Number:
    """Return a figure's value as formulas take it."""
    return np.asarray(figure.value, dtype=float) if isinstance(figure.value, list) else figure.value


def compute(figures: Mapping[str, FigureRecord], name: str, set_to: Mapping[str, Number], memo: dict[str, Any]) -> Any:
    """Return a figure's value with some others set; what no formula is known for keeps its value."""
    if name not in memo:
        figure = figures[name]
        found = formula(figure.note) if figure.inputs else None
        if name in set_to:
            memo[name] = set_to[name]
        elif found is None:
            memo[name] = value_of(figure)
        else:
            memo[name] = found(**{p: compute(figures, below, set_to, memo) for p, below in figure.inputs.items()})
    return memo[name]


def stake_usd(advice: Advice, set_to: Mapping[str, Number]) -> float:
    """Return the money at stake with some numbers set."""
    memo: dict[str, Any] = {}
    hosted, own = (compute(advice.figures, name, set_to, memo) for name in (HOSTED, OWN))
    return float(np.asarray(hosted, dtype=float) - np.asarray(own, dtype=float))


def check(advice: Advice) -> None:
    """Raise Unreproducible where the formulas do not give the advice's own money at stake."""
    if advice.model is None or HOSTED not in advice.figures:
        raise Unreproducible(NOT_WEIGHED)
    again = stake_usd(advice, {})
    if abs(again - advice.at_stake_usd) > EXACT * max(1.0, abs(advice.at_stake_usd)):
        raise Unreproducible(OTHER_VERSION)


def spelled(figure: FigureRecord | None) -> str:
    """Return a number with its unit and range, or that it is not in use."""
    if figure is None:
        return "not in use"
    text = words.spoken(figure.value, figure.unit)
    if figure.low is None or figure.high is None:
        return text
    return f"{text} ({words.significant(figure.low)}..{words.significant(figure.high)})"


def changed(old: Advice, new: Advice) -> list[str]:
    """Return the names of the leaves that differ or stand on one side only, the new side's order first."""
    leaves = [name for advice in (new, old) for name, figure in advice.figures.items() if not figure.inputs]
    return [
        name
        for name in dict.fromkeys(leaves)
        if spelled(old.figures.get(name)) != spelled(new.figures.get(name))
        or value_differs(old.figures.get(name), new.figures.get(name))
    ]


def value_differs(old: FigureRecord | None, new: FigureRecord | None) -> bool:
    """Say whether two figures have other values."""
    return old is None or new is None or old.value != new.value


def effect(old: Advice, new: Advice, name: str, why: str | None) -> ChangeRecord:
    """Return one number's change, and what it does alone to the money at stake."""
    before, after = old.figures.get(name), new.figures.get(name)
    amount: float | None = None
    if why is None and before is not None and after is not None:
        try:
            amount = stake_usd(old, {name: value_of(after)}) - old.at_stake_usd
        except (ValueError, ArithmeticError, TypeError):
            why = "needs another number beside it; name the scenarios instead"
    elif why is None:
        why = f"it is in use only {'now' if before is None else 'before'}"
    return ChangeRecord(
        input=name, old=spelled(before), new=spelled(after), effect_usd=amount, verdict=None, unknown_because=why
    )


def effects(old: Advice, new: Advice) -> list[ChangeRecord]:
    """Return every changed number with its effect alone, the largest first."""
    why: str | None = None
    try:
        check(old)
    except Unreproducible as fault:
        why = str(fault)
    found = [effect(old, new, name, why) for name in changed(old, new)]
    return sorted(found, key=lambda record: (record.effect_usd == 0, -abs(record.effect_usd or 0.0)))
