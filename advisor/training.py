"""How long training takes: tokens to FLOPs of the method, to seconds of each step by cause, to hours and dollars.

Rule 1  A micro-step's time is a sum of causes on the card (products, attention, elementwise traffic, dequantisation);
        kernel launches and traffic between cards run beside it, and show where they are the longer.
Rule 2  The constants in them are fitted once over all measured rows, shrunk towards what physics expects, never per
        row; they lie with their sources in `data/training_efficiency.csv`, made by `benchmarks/fit_traintime.py`.
Rule 3  Tokens per second means real tokens. Where sequences are not packed, padding is computed but not counted.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from advisor.catalog import Card
from advisor.data_files import constants
from advisor.memory_setup import TrainingSetup
from advisor.shape import ModelShape
from advisor.training_fill import PACKED, Fill
from advisor.training_work import PLAIN, Kernels, StepWork, step_work
from pricing.figure import Figure, Number
from pricing.units import SECONDS_PER_HOUR

TABLE: Final = "training_efficiency.csv"
CARDS_PER_NODE: Final = 8
NODE_BYTES_PER_SECOND: Final = {"Ampere": 200e9, "Volta": 50e9}
"""What a node of 8 cards receives: 8 x 200 Gbit/s beside A100s (llm-foundry's benchmark page), 4 x 100 beside V100s."""
NEWER_NODE_BYTES_PER_SECOND: Final = 400e9  # 8 x 400 Gbit/s beside H100s and later (DGX H100 data sheet)
OVERLAP_POWER: Final = 4  # work that runs beside other work: 1 would be a sum, infinity the longest alone


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
    micro_steps: Number = 1,
) -> Number:
    """Return hours on this machine, from its measured matrix-product rate; see `advisor.machine` for the figures.

    A step of `step_tokens` is done in `micro_steps` parts, and each part pays the overhead.
    """
    compute_seconds = step_tokens * flops_per_token / (measured_flops_per_second * efficiency_share)
    return steps * (compute_seconds + micro_steps * overhead_seconds_per_step) / SECONDS_PER_HOUR


class TrainingSpeed(NamedTuple):
    """Real tokens per second and card with their 90 % interval, and where a micro-step's seconds go."""

    tokens_per_second: float
    low: float
    high: float
    micro_step_seconds: float
    seconds_by_cause: Mapping[str, float]
    flops_per_token: float
    hardware_flops_share: float
    padding_efficiency_share: float


def link_bytes_per_second(card: Card, cards: int) -> float:
    """Return what a card can receive from the others: its own link; beyond one node, what its whole node receives.

    A node's cards need the same gathered weights: each part is fetched once and passed on over their own links.
    """
    node = NODE_BYTES_PER_SECOND.get(card.architecture, NEWER_NODE_BYTES_PER_SECOND)
    return card.link_bytes_per_second if cards <= CARDS_PER_NODE else min(card.link_bytes_per_second, node)


def side_by_side_seconds(*parts: Number) -> Number:
    """Return the time of work that runs at once: close to the longest, a little more where two are alike."""
    return sum(part**OVERLAP_POWER for part in parts) ** (1 / OVERLAP_POWER)


def launch_seconds(work: StepWork, k: Mapping[str, Number]) -> Number:
    """Return how long a micro-step's kernels take to be launched; sharded runs also start a gather for each unit."""
    layers = work.layer_passes * (1 + k["mixture_launches"] * work.mixture + k["quantised_launches"] * work.quantised)
    adapters, experts = k["adapter_launches"] * work.adapter_passes, k["expert_launches"] * work.expert_passes
    units = work.layer_passes + k["sharded_adapter_launches"] * (1 - work.fused) * work.adapter_passes
    return k["launch_seconds"] * (layers + adapters + experts) + k["sharded_launch_seconds"] * work.sharded * units


def micro_step_seconds(
    work: StepWork,
    flops_per_second: Number,
    bytes_per_second: Number,
    link_bytes_per_second: Number,
    k: Mapping[str, Number],
) -> dict[str, Number]:
    """Return a micro-step's seconds by cause. `k` holds the constants of `training_efficiency.csv` for the card."""
    rate = flops_per_second * k["compute_share"] * (1 - work.mixture * (1 - k["mixture_share"]))
    traffic = k["elementwise_ratio"] * (1 - work.fused * (1 - k["fused_share"]))
    moved = (1 + work.adapters * k["adapter_traffic_share"]) * work.elementwise_bytes + work.logit_bytes
    card = {
        "matmul": work.matmul_flops / rate,
        "attention": work.attention_flops / (rate * k["attention_share"]),
        "elementwise": traffic * moved / bytes_per_second,
        "dequant": (k["nf4_ratio"] * work.nf4_bytes + k["int4_ratio"] * work.int4_bytes) / bytes_per_second,
    }
    busy, launches = sum(card.values()), launch_seconds(work, k)
    launched = side_by_side_seconds(busy, launches)
    gathered = work.communicated_bytes / (link_bytes_per_second * k["link_share"])
    return {
        **card,
        "launch": launched - busy,
        "communication": side_by_side_seconds(busy, launches, gathered) - launched,
        "optimizer": k["optimizer_ratio"] * work.optimizer_bytes / bytes_per_second,
    }


@cache
def card_constants(card: str, architecture: str) -> Mapping[str, float]:
    """Return the fitted constants for a card: its own where measured, else its architecture's, else those of all."""
    table = constants(TABLE)
    plain = {name: float(figure.value) for name, figure in table.items() if "." not in name}
    own = {
        name: float(table[key].value)
        for name in plain
        for key in (f"{name}.{architecture}", f"{name}.{card}")
        if key in table
    }
    return plain | own


def interval_of(card: Card, fill: Fill, cards: int) -> Figure:
    """Return the measured 90 % interval of truth over prediction for such a run; wider for a card nobody measured."""
    table = constants(TABLE)
    if f"compute_share.{card.architecture}" not in table:
        return table["interval_unmeasured_ratio"]
    return table["interval_several_cards_ratio" if fill.known and cards > 1 else "interval_other_ratio"]


def training_speed(
    shape: ModelShape, card: Card, setup: TrainingSetup, fill: Fill = PACKED, kernels: Kernels = PLAIN
) -> TrainingSpeed:
    """Return the speed of one run on `setup.cards` cards of one kind, per card, with its measured 90 % interval.

    Leaves out: tensor and pipeline parallelism, CPU offload, slow data loading, networks slower than a training node's.
    """
    work = step_work(shape, setup, fill, kernels)
    causes = micro_step_seconds(
        work,
        card.bf16_flops_per_second,
        card.bandwidth_bytes_per_second,
        link_bytes_per_second(card, setup.cards),
        card_constants(card.name, card.architecture),
    )
    seconds = float(sum(causes.values()))
    spread = interval_of(card, fill, setup.cards)
    speed = float(work.real_tokens) / seconds
    flops = float(work.matmul_flops + work.attention_flops)
    return TrainingSpeed(
        tokens_per_second=speed,
        low=speed * spread.low,
        high=speed * spread.high,
        micro_step_seconds=seconds,
        seconds_by_cause={name: float(value) for name, value in causes.items()},
        flops_per_token=flops / float(work.tokens),
        hardware_flops_share=flops / seconds / card.bf16_flops_per_second,
        padding_efficiency_share=float(work.real_tokens / work.tokens),
    )
