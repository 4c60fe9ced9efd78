"""Memory of serving a model: weights, KV cache, one prefill's temporaries, and what an engine reserves of a card."""

from typing import Final

from advisor import memory_parts as parts
from advisor.memory import weight_bytes
from advisor.memory_intervals import MemoryEstimate, Spread, estimate
from advisor.memory_setup import FORMATS, Component
from advisor.shape import ModelShape, linears

WORKSPACE_BYTES: Final = 8.1 * 1024**2
"""cuBLAS's default workspace on cards before Hopper: 4,096 KiB twice and 16 KiB eight times (PyTorch notes on CUDA)."""

KV_FORMATS: Final = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "q8_0": 34 / 32, "int4": 0.5 + 4 / 64,
                     "q4_0": 18 / 32}  # fmt: skip
"""Bytes of a cached element: fp8 has one scale a tensor; llama.cpp's blocks are 32 values and an fp16 scale."""


def cached_bytes(shape: ModelShape, context_tokens: float, sequences: float, element_bytes: float) -> float:
    """Return what attention caches in all layers; layers with a sliding window cache no more than the window."""
    windowed = min(shape.sliding_layers, shape.layers) if shape.sliding_window else 0
    window = min(context_tokens, shape.sliding_window)
    far = parts.kv_cache_bytes(shape.layers - windowed, shape.cached_width, context_tokens, sequences, element_bytes)
    return far + parts.kv_cache_bytes(windowed, shape.cached_width, window, sequences, element_bytes)


def inference_memory(
    shape: ModelShape,
    *,
    weight_format: str,
    context_tokens: float,
    concurrency: float = 1,
    prefill_tokens: float | None = None,
    kv_element_bytes: float = parts.HALF_BYTES,
    whole_prompt_logits: bool = False,
    rotary_tables: bool = False,
    layers_split: bool = False,
    cards: int = 1,
) -> MemoryEstimate:
    """Return the memory per card of serving: weights, KV cache of `concurrency` sequences, one prefill's temporaries.

    `whole_prompt_logits` and `rotary_tables`: Transformers before 4.45 made 32-bit logits of every prompt token, and
    kept sines and cosines in every layer. `layers_split`: each card has whole layers, so temporaries are not divided.
    """
    prefill = context_tokens if prefill_tokens is None else prefill_tokens
    widest = parts.in_flight_bytes_per_token(shape.hidden, shape.active_intermediate, shape.gated_mlp, parts.HALF_BYTES)
    widest += shape.hidden * parts.HALF_BYTES  # the embeddings, which the caller holds through all layers
    kept = prefill * concurrency if whole_prompt_logits else concurrency
    inside = prefill * widest / (1 if layers_split else cards)
    logits = parts.loss_bytes(kept, shape.vocab, parts.HALF_BYTES + parts.FULL_BYTES)
    quantised = FORMATS[weight_format].quantised
    tables = parts.rotary_table_bytes(shape.layers, shape.max_positions, shape.head_dim) if rotary_tables else 0.0
    components: dict[Component, float] = {
        Component.WEIGHTS: weight_bytes(shape, weight_format) / cards,
        Component.KV_CACHE: cached_bytes(shape, context_tokens, concurrency, kv_element_bytes) / cards,
        Component.DEQUANT: parts.dequantisation_bytes(max(m.parameters for m in linears(shape))) if quantised else 0.0,
        Component.ALLOCATOR: WORKSPACE_BYTES + tables / cards,
    }
    static = components[Component.WEIGHTS] + components[Component.KV_CACHE]
    # layers and head work one after the other: only the larger of the two is there at the peak
    components |= {Component.ACTIVATIONS: inside} if inside > logits else {Component.LOGITS: logits}
    return estimate(components, None, {}, static, Spread("inference_ratio", "inference_ratio"))


def engine_room_sequences(
    shape: ModelShape,
    estimate_of_one: MemoryEstimate,
    *,
    card_bytes: float,
    utilisation_share: float,
    context_tokens: float,
    kv_element_bytes: float = parts.HALF_BYTES,
    cards: int = 1,
) -> float:
    """Return how many sequences an engine holds that takes `utilisation_share` of a card at start (vLLM's
    gpu_memory_utilization); below 1 where the weights and a prefill leave no room for one.
    """
    one = cached_bytes(shape, context_tokens, 1, kv_element_bytes) / cards
    beside = estimate_of_one.allocated.value - estimate_of_one.components[Component.KV_CACHE]
    return max(0.0, (card_bytes * utilisation_share - beside) / one) if one else 0.0
