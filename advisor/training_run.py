"""A whole training run on rented cards: tokens, hours and dollars, from a speed and what surrounds the steps.

Rule 1  The bill starts before the first step and ends after the last: starting, loading, evaluating, saving are hours.
Rule 2  A measured speed, the user's own or a probe's, replaces the forecast one, and its interval with it.
Rule 3  An instance is billed as a whole: two cards of a machine that is only let with eight cost eight.
"""

import math
from typing import Final, NamedTuple

from advisor.memory_setup import Method, TrainingSetup
from advisor.shape import ModelShape, lora_parameters, parameters
from advisor.spread import interval
from advisor.training import TrainingSpeed, training_hours, training_usd
from advisor.training_work import FORWARD_PASSES, passes_flops_per_parameter
from pricing.figure import Figure, Kind, Origin, assumed, derive
from pricing.units import SECONDS_PER_HOUR

START: Final = assumed(
    "run.start", 120, "seconds", "boot of a container, imports, tokenizing, slow first steps", low=40, high=600
)
LOAD_RATE: Final = assumed(
    "run.load_rate", 1e9, "bytes_per_second", "weights from a network volume or a fast download", low=2e8, high=3e9
)
SAVE_RATE: Final = assumed(
    "run.save_rate", 5e8, "bytes_per_second", "checkpoints to a network volume, hashed", low=1e8, high=2e9
)
STORED_WEIGHT_BYTES: Final = 2  # a parameter of a model as it is published
FULL_STATE_BYTES: Final = 10  # a parameter of a full run's checkpoint: 16-bit weights, two 32-bit states
ADAPTER_STATE_BYTES: Final = 12  # of an adapter's: 32-bit weights, two 32-bit states


class Extra(NamedTuple):
    """What a run does beside its steps: held-out tokens evaluated in all, and checkpoints written."""

    eval_tokens: float = 0.0
    checkpoints: int = 1


NOTHING_MORE: Final = Extra()


def run_tokens(examples: float, epochs_count: float, row_tokens: float) -> float:
    """Return the tokens of a run over rows of data."""
    return examples * epochs_count * row_tokens


def overhead_hours(
    start_seconds: float,
    loaded_bytes: float,
    load_bytes_per_second: float,
    saved_bytes: float,
    save_bytes_per_second: float,
    eval_seconds: float,
) -> float:
    """Return the hours of a run outside its training steps."""
    seconds = start_seconds + loaded_bytes / load_bytes_per_second + saved_bytes / save_bytes_per_second + eval_seconds
    return seconds / SECONDS_PER_HOUR


def evaluated_seconds(eval_tokens: float, tokens_per_second: float, forward_share: float) -> float:
    """Return the time of evaluation: the forward part of a training step, for so many tokens."""
    return eval_tokens * forward_share / tokens_per_second


def billed_cards(cards: int, instance_cards: int) -> int:
    """Return the cards that are billed where instances have `instance_cards` each."""
    return math.ceil(cards / instance_cards) * instance_cards


def whole_speed(speed: TrainingSpeed, cards: int, measured_tokens_per_second: Figure | None = None) -> Figure:
    """Return the speed of all cards together: as measured if it was, else as forecast for each."""
    if measured_tokens_per_second is not None:
        return measured_tokens_per_second
    return Figure(
        "run.speed",
        speed.tokens_per_second * cards,
        "tokens_per_second",
        Origin(Kind.ASSUMED, "advisor/data/training_efficiency.csv: fitted on published runs, interval held out"),
        speed.low * cards,
        speed.high * cards,
    )


def saved_bytes(shape: ModelShape, setup: TrainingSetup, checkpoints: int) -> float:
    """Return the bytes of all checkpoints of a run."""
    if setup.method is Method.FULL:
        return parameters(shape) * FULL_STATE_BYTES * checkpoints
    return lora_parameters(shape, setup.lora_rank, setup.lora_targets) * ADAPTER_STATE_BYTES * checkpoints


def overhead_of(shape: ModelShape, setup: TrainingSetup, speed: Figure, extra: Extra) -> Figure:
    """Return the hours of a run outside its training steps."""
    passes = passes_flops_per_parameter(setup.method is Method.FULL, setup.checkpointing)
    evaluated = derive(
        "run.evaluation",
        evaluated_seconds,
        eval_tokens=assumed("run.eval_tokens", extra.eval_tokens, "tokens", "as asked"),
        tokens_per_second=speed,
        forward_share=assumed("run.forward", FORWARD_PASSES / passes, "share", "forward FLOPs of a training step's"),
    )
    weights, saved = parameters(shape) * STORED_WEIGHT_BYTES, saved_bytes(shape, setup, extra.checkpoints)
    return derive(
        "run.overhead",
        overhead_hours,
        start_seconds=START,
        loaded_bytes=assumed("run.loaded", weights, "bytes", "every parameter in 16 bits"),
        load_bytes_per_second=LOAD_RATE,
        saved_bytes=assumed("run.saved", saved, "bytes", "what is trained and its optimizer states, each checkpoint"),
        save_bytes_per_second=SAVE_RATE,
        eval_seconds=evaluated,
    )


def run_hours(
    shape: ModelShape, setup: TrainingSetup, speed: Figure, training_tokens: float, extra: Extra = NOTHING_MORE
) -> Figure:
    """Return the hours of a run at a speed of all its cards together."""
    return derive(
        "run.hours",
        training_hours,
        training_tokens=assumed("run.tokens", training_tokens, "tokens", "as asked"),
        tokens_per_second=speed,
        overhead_hours=overhead_of(shape, setup, speed, extra),
    )


def run_usd(hours: Figure, usd_per_gpu_hour: Figure, billed_cards: int) -> Figure:
    """Return the rent of a run of so many hours."""
    return derive(
        "run.usd",
        training_usd,
        run_hours=hours,
        usd_per_gpu_hour=usd_per_gpu_hour,
        rented_cards=assumed("run.cards", billed_cards, "cards", "cards asked for, in whole instances"),
    )


def with_interval(figure: Figure) -> tuple[float, float, float]:
    """Return (value, low, high) of a run's hours or dollars: its inputs' ends, their effects added in squares."""
    return (float(figure.value), *interval(figure))
