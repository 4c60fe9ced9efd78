"""TRL's preference trainer in a dry run; the reference is the model without its adapter."""

from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer  # pyright: ignore[reportAttributeAccessIssue]  lazily exported

from runner.engines.dry_steps import Dry
from runner.engines.training import CHECKPOINTING

SAME = (
    "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "optim", "bf16", "use_cpu",
    "learning_rate", "max_grad_norm", "max_length", CHECKPOINTING,
)  # fmt: skip
"""Settings that DPO shares with SFT."""


class DryDpo(Dry, DPOTrainer):  # pyright: ignore[reportUntypedBaseClass]
    """The trainer as it is; its batches are ours, so its data set is not prepared."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        return dataset


def preference_trainer(sft: Any, output: Path, shared: dict[str, Any]) -> DryDpo:
    """Return the trainer of a preference stage with the settings of the SFT stage's configuration."""
    config = DPOConfig(
        output_dir=str(output),
        **{name: getattr(sft, name) for name in SAME},
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    rows = Dataset.from_dict({name: ["x", "y"] for name in ("prompt", "chosen", "rejected")})
    trainer: Any = DryDpo
    return trainer(args=config, train_dataset=rows, **shared)
