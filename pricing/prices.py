"""What the book answers with: prices as figures, each with its source and the day it was last seen to hold."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from pricing.entries import (
    Confidence,
    Crosscheck,
    Offer,
    TuningStatus,
)
from pricing.figure import Figure
from pricing.names import MissingTierError


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """A hosted model on one day; a tier nobody publishes is None, see `required`. `floating` names move under you."""

    name: str
    provider: str
    model: str
    input_usd_per_million_tokens: Figure
    cached_input_usd_per_million_tokens: Figure | None
    output_usd_per_million_tokens: Figure
    batch_input_usd_per_million_tokens: Figure | None
    batch_output_usd_per_million_tokens: Figure | None
    long_context_over_tokens: int | None
    long_input_usd_per_million_tokens: Figure | None
    long_output_usd_per_million_tokens: Figure | None
    context_window_tokens: int | None
    shutdown: date | None
    crosscheck: Crosscheck
    second_input_usd_per_million_tokens: Figure | None
    second_output_usd_per_million_tokens: Figure | None
    floating: bool
    source: str
    checked: date | None
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True)
class GpuPrice:
    """Rent of one card of an instance with `count` cards; the instance is billed as a whole (`usd_per_hour`)."""

    name: str
    provider: str
    card: str
    instance: str
    region: str
    count: int
    memory_gb: Decimal
    spot: bool
    offer: Offer
    usd_per_gpu_hour: Figure
    usd_per_hour: Figure
    source: str
    checked: date | None
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True)
class TuningPrice:
    """Hosted fine-tuning on one day. `new_jobs_until` is the last day for a new job, `inference_until` the day it ends.

    `inference_same_as` names the API model whose price tuned inference is billed at, where the provider says so.
    """

    name: str
    provider: str
    base_model: str
    method: tuple[str, ...]
    training_usd_per_million_tokens: Figure | None
    training_usd_per_hour: Figure | None
    inference_input_usd_per_million_tokens: Figure | None
    inference_cached_input_usd_per_million_tokens: Figure | None
    inference_output_usd_per_million_tokens: Figure | None
    inference_same_as: str
    hosting_usd_per_hour: Figure | None
    hosting_terms: str
    fee_terms: str
    status: TuningStatus
    new_jobs_until: date | None
    inference_until: date | None
    source: str
    checked: date | None
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True)
class ServerlessPrice:
    """A card billed by use; `usd_per_hour` is for all `count` cards, `billed_per` the step it is billed in."""

    name: str
    provider: str
    product: str
    card: tuple[str, ...]
    instance: str
    region: str
    count: int
    memory_gb: Decimal | None
    usd_per_gpu_hour: Figure
    usd_per_hour: Figure
    billed_per: str
    source: str
    checked: date | None
    confidence: Confidence
    note: str


@dataclass(frozen=True, slots=True)
class PurchasePrice:
    """One card bought; `capex_usd` has low and high where the source gives a range; `price_kind` says what was seen."""

    name: str
    collector: str
    card: str
    price_kind: str
    capex_usd: Figure
    power_watts: Figure | None
    memory_gb: Decimal | None
    source: str
    checked: date | None
    confidence: Confidence
    note: str


Price: TypeAlias = ApiPrice | GpuPrice | TuningPrice | ServerlessPrice | PurchasePrice


def required(price: Price, tier: str) -> Figure:
    """Return the figure of a tier (`batch_input_usd_per_million_tokens`), or raise MissingTierError: never 0."""
    found = getattr(price, tier)
    if isinstance(found, Figure):
        return found
    message = (
        f"{price.name} has no {tier} in the price book (source: {price.source}); "
        f"next: leave that tier out of the option, or add the published price with its source (pricing/data/README.md)"
    )
    raise MissingTierError(message)
