"""What TRL's trainers get wrong, put right for both of them (RUNNER.md findings 1, 2, 4, 7).

Rule 1  Loss and gradient norm are checked before every optimizer step, the weights before every commit.
Rule 2  A checkpoint is the CheckpointStore's: written aside, committed, then rotated.
Rule 3  What is trained has one dtype (`trained_dtype`), and a reloaded adapter keeps it.
Rule 4  Every executed step is reported; a False answer saves, commits and stops.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from runner.engine import StepReport, TrainingDivergedError, Watcher
from runner.engines.checkpoints import CheckpointStore
from runner.engines.data import IGNORED
from runner.engines.held_out import HeldOut
from runner.guards import jumped

ROWS_SHOWN = 32  # a batch of small micro-batches, whole; more would bury the message
KEPT_WIDE = "lora_magnitude_vector"
"""DoRA's magnitudes stay in float32: their updates are smaller than bfloat16 can hold, and they would stand still."""


def learned_tokens(batch: dict[str, Any]) -> int:
    """Return how many tokens of a micro-batch are learned: labelled ones, or those of a pair's two answers."""
    if "labels" in batch:
        return int(batch["labels"][:, 1:].ne(IGNORED).sum())
    return int(batch["completion_mask"][:, 1:].sum())


@dataclass(slots=True)
class StepTally:
    """What is known of the optimizer step being executed; losses of the steps before it, to tell a jump by."""

    started: float = 0.0
    loss: torch.Tensor | float = 0.0
    loss_value: float = 0.0
    grad_norm: float = 0.0
    learning_rate: float = 0.0
    tokens: int = 0
    supervised_tokens: int = 0
    rows: list[int] = field(default_factory=list[int])
    losses: list[float] = field(default_factory=list[float])

    def begin(self, batches: list[dict[str, Any]]) -> None:
        """Start a step over these micro-batches, and take from them what the model must not see."""
        self.loss = 0.0
        self.rows = [row for batch in batches for row in batch.pop("rows")]
        self.tokens = sum(batch.pop("tokens") for batch in batches)
        self.supervised_tokens = sum(map(learned_tokens, batches))

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


class Committing:
    """Stands before a TRL trainer: checks before it steps, and its checkpoints are durable or not there."""

    def __init__(
        self,
        *,
        store: CheckpointStore,
        watcher: Watcher,
        trained_dtype: torch.dtype,
        held_out: HeldOut | None = None,
        **kwargs: Any,
    ):
        self.store, self.watcher, self.held_out, self.tally = store, watcher, held_out, StepTally()
        super().__init__(**kwargs)
        self.trainable_parameters = 0
        # TRL makes every quantised model's adapter bfloat16, on a CPU without it 5 times slower
        for name, parameter in self.model.named_parameters():  # type: ignore[attr-defined]
            if parameter.requires_grad:
                self.trainable_parameters += parameter.numel()
                if trained_dtype == torch.float32 or KEPT_WIDE not in name:
                    parameter.data = parameter.data.to(trained_dtype)
        self.committed: Path | None = None

    def get_batch_samples(self: Any, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """Fetch one step's micro-batches; the step's clock starts here."""
        self.tally.started = time.perf_counter()
        batches, items = super().get_batch_samples(*args, **kwargs)  # type: ignore[misc]
        self.tally.begin(batches)
        return batches, items

    def training_step(self: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Forward and backward of one micro-batch; its loss is added to the step's."""
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        self.tally.loss = self.tally.loss + loss
        return loss

    def _clip_grad_norm(self: Any, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        if self.accelerator.num_processes > 1:
            self.tally.loss = self.accelerator.reduce(self.tally.loss, reduction="mean")
        self.tally.check(self.state.global_step + 1, float(norm))
        return norm

    def _load_from_checkpoint(self: Any, resume_from_checkpoint: str, model: Any = None) -> None:
        dtypes = {name: parameter.dtype for name, parameter in self.model.named_parameters()}
        super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        for name, parameter in self.model.named_parameters():
            if parameter.dtype != dtypes[name]:
                parameter.data = parameter.data.to(dtypes[name])

    def _get_output_dir(self, trial: Any) -> str:
        del trial
        return str(self.store.writing)

    def _save_checkpoint(self: Any, model: Any, trial: Any) -> None:
        started, step = time.perf_counter(), self.state.global_step
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
                message = (
                    f"step {step}: {name} is not finite after the update; rows in the batch: "
                    f"{self.tally.rows[:ROWS_SHOWN]}. Nothing was saved; lower the learning rate"
                )
                raise TrainingDivergedError(message)
        Trainer._save_checkpoint(self, model, trial)  # TRL's own adds a model card only
        self.accelerator.wait_for_everyone()
        if self.is_world_process_zero():
            self._commit(step, started)
        self.accelerator.wait_for_everyone()

    def _commit(self: Any, step: int, started: float) -> None:
        written, best = self.store.writing / f"checkpoint-{step}", None
        if self.held_out is not None:
            best = self.held_out.write(written)
        self.committed, bytes_written = self.store.commit(written, step, self.trainable_parameters, best)
        self.watcher.committed(step, bytes_written, time.perf_counter() - started)


class Reporter(TrainerCallback):
    """Tells the watcher of every step, and the trainer when to evaluate, save and stop."""

    def __init__(self, trainer: Any, save_every_steps: int):
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
        self._note_jump(step)
        if self._overfitted(step):
            go_on = False
        if not go_on:
            control.should_training_stop = True
        if not go_on or step % self.save_every_steps == 0 or step >= state.max_steps:
            control.should_save = True

    def _note_jump(self, step: int) -> None:
        tally = self.trainer.tally
        if jumped(tally.loss_value, tally.losses):
            detail = f"step {step}: {tally.loss_value:.4g}; rows in the batch: {tally.rows[:ROWS_SHOWN]}"
            self.trainer.watcher.note("loss spike", detail)
        tally.losses.append(tally.loss_value)

    def _overfitted(self, step: int) -> bool:
        held_out = self.trainer.held_out
        return held_out is not None and held_out.after_step(self.trainer, step, self.trainer.tally.loss_value)
