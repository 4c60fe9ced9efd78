"""A small engine that really learns, in pure Python: it counts which words go with which answer.

A step reads `micro_batch` rows and adds their words to the counts; a checkpoint is the counts with a commit file; an
answer is the one whose words are most alike. No weights, no torch: a step takes as long as TOY_STEP_SECONDS says.
"""

import hashlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runner.engine import (
    MergeResult,
    Message,
    ModelRef,
    StepReport,
    TrainingDivergedError,
    TrainJob,
    TrainResult,
    Watcher,
)

Counts = dict[str, Counter[str]]
NOTHING_LEARNED = "no idea"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def save(path: Path, counts: Counts) -> bytes:
    content = json.dumps({word: sorted(found.items()) for word, found in sorted(counts.items())}).encode()
    path.write_bytes(content)
    return content


def load(path: Path) -> Counts:
    return {word: Counter(dict(found)) for word, found in json.loads(path.read_bytes()).items()}


def words(messages: Sequence[Message]) -> list[str]:
    return " ".join(turn["content"] for turn in messages).lower().split()


class ToyEngine:
    def __init__(self) -> None:
        self.step_seconds = float(os.environ.get("TOY_STEP_SECONDS", "0.004"))

    def identity(self) -> dict[str, str]:
        return {"toy": "1", "device": "none"}

    def count_tokens(self, model: Path, conversations: Sequence[Sequence[Message]]) -> list[int]:
        assert (model / "config.json").is_file()
        return [len(words(turns)) for turns in conversations]

    def train(self, job: TrainJob, watcher: Watcher) -> TrainResult:
        job.checkpoints.mkdir(exist_ok=True)
        rows = [json.loads(line) for line in job.records.read_bytes().split(b"\n") if line]
        step, counts = newest(job.checkpoints, watcher)
        watcher.started(step, job.settings.max_steps)
        while step < job.settings.max_steps:
            step += 1
            going_on = watcher.stepped(self.one_step(job, rows, counts, step))
            if step % job.settings.save_every_steps == 0 or step == job.settings.max_steps or not going_on:
                self.checkpoint(job.checkpoints, step, counts, watcher)
            if not going_on:
                break
        finished = step == job.settings.max_steps
        digest = ""
        if finished:
            job.output.mkdir(exist_ok=True)
            digest = sha(save(job.output / "counts.json", counts))
        return TrainResult(finished, step, digest, job.output, len(counts), peak_bytes=1_000_000)

    def one_step(self, job: TrainJob, rows: list[dict[str, Any]], counts: Counts, step: int) -> StepReport:
        began = time.perf_counter()
        batch = random.Random(f"{job.settings.seed} {step}").choices(rows, k=job.settings.micro_batch)
        tokens = 0
        for row in batch:
            messages = row["messages"] if "messages" in row else [{"role": "user", "content": row["text"]}]
            answer = messages[-1]["content"] if len(messages) > 1 else ""
            for word in words(messages[:-1] or messages):
                counts.setdefault(word, Counter())[answer] += 1
                tokens += 1
        time.sleep(self.step_seconds)
        if os.environ.get("TOY_FAIL_AT") == str(step):
            message = f"loss is nan at step {step}"
            raise TrainingDivergedError(message)
        seconds = time.perf_counter() - began
        return StepReport(step, job.settings.max_steps, 1 / step, 0.5, 1e-3, tokens, tokens, seconds)

    def checkpoint(self, folder: Path, step: int, counts: Counts, watcher: Watcher) -> None:
        began = time.perf_counter()
        path = folder / f"step-{step:06d}.json"
        content = save(path, counts)
        temporary = folder / f"step-{step:06d}.commit.tmp"
        temporary.write_text(sha(content), encoding="utf-8")
        temporary.replace(folder / f"step-{step:06d}.commit")
        watcher.committed(step, len(content), time.perf_counter() - began)

    def answer(
        self, model: ModelRef, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
    ) -> Iterator[list[str]]:
        path = (model.adapter or model.directory) / "counts.json"
        counts = load(path) if path.exists() else {}
        for first in range(0, len(prompts), batch_rows):
            time.sleep(self.step_seconds)
            yield [best(counts, prompt) for prompt in prompts[first : first + batch_rows]]

    def merge(self, model: ModelRef, samples: Sequence[Sequence[Message]], output: Path) -> MergeResult:
        assert model.adapter is not None
        assert samples
        output.mkdir(exist_ok=True)
        (output / "config.json").write_bytes((model.directory / "config.json").read_bytes())
        digest = sha(save(output / "counts.json", load(model.adapter / "counts.json")))
        return MergeResult(output, digest, 0.0, 1.0)


def newest(folder: Path, watcher: Watcher) -> tuple[int, Counts]:
    """Return the newest checkpoint whose commit fits its bytes."""
    for commit in sorted(folder.glob("*.commit"), reverse=True):
        path = commit.with_suffix(".json")
        if path.exists() and sha(path.read_bytes()) == commit.read_text(encoding="utf-8"):
            return int(commit.stem.removeprefix("step-")), load(path)
        watcher.note("checkpoint", f"{commit.name} does not fit its file")
    return 0, {}


def best(counts: Counts, prompt: Sequence[Message]) -> str:
    votes: Counter[str] = Counter()
    for word in words(prompt):
        found = counts.get(word, Counter())
        total = sum(found.values())
        for answer, count in found.items():
            votes[answer] += round(1000 * count / total)
    return max(votes, key=lambda answer: (votes[answer], answer)) if votes else NOTHING_LEARNED
