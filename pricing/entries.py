"""One line of the price book's data files, as it stands there: nothing computed, nothing filled in.

A field is a column of the same name (`starts` is the column `from`); its type says how the text is read.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final


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


class Offer(StrEnum):
    """What kind of number a rent is; only a list price is one that anybody can be sure to pay."""

    LIST = "list"
    FROM = "from"
    AVERAGE = "average"


class TuningStatus(StrEnum):
    """Whether new tuning jobs are taken; `unconfirmed` and `unpriced` want a look before use."""

    OPEN = "open"
    WINDING_DOWN = "winding-down"
    CLOSED = "closed"
    DEPRECATED = "deprecated"
    UNCONFIRMED = "unconfirmed"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What every line has: provider (the file's name), place (file and line), the days, the source, the confidence."""

    kind: ClassVar[str] = ""
    provider: str
    place: str
    starts: date | None
    checked: date | None
    source: str
    confidence: Confidence
    note: str

    @property
    def name(self) -> str:
        """Name the offer this line prices; lines of one offer differ in `starts` only."""
        return self.provider

    @property
    def ends(self) -> date | None:
        """Return the first day this line no longer holds, where it is known."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEntry(Entry):
    """A hosted model's price by the token."""

    kind: ClassVar[str] = "api"
    model: str
    input_usd_per_million_tokens: Decimal
    cached_input_usd_per_million_tokens: Decimal | None
    output_usd_per_million_tokens: Decimal
    batch_input_usd_per_million_tokens: Decimal | None
    batch_output_usd_per_million_tokens: Decimal | None
    long_context_over_tokens: int | None
    long_input_usd_per_million_tokens: Decimal | None
    long_output_usd_per_million_tokens: Decimal | None
    context_window_tokens: int | None
    shutdown: date | None
    crosscheck: Crosscheck
    second_input_usd_per_million_tokens: Decimal | None
    second_output_usd_per_million_tokens: Decimal | None
    page: str

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self.provider}/{self.model}"

    @property
    def ends(self) -> date | None:
        """Return the day the model is switched off."""
        return self.shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuEntry(Entry):
    """Rent of an instance with `count` cards; `usd_per_hour` is for the whole instance, as it is billed."""

    kind: ClassVar[str] = "gpu"
    card: str
    instance: str
    count: int
    memory_gb: Decimal
    usd_per_hour: Decimal
    spot_usd_per_hour: Decimal | None
    region: str
    offer: Offer
    spot_offer: Offer | None
    until: date | None

    @property
    def name(self) -> str:
        """Provider, card, instance and region."""
        where = f"@{self.region}" if self.region else ""
        return f"{self.provider}/{self.card}/{self.count}x {self.instance}".rstrip() + where

    @property
    def ends(self) -> date | None:
        """Return the day the offer was seen replaced or withdrawn."""
        return self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningEntry(Entry):
    """Hosted fine-tuning of one model, or of a class of models by billions of parameters."""

    kind: ClassVar[str] = "tuning"
    base_model: str
    method: tuple[str, ...]
    parameters_over_billion: Decimal | None
    parameters_up_to_billion: Decimal | None
    training_usd_per_million_tokens: Decimal | None
    training_usd_per_hour: Decimal | None
    inference_input_usd_per_million_tokens: Decimal | None
    inference_cached_input_usd_per_million_tokens: Decimal | None
    inference_output_usd_per_million_tokens: Decimal | None
    inference_confidence: Confidence | None
    inference_same_as: str
    hosting_usd_per_hour: Decimal | None
    hosting_terms: str
    fee_terms: str
    status: TuningStatus
    new_jobs_until: date | None
    inference_until: date | None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessEntry(Entry):
    """A card by the second, the minute or the hour, without renting a machine; `usd_per_hour` is for all its cards."""

    kind: ClassVar[str] = "serverless"
    product: str
    card: tuple[str, ...]
    instance: str
    count: int
    memory_gb: Decimal | None
    usd_per_hour: Decimal
    billed_per: str
    region: str
    until: date | None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseEntry(Entry):
    """What one card costs to buy, and the power it draws; the file's name stands for who collected it."""

    kind: ClassVar[str] = "purchase"
    card: str
    power_watts: Decimal | None
    memory_gb: Decimal | None
    capex_usd: Decimal
    capex_low_usd: Decimal | None
    capex_high_usd: Decimal | None
    price_kind: str

    @property
    def name(self) -> str:
        """Collector, card and kind of price."""
        return f"{self.provider}/{self.card}/{self.price_kind}"
