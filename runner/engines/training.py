"""TRL's SFTTrainer as the runner uses it: its batches, its loss, and every argument said (RUNNER.md finding 8)."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportAttributeAccessIssue]  lazily exported

from advisor.plan import TrainSettings
from runner.engines.committing import Committing
from runner.engines.data import IGNORED
from runner.engines.loading import device
from runner.engines.losses import has_plain_head, supervised_loss

BETAS_AND_EPSILON = {"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8}
"""AdamW as published (Loshchilov and Hutter 2019), said here so that no library default decides."""
CHECKPOINTING = (
    "activation_checkpointing"
    if "activation_checkpointing" in SFTConfig.__dataclass_fields__
    else "gradient_checkpointing"
)
"""transformers 5 renamed the setting on its way; the old name warns where the new one exists."""


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


class CommittingTrainer(Committing, SFTTrainer):  # pyright: ignore[reportUntypedBaseClass]
    """SFTTrainer that checks before it steps; with `learned_only` the head scores supervised positions alone."""

    def __init__(self, *, learned_only: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        alone = self.accelerator.num_processes == 1  # a wrapped model must be called as a whole
        self.learned_only = learned_only and alone and has_plain_head(self.accelerator.unwrap_model(self.model))

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the mean nats of a supervised token; the parent's own way on cards and over several processes."""
        if not self.learned_only:
            return super().compute_loss(model, inputs, *args, **kwargs)
        return supervised_loss(self.accelerator.unwrap_model(model), inputs, kwargs.get("num_items_in_batch"))


def common_arguments(settings: TrainSettings, optimizer: str, output: Path, autocast: bool) -> dict[str, Any]:
    """Return what every trainer is told; all that shapes the result is said, nothing left to a default."""
    return {
        "output_dir": str(output),
        "max_steps": settings.max_steps,
        "per_device_train_batch_size": settings.micro_batch,
        "gradient_accumulation_steps": settings.accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": math.ceil(settings.warmup_share * settings.max_steps),
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "optim": optimizer,
        **BETAS_AND_EPSILON,
        "seed": settings.seed,
        "data_seed": settings.seed,
        CHECKPOINTING: settings.gradient_checkpointing,
        "bf16": autocast,
        "fp16": False,
        "use_cpu": device() == "cpu",
        "max_length": settings.max_length,
        "remove_unused_columns": False,
        "save_strategy": "no",  # the Reporter says when
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "report_to": "none",
        "push_to_hub": False,
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "trust_remote_code": False,
    }


def sft_config(settings: TrainSettings, optimizer: str, output: Path, autocast: bool) -> SFTConfig:
    """Return the trainer's configuration of supervised tuning."""
    return SFTConfig(
        **common_arguments(settings, optimizer, output, autocast),
        packing=False,  # data.pack has done it, with positions that restart
        assistant_only_loss=False,  # the labels are there already
        dataset_kwargs={"skip_prepare_dataset": True},
        loss_type="nll",
    )
