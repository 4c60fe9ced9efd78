"""One row of a question (column name to text) to one row of an answer: what `advise vram|train|serve` print.

Columns are those of the reference tables. A row that cannot be answered says why in `error`; it never stops the others.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from advisor.catalog import Card, UnknownCardError, UnknownModelError, find_card, find_model
from advisor.columns import Reader, Row, RowFault, method_of, training_setup, weight_format_of
from advisor.hf_config import ConfigError
from advisor.memory import MemoryEstimate, inference_memory, training_memory
from advisor.memory_setup import Method, TrainingSetup
from advisor.replica import Capacity, ServingFault, replica_capacity
from advisor.shape import ModelShape, UnknownTargetError
from advisor.training import PACKED, Fill, TrainingSpeed, training_speed, unpacked_fill
from pricing.units import GIB

MEMORY_COLUMNS: Final = ("allocated_gib", "reserved_gib", "recommended_gib", "low_gib", "high_gib")
SPEED_COLUMNS: Final = ("tokens_per_s", "tokens_per_s_low", "tokens_per_s_high")
SERVE_COLUMNS: Final = ("output_tokens_per_s", "low", "high", "tpot_ms", "ttft_unloaded_ms", "max_concurrency")


FAULTS: Final = (RowFault, UnknownModelError, UnknownCardError, ConfigError, UnknownTargetError, ServingFault)

model_of = cache(find_model)
card_of = cache(find_card)


def fill_of(row: Row, setup: TrainingSetup) -> Fill:
    """Return how full batches are: packed or padded to the cap, stated lengths, or the wide assumption."""
    reader = Reader(row)
    packed = reader.flag("packing", True)
    mean = reader.number("mean_tokens", 0, least=0)
    reader.done()
    if packed or "padded to model_max_length" in reader.text("seq_len_kind"):
        return PACKED
    if mean:
        padded = reader.number("padded_tokens", min(setup.sequence_tokens, 1.5 * mean))
        cap = setup.sequence_tokens
        return Fill(real_share=min(1.0, mean / cap), padded_share=min(1.0, padded / cap))
    return unpacked_fill()


def memory_of(shape: ModelShape, row: Row) -> MemoryEstimate:
    """Return the memory of a row's run, or of serving where its method is inference."""
    reader = Reader(row)
    if method_of(reader) is not Method.INFERENCE:
        return training_memory(shape, training_setup(row))
    generated = re.search(r"then (\d+) generated", reader.text("seq_len_kind"))
    prompt = reader.whole("seq_len")
    new = reader.number("new_tokens", float(generated[1]) if generated else 0.0, least=0)
    concurrency, cards = reader.whole("micro_batch", 1), reader.whole("n_gpus", 1)
    weight_format = weight_format_of(reader, Method.INFERENCE)
    reader.done()
    return inference_memory(
        shape,
        weight_format=weight_format,
        context_tokens=prompt + new,
        concurrency=concurrency,
        prefill_tokens=prompt,
        whole_prompt_logits=_old_transformers(reader.text("versions")),
        cards=cards,
    )


def _old_transformers(versions: str) -> bool:
    """Whether a stated Transformers version is older than 4.45, which stopped making logits of the whole prompt."""
    found = re.search(r"transformers (\d+)\.(\d+)", versions)
    return bool(found) and (int(found[1]), int(found[2])) < (4, 45)


def _gib(value: float) -> float:
    return round(value / GIB, 4)


def memory_answer(estimate: MemoryEstimate) -> dict[str, float]:
    """Return an estimate as columns; low..high covers the peak whether a tool reports allocated or reserved bytes."""
    values = (
        estimate.allocated.value,
        estimate.reserved.value,
        estimate.recommended.value,
        estimate.allocated.low,
        estimate.reserved.high,
    )
    return dict(zip(MEMORY_COLUMNS, map(_gib, values), strict=True))


def speed_of(shape: ModelShape, card: Card, row: Row) -> TrainingSpeed:
    """Return the speed of a row's run on a card, per card."""
    setup = training_setup(row)
    if setup.method is Method.INFERENCE:
        raise RowFault("method is inference, wanted a training method; use `advise serve` for speed of inference")
    return training_speed(shape, card, setup, fill_of(row, setup))


def speed_answer(speed: TrainingSpeed) -> dict[str, float]:
    """Return a speed as columns, real tokens a second and card."""
    values = (speed.tokens_per_second, speed.low, speed.high)
    return dict(zip(SPEED_COLUMNS, (round(v, 2) for v in values), strict=True))


def answer_training(row: Row) -> dict[str, float]:
    """Return memory of a row, and its speed where it names a card."""
    shape = model_of(Reader(row).text("model"))
    answer = memory_answer(memory_of(shape, row))
    gpu = Reader(row).text("gpu")
    if gpu and method_of(Reader(row)) is not Method.INFERENCE:
        answer |= speed_answer(speed_of(shape, card_of(gpu), row))
    return answer


def capacity_of(row: Row) -> Capacity:
    """Return what a row's replica serves, at its concurrency or at the most it can hold."""
    reader = Reader(row)
    n = reader.whole("n_gpu", reader.whole("tp", 1) * reader.whole("pp", 1))
    pipeline = reader.whole("pp", 1)
    limit = reader.number("tpot_limit_ms", 0.0, least=0)
    asked = reader.number("concurrency", 0.0, least=0)
    prompt, generated = reader.number("isl", least=0), reader.number("osl", least=1)
    reader.done()
    return replica_capacity(
        model_of(reader.text("model")),
        card_of(reader.text("gpu")),
        input_tokens_per_task=prompt,
        output_tokens_per_task=generated,
        quant=reader.text("quant", "bf16").lower(),
        cards=max(1, n // pipeline),
        pipeline=pipeline,
        engine=reader.text("engine", "vllm"),
        concurrency=int(asked) or None,
        tpot_limit_seconds=limit / 1000 or None,
    )


def answer_serving(row: Row) -> dict[str, float]:
    """Return throughput and latency of a row's replica as columns."""
    got = capacity_of(row)
    values = (
        got.output_tokens_per_second, got.low, got.high,
        got.tpot_seconds * 1000, got.ttft_unloaded_seconds * 1000, got.max_concurrency,
    )  # fmt: skip
    return dict(zip(SERVE_COLUMNS, (round(v, 3) for v in values), strict=True))


Answer = Callable[[Row], dict[str, float]]
DOORS: Final[Mapping[str, tuple[Answer, tuple[str, ...]]]] = {
    "vram": (answer_training, MEMORY_COLUMNS + SPEED_COLUMNS),
    "train": (answer_training, MEMORY_COLUMNS + SPEED_COLUMNS),
    "serve": (answer_serving, SERVE_COLUMNS),
}
"""Command to the function that answers one row, and the columns it adds."""


def answer_row(door: str, row: Row) -> dict[str, str | float]:
    """Return the row with the door's columns and `error` added; columns stay blank where there is no answer."""
    answer, columns = DOORS[door]
    blank: dict[str, str | float] = dict.fromkeys(columns, "")
    try:
        return {**row, **blank, **answer(row), "error": ""}
    except FAULTS as fault:
        return {**row, **blank, "error": str(fault)}
