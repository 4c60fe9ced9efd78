"""A small engine that really learns, in pure Python: it counts which words go with which answer.

A step reads `micro_batch` rows and adds their words to the counts; a checkpoint is the counts with a commit file; an
answer is the one whose words are most alike. No weights, no torch: a step takes as long as TOY_STEP_SECONDS says.

With TOY_CALL_SECONDS the engine has a clock of its own, which its work alone moves: each call that loads takes so
long, and each step TOY_STEP_SECONDS, however busy the machine is and without waiting.
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

from advisor.plan import Probe
from runner.engine import (
    Answer,
    Loss,
    MergeResult,
    MergeWay,
    Message,
    ModelRef,
    ProbeResult,
    StepReport,
    TrainingDivergedError,
    TrainJob,
    TrainResult,
    Watcher,
)

Counts = dict[str, Counter[str]]
NOTHING_LEARNED = "no idea"
OWN_CLOCK = "TOY_CALL_SECONDS" in os.environ
own_seconds = 0.0


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


def now_seconds() -> float:
    return own_seconds if OWN_CLOCK else time.perf_counter()


def work(seconds: float) -> None:
    global own_seconds  # noqa: PLW0603  one process, one clock
    if OWN_CLOCK:
        own_seconds += seconds
    else:
        time.sleep(seconds)


class ToyEngine:
    def __init__(self) -> None:
        self.step_seconds = float(os.environ.get("TOY_STEP_SECONDS", "0.004"))
        self.call_seconds = float(os.environ.get("TOY_CALL_SECONDS", "0"))
        self.loaded: set[Path] = set()

    def identity(self) -> dict[str, str]:
        work(self.call_seconds)
        return {"toy": "1", "device": "none"}

    def count_tokens(self, model: Path, conversations: Sequence[Sequence[Message]]) -> list[int]:
        assert (model / "config.json").is_file()
        work(self.call_seconds)
        return [len(words(turns)) for turns in conversations]

    def train(self, job: TrainJob, watcher: Watcher) -> TrainResult:
        job.checkpoints.mkdir(exist_ok=True)
        work(self.call_seconds)
        rows = [json.loads(line) for line in job.records.read_bytes().split(b"\n") if line]
        step, counts = newest(job.checkpoints, watcher)
        watcher.started(step, job.settings.max_steps)
        while step < job.settings.max_steps:
            step += 1
            going_on = watcher.stepped(self.one_step(job, rows, counts, step))
            self.watch(job, step, watcher)
            if step % job.settings.save_every_steps == 0 or step == job.settings.max_steps or not going_on:
                self.checkpoint(job.checkpoints, step, counts, watcher)
            if not going_on:
                break
        finished = step == job.settings.max_steps
        digest = ""
        if finished:
            job.output.mkdir(exist_ok=True)
            digest = sha(save(job.output / "counts.json", counts))
            if job.method.kind == "full":
                (job.output / "config.json").write_bytes((job.model.directory / "config.json").read_bytes())
        return TrainResult(finished, step, digest, job.output, len(counts), peak_bytes=1_000_000)

    def watch(self, job: TrainJob, step: int, watcher: Watcher) -> None:
        """Take the loss on held-out rows where the plan asks for it: a batch takes a quarter of a step."""
        settings = job.settings
        if job.held_out is None or settings.evaluate_every_steps is None or step % settings.evaluate_every_steps:
            return
        batches = len(job.held_out.read_bytes().splitlines()) / (settings.micro_batch * settings.accumulation)
        work(seconds := self.step_seconds * batches / 4)
        watcher.evaluated(step, 1 / step, seconds)

    def probe(self, job: TrainJob, probe: Probe, watcher: Watcher) -> ProbeResult | None:
        rows = [json.loads(line) for line in job.records.read_bytes().split(b"\n") if line]
        steps = [self.one_step(job, rows, {}, 1 + step) for step in range(probe.longest_steps + probe.typical_steps)]
        if not all(watcher.stepped(step) for step in steps):
            return None
        seconds = tuple(step.seconds for step in steps)
        return ProbeResult(
            longest_seconds=seconds[: probe.longest_steps],
            typical_seconds=seconds[probe.longest_steps :],
            typical_tokens=20.0,
            answer_tokens=2.0,
            ready_seconds=0.001,
            save_seconds=0.001,
            checkpoint_bytes=int(os.environ.get("TOY_CHECKPOINT_BYTES", "1000")),
            peak_bytes=1_000_000,
            rows=len(rows),
            sample="to [[billing]]",
        )

    def one_step(self, job: TrainJob, rows: list[dict[str, Any]], counts: Counts, step: int) -> StepReport:
        began = now_seconds()
        batch = random.Random(f"{job.settings.seed} {step}").choices(rows, k=job.settings.micro_batch)
        tokens = 0
        for row in batch:
            messages = turns_of(row)
            answer = messages[-1]["content"] if len(messages) > 1 else ""
            for word in words(messages[:-1] or messages):
                counts.setdefault(word, Counter())[answer] += 1
                tokens += 1
        work(self.step_seconds)
        if os.environ.get("TOY_FAIL_AT") == str(step):
            message = f"loss is nan at step {step}"
            raise TrainingDivergedError(message)
        seconds = now_seconds() - began
        return StepReport(step, job.settings.max_steps, 1 / step, 0.5, 1e-3, tokens, tokens, seconds)

    def checkpoint(self, folder: Path, step: int, counts: Counts, watcher: Watcher) -> None:
        began = now_seconds()
        path = folder / f"step-{step:06d}.json"
        content = save(path, counts)
        temporary = folder / f"step-{step:06d}.commit.tmp"
        temporary.write_text(sha(content), encoding="utf-8")
        temporary.replace(folder / f"step-{step:06d}.commit")
        watcher.committed(step, len(content), now_seconds() - began)

    def answer(
        self, model: ModelRef, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
    ) -> Iterator[list[Answer]]:
        path = (model.adapter or model.directory) / "counts.json"
        work(self.call_seconds if path not in self.loaded else 0)
        self.loaded.add(path)
        counts = load(path) if path.exists() else {}
        for first in range(0, len(prompts), batch_rows):
            work(self.step_seconds)
            yield [
                Answer(best(counts, prompt), tokens=max_new_tokens) for prompt in prompts[first : first + batch_rows]
            ]

    def losses(
        self, model: ModelRef, texts: Sequence[str | Sequence[Message]], batch_rows: int
    ) -> Iterator[list[Loss]]:
        path = (model.adapter or model.directory) / "counts.json"
        counts = load(path) if path.exists() else {}
        for first in range(0, len(texts), batch_rows):
            yield [surprise(counts, text) for text in texts[first : first + batch_rows]]

    def render(self, model: Path, turns: Sequence[Message], answer_next: bool) -> str:
        asked = "".join(f"<{turn['role']}>{turn['content']}</s>" for turn in turns)
        return asked + "<assistant>" * answer_next

    def serving_faults(self, trained: Path, exported: Path, samples: Sequence[Sequence[Message]]) -> list[str]:
        return []

    def merge(
        self, model: ModelRef, samples: Sequence[Sequence[Message]], output: Path, way: MergeWay = "dequantised"
    ) -> MergeResult:
        assert model.adapter is not None
        assert samples
        work(self.call_seconds)
        output.mkdir(exist_ok=True)
        (output / "config.json").write_bytes((model.directory / "config.json").read_bytes())
        digest = sha(save(output / "counts.json", load(model.adapter / "counts.json")))
        return MergeResult(output, digest, 0.0, 1.0)


def turns_of(row: dict[str, Any]) -> list[Message]:
    """Return a record's turns: a conversation, a text as a question without an answer, a pair with its better one."""
    if "text" in row:
        return [Message(role="user", content=row["text"])]
    return row["messages"] if "messages" in row else [*row["prompt"], *row["chosen"]]


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


def surprise(counts: Counts, text: str | Sequence[Message]) -> Loss:
    """One nat a word of a text; of an answer one nat if it is what the counts would say, else two."""
    if isinstance(text, str):
        return Loss(float(len(text.split())), len(text.split()))
    return Loss(1.0 if best(counts, text[:-1]) == text[-1]["content"] else 2.0, 1)
