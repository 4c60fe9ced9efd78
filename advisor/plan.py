"""plan.json: the only thing that crosses from advisor to runner. Data only: no code, no path out of its folder.

Rule 1  `plan_id` is the sha256 of the canonical JSON of everything else in the file; a changed byte is another plan. A
        digest is no signature, so the runner's gate also asks whether what the plan says hangs together.
Rule 2  Unknown names are ignored within a major version (but covered by Rule 1); another major is refused.
Rule 3  Every file named is relative to the plan's own folder, and carries its sha256.
Rule 4  Money is Decimal, written as text; a forecast is value with low..high, and says what it rests on.
"""

import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

FORMAT_MAJOR = 1
FORMAT_VERSION = f"{FORMAT_MAJOR}.0"


def inside(path: str) -> str:
    """Return `path` if it stays below its folder; raise ValueError if it is absolute or climbs out."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path or "\x00" in path:
        message = f"{path!r} leaves the plan's folder; wanted a relative path below it"
        raise ValueError(message)
    return path


InsidePath = Annotated[str, AfterValidator(inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
GateMetric = Literal["exact_match", "json_match", "accuracy", "macro_f1", "rouge_l", "bleu"]


class PlanPart(BaseModel):
    """Immutable part of a plan; unknown names are ignored (Rule 2)."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Forecast(PlanPart):
    """A prediction in `unit` with its 90 % interval; `grade` is the weakest letter it rests on, `basis` the formula."""

    value: float
    low: float
    high: float
    unit: str
    grade: Literal["q", "m", "a"]
    basis: str


class PriceLine(PlanPart):
    """One price the plan was made with, frozen."""

    name: str
    amount: Decimal
    unit: str
    letter: Literal["q", "m", "a", "d"]
    source: str
    checked: date | None = None


class VerdictRecord(PlanPart):
    """What was decided and why; `answers` maps each gate to yes, no or unknown."""

    code: str
    title: str
    road: Literal["strict", "cost_only", "constraint", "none"]
    justified: bool
    override_reason: str | None = None
    reason: str
    answers: dict[str, Literal["yes", "no", "unknown"]]


class FileRef(PlanPart):
    """A file below the plan's folder with its digest; `rows` for record files."""

    path: InsidePath
    sha256: Sha256
    bytes: int = Field(ge=0)
    rows: int | None = None


class ScenarioRef(PlanPart):
    """The scenario the plan was made from; digest of its bytes, and the plan's own copy of it where there is one."""

    name: str
    sha256: Sha256
    file: FileRef | None = None


class BaseModelRef(PlanPart):
    """The model to start from: a folder below the plan's, every file digested."""

    name: str
    licence: str
    parameters: int = Field(gt=0)
    directory: InsidePath
    files: tuple[FileRef, ...] = Field(min_length=1)


class DataRef(PlanPart):
    """Training, settings-choice and locked test records, unlabelled text, and pairs of a better and a worse answer.

    For the comparison: `prompt` is put before the base's questions, `hosted` has a hosted model's answers to the test
    rows, `safety` and `general` are requests to refuse and everyday texts in the place of those that are shipped.
    """

    train: FileRef
    test: FileRef
    valid: FileRef | None = None
    unlabelled: FileRef | None = None
    preferences: FileRef | None = None
    prompt: FileRef | None = None
    hosted: FileRef | None = None
    safety: FileRef | None = None
    general: FileRef | None = None
    licence: str
    consent: str


class Machine(PlanPart):
    """Where it runs, what an hour of all its cards together costs and who says so; the dtype; a card's draw."""

    name: str
    kind: Literal["local", "rented"]
    card: str | None = None
    cards: int = Field(default=1, ge=1)
    usd_per_hour: Decimal = Field(ge=0)
    rate_source: str = ""
    matmul_flops_per_second: float | None = Field(default=None, gt=0)
    compute_dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    watts: float | None = Field(default=None, gt=0)


class Lora(PlanPart):
    """Adapter shape: rank r, alpha, dropout, target modules (`all-linear` or names); `rslora`: alpha / sqrt(r)."""

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: Share = 0.0
    targets: tuple[str, ...] = ("all-linear",)
    rslora: bool = False
    dora: bool = False


class Method(PlanPart):
    """What is trained and how the frozen part is stored; `lora` is None exactly for full fine-tuning."""

    kind: Literal["qlora", "lora", "full"]
    quantisation: Literal["nf4"] | None = None
    double_quantisation: bool = False
    lora: Lora | None = None
    optimizer: str = "paged_adamw_8bit"

    @model_validator(mode="after")
    def agrees(self) -> Self:
        """Refuse a kind without its own parts: lora but for full fine-tuning, nf4 for qlora and for nothing else."""
        if (self.kind == "full") != (self.lora is None):
            message = f"lora {'absent' if self.kind == 'full' else 'given'} where the kind is {self.kind}"
            raise ValueError(message)
        if (self.kind == "qlora") != (self.quantisation == "nf4"):
            message = f"quantisation {'nf4' if self.kind == 'qlora' else 'absent'} where the kind is {self.kind}"
            raise ValueError(message)
        return self


class TrainSettings(PlanPart):
    """Every setting of one training stage; lengths in tokens, batches in rows, nothing left to a library default.

    Held-out loss is taken every `evaluate_every_steps`; risen `patience` times in a row, it stops training early.
    """

    learning_rate: float = Field(gt=0)
    schedule: str = "cosine"
    warmup_share: Share = 0.03
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    max_steps: int = Field(gt=0)
    micro_batch: int = Field(default=4, gt=0)
    accumulation: int = Field(default=4, gt=0)
    max_length: int = Field(default=2048, gt=0)
    seed: int = 1
    save_every_steps: int = Field(gt=0)
    keep_checkpoints: int = Field(default=2, ge=2)
    log_every_steps: int = Field(default=10, gt=0)
    gradient_checkpointing: bool = False
    packing: bool = False
    assistant_only_loss: bool = True
    evaluate_every_steps: int | None = Field(default=None, gt=0)
    patience: int = Field(default=3, ge=1)

    def watching_steps(self, rows: int) -> float:
        """Return how many steps the held-out losses of `rows` take: a quarter each (FLOPs: a third; CPU: a sixth)."""
        times = self.max_steps // self.evaluate_every_steps if self.evaluate_every_steps else 0
        return 0.25 * times * rows / (self.micro_batch * self.accumulation)


class Preference(PlanPart):
    """Direct preference optimisation: `beta` holds the model to where it started; fewer pairs than `min_pairs` skip it.

    beta 0.1: Rafailov et al. 2023, section 6. The floor is that of examples: under 100 a set is not ready (R104).
    """

    beta: float = Field(default=0.1, gt=0)
    min_pairs: int = Field(default=100, ge=1)


class Probe(PlanPart):
    """A few real steps before the full spend, on the longest rows and typical ones; refused past gross_ratio x high."""

    longest_steps: int = Field(default=3, ge=1)
    typical_steps: int = Field(default=5, ge=2)
    gross_ratio: float = Field(default=3.0, gt=1)


StageName = Literal["curate", "probe", "adapt", "sft", "dpo", "evaluate", "merge", "abplan", "account"]


class Stage(PlanPart):
    """One stage in run order with its settings and forecasts (keys seconds, usd, tokens, steps, peak_bytes)."""

    name: StageName
    train: TrainSettings | None = None
    preference: Preference | None = None
    probe: Probe | None = None
    forecast: dict[str, Forecast]


class QualityGate(PlanPart):
    """May it ship? `metric` on the locked test reaches `target` and beats base by `min_gain` with its interval."""

    metric: GateMetric
    target: Share
    min_gain: Share = 0.0
    max_merge_drop: Share = 0.02
    max_new_tokens: int = Field(default=64, gt=0)
    max_dropped_share: Share = 0.05
    max_truncated_share: Share = 0.02


class Limits(PlanPart):
    """Hard stops over all attempts of the run."""

    usd: Decimal = Field(gt=0)
    hours: float = Field(gt=0)


class Trial(PlanPart):
    """What a test against today's way is planned from; `margin`: a loss still non-inferior; None: unknown."""

    incumbent: str
    tasks_per_month: Forecast
    incumbent_success: Forecast | None = None
    margin: Annotated[float, Field(gt=0, lt=1)]
    latency_limit_ms: float | None = Field(default=None, gt=0)
    incumbent_usd_per_task: float | None = None
    tuned_usd_per_task: float | None = None


class Plan(PlanPart):
    """All that the runner is ever told; `setup` forecasts the billed time in no stage (seconds, usd)."""

    format_version: str
    plan_id: Sha256
    made_on: date
    expires_on: date
    scenario: ScenarioRef
    verdict: VerdictRecord
    prices_sha256: Sha256
    prices: tuple[PriceLine, ...]
    base_model: BaseModelRef
    data: DataRef
    machine: Machine
    method: Method
    stages: tuple[Stage, ...] = Field(min_length=1)
    setup: dict[str, Forecast] = Field(default_factory=dict)
    forecast: dict[str, Forecast]
    limits: Limits
    gate: QualityGate
    trial: Trial | None = None


def canonical_json(document: object) -> bytes:
    """Return the one byte string two equal documents share: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plan_digest(document: dict[str, Any]) -> str:
    """Return the sha256 a plan document must carry as its `plan_id` (Rule 1)."""
    return hashlib.sha256(canonical_json({k: v for k, v in document.items() if k != "plan_id"})).hexdigest()


def seal(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its `plan_id` set; it must already be plain JSON."""
    return {**document, "plan_id": plan_digest(document)}
