"""Lines of the data files into prices: every number becomes a figure with its source and its day.

A field of a price that is a figure is the line's column of the same name; every other field is copied as it stands.
What the user's own file changes is a derived figure: its inputs are the list price, or the amount in its currency.
"""

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from pricing.entries import (
    UNVERIFIED,
    ApiEntry,
    BilledPer,
    Entry,
    GpuEntry,
    PurchaseEntry,
    ServerlessEntry,
    TuningEntry,
    TuningStatus,
)
from pricing.figure import Figure, assumed, quoted
from pricing.own import Agreement, own_figure
from pricing.prices import FLOATING, ApiPrice, GpuPrice, Price, PurchasePrice, ServerlessPrice, TuningPrice
from pricing.units import MINUTES_PER_HOUR, SECONDS_PER_HOUR, unit_of

PriceT = TypeVar("PriceT", bound=Price)

STEP_SECONDS = {
    BilledPer.SECOND: 1,
    BilledPer.MINUTE: SECONDS_PER_HOUR // MINUTES_PER_HOUR,
    BilledPer.HOUR: SECONDS_PER_HOUR,
}


class Share(NamedTuple):
    """What one card's price is a share of: the column, how many cards share it, and its amount."""

    column: str
    cards: int
    whole_usd_per_hour: Decimal


def _leaf(entry: Entry, tier: str, value: Decimal, of: Share | None = None) -> Figure:
    """Make the figure: quoted, or assumed where nobody has read a page; `of` is the whole that it is a share of."""
    name, unit = f"price.{entry.kind}.{entry.name}.{tier}", unit_of(tier)
    column, cards = (of.column, of.cards) if of else (tier, 1)
    if entry.own is not None and column in entry.own.columns:
        return own_figure(name, value, unit, entry.own, Agreement(column, cards, entry.checked))
    source, checked = entry.source, entry.checked
    if entry.own is not None:
        source, checked = entry.own.list_source, entry.own.list_checked
    source = f"{source}: {of.whole_usd_per_hour} USD / hour for {cards} cards" if of and cards > 1 else source
    if entry.confidence in UNVERIFIED:
        return assumed(name, value, unit, f"unverified price: {source}")
    return quoted(name, value, unit, source, checked)


def _tier(entry: Entry, tier: str) -> Figure | None:
    """Give the figure of a column that may be empty."""
    value = getattr(entry, tier)
    return None if value is None else _leaf(entry, tier, value)


def _price(kind: type[PriceT], entry: Entry, **told: Any) -> PriceT:
    """Make a price of a line; `told` are the fields that are more than a column."""
    values = dict(told)
    for field, holds in kind.types.items():
        if field not in told:
            values[field] = _tier(entry, field) if holds in (Figure, Figure | None) else getattr(entry, field)
    return kind.made(values)


def api_price(entry: ApiEntry) -> ApiPrice:
    """Turn a line of data/api into a price."""
    return _price(ApiPrice, entry, floating=entry.model.endswith(FLOATING))


def _per_card(entry: GpuEntry | ServerlessEntry, tier: str, column: str, whole: Decimal) -> Figure:
    """Give the price of one card: its share of the instance."""
    return _leaf(entry, tier, whole / entry.count, Share(column, entry.count, whole))


def gpu_price(entry: GpuEntry, spot: bool) -> GpuPrice | None:
    """Turn a line of data/gpu into a price per card; None where spot is asked for and the line has none."""
    whole = entry.spot_usd_per_hour if spot else entry.usd_per_hour
    offer = entry.spot_offer if spot else entry.offer
    if whole is None or offer is None:
        return None
    prefix = "spot_" if spot else ""
    return _price(
        GpuPrice,
        entry,
        spot=spot,
        offer=offer,
        usd_per_gpu_hour=_per_card(entry, f"{prefix}usd_per_gpu_hour", f"{prefix}usd_per_hour", whole),
        usd_per_hour=_leaf(entry, f"{prefix}usd_per_hour", whole),
    )


def tuning_price(entry: TuningEntry, on: date, allow_unverified: bool) -> TuningPrice:
    """Turn a line of data/tuning into a price; the status is the one of that day."""
    closed = entry.new_jobs_until is not None and on > entry.new_jobs_until
    known = entry.inference_confidence not in UNVERIFIED or allow_unverified
    tiers = {f"inference_{tier}_usd_per_million_tokens": tier for tier in ("input", "cached_input", "output")}
    return _price(
        TuningPrice,
        entry,
        **{column: _inference(entry, column, known) for column in tiers},
        status=TuningStatus.CLOSED if closed and entry.status is TuningStatus.WINDING_DOWN else entry.status,
    )


def _inference(entry: TuningEntry, column: str, known: bool) -> Figure | None:
    """Give a tuned model's price by the token: assumed where it was recalled, None where that is not allowed."""
    figure = _tier(entry, column) if known else None
    if figure is None or entry.inference_confidence not in UNVERIFIED:
        return figure
    return assumed(figure.name, figure.value, figure.unit, f"unverified price: {entry.source}; {entry.note}")


def serverless_price(entry: ServerlessEntry) -> ServerlessPrice:
    """Turn a line of data/serverless into a price per card and per instance."""
    return _price(
        ServerlessPrice,
        entry,
        usd_per_gpu_hour=_per_card(entry, "usd_per_gpu_hour", "usd_per_hour", entry.usd_per_hour),
        billed_seconds=_leaf(entry, "billed_seconds", Decimal(STEP_SECONDS[entry.billed_per])),
    )


def purchase_price(entry: PurchaseEntry) -> PurchasePrice:
    """Turn a line of data/purchase into the price of one card."""
    capex = _leaf(entry, "capex_usd", entry.capex_usd)
    if entry.capex_low_usd is not None:
        capex = Figure(capex.name, capex.value, capex.unit, capex.origin, entry.capex_low_usd, entry.capex_high_usd)
    return _price(PurchasePrice, entry, collector=entry.provider, capex_usd=capex)
