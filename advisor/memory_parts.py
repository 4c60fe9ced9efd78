"""Formulas of training memory, one component each, in bytes. Plain functions on plain numbers; no state.

Rule 1  A frozen linear map keeps nothing for the backward pass but its weight; a trained one keeps its input.
Rule 2  Elementwise maps keep what their derivative needs: SwiGLU keeps gate, activation and up; RMSNorm keeps its
        input in 32 bits; attention without materialised scores keeps q, k, v and its output.
Rule 3  Every coefficient below is a count of tensors times their element size, worked out from those two rules; the
        comment says which tensors. None is fitted to a single row.
"""

from typing import Final

BYTE_BITS: Final = 8  # by definition
HALF_BYTES: Final = 2  # an element of bf16 and fp16
FULL_BYTES: Final = 4  # an element of fp32

NF4_BYTES_PER_PARAMETER: Final = 0.5 + 4 / 64  # 4-bit codes, one fp32 constant for 64 weights (QLoRA, arXiv 2305.14314)
NF4_DOUBLE_BYTES_PER_PARAMETER: Final = 0.5 + 1 / 64 + 4 / (64 * 256)  # 8-bit constants, fp32 for each 256 of them
INT4_GROUP_BYTES_PER_PARAMETER: Final = 0.5 + (2 + 0.5) / 128  # GPTQ and AWQ: fp16 scale and 4-bit zero for 128 weights
INT8_GROUP_BYTES_PER_PARAMETER: Final = 1.0 + (2 + 1) / 128  # GPTQ 8-bit: fp16 scale and 8-bit zero for 128 weights
INT8_BYTES_PER_PARAMETER: Final = 1.0  # LLM.int8() (arXiv 2208.07339); one scale a row is below 0.1 %
FP8_BYTES_PER_PARAMETER: Final = 1.0

RMS_NORM_SAVED_BYTES: Final = 4  # the fp32 copy of the input, kept by pow() and by the product
RMS_NORM_TRAINED_BYTES: Final = 2  # the normalised 16-bit value, kept where the norm's weight is trained
ATTENTION_GRADIENT_TENSORS: Final = 2  # the gradient of a layer's output and of its residual branch
GATED_MLP_SAVED_TENSORS: Final = 3  # gate, activation(gate), up
PLAIN_MLP_SAVED_TENSORS: Final = 2  # the inner value and its activation
TILE_TOKENS: Final = 4096  # TRL 1.16, trl/kernels/chunked_logprob.py
TILE_LOGITS: Final = 32_768  # TRL 1.16, trl/trainer/utils.py: a tile is as wide, whatever the vocabulary
EAGER_SCORE_BYTES: Final = 4 + 2  # fp32 softmax and its 16-bit copy, per query head, query and key
MASK_BYTES: Final = 1  # yes or no for each query and key
MASK_NUMBER_BYTES: Final = 2  # the same in numbers, which fused attention adds to its scores and keeps


def quantised_weight_bytes(linear_parameters: float, quantised_bytes_per_parameter: float) -> float:
    """Weights of the layers' linear maps in their storage format."""
    return linear_parameters * quantised_bytes_per_parameter


def unquantised_weight_bytes(other_parameters: float, element_bytes: float) -> float:
    """Embeddings, head and norms, which quantisation leaves alone."""
    return other_parameters * element_bytes


def gradient_bytes(trainable_parameters: float, element_bytes: float) -> float:
    """Gradients of the trainable parameters, all alive at the end of the backward pass."""
    return trainable_parameters * element_bytes


def optimizer_bytes(trainable_parameters: float, state_bytes_per_parameter: float) -> float:
    """Optimizer states, for example 8 bytes a parameter for AdamW with 32-bit moments."""
    return trainable_parameters * state_bytes_per_parameter


def step_temporary_bytes(trainable_parameters: float, temporary_bytes_per_parameter: float) -> float:
    """The copy that a multi-tensor (`foreach`) step makes of one state; 0 for fused and 8-bit optimizers."""
    return trainable_parameters * temporary_bytes_per_parameter


def checkpoint_bytes(step_tokens: float, layers: float, hidden: float, element_bytes: float) -> float:
    """Layer inputs kept by activation checkpointing: one hidden vector a layer and token."""
    return step_tokens * layers * hidden * element_bytes


def gather_bytes(layer_parameters: float, bytes_per_parameter: float, root_bytes: float) -> float:
    """Whole weights on one card of a sharded run: the layer at work, and the root unit (embeddings, head, last norm).

    FSDP keeps the root gathered from the forward pass through the backward pass.
    """
    return layer_parameters * bytes_per_parameter + root_bytes


def kept_output_gradient_bytes(step_tokens: float, layers: float, hidden: float, element_bytes: float) -> float:
    """Gradients of every layer's input, kept to the end of a sharded backward pass over frozen layers.

    FSDP waits for a frozen unit with a hook on all its inputs (torch.autograd.graph.register_multi_grad_hook), whose
    buffer holds their gradients; a unit that is trained is waited for by its own gradient, and nothing is kept.
    """
    return step_tokens * layers * hidden * element_bytes


def norm_saved_bytes_per_token(norms: float, hidden: float, trained: bool) -> float:
    """What a layer's norms keep for each token."""
    return norms * hidden * (RMS_NORM_SAVED_BYTES + (RMS_NORM_TRAINED_BYTES if trained else 0))


def attention_saved_bytes_per_token(
    query_width: float, kv_width: float, heads: float, sequence_tokens: float, materialised: bool, element_bytes: float
) -> float:
    """Rotated q and k, v and the output; plus softmax scores where attention materialises them (eager)."""
    kept = (2 * query_width + 2 * kv_width) * element_bytes
    return kept + (heads * sequence_tokens * EAGER_SCORE_BYTES if materialised else 0)


def mask_bytes(rows: float, sequence_tokens: float, element_bytes: float) -> float:
    """A mask of every query and key of a batch's rows, shared by the heads."""
    return rows * sequence_tokens**2 * element_bytes


def mlp_saved_bytes_per_token(active_intermediate: float, gated: bool, element_bytes: float) -> float:
    """What the feed-forward part keeps for each token."""
    tensors = GATED_MLP_SAVED_TENSORS if gated else PLAIN_MLP_SAVED_TENSORS
    return tensors * active_intermediate * element_bytes


def trained_input_bytes_per_token(input_widths: float, input_bytes: float) -> float:
    """Inputs kept for trained maps: `input_widths` is the sum of their widths in a layer."""
    return input_widths * input_bytes


def in_flight_bytes_per_token(hidden: float, active_intermediate: float, gated: bool, element_bytes: float) -> float:
    """Gradients alive at the widest point of a layer's backward pass: of its feed-forward part and the residual."""
    tensors = GATED_MLP_SAVED_TENSORS if gated else PLAIN_MLP_SAVED_TENSORS
    return (tensors * active_intermediate + ATTENTION_GRADIENT_TENSORS * hidden) * element_bytes


def loss_bytes(step_tokens: float, vocab: float, bytes_per_logit_bytes: float) -> float:
    """Logits and what the loss makes of them, at the loss's own peak."""
    return step_tokens * vocab * bytes_per_logit_bytes


def tiled_loss_bytes(
    step_tokens: float, vocab: float, hidden: float, hidden_bytes: float, *, trained_head: bool
) -> float:
    """A loss made of tiles of logits, at the end of its own backward pass; hidden states of 16 bits, or of 32.

    One tile; the hidden states without each row's last, copied; their gradient in 32 bits and in their own width; that
    of a trained head in 32 bits; and where all is in 32 bits, the 16-bit parts that a tile is made of: of the head two,
    for the next is made before the last is dropped.
    """
    part = min(step_tokens, TILE_TOKENS)
    again = vocab <= TILE_LOGITS and step_tokens > TILE_TOKENS
    columns = 2 * vocab if again else min(vocab, 2 * TILE_LOGITS)
    tile = part * TILE_LOGITS * HALF_BYTES
    head = vocab * hidden * FULL_BYTES if trained_head else 0
    if hidden_bytes == FULL_BYTES:
        cast = (part + columns) * hidden * HALF_BYTES
        return tile + head + cast + 2 * step_tokens * hidden * FULL_BYTES
    return tile + head + step_tokens * hidden * (2 * hidden_bytes + FULL_BYTES)


def dequantisation_bytes(largest_linear_parameters: float, other_bytes: float = 0.0) -> float:
    """The 16-bit copy of the largest quantised weight, made for each product and dropped again.

    Where a layer is widest, between two products, it is gone: it counts by what it exceeds `other_bytes`, the one
    tensor more that is held there.
    """
    return max(0.0, largest_linear_parameters * HALF_BYTES - other_bytes)


def kv_cache_bytes(
    layers: float, cached_width: float, context_tokens: float, sequences: float, element_bytes: float
) -> float:
    """What attention caches of every layer and token: `cached_width` elements, keys and values or their latent."""
    return layers * cached_width * context_tokens * sequences * element_bytes


def rotary_table_bytes(layers: float, positions: float, head_dim: float) -> float:
    """Sines and cosines of every position in 16 bits, a table in each layer (Transformers before 4.45)."""
    return 2 * layers * positions * head_dim * HALF_BYTES


def adapter_output_bytes_per_token(output_widths: float, adapter_bytes: float) -> float:
    """What DoRA keeps for the gradient of its magnitudes: each map's 16-bit output and its adapter's output."""
    return output_widths * (HALF_BYTES + adapter_bytes)


def autocast_copy_bytes(linear_parameters: float) -> float:
    """16-bit copies of trained 32-bit weights, which autocast caches through the forward pass."""
    return linear_parameters * HALF_BYTES


def reserved_bytes(allocated_bytes: float, static_bytes: float, cached_share: float) -> float:
    """What the caching allocator holds: the peak, and a share of what comes and goes, in blocks that fit nothing."""
    return allocated_bytes + cached_share * (allocated_bytes - static_bytes)
