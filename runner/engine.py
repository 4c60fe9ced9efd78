"""What a stage asks of an engine: train, answer, merge. Only runner.engines uses torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypedDict

from advisor.plan import Method, TrainSettings


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model to load: its folder, how frozen weights are stored, the dtype to compute in, an adapter if any."""

    directory: Path
    quantisation: Literal["nf4"] | None
    double_quantisation: bool
    compute_dtype: str
    adapter: Path | None = None


@dataclass(frozen=True, slots=True)
class TrainJob:
    """One training stage; `records` is JSONL: {"messages": [...]} a line, or {"text": ...} for objective `text`.

    Checkpoints are written and committed below `checkpoints`; the finished adapter (or model) goes to `output`.
    """

    model: ModelRef
    method: Method
    settings: TrainSettings
    objective: Literal["chat", "text"]
    records: Path
    checkpoints: Path
    output: Path


@dataclass(frozen=True, slots=True)
class StepReport:
    """One executed optimizer step: loss and gradient norm before the update, tokens without padding, wall seconds."""

    step: int
    total_steps: int
    loss: float
    grad_norm: float
    learning_rate: float
    tokens: int
    supervised_tokens: int
    seconds: float


class Watcher(Protocol):
    """The meter's ear inside a training loop."""

    def started(self, step: int, total_steps: int) -> None:
        """Training goes on from `step` (0 for a fresh start)."""
        ...

    def stepped(self, report: StepReport) -> bool:
        """Record one executed step; return False to save, commit and stop here."""
        ...

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """A checkpoint is durable."""
        ...

    def note(self, event: str, detail: str) -> None:
        """Record something a reader of the ledger must see (a bad checkpoint moved aside, a fallback taken)."""
        ...


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What training left: `finished` is False after a requested stop; `sha256` is over the weights' file bytes."""

    finished: bool
    step: int
    sha256: str
    output: Path
    trainable_parameters: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The merged model's folder and weight digest, and how far its logits are from base + adapter on sample rows."""

    directory: Path
    sha256: str
    mean_kl_nats: float
    top1_agreement_share: float


class TrainingDivergedError(RuntimeError):
    """Loss, a gradient or a weight became NaN or infinite; the message names the step and the rows in the batch."""


class BadDataError(ValueError):
    """Rows the trainer would silently mistrain on (nothing supervised, an end of turn never learned, no template)."""


class Engine(Protocol):
    """One way of doing it. Every call is blocking and single-process; long ones report to the watcher."""

    def identity(self) -> dict[str, str]:
        """Return package versions and the device, as recorded in the ledger."""
        ...

    def count_tokens(self, model: Path, conversations: Sequence[Sequence[Message]]) -> list[int]:
        """Return the templated length in tokens of each conversation with the model's own tokenizer."""
        ...

    def train(self, job: TrainJob, watcher: Watcher) -> TrainResult:
        """Train, resuming from the newest committed checkpoint. Raises TrainingDivergedError or BadDataError."""
        ...

    def answer(
        self, model: ModelRef, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
    ) -> Iterator[list[str]]:
        """Yield greedy answers batch by batch, in the order of the prompts."""
        ...

    def merge(self, model: ModelRef, samples: Sequence[Sequence[Message]], output: Path) -> MergeResult:
        """Merge `model.adapter` into the dequantised base, write safetensors, compare logits on samples."""
        ...
