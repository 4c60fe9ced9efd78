"""Memory of training, by component and phase; pure, no torch. Memory of serving is in `advisor.memory_serving`.

Rule 1  A training step has four moments that can hold the peak: at the loss, inside the backward pass, at its end, and
        in the optimizer's step. Each is a sum of components; the peak is the largest.
Rule 2  Three sizes are told apart: allocated (tensors), reserved (what the caching allocator holds) and recommended
        (what a card must have). Each has a 90 % interval; its factors are measured residuals, from
        `data/memory_intervals.csv`, which `benchmarks/memory.py` makes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from advisor import memory_parts as parts
from advisor.memory_intervals import LENGTH_FLOOR, MemoryEstimate, estimate, spread_of, total_bytes
from advisor.memory_layers import (
    backward_activations,
    cast_copies,
    cast_copies_at_work,
    kept_activations,
    layer_saved_bytes_per_token,
    mask_held,
    second_gradient,
    stream_bytes,
)
from advisor.memory_setup import (
    FORMATS,
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    Component,
    Method,
    Phase,
    Precision,
    TrainingSetup,
)
from advisor.shape import (
    ModelShape,
    embedding_parameters,
    head_parameters,
    linear_parameters,
    linears,
    lora_modules,
    lora_parameters,
    parameters,
)

Bytes = Mapping[Component, float]


def training_memory(shape: ModelShape, setup: TrainingSetup) -> MemoryEstimate:
    """Return the memory of one training run on its fullest card.

    Leaves out: vision towers, tensor, pipeline and sequence parallelism, compiled graphs.
    """
    if shape.learned_positions:  # a table of positions is the end of the sequence: the tokenizer truncates to it
        setup = replace(setup, sequence_tokens=min(setup.sequence_tokens, shape.learned_positions))
    static = _static(shape, setup)
    ends = static | _first_layer(shape, setup), static | _embeddings(shape, setup)
    moments = {
        Phase.LOSS: static | _loss(shape, setup),
        Phase.BACKWARD: static | _backward(shape, setup),
        Phase.BACKWARD_END: max(ends, key=total_bytes),
        Phase.STEP: static | _step(shape, setup),
    }
    phases = {phase: total_bytes(moment) for phase, moment in moments.items()}
    peak = max(phases, key=phases.__getitem__)
    stays = phases[peak] if setup.lengths == "emptied" else total_bytes(static)
    least = phases[peak]
    if setup.lengths == "unknown":
        shortest = max(1, int(setup.sequence_tokens * LENGTH_FLOOR))
        shorter = replace(setup, sequence_tokens=shortest, lengths="varied")
        least = training_memory(shape, shorter).allocated.value
    return estimate(moments[peak], peak, phases, stays, spread_of(setup), least / phases[peak])


def weight_bytes(shape: ModelShape, weight_format: str) -> float:
    """Return the bytes of the model's own weights in a format of FORMATS."""
    kind = FORMATS[weight_format]
    inside = linear_parameters(shape)
    outside = parameters(shape) - inside
    return parts.quantised_weight_bytes(inside, kind.linear_bytes_per_parameter) + parts.unquantised_weight_bytes(
        outside, kind.other_bytes_per_parameter
    )


def _outside_parameters(shape: ModelShape) -> int:
    return embedding_parameters(shape) + head_parameters(shape)


def trainable_parameters(shape: ModelShape, setup: TrainingSetup) -> int:
    """Return how many parameters the run trains: all of them, or the adapters and what is trained beside them."""
    if setup.method is Method.FULL:
        return parameters(shape)
    adapters = _adapter_parameters(shape, setup)
    if setup.halves_trained:
        adapters = sum(setup.lora_rank * m.out_features * m.count for m in lora_modules(shape, setup.lora_targets))
    return adapters + (_outside_parameters(shape) if setup.embeddings_trained else 0)


def _adapter_parameters(shape: ModelShape, setup: TrainingSetup) -> int:
    magnitudes = sum(m.out_features * m.count for m in lora_modules(shape, setup.lora_targets)) if setup.dora else 0
    return lora_parameters(shape, setup.lora_rank, setup.lora_targets) + magnitudes


def _trained(shape: ModelShape, setup: TrainingSetup) -> list[tuple[int, Precision]]:
    """Numbers that are trained, each lot with its precision; whole modules beside adapters keep the model's 16 bits."""
    if setup.method is Method.FULL:
        return [(parameters(shape), PRECISIONS[setup.precision])]
    width = setup.adapter_bytes
    beside = [(_outside_parameters(shape), PRECISIONS["half"])] if setup.embeddings_trained else []
    adapters = trainable_parameters(shape, setup) - sum(count for count, _ in beside)
    return [(adapters, Precision(width, width, 0, width, 0)), *beside]


def _state_bytes(shape: ModelShape, setup: TrainingSetup) -> float:
    if setup.states_offloaded:
        return 0.0
    optimizer = OPTIMIZERS[setup.optimizer]
    fixed = optimizer.fixed_bytes_per_parameter
    wide = 0.0
    if fixed is not None and optimizer.states and _trains_outside(setup):  # transformers asks 32 bits for embeddings
        embeddings = shape.vocab * shape.hidden if shape.tied else embedding_parameters(shape)
        wide = parts.optimizer_bytes(embeddings, optimizer.states * parts.FULL_BYTES - fixed)
    return wide + sum(
        parts.optimizer_bytes(count, (optimizer.states * p.state_bytes if fixed is None else fixed) + p.master_bytes)
        for count, p in _trained(shape, setup)
    )


def _static(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    """What is there between steps."""
    full = setup.method is Method.FULL
    own = sum(count * precision.weight_bytes for count, precision in _trained(shape, setup))
    weights = own if full else weight_bytes(shape, setup.weight_format)
    if setup.reference == "copy":  # held whole on every card, or spread like the model
        weights += weight_bytes(shape, "bf16" if full else setup.weight_format)
    if not full and setup.halves_trained:  # the halves that are not trained are there all the same
        own = _adapter_parameters(shape, setup) * setup.adapter_bytes
    kept = setup.gradient_accumulation > 1
    return {
        Component.WEIGHTS: 0.0 if setup.weights_offloaded else weights / setup.shards,
        Component.ADAPTERS: 0.0 if full else own / setup.shards,
        Component.OPTIMIZER: _state_bytes(shape, setup) / setup.state_shards,
        Component.GRADIENTS: _all_gradients(shape, setup) if kept else 0.0,
    }


def _loss(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    return {
        Component.ACTIVATIONS: kept_activations(shape, setup) + _final_norm(shape, setup),
        Component.LOGITS: _logits(shape, setup),
        Component.DEQUANT: _gathered(shape, setup) + cast_copies(shape, setup),
    }


def _final_norm(shape: ModelShape, setup: TrainingSetup) -> float:
    """What the last norm keeps, and where logits are made whole, the hidden states it hands on."""
    tiled, full = setup.loss == "engine", setup.method is Method.FULL
    kept = parts.norm_saved_bytes_per_token(1, shape.hidden, trained=full or not tiled)
    wide = parts.HALF_BYTES * shape.hidden if tiled and setup.casts_weights else 0
    return setup.step_tokens * (kept + wide)


def _trains_outside(setup: TrainingSetup) -> bool:
    """Whether embeddings and head are trained."""
    return setup.method is Method.FULL or setup.embeddings_trained


def _logits(shape: ModelShape, setup: TrainingSetup) -> float:
    if setup.loss == "engine":
        width = parts.FULL_BYTES if setup.casts_weights else parts.HALF_BYTES
        return parts.tiled_loss_bytes(
            setup.step_tokens, shape.vocab, shape.hidden, width, trained_head=_trains_outside(setup)
        )
    return parts.loss_bytes(setup.step_tokens, shape.vocab, LOSSES[setup.loss].bytes_per_logit)


def _gathered(shape: ModelShape, setup: TrainingSetup) -> float:
    """Whole weights where they are otherwise spread or on the host: one layer and the root."""
    if setup.shards == 1 and not setup.weights_offloaded:
        return 0.0
    full = setup.method is Method.FULL
    width = parts.HALF_BYTES if full else FORMATS[setup.weight_format].linear_bytes_per_parameter
    root = _outside_parameters(shape) * parts.HALF_BYTES
    return parts.gather_bytes(linear_parameters(shape) / shape.layers, width, root)


def _dequantised(shape: ModelShape, setup: TrainingSetup) -> float:
    quantised = FORMATS[setup.weight_format].quantised and setup.method is not Method.FULL
    if not quantised:
        return 0.0
    last = setup.step_tokens * shape.active_intermediate * stream_bytes(shape, setup)
    return parts.dequantisation_bytes(max(m.parameters for m in linears(shape)), last)


def _layer_gradients(shape: ModelShape, setup: TrainingSetup) -> float:
    """Gradients of the layer at work, whole: before they are spread, or used and dropped within the backward pass."""
    alone = setup.gradient_shards > 1 or OPTIMIZERS[setup.optimizer].in_backward
    width = PRECISIONS[setup.precision].gradient_bytes
    return linear_parameters(shape) / shape.layers * width if alone and setup.method is Method.FULL else 0.0


def _backward(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    return {
        Component.ACTIVATIONS: kept_activations(shape, setup)
        + backward_activations(shape, setup)
        + _kept_by_hooks(shape, setup),
        Component.DEQUANT: _gathered(shape, setup) + _dequantised(shape, setup) + cast_copies_at_work(shape, setup),
        Component.GRADIENTS: max(_layer_gradients(shape, setup), _kept_gradients(shape, setup)),
    }


def _kept_gradients(shape: ModelShape, setup: TrainingSetup) -> float:
    """Gradients that are there when the backward pass leaves the loss: the head's, and all of micro-batches before."""
    if setup.gradient_accumulation == 1:
        return _head_gradient(shape, setup)
    return _all_gradients(shape, setup) + second_gradient(shape, setup)


def _head_gradient(shape: ModelShape, setup: TrainingSetup) -> float:
    """The gradient of a trained head, there from the loss on where every card holds its own."""
    if not _trains_outside(setup) or setup.gradient_shards > 1 or OPTIMIZERS[setup.optimizer].in_backward:
        return 0.0
    return parts.gradient_bytes(shape.vocab * shape.hidden, _outside_precision(setup).gradient_bytes)


def _outside_precision(setup: TrainingSetup) -> Precision:
    return PRECISIONS[setup.precision if setup.method is Method.FULL else "half"]


def _kept_by_hooks(shape: ModelShape, setup: TrainingSetup) -> float:
    if setup.shards == 1 or setup.method is Method.FULL or not setup.checkpointing:
        return 0.0
    return parts.kept_output_gradient_bytes(setup.step_tokens, shape.layers, shape.hidden, stream_bytes(shape, setup))


def _first_layer(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    """The backward pass at the first layer: all gradients but those of that layer and of the embeddings."""
    last = setup.step_tokens * shape.hidden * stream_bytes(shape, setup)
    if not setup.checkpointing:
        last = setup.step_tokens * layer_saved_bytes_per_token(shape, setup)
    return {
        Component.ACTIVATIONS: last + backward_activations(shape, setup) + mask_held(setup),
        Component.GRADIENTS: _all_gradients(shape, setup)
        + _layer_gradients(shape, setup)
        + (second_gradient(shape, setup) if setup.gradient_accumulation > 1 else 0.0)
        - _gradients_to_come(shape, setup),
        Component.DEQUANT: _gathered(shape, setup) + _dequantised(shape, setup) + cast_copies_at_work(shape, setup),
    }


def _gradients_to_come(shape: ModelShape, setup: TrainingSetup) -> float:
    """Gradients that the first layer's widest point has not made: its own but the last map's, and the embeddings'."""
    alone = setup.gradient_shards > 1 or OPTIMIZERS[setup.optimizer].in_backward
    if setup.gradient_accumulation > 1 or alone or not _trains_outside(setup):
        return 0.0
    outside = 0 if shape.tied else embedding_parameters(shape)
    layer = linear_parameters(shape) / shape.layers - max(m.parameters for m in linears(shape))
    inside = layer if setup.method is Method.FULL else 0
    return parts.gradient_bytes(outside + max(0, inside), _outside_precision(setup).gradient_bytes)


def _embeddings(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    """The very end of the backward pass: all gradients, and the stream's own."""
    added_up = 2 if setup.gradient_accumulation > 1 else 1  # beside the sum, what head and embeddings add to it
    return {
        Component.ACTIVATIONS: setup.step_tokens * shape.hidden * stream_bytes(shape, setup),
        Component.GRADIENTS: _all_gradients(shape, setup) + added_up * second_gradient(shape, setup),
    }


def _all_gradients(shape: ModelShape, setup: TrainingSetup) -> float:
    if OPTIMIZERS[setup.optimizer].in_backward:
        return 0.0
    whole = sum(parts.gradient_bytes(count, precision.gradient_bytes) for count, precision in _trained(shape, setup))
    replicated = setup.cards > 1 and setup.gradient_shards == 1
    return whole * (BUCKETED if replicated else 1) / setup.gradient_shards


BUCKETED: Final = 2
"""Gradients that every card holds lie twice: DistributedDataParallel copies them into its buckets."""


def _step(shape: ModelShape, setup: TrainingSetup) -> dict[Component, float]:
    optimizer = OPTIMIZERS[setup.optimizer]
    outside = optimizer.in_backward or setup.states_offloaded
    extra = sum(
        parts.step_temporary_bytes(count, p.step_bytes or (p.state_bytes if optimizer.foreach else 0))
        for count, p in _trained(shape, setup)
    )
    return {
        Component.GRADIENTS: _all_gradients(shape, setup),
        Component.ALLOCATOR: 0.0 if outside else extra / setup.state_shards,
    }
