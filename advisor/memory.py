"""Memory of training and of inference, by component and phase; pure, no torch.

Rule 1  A training step has four moments that can hold the peak: at the loss, inside the backward pass, at its end, and
        in the optimizer's step. Each is a sum of components; the peak is the largest.
Rule 2  Three sizes are told apart: allocated (tensors), reserved (what the caching allocator holds) and recommended
        (what a card must have). Each has a 90 % interval; its factors are measured residuals, from
        `data/memory_intervals.csv`, which `benchmarks/memory.py` makes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from advisor import memory_parts as parts
from advisor.data_files import constants
from advisor.memory_setup import FORMATS, LOSSES, OPTIMIZERS, Component, Method, Phase, TrainingSetup
from advisor.shape import (
    ModelShape,
    QkNorm,
    linear_parameters,
    linears,
    lora_modules,
    lora_parameters,
    parameters,
)
from pricing.units import GIB

Bytes = Mapping[Component, float]

CONTEXT_BYTES: Final = 0.6 * GIB
"""Assumed: CUDA context, cuBLAS workspaces and kernels of one process; 0.4 to 0.9 GiB between driver versions."""

RESERVED_FACTOR: Final = 1.04
"""Assumed reserved over allocated where lengths vary little; where they vary, fragmentation adds more."""

RECOMMENDED_FACTOR: Final = 1.08
"""Card memory over allocated, before the context: what keeps the allocator from thrashing at its own peak."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A best value in bytes with its 90 % interval."""

    low: float
    value: float
    high: float

    def times(self, factor: float, plus: float = 0.0) -> "Interval":
        """Return the interval scaled and shifted."""
        return Interval(self.low * factor + plus, self.value * factor + plus, self.high * factor + plus)


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes on the fullest card. `components` add up to `recommended.value`; `phases` are allocated totals."""

    allocated: Interval
    reserved: Interval
    recommended: Interval
    components: Bytes
    peak_phase: Phase | None
    phases: Mapping[Phase, float]


def total_bytes(components: Bytes) -> float:
    """Return the sum of the components."""
    return sum(components.values())


def training_memory(shape: ModelShape, setup: TrainingSetup) -> MemoryEstimate:
    """Return the memory of one training run per card; weights, gradients and states are sharded over `setup.cards`.

    Leaves out: vision towers, CPU offload, and the gather buffers of sharded training beyond one layer.
    """
    if shape.learned_positions:  # a table of positions is the end of the sequence: the tokenizer truncates to it
        setup = replace(setup, sequence_tokens=min(setup.sequence_tokens, shape.learned_positions))
    static = _static(shape, setup)
    moments = {
        Phase.LOSS: static | _loss(shape, setup),
        Phase.BACKWARD: static | _backward(shape, setup),
        Phase.BACKWARD_END: static | _backward_end(shape, setup),
        Phase.STEP: static | _step(shape, setup),
    }
    phases = {phase: total_bytes(moment) for phase, moment in moments.items()}
    peak = max(phases, key=phases.__getitem__)
    return _estimate(moments[peak], peak, phases)


def _estimate(components: Bytes, peak: Phase | None, phases: Mapping[Phase, float]) -> MemoryEstimate:
    value = total_bytes(components)
    spread = constants("memory_intervals.csv")["inference_ratio" if peak is None else "training_ratio"]
    allocated = Interval(value * spread.low, value, value * spread.high)
    room = components.get(Component.ALLOCATOR, 0.0) + value * (RECOMMENDED_FACTOR - 1)
    slack = {Component.ALLOCATOR: room, Component.CONTEXT: CONTEXT_BYTES}
    return MemoryEstimate(
        allocated=allocated,
        reserved=allocated.times(RESERVED_FACTOR),
        recommended=allocated.times(RECOMMENDED_FACTOR, CONTEXT_BYTES),
        components={**components, **slack},
        peak_phase=peak,
        phases=phases,
    )


def weight_bytes(shape: ModelShape, weight_format: str) -> float:
    """Return the bytes of the model's own weights in a format of FORMATS."""
    kind = FORMATS[weight_format]
    inside = linear_parameters(shape)
    outside = parameters(shape) - inside
    return parts.quantised_weight_bytes(inside, kind.linear_bytes_per_parameter) + parts.unquantised_weight_bytes(
        outside, kind.other_bytes_per_parameter
    )


def trainable_parameters(shape: ModelShape, setup: TrainingSetup) -> int:
    """Return how many parameters the run trains: all of them, or the adapters."""
    if setup.method is Method.FULL:
        return parameters(shape)
    return lora_parameters(shape, setup.lora_rank, setup.lora_targets)


def _trainable_width(setup: TrainingSetup) -> int:
    if setup.method is not Method.FULL:
        return setup.adapter_bytes
    return parts.FULL_BYTES if setup.master_weights else parts.HALF_BYTES


def _static(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    """What is there between steps."""
    trained, width = trainable_parameters(shape, setup), _trainable_width(setup)
    full = setup.method is Method.FULL
    weights = trained * width if full else weight_bytes(shape, setup.weight_format)
    optimizer = OPTIMIZERS[setup.optimizer]
    state = (
        optimizer.states * width if optimizer.fixed_bytes_per_parameter is None else optimizer.fixed_bytes_per_parameter
    )
    kept = setup.gradient_accumulation > 1
    return {
        Component.WEIGHTS: weights / setup.shards,
        Component.ADAPTERS: 0.0 if full else trained * width / setup.shards,
        Component.OPTIMIZER: parts.optimizer_bytes(trained, state) / setup.shards,
        Component.GRADIENTS: parts.gradient_bytes(trained, width) / setup.shards if kept else 0.0,
    }


def layer_saved_bytes_per_token(shape: ModelShape, setup: TrainingSetup) -> float:
    """What one layer keeps of a token for its backward pass."""
    full = setup.method is Method.FULL
    norms = shape.norms_per_layer + (2 * shape.query_width / shape.hidden if shape.qk_norm is not QkNorm.NONE else 0)
    saved = parts.norm_saved_bytes_per_token(norms, shape.hidden, trained=full)
    saved += parts.attention_saved_bytes_per_token(
        shape.query_width,
        shape.kv_width,
        shape.heads,
        setup.sequence_tokens,
        setup.materialised_attention,
        parts.HALF_BYTES,
    )
    saved += parts.mlp_saved_bytes_per_token(shape.active_intermediate, shape.gated_mlp, parts.HALF_BYTES)
    if full:
        return saved + parts.trained_input_bytes_per_token(
            2 * shape.hidden + shape.query_width + shape.active_intermediate, parts.HALF_BYTES
        )
    widths = sum(m.in_features * m.active for m in lora_modules(shape, setup.lora_targets)) / shape.layers
    input_bytes = parts.HALF_BYTES if setup.autocast else setup.adapter_bytes
    return saved + parts.trained_input_bytes_per_token(widths, input_bytes)


def _saved(shape: ModelShape, setup: TrainingSetup) -> float:
    """Activations kept by the whole forward pass."""
    if setup.checkpointing:
        return parts.checkpoint_bytes(setup.step_tokens, shape.layers, shape.hidden, parts.HALF_BYTES)
    return setup.step_tokens * shape.layers * layer_saved_bytes_per_token(shape, setup)


def _loss(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    final_norm = setup.step_tokens * parts.norm_saved_bytes_per_token(1, shape.hidden, trained=True)
    return {
        Component.ACTIVATIONS: _saved(shape, setup) + final_norm,
        Component.LOGITS: parts.loss_bytes(setup.step_tokens, shape.vocab, LOSSES[setup.loss].bytes_per_logit),
    }


def _layer_peak(shape: ModelShape, setup: TrainingSetup) -> float:
    """One layer's own peak in the backward pass: recomputed activations (if checkpointed) and gradients in flight."""
    again = layer_saved_bytes_per_token(shape, setup) if setup.checkpointing else 0.0
    flight = parts.in_flight_bytes_per_token(shape.hidden, shape.active_intermediate, shape.gated_mlp, parts.HALF_BYTES)
    return setup.step_tokens * (again + flight)


def _dequant(shape: ModelShape, setup: TrainingSetup) -> float:
    """Short-lived copies of weights: one dequantised map, and whole layers where the run is sharded."""
    gathered = 0.0
    if setup.shards > 1:
        layer = weight_bytes(shape, setup.weight_format) / shape.layers
        gathered = parts.gather_bytes(layer, 1)
    return gathered + _dequantised(shape, setup)


def _dequantised(shape: ModelShape, setup: TrainingSetup) -> float:
    quantised = FORMATS[setup.weight_format].quantised and setup.method is not Method.FULL
    return parts.dequantisation_bytes(max(m.parameters for m in linears(shape))) if quantised else 0.0


def _backward(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    return {
        Component.ACTIVATIONS: _saved(shape, setup) + _layer_peak(shape, setup) + _kept_by_hooks(shape, setup),
        Component.DEQUANT: _dequant(shape, setup),
    }


def _kept_by_hooks(shape: ModelShape, setup: TrainingSetup) -> float:
    if setup.shards == 1 or not setup.checkpointing:
        return 0.0
    return parts.kept_output_gradient_bytes(setup.step_tokens, shape.layers, shape.hidden, parts.HALF_BYTES)


def _backward_end(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    last = setup.step_tokens * shape.hidden * parts.HALF_BYTES
    if not setup.checkpointing:
        last = setup.step_tokens * layer_saved_bytes_per_token(shape, setup)
    return {
        Component.ACTIVATIONS: last + _layer_peak(shape, setup),
        Component.GRADIENTS: _all_gradients(shape, setup),
        Component.DEQUANT: _dequant(shape, setup),
    }


def _all_gradients(shape: ModelShape, setup: TrainingSetup) -> float:
    return parts.gradient_bytes(trainable_parameters(shape, setup), _trainable_width(setup)) / setup.shards


def _step(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    temporary = _trainable_width(setup) if OPTIMIZERS[setup.optimizer].foreach else 0
    extra = parts.step_temporary_bytes(trainable_parameters(shape, setup), temporary) / setup.shards
    return {Component.GRADIENTS: _all_gradients(shape, setup), Component.ALLOCATOR: extra}


def inference_memory(
    shape: ModelShape,
    *,
    weight_format: str,
    context_tokens: float,
    concurrency: float = 1,
    prefill_tokens: float | None = None,
    kv_element_bytes: float = parts.HALF_BYTES,
    whole_prompt_logits: bool = False,
    cards: int = 1,
) -> MemoryEstimate:
    """Return the memory per card of serving: weights, KV cache of `concurrency` sequences, one prefill's temporaries.

    `whole_prompt_logits`: Transformers before 4.45 made 32-bit logits of every prompt token, not of the last one.
    """
    prefill = context_tokens if prefill_tokens is None else prefill_tokens
    widest = parts.in_flight_bytes_per_token(shape.hidden, shape.active_intermediate, shape.gated_mlp, parts.HALF_BYTES)
    kept = prefill * concurrency if whole_prompt_logits else concurrency
    inside, logits = prefill * widest / cards, parts.loss_bytes(kept, shape.vocab, parts.HALF_BYTES + parts.FULL_BYTES)
    cache = parts.kv_cache_bytes(shape.layers, shape.kv_width, context_tokens, concurrency, kv_element_bytes)
    quantised = FORMATS[weight_format].quantised
    components: dict[Component, float] = {
        Component.WEIGHTS: weight_bytes(shape, weight_format) / cards,
        Component.KV_CACHE: cache / cards,
        Component.DEQUANT: parts.dequantisation_bytes(max(m.parameters for m in linears(shape))) if quantised else 0.0,
    }
    # layers and head work one after the other: only the larger of the two is there at the peak
    components |= {Component.ACTIVATIONS: inside} if inside > logits else {Component.LOGITS: logits}
    return _estimate(components, None, {})
