"""TRL's SFTTrainer with what it gets wrong put right (RUNNER.md findings 1, 2, 4, 7, 8).

Rule 1  Loss and gradient norm are checked before every optimizer step, the weights before every commit.
Rule 2  A checkpoint is the CheckpointStore's: written aside, committed, then rotated.
Rule 3  What is trained has one dtype (`trained_dtype`), and a reloaded adapter keeps it.
Rule 4  Every executed step is reported; a False answer saves, commits and stops.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportAttributeAccessIssue]  lazily exported

from advisor.plan import Method, TrainSettings
from runner.engine import StepReport, TrainingDivergedError, Watcher
from runner.engines.checkpoints import CheckpointStore
from runner.engines.data import IGNORED
from runner.engines.loading import device

BETAS_AND_EPSILON = {"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8}
"""AdamW as published (Loshchilov and Hutter 2019), said here so that no library default decides."""
CHECKPOINTING = (
    "activation_checkpointing"
    if "activation_checkpointing" in SFTConfig.__dataclass_fields__
    else "gradient_checkpointing"
)
"""transformers 5 renamed the setting on its way; the old name warns where the new one exists."""
ROWS_SHOWN = 32  # a batch of small micro-batches, whole; more would bury the message


@dataclass(frozen=True, slots=True)
class Collator:
    """Pads token rows to a batch; packed rows carry positions that restart, so that pieces do not see each other."""

    pad_token_id: int
    packed: bool

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return input_ids, labels, attention_mask or position_ids, and `rows`: the source rows of the batch."""
        width = max(len(example["input_ids"]) for example in examples)
        batch: dict[str, Any] = {
            "input_ids": _padded([example["input_ids"] for example in examples], width, self.pad_token_id),
            "labels": _padded([example["labels"] for example in examples], width, IGNORED),
            "rows": [row for example in examples for row in example["rows"]],
            "tokens": sum(len(example["input_ids"]) for example in examples),
        }
        if self.packed:
            positions = [[p for n in example["piece_tokens"] for p in range(n)] for example in examples]
            batch["position_ids"] = _padded(positions, width, 0)
        else:
            batch["attention_mask"] = _padded([[1] * len(example["input_ids"]) for example in examples], width, 0)
        return batch


def _padded(sequences: list[list[int]], width: int, filler: int) -> torch.Tensor:
    return torch.tensor([[*sequence, *[filler] * (width - len(sequence))] for sequence in sequences])


@dataclass(slots=True)
class StepTally:
    """What is known of the optimizer step being executed."""

    started: float = 0.0
    loss: torch.Tensor | float = 0.0
    loss_value: float = 0.0
    grad_norm: float = 0.0
    learning_rate: float = 0.0
    tokens: int = 0
    supervised_tokens: int = 0
    rows: list[int] = field(default_factory=list[int])

    def begin(self, batches: list[dict[str, Any]]) -> None:
        """Start a step over these micro-batches, and take from them what the model must not see."""
        self.loss = 0.0
        self.rows = [row for batch in batches for row in batch.pop("rows")]
        self.tokens = sum(batch.pop("tokens") for batch in batches)
        self.supervised_tokens = sum(int(batch["labels"][:, 1:].ne(IGNORED).sum()) for batch in batches)

    def check(self, step: int, grad_norm: float) -> None:
        """Raise TrainingDivergedError if the loss or the gradient of this step is not finite."""
        self.loss_value, self.grad_norm = float(self.loss), grad_norm
        if not (math.isfinite(self.loss_value) and math.isfinite(grad_norm)):
            message = (
                f"step {step}: loss {self.loss_value}, gradient norm {grad_norm}, before the update; "
                f"rows in the batch: {self.rows[:ROWS_SHOWN]}. The last committed checkpoint is intact; "
                "look at these rows, or lower the learning rate"
            )
            raise TrainingDivergedError(message)


class CommittingTrainer(SFTTrainer):  # pyright: ignore[reportUntypedBaseClass]
    """SFTTrainer that checks before it steps, and whose checkpoints are durable or not there."""

    def __init__(self, *, store: CheckpointStore, watcher: Watcher, trained_dtype: torch.dtype, **kwargs: Any):
        self.store, self.watcher, self.tally = store, watcher, StepTally()
        super().__init__(**kwargs)
        trainable = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        # TRL makes every quantised model's adapter bfloat16, on a CPU without it 5 times slower
        for parameter in trainable:
            parameter.data = parameter.data.to(trained_dtype)
        self.trainable_parameters = sum(parameter.numel() for parameter in trainable)
        self.committed: Path | None = None

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """Fetch one step's micro-batches; the step's clock starts here."""
        self.tally.started = time.perf_counter()
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        self.tally.begin(batches)
        return batches, items

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Forward and backward of one micro-batch; its loss is added to the step's."""
        loss = super().training_step(*args, **kwargs)
        self.tally.loss = self.tally.loss + loss
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        self.tally.check(self.state.global_step + 1, float(norm))
        return norm

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        dtypes = {name: parameter.dtype for name, parameter in self.model.named_parameters()}
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        for name, parameter in self.model.named_parameters():
            if parameter.dtype != dtypes[name]:
                parameter.data = parameter.data.to(dtypes[name])

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.store.writing)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        started, step = time.perf_counter(), self.state.global_step
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
                message = (
                    f"step {step}: {name} is not finite after the update; rows in the batch: "
                    f"{self.tally.rows[:ROWS_SHOWN]}. Nothing was saved; lower the learning rate"
                )
                raise TrainingDivergedError(message)
        super(SFTTrainer, self)._save_checkpoint(model, trial)  # SFTTrainer's own adds a model card only
        written = self.store.writing / f"checkpoint-{step}"
        self.committed, bytes_written = self.store.commit(written, step, self.trainable_parameters)
        self.watcher.committed(step, bytes_written, time.perf_counter() - started)


class Reporter(TrainerCallback):
    """Tells the watcher of every step, and the trainer when to save and stop."""

    def __init__(self, trainer: CommittingTrainer, save_every_steps: int):
        self.trainer, self.save_every_steps = trainer, save_every_steps

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say from which step training goes on."""
        self.trainer.watcher.started(state.global_step, state.max_steps)

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note the rate this step used; the scheduler moves on after it."""
        self.trainer.tally.learning_rate = float(kwargs["lr_scheduler"].get_last_lr()[0])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Report the step; save when due, at the end, and when asked to stop."""
        tally, step = self.trainer.tally, state.global_step
        go_on = self.trainer.watcher.stepped(
            StepReport(
                step=step,
                total_steps=state.max_steps,
                loss=tally.loss_value,
                grad_norm=tally.grad_norm,
                learning_rate=tally.learning_rate,
                tokens=tally.tokens,
                supervised_tokens=tally.supervised_tokens,
                seconds=time.perf_counter() - tally.started,
            )
        )
        if not go_on:
            control.should_training_stop = True
        if not go_on or step % self.save_every_steps == 0 or step >= state.max_steps:
            control.should_save = True


def sft_config(method: Method, settings: TrainSettings, optimizer: str, output: Path, autocast: bool) -> SFTConfig:
    """Return the trainer's configuration; everything that shapes the result is said, nothing left to a default."""
    return SFTConfig(
        output_dir=str(output),
        max_steps=settings.max_steps,
        per_device_train_batch_size=settings.micro_batch,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=math.ceil(settings.warmup_share * settings.max_steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim=optimizer,
        **BETAS_AND_EPSILON,
        seed=settings.seed,
        data_seed=settings.seed,
        **{CHECKPOINTING: settings.gradient_checkpointing},
        bf16=autocast,
        fp16=False,
        use_cpu=device() == "cpu",
        max_length=settings.max_length,
        packing=False,  # data.pack has done it, with positions that restart
        assistant_only_loss=False,  # the labels are there already
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        loss_type="nll",
        save_strategy="no",  # the Reporter says when
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        push_to_hub=False,
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        trust_remote_code=False,
    )
