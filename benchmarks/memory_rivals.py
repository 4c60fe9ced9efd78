"""Other ways of estimating memory, each asked for the rows that it says it can answer; GiB on one card, or None."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

from advisor.columns import Reader, method_of, training_setup
from advisor.memory_setup import Method
from advisor.shape import ModelShape, parameters
from advisor.sizing import model_of
from pricing.units import GIB

Rival = Callable[[dict[str, str]], float | None]

THUMB_GB_PER_BILLION = {Method.FULL: 56 / 7, Method.LORA: 16 / 7, Method.LORA8: 16 / 7, Method.QLORA: 6 / 7}
"""The field's rule for 7 billion parameters: 56, 16 and 6 GB, in proportion."""
BYTES_BY_QUANT = {"gptq-int4": 0.5, "awq": 0.5, "bnb-nf4": 0.5, "gptq-int8": 1.0, "int8": 1.0}
BILLION = 10**9


def _count(row: Mapping[str, str]) -> int:
    return parameters(model_of(row["model"]))


def rule_of_thumb(row: dict[str, str]) -> float | None:
    """Gigabytes a billion parameters, by method; shared out over the cards."""
    gigabytes = THUMB_GB_PER_BILLION[method_of(Reader(row))] * _count(row) / BILLION
    return gigabytes * BILLION / GIB / int(row["n_gpus"])


def weights_only(row: dict[str, str]) -> float | None:
    """Parameters times the bytes of their format."""
    return _count(row) * BYTES_BY_QUANT.get(row["quant"], 2.0) / GIB / int(row["n_gpus"])


def accelerate_training(row: dict[str, str]) -> float | None:
    """The largest stage of `accelerate estimate-memory`, by its own function on our exact count; full training only."""
    if method_of(Reader(row)) is not Method.FULL or importlib.util.find_spec("accelerate") is None:
        return None
    estimate = importlib.import_module("accelerate.commands.estimate").estimate_training_usage
    wide = row["weights_dtype"] == "float32"
    return max(estimate(_count(row) * 4, "float32" if wide else "bfloat16").values()) / GIB / int(row["n_gpus"])


def _ftuneai_model(models: Any, shape: ModelShape) -> Any:
    return models.ModelSpec(
        name=shape.name,
        parameters=parameters(shape),
        hidden_size=shape.hidden,
        num_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_kv_heads=shape.kv_heads,
        intermediate_size=shape.intermediate or shape.active_intermediate,
        vocab_size=shape.vocab,
        max_seq_length=shape.max_positions,
    )


def ftuneai(row: dict[str, str]) -> float | None:
    """The PyPI package ftuneai (0.4.1), its memory formula on our exact shapes."""
    if importlib.util.find_spec("ftuneai") is None:
        return None
    models = importlib.import_module("ftuneai.core.models")
    setup, shape = training_setup(row), model_of(row["model"])
    method = {Method.FULL: "full", Method.LORA: "lora", Method.LORA8: "qlora", Method.QLORA: "qlora"}[setup.method]
    config = models.TrainingConfig(
        model=row["model"],
        method=models.FineTuneMethod(method),
        quantization=models.Quantization("4bit" if setup.method is Method.QLORA else "none"),
        batch_size=setup.micro_batch,
        seq_length=min(setup.sequence_tokens, shape.max_positions or setup.sequence_tokens),
        gradient_checkpointing=setup.checkpointing,
        lora_rank=setup.lora_rank,
        flash_attention=not setup.materialised_attention,
        sharding=models.ShardingStrategy("fsdp" if setup.shards > 1 else "none"),
        num_gpus=setup.cards,
    )
    memory = importlib.import_module("ftuneai.core.memory").MemoryEstimator
    return float(memory(_ftuneai_model(models, shape), config).estimate().total_gb)


RIVALS: dict[str, dict[str, Rival]] = {
    "train": {
        "rule of thumb": rule_of_thumb,
        "weights only": weights_only,
        "accelerate estimate-memory (full only)": accelerate_training,
        "ftuneai 0.4.1": ftuneai,
    },
    "infer": {"weights only, which is what accelerate estimate-memory shows": weights_only},
}
"""Task to estimators by name."""
