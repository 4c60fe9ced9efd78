"""Measure the runner's own training step on the card at hand, beside formula, dry run and speed forecast.

    python -m benchmarks.gpu --day 2026-11-21 --out FOLDER [--seconds 540] [--shapes llama-3.1-8b,...]
    python -m benchmarks.gpu --day 2026-11-21 --out FOLDER --dry-run     (adds dry runs to measured rows; no card)

A row is a process, its answer a line in FOLDER/rows.jsonl; rows that are there are not measured again, so a second call
goes on where the first stopped. FOLDER/table.md is written anew after every row. Without a card: `--tiny` runs a tiny
shape on the processor, to show that the script works. Carry the packages of the extra `run` where none can be fetched.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from advisor.catalog import find_card, find_config
from advisor.hf_config import shape_from_config
from advisor.memory import training_memory
from advisor.memory_setup import Method, TrainingSetup
from advisor.training import training_speed
from pricing.units import GIB
from runner.exact import ask

SHAPES: Final = ("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "meta-llama/Llama-3.2-1B")
METHODS: Final = ("qlora", "lora", "full")
SEQUENCES: Final = (1024, 4096)
BATCHES: Final = (1, 4)
WARM_STEPS: Final = 3
STEPS: Final = 10
ROW_SECONDS: Final = 240
"""No row should take longer: 13 steps of a 14B model at 16k tokens take a minute on an H100."""
HOPELESS: Final = 1.3  # formula over card: beyond this a row is not tried, it would only show what is known
LARGE: Final = 100  # three digits stand before the point
TINY: Final = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 2048,
    "tie_word_embeddings": False, "max_position_embeddings": 512, "pad_token_id": 0,
}  # fmt: skip
"""A shape for the processor."""


class Row(NamedTuple):
    """One measurement to make."""

    shape: str
    method: str
    sequence_tokens: int
    micro_batch: int
    checkpointing: bool

    @property
    def key(self) -> str:
        """Return the name of the row in rows.jsonl."""
        return " ".join(map(str, self))


def grid(shapes: Sequence[str], sequences: Sequence[int] = SEQUENCES, batches: Sequence[int] = BATCHES) -> list[Row]:
    """Return every row, those with checkpointing first: they fit."""
    product = itertools.product((True, False), shapes, METHODS, sequences, batches)
    return [Row(shape, method, tokens, batch, again) for again, shape, method, tokens, batch in product]


def config_of(shape: str) -> Mapping[str, Any]:
    """Return a shape's config.json; `tiny` is the processor's."""
    return TINY if shape == "tiny" else find_config(shape)


def question(row: Row, dtype: str) -> dict[str, Any]:
    """Return what the measuring process and the dry run are asked."""
    quantised = row.method == "qlora"
    return {
        "config": dict(config_of(row.shape)),
        "method": {
            "kind": row.method,
            "quantisation": "nf4" if quantised else None,
            "double_quantisation": quantised,
            "lora": None if row.method == "full" else {"rank": 16},
            "optimizer": "paged_adamw_8bit" if quantised else "adamw_torch",
        },
        "settings": {
            "micro_batch": row.micro_batch,
            "accumulation": 1,
            "max_length": row.sequence_tokens,
            "gradient_checkpointing": row.checkpointing,
        },
        "compute_dtype": dtype,
        "steps": WARM_STEPS + STEPS,
    }


def setup_of(row: Row) -> TrainingSetup:
    """Return the row as the formulas see the runner: adapters of a 4-bit base in 16 bits, full runs kept in 32."""
    return TrainingSetup(
        method=Method(row.method),
        sequence_tokens=row.sequence_tokens,
        micro_batch=row.micro_batch,
        checkpointing=row.checkpointing,
        weight_format="nf4-double" if row.method == "qlora" else "bf16",
        precision="full",
        autocast=row.method == "full",
        adapter_bytes=2 if row.method == "qlora" else 4,
        inputs_shared=True,
        attention="flash",
        loss="engine",
        optimizer="paged_adamw_8bit" if row.method == "qlora" else "adamw",
    )


def forecasts(row: Row, device: str) -> dict[str, float]:
    """Return what the formulas say of a row: GiB, and tokens a second where the card is known."""
    shape = shape_from_config(config_of(row.shape), row.shape)
    memory = training_memory(shape, setup_of(row))
    found = {
        "formula_allocated_gib": memory.allocated.value / GIB,
        "formula_reserved_gib": memory.reserved.value / GIB,
        "formula_card_gib": memory.recommended.value / GIB,
    }
    if device:
        speed = training_speed(shape, find_card(device), setup_of(row))
        found |= {"forecast_tokens_per_s": speed.tokens_per_second, "low": speed.low, "high": speed.high}
    return found


def dry_run(asked: Mapping[str, Any], card: bool) -> dict[str, Any]:
    """Return the dry run's peak in GiB, or why there is none."""
    what = dict(asked) if card else {**asked, "workspace_bytes": 0}
    try:
        found = ask(what)
    except (ValueError, subprocess.SubprocessError) as fault:
        return {"dry_fault": str(fault)}
    return {"dry_allocated_gib": found["allocated_bytes"] / GIB, "dry_reserved_gib": found["reserved_bytes"] / GIB}


def measure(asked: Mapping[str, Any], limit_seconds: float) -> dict[str, Any]:
    """Return the measuring process's answer; `error` where it ended without one."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu_step"]
    try:
        done = subprocess.run(
            command, input=json.dumps(dict(asked)), capture_output=True, text=True, check=False, timeout=limit_seconds
        )
    except subprocess.TimeoutExpired:
        return {"error": f"longer than {limit_seconds:.0f} s"}
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def digested(answer: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Return a measured row's figures: GiB, and tokens a second of the full steps after the warm ones."""
    if answer["error"]:
        return dict(answer)
    whole = row.micro_batch * row.sequence_tokens
    steps = list(zip(answer["step_seconds"], answer["step_tokens"], strict=True))[WARM_STEPS:]
    seconds = [second for second, tokens in steps if tokens == whole]
    found = {name.replace("_bytes", "_gib"): size / GIB for name, size in answer.items() if name.endswith("_bytes")}
    found |= {name: answer[name] for name in ("device", "torch", "error", "wall_seconds")}
    return found | {"tokens_per_s": whole / statistics.median(seconds), "step_seconds": statistics.median(seconds)}


def device() -> tuple[str, float]:
    """Return the card's name and its memory in GiB; nothing where there is none."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "", 0.0
    name, size = told.stdout.splitlines()[0].rsplit(",", 1)
    return name.strip(), float(size) / 1024  # MiB


def measured(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows already measured, by key."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {row["key"]: row for row in map(json.loads, lines)}


def run(rows: Sequence[Row], out: Path, seconds: float) -> Iterator[dict[str, Any]]:
    """Measure the rows that are not there yet, until no time is left for another; yield each as it is written."""
    began, longest = time.monotonic(), 0.0
    done, (card, have_gib) = measured(out / "rows.jsonl"), device()
    for row in (row for row in rows if row.key not in done):
        left = seconds - (time.monotonic() - began)
        if left < longest or left <= 0:
            return
        start, asked = time.monotonic(), question(row, "bfloat16" if card else "float32")
        found: dict[str, Any] = {"key": row.key, **row._asdict(), **forecasts(row, card)}
        if card and found["formula_allocated_gib"] > HOPELESS * have_gib:
            found["error"] = f"not tried: the formula wants {found['formula_allocated_gib']:.0f} GiB"
        else:
            found |= digested(measure(asked, min(ROW_SECONDS, left)), row)
            longest = max(longest, time.monotonic() - start)
        with (out / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        yield found


def add_dry_runs(path: Path) -> None:
    """Add the dry run's figures to every measured row that has none."""
    rows = measured(path)
    for found in rows.values():
        if not found["error"] and "dry_allocated_gib" not in found:
            row, card = Row(*(found[name] for name in Row._fields)), "allocated_gib" in found
            found.update(dry_run(question(row, "bfloat16" if card else "float32"), card))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows.values()), encoding="utf-8")


COLUMNS: Final = {
    "shape": "model", "method": "method", "sequence_tokens": "tokens", "micro_batch": "batch",
    "checkpointing": "ckpt", "allocated_gib": "allocated", "formula_allocated_gib": "formula",
    "dry_allocated_gib": "dry run", "reserved_gib": "reserved", "formula_reserved_gib": "formula",
    "dry_reserved_gib": "dry run", "card_gib": "card", "formula_card_gib": "formula", "peak_gib": "peak",
    "tokens_per_s": "tokens/s", "forecast_tokens_per_s": "forecast", "low": "low", "high": "high",
    "wall_seconds": "wall s", "error": "not measured because",
}  # fmt: skip
"""Field of a row to the table's heading; memory in GiB, each measured figure before what was said of it."""


def cell(value: object) -> str:
    """Return a table's cell: three digits, and no exponent."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= LARGE else f"{value:.3g}"


def table(rows: Sequence[Mapping[str, Any]], day: str) -> str:
    """Return the dated table as markdown."""
    devices = sorted({f"{row['device']}, torch {row['torch']}" for row in rows if "device" in row})
    lines = [f"# The runner's own step on a card, {day}", "", "; ".join(devices) or "nothing measured", ""]
    lines += ["| " + " | ".join(COLUMNS.values()) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(cell(row.get(name, "")) for name in COLUMNS) + " |" for row in rows]
    return "\n".join([*lines, ""])


def write_table(out: Path, day: str) -> None:
    """Write FOLDER/table.md from the rows that are there."""
    (out / "table.md").write_text(table(list(measured(out / "rows.jsonl").values()), day), encoding="utf-8")


def main() -> None:
    """Measure what is asked for, telling each row as it comes; the table stands in FOLDER/table.md."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--day", required=True)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--seconds", type=float, default=540)
    asked.add_argument("--shapes", default=",".join(SHAPES))
    asked.add_argument("--tiny", action="store_true")
    asked.add_argument("--dry-run", action="store_true")
    chosen = asked.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows = grid(["tiny"], (32, 64), (1, 2)) if chosen.tiny else grid(chosen.shapes.split(","))
    if chosen.dry_run:
        add_dry_runs(chosen.out / "rows.jsonl")
        rows = []
    write_table(chosen.out, chosen.day)
    for found in run(rows, chosen.out, chosen.seconds):
        print(found["key"], {k: cell(v) for k, v in found.items() if k in COLUMNS and k not in Row._fields}, flush=True)
        write_table(chosen.out, chosen.day)


if __name__ == "__main__":
    main()
