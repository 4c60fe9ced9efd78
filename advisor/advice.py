"""The advice as data: the base artefact that every report, the plan and the next tool are made from."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Literal

from pydantic import ConfigDict, TypeAdapter

FORMAT_VERSION = "1.0"
CLOSED = ConfigDict(extra="forbid")
"""Reading refuses a name that it does not know. Writing needs no models, and models take long to build."""
Letter = Literal["q", "m", "a", "d"]
Says = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, kw_only=True)
class FigureRecord:
    """One number: value (one per month where it is a list), unit id, letter, weakest grade, source, and its inputs."""

    __pydantic_config__ = CLOSED

    value: float | list[float]
    unit: str
    letter: Letter
    grade: Letter
    note: str
    on: date | None = None
    low: float | None = None
    high: float | None = None
    inputs: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class GateRecord:
    """One question, its answer and evidence, and what would close it."""

    __pydantic_config__ = CLOSED

    name: str
    question: str
    answer: Says
    why: str
    closes_with: str | None = None


@dataclass(frozen=True, kw_only=True)
class VerdictPart:
    """The verdict with its road (strict, cost_only, constraint, none) and whether a plan may be written."""

    __pydantic_config__ = CLOSED

    code: str
    title: str
    road: Literal["strict", "cost_only", "constraint", "none"]
    justified: bool
    because: str


@dataclass(frozen=True, kw_only=True)
class OptionRecord:
    """One priced road; money in USD over the horizon unless the name says otherwise; `saving_share` against today."""

    __pydantic_config__ = CLOSED

    key: str
    title: str
    trains: bool
    hosted: bool
    upfront_usd: float
    first_month_usd: float
    average_usd_per_month: float
    lifetime_usd: float
    usd_per_task: float
    success_share: float | None
    usd_per_successful_task: float | None
    usd_per_million_tokens: float
    saving_share: float
    net_present_usd: float
    payback_months: float | None
    ends_on: date | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UnpricedRecord:
    """A road that could not be assessed, with reason and remedy."""

    __pydantic_config__ = CLOSED

    key: str
    title: str
    why: str


@dataclass(frozen=True, kw_only=True)
class CrossoverRecord:
    """Volumes (tasks a month) at which the road is cheaper than today; empty means never within what was looked at."""

    __pydantic_config__ = CLOSED

    option: str
    cheaper_between: tuple[tuple[float, float | None], ...]
    closed_form: float | None
    looked_from: float
    looked_to: float


@dataclass(frozen=True, kw_only=True)
class FlipRecord:
    """The value of one input at which the volume gate flips; None: not from a thousandth to a thousand times today."""

    __pydantic_config__ = CLOSED

    leaf: str
    unit: str
    today: float
    flips_at: float | None


@dataclass(frozen=True, kw_only=True)
class MeasurementRecord:
    """A measurement that would close an open gate: what, how many, and what it costs."""

    __pydantic_config__ = CLOSED

    gate: str
    what: str
    examples: int
    cost_usd: float | None


@dataclass(frozen=True, kw_only=True)
class RegretRecord:
    """What the training road would cost against staying hosted if volume turned out to be a tenth."""

    __pydantic_config__ = CLOSED

    tasks_per_month: float
    hosted_usd: float
    trained_usd: float
    regret_usd: float


@dataclass(frozen=True, kw_only=True)
class ReadinessRecord:
    """The training data: answer, tier, usable rows, findings."""

    __pydantic_config__ = CLOSED

    answer: Says
    tier: str
    usable_rows: int | None
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PricesPart:
    """Which price book, and how old its entries in use are."""

    __pydantic_config__ = CLOSED

    digest: str
    oldest: date | None
    newest: date | None
    stale: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ScenarioPart:
    """Which scenario: name and sha256 of its bytes."""

    __pydantic_config__ = CLOSED

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Everything `advise` has to say about one scenario on one day."""

    __pydantic_config__ = CLOSED

    format_version: str
    scenario: ScenarioPart
    as_of: date
    currency: str
    usd_rate: float
    horizon_months: float
    prices: PricesPart
    verdict: VerdictPart
    at_stake_usd: float
    gates: tuple[GateRecord, ...]
    three_at_once: Says
    questions: tuple[GateRecord, ...]
    questions_end: str
    frameworks_agree: bool
    options: tuple[OptionRecord, ...]
    unpriced: tuple[UnpricedRecord, ...]
    crossovers: tuple[CrossoverRecord, ...]
    flips: tuple[FlipRecord, ...]
    regret: RegretRecord | None
    measure_next: MeasurementRecord | None
    readiness: ReadinessRecord
    rejected: tuple[str, ...]
    warnings: tuple[str, ...]
    not_assessed: tuple[str, ...]
    figures: dict[str, FigureRecord]


def to_json(advice: Advice) -> str:
    """Return the advice as JSON text; raises ValueError for a number that is not finite."""
    return json.dumps(asdict(advice), default=str, indent=2, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Advice:
    """Return the advice that a text holds; raises pydantic.ValidationError."""
    return TypeAdapter(Advice).validate_json(text)
