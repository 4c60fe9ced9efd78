"""The TRL engine: QLoRA, LoRA and full fine-tuning, greedy answers, and merging, behind runner.engine.Engine."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from advisor.plan import Probe
from runner.engine import (
    Answer,
    Loss,
    MergeResult,
    MergeWay,
    Message,
    ModelRef,
    ProbeResult,
    TrainJob,
    TrainResult,
    Watcher,
)
from runner.engines import answering, jobs, merging, probing, serving, trying
from runner.engines.loading import device_name, known_noise, load_tokenizer, versions
from runner.engines.template import token_ids


class TrlEngine:
    """Engine on transformers, TRL, peft and bitsandbytes; one model is kept loaded between calls of `answer`."""

    def __init__(self) -> None:
        self._loaded: answering.Loaded | None = None

    def identity(self) -> dict[str, str]:
        """Return package versions, the device and the number of threads."""
        return {**versions(), "device": device_name(), "threads": str(torch.get_num_threads())}

    def count_tokens(self, model: Path, conversations: Sequence[Sequence[Message]]) -> list[int]:
        """Return the templated length in tokens of each conversation with the model's own tokenizer."""
        tokenizer = load_tokenizer(model)
        return [len(token_ids(tokenizer, turns)) for turns in conversations]

    def train(self, job: TrainJob, watcher: Watcher) -> TrainResult:
        """Train, going on from the newest committed checkpoint; see runner.engines.jobs for what it raises."""
        self._loaded = None
        return jobs.train(job, watcher, self.identity())

    def probe(self, job: TrainJob, probe: Probe, watcher: Watcher) -> ProbeResult | None:
        """Execute a few steps of the job and throw them away; None when the watcher asked to stop."""
        self._loaded = None
        return trying.probe(job, probe, watcher, self.identity())

    def answer(
        self, model: ModelRef, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
    ) -> Iterator[list[Answer]]:
        """Yield greedy answers batch by batch, in the order of the prompts; the assistant's turn only."""
        yield from answering.answers(self._ready(model), prompts, max_new_tokens, batch_rows)

    def losses(
        self, model: ModelRef, texts: Sequence[str | Sequence[Message]], batch_rows: int
    ) -> Iterator[list[Loss]]:
        """Yield losses batch by batch: of a plain text all tokens but the first, of a conversation the last turn's."""
        yield from probing.losses(self._ready(model), texts, batch_rows)

    def render(self, model: Path, turns: Sequence[Message], answer_next: bool) -> str:
        """Return a conversation as the folder's own template writes it."""
        return serving.render(model, turns, answer_next)

    def serving_faults(self, trained: Path, exported: Path, samples: Sequence[Sequence[Message]]) -> list[str]:
        """Return where a server of the folder `exported` would see other tokens, or stop elsewhere, than training."""
        return serving.serving_faults(trained, exported, samples)

    def merge(
        self, model: ModelRef, samples: Sequence[Sequence[Message]], output: Path, way: MergeWay = "dequantised"
    ) -> MergeResult:
        """Merge `model.adapter` into the base, write safetensors, compare logits on samples."""
        self._loaded = None
        with known_noise():
            return merging.merge(model, samples, output, way)

    def _ready(self, model: ModelRef) -> answering.Loaded:
        key = answering.cache_key(model)
        if self._loaded is None or self._loaded.key != key:
            self._loaded = None  # free the old one before the new one is loaded
            with known_noise():
                self._loaded = answering.load(model, key)
        return self._loaded
