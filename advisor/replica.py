"""From a model, cards and an engine to a Replica, and from a Replica to a capacity with its measured interval."""

from collections.abc import Mapping
from functools import cache
from math import log2
from typing import Any, Final, NamedTuple

from advisor import serving
from advisor.catalog import Card
from advisor.data_files import constants
from advisor.serving_formats import ENGINES, FORMATS, NEWEST_YEAR, Engine, Format, batch_limit, format_name
from advisor.serving_shapes import Served, served_of
from advisor.shape import ModelShape
from pricing.figure import Figure, Number
from pricing.units import GIB

TABLE: Final = "serving_efficiency.csv"
SLOW_LINK_BYTES_PER_SECOND: Final = 50e9  # below it cards talk over PCIe, above it over NVLink or its like
HALF_BITS: Final = 16  # a format that computes at the 16-bit rate


class ServingFault(ValueError):
    """A serving question without an answer: it does not fit, or a format is not known; the message has the remedy."""


class Layout(NamedTuple):
    """How a replica is run: weight format, cards side by side, stages after one another, engine and its version's date.

    `split_cache`: attention is data parallel, so that cards share no cache (usual for latent attention on many cards).
    `load`: how requests come, by the reference's words; a closed loop of so many requests at a time is the usual one.
    """

    quant: str = "bf16"
    cards: int = 1
    stages: int = 1
    engine: str = "vllm"
    year: float = NEWEST_YEAR
    split_cache: bool = False
    load: str = "closed_concurrency"


USUAL: Final = Layout()
"""One card, 16 bits, vLLM of today."""


class Capacity(NamedTuple):
    """What one replica does at its best concurrency within the limits.

    `low`..`high` hold 80 % of measured rows of sources that were not fitted; the tasks' bounds hold 90 %.
    """

    concurrency: int
    max_concurrency: int
    output_tokens_per_second: float
    low: float
    high: float
    tpot_seconds: float
    ttft_unloaded_seconds: float
    tasks_per_hour: float
    tasks_per_hour_low: float
    tasks_per_hour_high: float
    interval: Figure
    weight_gib_per_card: float
    cache_gib_per_card: float


@cache
def fitted() -> dict[str, Any]:
    """Return the fitted constants and ratios by name, as plain numbers."""
    return {name: figure.value for name, figure in constants(TABLE).items()}


def rate_of(card: Card, bits: int) -> float:
    """Return the dense rate a card computes a format with; a card without it computes in 16 bits."""
    if bits == 4 and card.architecture == "Blackwell" and card.fp8_flops_per_second:
        return 2 * card.fp8_flops_per_second
    if bits == 8 and card.fp8_flops_per_second and card.native_fp8:
        return card.fp8_flops_per_second
    return card.bf16_flops_per_second


def _format(served: Served, word: str) -> Format:
    name = format_name(word, served.native)
    if name not in FORMATS:
        raise ServingFault(f"quant {word!r} is not known; known: {', '.join(FORMATS)}")
    return FORMATS[name]


def _engine(name: str) -> Engine:
    if name not in ENGINES:
        raise ServingFault(f"engine {name!r} is not known; known: {', '.join(ENGINES)}")
    return ENGINES[name]


def _cache_shards(served: Served, layout: Layout) -> int:
    """Return over how many cards the cache is split: tensor parallelism cannot split a key head."""
    return layout.cards if layout.split_cache else min(layout.cards, max(1, served.kv_heads))


def _bytes(served: Served, form: Format, engine: Engine) -> dict[str, float]:
    """Return weights in bytes. A 4-bit mixture keeps all but its experts, a 4-bit model its head, in 16 bits."""
    half = FORMATS["bf16"].bytes_per_parameter
    small = form.bytes_per_parameter
    inner = half if served.experts and small < 1 else small
    outer = small if form.whole_file or engine.whole_file else half
    dense = served.inner_parameters * inner + served.outer_parameters * outer
    experts = served.expert_parameters * small
    return {
        "dense_weight_bytes": dense,
        "expert_weight_bytes": experts,
        "resident_bytes": dense + experts + served.lookup_parameters * outer,
    }


def plain_replica(served: Served, card: Card, layout: Layout) -> serving.Replica:
    """Return the physics of a model on its cards, every fitted ratio still 1. Raises ServingFault for unknown words."""
    form, engine = _format(served, layout.quant), _engine(layout.engine)
    cache = 0.5 if engine.eight_bit_cache and form.bits < HALF_BITS else 1.0
    return serving.Replica(
        **_bytes(served, form, engine),
        experts=served.experts,
        experts_per_token=served.experts_per_token,
        active_parameters=served.active_parameters,
        layers=served.layers,
        hidden_size=served.hidden_size,
        query_width=served.query_width,
        kv_bytes_per_token=served.kv_bytes_per_token * cache,
        window_bytes_per_token=served.window_bytes_per_token * cache,
        window_tokens=served.window_tokens,
        state_bytes=served.state_bytes,
        cache_shards=_cache_shards(served, layout),
        cards=layout.cards,
        rounds=log2(layout.cards),
        stages=layout.stages,
        bandwidth_bytes_per_second=card.bandwidth_bytes_per_second,
        flops_per_second=rate_of(card, form.bits),
        half_flops_per_second=card.bf16_flops_per_second,
        link_bytes_per_second=card.link_bytes_per_second,
        memory_bytes=card.usable_bytes,
    )


def ratio_names(served: Served, card: Card, layout: Layout) -> dict[str, tuple[str, ...]]:
    """Return, for each ratio of a Replica, the names of the fitted factors that make it."""
    form = _format(served, layout.quant)
    family = "compiled" if _engine(layout.engine).compiled else "scheduled"
    weight_only = form.bits == HALF_BITS and form.bytes_per_parameter < 1
    return {
        "slow_ratio": (
            f"engine_{layout.engine}",
            f"architecture_{card.architecture}",
            f"card_{card.name}",
            f"load_{layout.load}",
        ),
        "overhead_ratio": (f"overhead_{layout.engine}", f"overhead_{family}"),
        "stream_ratio": ("unpack_ratio",) if weight_only else (),
        "rate_ratio": (f"rate_{form.bits}bit_ratio",) if form.bits < HALF_BITS else (),
        "hop_ratio": ("slow_link_ratio",) if card.link_bytes_per_second < SLOW_LINK_BYTES_PER_SECOND else (),
    }


def age_exponents(layout: Layout) -> tuple[float, float]:
    """Return years before NEWEST_YEAR that slow the whole step, and those that slow Python's overheads."""
    years = NEWEST_YEAR - layout.year
    return years, 0.0 if ENGINES[layout.engine].compiled else years


def age_factors(years: Number, python_years: Number, k: Mapping[str, Any]) -> dict[str, Number]:
    """Return what the two ages of `age_exponents` do to each ratio; streaming weights was as fast then as now."""
    whole = k["age_ratio"] ** years
    return {
        "slow_ratio": whole,
        "stream_ratio": whole,
        "cache_ratio": 1 / k["cache_age_ratio"] ** years,
        "overhead_ratio": k["overhead_age_ratio"] ** python_years,
        "sequence_ratio": k["sequence_age_ratio"] ** python_years,
    }


@cache
def replica_of(served: Served, card: Card, layout: Layout) -> serving.Replica:
    """Return a model on `cards` that work together and `stages` that follow each other, with its fitted ratios.

    Stages add memory, not speed, to one batch. Raises ServingFault for a format or an engine that is not known.
    """
    table = fitted()
    ratios: dict[str, Number] = {}
    for ratio, names in ratio_names(served, card, layout).items():
        ratios[ratio] = 1.0
        for name in names:
            ratios[ratio] *= table.get(name, 1.0)
    for ratio, factor in age_factors(*age_exponents(layout), table).items():
        ratios[ratio] = ratios.get(ratio, 1.0) * factor
    return plain_replica(served, card, layout)._replace(**ratios)


def interval_of(card: Card) -> tuple[Figure, Figure]:
    """Return the 80 % and the 90 % interval of truth over prediction: wider for a card that was never fitted."""
    table = constants(TABLE)
    known = "known" if f"card_{card.name}" in table else "unknown"
    return table[f"interval80_{known}_card_ratio"], table[f"interval90_{known}_card_ratio"]


def replica_capacity(
    shape: ModelShape | Served,
    card: Card,
    *,
    input_tokens_per_task: float,
    output_tokens_per_task: float,
    layout: Layout = USUAL,
    concurrency: int | None = None,
    requests: float | None = None,
    tpot_limit_seconds: float | None = None,
    measured_ratio: float | None = None,
) -> Capacity:
    """Return what one replica serves: at `concurrency`, or at the most that memory, engine and the TPOT limit allow.

    `requests`: a run of so few requests that its tail counts. `measured_ratio`: measured time over the formula's time,
    from the user's own run; the interval is then that of one measurement. Raises ServingFault where the weights do not
    fit, or no concurrency keeps the limit.
    """
    served = shape if isinstance(shape, Served) else served_of(shape)
    replica = replica_of(served, card, layout)
    if measured_ratio is not None:
        replica = replica._replace(slow_ratio=replica.slow_ratio * measured_ratio)
    lengths, k = (input_tokens_per_task, output_tokens_per_task), fitted()
    ceiling = _ceiling(replica, served, card, sum(lengths))
    most = min(ceiling, batch_limit(layout.engine, layout.year, card))
    used = most if concurrency is None else min(concurrency, most)
    if tpot_limit_seconds is not None:
        used = serving.concurrency_within(replica, *lengths, tpot_limit_seconds, used, k)
    if used == 0:
        raise ServingFault(
            f"{served.name} on {layout.cards} x {card.name}: even one sequence takes longer than "
            f"{tpot_limit_seconds} s a token; take a faster card, more cards or a smaller format"
        )
    running = used if requests is None else max(1.0, serving.running_sequences(used, requests, k))
    bounds = _measured_interval() if measured_ratio is not None else interval_of(card)
    return _capacity(replica, (used, ceiling, running), lengths, bounds, k)


def _measured_interval() -> tuple[Figure, Figure]:
    table = constants(TABLE)
    return table["interval80_measured_ratio"], table["interval90_measured_ratio"]


def _capacity(
    replica: serving.Replica,
    sequences: tuple[int, int, float],
    lengths: tuple[float, float],
    bounds: tuple[Figure, Figure],
    k: Mapping[str, Any],
) -> Capacity:
    used, ceiling, running = sequences
    speed = serving.output_tokens_per_second(replica, running, *lengths, k)
    tasks = serving.capacity_tasks_per_hour(replica, running, *lengths, k)
    cards = replica.cards * replica.stages
    return Capacity(
        concurrency=used,
        max_concurrency=ceiling,
        output_tokens_per_second=speed,
        low=speed * bounds[0].low,
        high=speed * bounds[0].high,
        tpot_seconds=serving.output_token_seconds(replica, running, *lengths, k),
        ttft_unloaded_seconds=serving.prefill_seconds(replica, lengths[0], k)
        + serving.decode_step_seconds(replica, 1, lengths[0], k),
        tasks_per_hour=tasks,
        tasks_per_hour_low=tasks * bounds[1].low,
        tasks_per_hour_high=tasks * bounds[1].high,
        interval=bounds[1],
        weight_gib_per_card=replica.resident_bytes / cards / GIB,
        cache_gib_per_card=used
        * serving.cache_bytes(replica, sum(lengths))
        / replica.cache_shards
        / replica.stages
        / GIB,
    )


def _ceiling(replica: serving.Replica, served: Served, card: Card, held_tokens: float) -> int:
    ceiling = int(serving.max_concurrency(replica, held_tokens))
    if ceiling < 1:
        raise ServingFault(
            f"{served.name} does not fit {replica.cards * replica.stages} x {card.name}: weights "
            f"{replica.resident_bytes / GIB:.1f} GiB leave no room for {held_tokens:.0f} tokens of cache; "
            f"take more cards, a larger card or a smaller format"
        )
    return ceiling
