"""From a model, cards and an engine to a Replica, and from a Replica to a capacity with its measured interval."""

from dataclasses import dataclass, replace
from typing import Final

from advisor import memory_parts as parts
from advisor import serving
from advisor.catalog import Card
from advisor.data_files import constants
from advisor.shape import ModelShape, Part, linear_parameters, matmul_parameters, parameters
from pricing.figure import Figure

TABLE: Final = "serving_efficiency.csv"
MAX_SEQUENCES: Final = 1024  # vLLM's default batch limit on large cards; beyond it throughput hardly grows


@dataclass(frozen=True, slots=True)
class ServingFormat:
    """Bytes a weight of the linear maps, and which of a card's rates computes with it."""

    bytes_per_parameter: float
    rate: str


_FP4 = 0.5 + 1 / 16  # 4-bit floats and one 8-bit scale for 16 (NVFP4); MXFP4 has one for 32
_Q4 = 4.85 / 8  # llama.cpp Q4_K_M, bits a weight by its own table

SERVING_FORMATS: Final = {
    "fp16": ServingFormat(parts.HALF_BYTES, "bf16"),
    "bf16": ServingFormat(parts.HALF_BYTES, "bf16"),
    "none": ServingFormat(parts.HALF_BYTES, "bf16"),
    "fp8": ServingFormat(parts.FP8_BYTES_PER_PARAMETER, "fp8"),
    "w8a8-int8": ServingFormat(parts.INT8_BYTES_PER_PARAMETER, "fp8"),
    "eetq-int8": ServingFormat(parts.INT8_BYTES_PER_PARAMETER, "bf16"),
    "int8": ServingFormat(parts.INT8_BYTES_PER_PARAMETER, "bf16"),
    "fp4": ServingFormat(_FP4, "fp4"),
    "mxfp4": ServingFormat(_FP4, "fp4"),
    "int4": ServingFormat(parts.INT4_GROUP_BYTES_PER_PARAMETER, "bf16"),
    "awq-int4": ServingFormat(parts.INT4_GROUP_BYTES_PER_PARAMETER, "bf16"),
    "awq": ServingFormat(parts.INT4_GROUP_BYTES_PER_PARAMETER, "bf16"),
    "gptq-int4": ServingFormat(parts.INT4_GROUP_BYTES_PER_PARAMETER, "bf16"),
    "w4a16-int4": ServingFormat(parts.INT4_GROUP_BYTES_PER_PARAMETER, "bf16"),
    "nf4": ServingFormat(parts.NF4_DOUBLE_BYTES_PER_PARAMETER, "bf16"),
    "q4": ServingFormat(_Q4, "bf16"),
    "q4_k_m": ServingFormat(_Q4, "bf16"),
}
"""How weights are stored for serving; activations and cache stay 16-bit."""


class ServingFault(ValueError):
    """A serving question without an answer: it does not fit, or a format is not known; the message has the remedy."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one replica does at its best concurrency within the limits; low and high bound 90 % of measured rows."""

    concurrency: int
    max_concurrency: int
    output_tokens_per_second: float
    low: float
    high: float
    tpot_seconds: float
    ttft_unloaded_seconds: float
    tasks_per_hour: float
    tasks_per_hour_low: float
    tasks_per_hour_high: float
    interval: Figure


def rate_of(card: Card, kind: str) -> float:
    """Return the dense rate a card computes a format with; a card without it computes in 16 bits."""
    if kind == "fp4" and card.architecture == "Blackwell" and card.fp8_flops_per_second:
        return 2 * card.fp8_flops_per_second
    if kind in {"fp4", "fp8"} and card.fp8_flops_per_second and card.native_fp8:
        return card.fp8_flops_per_second
    return card.bf16_flops_per_second


def replica_of(
    shape: ModelShape, card: Card, quant: str, cards: int = 1, engine: str = "vllm", pipeline: int = 1
) -> serving.Replica:
    """Return the numbers of a model on `cards` that work together, times `pipeline` that follow each other.

    A pipeline adds memory, not speed, to one batch. Raises ServingFault for a format that is not known.
    """
    if quant not in SERVING_FORMATS:
        raise ServingFault(f"quant {quant!r} is not known; known: {', '.join(SERVING_FORMATS)}")
    form = SERVING_FORMATS[quant]
    experts = linear_parameters(shape, Part.EXPERT)
    inside = linear_parameters(shape) - experts
    outside = parameters(shape) - inside - experts
    table = constants(TABLE)
    slow = [table[name].value for name in (f"engine_{engine}", f"card_{card.name}") if name in table]
    return serving.Replica(
        dense_weight_bytes=inside * form.bytes_per_parameter + outside * parts.HALF_BYTES,
        expert_weight_bytes=experts * form.bytes_per_parameter,
        experts=shape.experts,
        experts_per_token=shape.experts_per_token,
        matmul_parameters=matmul_parameters(shape),
        layers=shape.layers,
        query_width=shape.query_width,
        kv_bytes_per_token=2 * shape.layers * shape.kv_width * parts.HALF_BYTES,
        cards=cards,
        bandwidth_bytes_per_second=card.bandwidth_bytes_per_second,
        flops_per_second=rate_of(card, form.rate),
        memory_bytes=card.usable_bytes * pipeline,
        slowdown_ratio=slow[0] * slow[1] if len(slow) == 2 else slow[0] if slow else 1.0,
    )


def replica_capacity(
    shape: ModelShape,
    card: Card,
    *,
    input_tokens_per_task: float,
    output_tokens_per_task: float,
    quant: str = "bf16",
    cards: int = 1,
    pipeline: int = 1,
    engine: str = "vllm",
    concurrency: int | None = None,
    tpot_limit_seconds: float | None = None,
) -> Capacity:
    """Return what one replica serves: at `concurrency`, or at the most that memory and the TPOT limit allow.

    Raises ServingFault where the weights do not fit, or no concurrency keeps the limit.
    """
    replica = replica_of(shape, card, quant, cards, engine, pipeline)
    table = constants(TABLE)
    k = {name: figure.value for name, figure in table.items()}
    ceiling = _ceiling(replica, shape, card, input_tokens_per_task + output_tokens_per_task)
    used = min(ceiling, MAX_SEQUENCES) if concurrency is None else min(concurrency, ceiling)
    if tpot_limit_seconds is not None:
        used = serving.concurrency_within(
            replica, input_tokens_per_task, output_tokens_per_task, tpot_limit_seconds, used, k
        )
    if used == 0:
        raise ServingFault(
            f"{shape.name} on {cards} x {card.name}: even one sequence takes longer than "
            f"{tpot_limit_seconds} s a token; take a faster card, more cards or a smaller format"
        )
    arguments = (replica, used, input_tokens_per_task, output_tokens_per_task, k)
    speed, tasks = serving.output_tokens_per_second(*arguments), serving.capacity_tasks_per_hour(*arguments)
    known = "known" if f"card_{card.name}" in table else "unknown"
    spread = table[f"interval_{known}_card_ratio"]
    return Capacity(
        concurrency=used,
        max_concurrency=ceiling,
        output_tokens_per_second=speed,
        low=speed * spread.low,
        high=speed * spread.high,
        tpot_seconds=serving.output_token_seconds(*arguments),
        ttft_unloaded_seconds=serving.prefill_seconds(replica, input_tokens_per_task, k)
        + serving.decode_step_seconds(replica, 1, input_tokens_per_task, k),
        tasks_per_hour=tasks,
        tasks_per_hour_low=tasks * spread.low,
        tasks_per_hour_high=tasks * spread.high,
        interval=spread,
    )


def _ceiling(replica: serving.Replica, shape: ModelShape, card: Card, held_tokens: float) -> int:
    ceiling = int(serving.max_concurrency(replica, held_tokens))
    if ceiling < 1:
        weights = (replica.dense_weight_bytes + replica.expert_weight_bytes) / 1024**3
        raise ServingFault(
            f"{shape.name} does not fit {replica.cards} x {card.name}: weights {weights:.1f} GiB leave no room for "
            f"{held_tokens:.0f} tokens of cache; take more cards, a larger card or a smaller format"
        )
    return ceiling


def with_slowdown(replica: serving.Replica, ratio: float) -> serving.Replica:
    """Return the replica with another time factor, for example from a user's own measurement."""
    return replace(replica, slowdown_ratio=ratio)
