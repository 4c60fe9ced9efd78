"""What a run will take, stage by stage: seconds, money, tokens, steps and peak memory, each with a 90 % interval.

Every constant is an assumed figure with its reason and ends; a calibrated machine brings measured ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from advisor.advise import Question, Result
from advisor.map import LOCAL
from advisor.memory_setup import TrainingSetup
from advisor.pace import Pace, decode_steps, evaluated_steps, pace_of
from advisor.plan import DataRef, Forecast, Probe, StageName, TrainSettings
from advisor.scenario import Scenario
from advisor.spread import in_squares, interval
from pricing.figure import STRENGTH, Figure, Kind, assumed, derive, leaves
from pricing.units import SECONDS_PER_HOUR

SETTINGS = "the plan's settings"
COUNTED_SPREAD = (0.95, 1.05)
"""Tokens of the same scenario counted before: only the draw of rows and new data move them."""
TOKENIZER_SPREAD = (0.7, 1.4)
"""The model's own tokenizer against the one the scenario counted with: spread over texts and tokenizers, assumed."""
SHORTEST_ROWS = 0.25
"""Batches are padded to their longest row, which the rows' file may keep at a fraction of the plan's limit; assumed."""


def started_seconds(start_seconds: float, work_seconds: float) -> float:
    """Return a start and the work after it."""
    return start_seconds + work_seconds


def trained_seconds(start_seconds: float, run_hours: float) -> float:
    """Return the seconds of a training stage: its start and its steps."""
    return start_seconds + run_hours * SECONDS_PER_HOUR


def decoded_seconds(decode_steps: float, decode_seconds_per_step: float) -> float:
    """Return the time of greedy answers: batches times tokens of the longest answer in each."""
    return decode_steps * decode_seconds_per_step


def rated_usd(stage_seconds: float, machine_usd_per_hour: float) -> float:
    """Return what the machine bills for so many seconds."""
    return stage_seconds * machine_usd_per_hour / SECONDS_PER_HOUR


def held_bytes(formula_bytes: float, process_bytes: float) -> float:
    """Return the memory a stage holds: tensors by the formula, and what the process itself grows by."""
    return formula_bytes + process_bytes


def leaf_letter(figure: Figure) -> Literal["q", "m", "a"]:
    """Return the letter of the weakest leaf below a figure; what the plan itself sets is not in doubt."""
    letters: dict[Kind, Literal["q", "m", "a"]] = {Kind.QUOTED: "q", Kind.MEASURED: "m"}
    kinds = [leaf.kind for leaf in leaves(figure) if leaf.origin.note != SETTINGS]
    return letters.get(min(kinds, key=STRENGTH.__getitem__, default=Kind.ASSUMED), "a")


def forecast(figure: Figure, unit: str, basis: str) -> Forecast:
    """Return a figure as a forecast with its interval."""
    low, high = interval(figure)
    return Forecast(value=float(figure.value), low=low, high=high, unit=unit, grade=leaf_letter(figure), basis=basis)


def certain(value: float, unit: str, basis: str) -> Forecast:
    """Return a number that the settings fix."""
    return Forecast(value=value, low=value, high=value, unit=unit, grade="a", basis=basis)


def total(key: str, parts: Sequence[Forecast]) -> Forecast:
    """Return the sum of forecasts; their deviations add in squares, as those of independent stages do."""
    value = sum(part.value for part in parts)
    down = in_squares(part.value - part.low for part in parts)
    up = in_squares(part.high - part.value for part in parts)
    return Forecast(
        value=value, low=max(0.0, value - down), high=value + up, unit=parts[0].unit, grade="a",
        basis=f"sum of {key} over the stages",
    )  # fmt: skip


def answering(name: str, steps: float, step: Figure) -> Figure:
    """Return seconds of greedy answers; a small model's step is bound by overheads, a card's by memory and launches."""
    count = assumed(f"{name}.steps", steps, "steps", "batches of 16 test rows, tokens of the longest answer in each")
    return derive(f"{name}.answers", decoded_seconds, decode_steps=count, decode_seconds_per_step=step)


def held_memory(result: Result, pace: Pace, name: str, setup: TrainingSetup) -> Figure:
    """Return the memory of a training stage: as earlier runs held it, else the formula's and the process's growth."""
    known, estimates = result.question.calibration, result.estimates

    def formula_bytes(asked: TrainingSetup) -> float:
        return float(estimates.memory_of(asked).allocated.value)

    measured = None if known is None else known.peak(f"{name}.held", setup, formula_bytes)
    if measured is not None:
        return measured
    formula = estimates.memory_of(setup).allocated
    shorter = replace(setup, sequence_tokens=math.ceil(setup.sequence_tokens * SHORTEST_ROWS))
    return derive(
        f"{name}.held",
        held_bytes,
        formula_bytes=assumed("formula.bytes", formula.value, "bytes", "components at the peak phase; low: short rows",
                              estimates.memory_of(shorter).allocated.low, formula.high),
        process_bytes=pace.process_bytes,
    )  # fmt: skip


def forecast_tokens(result: Result, whole: float) -> Forecast:
    """Return the tokens of a training stage in the model's own count: as counted before, else spread about `whole`."""
    known = result.question.calibration
    ratio = None if known is None else known.token_ratio(result.question.scenario.name)
    if known is not None and ratio is not None:
        fewer, more = COUNTED_SPREAD
        basis, grade = f"tokens counted: {known.note}", "m"
    else:
        ratio, (fewer, more), grade = 1.0, TOKENIZER_SPREAD, "a"
        basis = "tokens of a task as the scenario states them; the model's own tokenizer differs"
    value = whole * ratio
    return Forecast(value=value, low=value * fewer, high=value * more, unit="tokens", grade=grade, basis=basis)


def training_stage(
    result: Result, pace: Pace, name: str, settings: TrainSettings, rate: Figure, watched_rows: int = 0
) -> dict[str, Forecast]:
    """Return the forecast of a training stage; its tokens are those of the tasks, without padding."""
    estimates = result.estimates
    worked = settings.max_steps + settings.watching_steps(watched_rows)
    steps = assumed(f"{name}.steps", worked, "steps", SETTINGS)
    tokens = estimates.tokens_of(settings.micro_batch * settings.accumulation, name)
    setup = replace(
        estimates.setup,
        sequence_tokens=settings.max_length,
        micro_batch=settings.micro_batch,
        gradient_accumulation=settings.accumulation,
        checkpointing=settings.gradient_checkpointing,
    )
    hours = estimates.hours(steps, tokens, setup)
    seconds = derive(f"{name}.seconds", trained_seconds, start_seconds=pace.train_start, run_hours=hours)
    held = held_memory(result, pace, name, setup)
    whole = settings.max_steps * float(tokens.value)
    return {
        **timed(seconds, rate, f"steps at the speed of {name}"),
        "steps": certain(settings.max_steps, "steps", SETTINGS),
        "tokens": forecast_tokens(result, whole),
        "peak_bytes": forecast(held, "bytes", "components at the peak phase, and the process"),
    }  # fmt: skip


def probe_of(scenario: Scenario) -> Probe:
    """Return how many real steps are probed: on a card they cost seconds, and 20 tell its clocks and allocator."""
    local = scenario.candidates.training_card == LOCAL
    return Probe() if local else Probe(longest_steps=8, typical_steps=12)


def probe_stage(
    question: Question, result: Result, pace: Pace, settings: TrainSettings, rate: Figure
) -> dict[str, Forecast]:
    """Return the forecast of the probe: a start, and its steps at the speed of the training it stands for."""
    chosen, estimates = probe_of(question.scenario), result.estimates
    count = chosen.longest_steps + chosen.typical_steps
    steps = assumed("probe.steps", count, "steps", SETTINGS)
    tokens = estimates.tokens_of(settings.micro_batch * settings.accumulation, "probe")
    hours = estimates.hours(steps, tokens, estimates.setup)
    seconds = derive("probe.seconds", trained_seconds, start_seconds=pace.train_start, run_hours=hours)
    return timed(seconds, rate, "a few real steps, answers and a save")


def timed(seconds: Figure, rate: Figure, basis: str) -> dict[str, Forecast]:
    """Return the seconds of a stage and their money."""
    usd = derive(f"{seconds.name}.usd", rated_usd, stage_seconds=seconds, machine_usd_per_hour=rate)
    low, high = interval(seconds)
    money = float(usd.value) / float(seconds.value)
    return {
        "seconds": Forecast(value=float(seconds.value), low=low, high=high, unit="seconds", grade=leaf_letter(seconds),
                            basis=basis),
        "usd": Forecast(value=float(usd.value), low=low * money, high=high * money, unit="usd", grade=leaf_letter(usd),
                        basis=f"{basis}, at the planned rate"),
    }  # fmt: skip


def forecast_setup(question: Question, rate: Figure) -> dict[str, Forecast]:
    """Return the time before the first stage, which belongs to none and is billed."""
    pace = pace_of(question.cards[0], question.calibration, 0.0)
    return timed(pace.setup, rate, "starting up")


def forecast_stages(
    question: Question, result: Result, data: DataRef, settings: Mapping[str, TrainSettings | None], rate: Figure
) -> dict[StageName, dict[str, Forecast]]:
    """Return every stage of the plan in run order with its forecasts."""
    rows = data.test.rows or 0
    answer_tokens = float(result.ground["tokens.output"].value)
    pace = pace_of(question.cards[0], question.calibration, answer_tokens)
    longest = question.scenario.gate.max_new_tokens
    both = answering("evaluate", evaluated_steps(rows, longest, answer_tokens), pace.decode_step)
    evaluate = derive("evaluate.seconds", started_seconds, start_seconds=pace.evaluate_start, work_seconds=both)
    found: dict[StageName, dict[str, Forecast]] = {}
    found["curate"] = timed(pace.curate_start, rate, "reading and checking rows")
    if (trained := settings.get("sft")) is not None:
        found["probe"] = probe_stage(question, result, pace, trained, rate)
    for name in ("adapt", "sft", "dpo"):
        chosen = settings.get(name)
        if chosen is not None:
            watched_rows = (data.valid.rows or 0) if data.valid is not None and name == "sft" else 0
            found[name] = training_stage(result, pace, name, chosen, rate, watched_rows)
    found["evaluate"] = timed(evaluate, rate, "greedy answers of base and tuned on the test rows")
    if question.scenario.training.method != "full":
        once = answering("merge", decode_steps(rows, answer_tokens), pace.merged_step)
        merge = derive("merge.seconds", started_seconds, start_seconds=pace.merge_start, work_seconds=once)
        found["merge"] = timed(merge, rate, "merging, and greedy answers of the merged model")
    found["abplan"] = timed(pace.abplan, rate, "planning the test in production")
    found["account"] = timed(pace.account, rate, "the bill")
    return found
