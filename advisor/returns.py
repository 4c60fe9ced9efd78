"""What a road gives back for what it cost up front: payback, net present value, internal rate of return.

Rule 1  Up-front money is spent today; what a month saves arrives at the month's end (interest), evenly (payback).
Rule 2  A payback that never comes within the horizon is inf among arrays, and None where one number is reported.
"""

import numpy as np
from numpy.typing import NDArray

from advisor.crossing import sign_changes
from advisor.economics import month_numbers, over_months
from pricing.figure import Number
from pricing.units import MONTHS_PER_YEAR

Array = NDArray[np.float64]
MONTHLY_FACTORS = (0.5, 1000.0)
"""One plus the monthly rate, between which roots are looked for: half lost a month, and a thousandfold gained."""
RATE_POINTS = 400
"""First look: two roots closer than 2 % of a month's factor can hide between points."""
RATE_LOOKS = 6
"""127**-6 of such a bracket is below 1e-14 of the factor."""


def discounted_usd_per_month(saved_usd_per_month: Number, discount_annual_share: Number) -> Number:
    """Return each month's saving as of today."""
    flows = np.asarray(saved_usd_per_month, dtype=np.float64)
    return flows / (1 + discount_annual_share) ** ((1 + month_numbers(flows)) / MONTHS_PER_YEAR)


def net_present_usd(
    hosted_usd_per_month: Number, own_usd_per_month: Number, own_upfront_usd: Number, discount_annual_share: Number
) -> Number:
    """Return the net present value of leaving hosted."""
    saved = hosted_usd_per_month - own_usd_per_month
    return over_months(discounted_usd_per_month(saved, discount_annual_share)) - own_upfront_usd


def payback_months(saved_usd_per_month: Number, upfront_usd: Number) -> Number:
    """Return months until savings have repaid the up-front money and keep it repaid to the end; inf for never."""
    saved = np.cumsum(np.asarray(saved_usd_per_month, dtype=np.float64), axis=-1)
    owed = np.asarray(upfront_usd, dtype=np.float64)
    if owed.ndim < saved.ndim:
        owed = owed[..., None]
    paid = saved >= owed
    last = np.where(saved[..., -1:] >= owed, paid.argmax(axis=-1, keepdims=True), -1)
    after = np.take_along_axis(saved, last, axis=-1)
    before = np.where(last > 0, np.take_along_axis(saved, np.maximum(last - 1, 0), axis=-1), 0.0)
    gained = np.where((last >= 0) & (after > before), after - before, np.inf)
    months = np.where(last < 0, np.inf, last + np.maximum(owed - before, 0.0) / gained)
    return months if months.ndim > 1 else months[0]


def saved_usd_per_month(hosted_usd_per_month: Number, own_usd_per_month: Number) -> Number:
    """Return what each month's bill is lower by."""
    return hosted_usd_per_month - own_usd_per_month


def internal_rates(saved_usd_per_month: Array, upfront_usd: float) -> tuple[float, ...]:
    """Return every annual rate at which the net present value is nought, ascending; none or several are possible."""
    flows = np.concatenate([[-upfront_usd], saved_usd_per_month])
    if not (flows > 0).any() or not (flows < 0).any():
        return ()

    def present(factors: Array) -> Array:
        worth = np.zeros_like(factors)
        for flow in flows[::-1]:  # Horner's rule, from the last month back to today
            worth = worth / factors + flow
        return worth

    factors = sign_changes(present, *MONTHLY_FACTORS, points=RATE_POINTS, looks=RATE_LOOKS)
    return tuple(float(factor) ** MONTHS_PER_YEAR - 1 for factor in factors)


def rate_notice(rates: tuple[float, ...], upfront_usd: float) -> str | None:
    """Return what a reader must know where there is not exactly one internal rate, or None."""
    if len(rates) == 1:
        return None
    if upfront_usd <= 0:
        return "no internal rate: nothing is spent up front"
    if not rates:
        return "no internal rate: the savings never repay what is spent up front"
    return f"{len(rates)} internal rates solve it ({', '.join(f'{rate:.0%}' for rate in rates)}): use the present value"
