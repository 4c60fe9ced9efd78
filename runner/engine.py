"""What a stage asks of an engine: train, answer, merge. Only runner.engines uses torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, Self, TypedDict

from advisor.plan import Method, Probe, TrainSettings


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
    """One training stage; `records` is JSONL: {"messages": [...]} a line, {"text": ...} for objective `text`, or
    {"prompt": [...], "chosen": [...], "rejected": [...]} for `preference`, whose `beta` holds it to where it starts.

    `held_out` names conversations whose loss is taken while training, where the settings ask for it. Checkpoints are
    written and committed below `checkpoints`; the finished adapter (or model) goes to `output`.
    """

    model: ModelRef
    method: Method
    settings: TrainSettings
    objective: Literal["chat", "text", "preference"]
    records: Path
    checkpoints: Path
    output: Path
    held_out: Path | None = None
    beta: float | None = None


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

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        """The held-out rows were asked after this step: their mean loss in nats a supervised token."""
        ...

    def note(self, event: str, detail: str) -> None:
        """Record something a reader of the ledger must see (a bad checkpoint moved aside, a fallback taken)."""
        ...


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What training left: `finished` is False after a requested stop; `sha256` is over the weights' file bytes.

    `step` is the last one; with `stopped_early` the result is the checkpoint of `best_step`.
    """

    finished: bool
    step: int
    sha256: str
    output: Path
    trainable_parameters: int
    peak_bytes: int
    stopped_early: bool = False
    best_step: int | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a few real steps measured: seconds a step on the longest rows and on typical ones, seconds to get ready and
    to save, peak and checkpoint bytes, tokens of a typical step, learned tokens of a mean row; and one rendered row,
    what is learned in [[ ]].
    """

    longest_seconds: tuple[float, ...]
    typical_seconds: tuple[float, ...]
    typical_tokens: float
    answer_tokens: float
    ready_seconds: float
    save_seconds: float
    checkpoint_bytes: int
    peak_bytes: int
    rows: int
    sample: str


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The merged model's folder and weight digest, and how far its logits are from base + adapter on sample rows."""

    directory: Path
    sha256: str
    mean_kl_nats: float
    top1_agreement_share: float


class Answer(str):
    """An answer's text, and `tokens` generated, its end counted; not `ended` where their limit cut it."""

    __slots__ = ("ended", "tokens")
    ended: bool
    tokens: int

    def __new__(cls, text: str, *, ended: bool = True, tokens: int = 1) -> Self:
        """Return the text with how it ended and how long it was."""
        made = super().__new__(cls, text)
        made.ended, made.tokens = ended, tokens
        return made


class Loss(NamedTuple):
    """How unlikely a model finds a text: the sum over its scored tokens in nats, and how many they are."""

    nats: float
    tokens: int


MergeWay = Literal["dequantised", "dequantised_float32", "reloaded"]
"""What an adapter is merged into: the dequantised weights it was trained against, saved in the compute dtype or in
float32, or the base as it lies on disk."""


class TrainingDivergedError(RuntimeError):
    """Loss, a gradient or a weight became NaN or infinite; the message names the step and the rows in the batch."""


class TooLargeError(RuntimeError):
    """Memory does not hold one row a micro-batch; the message names the next smaller plan."""


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
        """Train, resuming from the newest committed one. Raises TrainingDivergedError, TooLargeError, BadDataError."""
        ...

    def probe(self, job: TrainJob, probe: Probe, watcher: Watcher) -> ProbeResult | None:
        """Execute a few steps of the job and throw them away; None when the watcher asked to stop."""
        ...

    def answer(
        self, model: ModelRef, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
    ) -> Iterator[list[Answer]]:
        """Yield greedy answers batch by batch, in the order of the prompts."""
        ...

    def losses(
        self, model: ModelRef, texts: Sequence[str | Sequence[Message]], batch_rows: int
    ) -> Iterator[list[Loss]]:
        """Yield losses batch by batch: of a plain text all tokens but the first, of a conversation the last turn's."""
        ...

    def render(self, model: Path, turns: Sequence[Message], answer_next: bool) -> str:
        """Return a conversation as the folder's own template writes it."""
        ...

    def serving_faults(self, trained: Path, exported: Path, samples: Sequence[Sequence[Message]]) -> list[str]:
        """Return where a server of the folder `exported` would see other tokens, or stop elsewhere, than training."""
        ...

    def merge(
        self, model: ModelRef, samples: Sequence[Sequence[Message]], output: Path, way: MergeWay = "dequantised"
    ) -> MergeResult:
        """Merge `model.adapter` into the base, write safetensors, compare logits on samples."""
        ...
