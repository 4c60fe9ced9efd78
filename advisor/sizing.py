"""One row of a question (column name to text) to one row of an answer: what `advise vram|train|serve` print.

Columns are those of the reference tables. A row that cannot be answered says why in `error`; it never stops the others.
Words of many tools are understood (`bnb-nf4`, `adamw_torch_fused`, `liger fused CE`); the tables below list them.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from advisor.catalog import Card, UnknownCardError, UnknownModelError, find_card, find_model
from advisor.hf_config import ConfigError
from advisor.memory import MemoryEstimate, inference_memory, training_memory
from advisor.memory_setup import FORMATS, Method, TrainingSetup
from advisor.replica import Capacity, ServingFault, replica_capacity
from advisor.shape import ModelShape, UnknownTargetError
from advisor.training import PACKED, Fill, TrainingSpeed, training_speed, unpacked_fill
from pricing.units import GIB

Row = Mapping[str, str]

MEMORY_COLUMNS: Final = ("allocated_gib", "reserved_gib", "recommended_gib", "low_gib", "high_gib")
SPEED_COLUMNS: Final = ("tokens_per_s", "tokens_per_s_low", "tokens_per_s_high")
SERVE_COLUMNS: Final = ("output_tokens_per_s", "low", "high", "tpot_ms", "ttft_unloaded_ms", "max_concurrency")


class RowFault(ValueError):
    """A row whose columns cannot be read; the message names every column at fault."""


FAULTS: Final = (RowFault, UnknownModelError, UnknownCardError, ConfigError, UnknownTargetError, ServingFault)

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

model_of = cache(find_model)
card_of = cache(find_card)


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


def fill_of(row: Row, setup: TrainingSetup) -> Fill:
    """Return how full batches are: packed or padded to the cap, stated lengths, or the wide assumption."""
    reader = Reader(row)
    packed = reader.flag("packing", True)
    mean = reader.number("mean_tokens", 0, least=0)
    reader.done()
    if packed or "padded to model_max_length" in reader.text("seq_len_kind"):
        return PACKED
    if mean:
        padded = reader.number("padded_tokens", min(setup.sequence_tokens, 1.5 * mean))
        cap = setup.sequence_tokens
        return Fill(real_share=min(1.0, mean / cap), padded_share=min(1.0, padded / cap))
    return unpacked_fill()


def memory_of(shape: ModelShape, row: Row) -> MemoryEstimate:
    """Return the memory of a row's run, or of serving where its method is inference."""
    reader = Reader(row)
    if method_of(reader) is not Method.INFERENCE:
        return training_memory(shape, training_setup(row))
    generated = re.search(r"then (\d+) generated", reader.text("seq_len_kind"))
    prompt = reader.whole("seq_len")
    new = reader.number("new_tokens", float(generated[1]) if generated else 0.0, least=0)
    concurrency, cards = reader.whole("micro_batch", 1), reader.whole("n_gpus", 1)
    weight_format = weight_format_of(reader, Method.INFERENCE)
    reader.done()
    return inference_memory(
        shape,
        weight_format=weight_format,
        context_tokens=prompt + new,
        concurrency=concurrency,
        prefill_tokens=prompt,
        whole_prompt_logits=_old_transformers(reader.text("versions")),
        cards=cards,
    )


def _old_transformers(versions: str) -> bool:
    """Whether a stated Transformers version is older than 4.45, which stopped making logits of the whole prompt."""
    found = re.search(r"transformers (\d+)\.(\d+)", versions)
    return bool(found) and (int(found[1]), int(found[2])) < (4, 45)


def _gib(value: float) -> float:
    return round(value / GIB, 4)


def memory_answer(estimate: MemoryEstimate) -> dict[str, float]:
    """Return an estimate as columns; low..high covers the peak whether a tool reports allocated or reserved bytes."""
    values = (
        estimate.allocated.value,
        estimate.reserved.value,
        estimate.recommended.value,
        estimate.allocated.low,
        estimate.reserved.high,
    )
    return dict(zip(MEMORY_COLUMNS, map(_gib, values), strict=True))


def speed_of(shape: ModelShape, card: Card, row: Row) -> TrainingSpeed:
    """Return the speed of a row's run on a card, per card."""
    setup = training_setup(row)
    if setup.method is Method.INFERENCE:
        raise RowFault("method is inference, wanted a training method; use `advise serve` for speed of inference")
    return training_speed(shape, card, setup, fill_of(row, setup))


def speed_answer(speed: TrainingSpeed) -> dict[str, float]:
    """Return a speed as columns, real tokens a second and card."""
    values = (speed.tokens_per_second, speed.low, speed.high)
    return dict(zip(SPEED_COLUMNS, (round(v, 2) for v in values), strict=True))


def answer_training(row: Row) -> dict[str, float]:
    """Return memory of a row, and its speed where it names a card."""
    shape = model_of(Reader(row).text("model"))
    answer = memory_answer(memory_of(shape, row))
    gpu = Reader(row).text("gpu")
    if gpu and method_of(Reader(row)) is not Method.INFERENCE:
        answer |= speed_answer(speed_of(shape, card_of(gpu), row))
    return answer


def capacity_of(row: Row) -> Capacity:
    """Return what a row's replica serves, at its concurrency or at the most it can hold."""
    reader = Reader(row)
    n = reader.whole("n_gpu", reader.whole("tp", 1) * reader.whole("pp", 1))
    pipeline = reader.whole("pp", 1)
    limit = reader.number("tpot_limit_ms", 0.0, least=0)
    asked = reader.number("concurrency", 0.0, least=0)
    prompt, generated = reader.number("isl", least=0), reader.number("osl", least=1)
    reader.done()
    return replica_capacity(
        model_of(reader.text("model")),
        card_of(reader.text("gpu")),
        input_tokens_per_task=prompt,
        output_tokens_per_task=generated,
        quant=reader.text("quant", "bf16").lower(),
        cards=max(1, n // pipeline),
        pipeline=pipeline,
        engine=reader.text("engine", "vllm"),
        concurrency=int(asked) or None,
        tpot_limit_seconds=limit / 1000 or None,
    )


def answer_serving(row: Row) -> dict[str, float]:
    """Return throughput and latency of a row's replica as columns."""
    got = capacity_of(row)
    values = (
        got.output_tokens_per_second, got.low, got.high,
        got.tpot_seconds * 1000, got.ttft_unloaded_seconds * 1000, got.max_concurrency,
    )  # fmt: skip
    return dict(zip(SERVE_COLUMNS, (round(v, 3) for v in values), strict=True))


Answer = Callable[[Row], dict[str, float]]
DOORS: Final[Mapping[str, tuple[Answer, tuple[str, ...]]]] = {
    "vram": (answer_training, MEMORY_COLUMNS + SPEED_COLUMNS),
    "train": (answer_training, MEMORY_COLUMNS + SPEED_COLUMNS),
    "serve": (answer_serving, SERVE_COLUMNS),
}
"""Command to the function that answers one row, and the columns it adds."""


def answer_row(door: str, row: Row) -> dict[str, str | float]:
    """Return the row with the door's columns and `error` added; columns stay blank where there is no answer."""
    answer, columns = DOORS[door]
    blank: dict[str, str | float] = dict.fromkeys(columns, "")
    try:
        return {**row, **blank, **answer(row), "error": ""}
    except FAULTS as fault:
        return {**row, **blank, "error": str(fault)}


def formats() -> tuple[str, ...]:
    """Return the weight formats that training and inference memory know."""
    return tuple(FORMATS)
