"""Reads the columns of one question (column name to text) into what the formulas take; all faults of a row at once.

Words of many tools are understood (`bnb-nf4`, `adamw_torch_fused`, `liger fused CE`); the tables below list them.
"""

import re
from collections.abc import Mapping
from typing import Final

from advisor.library_versions import GROUPED_EXPERTS, library_version, loss_name, transformers_version
from advisor.memory_setup import LENGTHS, REFERENCES, Method, TrainingSetup
from advisor.training_fill import MEAN_ROW_TOKENS

Row = Mapping[str, str]


class RowFault(ValueError):
    """A row whose columns cannot be read; the message names every column at fault."""


METHODS: Final = {
    "full": Method.FULL, "full-parameter": Method.FULL, "lora": Method.LORA, "lora8": Method.LORA8,
    "8bit-lora": Method.LORA8, "qlora": Method.QLORA, "dora": Method.LORA, "qdora": Method.QLORA,
    "lora+emb": Method.LORA, "lora (multinode)": Method.LORA, "lora + deepspeed zero3": Method.LORA,
    "inference": Method.INFERENCE, "generate": Method.INFERENCE, "infer": Method.INFERENCE,
}  # fmt: skip
WEIGHT_WORDS: Final = (
    ("nf4-double", "nf4-double"), ("nf4", "nf4"), ("fp4", "nf4"), ("gptq-int8", "gptq-int8"), ("gptq-8", "gptq-int8"),
    ("int8", "int8"), ("8bit", "int8"), ("fp8", "fp8"), ("gptq", "int4"), ("awq", "int4"), ("int4", "int4"),
    ("4bit", "nf4"), ("q8_0", "q8_0"), ("q6_k", "q6_k"), ("q5_k", "q5_k_m"), ("q4_k", "q4_k_m"), ("q3_k", "q3_k_m"),
    ("q2_k", "q2_k"), ("fp32", "fp32"), ("float32", "fp32"), ("bf16", "bf16"), ("fp16", "bf16"), ("none", ""),
    ("bfloat16", "bf16"), ("float16", "bf16"),
)  # fmt: skip
OPTIMIZER_WORDS: Final = (
    ("paged_adamw_8bit", "paged_adamw_8bit"), ("paged", "paged_adamw_32bit"), ("in_backward", "adamw_in_backward"),
    ("lion_8bit", "lion_8bit"), ("8bit", "adamw_8bit"), ("fused", "adamw_fused"), ("lion", "lion"),
    ("adafactor", "adafactor"), ("adagrad", "adagrad"), ("rmsprop", "rmsprop"), ("momentum", "sgd_momentum"),
    ("sgd", "sgd"), ("lomo", "lomo"), ("lora-fa", "adamw"), ("adam", "adamw"),
)  # fmt: skip
LOSS_WORDS: Final = (
    ("liger", "fused"), ("fused", "fused"), ("cut", "fused"), ("chunk", "engine"), ("engine", "engine"),
    ("fast", "fast"), ("unsloth", "fast"), ("plain", "plain"), ("shifted", "shifted"), ("default", "full"),
    ("full", "full"), ("upcast", "full"),
)  # fmt: skip
ATTENTION_WORDS: Final = (
    ("eager", "eager"), ("flash", "flash"), ("fa2", "flash"), ("fa3", "flash"), ("sdpa", "sdpa"),
)  # fmt: skip
PRECISION_WORDS: Final = (
    ("master", "master"), ("mixed", "master"), ("autocast", "full"), ("fp32", "full"), ("full", "full"),
    ("amp", "full"), ("bf16", "half"), ("bfloat16", "half"), ("fp16", "half"), ("float16", "half"), ("half", "half"),
    ("pure", "half"),
)  # fmt: skip
"""First word found decides; the order matters."""

STAGE_WORDS: Final = (
    ("zero1", 1), ("zero-1", 1), ("zero2", 2), ("zero-2", 2), ("shard_grad", 2), ("zero0", 0), ("ddp", 0),
)  # fmt: skip
WHOLE_SHARD: Final = 3  # FSDP's full shard and ZeRO-3, where cards are several and nothing else is said

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


def _word(reader: Reader, column: str, words: tuple[tuple[str, str], ...], default: str) -> str:
    """Return the meaning of the first word found in a column; a fault where a stated text has none of them."""
    low = reader.text(column).lower()
    if not low:
        return default
    found = next((meaning for word, meaning in words if word in low), None)
    if found is None:
        reader.faults.append(f"{column} is {low!r}, wanted one of {', '.join(word for word, _ in words)}")
    return found or default


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
    default = {Method.QLORA: "nf4", Method.LORA8: "int8"}.get(method, "bf16")
    if reader.text("weights_dtype") in {"float32", "fp32"} and default == "bf16":
        default = "fp32"
    form = _word(reader, "quant", WEIGHT_WORDS, default) or default
    double = reader.flag("double_quant", True)
    return "nf4-double" if form == "nf4" and double else form


def targets_of(reader: Reader) -> str:
    """Return LoRA targets as words; a stated default of another tool is spelled out."""
    words = re.sub(r"[^\w.\- ]", " ", reader.text("lora_targets", "all-linear")).replace("DEFAULT", " ").split()
    if "ALL" in words:
        return "all-linear"
    return " ".join(QKV if word == "qkv" else word for word in words) or "all-linear"


def training_setup(row: Row, family: str = "") -> TrainingSetup:
    """Return the run a row describes, for a model family where the loss depends on it.

    Defaults: checkpointing, AdamW, rank 16, and of what is run elsewhere fused attention and mixed precision; a row
    that names no framework, version or date is run by `run`, whose attention reads grouped keys as they are.
    """
    reader = Reader(row)
    method, version = method_of(reader), transformers_version(row)
    elsewhere = any(reader.text(column) for column in ("framework", "versions", "measured_date"))
    own = "bf16" if elsewhere or method is Method.FULL else "off"  # `run` autocasts where it trains all weights
    autocast = not reader.text("autocast", own).lower().startswith(("off", "false", "no"))
    cards, packed = reader.whole("n_gpus", 1), reader.flag("packing", True)
    cap = reader.whole("seq_len")
    listed = [int(word) for word in reader.text("row_tokens").replace(",", " ").split() if word.isdigit()]
    longest = reader.whole("max_tokens", max(listed, default=cap) or cap)
    kind = _word(reader, "loss_impl", LOSS_WORDS, "full" if elsewhere else "engine")  # `run` makes logits in tiles
    adapter_word = reader.text("adapter_dtype", "bfloat16" if method is Method.QLORA else "float32")
    halves = reader.text("optimizer").lower() == "lora-fa"
    kernels = reader.text("loss_impl").lower()
    setup = TrainingSetup(
        method=method,
        sequence_tokens=cap if packed else min(cap, longest),
        micro_batch=reader.whole("micro_batch", 1),
        row_tokens=0 if packed else _row_tokens_of(reader),
        gradient_accumulation=reader.whole("grad_accum", 1),
        checkpointing=reader.flag("grad_ckpt", True),
        weight_format=weight_format_of(reader, method),
        precision=_precision_of(reader, method, cards, autocast=autocast),
        autocast=autocast,
        lora_rank=reader.whole("lora_r", 16),
        lora_targets=targets_of(reader),
        dora="dora" in reader.text("method").lower() or reader.flag("dora", False),
        halves_trained=halves,
        inputs_kept=not halves or (library_version(row, "peft") or CURRENT_PEFT) >= CURRENT_PEFT,
        inputs_shared=not elsewhere and not reader.number("lora_dropout", 0.0, least=0),
        masked=not elsewhere and (reader.flag("packing", False) or reader.whole("micro_batch", 1) > 1),
        embeddings_trained="emb" in reader.text("method").lower(),
        adapter_bytes=4 if "32" in adapter_word else 2,
        kbit_prepared=_kbit_prepared(reader, method, cards),
        optimizer=_word(reader, "optimizer", OPTIMIZER_WORDS, "adamw"),
        loss=loss_name(kind, version, family, autocast=autocast),
        attention=_word(reader, "attn_impl", ATTENTION_WORDS, "sdpa" if elsewhere else "flash"),
        fused_norms=any(word in kernels for word in ("liger", "fast", "unsloth")),
        looped_experts=version < GROUPED_EXPERTS,
        reference=_reference_of(reader),
        cards=cards,
        zero_stage=_stage_of(reader),
        states_offloaded=any(word in reader.text("offload").lower() for word in ("cpu", "optim", "state", "all")),
        weights_offloaded=any(word in reader.text("offload").lower() for word in ("param", "weight", "all")),
        lengths=_lengths_of(reader, packed=packed),
        stated=not elsewhere or _stated(reader),
    )
    reader.done()
    return setup


CURRENT_PEFT: Final = (0, 19)
"""PEFT release from which LoRA-FA's frozen halves keep their inputs again (rows of two versions differ by them)."""


def _stated(reader: Reader) -> bool:
    """Return whether a row measured elsewhere names its framework, its versions and the tool that measured it."""
    return bool(reader.text("framework") and reader.text("versions")) and "unspecified" not in reader.text("mem_metric")


def _lengths_of(reader: Reader, *, packed: bool) -> str:
    """Return what is known of batch lengths: packed or padded to the cap is one; a stated longest row makes it many."""
    word = "emptied" if "empty_cache" in reader.text("notes") else reader.text("lengths")
    if word and word not in LENGTHS:
        reader.faults.append(f"lengths is {word!r}, wanted one of {', '.join(LENGTHS)}")
    kind = reader.text("seq_len_kind")
    steady = packed or "padded to model_max_length" in kind
    known = reader.text("max_tokens") or reader.text("row_tokens") or "cap is always reached" in kind
    return word or ("steady" if steady else "varied" if known else "unknown")


def _row_tokens_of(reader: Reader) -> int:
    """Return the mean row where rows lie end to end (padding-free), as stated or assumed; 0 where they are padded."""
    free = "padding-free" in reader.text("notes") or reader.flag("padding_free", False)
    return int(reader.number("mean_tokens", float(MEAN_ROW_TOKENS.value))) if free else 0


def _stage_of(reader: Reader) -> int:
    split = reader.text("parallelism").lower()
    return next((stage for word, stage in STAGE_WORDS if word in split), WHOLE_SHARD)


def _precision_of(reader: Reader, method: Method, cards: int, *, autocast: bool) -> str:
    """Return the stated recipe; else what the trainer makes of the stated weights."""
    split = reader.text("parallelism", "fsdp").lower() + reader.text("framework").lower()
    sharded_mixed = cards > 1 and autocast and "fsdp" in split  # FSDP's mixed precision keeps its shards in 32 bits
    wide = sharded_mixed or reader.text("weights_dtype", "float32") in {"float32", "fp32"}
    default = "master" if method is Method.FULL and autocast and "deepspeed" in split else "full" if wide else "half"
    return _word(reader, "precision", PRECISION_WORDS, default)


def _kbit_prepared(reader: Reader, method: Method, cards: int) -> bool:
    """Return whether norms of a 4-bit base were made 32-bit: TRL before 1.0 did on one card, current TRL does not."""
    trl = library_version(reader.row, "trl") or ((0, 0) if "TRL" in reader.text("framework") else (1, 0))
    replaced = "accelerated-peft" in reader.text("notes")  # the plug-in that loads and prepares 4-bit models itself
    return reader.flag("kbit_prepared", method is Method.QLORA and cards == 1 and trl < (1, 0) and not replaced)


def _reference_of(reader: Reader) -> str:
    """Return the preference reference: a stated one; for `objective` dpo the base under the adapter, or a copy."""
    word = reader.text("reference").lower()
    if word not in REFERENCES:
        reader.faults.append(f"reference is {word!r}, wanted one of {', '.join(filter(None, REFERENCES))}")
    if word or reader.text("objective").lower() not in {"dpo", "preference"}:
        return word
    return "copy" if reader.text("method").lower().startswith("full") else "adapter"
