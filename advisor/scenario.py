"""The question as it was asked: what the team does, what it tried, what it has, what it may do.

Rule 1  The minimum is name, task, volume, tokens and today; everything else has a documented default or is unknown.
Rule 2  A default is an assumption: it carries its reason and, where one is honest, its 90 % interval.
Rule 3  Nothing is filled in from another field in silence: what depends on a neighbour is a property that says so.
Rule 4  What is settled about the run and the money stands in advisor.settings; this file is about the task.
"""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, cast

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints, WithJsonSchema, model_validator

from advisor.answer import Answer
from advisor.quantity import UNKNOWN, Measure, Quantity, Setting, assume, refuse, unknown
from advisor.settings import (
    Choice,
    Finance,
    Gate,
    Limits,
    LocalMachine,
    OwnedCard,
    Part,
    People,
    Serving,
    Text,
    Training,
    Usd,
    read_text,
)

LARGEST_TRIAL: Final = "10000000"  # more scored answers than any team has; a larger number is a slip

Share: TypeAlias = Annotated[Quantity, Measure("share", most="1", example="0.9 or 0.85..0.95")]
TokensPerTask: TypeAlias = Annotated[Quantity, Measure("tokens_per_task", most="10000000", example="420 or 300..600")]
SomeTokens: TypeAlias = Annotated[
    Quantity, Measure("tokens_per_task", most="10000000", above=True, example="420 or 300..600")
]
Trials: TypeAlias = Annotated[int, Setting("1", LARGEST_TRIAL)]
Successes: TypeAlias = Annotated[int, Setting("0", LARGEST_TRIAL)]
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
Metric: TypeAlias = Literal["exact_match", "json_match", "accuracy", "macro_f1"]
Goal: TypeAlias = Literal["accuracy", "cost", "style", "format", "privacy", "learning", "control", "latency"]


def read_answer(raw: object) -> object:
    """Return true and false as yes and no; anything else is left for the enumeration to judge."""
    if isinstance(raw, bool):
        return Answer.YES if raw else Answer.NO
    return raw


def inside_folder(raw: object) -> object:
    """Return a path that stays below the scenario's folder; raise where it is absolute or climbs out."""
    if not isinstance(raw, str):
        return raw
    parts = raw.replace("\\", "/").split("/")
    if not parts[0] or ".." in parts or ":" in parts[0]:
        raise refuse("a relative path below the scenario's folder", "move the file there and name it from there")
    return raw


YesNoUnknown: TypeAlias = Annotated[
    Answer,
    BeforeValidator(read_answer),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "unknown"]}]}),
]
PathBelow: TypeAlias = Annotated[str, StringConstraints(strict=True, min_length=1), BeforeValidator(inside_folder)]
FileBelow: TypeAlias = Annotated[PathBelow | None, BeforeValidator(read_text, json_schema_input_type=PathBelow | None)]


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


class Volume(Part):
    """Demand: tasks a month at the start, compound growth a month, months of life, busiest hour over mean hour."""

    tasks_per_month: Annotated[
        Quantity, Measure("tasks_per_month", most="1e12", above=True, example="12000 or 10_000..14_000")
    ]
    growth_per_month: Annotated[
        Quantity, Measure("share_per_month", least="-0.5", most="1", example="0.02 or 0.00..0.05")
    ] = assume("0", "demand stays level unless the team claims growth")
    lifetime_months: Annotated[Quantity, Measure("months", least="1", most="120", example="18 or 12..24")] = assume(
        "12", "hosted models and products are commonly replaced within a year or two", "6", "24"
    )
    peak_to_mean: Annotated[Quantity, Measure("ratio", least="1", most="1000", example="3 or 2..5")] = assume(
        "4.8",
        "p99 hour over mean hour: median, 5th and 95th percentile of 260 clients above 0.1 requests/s over 14 days "
        "(reference/traffic/traffic_clients.csv)",
        "1.3",
        "34",
    )


class Tokens(Part):
    """Tokens of one task; `cached_input` is the cached part of `input`, `tuned_input` the prompt after tuning."""

    input: SomeTokens
    cached_input: TokensPerTask = assume("0", "no prompt caching unless it is stated")
    output: SomeTokens
    tuned_input: SomeTokens = unknown("nobody has yet shortened the prompt for a tuned model")

    @property
    def input_after_tuning(self) -> Quantity:
        """The tuned prompt if it is known, else today's whole prompt with that as the reason (R013)."""
        if self.tuned_input.known:
            return self.tuned_input
        return replace(self.input, stated=False, because="a tuned model is assumed to need today's whole prompt")

    @model_validator(mode="after")
    def cached_within_input(self) -> Self:
        """Refuse more cached than input tokens."""
        cached, whole = self.cached_input.value, self.input.value
        if cached is not None and whole is not None and cached > whole:
            raise refuse(f"at most input, which is {whole:f}", "count cached tokens as part of input", "cached_input")
        return self


class Quality(Part):
    """How an answer is scored, the share of successes wanted, the loss that still counts as equal, an error's price."""

    metric: Metric = "exact_match"
    target: Share = unknown("only the team can say which quality is good enough")
    non_inferiority_margin: Share = assume("0.02", "two points: a loss that few users notice and an A/B test can see")
    error_usd: Usd = unknown("nobody has priced a wrong answer")


class Trial(Part):
    """One variant that was tried: n scored answers, of which so many succeeded."""

    variant: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
    n: Trials
    successes: Successes

    @model_validator(mode="after")
    def successes_within_n(self) -> Self:
        """Refuse more successes than answers."""
        if self.successes > self.n:
            raise refuse(f"at most n, which is {self.n}", "check which number is which", "successes")
        return self


class Arm(Part):
    """What was tried in one way; a list of trials, or `not_tried` with the reason. Empty means nothing is known."""

    trials: tuple[Trial, ...] = ()
    not_tried: Text = None


def read_arm(raw: object) -> object:
    """Return a bare list of trials as the mapping an Arm is made of."""
    return {"trials": cast("list[object]", raw)} if isinstance(raw, list) else raw


Tried: TypeAlias = Annotated[Arm, BeforeValidator(read_arm, json_schema_input_type=Arm | list[Trial])]


class Evidence(Part):
    """Trials by way: prompts, retrieval and tools, a smaller hosted model, a tuned pilot, today's hosted answer."""

    prompting: Tried = Arm()
    retrieval: Tried = Arm()
    smaller_hosted: Tried = Arm()
    tuned: Tried = Arm()
    hosted: Tried = Arm()


class Data(Part):
    """Record files below the scenario's folder, their licence and consent; `rows` is for while there are no files."""

    train: FileBelow = None
    valid: FileBelow = None
    test: FileBelow = None
    unlabelled: FileBelow = None
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


class Scenario(Part):
    """The whole question; made by `advisor.scenario_file.read_scenario`, or from plain data with `model_validate`."""

    name: Name
    task: Task
    volume: Volume
    tokens: Tokens
    today: Today
    quality: Quality = Quality()
    evidence: Evidence = Evidence()
    data: Data = Data()
    constraints: Constraints = Constraints()
    candidates: Candidates = Candidates()
    local_machine: Annotated[
        LocalMachine | None,
        BeforeValidator(read_text, json_schema_input_type=LocalMachine | Literal["none", "unknown"]),
    ] = None
    training: Training = Training()
    serving: Serving = Serving()
    people: People = People()
    finance: Finance = Finance()
    limits: Limits = Limits()
    gate: Gate = Gate()


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
