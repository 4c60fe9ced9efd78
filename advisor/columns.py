"""Reads the columns of one question (column name to text) into what the formulas take; all faults of a row at once.

Words of many tools are understood (`bnb-nf4`, `adamw_torch_fused`, `liger fused CE`); the tables below list them.
"""

import re
from collections.abc import Mapping
from typing import Final

from advisor.memory_setup import Method, TrainingSetup

Row = Mapping[str, str]


class RowFault(ValueError):
    """A row whose columns cannot be read; the message names every column at fault."""


METHODS: Final = {
    "full": Method.FULL, "full-parameter": Method.FULL, "lora": Method.LORA, "lora8": Method.LORA8,
    "8bit-lora": Method.LORA8, "qlora": Method.QLORA, "inference": Method.INFERENCE, "generate": Method.INFERENCE,
    "infer": Method.INFERENCE,
}  # fmt: skip
WEIGHT_WORDS: Final = (
    ("nf4-double", "nf4-double"), ("nf4", "nf4"), ("fp4", "nf4"), ("int8", "int8"), ("8bit", "int8"), ("fp8", "fp8"),
    ("gptq", "int4"), ("awq", "int4"), ("int4", "int4"), ("4bit", "nf4"),
)  # fmt: skip
OPTIMIZER_WORDS: Final = (
    ("paged_adamw_8bit", "paged_adamw_8bit"), ("paged", "paged_adamw_32bit"), ("8bit", "adamw_8bit"),
    ("fused", "adamw_fused"), ("lion", "lion"), ("adafactor", "adafactor"), ("sgd", "sgd"), ("adam", "adamw"),
    ("lora-fa", "adamw"),
)  # fmt: skip
LOSS_WORDS: Final = (("liger", "fused"), ("fused", "fused"), ("chunk", "fused"), ("fast", "fast"))
"""First word found decides; the order matters."""

QKV: Final = "q_proj k_proj v_proj qkv_proj c_attn W_pack Wqkv"
"""What `qkv` stands for in target lists such as `DEFAULT (c_attn / qkv)`."""


class Reader:
    """Reads typed columns of one row and collects every fault before raising."""

    def __init__(self, row: Row) -> None:
        """Take the row; missing and blank columns count as not given."""
        self.row = row
        self.faults: list[str] = []

    def text(self, column: str, default: str = "") -> str:
        """Return a column's text, stripped."""
        return (self.row.get(column) or "").strip() or default

    def number(self, column: str, default: float | None = None, least: float = 1) -> float:
        """Return a column as a number of at least `least`; a fault where it is missing without default, or odd."""
        raw = self.text(column)
        if not raw and default is not None:
            return default
        try:
            value = float(raw.replace("_", ""))
        except ValueError:
            value = float("nan")
        if not least <= value < float("inf"):
            self.faults.append(f"{column} is {raw!r}, wanted a number >= {least:g}")
            return least
        return value

    def whole(self, column: str, default: int | None = None) -> int:
        """Return a column as a whole number > 0."""
        return int(self.number(column, default))

    def flag(self, column: str, default: bool) -> bool:
        """Return a column as yes or no."""
        raw = self.text(column).lower()
        if raw in {"true", "yes", "1", "1.0"}:
            return True
        if raw in {"false", "no", "0", "0.0"}:
            return False
        if raw:
            self.faults.append(f"{column} is {raw!r}, wanted true or false")
        return default

    def done(self) -> None:
        """Raise RowFault with all faults, if there are any."""
        if self.faults:
            raise RowFault("; ".join(self.faults))


def _first_word(text: str, words: tuple[tuple[str, str], ...], default: str) -> str:
    low = text.lower()
    return next((meaning for word, meaning in words if word in low), default)


def method_of(reader: Reader) -> Method:
    """Return the method a row names; `task` infer wins, because measured tables write other words there."""
    if reader.text("task") == "infer":
        return Method.INFERENCE
    word = reader.text("method").lower()
    if word not in METHODS:
        reader.faults.append(f"method is {word!r}, wanted one of {', '.join(METHODS)}")
        return Method.QLORA
    method = METHODS[word]
    eight_bit = "int8" in reader.text("quant") or "8bit" in reader.text("quant")
    return Method.LORA8 if method is Method.LORA and eight_bit else method


def weight_format_of(reader: Reader, method: Method) -> str:
    """Return the storage format of frozen weights; QLoRA without a word means NF4 with double quantisation."""
    word = reader.text("quant", "none")
    default = {Method.QLORA: "nf4", Method.LORA8: "int8"}.get(method, "bf16")
    if reader.text("weights_dtype") in {"float32", "fp32"} and default == "bf16":
        default = "fp32"
    form = _first_word(word, WEIGHT_WORDS, default)
    double = reader.flag("double_quant", True)
    return "nf4-double" if form == "nf4" and double else form


def targets_of(reader: Reader) -> str:
    """Return LoRA targets as words; a stated default of another tool is spelled out."""
    words = re.sub(r"[^\w.\- ]", " ", reader.text("lora_targets", "all-linear")).replace("DEFAULT", " ").split()
    return " ".join(QKV if word == "qkv" else word for word in words) or "all-linear"


def training_setup(row: Row) -> TrainingSetup:
    """Return the run a row describes. Defaults: checkpointing, AdamW, flash attention, mixed precision, rank 16."""
    reader = Reader(row)
    method = method_of(reader)
    autocast = reader.text("autocast", "bf16").lower() not in {"false", "off", "no"} and not reader.text(
        "autocast"
    ).lower().startswith("off")
    adapter_word = reader.text("adapter_dtype", "bfloat16" if method is Method.QLORA else "float32")
    split = reader.text("parallelism", "fsdp").lower()
    cards = reader.whole("n_gpus", 1)
    upcast = cards > 1 and autocast and "fsdp" in split  # FSDP's mixed precision keeps its shards in 32 bits
    setup = TrainingSetup(
        method=method,
        sequence_tokens=reader.whole("seq_len"),
        micro_batch=reader.whole("micro_batch", 1),
        gradient_accumulation=reader.whole("grad_accum", 1),
        checkpointing=reader.flag("grad_ckpt", True),
        weight_format=weight_format_of(reader, method),
        master_weights=upcast or reader.text("weights_dtype", "float32") in {"float32", "fp32"},
        autocast=autocast,
        lora_rank=reader.whole("lora_r", 16),
        lora_targets=targets_of(reader),
        adapter_bytes=4 if "32" in adapter_word else 2,
        optimizer=_first_word(reader.text("optimizer", "adamw"), OPTIMIZER_WORDS, "adamw"),
        loss=_first_word(reader.text("loss_impl"), LOSS_WORDS, "full"),
        materialised_attention=reader.text("attn_impl").startswith("eager"),
        cards=cards,
        sharded="zero2" not in split and "ddp" not in split,
    )
    reader.done()
    return setup
