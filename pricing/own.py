"""Figures of the user's own prices: what was agreed stays visible as the input of what is used."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from pricing.entries import OwnTerms
from pricing.figure import Figure, Kind, Number, Origin, quoted
from pricing.units import PERCENT


class Agreement(NamedTuple):
    """Which column of a line a figure stands for, over how many cards it is shared, and when the terms were checked."""

    column: str
    cards: int
    checked: date | None


def agreed_usd(list_usd: Number, off_share: Number) -> Number:
    """Return a list price less what was agreed."""
    return list_usd * (1 - off_share)


def converted_usd(amount_own_currency: Number, usd_per_unit: Number) -> Number:
    """Return an amount of another currency in USD, at the rate of the day that goes with it."""
    return amount_own_currency * usd_per_unit


def own_figure(name: str, usd: Decimal, unit: str, terms: OwnTerms, on: Agreement) -> Figure:
    """Return the figure of an own price, exact: a quoted leaf, or derived from a list price or a foreign amount."""
    source = f"{terms.file}: {terms.because}"
    listed, stated = dict(terms.listed).get(on.column), dict(terms.stated).get(on.column)
    if listed is not None and terms.off_percent is not None:
        inputs = {
            "list_usd": quoted(f"{name}.list", listed / on.cards, unit, terms.list_source, terms.list_checked),
            "off_share": quoted(f"{name}.off_share", terms.off_percent / PERCENT, "share", source, on.checked),
        }
        return _derived(name, usd, unit, agreed_usd, inputs)
    if stated is not None and terms.usd_per_unit is not None:
        code = terms.currency.upper()
        said, rate = f"{source} ({stated} {code})", f"{terms.file}: 1 {code} in USD"
        inputs = {
            "amount_own_currency": quoted(f"{name}.stated", stated / on.cards, "own_currency", said, on.checked),
            "usd_per_unit": quoted(f"exchange.{code}", terms.usd_per_unit, "usd_per_unit", rate, terms.rate_on),
        }
        return _derived(name, usd, unit, converted_usd, inputs)
    return quoted(name, usd, unit, source, on.checked)


def _derived(name: str, usd: Decimal, unit: str, formula: Callable[..., Number], inputs: dict[str, Figure]) -> Figure:
    return Figure(name, usd, unit, Origin(Kind.DERIVED, formula.__name__), formula=formula, inputs=inputs)
