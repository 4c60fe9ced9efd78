"""Measured training speeds as the formula wants them, read through the very columns that `advise train` reads."""

import csv
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from advisor.catalog import Card, UnknownCardError, UnknownModelError, find_card, find_model
from advisor.columns import RowFault, training_setup
from advisor.memory_setup import Method, TrainingSetup
from advisor.shape import ModelShape, UnknownTargetError
from advisor.training_columns import fill_of, kernels_of
from advisor.training_fill import Fill
from advisor.training_work import Kernels

METHODS: Final = {"lora+emb": "lora", "LoRA (multinode)": "lora", "LoRA + Deepspeed Zero3": "lora", "dora": "lora"}
"""What the table calls methods that take about as long as one we know."""
SOURCE_COLUMNS: Final = {
    "peft-method-comparison-MetaMathQA": {"lora_targets": "q_proj v_proj"},
    "Qwen1-README-profiling": {"packing": "True"},
}
"""What a source says of all its rows, elsewhere than in them: PEFT's default targets; inputs padded to the length."""
COUNTS_PADDING: Final = "fms-acceleration-bench"
"""Its tokens a second count padding: on the same data a padded row has 1.27 to 1.81 times the tokens of a padding-free
one (T0529 to T0536)."""
FAULTS: Final = (RowFault, UnknownModelError, UnknownCardError, UnknownTargetError)


class Case(NamedTuple):
    """One measured row: what was asked, and real tokens a second and card."""

    row_id: str
    source: str
    model: str
    shape: ModelShape
    card: Card
    setup: TrainingSetup
    fill: Fill
    kernels: Kernels
    truth: float

    @property
    def group(self) -> str:
        """Which interval the case is held to."""
        return "several_cards" if self.fill.known and self.setup.cards > 1 else "other"


def read_cases(path: Path) -> tuple[list[Case], Counter[str]]:
    """Return the rows that can be asked, and why how many others cannot."""
    cases: list[Case] = []
    left: Counter[str] = Counter()
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        why = unanswerable(row)
        if why:
            left[why] += 1
            continue
        try:
            cases.append(case_of(row))
        except FAULTS as fault:
            left[f"{type(fault).__name__}: {str(fault)[:40]}"] += 1
    return cases, left


def unanswerable(row: dict[str, str]) -> str:
    """Return why a row is not asked, or nothing."""
    if "fp8" in row["precision"]:
        return "products in 8-bit floats"
    if row["method"].startswith("peft:"):
        return "another adapter method than LoRA and DoRA"
    return ""


def case_of(row: dict[str, str]) -> Case:
    """Return a row as a case; raises one of FAULTS."""
    asked = row | SOURCE_COLUMNS.get(row["source"], {}) | {"method": METHODS.get(row["method"], row["method"])}
    setup = training_setup(asked)
    if setup.method not in (Method.FULL, Method.LORA, Method.QLORA):
        raise RowFault(str(setup.method))
    fill = fill_of(asked, setup)
    if row["source"] == COUNTS_PADDING:
        fill = fill._replace(real_share=fill.padded_share)
    return Case(
        row["row_id"], row["source"], row["model"], find_model(row["model"]), find_card(row["gpu"]), setup, fill,
        kernels_of(asked), float(row["tokens_per_s_per_gpu"]),
    )  # fmt: skip
