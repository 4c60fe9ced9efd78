"""The settled part of a scenario: how it is trained, served, staffed, financed and limited, with documented defaults.

Rule 1  A Quantity is an estimate and may be a range; a Setting is a choice and is exact.
Rule 2  Each default says why; what may depend on the method is left None, and a property names the choice.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from advisor.quantity import UNKNOWN_WORD, Measure, Quantity, Setting, assume, refuse, unknown

NONE_WORD: Final = "none"
LONGEST_TEXT: Final = 2000  # characters; a description, not a document
HOURS_IN_A_MONTH_AT_MOST: Final = "744"  # 31 days


def read_text(raw: object) -> object:
    """Return None for the words unknown and none; anything else is left for the text rules to judge."""
    return None if raw in (UNKNOWN_WORD, NONE_WORD) else raw


def read_choice(raw: object) -> object:
    """Return None for the word unknown; the word none stays, because it rules an option out."""
    return None if raw == UNKNOWN_WORD else raw


Day: TypeAlias = Annotated[
    str, StringConstraints(strict=True, pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
]
Line: TypeAlias = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_TEXT)]
Text: TypeAlias = Annotated[Line | None, BeforeValidator(read_text)]
Choice: TypeAlias = Annotated[Line | None, BeforeValidator(read_choice)]
Usd: TypeAlias = Annotated[Quantity, Measure("usd", example="500 or 400..650")]
UsdPerHour: TypeAlias = Annotated[Quantity, Measure("usd_per_hour", most="100000", example="95 or 80..120")]
Hours: TypeAlias = Annotated[Quantity, Measure("hours", most="1000000", example="80 or 40..120")]
Months: TypeAlias = Annotated[Quantity, Measure("months", most="120", above=True, example="6 or 3..12")]
Share: TypeAlias = Annotated[Quantity, Measure("share", most="1", example="0.30")]
Rate: TypeAlias = Annotated[float, Setting("0", "1", whole=False)]
Steps: TypeAlias = Annotated[int, Setting("1", "10000000")]
Batch: TypeAlias = Annotated[int, Setting("1", "4096")]

Optimizer: TypeAlias = Literal[
    "paged_adamw_8bit", "adamw_8bit", "paged_adamw_32bit", "adamw_torch", "adamw_torch_fused", "adafactor", "sgd"
]

LEARNING_RATES: Final = {"qlora": 2e-4, "lora": 2e-4, "full": 2e-5}
"""Starting points by method: 2e-4 for adapters (R088), the middle of 1e-5..5e-5 for all weights (R094)."""
DPO_RATES: Final = {"qlora": 5e-6, "lora": 5e-6, "full": 5e-7}
"""Preference tuning moves a tuned model a little: the published Zephyr recipes (alignment-handbook) by method."""
OPTIMIZERS: Final = {"qlora": "paged_adamw_8bit", "lora": "adamw_torch", "full": "adamw_torch"}
"""Paged 8-bit states where memory is the reason for the method (R092), plain AdamW where it is not."""


class Part(BaseModel):
    """Immutable part of a scenario; a name that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built once, as parts of Scenario


def left_out() -> Any:
    """Return the default of a section that may be left out: an empty one, validated with the whole and built once."""
    return Field(default={}, validate_default=True)


class OwnedCard(Part):
    """A card that is bought: price, months of use, what it then sells for, its power and its place."""

    card: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=80)]
    capex_usd: Usd = unknown("the price book's own price of the card is taken, where it has one")
    life_months: Months = assume(
        "36", "straight line over three years, as servers are commonly written off", "24", "60"
    )
    residual_usd: Usd = assume("0", "nothing is counted on from a resale that has not happened")
    watts: Annotated[Quantity, Measure("watts", most="100000", example="450")] = unknown(
        "its draw was not stated; the price book's is taken, where it has one"
    )
    pue: Annotated[Quantity, Measure("ratio", least="1", most="4", example="1.3 or 1.1..1.6")] = assume(
        "1.4", "power drawn over power of the card: an office corner 1.1, the industry's mean site 1.56", "1.1", "1.6"
    )
    usd_per_kwh: Annotated[Quantity, Measure("usd_per_kwh", most="10", example="0.30")] = unknown(
        "the price of power was not stated"
    )
    space_usd_per_month: Annotated[Quantity, Measure("usd_per_month")] = assume("0", "it stands where space is free")

    @model_validator(mode="after")
    def residual_within_capex(self) -> Self:
        """Refuse a resale above the purchase."""
        if (self.residual_usd.value or Decimal(0)) > (self.capex_usd.value or Decimal("Infinity")):
            raise refuse("at most capex_usd", "check which number is which", "residual_usd")
        return self


class LocalMachine(Part):
    """The machine the run happens on: what an hour of it costs, where that comes from, and what it draws at work."""

    usd_per_hour: UsdPerHour
    because: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_TEXT)]
    watts: Annotated[float, Setting("1", "100000", whole=False)] | None = None


class LoraSettings(Part):
    """Adapter shape: start with rank 16 and alpha 32 on all linear modules (R088, R090)."""

    rank: Annotated[int, Setting("1", "1024")] = 16
    alpha: Annotated[int, Setting("1", "4096")] = 32
    dropout: Rate = 0.0
    targets: tuple[str, ...] = Field(default=("all-linear",), min_length=1)
    rslora: StrictBool = False
    dora: StrictBool = False


class Adapt(Part):
    """Continued language modelling on the unlabelled texts before supervised tuning."""

    max_steps: Steps
    learning_rate: Rate
    micro_batch: Batch = 16
    accumulation: Batch = 1


class Dpo(Part):
    """Preference tuning on data.preferences, where that is named; None: one pass over the pairs, by method."""

    max_steps: Steps | None = None
    learning_rate: Rate | None = None
    beta: Annotated[float, Setting("0.001", "10", whole=False)] = 0.1
    min_pairs: Annotated[int, Setting("1", "10000000")] = 100
    micro_batch: Batch = 4
    accumulation: Batch = 4


class Training(Part):
    """How the model is trained; lengths in tokens, batches in rows. None: chosen by method, see the properties."""

    method: Literal["qlora", "lora", "full"] = "qlora"
    epochs: Annotated[float, Setting("0.01", "1000", whole=False)] = 3.0
    max_steps: Steps | None = None
    learning_rate: Rate | None = None
    micro_batch: Batch = 4
    accumulation: Batch = 4
    max_length: Annotated[int, Setting("8", "1048576")] = 2048
    seed: Annotated[int, Setting("0", "4294967295")] = 1
    lora: LoraSettings = left_out()
    save_every_steps: Steps | None = None
    warmup_share: Rate = 0.03
    weight_decay: Rate = 0.0
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    adapt: Annotated[
        Adapt | None, BeforeValidator(read_text, json_schema_input_type=Adapt | Literal["none", "unknown"])
    ] = None
    dpo: Dpo | None = None
    optimizer: Annotated[Optimizer | None, BeforeValidator(read_text)] = None
    assistant_only_loss: StrictBool = True
    packing: StrictBool = False
    attempts: Annotated[Quantity, Measure("count", least="1", most="1000", example="3 or 2..6")] = assume(
        "3", "the first run of a new task seldom ships: settings and data are each corrected once", "1", "8"
    )

    @property
    def learning_rate_or_default(self) -> float:
        """The stated rate, else LEARNING_RATES of the method."""
        return LEARNING_RATES[self.method] if self.learning_rate is None else self.learning_rate

    @property
    def optimizer_or_default(self) -> str:
        """The stated optimizer, else OPTIMIZERS of the method."""
        return self.optimizer or OPTIMIZERS[self.method]


Read: TypeAlias = Callable[[Training], float]

USUAL_RANGES: Final[tuple[tuple[str, float, float, Read], ...]] = (
    ("lora.rank", 8, 64, lambda training: training.lora.rank),
    ("lora.alpha", 16, 128, lambda training: training.lora.alpha),
    ("lora.dropout", 0, 0.1, lambda training: training.lora.dropout),
    ("micro_batch x accumulation", 4, 32, lambda training: training.micro_batch * training.accumulation),
    ("epochs", 1, 5, lambda training: training.epochs),
    ("warmup_share", 0.03, 0.1, lambda training: training.warmup_share),
    ("weight_decay", 0, 0.01, lambda training: training.weight_decay),
)
"""Setting, usual low and high, and how to read it (R089; alpha up to twice the largest rank)."""
USUAL_RATES: Final = {"qlora": (1e-4, 3e-4), "lora": (1e-4, 3e-4), "full": (1e-5, 5e-5)}
"""Usual learning rates by method (R089, R094); very small models take more."""


def unusual_settings(training: Training) -> list[str]:
    """Return a sentence for each setting outside the range that published recipes use; a warning, not a fault."""
    low, high = USUAL_RATES[training.method]
    rate: tuple[str, float, float, Read] = ("learning_rate", low, high, lambda chosen: chosen.learning_rate_or_default)
    ranges = [row for row in (rate, *USUAL_RANGES) if training.method != "full" or not row[0].startswith("lora.")]
    return [
        f"training.{name} is {read(training):g}; usual is {low:g} to {high:g}"
        for name, low, high, read in ranges
        if not low <= read(training) <= high
    ]


class Serving(Part):
    """A self-hosted model in production; capacity of one replica only if the user measured it."""

    capacity_tasks_per_hour: Annotated[Quantity, Measure("tasks_per_hour", above=True, example="9_000")] = unknown(
        "the user has measured no capacity; it is estimated from the card"
    )
    claimed_usd_per_month: Annotated[Quantity, Measure("usd_per_month", example="50")] = unknown(
        "nobody claims a monthly cost of serving; it is priced"
    )
    reserved_usd_per_gpu_hour: Annotated[Quantity, Measure("usd_per_gpu_hour", most="1000", example="1.20")] = unknown(
        "no offer for reserved cards was stated, and no public list has one"
    )
    commitment_months: Months = assume("12", "the usual shortest term of a reserved card: a year")
    interruption: Annotated[Quantity, Measure("ratio", least="1", most="5", example="1.1 or 1.02..1.3")] = assume(
        "1.1", "spot cards: a share of the work is done twice, and new cards start cold", "1.02", "1.3"
    )
    shared_tasks_per_month: Annotated[Quantity, Measure("tasks_per_month", above=True, example="500_000")] = unknown(
        "no other task is named that would share a base model and its cards"
    )
    storage_usd_per_month: Annotated[Quantity, Measure("usd_per_month", example="2")] = assume(
        "0", "adapters are megabytes; 16 GB of weights at 0.10 USD per GB are under 2 USD a month"
    )
    floor_replicas: Annotated[Quantity, Measure("replicas", most="10000", example="2")] = assume(
        "2", "one may fail or be replaced in production; 1 is for internal use, 0 only for scale-to-zero"
    )
    headroom: Annotated[Quantity, Measure("ratio", least="1", most="10", example="1.2")] = assume(
        "1.2", "room for the burst inside the busiest hour", "1.1", "1.5"
    )
    hours_per_month: Annotated[
        Quantity, Measure("hours_per_month", most=HOURS_IN_A_MONTH_AT_MOST, above=True, example="730")
    ] = assume("730", "a rented card is billed around the clock: 8,760 hours / 12")
    ab_months: Annotated[Quantity, Measure("months", most="24", example="0.5")] = assume(
        "0.5", "two weeks in which both sides serve, so that every weekday is seen twice", "0.25", "1"
    )


class People(Part):
    """Labour; 0 only where the scenario says so (R080)."""

    build_hours: Hours = assume("80", "two engineer-weeks: data, training, evaluation, deployment", "40", "240")
    operate_hours_per_month: Annotated[Quantity, Measure("hours_per_month", most="10000", example="6")] = assume(
        "6", "an hour and a half a week: upgrades, alerts, spot checks", "2", "20"
    )
    usd_per_hour: UsdPerHour = assume("95", "a loaded engineer: about 200,000 USD a year over 2,080 hours", "60", "150")
    label_usd: Usd = assume("800", "1,000 examples at half a minute each are 8.3 hours, at 95 USD an hour", "0", "5000")
    evaluate_usd: Usd = assume("0", "scoring by people or by a judge model is part of build_hours unless stated apart")
    safety_usd: Usd = assume("0", "safety probes and red-teaming are part of build_hours unless stated apart")
    synthetic_usd: Usd = assume("0", "no training data is bought from a model unless it is stated")
    relabel_share: Share = assume("0.2", "of the labels: each retraining adds what has changed since", "0", "0.5")
    retrain_every_months: Months = assume("6", "data drift and new base models, twice a year", "3", "12")
    retrain_hours: Hours = assume("8", "a day: new data, one run, evaluation, release", "4", "24")


class Finance(Part):
    """Currency (units of it per USD), discounting, and the margins that count as meaningfully cheaper."""

    currency: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")] = "USD"
    usd_rate: Annotated[Quantity, Measure("ratio", most="1000000", above=True, example="0.92")] = assume(
        "1", "reports are in USD unless another currency is stated"
    )
    usd_rate_on: Day | None = None
    annual_discount_rate: Share = assume("0.08", "a common cost of capital for established firms", "0.05", "0.15")
    horizon_months: Annotated[Quantity, Measure("months", least="1", most="120", example="18")] = unknown(
        "the task's lifetime is used"
    )
    price_path: Literal["flat", "scheduled", "switch_yearly", "gpu_up_20"] = "scheduled"
    meaningful_margin: Share = assume("0.30", "a smaller saving is within the error of such estimates (R017)")
    cost_only_margin: Share = assume("0.50", "where prompting works, only half the cost justifies a new system")

    @model_validator(mode="after")
    def rate_for_currency(self) -> Self:
        """Refuse another currency without its rate and the day of it, and a rate for the dollar."""
        if self.currency != "USD" and not (self.usd_rate.stated and self.usd_rate.known):
            raise refuse(f"the {self.currency} that one USD buys", "state finance.usd_rate", "usd_rate")
        if self.currency != "USD" and self.usd_rate_on is None:
            raise refuse("the day of the rate, as in 2026-11-20", "state finance.usd_rate_on", "usd_rate_on")
        if self.currency == "USD" and self.usd_rate.value != 1:
            raise refuse("1 beside currency USD", "name the currency, or leave usd_rate out", "usd_rate")
        return self


class Limits(Part):
    """Hard stops over all attempts of the run; unknown limits are set from the forecast, which then says so."""

    usd: Annotated[Quantity, Measure("usd", above=True, example="5")] = unknown("set from the forecast")
    hours: Annotated[Quantity, Measure("hours", above=True, example="2")] = unknown("set from the forecast")
