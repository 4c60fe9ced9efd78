"""How fast the economics are: draws a second, growth with draws, months and roads. Run: python -m benchmarks.economics

A scenario-draw is one world: every range of the scenario drawn once, and the lifetime cost of each road compared, over
all its months, whole replicas included. Times are of the processor, so that other work beside does not count.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from advisor.advise import Considered, Question, advise, consider, sureness
from advisor.options import Option
from advisor.program import Program
from advisor.question_files import read_question
from advisor.sweep import Axis, at_point, sweep
from advisor.uncertainty_draws import draw, free_leaves, inputs_of, leaf_values, limits_of
from pricing.figure import Figure, leaves

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ROOT / "scenarios"
AS_OF = date(2026, 11, 21)
TIMES = 5
"""Repetitions of which the median is printed."""
PAIR = ("hosted_today", "tuned_local")


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of one call: the median of several, after one that is not counted."""
    work()
    taken: list[float] = []
    for _ in range(TIMES):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)


def question_of(name: str) -> Question:
    """Return the question of a scenario of this repository."""
    return read_question(SCENARIOS / name / "scenario.yaml", AS_OF)


def drawing(question: Question, made: Considered, options: Sequence[Option], draws: int) -> tuple[float, float, int]:
    """Return seconds for so many draws of these roads' lifetime costs, with and without drawing, and inputs drawn."""
    roots = [option.lifetime for option in options]
    below = {leaf.name: leaf for root in roots for leaf in leaves(root)}
    inputs = inputs_of(below.values(), float(np.asarray(made.ground.horizon.value)))
    program, limits = Program(roots, free_leaves(inputs)), limits_of(question.scenario)
    values = leaf_values(inputs, draw(inputs, limits, draws)[0])
    alone = seconds(lambda: program.run(values, draws))
    return seconds(lambda: draw(inputs, limits, draws)) + alone, alone, len(inputs)


def rates() -> None:
    """Print scenario-draws a second by scenario and by the number of roads."""
    print("| scenario | roads | months | ranges | 10,000 draws | of it the arrays | scenario-draws a second, arrays |")
    print("|---|---|---|---|---|---|---|")
    for name in ("ticket_routing", "cost_only_distillation", "privacy_gate"):
        question = question_of(name)
        made = consider(question)
        pair = [option for option in made.options if option.key in PAIR]
        for options in [pair, made.options] if len(pair) == len(PAIR) else [made.options]:
            whole, alone, drawn = drawing(question, made, options, 10_000)
            size = f"{len(options)} | {float(np.asarray(made.ground.horizon.value)):g} | {drawn}"
            print(f"| {name} | {size} | {whole * 1e3:.1f} ms | {alone * 1e3:.1f} ms | {10_000 / alone:,.0f} |")


def growth() -> None:
    """Print how the time grows with draws, months and roads, each doubled alone."""
    base = question_of("ticket_routing")
    made = consider(base)
    print("\n| what grows | from | to | seconds, from | to | per unit, to over from |\n|---|---|---|---|---|---|")

    def line(what: str, sizes: tuple[int, int], times: tuple[float, float]) -> None:
        each = times[1] / times[0] * sizes[0] / sizes[1]
        print(f"| {what} | {sizes[0]:,} | {sizes[1]:,} | {times[0]:.4f} | {times[1]:.4f} | {each:.2f} |")

    for few, many in ((10_000, 40_000), (40_000, 160_000)):
        times = [drawing(base, made, made.options, count)[0] for count in (few, many)]
        line("draws", (few, many), (times[0], times[1]))
    lives = [at_point(base, {"volume.lifetime_months": months}) for months in (24, 48, 96)]
    spent = [drawing(one, consider(one), consider(one).options, 40_000)[1] for one in lives]
    line("months", (24, 48), (spent[0], spent[1]))
    line("months", (48, 96), (spent[1], spent[2]))
    own = next(option for option in made.options if option.key == "tuned_local")
    twins = [replace(own, lifetime=apart(own.lifetime)) for _ in range(8)]
    spent = [drawing(base, made, twins[:count], 40_000)[1] for count in (2, 4, 8)]
    line("roads", (2, 4), (spent[0], spent[1]))
    line("roads", (4, 8), (spent[1], spent[2]))


def apart(figure: Figure) -> Figure:
    """Return the figure with formulas of its own, so that it shares no call with its twins."""
    if figure.formula is None:
        return figure
    return replace(
        figure, formula=partial(figure.formula), inputs={name: apart(below) for name, below in figure.inputs.items()}
    )


def doors() -> None:
    """Print the time of a whole advice, of its draws, and of sweeps."""
    question = question_of("ticket_routing")
    made = consider(question)
    volume = Axis("volume.tasks_per_month", np.geomspace(1e4, 1e7, 317))
    wage = Axis("people.usd_per_hour", np.linspace(20, 200, 317))
    command = [sys.executable, "-m", "advisor.cli", "scenarios/ticket_routing/scenario.yaml", "--format", "json"]
    rows = [process(command) for _ in range(TIMES * 2)]
    measured = {
        "the advice in a running process, 10,000 draws included, processor": seconds(lambda: advise(question)),
        "of it draws, verdicts, tornado, worth": seconds(lambda: sureness(question.scenario, made)),
        "a sweep of 317 x 317 = 100,489 points": seconds(lambda: sweep(question, [volume, wage])),
        "`advise` on the default scenario, whole process, processor": median(cpu for _, cpu in rows),
        "the same, wall, median": median(wall for wall, _ in rows),
        "the same, wall, least": min(wall for wall, _ in rows),
    }
    print("\n| what | seconds |\n|---|---|")
    for what, taken in measured.items():
        print(f"| {what} | {taken:.3f} |")


def process(command: Sequence[str]) -> tuple[float, float]:
    """Return the wall and the processor time of a whole process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, spent


def main() -> None:
    """Print all tables as Markdown."""
    rates()
    growth()
    doors()


if __name__ == "__main__":
    main()
