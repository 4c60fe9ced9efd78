"""TRL's DPOTrainer as the runner uses it: pairs in the model's own template, the reference taken once beforehand.

Rule 1  The reference is the model as this stage starts from it, adapter included; its log-probabilities are computed
        before the first step, and again the same on every resume, since every resume begins from that model.
Rule 2  Both answers of a pair begin after the very prompt that is asked when answering, and end with the end of turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer  # pyright: ignore[reportAttributeAccessIssue]  lazily exported
from trl.trainer.dpo_trainer import DataCollatorForPreference

from advisor.plan import TrainSettings
from runner.engines.committing import Committing
from runner.engines.data import Faults, message_faults, read_rows
from runner.engines.template import PROMPT_NOT_A_PREFIX, token_ids
from runner.engines.training import common_arguments

REFERENCE = "ref"
"""The name under which TRL keeps a copy of the adapter; it is dropped once its log-probabilities are known."""
PAIR_PARTS = ("prompt_ids", "chosen_ids", "rejected_ids")


@dataclass(frozen=True, slots=True)
class Pair:
    """One preference: the prompt's tokens, those of the better and of the worse answer, and its row."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    row: int


def load_pairs(path: Path, tokenizer: Any, max_length: int) -> list[Pair]:
    """Read, check and tokenise pairs; raises BadDataError listing all faults (longer than `max_length` is one)."""
    faults = Faults(path.name)
    found: list[Pair] = []
    for number, record in read_rows(path, faults):
        sides = [[*record["prompt"], *record[side]] for side in ("chosen", "rejected")]
        wrong = sorted({kind for side in sides for kind in message_faults(side)})
        for kind in wrong:
            faults.add(kind, number)
        if wrong:
            continue
        prompt = token_ids(tokenizer, record["prompt"], answer_next=True)
        whole = [token_ids(tokenizer, side) for side in sides]
        if any(ids[: len(prompt)] != prompt for ids in whole):
            faults.add(PROMPT_NOT_A_PREFIX, number)
        elif whole[0] == whole[1]:
            faults.add("both answers are the same; wanted a better and a worse one", number)
        elif max(map(len, whole)) > max_length:
            faults.add(f"longer than max_length {max_length}; drop these pairs or raise max_length", number)
        else:
            found.append(Pair(prompt, whole[0][len(prompt) :], whole[1][len(prompt) :], number))
    faults.refuse()
    return found


def pair_rows(pairs: Sequence[Pair]) -> Dataset:
    """Return pairs as the data set the trainer reads."""
    columns: dict[str, list[Any]] = {name: [getattr(pair, name) for pair in pairs] for name in PAIR_PARTS}
    return Dataset.from_dict({**columns, "rows": [[pair.row] for pair in pairs]})


@dataclass(frozen=True, slots=True)
class PairCollator:
    """TRL's collator of pairs (chosen rows, then rejected ones), and beside it the source rows and their tokens."""

    pad: DataCollatorForPreference

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the batch with `rows` and `tokens`."""
        rows = [row for example in examples for row in example["rows"]]
        batch = dict(self.pad(examples))
        return {**batch, "rows": rows, "tokens": int(batch["attention_mask"].sum())}


class CommittingDpo(Committing, DPOTrainer):  # pyright: ignore[reportUntypedBaseClass]
    """DPOTrainer that checks before it steps, and whose checkpoints are durable or not there."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        if REFERENCE in getattr(self.model, "peft_config", {}):
            self.model.delete_adapter(REFERENCE)

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """Leave the pairs as they are: load_pairs has checked and tokenised them."""
        del args, kwargs
        return dataset

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """Return the pairs with the reference's log-probabilities (Rule 1); TRL's own keeps them in a cache file."""
        del name
        self.model.eval()
        chosen: list[float] = []
        rejected: list[float] = []
        for first in range(0, len(dataset), batch_size):
            rows = dataset[first : first + batch_size]
            examples = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
            batch = self._prepare_inputs(self.data_collator(examples))
            batch = {key: value for key, value in batch.items() if isinstance(value, torch.Tensor)}
            better, worse = self.compute_ref_log_probs(self.model, batch)
            chosen += better.float().tolist()
            rejected += worse.float().tolist()
        self.model.train()
        return dataset.add_column("ref_chosen_logps", chosen).add_column("ref_rejected_logps", rejected)


def dpo_config(settings: TrainSettings, optimizer: str, output: Path, autocast: bool, beta: float) -> DPOConfig:
    """Return the trainer's configuration of preference tuning."""
    return DPOConfig(
        **common_arguments(settings, optimizer, output, autocast),
        beta=beta,
        loss_type=["sigmoid"],
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=settings.micro_batch,
    )
