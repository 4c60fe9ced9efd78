"""The probe: a few real steps on the longest rows and on typical ones, a save, and nothing kept of it."""

import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from advisor.plan import Probe
from runner.engine import ProbeResult, StepReport, TrainJob, Watcher
from runner.engines.checkpoints import CheckpointStore
from runner.engines.data import IGNORED, TokenRow, load_token_rows
from runner.engines.jobs import build_trainer, check_job, in_memory
from runner.engines.loading import known_noise, load_tokenizer
from runner.engines.memory import PeakMemory

SCRATCH = "probe"
SAMPLE_TOKENS = 200
"""Of the rendered row so many tokens are shown at most, its end first: the answer is there."""


@dataclass(slots=True)
class Listener:
    """Hears the probe's steps, and passes on only what a reader must see and whether to stop."""

    watcher: Watcher
    began: float
    ready_seconds: float = 0.0
    save_seconds: float = 0.0
    checkpoint_bytes: int = 0
    stopped: bool = False
    reports: list[StepReport] = field(default_factory=list[StepReport])

    def started(self, step: int, total_steps: int) -> None:
        """Everything is loaded."""
        del step, total_steps
        self.ready_seconds = time.perf_counter() - self.began

    def stepped(self, report: StepReport) -> bool:
        """Keep one step; the runner's own watcher says whether to go on."""
        self.reports.append(report)
        self.stopped = not self.watcher.stepped(report)
        return not self.stopped

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Keep what a save costs."""
        del step
        self.checkpoint_bytes, self.save_seconds = bytes_written, seconds

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        """Nothing is evaluated in a probe."""

    def note(self, event: str, detail: str) -> None:
        """Pass on."""
        self.watcher.note(event, detail)


def probe(job: TrainJob, chosen: Probe, watcher: Watcher, environment: dict[str, str]) -> ProbeResult | None:
    """Execute the steps on a model of their own; None when asked to stop. Raises what training raises."""
    check_job(job)
    began = time.perf_counter()
    tokenizer = load_tokenizer(job.model.directory)
    rows = load_token_rows(job.records, "text" if job.objective == "text" else "chat", tokenizer, job.settings)
    try:
        return in_memory(
            job, watcher, lambda fitted: _tried(fitted, chosen, rows, tokenizer, Listener(watcher, began), environment)
        )
    finally:
        shutil.rmtree(job.checkpoints.with_name(SCRATCH), ignore_errors=True)


def _tried(
    job: TrainJob,
    chosen: Probe,
    rows: Sequence[TokenRow],
    tokenizer: Any,
    listener: Listener,
    environment: dict[str, str],
) -> ProbeResult | None:
    peak = PeakMemory()
    scratch = job.checkpoints.with_name(SCRATCH)
    shutil.rmtree(scratch, ignore_errors=True)
    steps = chosen.longest_steps + chosen.typical_steps
    settings = job.settings.model_copy(update={"max_steps": steps, "save_every_steps": steps})
    batch = settings.micro_batch * settings.accumulation
    store = CheckpointStore(scratch, settings.keep_checkpoints, {}, environment, listener.note)
    with known_noise():
        trainer: Any = build_trainer(
            replace(job, settings=settings, held_out=None),
            store,
            listener,
            probed_rows(rows, batch * chosen.longest_steps, batch * chosen.typical_steps, settings.seed),
        )
        trainer.args.train_sampling_strategy = "sequential"
        trainer.train()
    if listener.stopped and len(listener.reports) < steps:
        return None
    longest, typical = listener.reports[: chosen.longest_steps], listener.reports[chosen.longest_steps :]
    return ProbeResult(
        longest_seconds=tuple(one.seconds for one in longest),
        typical_seconds=tuple(one.seconds for one in typical),
        typical_tokens=fmean(one.tokens for one in typical),
        answer_tokens=fmean(sum(label != IGNORED for label in row.labels[1:]) / len(row.rows) for row in rows),
        ready_seconds=listener.ready_seconds,
        save_seconds=listener.save_seconds,
        checkpoint_bytes=listener.checkpoint_bytes,
        peak_bytes=peak.peak_bytes(),
        rows=len(rows),
        sample=shown(tokenizer, rows[0]),
    )


def probed_rows(rows: Sequence[TokenRow], longest: int, typical: int, seed: int) -> list[TokenRow]:
    """Return the longest rows, then rows drawn at random; a small set is used more than once."""
    by_length = sorted(rows, key=lambda row: -len(row.input_ids))
    many = -(-longest // len(rows))
    return (by_length * many)[:longest] + random.Random(seed).choices(rows, k=typical)


def shown(tokenizer: Any, row: TokenRow) -> str:
    """Return a row as the model reads it, what it learns in [[ ]]; of a long row the end."""
    first = max(0, len(row.input_ids) - SAMPLE_TOKENS)
    parts: list[str] = ["... "] if first else []
    learned = False
    run: list[int] = []
    for token, label in zip(row.input_ids[first:], row.labels[first:], strict=True):
        if (label != IGNORED) != learned:
            parts.append(_marked(tokenizer, run, learned))
            run, learned = [], label != IGNORED
        run.append(token)
    return "".join([*parts, _marked(tokenizer, run, learned)])


def _marked(tokenizer: Any, ids: Sequence[int], learned: bool) -> str:
    text = str(tokenizer.decode(list(ids))) if ids else ""
    return f"[[{text}]]" if learned else text
