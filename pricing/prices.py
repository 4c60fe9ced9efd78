"""What the book answers with: prices as figures, each with its source and the day it was last seen to hold."""

from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

from pricing.entries import BilledPer, ColdStart, Confidence, Crosscheck, LongContext, Offer, TuningStatus
from pricing.figure import Figure
from pricing.names import MissingTierError
from pricing.record import Record

FLOATING: Final = "-latest"
"""How a name ends that the vendor moves from model to model; no plan is made of one."""


class ApiPrice(Record):
    """A hosted model on one day; a tier nobody publishes is None, see `required`. `floating` names move under you.

    `until` is the first day this price no longer holds (a promotion), `shutdown` the first day without the model.
    """

    name: str
    provider: str
    model: str
    input_usd_per_million_tokens: Figure
    cached_input_usd_per_million_tokens: Figure | None
    cache_write_usd_per_million_tokens: Figure | None
    output_usd_per_million_tokens: Figure
    batch_input_usd_per_million_tokens: Figure | None
    batch_output_usd_per_million_tokens: Figure | None
    long_context_over_tokens: int | None
    long_context_mode: LongContext | None
    long_input_usd_per_million_tokens: Figure | None
    long_cached_input_usd_per_million_tokens: Figure | None
    long_output_usd_per_million_tokens: Figure | None
    peak_utc: tuple[str, ...]
    peak_input_usd_per_million_tokens: Figure | None
    peak_cached_input_usd_per_million_tokens: Figure | None
    peak_output_usd_per_million_tokens: Figure | None
    context_window_tokens: int | None
    offer: Offer
    until: date | None
    shutdown: date | None
    crosscheck: Crosscheck
    second_input_usd_per_million_tokens: Figure | None
    second_output_usd_per_million_tokens: Figure | None
    second_source: str
    floating: bool
    source: str
    checked: date | None
    confidence: Confidence
    note: str


class GpuPrice(Record):
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
    term_months: int | None
    until: date | None
    usd_per_gpu_hour: Figure
    usd_per_hour: Figure
    source: str
    checked: date | None
    confidence: Confidence
    note: str


class TuningPrice(Record):
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
    minimum_job_usd: Figure | None
    storage_usd_per_month: Figure | None
    storage_usd_per_gb_month: Figure | None
    fee_terms: str
    status: TuningStatus
    new_jobs_until: date | None
    inference_until: date | None
    source: str
    checked: date | None
    confidence: Confidence
    note: str


class ServerlessPrice(Record):
    """A card billed by use; `usd_per_hour` is for all `count` cards, `billed_per` the step it is billed in.

    `billed_seconds` is that step; None is what the source does not say about cold starts, idle time and minimum.
    """

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
    billed_per: BilledPer
    billed_seconds: Figure
    cold_start: ColdStart | None
    idle_timeout_seconds: Figure | None
    minimum_seconds: Figure | None
    scale_to_zero: bool | None
    cpu_usd_per_core_hour: Figure | None
    memory_usd_per_gib_hour: Figure | None
    free_usd_per_month: Figure | None
    source: str
    checked: date | None
    confidence: Confidence
    note: str


class PurchasePrice(Record):
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
