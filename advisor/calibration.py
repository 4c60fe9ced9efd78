"""What earlier runs on this machine measured, in the place of what is assumed. Pure; the runner writes the records.

Rule 1  A measurement counts for the same machine or card, the same method, and models of its size class: within a power
        of two, so that the formula only carries it from its own settings to the next run's.
Rule 2  The newest runs count alike; their median is the figure, and its interval is their spread and a margin for one
        more run.
Rule 3  What was not measured keeps its assumption.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from statistics import median
from typing import Any, Final, NamedTuple, TypeAlias

from advisor.memory_setup import TrainingSetup
from pricing.figure import Figure, Number, assumed, derive, measured
from pricing.units import SECONDS_PER_HOUR

NEWEST: Final = 5  # runs: enough for a spread, few enough to forget an old driver
SHARED_TIMES: Final = (0.6, 1.6)  # the same step on two cores took 0.38 s alone, 0.86 and 1.05 s beside other work
CARD_TIMES: Final = (0.9, 1.25)  # a rented card is not shared; interruptions only ever slow a run down
MEMORY: Final = (0.9, 1.15)  # the same tensors; only the allocator and the longest batch differ

LEAST_HOURS: Final = 1e-6  # below it a difference of two hours is rounding
TRAINED: Final = "sft"
Record: TypeAlias = Mapping[str, Any]
Hours: TypeAlias = Callable[[Figure, Figure, TrainingSetup], Figure]
"""Hours of (steps, tokens a step, settings), as the formula has them."""


class Machine(NamedTuple):
    """Where a run was or will be: a card's name, or None with this host and its cores."""

    card: str | None
    host: str
    cores: int


class Calibration(NamedTuple):
    """The runs that count, newest last."""

    runs: tuple[Record, ...]

    @property
    def note(self) -> str:
        """Return what a figure says of its origin."""
        newest = self.runs[-1]
        more = "" if len(self.runs) == 1 else f" and {len(self.runs) - 1} before it"
        where = newest["machine"]["card"] or "this machine"
        return f"measured by your run {newest['run_id']} on {newest['on']}{more}, {where}"

    @property
    def on(self) -> date:
        """Return the day of the newest run."""
        return date.fromisoformat(self.runs[-1]["on"])

    def figure(self, name: str, unit: str, pick: Callable[[Record], float | None]) -> Figure | None:
        """Return the measured figure that `pick` finds in the runs, with the room of Rule 2; None if no run has it."""
        found = [value for run in self.runs if (value := pick(run)) is not None and value > 0]
        if not found:
            return None
        times = CARD_TIMES if self.runs[-1]["machine"]["card"] else SHARED_TIMES
        quicker, slower = MEMORY if unit == "bytes" else times
        return measured(
            name, median(found), unit, self.note, self.on, low=min(found) * quicker, high=max(found) * slower
        )

    def seconds(self, name: str, stage: str) -> Figure | None:
        """Return a whole stage's seconds."""
        return self.figure(name, "seconds", lambda run: number(stage_of(run, stage), "seconds"))

    def hours(self, steps: Figure, tokens: Figure, setup: TrainingSetup, formula: Hours) -> Figure | None:
        """Return the hours of a training stage at the measured speed, or None where none was measured.

        The formula carries the speed from the settings it was measured at to this stage's, and nothing else.
        """
        now = formula_step_seconds(formula, tokens, setup)

        def pick(run: Record) -> float | None:
            took = number(stage_of(run, TRAINED), "step_seconds")
            then, each = setup_then(run, setup), step_tokens(run)
            if took is None or then is None or each is None:
                return None
            return took * now / formula_step_seconds(formula, planned_tokens(each), then)

        speed = self.figure("training.step_time", "seconds_per_step", pick)
        if speed is None:
            return None
        around = formula_overhead_hours(formula, tokens, setup)
        more: dict[str, Figure] = {}
        if around > 0:
            more["overhead_hours"] = assumed("training.start", around, "hours", "boot, download and load of the card")
        return derive("training.measured", stepped_hours, steps=steps, measured_seconds_per_step=speed, **more)

    def peak(self, name: str, setup: TrainingSetup, formula: Callable[[TrainingSetup], float]) -> Figure | None:
        """Return the memory a training stage holds in bytes, carried to its settings by the formula; None: unknown."""

        def pick(run: Record) -> float | None:
            held, then = number(stage_of(run, TRAINED), "peak_bytes"), setup_then(run, setup)
            return None if held is None or then is None else held * formula(setup) / formula(then)

        return self.figure(name, "bytes", pick)

    def token_ratio(self, scenario: str) -> float | None:
        """Return the model's own tokens over the scenario's in the newest run of the same scenario, or None."""
        for run in reversed(self.runs):
            stage = stage_of(run, TRAINED)
            counted, planned = number(stage, "tokens"), number(stage, "planned_tokens")
            if run["scenario"] == scenario and counted and planned:
                return counted / planned
        return None

    @property
    def sentence(self) -> str:
        """Return what a report says of it."""
        step = self.figure("step", "seconds", lambda run: number(stage_of(run, TRAINED), "step_seconds"))
        speed = "" if step is None else f": a training step took {float(step.value):.3g} s"
        return f"speed and memory of the run are {self.note}{speed}; CROSSOVER_CALIBRATION=none leaves them out"

    def start(self, name: str, stage: str, work: str) -> Figure | None:
        """Return a stage's seconds before and around its work; `work` names the work's own seconds."""

        def pick(run: Record) -> float | None:
            whole, inside = number(stage_of(run, stage), "seconds"), work_seconds(stage_of(run, stage), work)
            return None if whole is None or inside is None else max(whole - inside, 0.0)

        return self.figure(name, "seconds", pick)


def planned_tokens(tokens: float) -> Figure:
    """Return the tokens of a step of an earlier run as a figure."""
    return assumed("training.step", tokens, "tokens", "as that run's plan had them")


def formula_step_seconds(formula: Hours, tokens: Figure, setup: TrainingSetup) -> float:
    """Return the seconds of one step by the formula, without what surrounds the steps."""
    one, two = (float(formula(steps_figure(count), tokens, setup).value) for count in (1, 2))
    return (two - one) * SECONDS_PER_HOUR


def formula_overhead_hours(formula: Hours, tokens: Figure, setup: TrainingSetup) -> float:
    """Return what the formula adds to the steps; 0 on this machine, whose starts are stages of their own."""
    one, two = (float(formula(steps_figure(count), tokens, setup).value) for count in (1, 2))
    around = 2 * one - two
    return around if around > LEAST_HOURS else 0.0


def steps_figure(count: int) -> Figure:
    """Return a number of steps as a figure."""
    return assumed("training.steps", count, "steps", "to take the formula apart")


def size_class(parameters: float) -> int:
    """Return a model's size class: 20 from 1.05 to 2.1 million parameters, 32 from 4.3 to 8.6 billion."""
    return int(math.log2(parameters))


def number(part: Record, name: str) -> float | None:
    """Return a number of a record, None where it has none."""
    value = part.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def stage_of(run: Record, stage: str) -> Record:
    """Return what a run says of a stage; empty where it had none."""
    return run["stages"].get(stage) or {}


def work_seconds(stage: Record, work: str) -> float | None:
    """Return the seconds of a stage's own work: its answers, or its steps and the held-out losses between them."""
    if work != "steps":
        return number(stage, work)
    steps, each = number(stage, "steps"), number(stage, "step_seconds")
    return None if steps is None or each is None else steps * each + (number(stage, "watching_seconds") or 0.0)


def matching(records: Sequence[Record], machine: Machine, method: str, parameters: float) -> Calibration | None:
    """Return the newest records that count here (Rule 1), or None."""
    found = [run for run in records if counts(run, machine, method, parameters)]
    return Calibration(tuple(found[-NEWEST:])) if found else None


def counts(run: Record, machine: Machine, method: str, parameters: float) -> bool:
    """Return whether a run says something about such a run on such a machine."""
    where = run["machine"]
    here = (where["card"], where["cards"]) == (machine.card, 1)
    same = here if machine.card else here and (where["host"], where["cores"]) == (machine.host, machine.cores)
    return same and run["method"] == method and size_class(run["parameters"]) == size_class(parameters)


def stepped_hours(steps: Number, measured_seconds_per_step: Number, overhead_hours: Number = 0.0) -> Number:
    """Return the hours of so many steps at a measured speed, and what surrounds them."""
    return steps * measured_seconds_per_step / SECONDS_PER_HOUR + overhead_hours


def setup_then(run: Record, setup: TrainingSetup) -> TrainingSetup | None:
    """Return the settings a run was measured at, on the next run's model and method; None where it says none."""
    stage = stage_of(run, TRAINED)
    if not all(number(stage, name) for name in ("max_length", "micro_batch", "accumulation", "steps")):
        return None
    return replace(
        setup,
        sequence_tokens=int(stage["max_length"]),
        micro_batch=int(stage["micro_batch"]),
        gradient_accumulation=int(stage["accumulation"]),
        checkpointing=bool(stage.get("gradient_checkpointing")),
    )


def step_tokens(run: Record) -> float | None:
    """Return the tokens of a step as they were planned, in the count of the scenario's tokenizer."""
    stage = stage_of(run, TRAINED)
    planned, steps = number(stage, "planned_tokens"), number(stage, "steps")
    return None if planned is None or not steps else planned / steps
