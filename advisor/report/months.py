"""What every form lists by month: each road's up-front money and bill, with the day a month starts."""

from datetime import date
from typing import NamedTuple

from advisor.advice import Advice, FigureRecord
from pricing.paths import month_start

RUNNING = "running_usd_per_month"
"""The input of a road's lifetime cost that holds its bill by month."""


class MonthOf(NamedTuple):
    """One month of one road, in USD; month 0 is the up-front money, spent on the day of the advice."""

    key: str
    title: str
    month: int
    starts_on: date
    usd: float
    cumulative_usd: float


def by_month(figure: FigureRecord) -> list[float]:
    """Return a figure's values by month; one month where it is a single number."""
    return figure.value if isinstance(figure.value, list) else [figure.value]


def bill_name(advice: Advice, key: str) -> str:
    """Return the name of the figure that holds a road's bill by month; KeyError for a road that is not priced."""
    return advice.figures[f"{key}.lifetime"].inputs[RUNNING]


def bill(advice: Advice, key: str) -> list[float]:
    """Return a road's bill by month, in USD."""
    return by_month(advice.figures[bill_name(advice, key)])


def months_of(advice: Advice) -> list[MonthOf]:
    """Return every road month by month, the up-front money first, with the running total."""
    rows: list[MonthOf] = []
    for option in advice.options:
        spent = option.upfront_usd
        rows.append(MonthOf(option.key, option.title, 0, advice.as_of, spent, spent))
        for month, usd in enumerate(bill(advice, option.key), start=1):
            spent += usd
            starts = month_start(advice.as_of, month - 1)
            rows.append(MonthOf(option.key, option.title, month, starts, usd, spent))
    return rows
