"""What one micro-step of training does: FLOPs, bytes moved, kernels launched, bytes between cards; no machine in it.

Rule 1  Work is counted from the shape and the run's settings alone; how fast it goes is `advisor.training`'s affair.
Rule 2  Every count serves a number and a numpy array alike.
"""

from functools import cache
from typing import Final, NamedTuple

from advisor.memory_setup import FORMATS, Method, TrainingSetup
from advisor.shape import (
    ModelShape,
    Part,
    linear_parameters,
    lora_modules,
    lora_parameters,
    matmul_parameters,
    parameters,
)
from advisor.training_fill import PACKED, Fill
from pricing.figure import Number

FORWARD_PASSES: Final = 2  # FLOPs per weight and token of a forward pass: one multiplication, one addition
FULL_PASSES: Final = 6  # forward, gradient of inputs, gradient of weights
ADAPTER_PASSES: Final = 4  # forward and gradient of inputs; frozen weights need no gradient (adapters add below 1 %)
RECOMPUTE_PASSES: Final = 2  # one more forward pass
HALF_BYTES: Final = 2  # of a 16-bit element
BACKWARD_TRAFFIC: Final = 2  # elementwise traffic of backward over forward: reads what was saved, and the gradient
NORM_TRIPS: Final = (
    11  # elements moved for a hidden one and norm: upcast, mean, scale, write, residual read and written
)
ROTARY_TRIPS: Final = 4  # queries and keys: read, rotated half made, written
GATE_TRIPS: Final = 5  # gate read, activated, written; product read with up, written
LOGIT_BYTES: Final = {"full": 20.0, "fast": 10.0, "fused": 8.0}
"""Bytes moved for a logit: full is 16-bit logits, their 32-bit copy, log-softmax, and as much backward; fast and fused
skip the copy, fused also the second write."""
SCORE_BYTES: Final = 22.0  # of unfused attention: written, masked, softmaxed in 32 bits, cast, read; and backward
DEQUANT_BYTES_PER_PARAMETER: Final = 0.5 + 2  # 4-bit codes read, 16-bit copy written
OPTIMIZER_BYTES_PER_PARAMETER: Final = 26  # AdamW: weight, gradient, two states read; weight, two states written; clip
SHARDED_FULL_TRIPS: Final = 3  # gather in forward, gather in backward, reduce gradients
SHARDED_ADAPTER_TRIPS: Final = 2  # no gradients of frozen weights to reduce
PAIR_ROWS: Final = 2  # a preference row is a chosen and a rejected answer
REPLICATED_TRIPS: Final = 2  # an all-reduce sends every gradient twice


def passes_flops_per_parameter(full: bool, checkpointing: bool) -> int:
    """Return FLOPs per active weight and token: 6 full, 4 with frozen weights, 2 more with recomputation."""
    return (FULL_PASSES if full else ADAPTER_PASSES) + (RECOMPUTE_PASSES if checkpointing else 0)


def reference_flops_per_parameter(reference: str) -> int:
    """Return the FLOPs that a preference run's reference adds: a forward pass, unless precomputed."""
    return FORWARD_PASSES if reference in {"adapter", "copy"} else 0


def matmul_flops_per_token(matmul_parameters: Number, flops_per_parameter: Number) -> Number:
    """FLOPs of the matrix products with weights, for one token."""
    return matmul_parameters * flops_per_parameter


def attention_flops_per_token(
    layers: Number, query_width: Number, sequence_tokens: Number, flops_per_parameter: Number
) -> Number:
    """FLOPs of causal attention for one token: half of the square is masked, so a forward pass is 2 x s x width."""
    return layers * query_width * sequence_tokens * flops_per_parameter


def elementwise_bytes_per_token(
    layers: Number, hidden: Number, norms: Number, rotated_width: Number, intermediate: Number
) -> Number:
    """Bytes that norms, residuals, rotations and activations move for one token in one forward pass, in 16 bits."""
    return (
        HALF_BYTES * layers * (NORM_TRIPS * norms * hidden + ROTARY_TRIPS * rotated_width + GATE_TRIPS * intermediate)
    )


def score_bytes_per_token(layers: Number, heads: Number, sequence_tokens: Number) -> Number:
    """Bytes that unfused attention moves for one token's row of scores, forward and backward."""
    return SCORE_BYTES * layers * heads * sequence_tokens


class Kernels(NamedTuple):
    """Whose kernels run: `fused` norms, rotations and losses (Liger, Unsloth); `grouped` products of experts."""

    fused: bool = False
    grouped: bool = False


PLAIN: Final = Kernels()
"""PyTorch's own kernels, expert after expert."""


class StepWork(NamedTuple):
    """What one micro-step does on one card; the last six are 1 or 0. Arrays work as well as numbers."""

    tokens: Number
    real_tokens: Number
    matmul_flops: Number
    attention_flops: Number
    elementwise_bytes: Number
    logit_bytes: Number
    layer_passes: Number
    adapter_passes: Number
    expert_passes: Number
    nf4_bytes: Number
    int4_bytes: Number
    optimizer_bytes: Number
    communicated_bytes: Number
    fused: Number
    mixture: Number
    adapters: Number
    sharded: Number
    quantised: Number


class Counts(NamedTuple):
    """Numbers of a shape under a method that do not depend on the batch: parameters, and adapted linear maps."""

    parameters: int
    matmul: int
    linear: int
    trained: int
    adapted_maps: int


@cache
def counts(shape: ModelShape, full: bool, rank: int, targets: str) -> Counts:
    """Return the counts of a run on a shape; experts' adapters run grouped and count no map."""
    trained = parameters(shape) if full else lora_parameters(shape, rank, targets)
    maps = [] if full else [m.count for m in lora_modules(shape, targets) if m.part is not Part.EXPERT]
    return Counts(parameters(shape), matmul_parameters(shape), linear_parameters(shape), trained, sum(maps))


def communicated_bytes(setup: TrainingSetup, full: bool, weights: float, trained: float) -> float:
    """Return bytes a card receives in a micro-step: gathered weights if sharded, else its gradients' all-reduce."""
    if setup.cards == 1:
        return 0.0
    others = (setup.cards - 1) / setup.cards
    if not setup.sharded:
        return REPLICATED_TRIPS * HALF_BYTES * trained * others / setup.gradient_accumulation
    weight_bytes = HALF_BYTES if full else FORMATS[setup.weight_format].linear_bytes_per_parameter
    return (SHARDED_FULL_TRIPS if full else SHARDED_ADAPTER_TRIPS) * weight_bytes * weights * others


def moved_bytes_per_token(shape: ModelShape, setup: TrainingSetup, attended_tokens: float) -> float:
    """Return elementwise bytes for a token over a micro-step; scores too where attention is eager."""
    forwards = 1 + BACKWARD_TRAFFIC + setup.checkpointing
    rotated = shape.query_width + shape.kv_width
    moved = elementwise_bytes_per_token(
        shape.layers, shape.hidden, shape.norms_per_layer, rotated, shape.active_intermediate
    )
    scores = score_bytes_per_token(shape.layers, shape.heads, attended_tokens) * setup.materialised_attention
    return forwards * moved + scores


def step_work(shape: ModelShape, setup: TrainingSetup, fill: Fill = PACKED, kernels: Kernels = PLAIN) -> StepWork:
    """Return the work of one micro-step of a run on one card; the optimizer's is shared among micro-steps and cards."""
    full = setup.method is Method.FULL
    count = counts(shape, full, setup.lora_rank, setup.lora_targets)
    sequence = min(setup.sequence_tokens, shape.learned_positions or setup.sequence_tokens)
    rows = setup.micro_batch * (PAIR_ROWS if setup.reference else 1)
    attended, tokens = sequence * fill.padded_share, sequence * rows * fill.padded_share
    rate = passes_flops_per_parameter(full, setup.checkpointing) + reference_flops_per_parameter(setup.reference)
    passes = rate / FORWARD_PASSES
    again = RECOMPUTE_PASSES if setup.checkpointing else 0
    quantised = FORMATS[setup.weight_format].quantised and not full
    nf4 = setup.weight_format.startswith("nf4")
    dequantised = count.linear * passes * DEQUANT_BYTES_PER_PARAMETER * quantised
    return StepWork(
        tokens=tokens,
        real_tokens=sequence * rows * fill.real_share,
        matmul_flops=tokens * matmul_flops_per_token(count.matmul, rate),
        attention_flops=tokens
        * attention_flops_per_token(shape.layers, shape.query_width, attended, FULL_PASSES + again),
        elementwise_bytes=tokens * moved_bytes_per_token(shape, setup, attended),
        logit_bytes=tokens * shape.vocab * LOGIT_BYTES.get(setup.loss, LOGIT_BYTES["full"]),
        layer_passes=shape.layers * passes,
        adapter_passes=count.adapted_maps * passes,
        expert_passes=0 if kernels.grouped else shape.expert_layers * shape.experts * passes,
        nf4_bytes=dequantised * nf4,
        int4_bytes=dequantised * (not nf4),
        optimizer_bytes=count.trained * OPTIMIZER_BYTES_PER_PARAMETER / setup.shards / setup.gradient_accumulation,
        communicated_bytes=communicated_bytes(setup, full, count.parameters, count.trained),
        fused=float(kernels.fused or setup.loss == "fused"),
        mixture=float(shape.experts > 0),
        adapters=float(not full),
        sharded=float(setup.shards > 1),
        quantised=float(quantised),
    )
