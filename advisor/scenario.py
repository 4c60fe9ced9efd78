"""The question as it was asked: what the team does, what it tried, what it has, what it may do.

Rule 1  The minimum is name, task, volume, tokens and today; everything else has a documented default or is unknown.
Rule 2  A default is an assumption: it carries its reason and, where one is honest, its 90 % interval.
Rule 3  Nothing is filled in from another field in silence: what depends on a neighbour is a property that says so.
Rule 4  What is settled about the run and the money stands in advisor.settings; this file is about the task.
"""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints, model_validator

from advisor.answer import Answer
from advisor.claims import Claim
from advisor.demand import Tokens, Traffic, Volume
from advisor.fields import FileBelow, YesNoUnknown
from advisor.gate_settings import Gate, Metric
from advisor.quantity import UNKNOWN, Measure, Quantity, assume, refuse, unknown
from advisor.scenario_evidence import Evidence, Handover
from advisor.settings import (
    Choice,
    Finance,
    Limits,
    LocalMachine,
    OwnedCard,
    Part,
    People,
    Serving,
    Text,
    Training,
    Usd,
    left_out,
    read_text,
)

Share: TypeAlias = Annotated[Quantity, Measure("share", most="1", example="0.9 or 0.85..0.95")]
Name: TypeAlias = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"),
    Field(description="a name of letters, digits, points, dashes and underscores, for example ticket-routing"),
]
HostedModel: TypeAlias = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[^/\s]{1,80}/\S{1,120}$"),
    Field(description="vendor/model as `prices list` shows it"),
]
Goal: TypeAlias = Literal["accuracy", "cost", "style", "format", "privacy", "learning", "control", "latency"]


class Task(Part):
    """What is done, how often the answer changes, and what the team hopes to gain; `role` inner feeds other code."""

    kind: Literal[
        "classification", "extraction", "routing", "generation", "chat", "summarisation", "rewriting", "other"
    ]
    role: Literal["inner", "outer"]
    description: Text = None
    knowledge_changes: Literal["never", "yearly", "monthly", "weekly", "daily", "unknown"] = "unknown"
    diverse: YesNoUnknown = Answer.UNKNOWN
    prototype: StrictBool = False
    goal: tuple[Goal, ...] = ()
    from_scratch: StrictBool = False
    organisation: Literal["application", "lab"] = "application"


class Quality(Part):
    """How an answer is scored, the share of successes wanted, the loss that still counts as equal, an error's price."""

    metric: Metric = "exact_match"
    target: Share = unknown("only the team can say which quality is good enough")
    non_inferiority_margin: Share = assume("0.02", "two points: a loss that few users notice and an A/B test can see")
    error_usd: Usd = unknown("nobody has priced a wrong answer")


class Data(Part):
    """Record files below the scenario's folder, their licence and consent; `rows` is for while there are no files."""

    train: FileBelow = None
    valid: FileBelow = None
    test: FileBelow = None
    unlabelled: FileBelow = None
    preferences: FileBelow = None
    prompt: FileBelow = None
    hosted: FileBelow = None
    safety: FileBelow = None
    general: FileBelow = None
    licence: Text = None
    consent: Text = None
    rows: Annotated[Quantity, Measure("examples", example="800 or 500..1_000")] = unknown("nobody has counted")
    freshness_days: Annotated[Quantity, Measure("days", most="36500", example="30")] = unknown(
        "nobody has said how old the knowledge in the data may get"
    )
    synthetic_share: Share = unknown("nobody has said how much of the data a model wrote")
    test_is_synthetic: YesNoUnknown = Answer.UNKNOWN


class Today(Part):
    """The hosted model in use, as `vendor/model` of the price book, and the month's bill if that is known."""

    model: HostedModel
    monthly_bill_usd: Annotated[Quantity, Measure("usd_per_month")] = unknown("the bill was not stated")


class Constraints(Part):
    """Hard limits that are settled before money: where data may go, who may serve, how fast, under which licence."""

    data_may_leave: YesNoUnknown = Answer.UNKNOWN
    delay_tolerant: Annotated[YesNoUnknown, Field(description="answers may take a day, so batch prices apply")] = (
        Answer.UNKNOWN
    )
    rented_may_hold_data: Annotated[
        YesNoUnknown, Field(description="where the data may not leave: a rented card of one's own account may hold it")
    ] = Answer.UNKNOWN
    regions: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    latency_tpot_ms: Annotated[Quantity, Measure("milliseconds", most="60000", above=True, example="50")] = UNKNOWN
    base_licence: Text = None


class Candidates(Part):
    """What could take over. None leaves the choice to the advisor, which names it; the word `none` rules it out."""

    base_model: FileBelow = None
    hosted_tuning: Choice = None
    smaller_hosted: Choice = None
    training_card: Choice = None
    serving_card: Choice = None
    owned_card: Annotated[
        OwnedCard | None, BeforeValidator(read_text, json_schema_input_type=OwnedCard | Literal["none", "unknown"])
    ] = None


class Retrieval(Part):
    """Retrieval or tools paid for beside the model, today; a tuned model keeps them unless it is said to need none."""

    usd_per_task: Annotated[Quantity, Measure("usd_per_task", example="0.0004")] = assume(
        "0", "no store or tool is said to bill by the task"
    )
    usd_per_month: Annotated[Quantity, Measure("usd_per_month", example="70")] = assume(
        "0", "no store or tool is said to bill by the month"
    )
    stays_after_tuning: YesNoUnknown = Answer.UNKNOWN


class MeasuredServing(Serving):
    """A self-hosted model in production; `measured` is the user's own benchmark on the serving card.

    The file is the JSON of vLLM `bench serve`, GuideLLM or AIPerf; it corrects the formula and narrows its interval.
    """

    measured: FileBelow = None


class Scenario(Part):
    """The whole question; made by `advisor.scenario_file.read_scenario`, or from plain data with `model_validate`."""

    name: Name
    task: Task
    volume: Volume
    tokens: Tokens
    today: Today
    quality: Quality = left_out()
    evidence: Evidence = left_out()
    handover: Handover = left_out()
    data: Data = left_out()
    constraints: Constraints = left_out()
    candidates: Candidates = left_out()
    local_machine: Annotated[
        LocalMachine | None,
        BeforeValidator(read_text, json_schema_input_type=LocalMachine | Literal["none", "unknown"]),
    ] = None
    traffic: Traffic = left_out()
    retrieval: Retrieval = left_out()
    training: Training = left_out()
    serving: MeasuredServing = left_out()
    people: People = left_out()
    finance: Finance = left_out()
    limits: Limits = left_out()
    gate: Gate = left_out()
    claims: tuple[Claim, ...] = ()
    unusual: Annotated[
        tuple[str, ...], Field(description="fields whose number looks like a slip of unit, and is right")
    ] = ()

    @model_validator(mode="after")
    def one_peak(self) -> Self:
        """Refuse a stated peak beside a preset or a log, which bring their own."""
        if self.volume.peak_to_mean.stated and (self.traffic.preset or self.traffic.log):
            raise refuse("one source of the peak", "leave volume.peak_to_mean out, or the preset or log", "traffic")
        return self


def assumptions(part: Part, prefix: str = "") -> dict[str, Quantity]:
    """Return every default in use by its path (`people.build_hours`), for the report to print as an assumption."""
    found: dict[str, Quantity] = {}
    for name in type(part).model_fields:
        value: Any = getattr(part, name)
        if isinstance(value, Part):
            found |= assumptions(value, f"{prefix}{name}.")
        elif isinstance(value, Quantity) and not value.stated:
            found[f"{prefix}{name}"] = value
    return found
