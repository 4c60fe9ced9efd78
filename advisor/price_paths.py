"""Prices over the months of the horizon, as figures: announced steps, a cheaper model each year, dearer cards, an end.

Rule 1  `finance.price_path` names the path; `scheduled`, the default, is flat unless a vendor has announced a step.
Rule 2  One path holds for every road of an advice, so that no side of a comparison gets a fall of its own.
Rule 3  Months are the days of pricing.paths, counted from the day asked about; formulas take any number of months.
"""

from datetime import date
from typing import Final

import numpy as np

from advisor.economics import month_numbers
from advisor.map import Map
from pricing.figure import Figure, Number, assumed, derive
from pricing.paths import (
    FLAT,
    GPU_RISE_SHARE,
    GPU_UP_20,
    SCHEDULED,
    SWITCH_RATIO,
    SWITCH_RATIO_HIGH,
    SWITCH_RATIO_LOW,
    SWITCH_YEARLY,
    month_start,
)
from pricing.prices import ApiPrice
from pricing.quote import api_price
from pricing.units import MONTHS_PER_YEAR

SWITCH: Final = assumed(
    "price_path.switch", SWITCH_RATIO, "ratio", "price after a year over price before, for whoever moves to a vendor's "
    "cheapest chat model each year: median and range of three vendors, pricing.paths", SWITCH_RATIO_LOW,
    SWITCH_RATIO_HIGH,
)  # fmt: skip
RISE: Final = assumed("price_path.gpu_rise", GPU_RISE_SHARE, "share", "the path gpu_up_20 asks what a fifth more does")


def months_until(as_of: date, day: date) -> float:
    """Return months from `as_of` to `day`, a part of a month by its days; 0 for a day that has passed."""
    if day <= as_of:
        return 0.0
    whole = (day.year - as_of.year) * MONTHS_PER_YEAR + day.month - as_of.month
    whole -= month_start(as_of, whole) > day
    first, after = month_start(as_of, whole), month_start(as_of, whole + 1)
    return whole + (day - first).days / (after - first).days


def open_share(until_months: Number, calendar_share: Number) -> Number:
    """Return the share of each month that passes before the end, 1 long before it and 0 after it."""
    return np.clip(until_months - month_numbers(calendar_share), 0.0, 1.0)


def stepped_usd_per_million_tokens(
    before_usd_per_million_tokens: Number,
    after_usd_per_million_tokens: Number,
    begins_months: Number,
    calendar_share: Number,
) -> Number:
    """Return the price of each month around one announced step; the month of the step is weighted by its days."""
    before = open_share(begins_months, calendar_share)
    return after_usd_per_million_tokens + (before_usd_per_million_tokens - after_usd_per_million_tokens) * before


def switched_usd_per_million_tokens(
    first_usd_per_million_tokens: Number, yearly_ratio: Number, calendar_share: Number
) -> Number:
    """Return the price of each month where a cheaper model takes over every twelve months."""
    return first_usd_per_million_tokens * yearly_ratio ** (month_numbers(calendar_share) // MONTHS_PER_YEAR)


def raised_usd_per_gpu_hour(rent_usd_per_gpu_hour: Number, rise_share: Number) -> Number:
    """Return a rent that stands higher from the first month on."""
    return rent_usd_per_gpu_hour * (1 + rise_share)


def raised_usd_per_hour(rent_usd_per_hour: Number, rise_share: Number) -> Number:
    """Return a machine's rent that stands higher from the first month on."""
    return rent_usd_per_hour * (1 + rise_share)


def card_rent(map_: Map, rent: Figure) -> Figure:
    """Return a rent, usd_per_gpu_hour or usd_per_hour, on the scenario's path."""
    if map_.scenario.finance.price_path != GPU_UP_20:
        return rent
    if rent.unit == "usd_per_hour":
        return derive(f"{rent.name}.raised", raised_usd_per_hour, rent_usd_per_hour=rent, rise_share=RISE)
    return derive(f"{rent.name}.raised", raised_usd_per_gpu_hour, rent_usd_per_gpu_hour=rent, rise_share=RISE)


def later_prices(map_: Map, price: ApiPrice) -> list[tuple[date, ApiPrice]]:
    """Return the prices of a model that its vendor has announced for days inside the horizon, the first one first."""
    last = month_start(map_.as_of, int(np.ceil(float(map_.ground.horizon.value))))
    lines = [line for line in map_.book.api_lines(price.name) if line.starts and map_.as_of < line.starts < last]
    return sorted(((line.starts, api_price(line)) for line in lines if line.starts), key=lambda pair: pair[0])


def tier_path(map_: Map, price: ApiPrice, tier: str, today: Figure) -> Figure:
    """Return one tier's price over the months; today's own figure where nothing moves."""
    chosen, calendar = map_.scenario.finance.price_path, map_.ground.calendar
    if chosen == SWITCH_YEARLY:
        return derive(f"{today.name}.switched", switched_usd_per_million_tokens, first_usd_per_million_tokens=today,
                      yearly_ratio=SWITCH, calendar_share=calendar)  # fmt: skip
    found = today
    for day, later in later_prices(map_, price) if chosen == SCHEDULED else []:
        after: Figure | None = getattr(later, tier)
        if after is None or after.value == found.value:
            continue
        begins = assumed(f"{after.name}.begins", months_until(map_.as_of, day), "months", f"announced for {day}")
        found = derive(
            f"{today.name}.from_{day}",
            stepped_usd_per_million_tokens,
            before_usd_per_million_tokens=found,
            after_usd_per_million_tokens=after,
            begins_months=begins,
            calendar_share=calendar,
        )
    return found


def path_note(map_: Map) -> tuple[str, ...]:
    """Return the note that a report prints where the scenario asks for another path than the vendors' own."""
    chosen = map_.scenario.finance.price_path
    return () if chosen in (FLAT, SCHEDULED) else (f"price path {chosen}: a what-if, not a forecast",)
