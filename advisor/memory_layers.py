"""What the layers of a model keep for the backward pass, and what one of them needs while it is at work, in bytes.

A layer's residual stream is 16 bits wide, or 32 where 32-bit norms feed 4-bit maps that answer in their input's type.
"""

from advisor import memory_parts as parts
from advisor.memory_setup import FORMATS, Method, TrainingSetup
from advisor.shape import ModelShape, QkNorm, lora_modules


def stream_bytes(shape: ModelShape, setup: TrainingSetup) -> int:
    """Return the bytes of an element of the residual stream: 4-bit maps answer in the type of their input, and that is
    32 bits where norms were made so, or where autocast runs a LayerNorm.
    """
    quantised = FORMATS[setup.weight_format].quantised and setup.method is not Method.FULL
    wide = quantised and (setup.kbit_prepared or (setup.autocast and shape.norm_biases))
    return parts.FULL_BYTES if wide or setup.weight_format == "fp32" else parts.HALF_BYTES


def layer_saved_bytes_per_token(shape: ModelShape, setup: TrainingSetup) -> float:
    """What one layer keeps of a token for its backward pass."""
    full, width = setup.method is Method.FULL, stream_bytes(shape, setup)
    norms = shape.norms_per_layer + (2 * shape.query_width / shape.hidden if shape.qk_norm is not QkNorm.NONE else 0)
    if full and setup.fused_norms:  # one kernel, which keeps its 16-bit input
        saved = norms * shape.hidden * width
    else:
        saved = parts.norm_saved_bytes_per_token(norms, shape.hidden, trained=full)
    repeated = shape.kv_width if setup.attention == "flash" else shape.query_width
    saved += parts.attention_saved_bytes_per_token(
        shape.query_width, repeated, shape.heads, setup.sequence_tokens, setup.materialised_attention, width
    )
    saved += parts.mlp_saved_bytes_per_token(shape.active_intermediate, shape.gated_mlp, width)
    saved += _expert_outputs(shape, width)
    if full:  # flash attention's own output is the output map's input; else that is a copy
        copied = 0 if setup.attention == "flash" else shape.query_width
        widths = 2 * shape.hidden + copied + shape.active_intermediate
        return saved + parts.trained_input_bytes_per_token(widths, width)
    return saved + _adapter_saved(shape, setup)


def _expert_outputs(shape: ModelShape, width: int) -> float:
    """Each chosen expert's output, kept for the gradient of its routing weight."""
    return shape.experts_per_token * shape.hidden * width if shape.experts else 0.0


def _adapter_saved(shape: ModelShape, setup: TrainingSetup) -> float:
    """Each adapted map's own copy of its input (PEFT casts or drops out for every map), and what DoRA keeps."""
    maps = lora_modules(shape, setup.lora_targets)
    inputs = sum(m.in_features * m.active for m in maps) / shape.layers
    outputs = sum(m.out_features * m.active for m in maps) / shape.layers
    width = parts.HALF_BYTES if setup.autocast else setup.adapter_bytes
    kept = parts.trained_input_bytes_per_token(inputs, width) if setup.inputs_kept else 0.0
    return kept + (parts.adapter_output_bytes_per_token(outputs, width) if setup.dora else 0.0)


def kept_activations(shape: ModelShape, setup: TrainingSetup) -> float:
    """Activations kept by the whole forward pass: layer inputs with checkpointing, else all that layers keep."""
    if setup.checkpointing:
        return parts.checkpoint_bytes(setup.step_tokens, shape.layers, shape.hidden, stream_bytes(shape, setup))
    return setup.step_tokens * shape.layers * layer_saved_bytes_per_token(shape, setup)


def backward_activations(shape: ModelShape, setup: TrainingSetup) -> float:
    """One layer's own peak in the backward pass: recomputed activations (if checkpointed) and gradients in flight."""
    again = layer_saved_bytes_per_token(shape, setup) if setup.checkpointing else 0.0
    width = shape.active_intermediate
    if shape.experts and setup.looped_experts:  # one expert at a time, on its share of the tokens
        width = width / shape.experts
    flight = parts.in_flight_bytes_per_token(shape.hidden, width, shape.gated_mlp, stream_bytes(shape, setup))
    return setup.step_tokens * (again + flight)
