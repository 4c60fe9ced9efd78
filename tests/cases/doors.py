"""Which functions of the product answer a case, by its kind: inputs are handed in, nothing is worked out here."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from advisor import economics as eco
from advisor import price_paths, returns, traffic, training
from advisor.crossing import sign_changes
from pricing.units import HOURS_PER_MONTH, MONTHS_PER_YEAR, TOKENS_PER_PRICE_UNIT

ALWAYS = 1.0
"""A whole month, for formulas that take a share of the calendar."""
LOOKED_MONTHS = 600
"""Fifty years: longer than any payback that was published."""
Answer = Mapping[str, Any]


def batch_job(gpu_hour_usd: float, hours: float, gpus: int) -> Answer:
    """Rented cards for so many hours."""
    return {"total_usd": eco.rent_usd_per_month(1, gpus, gpu_hour_usd, hours, ALWAYS)}


def per_request(in_tokens: float, out_tokens: float, in_usd_per_m: float, out_usd_per_m: float) -> Any:
    """One request at token prices, nothing cached."""
    return eco.token_cost_usd_per_task(in_tokens, 0, out_tokens, in_usd_per_m, in_usd_per_m, out_usd_per_m)


def api(requests: float, per_request_usd: float, **prices: float) -> Answer:
    """All requests, with a fee on each."""
    each = eco.total_usd(tokens_usd=per_request(**prices), fee_usd=per_request_usd)
    return {"total_usd": eco.token_bill_usd_per_month(each, requests)}


def unit(**prices: float) -> Answer:
    """One request."""
    return {"usd": per_request(**prices)}


def payback(capex_usd: float, saving_per_run_usd: float, runs_per_month: float) -> Answer:
    """Months until a purchase is repaid by what its runs save."""
    saved = eco.token_bill_usd_per_month(saving_per_run_usd, np.full(LOOKED_MONTHS, float(runs_per_month)))
    return {"months": returns.payback_months(saved, capex_usd)}


def payback_days(capex_usd: float, saving_per_day_usd: list[float]) -> Answer:
    """Days: the formula counts periods of any length."""
    days = [returns.payback_months(np.full(LOOKED_MONTHS, saved), capex_usd) for saved in saving_per_day_usd]
    return {"days": days}


def three_years(
    capex_usd: float,
    residual_usd: float,
    variable_per_run_usd: float,
    runs: list[float],
    fixed_by_year_usd: list[float],
) -> Answer:
    """A purchase less its resale, runs that cost something each, and a fixed part by year."""
    months = MONTHS_PER_YEAR * len(runs)
    bought = eco.purchase_usd(1, capex_usd, residual_usd, months, months)
    ran = eco.token_bill_usd_per_month(variable_per_run_usd, np.array(runs))
    yearly = eco.total_usd_per_month(ran_usd_per_month=ran, fixed_usd_per_month=np.array(fixed_by_year_usd))
    return {"net_usd": eco.lifetime_cost_usd(bought, yearly)}


def daily(gpu_hour_usd: float, hours_per_day: float, days: int, api_month_usd: float) -> Answer:
    """Cards switched on for some hours of each day, against a hosted bill."""

    def month(hours: Any) -> Any:
        return eco.rent_usd_per_month(days, 1, gpu_hour_usd, hours, ALWAYS)

    own = month(hours_per_day)
    even = sign_changes(lambda hours: eco.saving_usd(month(hours), api_month_usd), 0.01, 24)
    saved = eco.saving_share(api_month_usd, own)
    return {"gpu_month_usd": own, "saving_pct": 100 * saved, "breakeven_hours_per_day": float(even[0])}


def owned_hour(capex_usd: float, life_years: float, watts: float, kwh_usd: float) -> Answer:
    """An hour of a card that is bought and always on."""
    months = life_years * MONTHS_PER_YEAR
    always = eco.calendar_share(months)
    power = eco.power_usd_per_month(1, watts, kwh_usd, HOURS_PER_MONTH, always)
    whole = eco.lifetime_cost_usd(eco.purchase_usd(1, capex_usd, 0, months, months), power)
    return {"usd_per_hour": eco.unit_cost_usd_per_task(whole, eco.over_months(HOURS_PER_MONTH * always))}


def even_a_day(api_usd_per_m: float, gpu_day_usd: float, gpus: int) -> Answer:
    """Break-even, a task of a million tokens and a period of a day."""
    return {"m_tokens_per_day": eco.break_even_tasks_per_month(0, gpus * gpu_day_usd, api_usd_per_m, 0, 1)}


def even_tokens(self_month_usd: float, blended_usd_per_m: float) -> Answer:
    """Break-even, a task of one token."""
    each = eco.token_cost_usd_per_task(1, 0, 0, blended_usd_per_m, 0, 0)
    return {"tokens": eco.break_even_tasks_per_month(0, self_month_usd, each, 0, 1)}


def utilised(usage_usd_per_m: float, allocation_usd_per_m: float, api_usd_per_m: float) -> Answer:
    """The load at which a replica's allocated price is met, and the one at which it equals the API's."""
    month = eco.rent_usd_per_month(1, 1, 1.0, HOURS_PER_MONTH, ALWAYS)
    full = month / usage_usd_per_m  # million tokens a month of a full replica that costs a dollar an hour

    def used(price_usd_per_m: float) -> float:
        tokens = eco.break_even_tasks_per_month(0, month, price_usd_per_m, 0, 1)
        load = traffic.fluid_replicas(tokens, HOURS_PER_MONTH, full / HOURS_PER_MONTH, np.ones(1))
        share = traffic.utilisation_share(load, np.ones(1), np.ones(1))
        told = traffic.usage_price_usd_per_million_tokens(price_usd_per_m, share, TOKENS_PER_PRICE_UNIT, 0)
        assert told == usage_usd_per_m  # allocated price times utilisation is the price of a full replica
        return share

    return {"utilisation": used(allocation_usd_per_m), "breakeven_utilisation": used(api_usd_per_m)}


def trained(hours: float, gpus: int, gpu_hour_usd: float) -> Answer:
    """The rent of a training run."""
    return {"usd": training.training_usd(hours, gpu_hour_usd, gpus)}


def decayed(start: float, end: float, years: int) -> Answer:
    """The yearly step of a path of prices that ends where it did."""
    calendar = np.ones(MONTHS_PER_YEAR * years + 1)

    def missed(ratios: Any) -> Any:
        path = price_paths.switched_usd_per_million_tokens(start, ratios[:, None], calendar)
        return path[:, -1] - end

    return {"factor_per_year": 1 / float(sign_changes(missed, 1e-3, 1)[0])}


def example(api_month_usd: float, self_month_usd: float) -> Answer:
    """A month and a year of the cheaper road."""
    year = np.ones(MONTHS_PER_YEAR)
    saved = returns.saved_usd_per_month(api_month_usd * year, eco.claimed_cost_usd_per_month(self_month_usd, year))
    return {"saving_month_usd": saved[0], "saving_year_usd": eco.over_months(saved)}


def premise(api_month_usd: float, gpu_hour_usd: float, hours: float) -> Answer:
    """A machine by the hour, all hours of a month, and what it saves of the hosted bill (less than nothing)."""
    month = eco.machine_usd_per_month(1, gpu_hour_usd, hours, ALWAYS)
    assert eco.saving_usd(api_month_usd, month) < 0
    return {"self_month_usd": month}


DOORS: dict[str, Callable[..., Answer]] = {
    "batch_job_cost": batch_job,
    "api_cost": api,
    "unit_cost": unit,
    "payback_months": payback,
    "payback_days": payback_days,
    "tco_3y": three_years,
    "daily_batch": daily,
    "owned_gpu_hour": owned_hour,
    "breakeven_daily": even_a_day,
    "breakeven_tokens": even_tokens,
    "utilisation": utilised,
    "training_cost": trained,
    "price_decay": decayed,
    "break_even_seed": example,
    "break_even_seed_with_seed003_price": premise,
}
"""Kind to the functions that answer it."""
