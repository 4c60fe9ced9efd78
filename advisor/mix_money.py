"""Money of a mix: parts that sum to the whole to the cent. Pure.

Rule 1  A task's money is rounded to whole cents once; a total is the sum of those cents, so that every column adds up.
Rule 2  One part that is not known makes the total not known: a sum of the rest would pass for the whole.
"""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final

CENT: Final = Decimal("0.01")  # the smallest amount that anybody books


def cents(amount_usd: float) -> Decimal:
    """Return an amount in whole cents."""
    return Decimal(repr(float(amount_usd))).quantize(CENT, ROUND_HALF_EVEN)


def summed(amounts_usd: Sequence[Decimal | None]) -> Decimal | None:
    """Return the sum of amounts, or None where one of them is not known."""
    known = [amount for amount in amounts_usd if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts_usd) else None


def apportioned(whole: Decimal, weights: Sequence[float], step: Decimal = CENT) -> list[Decimal]:
    """Return the whole in parts by weight, each a multiple of `step`; the largest remainders get what is left over.

    `whole` must be a multiple of `step`, and the weights non-negative with a sum above 0.
    """
    scale = Decimal(repr(float(sum(weights))))
    shares = [whole * Decimal(repr(float(weight))) / scale for weight in weights]
    parts = [share.quantize(step, ROUND_FLOOR) for share in shares]
    left = int((whole - sum(parts, Decimal(0))) / step)
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - shares[place], place))
    for place in by_remainder[:left]:
        parts[place] += step
    return parts


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """Return an amount as a page shows it; a column's total is the sum of what is shown, so that it adds up."""
    return amount.quantize(step, ROUND_HALF_EVEN)
