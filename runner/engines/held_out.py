"""The loss on held-out rows while training, and when it says to stop (runner.guards.overfitted).

Rule 1  Evaluations lie in the checkpoint, so that a resumed run decides as one that was left alone.
Rule 2  An evaluation draws no random number and leaves the model as it was: the trajectory is the same without it.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from runner.engines.data import IGNORED, TokenRow
from runner.guards import Evaluated, best_of, overfitted

FILE = "evaluations.json"
MOST_ROWS = 128
"""A mean over 128 rows tells a trend; more would cost a small run more than it saves."""


@dataclass(slots=True)
class HeldOut:
    """Held-out rows as micro-batches, when to ask them, and what they said so far."""

    batches: Sequence[dict[str, Any]]
    every_steps: int
    patience: int
    done: list[Evaluated] = field(default_factory=list[Evaluated])
    since: list[float] = field(default_factory=list[float])

    def after_step(self, trainer: Any, step: int, train_loss: float) -> bool:
        """Take one step's training loss in; evaluate when due; return whether training should stop."""
        self.since.append(train_loss)
        if step % self.every_steps:
            return False
        began = time.perf_counter()
        found = Evaluated(step, self._loss(trainer), fmean(self.since))
        self.done.append(found)
        self.since.clear()
        trainer.watcher.evaluated(step, found.loss, time.perf_counter() - began)
        stops = overfitted(self.done, self.patience)
        if stops:
            best = best_of(self.done)
            detail = (
                f"held-out loss {best.loss:.4g} at step {best.step}, {found.loss:.4g} at step {step}: the best is kept"
            )
            trainer.watcher.note("overfitting", detail)
        return stops

    def _loss(self, trainer: Any) -> float:
        """Return the mean nats of a supervised token over all held-out rows."""
        model, nats, tokens = trainer.model, 0.0, 0
        model.eval()
        with torch.no_grad():
            for batch in self.batches:
                count = int(batch["labels"][:, 1:].ne(IGNORED).sum())
                loss = trainer.compute_loss(model, trainer._prepare_inputs(dict(batch)))
                nats, tokens = nats + float(loss) * count, tokens + count
        model.train()
        return nats / tokens

    def write(self, checkpoint: Path) -> int | None:
        """Write what was found into a checkpoint; return the best step so far."""
        document = {"evaluations": [one._asdict() for one in self.done], "since": self.since}
        (checkpoint / FILE).write_text(json.dumps(document), encoding="utf-8")
        return best_of(self.done).step if self.done else None

    def read(self, checkpoint: Path) -> None:
        """Go on from what a checkpoint holds."""
        self.done, self.since = evaluations(checkpoint)


def evaluations(checkpoint: Path) -> tuple[list[Evaluated], list[float]]:
    """Return a checkpoint's evaluations and the training losses since the last; empty where it has none."""
    path = checkpoint / FILE
    if not path.is_file():
        return [], []
    document = json.loads(path.read_bytes())
    return [Evaluated(**one) for one in document["evaluations"]], list(document["since"])


def held_out_batches(rows: Sequence[TokenRow], collate: Any, micro_batch: int) -> list[dict[str, Any]]:
    """Return at most MOST_ROWS rows as micro-batches that a model takes, the longest ones together."""
    names = ("input_ids", "labels", "rows", "piece_tokens")
    step = max(1, len(rows) // MOST_ROWS)
    chosen = sorted(rows[::step][:MOST_ROWS], key=lambda row: len(row.input_ids))
    found: list[dict[str, Any]] = []
    for first in range(0, len(chosen), micro_batch):
        batch = collate([{name: getattr(row, name) for name in names} for row in chosen[first : first + micro_batch]])
        found.append({name: value for name, value in batch.items() if isinstance(value, torch.Tensor)})
    return found
