"""Do configurations that mean the same train the same? Rows split otherwise, packed, shared by two processes, measured.

    python -m benchmarks.equivalence [--steps 12] [--out benchmarks/results/DATE-equivalence.md]

LoRA in float32 on the default scenario's base and rows; tests/engines/test_equivalence.py holds the same to its limits.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

from advisor.plan import Lora, Method, TrainSettings
from runner.engine import ModelRef, StepReport, TrainJob
from runner.engines import training
from runner.engines.data import IGNORED, TokenRow, load_token_rows, pack
from runner.engines.loading import load_base, load_tokenizer
from runner.engines.trl import TrlEngine

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "scenarios" / "ticket_routing"
RANKS = ROOT / "tests" / "engines" / "equal_ranks.py"
LORA = Method(kind="lora", lora=Lora(rank=8), optimizer="adamw_torch")
SPLITS = ((1, 8), (2, 4), (8, 1))
MAX_LENGTH = 160
PACKED_DOCUMENTS = 64
"""Documents compared one by one: enough to meet every length of the default rows."""


@dataclass
class Ear:
    """Keeps every step's report."""

    reports: list[StepReport] = field(default_factory=list[StepReport])

    def started(self, step: int, total_steps: int) -> None:
        """Nothing to keep."""

    def stepped(self, report: StepReport) -> bool:
        """Keep it and go on."""
        self.reports.append(report)
        return True

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Nothing to keep."""

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        """Nothing to keep."""

    def note(self, event: str, detail: str) -> None:
        """Nothing to keep."""


@dataclass(frozen=True)
class Trajectory:
    """Losses of the steps, the adapter, and the median seconds of a step (of this machine, however busy)."""

    losses: list[float]
    adapter: Path
    step_seconds: float | None


def settings(steps: int, micro_batch: int, accumulation: int) -> dict[str, Any]:
    """Return the settings that all share."""
    return {"learning_rate": 2e-3, "max_steps": steps, "micro_batch": micro_batch, "accumulation": accumulation,
            "max_length": MAX_LENGTH, "save_every_steps": steps}  # fmt: skip


def trained(folder: Path, steps: int, micro_batch: int, accumulation: int) -> Trajectory:
    """Train in this process."""
    job = TrainJob(
        model=ModelRef(FOLDER / "base_model", None, False, "float32"),
        method=LORA,
        settings=TrainSettings.model_validate(settings(steps, micro_batch, accumulation)),
        objective="chat",
        records=FOLDER / "train.jsonl",
        checkpoints=folder / "checkpoints",
        output=folder / "output",
    )
    ear = Ear()
    TrlEngine().train(job, ear)
    return Trajectory([one.loss for one in ear.reports], job.output, median(one.seconds for one in ear.reports))


def two_processes(folder: Path, steps: int) -> Trajectory:
    """Train in two gloo processes by torchrun, each 2 rows, twice a step."""
    spec = {"base": str(FOLDER / "base_model"), "records": str(FOLDER / "train.jsonl"), "folder": str(folder)}
    path = folder.with_suffix(".json")
    path.write_text(json.dumps({**spec, "settings": settings(steps, 2, 2)}), encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, str(RANKS), str(path)], env=environment, check=True, capture_output=True)
    return Trajectory(json.loads((folder / "losses.json").read_text()), folder / "output", None)


def loss_share(one: Trajectory, other: Trajectory) -> float:
    """Return the largest difference of a step's loss, as a share of it."""
    return max(abs(a - b) / a for a, b in zip(one.losses, other.losses, strict=True))


def weight_share(one: Trajectory, other: Trajectory) -> float:
    """Return the largest difference of a weight over the largest weight that began at zero (B)."""
    left, right = (load_file(run.adapter / "adapter_model.safetensors") for run in (one, other))
    most = max(float(left[name].abs().max()) for name in left if "lora_B" in name)
    return max(float((left[name] - right[name]).abs().max()) for name in left) / most


def document_losses(model: Any, row: TokenRow, packed: bool) -> list[float]:
    """Return the summed loss of each document of a row, in nats."""
    names = ("input_ids", "labels", "rows", "piece_tokens")
    batch = training.Collator(0, packed)([{name: getattr(row, name) for name in names}])
    where = {name: batch[name] for name in ("input_ids", "position_ids", "attention_mask") if name in batch}
    with torch.no_grad():
        logits = model(**where, use_cache=False).logits[0, :-1].float()
    each = torch.nn.functional.cross_entropy(logits, batch["labels"][0, 1:], ignore_index=IGNORED, reduction="none")
    ends = list(accumulate(row.piece_tokens))
    return [float(each[max(0, start - 1) : end - 1].sum()) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def packed_share() -> tuple[int, float]:
    """Return how many packed documents were compared, and their largest difference from the loss alone, as a share."""
    tokenizer = load_tokenizer(FOLDER / "base_model")
    chosen = TrainSettings.model_validate({**settings(1, 1, 1), "max_length": 2 * MAX_LENGTH})
    rows = load_token_rows(FOLDER / "train.jsonl", "chat", tokenizer, chosen)[:PACKED_DOCUMENTS]
    model = load_base(ModelRef(FOLDER / "base_model", None, False, "float32")).eval()
    alone = {row.rows[0]: document_losses(model, row, packed=False)[0] for row in rows}
    apart = [
        abs(loss - alone[source]) / alone[source]
        for one in pack(rows, chosen.max_length, seed=1)
        for source, loss in zip(one.rows, document_losses(model, one, packed=True), strict=True)
    ]
    return len(apart), max(apart)


def never(model: Any) -> bool:
    """Return that no model has a plain head, so that the trainer's own loss is taken."""
    del model
    return False


def every_position(folder: Path, steps: int) -> Trajectory:
    """Train with the trainer's own loss, which scores every position."""
    kept = training.has_plain_head
    training.has_plain_head = never
    try:
        return trained(folder, steps, 8, 1)
    finally:
        training.has_plain_head = kept


def table(steps: int, folder: Path) -> list[str]:
    """Return the lines of the result's table."""
    first = trained(folder / "first", steps, *SPLITS[0])
    lines = [
        "| configuration | against | loss apart, share | weights apart, share | s / step |",
        "|---|---|---|---|---|",
    ]
    lines.append(f"| 1 row x 8, one process | itself | 0 | 0 | {first.step_seconds:.3f} |")
    made = [(f"{a} rows x {b}", trained(folder / f"{a}x{b}", steps, a, b)) for a, b in SPLITS[1:]]
    made.append(("2 rows x 2, two gloo processes", two_processes(folder / "two", steps)))
    made.append(("8 rows x 1, every position scored (TRL's own)", every_position(folder / "every", steps)))
    for name, run in made:
        speed = "-" if run.step_seconds is None else f"{run.step_seconds:.3f}"
        apart = f"{loss_share(first, run):.1e} | {weight_share(first, run):.1e}"
        lines.append(f"| {name} | 1 row x 8 | {apart} | {speed} |")
    count, share = packed_share()
    lines.append(f"| {count} documents packed | each alone | {share:.1e} | - | - |")
    return lines


def main() -> None:
    """Measure, and write or print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        lines = table(arguments.steps, Path(name))
    load = os.getloadavg()[0]
    head = [
        "# Configurations that mean the same",
        "",
        f"{datetime.now(UTC).date()}, `python -m benchmarks.equivalence --steps {arguments.steps}`: LoRA r=8 in "
        f"float32 on the default base, {arguments.steps} steps of 8 rows, {os.cpu_count()} processors, load {load:.1f} "
        "(seconds a step are this machine's at that load).",
        "",
        "Loss apart: the largest difference of a step's loss as a share of it. Weights apart: the largest difference "
        "of a weight over the largest weight of B, which begins at zero. The tests allow 1e-4 and 1e-3.",
        "",
    ]
    text = "\n".join([*head, *lines, ""])
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
