"""One row of `advise serve` (column name to text) to one row of its answer. Columns are those of the reference table.

Rows of other tools are read with what their tables are known to mean; `layout_of` says where.
"""

import re
from collections.abc import Sequence
from functools import cache
from math import isqrt
from typing import Final, NamedTuple

from advisor.catalog import Card, find_card
from advisor.columns import Reader, Row
from advisor.replica import Capacity, Layout, fitted, replica_capacity
from advisor.serving_evidence import Evidence, nearest
from advisor.serving_formats import ENGINES, engine_name, release_year
from advisor.serving_measured import Run, time_ratio
from advisor.serving_shapes import Served, find_served
from pricing.units import MILLISECONDS_PER_SECOND

SERVE_COLUMNS: Final = ("output_tokens_per_s", "low", "high", "tpot_ms", "ttft_unloaded_ms", "max_concurrency")
SPLITTING_CARDS: Final = 8
"""Latent attention on more cards than this is run data parallel: a copy of the cache on each would leave no room."""

LOADS: Final = frozenset(
    {"closed_concurrency", "static_batch", "offline_max", "burst_all_at_once", "batch1_decode", "batch1_prefill"}
)

DRAWN_LENGTHS: Final = frozenset({(1024.0, 1024.0), (1024.0, 8192.0), (8192.0, 1024.0)})
DRAWN_MEAN: Final = 0.9
"""InferenceX states the longest input and output of a row: its public harness draws evenly from 0.8 to 1 of them."""

card_of = cache(find_card)


def cards_of(row: Row, cards: int, tensor: int) -> tuple[int, bool]:
    """Return the cards of a row and whether attention is data parallel, from `ep=` and `dp=` in its note.

    One public dump (InferenceX) counts cards of expert-parallel rows squared: 64 with ep=8 are 8 cards. A laboratory's
    rows with `--dp-size` as large as `tp` do so too; attention then splits inside the same cards.
    """
    note = row.get("note") or ""
    root = isqrt(cards)
    if root > 1 and root * root == cards and tensor == root and "dp-size" in note:
        return root, True
    found = re.match(r"ep=(\d+)\S* dp=(\d+)", note)
    if found is None:
        return cards, False
    expert, data = int(found[1]), int(found[2])
    if expert > 1 and root > 1 and (tensor, expert, data) in {(cards, root, 1), (1, root, cards), (root, cards, root)}:
        return root, tensor == 1
    return cards, data > 1


def lengths_of(reader: Reader) -> tuple[float, float]:
    """Return the mean input and output tokens of a row's requests; a missing or odd length is a fault of the reader."""
    lengths = reader.number("isl", least=0), reader.number("osl", least=1)
    drawn = "InferenceX" in reader.text("note") and lengths in DRAWN_LENGTHS
    return (DRAWN_MEAN * lengths[0], DRAWN_MEAN * lengths[1]) if drawn else lengths


def layout_of(row: Row) -> Layout:
    """Return how a row's replica is run. Blank columns: one card, vLLM of today, weights as the model is published.

    Raises RowFault with every column at fault.
    """
    reader = Reader(row)
    stages, tensor = reader.whole("pp", 1), reader.whole("tp", 1)
    stated = reader.text("n_gpu")
    cards = tensor * stages if stated in {"", "0"} else reader.whole("n_gpu")
    engine = engine_name(reader.text("engine"))
    load = reader.text("load", "closed_concurrency")
    reader.done()
    cards, split = cards_of(row, cards, tensor)
    served = find_served(reader.text("model"))
    beside = max(1, cards // stages)
    return Layout(
        quant=reader.text("quant"),
        cards=beside,
        stages=stages,
        engine=engine,
        year=release_year(engine, reader.text("engine_version")) if engine in ENGINES else 0.0,
        split_cache=split or (served.kv_heads == 1 and beside > SPLITTING_CARDS),
        load=load if load in LOADS else "closed_concurrency",
    )


def capacity_of(row: Row, measured_ratio: float | None = None) -> Capacity:
    """Return what a row's replica serves, at its concurrency or at the most it can hold. Raises RowFault."""
    reader = Reader(row)
    limit = reader.number("tpot_limit_ms", 0.0, least=0)
    asked = reader.number("concurrency", 0.0, least=0)
    requests = reader.number("n_requests", 0.0, least=0)
    prompt, generated = lengths_of(reader)
    reader.done()
    return replica_capacity(
        find_served(reader.text("model")),
        card_of(reader.text("gpu")),
        input_tokens_per_task=prompt,
        output_tokens_per_task=generated,
        layout=layout_of(row),
        concurrency=max(1, round(asked)) if asked else None,
        requests=requests or None,
        tpot_limit_seconds=limit / MILLISECONDS_PER_SECOND or None,
        measured_ratio=measured_ratio,
    )


def columns_of(got: Capacity) -> dict[str, float]:
    """Return throughput and latency as the columns of the table's door."""
    values = (
        got.output_tokens_per_second, got.low, got.high, got.tpot_seconds * MILLISECONDS_PER_SECOND,
        got.ttft_unloaded_seconds * MILLISECONDS_PER_SECOND, got.max_concurrency,
    )  # fmt: skip
    return dict(zip(SERVE_COLUMNS, (round(value, 3) for value in values), strict=True))


def answer_serving(row: Row) -> dict[str, float]:
    """Return throughput and latency of a row's replica as columns."""
    return columns_of(capacity_of(row))


class ServeAnswer(NamedTuple):
    """One question answered: the capacity, what it stands on, and the measured rows nearest to it.

    `basis` says what the interval is made of; `ratio` is the user's own time over the formula's, where they measured.
    """

    served: Served
    card: Card
    layout: Layout
    capacity: Capacity
    runs: Sequence[Run]
    ratio: float | None
    evidence: list[Evidence]

    @property
    def columns(self) -> dict[str, float]:
        """The columns that the table's door adds."""
        return columns_of(self.capacity)

    @property
    def basis(self) -> str:
        """What the interval is made of, in a sentence."""
        if self.ratio is not None:
            return f"your {self.runs[0].tool} ({len(self.runs)} runs): {self.ratio:.2f} times the formula's time"
        known = f"card_{self.card.name}" in fitted()
        cards = f"{self.card.name} among them" if known else f"no row of a {self.card.name} among them"
        return f"80 % of published rows of sources held out, {cards}"

    def document(self, row: Row) -> dict[str, object]:
        """Return the answer as plain JSON data: the question's columns, the answer's, memory, basis and evidence."""
        return {
            **row,
            **self.columns,
            "concurrency": self.capacity.concurrency,
            "weight_gib_per_card": round(self.capacity.weight_gib_per_card, 3),
            "cache_gib_per_card": round(self.capacity.cache_gib_per_card, 3),
            "interval": self.basis,
            "evidence": [near._asdict() for near in self.evidence],
            "error": "",
        }


def answer_question(row: Row, runs: Sequence[Run] = ()) -> ServeAnswer:
    """Return one question answered in full; `runs` are the user's own measurements of the same replica."""
    reader = Reader(row)
    served, card, layout = find_served(reader.text("model")), card_of(reader.text("gpu")), layout_of(row)
    ratio = time_ratio(runs, served, card, layout) if runs else None
    got = capacity_of(row, ratio)
    lengths = reader.number("isl", least=0), reader.number("osl", least=1)
    near = nearest(served, card, layout, lengths, got.concurrency)
    return ServeAnswer(served, card, layout, got, runs, ratio, near)
