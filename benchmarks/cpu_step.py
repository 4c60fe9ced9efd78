"""How much of this machine's product rate a training step reaches, and what a decoding step takes, on the default base.

    python -m benchmarks.cpu_step [--steps 20] [--out benchmarks/results/DATE-cpu-step.md]

The advisor's efficiency figures (advisor/machine.py, advisor/forecasts.py) cite the dated result.
"""

import argparse
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from advisor.catalog import find_model
from advisor.machine import measure_matmul_flops_per_second
from advisor.memory_setup import Method as Way
from advisor.memory_setup import TrainingSetup
from advisor.plan import Lora, Method, TrainSettings
from advisor.training_work import step_work
from runner.engine import ModelRef, StepReport, TrainJob
from runner.engines.trl import TrlEngine

FOLDER = Path(__file__).resolve().parents[1] / "scenarios" / "ticket_routing"
MAX_LENGTH = 192
ROW_TOKENS = 70
"""A conversation of the default data, by its own tokenizer."""
WAYS = ("qlora", "lora", "full")
WARM = 3
"""First steps are slower: threads, allocator, page faults."""


class Ear:
    """Keeps every step's report."""

    def __init__(self) -> None:
        self.reports: list[StepReport] = []

    def started(self, step: int, total_steps: int) -> None:
        """Nothing to keep."""

    def stepped(self, report: StepReport) -> bool:
        """Keep it and go on."""
        self.reports.append(report)
        return True

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Nothing to keep."""

    def note(self, event: str, detail: str) -> None:
        """Nothing to keep."""


def method(kind: str) -> Method:
    """Return a method as the planner writes it."""
    return Method(
        kind=kind,  # pyright: ignore[reportArgumentType]
        quantisation="nf4" if kind == "qlora" else None,
        double_quantisation=kind == "qlora",
        lora=None if kind == "full" else Lora(),
        optimizer="paged_adamw_8bit" if kind == "qlora" else "adamw_torch",
    )


def train(kind: str, rows: int, steps: int, work: Path) -> list[StepReport]:
    """Train so many steps of `rows` conversations and return the reports after the warm ones."""
    settings = TrainSettings(
        learning_rate=1e-4, max_steps=steps + WARM, micro_batch=rows, accumulation=1, max_length=MAX_LENGTH,
        save_every_steps=10_000,
    )  # fmt: skip
    chosen = method(kind)
    model = ModelRef(FOLDER / "base_model", chosen.quantisation, chosen.double_quantisation, "float32")
    ear = Ear()
    job = TrainJob(model, chosen, settings, "chat", FOLDER / "train.jsonl", work / "checkpoints", work / "output")
    TrlEngine().train(job, ear)
    return ear.reports[WARM:]


def decode(kind: str) -> float:
    """Return seconds of one decoding step of a batch of 16 rows that never stops early."""
    chosen = method(kind)
    model = ModelRef(FOLDER / "base_model", chosen.quantisation, chosen.double_quantisation, "float32")
    lines = (FOLDER / "valid.jsonl").read_text(encoding="utf-8").splitlines()[:64]
    prompts = [json.loads(line)["messages"][:-1] for line in lines]
    engine = TrlEngine()
    list(engine.answer(model, prompts[:16], 4, 16))
    began = time.perf_counter()
    list(engine.answer(model, prompts, 48, 16))
    return (time.perf_counter() - began) / (48 * len(prompts) / 16)


def main() -> None:
    """Measure, print, and write where asked."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--steps", type=int, default=20)
    asked.add_argument("--out", type=Path, default=None)
    chosen = asked.parse_args()
    shape = find_model(str(FOLDER / "base_model"))
    lines = [
        "| method | rows | tokens / step | s / step | GFLOP/s of products | efficiency |",
        "|---|---|---|---|---|---|",
    ]
    for kind in WAYS:
        for rows in (4, 16, 32):
            with tempfile.TemporaryDirectory() as folder:
                reports = train(kind, rows, chosen.steps, Path(folder))
            seconds = statistics.median(report.seconds for report in reports)
            tokens = statistics.median(report.tokens for report in reports)
            rate = float(measure_matmul_flops_per_second(shape, int(tokens), 1.0).value)
            work = step_work(shape, TrainingSetup(method=Way(kind), sequence_tokens=ROW_TOKENS, checkpointing=False))
            flops = (work.matmul_flops + work.attention_flops) / work.tokens * tokens
            share = flops / seconds / rate
            lines.append(f"| {kind} | {rows} | {tokens:.0f} | {seconds:.3f} | {rate / 1e9:.0f} | {share:.3f} |")
            print(lines[-1], flush=True)
    lines += ["", f"Decoding step, 16 rows: qlora {decode('qlora'):.4f} s, full {decode('full'):.4f} s."]
    text = "\n".join(lines) + "\n"
    print(text)
    if chosen.out:
        today = datetime.now(tz=UTC).date()
        chosen.out.write_text(f"# Steps on a processor, {today}\n\nTwo cores, float32.\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
