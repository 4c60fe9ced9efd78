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
from advisor.library_versions import LAST_LOGITS, transformers_version
from advisor.memory import training_memory
from advisor.memory_intervals import CONTEXT_BYTES, MemoryEstimate
from advisor.memory_serving import KV_FORMATS, inference_memory
from advisor.memory_setup import Method
from advisor.replica import ServingFault
from advisor.shape import ModelShape, UnknownTargetError
from advisor.sizing_serve import SERVE_COLUMNS, answer_serving
from advisor.training import TrainingSpeed, training_speed
from advisor.training_columns import fill_of, kernels_of
from pricing.units import GIB

MEMORY_COLUMNS: Final = ("allocated_gib", "reserved_gib", "recommended_gib", "low_gib", "high_gib")
SPEED_COLUMNS: Final = ("tokens_per_s", "tokens_per_s_low", "tokens_per_s_high")


FAULTS: Final = (RowFault, UnknownModelError, UnknownCardError, ConfigError, UnknownTargetError, ServingFault)

model_of = cache(find_model)
card_of = cache(find_card)


def memory_of(shape: ModelShape, row: Row) -> MemoryEstimate:
    """Return the memory of a row's run, or of serving where its method is inference."""
    reader = Reader(row)
    if method_of(reader) is not Method.INFERENCE:
        return training_memory(shape, training_setup(row, shape.family))
    generated = re.search(r"then (\d+) generated", reader.text("seq_len_kind"))
    prompt = reader.whole("seq_len")
    new = reader.number("new_tokens", float(generated[1]) if generated else 0.0, least=0)
    concurrency, cards = reader.whole("micro_batch", 1), reader.whole("n_gpus", 1)
    weight_format = weight_format_of(reader, Method.INFERENCE)
    kv_format = reader.text("kv_quant", "bf16").lower()
    if kv_format not in KV_FORMATS:
        reader.faults.append(f"kv_quant is {kv_format!r}, wanted one of {', '.join(KV_FORMATS)}")
    reader.done()
    old = transformers_version(row) < LAST_LOGITS
    return inference_memory(
        shape,
        weight_format=weight_format,
        context_tokens=prompt + new,
        concurrency=concurrency,
        prefill_tokens=prompt,
        kv_element_bytes=KV_FORMATS[kv_format],
        whole_prompt_logits=old,
        rotary_tables=old,
        layers_split="device_map" in reader.text("parallelism"),
        cards=cards,
    )


def gib(value: float) -> float:
    """Return bytes as GiB, rounded as the columns are."""
    return round(value / GIB, 4)


def bounds_of(estimate: MemoryEstimate, metric: str = "") -> tuple[float, float]:
    """Return the 90 % interval in bytes of what a metric names, of the allocated peak where it is not given.

    A metric that names no tool is taken to be the card's.
    """
    if "reserved" in metric:
        return estimate.reserved.low, estimate.reserved.high
    if "smi only" in metric or "unspecified" in metric:
        return estimate.recommended.low, max(estimate.recommended.high, estimate.reserved.high + CONTEXT_BYTES)
    return estimate.allocated.low, estimate.allocated.high


def memory_answer(estimate: MemoryEstimate, metric: str = "") -> dict[str, float]:
    """Return an estimate as columns; low..high is the interval of what `metric` names."""
    values = (
        estimate.allocated.value,
        estimate.reserved.value,
        estimate.recommended.value,
        *bounds_of(estimate, metric),
    )
    return dict(zip(MEMORY_COLUMNS, map(gib, values), strict=True))


def speed_of(shape: ModelShape, card: Card, row: Row) -> TrainingSpeed:
    """Return the speed of a row's run on a card, per card."""
    setup = training_setup(row)
    if setup.method is Method.INFERENCE:
        raise RowFault("method is inference, wanted a training method; use `advise serve` for speed of inference")
    return training_speed(shape, card, setup, fill_of(row, setup), kernels_of(row))


def speed_answer(speed: TrainingSpeed) -> dict[str, float]:
    """Return a speed as columns, real tokens a second and card."""
    values = (speed.tokens_per_second, speed.low, speed.high)
    return dict(zip(SPEED_COLUMNS, (round(v, 2) for v in values), strict=True))


def answer_training(row: Row) -> dict[str, float]:
    """Return memory of a row, and its speed where it names a card."""
    shape = model_of(Reader(row).text("model"))
    answer = memory_answer(memory_of(shape, row), Reader(row).text("mem_metric"))
    gpu = Reader(row).text("gpu")
    if gpu and method_of(Reader(row)) is not Method.INFERENCE:
        answer |= speed_answer(speed_of(shape, card_of(gpu), row))
    return answer


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
