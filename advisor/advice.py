"""The advice as data: the base artefact that every report, the plan and the next tool are made from."""

import json
from dataclasses import asdict
from datetime import date
from typing import Literal

from pydantic import TypeAdapter

from advisor.advice_drawn import UncertaintyRecord
from advisor.advice_model import ModelPart
from advisor.advice_quality import QualityRecord
from advisor.advice_record import AdviceRecord

FORMAT_VERSION = "1.0"
Letter = Literal["q", "m", "a", "d"]
Says = Literal["yes", "no", "unknown"]


class FigureRecord(AdviceRecord):
    """One number: value (one per month where it is a list), unit id, letter, weakest grade, source, and its inputs."""

    value: float | list[float]
    unit: str
    letter: Letter
    grade: Letter
    note: str
    on: date | None = None
    low: float | None = None
    high: float | None = None
    inputs: dict[str, str]


class GateRecord(AdviceRecord):
    """One question, its answer and evidence, and what would close it."""

    name: str
    question: str
    answer: Says
    why: str
    closes_with: str | None = None


class VerdictPart(AdviceRecord):
    """The verdict with its road (strict, cost_only, constraint, none) and whether a plan may be written."""

    code: str
    title: str
    road: Literal["strict", "cost_only", "constraint", "none"]
    justified: bool
    because: str


class OptionRecord(AdviceRecord):
    """One priced road; money in USD over the horizon unless the name says otherwise; `saving_share` against today.

    `internal_rate_share` is a year's; where there is not exactly one, the notice says so. `usd_per_million_tokens` is
    allocated (everything over the tokens asked for); where cards serve, `..._if_full` is what a full replica charges.
    """

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
    usd_per_million_tokens_if_full: float | None
    utilisation_share: float | None
    saving_share: float
    net_present_usd: float
    payback_months: float | None
    discounted_payback_months: float | None
    internal_rate_share: float | None
    internal_rate_notice: str | None
    ends_on: date | None
    notes: tuple[str, ...]


class UnpricedRecord(AdviceRecord):
    """A road that could not be assessed, with reason and remedy."""

    key: str
    title: str
    why: str


class CrossoverRecord(AdviceRecord):
    """Volumes (tasks a month) at which the road is cheaper than today; empty means never within what was looked at."""

    option: str
    cheaper_between: tuple[tuple[float, float | None], ...]
    closed_form: float | None
    looked_from: float
    looked_to: float


class FlipRecord(AdviceRecord):
    """The value of one input at which the volume gate flips; None: not from a thousandth to a thousand times today.

    `low` and `high` are the input's own 90 % range, if it has one; `inside_range`: the flip lies within it.
    """

    leaf: str
    unit: str
    today: float
    low: float | None
    high: float | None
    flips_at: float | None
    inside_range: bool


class MeasurementRecord(AdviceRecord):
    """A measurement that would close an open gate: what, how many, and what it costs."""

    gate: str
    what: str
    examples: int
    cost_usd: float | None


class RegretRecord(AdviceRecord):
    """What the training road would cost against staying hosted if volume turned out to be a tenth."""

    tasks_per_month: float
    hosted_usd: float
    trained_usd: float
    regret_usd: float


class ReadinessRecord(AdviceRecord):
    """The training data: answer, tier, usable rows, findings."""

    answer: Says
    tier: str
    usable_rows: int | None
    findings: tuple[str, ...]


class SuspicionRecord(AdviceRecord):
    """A number that looks wrong: what it implies, the usual range and its source, what was probably meant, what to do.

    A slip of a thousand or more ends the advice, unless the scenario names it in `unusual`: then it is `confirmed`.
    """

    place: str
    found: float
    unit: str
    implies: str
    usual_low: float
    usual_high: float
    source: str
    likely: tuple[str, ...]
    next_step: str
    confirmed: bool


class PricesPart(AdviceRecord):
    """Which price book, and how old its entries in use are."""

    digest: str
    oldest: date | None
    newest: date | None
    stale: tuple[str, ...]


class ScenarioPart(AdviceRecord):
    """Which scenario: name and sha256 of its bytes."""

    name: str
    sha256: str


class Advice(AdviceRecord):
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
    uncertainty: UncertaintyRecord | None
    quality: QualityRecord
    readiness: ReadinessRecord
    rejected: tuple[str, ...]
    warnings: tuple[str, ...]
    plausibility: tuple[SuspicionRecord, ...]
    not_assessed: tuple[str, ...]
    figures: dict[str, FigureRecord]
    model: ModelPart | None


def to_json(advice: Advice) -> str:
    """Return the advice as JSON text; raises ValueError for a number that is not finite."""
    return json.dumps(asdict(advice), default=str, indent=2, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Advice:
    """Return the advice that a text holds; raises pydantic.ValidationError."""
    return TypeAdapter(Advice).validate_json(text)
