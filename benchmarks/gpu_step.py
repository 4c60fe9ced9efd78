"""One measured row: some steps of the runner's own trainer on a model of random weights, its memory and its seconds.

    python -m benchmarks.gpu_step < question.json > answer.json

The question has `config`, `method`, `settings`, `compute_dtype` and `steps`, as `runner.engines.dryrun` wants them. A
process a row: running out of memory ends the row and nothing else. Values do not matter to memory, and to speed only
in that zeros run faster than numbers: one random buffer stands for every weight.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import torch
import transformers

from advisor.plan import Method, TrainSettings
from runner.engine import ModelRef, StepReport, TrainJob
from runner.engines import jobs
from runner.engines.checkpoints import CheckpointStore
from runner.engines.loading import DTYPES, device, device_name, keep_gradients, known_noise, quantisation_config
from runner.engines.memory import PeakMemory

TOKENIZER: Final = Path(__file__).resolve().parents[1] / "scenarios" / "ticket_routing" / "base_model"
"""Any tokenizer serves: a token's number changes neither memory nor time."""
TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
HF: Any = transformers  # it has no types that a strict reader knows
OUT_OF_MEMORY: Final = "out of memory"
WEIGHT_SPREAD: Final = 0.02  # the usual initialisation; the loss of random weights stays finite


class Enough(Exception):
    """Ends training once the steps that were asked for are done, before a checkpoint is written."""


class Ear:
    """Keeps every step's report; memory's peak is counted anew after the first step, when all states are there."""

    def __init__(self, steps: int) -> None:
        """Take how many steps are wanted."""
        self.steps, self.reports = steps, list[StepReport]()

    def started(self, step: int, total_steps: int) -> None:
        """Nothing to keep."""

    def stepped(self, report: StepReport) -> bool:
        """Keep it; raises Enough after the last step wanted."""
        self.reports.append(report)
        if len(self.reports) == 1 and torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        if len(self.reports) >= self.steps:
            raise Enough
        return True

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Nothing to keep."""

    def note(self, event: str, detail: str) -> None:
        """Nothing to keep."""


def random_weights(wanted: Mapping[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return every weight wanted as a view of one random buffer, so that the host holds no more than the largest."""
    generator = torch.Generator().manual_seed(0)
    longest = max(tensor.numel() for tensor in wanted.values())
    buffer = torch.randn(longest, generator=generator).mul_(WEIGHT_SPREAD).to(dtype)
    return {name: buffer[: tensor.numel()].view(tensor.shape) for name, tensor in wanted.items()}


def random_model(config: Mapping[str, Any], ref: ModelRef, dtype: torch.dtype) -> Any:
    """Return the model as the runner loads it (quantised where it is), with random weights and no file read."""
    read = HF.AutoConfig.for_model(**config)
    with torch.device("meta"):
        empty = HF.AutoModelForCausalLM.from_config(read)
    kind = cast("Any", type(empty))
    model: Any = kind.from_pretrained(
        None,
        config=read,
        state_dict=random_weights(empty.state_dict(), dtype),
        dtype=dtype,
        quantization_config=quantisation_config(ref),
        device_map={"": device()},
        attn_implementation="sdpa",
    )
    keep_gradients(model)
    return model


def write_inputs(folder: Path, config: Mapping[str, Any], tokens: int) -> Path:
    """Write a model folder without weights and a record of more than `tokens` tokens; return the record's file."""
    (folder / "config.json").write_text(json.dumps(dict(config)), encoding="utf-8")
    for name in TOKENIZER_FILES:
        (folder / name).write_bytes((TOKENIZER / name).read_bytes())
    generator = torch.Generator().manual_seed(1)
    digits: list[int] = torch.randint(0, 10, (tokens,), generator=generator).numpy().tolist()  # each at least a token
    records = folder / "records.jsonl"
    records.write_text(json.dumps({"text": " ".join(map(str, digits))}) + "\n", encoding="utf-8")
    return records


def job_of(question: Mapping[str, Any], folder: Path) -> TrainJob:
    """Return the question as the runner's job."""
    method = Method.model_validate(question["method"])
    settings = TrainSettings.model_validate(
        {"learning_rate": 1e-5, "max_steps": question["steps"] + 1, "save_every_steps": 10_000} | question["settings"]
    )
    rows = settings.micro_batch * settings.accumulation * (question["steps"] + 2)
    records = write_inputs(folder, question["config"], rows * settings.max_length)
    ref = ModelRef(folder, method.quantisation, method.double_quantisation, question["compute_dtype"])
    return TrainJob(ref, method, settings, "text", records, folder / "checkpoints", folder / "output")


def steps_of(question: Mapping[str, Any], folder: Path) -> list[StepReport]:
    """Train the steps that are asked for and return their reports."""
    job = job_of(question, folder)
    config, plain = question["config"], DTYPES[question["compute_dtype"]]

    def base(ref: ModelRef, dtype: torch.dtype | None = None) -> Any:
        return random_model(config, ref, dtype or plain)

    def trainable_model(ref: ModelRef, *, trainable: bool = False) -> Any:
        return random_model(config, ref, plain)

    jobs.load_base, jobs.load_model = base, trainable_model  # the runner's trainer, on weights made instead of read
    ear = Ear(question["steps"])
    store = CheckpointStore(job.checkpoints, job.settings.keep_checkpoints, {}, {}, ear.note)
    store.open()
    with known_noise():
        try:
            jobs.build_trainer(job, store, ear).train()  # jobs.train() would digest all files
        except Enough:
            return ear.reports
    return ear.reports


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return memory in bytes and the seconds of every step; `error` where the row could not be run."""
    began, peak = time.perf_counter(), PeakMemory()
    found: dict[str, Any] = {"device": device_name(), "torch": torch.__version__, "error": ""}
    with tempfile.TemporaryDirectory() as folder:
        try:
            reports = steps_of(question, Path(folder))
        except torch.cuda.OutOfMemoryError:
            return found | {"error": OUT_OF_MEMORY, "wall_seconds": time.perf_counter() - began}
    found |= {"peak_bytes": peak.peak_bytes(), "wall_seconds": time.perf_counter() - began}
    found |= {"step_seconds": [r.seconds for r in reports], "step_tokens": [r.tokens for r in reports]}
    if torch.cuda.is_available():
        free, whole = torch.cuda.mem_get_info()
        found |= {
            "allocated_bytes": torch.cuda.max_memory_allocated(),
            "reserved_bytes": torch.cuda.max_memory_reserved(),
            "card_bytes": whole - free,
            "card_total_bytes": whole,
        }
    return found


if __name__ == "__main__":
    told = sys.stdout
    sys.stdout = sys.stderr  # a library's chatter is no answer
    told.write(json.dumps(answer(json.load(sys.stdin))) + "\n")
    told.flush()  # at its end Python flushes what sys.stdout is by then
