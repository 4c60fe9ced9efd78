"""One question of `advise serve` as a page of text."""

from typing import Final

from advisor.serving_evidence import Evidence
from advisor.sizing_serve import ServeAnswer
from pricing.units import GIB, MILLISECONDS_PER_SECOND

UNLOADED: Final = (
    "alone on the replica: under load a request waits in a queue,",
    "which no tool predicts well (46 % off at best)",
)
WIDTH: Final = 24  # characters of the label column, chosen for the longest label


def _line(label: str, text: str) -> str:
    return f"{label:<{WIDTH}}{text}"


def serving_page(answer: ServeAnswer) -> str:
    """Return throughput with its interval, latency, memory, and the measured rows nearest to the question."""
    got = answer.capacity
    lines = [
        _line("replica", _replica(answer)),
        _line("output tokens/s", f"{got.output_tokens_per_second:,.0f}  ({got.low:,.0f} to {got.high:,.0f})"),
        _line("", answer.basis),
        _line("tasks/hour", f"{got.tasks_per_hour:,.0f}"),
        _line("time between tokens", f"{got.tpot_seconds * MILLISECONDS_PER_SECOND:.1f} ms"),
        _line("time to first token", f"{got.ttft_unloaded_seconds * MILLISECONDS_PER_SECOND:.0f} ms unloaded"),
        *(_line("", text) for text in UNLOADED),
        _line("requests at a time", f"{got.concurrency:,} of at most {got.max_concurrency:,} in memory"),
        _line("memory per card", _memory(answer)),
    ]
    if answer.evidence:
        lines += ["", "Nearest measured rows (distance 0: the same; 0.7: a factor 2 in one respect):"]
        lines += [_evidence(row) for row in answer.evidence]
    return "\n".join(line.rstrip() for line in lines)


def _replica(answer: ServeAnswer) -> str:
    layout = answer.layout
    cards = f"{layout.cards * layout.stages} x {answer.card.name}"
    return f"{answer.served.name}, {layout.quant or answer.served.native}, {cards}, {layout.engine}"


def _memory(answer: ServeAnswer) -> str:
    got, card = answer.capacity, answer.card.usable_bytes / GIB
    return (
        f"{got.weight_gib_per_card:.1f} GiB weights + {got.cache_gib_per_card:.1f} GiB cache of {card:.1f} GiB usable"
    )


def _evidence(row: Evidence) -> str:
    tpot = f", {row.tpot_ms:g} ms a token" if row.tpot_ms is not None else ""
    return (
        f"  {row.distance:4.2f}  {row.output_tokens_per_second:,.0f} tokens/s{tpot}: {row.model} {row.quant}, "
        f"{row.cards} x {row.gpu}, {row.engine},\n        {row.input_tokens:,.0f} in, {row.output_tokens:,.0f} out, "
        f"{row.concurrency:,.0f} at a time; {row.source}"
    )
