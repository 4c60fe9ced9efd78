"""What the layers of a model keep for the backward pass, and what one of them needs while it is at work, in bytes.

A layer's residual stream is 16 bits wide; 32 where 32-bit norms feed 4-bit maps that answer in their input's type, or
where autocast runs 32-bit weights, whose embeddings start it.
"""

from advisor import memory_parts as parts
from advisor.memory_setup import FORMATS, OPTIMIZERS, PRECISIONS, Method, TrainingSetup
from advisor.shape import Linear, ModelShape, Part, QkNorm, linear_parameters, linears, lora_modules


def stream_bytes(shape: ModelShape, setup: TrainingSetup) -> int:
    """Return the bytes of an element of the residual stream: 4-bit maps answer in the type of their input, and that is
    32 bits where norms were made so, or where autocast runs a LayerNorm.
    """
    quantised = FORMATS[setup.weight_format].quantised and setup.method is not Method.FULL
    wide = setup.casts_weights or (quantised and (setup.kbit_prepared or (setup.autocast and shape.norm_biases)))
    return parts.FULL_BYTES if wide or setup.weight_format == "fp32" else parts.HALF_BYTES


def layer_saved_bytes_per_token(shape: ModelShape, setup: TrainingSetup) -> float:
    """What one layer keeps of a token for its backward pass."""
    if setup.casts_weights:
        return _cast_saved(shape, setup)
    full, width = setup.method is Method.FULL, stream_bytes(shape, setup)
    of_heads = (shape.query_width + shape.kv_width) / shape.hidden if shape.qk_norm is not QkNorm.NONE else 0
    norms = shape.norms_per_layer + of_heads
    if full and setup.fused_norms:  # one kernel, which keeps its 16-bit input
        saved = norms * shape.hidden * width
    else:
        saved = parts.norm_saved_bytes_per_token(norms, shape.hidden, trained=full)
    saved += _attention_saved(shape, setup, grouped=setup.attention == "flash", width=width)
    saved += parts.mlp_saved_bytes_per_token(shape.active_intermediate, shape.gated_mlp, width)
    saved += _expert_outputs(shape, width)
    if full:  # flash attention's own output is the output map's input; else that is a copy
        copied = 0 if setup.attention == "flash" else shape.query_width
        widths = 2 * shape.hidden + copied + shape.active_intermediate
        return saved + parts.trained_input_bytes_per_token(widths, width)
    return saved + _adapter_saved(shape, setup)


def _cast_saved(shape: ModelShape, setup: TrainingSetup) -> float:
    """What a layer under autocast keeps: 32 bits around its norms, 16 in its products, each with its own input."""
    half = parts.HALF_BYTES
    saved = parts.norm_saved_bytes_per_token(shape.norms_per_layer, shape.hidden, trained=True)
    saved += shape.norms_per_layer * shape.hidden * half  # a trained norm keeps its value in 32 bits, not in 16
    if shape.qk_norm is not QkNorm.NONE:
        saved += (shape.query_width + shape.kv_width) * (parts.RMS_NORM_SAVED_BYTES + parts.RMS_NORM_TRAINED_BYTES)
    saved += _attention_saved(shape, setup, grouped=True, width=half)
    saved += parts.mlp_saved_bytes_per_token(shape.active_intermediate, shape.gated_mlp, half)
    inputs = sum(m.in_features * m.active for m in linears(shape) if not _reads_attention(shape, m)) / shape.layers
    return saved + _expert_outputs(shape, half) + parts.trained_input_bytes_per_token(inputs, half)


def _attention_saved(shape: ModelShape, setup: TrainingSetup, *, grouped: bool, width: int) -> float:
    """What attention keeps of a token; under a mask, keys repeated for every head and the mask in numbers."""
    masked = setup.masked and not setup.materialised_attention
    keys = shape.kv_width if grouped and not masked else shape.query_width
    saved = parts.attention_saved_bytes_per_token(
        shape.query_width, keys, shape.heads, setup.sequence_tokens, setup.materialised_attention, width
    )
    return saved + (setup.sequence_tokens * parts.MASK_NUMBER_BYTES if masked else 0)


def mask_held(setup: TrainingSetup) -> float:
    """The mask that checkpointed layers share, to be made numbers again; else it is gone after the forward pass."""
    rows = setup.step_tokens / setup.sequence_tokens
    kept = setup.masked and setup.checkpointing
    return parts.mask_bytes(rows, setup.sequence_tokens, parts.MASK_BYTES) if kept else 0.0


def _reads_attention(shape: ModelShape, chosen: Linear) -> bool:
    """Whether a map's input is what attention keeps anyway: its output."""
    return chosen.part is Part.ATTENTION and chosen.name in {shape.names.o, "o_proj"}


def _expert_outputs(shape: ModelShape, width: int) -> float:
    """Each chosen expert's output, kept for the gradient of its routing weight."""
    return shape.experts_per_token * shape.hidden * width if shape.experts else 0.0


def _adapter_saved(shape: ModelShape, setup: TrainingSetup) -> float:
    """Each adapted map's own copy of its input (PEFT casts or drops out for every map), and what DoRA keeps."""
    maps = lora_modules(shape, setup.lora_targets)
    inputs = sum(m.in_features * m.active for m in maps) / shape.layers
    if _keeps_once(shape, setup):
        inputs = _distinct_inputs(shape, maps) / shape.layers
    outputs = sum(m.out_features * m.active for m in maps) / shape.layers
    width = parts.HALF_BYTES if setup.autocast else setup.adapter_bytes
    kept = parts.trained_input_bytes_per_token(inputs, width) if setup.inputs_kept else 0.0
    return kept + (parts.adapter_output_bytes_per_token(outputs, width) if setup.dora else 0.0)


def _keeps_once(shape: ModelShape, setup: TrainingSetup) -> bool:
    """Whether adapted maps keep the tensor that they read, not a copy of it each."""
    lora = setup.method is not Method.FULL and setup.inputs_kept and setup.inputs_shared
    return lora and setup.adapter_bytes == stream_bytes(shape, setup)


def _let_go(shape: ModelShape, setup: TrainingSetup) -> int:
    """Width of the last map's kept input, which is gone when the backward pass is widest, one map further."""
    if setup.method is Method.FULL:
        return shape.active_intermediate
    if not _keeps_once(shape, setup):
        return 0
    maps = lora_modules(shape, setup.lora_targets)
    return shape.active_intermediate if any(m.name in {shape.names.down, shape.names.expert_down} for m in maps) else 0


def _distinct_inputs(shape: ModelShape, maps: tuple[Linear, ...]) -> int:
    """Width of the inputs that maps read, those of one tensor counted once: equal widths in one part of a layer."""
    found: dict[tuple[Part, int], int] = {}
    for one in maps:
        if not _reads_attention(shape, one):
            key = one.part, one.in_features
            found[key] = max(found.get(key, 0), one.in_features * one.active)
    return sum(found.values())


def kept_activations(shape: ModelShape, setup: TrainingSetup) -> float:
    """Activations kept by the whole forward pass: layer inputs with checkpointing, else all that layers keep."""
    if setup.checkpointing:
        kept = parts.checkpoint_bytes(setup.step_tokens, shape.layers, shape.hidden, stream_bytes(shape, setup))
    else:
        kept = setup.step_tokens * shape.layers * layer_saved_bytes_per_token(shape, setup)
    return kept + mask_held(setup)


def backward_activations(shape: ModelShape, setup: TrainingSetup) -> float:
    """One layer's own peak in the backward pass: recomputed activations (if checkpointed) and gradients in flight."""
    again = 0.0
    if setup.checkpointing:  # a 32-bit stream is kept once: as the layer's input and by its first norm
        shared = shape.hidden * parts.FULL_BYTES if stream_bytes(shape, setup) == parts.FULL_BYTES else 0
        again = layer_saved_bytes_per_token(shape, setup) - shared
    width = shape.active_intermediate
    if shape.experts and setup.looped_experts:  # one expert at a time, on its share of the tokens
        width = width / shape.experts
    stream = stream_bytes(shape, setup)
    inside = parts.HALF_BYTES if setup.casts_weights else stream  # products give 16 bits, whatever the stream's
    flight = parts.in_flight_bytes_per_token(0, width, shape.gated_mlp, inside)
    beside = shape.hidden / 2 if setup.casts_weights else shape.hidden  # the branch's own gradient is in 16 bits, gone
    flight += parts.in_flight_bytes_per_token(beside, 0, shape.gated_mlp, stream)
    return setup.step_tokens * (again + flight - _let_go(shape, setup) * inside)


def cast_copies(shape: ModelShape, setup: TrainingSetup) -> float:
    """16-bit copies at the loss: of the head, unless tiles are cut from it, and of all maps not made again later."""
    if not setup.casts_weights:
        return 0.0
    inside = 0 if setup.checkpointing else linear_parameters(shape)
    head = 0 if setup.loss == "engine" else shape.vocab * shape.hidden
    return parts.autocast_copy_bytes(inside + head)


def cast_copies_at_work(shape: ModelShape, setup: TrainingSetup) -> float:
    """16-bit copies within the backward pass: of the layer made again for it, else of all maps; and of the head."""
    if not setup.casts_weights or not setup.checkpointing:
        return cast_copies(shape, setup)
    return cast_copies(shape, setup) + parts.autocast_copy_bytes(linear_parameters(shape) / shape.layers)


def second_gradient(shape: ModelShape, setup: TrainingSetup) -> float:
    """A trained matrix that is head and embeddings has two gradients until the backward pass ends and adds them."""
    if not shape.tied or setup.gradient_shards > 1 or OPTIMIZERS[setup.optimizer].in_backward:
        return 0.0
    full = setup.method is Method.FULL
    width = PRECISIONS[setup.precision if full else "half"].gradient_bytes
    return shape.vocab * shape.hidden * width if full or setup.embeddings_trained else 0.0
