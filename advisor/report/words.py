"""How numbers read: amounts, shares, volumes and figures with their letters, rounded for people."""

from collections.abc import Sequence
from math import floor, log10

from advisor.advice import FigureRecord, PricesPart
from pricing.units import LABELS

TENFOLD = 10
"""A rate of return above this says no more than that the money is back within weeks."""
LETTERS = "q quoted, m measured, a assumed, d derived; after the slash the weakest kind it rests on"


def significant(number: float, digits: int = 3) -> str:
    """Return the number with so many significant digits, thousands grouped, never in exponent form above 1e-9."""
    if number == 0:
        return "0"
    decimals = digits - 1 - floor(log10(abs(number)))
    text = f"{round(number, decimals):,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(amount: float, currency: str = "USD", rate: float = 1.0) -> str:
    """Return an amount in the report's currency: whole units from 100 up, cents below, significant digits under 1."""
    value = amount * rate
    if abs(value) >= 100:
        return f"{currency} {value:,.0f}"
    return f"{currency} {value:,.2f}" if abs(value) >= 1 or value == 0 else f"{currency} {significant(value)}"


def share(part: float) -> str:
    """Return a share as whole percent."""
    return f"{part:.0%}"


def saving(part: float) -> str:
    """Return a saving as whole percent; a road that costs more than twice as much says how many times."""
    return f"{part:.0%}" if part >= -1 else f"costs {1 - part:.1f}x"


def span(low: float, high: float, rate: float = 1.0) -> str:
    """Return two amounts in the report's currency, whole, from the first to the second."""
    return f"{low * rate:,.0f} .. {high * rate:,.0f}"


def rate(yearly: float) -> str:
    """Return a yearly rate of return; what returns its cost many times a year is only said to be above tenfold."""
    return f"{yearly:.0%}" if yearly <= TENFOLD else "over 1,000%"


def months(count: float | None) -> str:
    """Return a number of months, or never."""
    return "never" if count is None else f"{count:.1f} months"


def checked(prices: PricesPart) -> str:
    """Return when the prices in use were last checked, and how many that is too long ago for."""
    if prices.oldest is None:
        return "no quoted price in use"
    days = f"{prices.oldest}" if prices.oldest == prices.newest else f"{prices.oldest}..{prices.newest}"
    old = f", {len(prices.stale)} older than 90 days" if prices.stale else ""
    return f"prices in use checked {days}{old}"


def letter(figure: FigureRecord) -> str:
    """Return the letter, and for a derived figure the weakest grade below it: `d/a`."""
    return f"d/{figure.grade}" if figure.letter == "d" else figure.letter


def labelled(name: str, unit: str) -> str:
    """Return an input's name with its unit in brackets, where it has one."""
    return f"{name} ({LABELS[unit]})" if LABELS[unit] else name


def spoken(value: float | Sequence[float], unit: str) -> str:
    """Return a value with its unit; a monthly row shows its first and last month."""
    label = LABELS[unit]
    if isinstance(value, (int, float)):
        return f"{significant(value)} {label}".strip()
    return f"{significant(value[0])} .. {significant(value[-1])} {label} over {len(value)} months".strip()


def origin(figure: FigureRecord) -> str:
    """Return where the number is from: source and date for a leaf, the formula for a derived one."""
    when = f", {figure.on}" if figure.on else ""
    bounds = ""
    if figure.low is not None and figure.high is not None:
        bounds = f"; {significant(figure.low)}..{significant(figure.high)}"
    return f"{figure.note}{when}{bounds}"
