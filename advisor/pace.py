"""Fixed times of a run on one kind of machine: starting a stage, a step of an answer; assumed, or measured by runs.

Every constant is an assumed figure with its reason and ends; a calibrated machine brings measured ones.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from advisor.map import LOCAL
from pricing.figure import Figure, assumed

if TYPE_CHECKING:
    from advisor.calibration import Calibration

ANSWER_BATCH_ROWS = 16
"""The runner answers test rows in batches of this size."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Fixed times of one kind of machine: starting a stage, one row of curation, one decoding step, keeping memory."""

    setup: Figure
    curate_start: Figure
    train_start: Figure
    evaluate_start: Figure
    merge_start: Figure
    decode_step: Figure
    merged_step: Figure
    abplan: Figure
    account: Figure
    process_bytes: Figure


LOCAL_PACE = Pace(
    setup=assumed("setup.time", 9, "seconds", "importing the training stack, checking the plan's digests", 4, 30),
    curate_start=assumed("curate.start", 1, "seconds", "reading, comparing and tokenizing rows", 0.3, 5),
    train_start=assumed("train.start", 6, "seconds", "loading, adapters, checkpoints", 2, 20),
    evaluate_start=assumed("evaluate.start", 7, "seconds", "loading two models, the guards' requests and texts", 2, 25),
    merge_start=assumed("merge.start", 4, "seconds", "dequantising, writing, reading back, comparing", 1, 15),
    decode_step=assumed("decode.step", 0.025, "seconds_per_step", "16 rows, one token each, small 4-bit model, 2 cores",
                        0.01, 0.06),
    merged_step=assumed("merged.step", 0.015, "seconds_per_step", "16 rows, one token each, small model, 2 cores",
                        0.006, 0.04),
    abplan=assumed("abplan.time", 0.05, "seconds", "a page of text, made durable", 0.01, 0.5),
    account=assumed("account.time", 0.5, "seconds", "reading the ledger, writing the report", 0.1, 3),
    process_bytes=assumed("process.bytes", 90_000_000, "bytes",
                          "growth of a process while it trains: code paged in, buffers of the allocator",
                          20_000_000, 600_000_000),
)  # fmt: skip
CARD_PACE = Pace(
    setup=assumed("setup.time", 40, "seconds", "importing the training stack, checking the plan's digests", 10, 120),
    curate_start=assumed("curate.start", 10, "seconds", "reading, comparing and tokenizing rows", 2, 60),
    train_start=assumed("train.start", 120, "seconds", "reading weights, quantising, checkpoints", 30, 600),
    evaluate_start=assumed(
        "evaluate.start", 150, "seconds", "loading two models, the guards' requests and texts", 45, 600
    ),
    merge_start=assumed("merge.start", 300, "seconds", "dequantising, writing and reading 16-bit weights", 60, 1500),
    decode_step=assumed("decode.step", 0.06, "seconds_per_step", "one step of generate() on a card", 0.025, 0.15),
    merged_step=assumed("merged.step", 0.06, "seconds_per_step", "one step of generate() on a card", 0.025, 0.15),
    abplan=assumed("abplan.time", 0.05, "seconds", "a page of text, made durable", 0.01, 0.5),
    account=assumed("account.time", 1, "seconds", "reading the ledger, writing the report", 0.2, 5),
    process_bytes=assumed("process.bytes", 0, "bytes", "the card's own figure is the forecast"),
)


def decode_steps(rows: int, tokens: float) -> float:
    """Return the steps of answering so many rows in batches, `tokens` for each batch."""
    return math.ceil(rows / ANSWER_BATCH_ROWS) * tokens


def evaluated_steps(rows: int, longest_tokens: float, answer_tokens: float) -> float:
    """Return the steps of answering with the base, which does not know where to end, and with the tuned model."""
    return decode_steps(rows, longest_tokens) + decode_steps(rows, answer_tokens)


def number(part: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a record, None where it has none."""
    value = part.get(name)
    return float(value) if isinstance(value, int | float) else None


def answers_of(run: Mapping[str, Any], stage: str) -> tuple[float, int, float] | None:
    """Return seconds of answering, rows, and the longest answer in tokens that was allowed; None if not measured."""
    part: Mapping[str, Any] = run["stages"].get(stage) or {}
    seconds, rows, longest = (number(part, name) for name in ("answer_seconds", "rows", "max_new_tokens"))
    return None if seconds is None or not rows or not longest else (seconds, int(rows), longest)


def evaluated_step(run: Mapping[str, Any], tokens: float) -> float | None:
    """Return the seconds of a decoding step in a run's evaluation, counted as the forecast counts; None of 0 tokens."""
    found = answers_of(run, "evaluate")
    return None if found is None or not tokens else found[0] / evaluated_steps(found[1], found[2], tokens)


def merged_step(run: Mapping[str, Any], tokens: float) -> float | None:
    """Return the seconds of a decoding step of a run's merged model, counted as the forecast does; None of 0 tokens."""
    found = answers_of(run, "merge")
    return None if found is None or not tokens else found[0] / decode_steps(found[1], tokens)


def pace_of(card: str, known: "Calibration | None", answer_tokens: float) -> Pace:
    """Return the fixed times of the training machine: as earlier runs there measured them, else as assumed."""
    pace = LOCAL_PACE if card == LOCAL else CARD_PACE
    if known is None:
        return pace

    measured = {
        "setup": known.figure("setup.time", "seconds", lambda run: number(run, "setup_seconds")),
        "curate_start": known.seconds("curate.start", "curate"),
        "train_start": known.start("train.start", "sft", "steps"),
        "evaluate_start": known.start("evaluate.start", "evaluate", "answer_seconds"),
        "merge_start": known.start("merge.start", "merge", "answer_seconds"),
        "decode_step": known.figure("decode.step", "seconds_per_step", partial(evaluated_step, tokens=answer_tokens)),
        "merged_step": known.figure("merged.step", "seconds_per_step", partial(merged_step, tokens=answer_tokens)),
        "abplan": known.seconds("abplan.time", "abplan"),
        "account": known.seconds("account.time", "account"),
    }
    return replace(pace, **{name: figure for name, figure in measured.items() if figure is not None})
