"""The exact memory of a training step, by the runner's dry run: a process of its own, JSON in and out. No torch here.

Rule 1  The step is that of the runner's own engine: its loss, its dtypes, its allocator settings. A row that states
        another loss (`loss_impl`) or precision is asked with those.
Rule 2  What the engine does not run (several cards, 8-bit bases, inference) is said to be so, and not asked.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from advisor.catalog import find_config
from advisor.columns import Row, RowFault, training_setup
from advisor.memory_setup import Method, TrainingSetup
from advisor.shape import ModelShape
from pricing.units import GIB

LIMIT_SECONDS: Final = 600
COMMAND: Final = (sys.executable, "-W", "ignore", "-m", "runner.engines.dryrun")
KINDS: Final = {Method.FULL: "full", Method.LORA: "lora", Method.QLORA: "qlora"}
OPTIMIZERS: Final = {
    "adamw": "adamw_torch",
    "adamw_fused": "adamw_torch_fused",
    "adamw_8bit": "adamw_8bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "paged_adamw_32bit": "paged_adamw_32bit",
    "sgd": "sgd",
    "adafactor": "adafactor",
}
"""Our word for an optimizer to the trainer's, where it has one."""
LOSSES: Final = {"full": "full", "shifted": "shifted", "fast": "fast", "fused": "fused", "engine": "engine"}


class ExactFault(RuntimeError):
    """The dry run could not answer; the message is its own sentence."""


def question(row: Row, shape: ModelShape) -> dict[str, Any]:
    """Return what is asked of the dry run for one row. Raises RowFault for what the engine does not run."""
    setup = training_setup(row, shape.family)
    faults = _not_run(setup)
    if faults:
        raise RowFault("the dry run cannot answer: " + "; ".join(faults))
    full, nf4 = setup.method is Method.FULL, setup.method is Method.QLORA
    targets = setup.lora_targets.split()
    asked: dict[str, Any] = {
        "config": find_config(row["model"]),
        "method": {
            "kind": KINDS[setup.method],
            "quantisation": "nf4" if nf4 else None,
            "double_quantisation": nf4 and setup.weight_format == "nf4-double",
            "lora": None if full else {"rank": setup.lora_rank, "targets": targets},
            "optimizer": OPTIMIZERS[setup.optimizer],
        },
        "settings": {
            "micro_batch": setup.micro_batch,
            "accumulation": setup.gradient_accumulation,
            "max_length": setup.sequence_tokens,
            "gradient_checkpointing": setup.checkpointing,
        },
        "dora": setup.dora,
        "padded": setup.masked,
        "objective": "dpo" if setup.reference else "sft",
        "attention": "eager" if setup.materialised_attention else "sdpa",
        "loss": LOSSES.get(setup.loss, "engine") if row.get("loss_impl") else "engine",
    }
    return asked


def _not_run(setup: TrainingSetup) -> list[str]:
    rules = (
        (setup.method not in KINDS, f"method {setup.method.value} is not one of {', '.join(KINDS)}"),
        (setup.cards > 1, f"{setup.cards} cards; it runs one"),
        (setup.optimizer not in OPTIMIZERS, f"optimizer {setup.optimizer} is not one of {', '.join(OPTIMIZERS)}"),
        (setup.weight_format not in {"bf16", "nf4", "nf4-double"}, f"weights in {setup.weight_format}"),
        (setup.weights_offloaded or setup.states_offloaded, "weights or states kept on the host"),
    )
    return [sentence for broken, sentence in rules if broken]


def ask(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dry run's answer in bytes. Raises ExactFault with its sentence, also where torch is not installed."""
    try:
        done = subprocess.run(
            COMMAND, input=json.dumps(asked), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ExactFault(f"no answer in {LIMIT_SECONDS} s") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ExactFault(said[-1] if said else f"the dry run ended with code {done.returncode} and said nothing")
    return json.loads(done.stdout)


def exact_columns(found: Mapping[str, Any]) -> dict[str, object]:
    """Return an answer as columns, in GiB."""
    sizes = {"exact_allocated_gib": found["allocated_bytes"], "exact_reserved_gib": found["reserved_bytes"]}
    return {
        **{name: round(size / GIB, 4) for name, size in sizes.items()},
        "exact_peak_phase": found["peak_phase"],
        "exact_components_gib": {name: round(size / GIB, 4) for name, size in found["components"].items()},
        "exact_paged_gib": round(found["paged_bytes"] / GIB, 4),
    }


def exact_text(found: Mapping[str, Any], formula_bytes: float) -> str:
    """Return an answer beside the formula's allocated peak for the same loss, as lines for a screen."""
    allocated = found["allocated_bytes"]
    lines = [
        "Exact, by a dry run of the engine's own step on tensors without numbers:",
        f"  allocated {allocated / GIB:9.3f} GiB at the {found['peak_phase']}; the formula "
        f"with that loss {formula_bytes / GIB:.3f} ({formula_bytes / allocated - 1:+.1%})",
        f"  reserved  {found['reserved_bytes'] / GIB:9.3f} GiB by the caching allocator's rules",
    ]
    parts = sorted(found["components"].items(), key=lambda part: -part[1])
    lines += [f"    {name:<12}{size / GIB:9.3f} GiB" for name, size in parts if size * 1000 > allocated]
    if found["paged_bytes"]:
        lines.append(f"  and {found['paged_bytes'] / GIB:.3f} GiB of optimizer states that the driver may page out")
    return "\n".join(lines)
