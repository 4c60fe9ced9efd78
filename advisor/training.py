"""How long training takes: tokens to FLOPs of the method, to seconds of each step by cause, to hours and dollars.

Rule 1  A micro-step's time is a sum of causes: matrix products, attention, elementwise traffic, kernel launches,
        dequantisation, the optimizer, and communication between cards. Each is one formula.
Rule 2  The ten or so constants in them are fitted once over all measured rows, not per row, and lie with their source
        in `data/training_efficiency.csv`; `benchmarks/traintime.py` makes that file and scores it, sources held out.
Rule 3  Tokens per second means real tokens. Where sequences are not packed, padding is computed but not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from advisor.catalog import Card
from advisor.data_files import constants
from advisor.memory import layer_saved_bytes_per_token
from advisor.memory_setup import FORMATS, LOSSES, Method, TrainingSetup
from advisor.shape import ModelShape, linear_parameters, matmul_parameters, parameters
from pricing.figure import Number
from pricing.units import SECONDS_PER_HOUR

FORWARD_PASSES: Final = 2  # FLOPs per weight and token of a forward pass: one multiplication, one addition
FULL_PASSES: Final = 6  # forward, gradient of inputs, gradient of weights
ADAPTER_PASSES: Final = 4  # forward and gradient of inputs; frozen weights need no gradient (adapters add below 1 %)
RECOMPUTE_PASSES: Final = 2  # one more forward pass
ELEMENTWISE_TRIPS: Final = 3  # saved bytes are written once, read once, and their gradients written once
LOGIT_TRIPS: Final = 1.5  # of the loss's peak bytes: written, and half of them read again
DEQUANT_BYTES_PER_PARAMETER: Final = 0.5 + 2  # 4-bit codes read, 16-bit copy written
OPTIMIZER_BYTES_PER_PARAMETER: Final = 26  # AdamW: weight, gradient, two states read; weight, two states written; clip
SHARDED_FULL_TRIPS: Final = 3  # gather in forward, gather in backward, reduce gradients
SHARDED_ADAPTER_TRIPS: Final = 2  # no gradients of frozen weights to reduce
WEIGHT_BYTES: Final = 2


def passes_flops_per_parameter(full: bool, checkpointing: bool) -> int:
    """Return FLOPs per active weight and token: 6 full, 4 with frozen weights, 2 more with recomputation."""
    return (FULL_PASSES if full else ADAPTER_PASSES) + (RECOMPUTE_PASSES if checkpointing else 0)


def matmul_flops_per_token(matmul_parameters: Number, flops_per_parameter: Number) -> Number:
    """FLOPs of the matrix products with weights, for one token."""
    return matmul_parameters * flops_per_parameter


def attention_flops_per_token(
    layers: Number, query_width: Number, sequence_tokens: Number, flops_per_parameter: Number
) -> Number:
    """FLOPs of causal attention for one token: half of the square is masked, so a forward pass is 2 x s x width."""
    return layers * query_width * sequence_tokens * flops_per_parameter


def training_flops(training_tokens: Number, flops_per_token: Number) -> Number:
    """Return the FLOPs of a whole run."""
    return training_tokens * flops_per_token


def training_hours(training_tokens: Number, tokens_per_second: Number, overhead_hours: Number = 0.0) -> Number:
    """Return hours of a run at a steady speed, plus loading, evaluation and saving."""
    return training_tokens / tokens_per_second / SECONDS_PER_HOUR + overhead_hours


def training_usd(run_hours: Number, usd_per_gpu_hour: Number, rented_cards: Number = 1) -> Number:
    """Return the rent of a run: every card is billed for every hour."""
    return run_hours * usd_per_gpu_hour * rented_cards


def local_training_hours(
    steps: Number,
    step_tokens: Number,
    flops_per_token: Number,
    measured_flops_per_second: Number,
    efficiency_share: Number,
    overhead_seconds_per_step: Number,
) -> Number:
    """Return hours on this machine, from its measured matrix-product rate; see `advisor.machine` for the figures."""
    compute_seconds = step_tokens * flops_per_token / (measured_flops_per_second * efficiency_share)
    return steps * (compute_seconds + overhead_seconds_per_step) / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What part of the sequence cap a batch holds: `real_share` tokens of text, `padded_share` computed."""

    real_share: float
    padded_share: float
    known: bool = True


PACKED: Final = Fill(real_share=1.0, padded_share=1.0)


def unpacked_fill() -> Fill:
    """Return the assumed fill of batches that are padded to their longest member, where the data is not known."""
    table = constants("training_efficiency.csv")
    return Fill(real_share=table["real_share"].value, padded_share=table["padded_share"].value, known=False)


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """Real tokens per second and card with their 90 % interval, and where a micro-step's seconds go."""

    tokens_per_second: float
    low: float
    high: float
    micro_step_seconds: float
    seconds_by_cause: Mapping[str, float]
    flops_per_token: float
    hardware_flops_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWork:
    """What one micro-step does on one card, before any machine is known; arrays work as well as numbers."""

    tokens: Number
    real_tokens: Number
    matmul_flops: Number
    attention_flops: Number
    elementwise_bytes: Number
    layer_passes: Number
    dequantised_bytes: Number
    optimizer_bytes: Number
    communicated_bytes: Number
    mixture: Number


def step_work(shape: ModelShape, setup: TrainingSetup, fill: Fill = PACKED) -> StepWork:
    """Return the work of one micro-step of a run on one card; a full run's optimizer work is spread over the cards."""
    full = setup.method is Method.FULL
    sequence = min(setup.sequence_tokens, shape.learned_positions or setup.sequence_tokens)
    tokens = sequence * setup.micro_batch * fill.padded_share
    rate = passes_flops_per_parameter(full, setup.checkpointing)
    again = RECOMPUTE_PASSES if setup.checkpointing else 0
    saved = layer_saved_bytes_per_token(shape, setup) * shape.layers * (ELEMENTWISE_TRIPS + again / FORWARD_PASSES)
    logits = shape.vocab * LOSSES["full"].bytes_per_logit * LOGIT_TRIPS
    quantised = FORMATS[setup.weight_format].quantised and not full
    trips = 0 if setup.cards == 1 else SHARDED_FULL_TRIPS if full else SHARDED_ADAPTER_TRIPS
    count = parameters(shape)
    return StepWork(
        tokens=tokens,
        real_tokens=sequence * setup.micro_batch * fill.real_share,
        matmul_flops=tokens * matmul_flops_per_token(matmul_parameters(shape), rate),
        attention_flops=tokens
        * attention_flops_per_token(shape.layers, shape.query_width, sequence, FULL_PASSES + again),
        elementwise_bytes=tokens * (saved + logits),
        layer_passes=shape.layers * rate / FORWARD_PASSES,
        dequantised_bytes=linear_parameters(shape) * rate / FORWARD_PASSES * DEQUANT_BYTES_PER_PARAMETER * quantised,
        optimizer_bytes=count * OPTIMIZER_BYTES_PER_PARAMETER * full / setup.cards / setup.gradient_accumulation,
        communicated_bytes=trips * WEIGHT_BYTES * count,
        mixture=float(shape.experts > 0),
    )


def micro_step_seconds(
    work: StepWork,
    flops_per_second: Number,
    bytes_per_second: Number,
    link_bytes_per_second: Number,
    compute_share: Number,
    k: Mapping[str, Number],
) -> dict[str, Number]:
    """Return a micro-step's seconds by cause. `k` holds the fitted constants of `training_efficiency.csv` by name."""
    rate = flops_per_second * compute_share * (1 - work.mixture * (1 - k["mixture_share"]))
    return {
        "matmul": work.matmul_flops / rate,
        "attention": work.attention_flops / (rate * k["attention_share"]),
        "elementwise": k["elementwise_ratio"] * work.elementwise_bytes / bytes_per_second,
        "launch": k["launch_seconds"] * work.layer_passes,
        "dequant": k["dequant_ratio"] * work.dequantised_bytes / bytes_per_second,
        "optimizer": k["optimizer_ratio"] * work.optimizer_bytes / bytes_per_second,
        "communication": k["exposed_share"] * work.communicated_bytes / link_bytes_per_second,
    }


COMPUTE_SHARE_OF: Final = {
    "Ampere": "compute_share_ampere",
    "Hopper": "compute_share_hopper",
    "Ada": "compute_share_ada",
}
"""Card architecture to its fitted share of the dense rate; another one takes `compute_share_other`, widely assumed."""


def training_speed(shape: ModelShape, card: Card, setup: TrainingSetup, fill: Fill = PACKED) -> TrainingSpeed:
    """Return the speed of one run on `setup.cards` cards of one kind, per card, with its measured 90 % interval.

    Leaves out: tensor and pipeline parallelism, CPU offload, slow data loading; sharded runs over a slow network.
    """
    table = constants("training_efficiency.csv")
    k = {name: figure.value for name, figure in table.items()}
    share = k[COMPUTE_SHARE_OF.get(card.architecture, "compute_share_other")]
    work = step_work(shape, setup, fill)
    causes = micro_step_seconds(
        work,
        card.bf16_flops_per_second,
        card.bandwidth_bytes_per_second,
        card.link_bytes_per_second,
        share,
        k,
    )
    seconds = sum(causes.values())
    spread = table["interval_packed_ratio" if fill.known else "interval_unpacked_ratio"]
    speed = work.real_tokens / seconds
    flops = work.matmul_flops + work.attention_flops
    return TrainingSpeed(
        tokens_per_second=speed,
        low=speed * spread.low,
        high=speed * spread.high,
        micro_step_seconds=seconds,
        seconds_by_cause=causes,
        flops_per_token=flops / work.tokens,
        hardware_flops_share=flops / seconds / card.bf16_flops_per_second,
    )
