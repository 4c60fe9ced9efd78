"""The advice as data: the base artefact that every report, the plan and the next tool are made from."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

FORMAT_VERSION = "1.0"
Letter = Literal["q", "m", "a", "d"]
Says = Literal["yes", "no", "unknown"]


class Record(BaseModel):
    """Immutable part of an advice; a name it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FigureRecord(Record):
    """One number: value (one per month where it is a list), unit id, letter, weakest grade, source, and its inputs."""

    value: float | list[float]
    unit: str
    letter: Letter
    grade: Letter
    note: str
    on: date | None = None
    low: float | None = None
    high: float | None = None
    inputs: dict[str, str] = {}


class GateRecord(Record):
    """One question, its answer and evidence, and what would close it."""

    name: str
    question: str
    answer: Says
    why: str
    closes_with: str | None = None


class VerdictPart(Record):
    """The verdict with its road (strict, cost_only, constraint, none) and whether a plan may be written."""

    code: str
    title: str
    road: Literal["strict", "cost_only", "constraint", "none"]
    justified: bool
    because: str


class OptionRecord(Record):
    """One priced road; money in USD over the horizon unless the name says otherwise; `saving_share` against today."""

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


class UnpricedRecord(Record):
    """A road that could not be assessed, with reason and remedy."""

    key: str
    title: str
    why: str


class CrossoverRecord(Record):
    """Volumes (tasks a month) at which the road is cheaper than today; empty means never within what was looked at."""

    option: str
    cheaper_between: tuple[tuple[float, float | None], ...]
    closed_form: float | None
    looked_from: float
    looked_to: float


class FlipRecord(Record):
    """The value of one input at which the volume gate flips; None: not from a thousandth to a thousand times today."""

    leaf: str
    unit: str
    today: float
    flips_at: float | None


class MeasurementRecord(Record):
    """A measurement that would close an open gate: what, how many, and what it costs."""

    gate: str
    what: str
    examples: int
    cost_usd: float | None


class RegretRecord(Record):
    """What the training road would cost against staying hosted if volume turned out to be a tenth."""

    tasks_per_month: float
    hosted_usd: float
    trained_usd: float
    regret_usd: float


class ReadinessRecord(Record):
    """The training data: answer, tier, usable rows, findings."""

    answer: Says
    tier: str
    usable_rows: int | None
    findings: tuple[str, ...]


class PricesPart(Record):
    """Which price book, and how old its entries in use are."""

    digest: str
    oldest: date | None
    newest: date | None
    stale: tuple[str, ...]


class ScenarioPart(Record):
    """Which scenario: name and sha256 of its bytes."""

    name: str
    sha256: str


class Advice(Record):
    """Everything `advise` has to say about one scenario on one day."""

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
