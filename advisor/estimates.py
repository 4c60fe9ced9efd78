"""The physics a decision needs, as figures: hours of a training run, tasks per hour of a replica, and whether it fits.

What cannot be answered is a text that says why; it ends the roads that need it, and nothing else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from advisor import training
from advisor.answer import Answer
from advisor.catalog import Card, UnknownCardError, find_card
from advisor.ground import Ground
from advisor.memory import MemoryEstimate, training_memory
from advisor.memory_setup import Method, TrainingSetup
from advisor.replica import ServingFault, replica_capacity
from advisor.roads import LOCAL, Physics
from advisor.scenario import Scenario
from advisor.shape import ModelShape
from pricing.figure import Figure, Kind, Origin, assumed, derive
from pricing.units import GIB

WEIGHT_FORMATS = {"qlora": "nf4-double", "lora": "bf16", "full": "bf16"}
"""How frozen weights lie in memory, by method; QLoRA with double quantisation (R057)."""
OPTIMIZER_NAMES = {"adamw_torch": "adamw", "adamw_torch_fused": "adamw_fused"}
"""The trainer's optimizer names to the memory formula's, where they differ."""


@dataclass(frozen=True, slots=True)
class LocalSpeed:
    """A local machine: matrix products in flops_per_second, the share a training step reaches, a step's overhead."""

    flops: Figure
    efficiency: Figure
    overhead: Figure


@dataclass(frozen=True, slots=True)
class Estimates:
    """Physics for the roads, memory, and what does not fit; `hours` of (steps, tokens a step), `tokens_of` a batch."""

    physics: Physics
    memory: MemoryEstimate
    steps: Figure | str
    hours: Callable[[Figure, Figure], Figure]
    tokens_of: Callable[[int, str], Figure]
    misfits: tuple[str, ...]

    @property
    def compute_fits(self) -> Answer:
        """No if something does not fit its card; unknown if the run cannot be sized."""
        if self.misfits:
            return Answer.NO
        return Answer.YES if isinstance(self.physics.run_hours, Figure) else Answer.UNKNOWN


def setup_of(scenario: Scenario) -> TrainingSetup:
    """Return the memory formula's view of the scenario's training settings."""
    chosen = scenario.training
    return TrainingSetup(
        method=Method(chosen.method),
        sequence_tokens=chosen.max_length,
        micro_batch=chosen.micro_batch,
        gradient_accumulation=chosen.accumulation,
        checkpointing=chosen.method != "full" and scenario.candidates.training_card != LOCAL,
        weight_format=WEIGHT_FORMATS[chosen.method],
        lora_rank=chosen.lora.rank,
        lora_targets=",".join(chosen.lora.targets),
        optimizer=OPTIMIZER_NAMES.get(chosen.optimizer_or_default, chosen.optimizer_or_default),
    )


def planned_steps(rows_examples: float, epochs_count: float, batch_count: float) -> float:
    """Return the optimizer steps of so many passes over the rows; the last batch of a pass may be short."""
    return math.ceil(rows_examples / batch_count) * epochs_count


def run_steps(scenario: Scenario, ground: Ground) -> Figure | str:
    """Return the steps of one run: stated, or from rows and epochs; text where the rows are unknown."""
    chosen = scenario.training
    if chosen.max_steps is not None:
        return assumed("training.max_steps", chosen.max_steps, "steps", "stated in the scenario")
    if "data.rows" not in ground.leaves:
        return "how many training rows there are is unknown; state data.rows or name data.train"
    rows = float(ground["data.rows"].value)
    steps = math.ceil(planned_steps(rows, chosen.epochs, chosen.micro_batch * chosen.accumulation))
    return assumed("training.steps", steps, "steps", f"{rows:g} rows, {chosen.epochs:g} epochs, batches in settings")


def tokens_of_step(ground: Ground, batch: int, name: str) -> Figure:
    """Return the tokens of one optimizer step: rows of a batch times the tokens of a task after tuning."""
    return derive(
        f"{name}.step",
        batch_tokens,
        batch_count=assumed(f"{name}.batch", batch, "count", "micro batch times accumulation, from the settings"),
        input_tokens_per_task=ground.leaves.get("tokens.tuned_input", ground["tokens.input"]),
        output_tokens_per_task=ground["tokens.output"],
    )


def batch_tokens(batch_count: float, input_tokens_per_task: float, output_tokens_per_task: float) -> float:
    """Return the tokens of a batch of tasks, without padding."""
    return batch_count * (input_tokens_per_task + output_tokens_per_task)


def run_tokens(run_steps: float, step_tokens: float) -> float:
    """Return the tokens of a whole run."""
    return run_steps * step_tokens


def local_hours(shape: ModelShape, setup: TrainingSetup, steps: Figure, tokens: Figure, speed: LocalSpeed) -> Figure:
    """Return hours of a run on this machine, from its matrix-product rate."""
    work = training.step_work(shape, setup)
    per_token = (work.matmul_flops + work.attention_flops) / work.tokens
    return derive(
        "training.local",
        training.local_training_hours,
        steps=steps,
        step_tokens=tokens,
        flops_per_token=assumed(
            "training.flops", per_token, "flops_per_token", f"FLOPs of {setup.method} on the shape"
        ),
        measured_flops_per_second=speed.flops,
        efficiency_share=speed.efficiency,
        overhead_seconds_per_step=speed.overhead,
    )


def card_hours(shape: ModelShape, setup: TrainingSetup, card: Card, steps: Figure, tokens: Figure) -> Figure:
    """Return hours of a run on one card, at the speed measured rows of such cards support."""
    speed = training.training_speed(shape, card, setup, training.unpacked_fill())
    note = (
        f"advisor/data/training_efficiency.csv for {card.name}: fitted on published runs, interval of held-out sources"
    )
    rate = Figure("training.speed", speed.tokens_per_second, "tokens_per_second", Origin(Kind.ASSUMED, note),
                  speed.low, speed.high)  # fmt: skip
    start = assumed("training.start", 0.25, "hours", "boot, download of weights, load and evaluation", 0.1, 1.0)
    total = derive("training.tokens", run_tokens, run_steps=steps, step_tokens=tokens)
    return derive(
        "training.card", training.training_hours, training_tokens=total, tokens_per_second=rate, overhead_hours=start
    )


def capacity(scenario: Scenario, ground: Ground, shape: ModelShape, card: str | None) -> Figure | str:
    """Return tasks per hour of one replica: the user's own measurement, else the serving formula on the card."""
    if "serving.capacity_tasks_per_hour" in ground.leaves:
        return ground["serving.capacity_tasks_per_hour"]
    if card is None or card == LOCAL:
        return "no capacity is known for this machine; measure it and state serving.capacity_tasks_per_hour"
    limit = scenario.constraints.latency_tpot_ms.value
    try:
        found = replica_capacity(
            shape,
            find_card(card),
            input_tokens_per_task=float(ground.leaves.get("tokens.tuned_input", ground["tokens.input"]).value),
            output_tokens_per_task=float(ground["tokens.output"].value),
            tpot_limit_seconds=None if limit is None else float(limit) / 1000,
        )
    except (ServingFault, UnknownCardError) as reason:
        return str(reason)
    how = f"serving formula for {shape.name} on {card}, 16-bit, batch of {found.concurrency}"
    note = f"{how}: {found.interval.origin.note}"
    return Figure(f"capacity.{card}", found.tasks_per_hour, "tasks_per_hour", Origin(Kind.ASSUMED, note),
                  found.tasks_per_hour_low, found.tasks_per_hour_high)  # fmt: skip


def fits(memory: MemoryEstimate, card: Card) -> str | None:
    """Return why a training run does not fit the card, or None if it does."""
    if memory.recommended.value <= card.usable_bytes:
        return None
    need, have = memory.recommended.value / GIB, card.usable_bytes / GIB
    return (
        f"training needs about {need:.1f} GiB and a {card.name} has {have:.1f}; take a larger card or a smaller batch"
    )


def estimate(
    scenario: Scenario, ground: Ground, shape: ModelShape, speed: LocalSpeed, cards: tuple[str, str]
) -> Estimates:
    """Return all physics of one scenario; `cards` are the training and the serving card, `local` for this machine."""
    training_card, serving_card = cards
    setup = setup_of(scenario)
    memory = training_memory(shape, setup)
    steps = run_steps(scenario, ground)
    card = None if training_card == LOCAL else find_card(training_card)

    def hours(steps: Figure, tokens: Figure) -> Figure:
        if card is None:
            return local_hours(shape, setup, steps, tokens, speed)
        return card_hours(shape, setup, card, steps, tokens)

    def tokens_of(batch: int, name: str) -> Figure:
        return tokens_of_step(ground, batch, name)

    tokens = tokens_of(scenario.training.micro_batch * scenario.training.accumulation, "training")
    owned = scenario.candidates.owned_card
    physics = Physics(
        run_hours=hours(steps, tokens) if isinstance(steps, Figure) else steps,
        rented_capacity=capacity(scenario, ground, shape, serving_card),
        local_capacity=capacity(scenario, ground, shape, None),
        owned_capacity=capacity(scenario, ground, shape, owned.card if owned else None),
        training_card=training_card,
        serving_card=serving_card,
    )
    served = physics.local_capacity if serving_card == LOCAL else physics.rented_capacity
    misfits = [text for text in (card and fits(memory, card), served if isinstance(served, str) else None) if text]
    return Estimates(physics, memory, steps, hours, tokens_of, tuple(misfits))
