"""One line of the price book's data files, as it stands there: nothing computed, nothing filled in.

A field is a column of the same name (`starts` is the column `from`); its type says how the text is read.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from pricing.record import Record


class Confidence(StrEnum):
    """How far a line can be trusted; the last two stay out of the book unless unverified prices are allowed."""

    SEEN = "seen"
    WEAK = "weak"
    MEMORY = "memory"
    UNDATED = "undated"


UNVERIFIED: Final = frozenset({Confidence.MEMORY, Confidence.UNDATED})


class Crosscheck(StrEnum):
    """What a second, independent price list says about an API price."""

    AGREE = "agree"
    DIFFER = "differ"
    SINGLE = "single"


class LongContext(StrEnum):
    """What a request over the line pays the higher rate for: all its tokens (cliff), or those above it (marginal)."""

    CLIFF = "cliff"
    MARGINAL = "marginal"


class Offer(StrEnum):
    """What kind of number a price is; only a list price is one that anybody can be sure to pay, and go on paying."""

    LIST = "list"
    INTRODUCTORY = "introductory"
    CONTRACT = "contract"
    FROM = "from"
    AVERAGE = "average"


class BilledPer(StrEnum):
    """The step a bill counts in; a started one is paid in full."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"


class ColdStart(StrEnum):
    """Whether the seconds in which a worker starts are on the bill."""

    BILLED = "billed"
    FREE = "free"


class TuningStatus(StrEnum):
    """Whether new tuning jobs are taken; `unconfirmed` and `unpriced` want a look before use."""

    OPEN = "open"
    WINDING_DOWN = "winding-down"
    CLOSED = "closed"
    DEPRECATED = "deprecated"
    UNCONFIRMED = "unconfirmed"
    UNPRICED = "unpriced"


class Layer(StrEnum):
    """Which book a line stands in: the one that ships, the refreshed one on this machine, or the user's own file."""

    SHIPPED = "shipped"
    REFRESHED = "refreshed"
    OWN = "own"


class OwnTerms(NamedTuple):
    """What the user's own file says about a line: why, which columns it sets, and what they were worked out from.

    `listed` is the list price of a discounted column, `stated` the amount of a column in another currency; percentage
    and exchange rate go with them. `list_source` and `list_checked` are for the columns that stay as listed.
    """

    file: str
    because: str
    columns: frozenset[str]
    listed: tuple[tuple[str, Decimal], ...] = ()
    off_percent: Decimal | None = None
    stated: tuple[tuple[str, Decimal], ...] = ()
    currency: str = ""
    usd_per_unit: Decimal | None = None
    rate_on: date | None = None
    list_source: str = ""
    list_checked: date | None = None


class Entry(Record):
    """What every line has: provider (the file's name), place (file and line), the days, the source, the confidence."""

    kind: ClassVar[str] = ""
    provider: str
    place: str
    starts: date | None
    checked: date | None
    source: str
    confidence: Confidence
    note: str = ""
    layer: Layer = Layer.SHIPPED
    own: OwnTerms | None = None

    @property
    def name(self) -> str:
        """Name the offer this line prices; lines of one offer differ in `starts` only."""
        return self.provider

    @property
    def ends(self) -> date | None:
        """Return the first day this line no longer holds, where it is known."""
        return None


class ApiEntry(Entry):
    """A hosted model's price by the token; times of day in `peak_utc` are hours UTC, as in 01:00-04:00."""

    kind: ClassVar[str] = "api"
    model: str
    input_usd_per_million_tokens: Decimal
    cached_input_usd_per_million_tokens: Decimal | None = None
    cache_write_usd_per_million_tokens: Decimal | None = None
    output_usd_per_million_tokens: Decimal
    batch_input_usd_per_million_tokens: Decimal | None = None
    batch_output_usd_per_million_tokens: Decimal | None = None
    long_context_over_tokens: int | None = None
    long_context_mode: LongContext | None = None
    long_input_usd_per_million_tokens: Decimal | None = None
    long_cached_input_usd_per_million_tokens: Decimal | None = None
    long_output_usd_per_million_tokens: Decimal | None = None
    peak_utc: tuple[str, ...] = ()
    peak_input_usd_per_million_tokens: Decimal | None = None
    peak_cached_input_usd_per_million_tokens: Decimal | None = None
    peak_output_usd_per_million_tokens: Decimal | None = None
    context_window_tokens: int | None = None
    offer: Offer = Offer.LIST
    until: date | None = None
    shutdown: date | None = None
    crosscheck: Crosscheck = Crosscheck.SINGLE
    second_input_usd_per_million_tokens: Decimal | None = None
    second_output_usd_per_million_tokens: Decimal | None = None
    second_source: str = ""
    page: str = ""

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self.provider}/{self.model}"

    @property
    def ends(self) -> date | None:
        """Return the day the model is switched off, or the earlier one on which this price ends."""
        return min((day for day in (self.shutdown, self.until) if day is not None), default=None)


class GpuEntry(Entry):
    """Rent of an instance with `count` cards; `usd_per_hour` is for the whole instance, as it is billed."""

    kind: ClassVar[str] = "gpu"
    card: str
    instance: str
    count: int
    memory_gb: Decimal
    usd_per_hour: Decimal
    spot_usd_per_hour: Decimal | None = None
    region: str = ""
    offer: Offer
    spot_offer: Offer | None = None
    term_months: int | None = None
    until: date | None = None

    @property
    def name(self) -> str:
        """Provider, card, instance and region."""
        where = f"@{self.region}" if self.region else ""
        return f"{self.provider}/{self.card}/{self.count}x {self.instance}".rstrip() + where

    @property
    def ends(self) -> date | None:
        """Return the day the offer was seen replaced or withdrawn."""
        return self.until


class TuningEntry(Entry):
    """Hosted fine-tuning of one model, or of a class of models by billions of parameters."""

    kind: ClassVar[str] = "tuning"
    base_model: str
    method: tuple[str, ...]
    parameters_over_billion: Decimal | None = None
    parameters_up_to_billion: Decimal | None = None
    training_usd_per_million_tokens: Decimal | None = None
    training_usd_per_hour: Decimal | None = None
    inference_input_usd_per_million_tokens: Decimal | None = None
    inference_cached_input_usd_per_million_tokens: Decimal | None = None
    inference_output_usd_per_million_tokens: Decimal | None = None
    inference_confidence: Confidence | None = None
    inference_same_as: str = ""
    hosting_usd_per_hour: Decimal | None = None
    hosting_terms: str = ""
    minimum_job_usd: Decimal | None = None
    storage_usd_per_month: Decimal | None = None
    storage_usd_per_gb_month: Decimal | None = None
    fee_terms: str = ""
    status: TuningStatus
    new_jobs_until: date | None = None
    inference_until: date | None = None

    @property
    def name(self) -> str:
        """Provider, base model and method."""
        return f"{self.provider}/{self.base_model}" + (f"/{'+'.join(self.method)}" if self.method else "")

    @property
    def ends(self) -> date | None:
        """Return the day tuned models stop answering."""
        return self.inference_until

    @property
    def is_class(self) -> bool:
        """Tell whether this prices a class of models by size, not one model."""
        return self.parameters_over_billion is not None or self.parameters_up_to_billion is not None

    def covers(self, parameters_billion: float) -> bool:
        """Tell whether a model of so many billion parameters belongs to this class."""
        over, up_to = self.parameters_over_billion, self.parameters_up_to_billion
        return (over is None or over < parameters_billion) and (up_to is None or parameters_billion <= up_to)


class ServerlessEntry(Entry):
    """A card by the second, the minute or the hour, without renting a machine; `usd_per_hour` is for all its cards.

    What is known of the bill beside the rate: whether a cold start is on it, how long an idle worker stays on it, the
    least that one start costs, whether it can go to zero; processor and memory where they are billed on top.
    """

    kind: ClassVar[str] = "serverless"
    product: str
    card: tuple[str, ...]
    instance: str = ""
    count: int
    memory_gb: Decimal | None = None
    usd_per_hour: Decimal
    billed_per: BilledPer
    cold_start: ColdStart | None = None
    idle_timeout_seconds: Decimal | None = None
    minimum_seconds: Decimal | None = None
    scale_to_zero: bool | None = None
    cpu_usd_per_core_hour: Decimal | None = None
    memory_usd_per_gib_hour: Decimal | None = None
    free_usd_per_month: Decimal | None = None
    region: str = ""
    until: date | None = None

    @property
    def name(self) -> str:
        """Provider, product, cards, instance and region."""
        where = f"@{self.region}" if self.region else ""
        what = f"{self.count}x {'+'.join(self.card)}" if self.card else "managed"
        return f"{self.provider}/{self.product}/{what} {self.instance}".rstrip() + where

    @property
    def ends(self) -> date | None:
        """Return the day the offer was seen replaced or withdrawn."""
        return self.until


class PurchaseEntry(Entry):
    """What one card costs to buy, and the power it draws; the file's name stands for who collected it."""

    kind: ClassVar[str] = "purchase"
    card: str
    power_watts: Decimal | None = None
    memory_gb: Decimal | None = None
    capex_usd: Decimal
    capex_low_usd: Decimal | None = None
    capex_high_usd: Decimal | None = None
    price_kind: str

    @property
    def name(self) -> str:
        """Collector, card and kind of price."""
        return f"{self.provider}/{self.card}/{self.price_kind}"
