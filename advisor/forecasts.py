"""What a run will take, stage by stage: seconds, money, tokens, steps and peak memory, each with a 90 % interval.

Every constant is an assumed figure with its reason and ends; a calibrated machine brings measured ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from advisor.advise import Question, Result
from advisor.map import LOCAL
from advisor.plan import DataRef, Forecast, StageName, TrainSettings
from advisor.spread import in_squares, interval
from pricing.figure import Figure, Kind, assumed, derive
from pricing.units import SECONDS_PER_HOUR

ANSWER_BATCH_ROWS = 16
"""The runner answers test rows in batches of this size."""


TOKENIZER_SPREAD = (0.7, 1.4)
"""The model's own tokenizer against the one the scenario counted with: spread over texts and tokenizers, assumed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Fixed times of one kind of machine: starting a stage, one row of curation, one decoding step, keeping memory."""

    setup: Figure
    curate_start: Figure
    train_start: Figure
    evaluate_start: Figure
    merge_start: Figure
    decode_step: Figure
    account: Figure
    process_bytes: Figure


LOCAL_PACE = Pace(
    setup=assumed("setup.time", 9, "seconds", "importing the training stack, checking the plan's digests", 4, 30),
    curate_start=assumed("curate.start", 1, "seconds", "reading, comparing and tokenizing rows", 0.3, 5),
    train_start=assumed("train.start", 6, "seconds", "loading, adapters, checkpoints", 2, 20),
    evaluate_start=assumed("evaluate.start", 2, "seconds", "loading two models", 1, 8),
    merge_start=assumed("merge.start", 4, "seconds", "dequantising, writing, reading back, comparing", 1, 15),
    decode_step=assumed("decode.step", 0.012, "seconds_per_step", "a batch of 16 rows, one token each, small model",
                        0.006, 0.05),
    account=assumed("account.time", 0.5, "seconds", "reading the ledger, writing the report", 0.1, 3),
    process_bytes=assumed("process.bytes", 250_000_000, "bytes",
                          "growth of a process while it trains: code paged in, buffers of the allocator",
                          80_000_000, 900_000_000),
)  # fmt: skip
CARD_PACE = Pace(
    setup=assumed("setup.time", 40, "seconds", "importing the training stack, checking the plan's digests", 10, 120),
    curate_start=assumed("curate.start", 10, "seconds", "reading, comparing and tokenizing rows", 2, 60),
    train_start=assumed("train.start", 120, "seconds", "reading weights, quantising, checkpoints", 30, 600),
    evaluate_start=assumed("evaluate.start", 90, "seconds", "loading two models", 30, 400),
    merge_start=assumed("merge.start", 300, "seconds", "dequantising, writing and reading 16-bit weights", 60, 1500),
    decode_step=assumed("decode.step", 0.06, "seconds_per_step", "one step of generate() on a card", 0.025, 0.15),
    account=assumed("account.time", 1, "seconds", "reading the ledger, writing the report", 0.2, 5),
    process_bytes=assumed("process.bytes", 0, "bytes", "the card's own figure is the forecast"),
)


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
    """Return the letter of the weakest leaf below a figure."""
    letters: dict[Kind, Literal["q", "m", "a"]] = {Kind.QUOTED: "q", Kind.MEASURED: "m"}
    return letters.get(figure.grade, "a")


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


def decode_steps(rows: int, tokens: float) -> float:
    """Return the steps of answering so many rows in batches, `tokens` for each batch."""
    return math.ceil(rows / ANSWER_BATCH_ROWS) * tokens


def answering(pace: Pace, name: str, steps: float) -> Figure:
    """Return seconds of greedy answers; a small model's step is bound by overheads, a card's by memory and launches."""
    count = assumed(f"{name}.steps", steps, "steps", "batches of 16 test rows, tokens of the longest answer in each")
    return derive(f"{name}.answers", decoded_seconds, decode_steps=count, decode_seconds_per_step=pace.decode_step)


def training_stage(result: Result, pace: Pace, name: str, settings: TrainSettings, rate: Figure) -> dict[str, Forecast]:
    """Return the forecast of a training stage; its tokens are those of the tasks, without padding."""
    estimates = result.estimates
    steps = assumed(f"{name}.steps", settings.max_steps, "steps", "the plan's settings")
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
    formula = estimates.memory_of(setup).allocated
    held = derive(
        f"{name}.held",
        held_bytes,
        formula_bytes=assumed("formula.bytes", formula.value, "bytes", "components at the peak phase", formula.low,
                              formula.high),
        process_bytes=pace.process_bytes,
    )  # fmt: skip
    whole = settings.max_steps * float(tokens.value)
    fewer, more = TOKENIZER_SPREAD
    return {
        **timed(seconds, rate, f"steps at the speed of {name}"),
        "steps": certain(settings.max_steps, "steps", "the plan's settings"),
        "tokens": Forecast(value=whole, low=whole * fewer, high=whole * more, unit="tokens", grade="a",
                           basis="tokens of a task as the scenario states them; the model's own tokenizer differs"),
        "peak_bytes": forecast(held, "bytes", "components at the peak phase, and the process"),
    }  # fmt: skip


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
    pace = LOCAL_PACE if question.cards[0] == LOCAL else CARD_PACE
    return timed(pace.setup, rate, "starting up")


def forecast_stages(
    question: Question, result: Result, data: DataRef, settings: Mapping[str, TrainSettings | None], rate: Figure
) -> dict[StageName, dict[str, Forecast]]:
    """Return every stage of the plan in run order with its forecasts."""
    pace = LOCAL_PACE if question.cards[0] == LOCAL else CARD_PACE
    rows = data.test.rows or 0
    answer_tokens = float(result.ground["tokens.output"].value)
    longest = question.scenario.gate.max_new_tokens
    both = answering(pace, "evaluate", decode_steps(rows, longest) + decode_steps(rows, answer_tokens))
    evaluate = derive("evaluate.seconds", started_seconds, start_seconds=pace.evaluate_start, work_seconds=both)
    found: dict[StageName, dict[str, Forecast]] = {}
    found["curate"] = timed(pace.curate_start, rate, "reading and checking rows")
    for name in ("adapt", "sft"):
        chosen = settings[name]
        if chosen is not None:
            found[name] = training_stage(result, pace, name, chosen, rate)
    found["evaluate"] = timed(evaluate, rate, "greedy answers of base and tuned on the test rows")
    if question.scenario.training.method != "full":
        once = answering(pace, "merge", decode_steps(rows, answer_tokens))
        merge = derive("merge.seconds", started_seconds, start_seconds=pace.merge_start, work_seconds=once)
        found["merge"] = timed(merge, rate, "merging, and greedy answers of the merged model")
    found["account"] = timed(pace.account, rate, "the bill")
    return found
