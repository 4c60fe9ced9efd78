"""Lines of the data files into prices: every number becomes a leaf figure with its source and its day."""

from datetime import date
from decimal import Decimal

from pricing.entries import (
    UNVERIFIED,
    ApiEntry,
    Entry,
    GpuEntry,
    PurchaseEntry,
    ServerlessEntry,
    TuningEntry,
    TuningStatus,
)
from pricing.figure import Figure, assumed, quoted
from pricing.prices import ApiPrice, GpuPrice, PurchasePrice, ServerlessPrice, TuningPrice
from pricing.units import unit_of


def _leaf(entry: Entry, tier: str, value: Decimal, said: str = "") -> Figure:
    """Make the leaf: quoted, or assumed where nobody has read a page; `said` is what the source says word for word."""
    name, unit = f"price.{entry.kind}.{entry.name}.{tier}", unit_of(tier)
    source = f"{entry.source}: {said}" if said else entry.source
    if entry.confidence in UNVERIFIED:
        return assumed(name, value, unit, f"unverified price: {source}")
    return quoted(name, value, unit, source, entry.checked)


def _given(entry: Entry, tier: str) -> Figure:
    """Give the figure of a column that is never empty."""
    return _leaf(entry, tier, getattr(entry, tier))


def _tier(entry: Entry, tier: str) -> Figure | None:
    """Give the figure of a column that may be empty."""
    value = getattr(entry, tier)
    return None if value is None else _leaf(entry, tier, value)


def api_price(entry: ApiEntry) -> ApiPrice:
    """Turn a line of data/api into a price."""
    return ApiPrice(
        name=entry.name,
        provider=entry.provider,
        model=entry.model,
        input_usd_per_million_tokens=_given(entry, "input_usd_per_million_tokens"),
        cached_input_usd_per_million_tokens=_tier(entry, "cached_input_usd_per_million_tokens"),
        output_usd_per_million_tokens=_leaf(
            entry, "output_usd_per_million_tokens", entry.output_usd_per_million_tokens
        ),
        batch_input_usd_per_million_tokens=_tier(entry, "batch_input_usd_per_million_tokens"),
        batch_output_usd_per_million_tokens=_tier(entry, "batch_output_usd_per_million_tokens"),
        long_context_over_tokens=entry.long_context_over_tokens,
        long_input_usd_per_million_tokens=_tier(entry, "long_input_usd_per_million_tokens"),
        long_output_usd_per_million_tokens=_tier(entry, "long_output_usd_per_million_tokens"),
        context_window_tokens=entry.context_window_tokens,
        shutdown=entry.shutdown,
        crosscheck=entry.crosscheck,
        second_input_usd_per_million_tokens=_tier(entry, "second_input_usd_per_million_tokens"),
        second_output_usd_per_million_tokens=_tier(entry, "second_output_usd_per_million_tokens"),
        floating=entry.model.endswith("-latest"),
        source=entry.source,
        checked=entry.checked,
        confidence=entry.confidence,
        note=entry.note,
    )


def gpu_price(entry: GpuEntry, spot: bool) -> GpuPrice | None:
    """Turn a line of data/gpu into a price per card; None where spot is asked for and the line has none."""
    whole = entry.spot_usd_per_hour if spot else entry.usd_per_hour
    offer = entry.spot_offer if spot else entry.offer
    if whole is None or offer is None:
        return None
    prefix = "spot_" if spot else ""
    said = f"{whole} USD / hour for {entry.count} cards" if entry.count > 1 else ""
    return GpuPrice(
        name=entry.name,
        provider=entry.provider,
        card=entry.card,
        instance=entry.instance,
        region=entry.region,
        count=entry.count,
        memory_gb=entry.memory_gb,
        spot=spot,
        offer=offer,
        usd_per_gpu_hour=_leaf(entry, f"{prefix}usd_per_gpu_hour", whole / entry.count, said),
        usd_per_hour=_leaf(entry, f"{prefix}usd_per_hour", whole),
        source=entry.source,
        checked=entry.checked,
        confidence=entry.confidence,
        note=entry.note,
    )


def tuning_price(entry: TuningEntry, on: date, allow_unverified: bool) -> TuningPrice:
    """Turn a line of data/tuning into a price; the status is the one of that day."""
    closed = entry.new_jobs_until is not None and on > entry.new_jobs_until
    known = entry.inference_confidence not in UNVERIFIED or allow_unverified
    return TuningPrice(
        name=entry.name,
        provider=entry.provider,
        base_model=entry.base_model,
        method=entry.method,
        training_usd_per_million_tokens=_tier(entry, "training_usd_per_million_tokens"),
        training_usd_per_hour=_tier(entry, "training_usd_per_hour"),
        inference_input_usd_per_million_tokens=_inference(entry, "input", known),
        inference_cached_input_usd_per_million_tokens=_inference(entry, "cached_input", known),
        inference_output_usd_per_million_tokens=_inference(entry, "output", known),
        inference_same_as=entry.inference_same_as,
        hosting_usd_per_hour=_tier(entry, "hosting_usd_per_hour"),
        hosting_terms=entry.hosting_terms,
        fee_terms=entry.fee_terms,
        status=TuningStatus.CLOSED if closed and entry.status is TuningStatus.WINDING_DOWN else entry.status,
        new_jobs_until=entry.new_jobs_until,
        inference_until=entry.inference_until,
        source=entry.source,
        checked=entry.checked,
        confidence=entry.confidence,
        note=entry.note,
    )


def _inference(entry: TuningEntry, tier: str, known: bool) -> Figure | None:
    """Give a tuned model's price by the token: assumed where it was recalled, None where that is not allowed."""
    figure = _tier(entry, f"inference_{tier}_usd_per_million_tokens") if known else None
    if figure is None or entry.inference_confidence not in UNVERIFIED:
        return figure
    return assumed(figure.name, figure.value, figure.unit, f"unverified price: {entry.source}; {entry.note}")


def serverless_price(entry: ServerlessEntry) -> ServerlessPrice:
    """Turn a line of data/serverless into a price per card and per instance."""
    said = f"{entry.usd_per_hour} USD / hour for {entry.count} cards" if entry.count > 1 else ""
    return ServerlessPrice(
        name=entry.name,
        provider=entry.provider,
        product=entry.product,
        card=entry.card,
        instance=entry.instance,
        region=entry.region,
        count=entry.count,
        memory_gb=entry.memory_gb,
        usd_per_gpu_hour=_leaf(entry, "usd_per_gpu_hour", entry.usd_per_hour / entry.count, said),
        usd_per_hour=_leaf(entry, "usd_per_hour", entry.usd_per_hour),
        billed_per=entry.billed_per,
        source=entry.source,
        checked=entry.checked,
        confidence=entry.confidence,
        note=entry.note,
    )


def purchase_price(entry: PurchaseEntry) -> PurchasePrice:
    """Turn a line of data/purchase into the price of one card."""
    capex = _leaf(entry, "capex_usd", entry.capex_usd)
    if entry.capex_low_usd is not None:
        capex = Figure(capex.name, capex.value, capex.unit, capex.origin, entry.capex_low_usd, entry.capex_high_usd)
    return PurchasePrice(
        name=entry.name,
        collector=entry.provider,
        card=entry.card,
        price_kind=entry.price_kind,
        capex_usd=capex,
        power_watts=_tier(entry, "power_watts"),
        memory_gb=entry.memory_gb,
        source=entry.source,
        checked=entry.checked,
        confidence=entry.confidence,
        note=entry.note,
    )
