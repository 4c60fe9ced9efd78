"""The physics a decision needs, as figures: hours of a training run, tasks per hour of a replica, and whether it fits.

What cannot be answered is a text that says why; it ends the roads that need it, and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from advisor import training
from advisor.answer import Answer
from advisor.catalog import Card, find_card
from advisor.economics import planned_steps
from advisor.ground import Ground
from advisor.map import LOCAL, RULED_OUT, Physics
from advisor.memory import training_memory
from advisor.memory_intervals import MemoryEstimate
from advisor.memory_setup import Method, TrainingSetup
from advisor.replica import ServingFault, replica_capacity
from advisor.scenario import Scenario
from advisor.shape import ModelShape
from advisor.training_fill import unpacked_fill
from advisor.training_work import step_work
from pricing.figure import Figure, Kind, Origin, assumed, derive
from pricing.units import GIB, MILLISECONDS_PER_SECOND

if TYPE_CHECKING:
    from advisor.calibration import Calibration

WEIGHT_FORMATS = {"qlora": "nf4-double", "lora": "bf16", "full": "bf16"}
"""How frozen weights lie in memory, by method; QLoRA with double quantisation (R057)."""
ADAPTER_BYTES = {"qlora": 2, "lora": 4, "full": 4}  # of a number that the engine trains: 16 bits beside NF4, else 32
OPTIMIZER_NAMES = {"adamw_torch": "adamw", "adamw_torch_fused": "adamw_fused"}
"""The trainer's optimizer names to the memory formula's, where they differ."""

HoursOf: TypeAlias = Callable[[Figure, Figure, TrainingSetup], Figure]
"""Hours of (steps, tokens a step, settings of the stage)."""
BATCH_NOTE = "micro batch times accumulation, from the settings"


class MisfitError(ValueError):
    """A model that a card cannot hold or serve; the message has the remedy."""


@dataclass(frozen=True, slots=True)
class LocalSpeed:
    """A local machine: matrix products in flops_per_second, the share a training step reaches, a step's overhead."""

    flops: Figure
    efficiency: Figure
    overhead: Figure


@dataclass(frozen=True, slots=True)
class Estimates:
    """Physics for the roads, memory, and what does not fit.

    `hours` of (steps, tokens a step, setup of the stage), `tokens_of` a batch, `memory_of` a stage's setup.
    """

    physics: Physics
    memory: MemoryEstimate
    steps: Figure | str
    hours: HoursOf
    memory_of: Callable[[TrainingSetup], MemoryEstimate]
    setup: TrainingSetup
    tokens_of: Callable[[int, str], Figure]
    can_serve: bool
    misfits: tuple[str, ...]

    @property
    def compute_fits(self) -> Answer:
        """No if something does not fit its card; unknown if the run or its serving cannot be sized."""
        if self.misfits:
            return Answer.NO
        return Answer.YES if isinstance(self.physics.run_hours, Figure) and self.can_serve else Answer.UNKNOWN


def setup_of(scenario: Scenario) -> TrainingSetup:
    """Return the memory formula's view of the scenario's training settings, run by the runner's own engine."""
    chosen = scenario.training
    full = chosen.method == "full"
    return TrainingSetup(
        method=Method(chosen.method),
        sequence_tokens=chosen.max_length,
        micro_batch=chosen.micro_batch,
        gradient_accumulation=chosen.accumulation,
        checkpointing=chosen.method != "full" and scenario.candidates.training_card != LOCAL,
        weight_format=WEIGHT_FORMATS[chosen.method],
        lora_rank=chosen.lora.rank,
        lora_targets=",".join(chosen.lora.targets),
        precision="full" if full else "half",
        autocast=full,
        adapter_bytes=ADAPTER_BYTES[chosen.method],
        inputs_shared=not chosen.lora.dropout,
        attention="flash",
        optimizer=OPTIMIZER_NAMES.get(chosen.optimizer_or_default, chosen.optimizer_or_default),
        loss="engine",
    )


def run_steps(scenario: Scenario, ground: Ground) -> Figure | str:
    """Return the steps of one run: stated, or from rows and epochs; text where the rows are unknown."""
    chosen = scenario.training
    if chosen.max_steps is not None:
        return assumed("training.max_steps", chosen.max_steps, "steps", "stated in the scenario")
    if "data.rows" not in ground.leaves:
        return "how many training rows there are is unknown; state data.rows or name data.train"
    batch = chosen.micro_batch * chosen.accumulation
    return derive(
        "training.steps",
        planned_steps,
        rows_examples=ground["data.rows"],
        epochs_count=assumed("training.epochs", chosen.epochs, "count", "the scenario's settings"),
        batch_count=assumed("training.batch", batch, "count", BATCH_NOTE),
    )


def tokens_of_step(ground: Ground, batch: int, name: str, *, answers: bool = True) -> Figure:
    """Return the tokens of one optimizer step: rows times a task after tuning; unlabelled text has no answer."""
    nothing = assumed("no_answer", 0, "tokens_per_task", "unlabelled text has no answer")
    return derive(
        f"{name}.step",
        batch_tokens,
        batch_count=assumed(f"{name}.batch", batch, "count", BATCH_NOTE),
        input_tokens_per_task=ground.leaves.get("tokens.tuned_input", ground["tokens.input"]),
        output_tokens_per_task=ground["tokens.output"] if answers else nothing,
    )


def batch_tokens(batch_count: float, input_tokens_per_task: float, output_tokens_per_task: float) -> float:
    """Return the tokens of a batch of tasks, without padding."""
    return batch_count * (input_tokens_per_task + output_tokens_per_task)


def run_tokens(run_steps: float, step_tokens: float) -> float:
    """Return the tokens of a whole run."""
    return run_steps * step_tokens


def local_hours(shape: ModelShape, setup: TrainingSetup, steps: Figure, tokens: Figure, speed: LocalSpeed) -> Figure:
    """Return hours of a run on this machine, from its matrix-product rate."""
    work = step_work(shape, setup)
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
        micro_steps=assumed(
            "training.micro_steps", setup.gradient_accumulation, "steps", "parts of a step, the settings"
        ),
    )


def card_hours(shape: ModelShape, setup: TrainingSetup, card: Card, steps: Figure, tokens: Figure) -> Figure:
    """Return hours of a run on one card, at the speed measured rows of such cards support."""
    rows = setup.micro_batch * setup.gradient_accumulation
    fill = unpacked_fill(setup.sequence_tokens, setup.micro_batch, float(tokens.value) / rows)
    speed = training.training_speed(shape, card, setup, fill)
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


def stated_capacity(scenario: Scenario, ground: Ground, card: str | None) -> Figure | None:
    """Return the user's own measurement, which holds for the serving card it was made on and for no other."""
    named = scenario.candidates.serving_card or LOCAL
    return ground.leaves.get("serving.capacity_tasks_per_hour") if (card or LOCAL) == named else None


def capacity(
    scenario: Scenario, ground: Ground, shape: ModelShape, card: str | None, *, tuned: bool,
    measured_ratio: float | None = None,
) -> Figure | str:  # fmt: skip
    """Return tasks per hour of one replica: measured by the user, else the serving formula on the card.

    Raises MisfitError where the card cannot; text where nobody knows. `tuned`: with the prompt after tuning.
    `measured_ratio`: the user's own time on this card over the formula's.
    """
    stated = stated_capacity(scenario, ground, card) if tuned else None
    if stated is not None:
        return stated
    if card in (None, LOCAL, RULED_OUT):
        return "no capacity is known for this machine; measure it and state serving.capacity_tasks_per_hour"
    limit = scenario.constraints.latency_tpot_ms.value
    prompt = ground.leaves.get("tokens.tuned_input", ground["tokens.input"]) if tuned else ground["tokens.input"]
    try:
        found = replica_capacity(
            shape,
            find_card(str(card)),
            input_tokens_per_task=float(prompt.value),
            output_tokens_per_task=float(ground["tokens.output"].value),
            tpot_limit_seconds=None if limit is None else float(limit) / MILLISECONDS_PER_SECOND,
            measured_ratio=measured_ratio,
        )
    except ServingFault as reason:
        raise MisfitError(str(reason)) from None
    how = f"serving formula for {shape.name} on {card}, 16-bit, batch of {found.concurrency}"
    if measured_ratio is not None:
        how = f"{how}, {measured_ratio:.2f} times its time by {scenario.serving.measured}"
    note = f"{how}: {found.interval.origin.note}"
    return Figure(
        f"capacity.{card}.{'tuned' if tuned else 'base'}",
        found.tasks_per_hour,
        "tasks_per_hour",
        Origin(Kind.ASSUMED if measured_ratio is None else Kind.MEASURED, note),
        found.tasks_per_hour_low,
        found.tasks_per_hour_high,
    )


def fits(memory: MemoryEstimate, card: Card) -> str | None:
    """Return why a training run does not fit the card, or None if it does."""
    if memory.recommended.value <= card.usable_bytes:
        return None
    need, have = memory.recommended.value / GIB, card.usable_bytes / GIB
    return (
        f"training needs about {need:.1f} GiB and a {card.name} has {have:.1f}; take a larger card or a smaller batch"
    )


def hours_of(shape: ModelShape, speed: LocalSpeed, card: Card | None, calibration: "Calibration | None") -> HoursOf:
    """Return what gives a stage's hours: from what earlier runs measured, else by the formula of its machine."""

    def formula_hours(steps: Figure, tokens: Figure, stage: TrainingSetup) -> Figure:
        if card is None:
            return local_hours(shape, stage, steps, tokens, speed)
        return card_hours(shape, stage, card, steps, tokens)

    def hours(steps: Figure, tokens: Figure, stage: TrainingSetup) -> Figure:
        known = None if calibration is None else calibration.hours(steps, tokens, stage, formula_hours)
        return known or formula_hours(steps, tokens, stage)

    return hours


def estimate(
    scenario: Scenario, ground: Ground, shape: ModelShape, speed: LocalSpeed, cards: tuple[str, str],
    serving_ratio: float | None = None, calibration: "Calibration | None" = None,
) -> Estimates:  # fmt: skip
    """Return all physics of one scenario; `cards` are the training and the serving card, `local` for this machine.

    `calibration` is what earlier runs measured: it stands in the place of the formula's speed.
    """
    training_card, serving_card = cards
    setup = setup_of(scenario)
    memory = training_memory(shape, setup)
    steps = run_steps(scenario, ground)
    card = None if training_card in (LOCAL, RULED_OUT) else find_card(training_card)

    hours = hours_of(shape, speed, card, calibration)

    def memory_of(stage: TrainingSetup) -> MemoryEstimate:
        return memory if stage == setup else training_memory(shape, stage)

    def tokens_of(batch: int, name: str) -> Figure:
        return tokens_of_step(ground, batch, name, answers=name != "adapt")

    tokens = tokens_of(scenario.training.micro_batch * scenario.training.accumulation, "training")
    owned = scenario.candidates.owned_card
    too_small = fits(memory, card) if card else None
    misfits = [too_small] if too_small else []

    def serves(name: str | None, *, tuned: bool = True) -> Figure | str:
        try:
            ratio = serving_ratio if name == serving_card else None
            return capacity(scenario, ground, shape, name, tuned=tuned, measured_ratio=ratio)
        except MisfitError as reason:
            if name == serving_card and tuned:
                misfits.append(str(reason))
            return str(reason)

    run_hours = too_small or (hours(steps, tokens, setup) if isinstance(steps, Figure) else steps)
    physics = Physics(
        run_hours="training is ruled out in candidates.training_card" if training_card == RULED_OUT else run_hours,
        base_capacity=serves(serving_card, tuned=False),
        rented_capacity=serves(serving_card),
        local_capacity=serves(None),
        owned_capacity=serves(owned.card if owned else None),
        training_card=training_card,
        serving_card=serving_card,
    )
    served = physics.local_capacity if serving_card == LOCAL else physics.rented_capacity
    return Estimates(
        physics, memory, steps, hours, memory_of, setup, tokens_of, isinstance(served, Figure), tuple(misfits)
    )
