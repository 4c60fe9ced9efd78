"""The demand of a scenario: how many tasks, how long they are, and when they come."""

from dataclasses import replace
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from advisor.answer import Answer
from advisor.fields import FileBelow, YesNoUnknown
from advisor.quantity import Measure, Quantity, assume, refuse, unknown
from advisor.settings import Part, read_text

TokensPerTask: TypeAlias = Annotated[Quantity, Measure("tokens_per_task", most="10000000", example="420 or 300..600")]
SomeTokens: TypeAlias = Annotated[
    Quantity, Measure("tokens_per_task", most="10000000", above=True, example="420 or 300..600")
]
Share: TypeAlias = Annotated[Quantity, Measure("share", most="1", example="0.30")]
Seconds: TypeAlias = Annotated[Quantity, Measure("seconds", most="86400", example="60 or 15..180")]
PresetName: TypeAlias = Literal["steady", "business_hours", "bursty", "pooled"]

NOT_STATED: Final = unknown("neither stated nor counted from samples")


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
    """Tokens of one task; `cached_input` is the cached part of `input`, `tuned_input` the prompt after tuning.

    `cacheable_input` is the unchanging beginning that could be cached, `short_input` today's prompt made shorter.
    `samples` names records to count where `input` or `output` are not stated.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["input", "output"]}, {"required": ["samples"]}]}
    )

    samples: FileBelow = None
    input: SomeTokens = Field(NOT_STATED, validate_default=True)
    cached_input: TokensPerTask = assume("0", "no prompt caching unless it is stated")
    output: SomeTokens = Field(NOT_STATED, validate_default=True)
    tuned_input: SomeTokens = unknown("nobody has yet shortened the prompt for a tuned model")
    cacheable_input: TokensPerTask = unknown("nobody has counted the unchanging beginning of the prompt")
    cache_hit_share: Share = assume(
        "0.8",
        "most requests of a busy task find the prompt still cached; a quiet one loses it in minutes",
        "0.4",
        "0.95",
    )
    short_input: SomeTokens = unknown("nobody has tried a shorter prompt")

    @field_validator("input", "output", mode="before")
    @classmethod
    def stated_or_counted(cls, raw: object, info: ValidationInfo) -> object:
        """Refuse a field that is left out where no samples are named."""
        if raw is NOT_STATED and info.data.get("samples") is None:
            raise refuse("a number above 0", "write 420 or 300..600, or name tokens.samples to have them counted")
        return raw

    @property
    def input_after_tuning(self) -> Quantity:
        """The tuned prompt if it is known, else today's whole prompt with that as the reason (R013)."""
        if self.tuned_input.known:
            return self.tuned_input
        return replace(self.input, stated=False, because="a tuned model is assumed to need today's whole prompt")

    @model_validator(mode="after")
    def parts_within_input(self) -> Self:
        """Refuse more cached or cacheable than input tokens."""
        whole = self.input.value
        for name in ("cached_input", "cacheable_input"):
            part: Quantity = getattr(self, name)
            if part.value is not None and whole is not None and part.value > whole:
                raise refuse(f"at most input, which is {whole:f}", "count cached tokens as part of input", name)
        return self


class Traffic(Part):
    """When the tasks come, and how replicas follow: a preset or a log of one's own; neither means volume.peak_to_mean.

    `scaling`: static keeps the peak's replicas, autoscale follows above the floor, scale_to_zero stops the last too.
    """

    preset: Annotated[PresetName | None, BeforeValidator(read_text)] = None
    log: FileBelow = None
    scaling: Literal["static", "autoscale", "scale_to_zero", "serverless"] = "static"
    reaction: Annotated[Quantity, Measure("ratio", least="1", most="10", example="1.26 or 1.1..1.6")] = assume(
        "1.26",
        "replicas held over load where scaling is ten minutes late: median and quartiles of 395 production clients "
        "(reference/traffic/utilisation_policy.csv, 30 replicas: 1 / 1.2 / 0.66)",
        "1.14",
        "1.57",
    )
    start_seconds: Seconds = assume(
        "60", "a card is assigned, 16 GB of weights are read, the engine starts", "15", "180"
    )
    idle_seconds: Seconds = assume("60", "kept awake for the next request; vendors' defaults run from 5 s to minutes",
                                   "5", "300")  # fmt: skip
    batchable_share: Share = assume("0", "every task wants its answer at once unless the team says otherwise")
    batchable_on: Literal["trough", "spot"] = "trough"
    interruptible: Annotated[
        YesNoUnknown, Field(description="cards may be taken away while they work, so spot prices apply")
    ] = Answer.UNKNOWN

    @model_validator(mode="after")
    def one_shape(self) -> Self:
        """Refuse a preset beside a log: both say when the tasks come."""
        if self.preset is not None and self.log is not None:
            raise refuse(
                "a preset or a log, not both", "leave traffic.preset out: the log is the better of the two", "preset"
            )
        return self
