"""The page of one memory question: three sizes, components, moments, what a card holds, the cheapest; 80 columns."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from advisor.catalog import Card
from advisor.memory_fit import Rent, Room
from advisor.memory_intervals import Interval, MemoryEstimate
from advisor.memory_setup import Component
from pricing.units import GIB

BAR: Final = 20  # columns of the longest bar
RENTS_SHOWN: Final = 3  # enough to see the next best; JSON lists them all
MEANINGS: Final[Mapping[Component, str]] = {
    Component.WEIGHTS: "the model",
    Component.ADAPTERS: "trained beside the model",
    Component.GRADIENTS: "of what is trained",
    Component.OPTIMIZER: "states, and a master copy if kept",
    Component.ACTIVATIONS: "kept for backward, and at work",
    Component.LOGITS: "and what the loss makes of them",
    Component.DEQUANT: "weights unpacked or gathered",
    Component.KV_CACHE: "what attention caches",
    Component.CONTEXT: "driver and libraries",
    Component.ALLOCATOR: "temporaries, and room to work",
}


class Question(NamedTuple):
    """What was asked, in the words of the page, and the card it was asked about, if any."""

    model: str
    method: str
    batch: str
    cards: int
    card: Card | None = None
    room: Room | None = None


def gib(size: float) -> str:
    """Return bytes as GiB with two decimals."""
    return f"{size / GIB:,.2f}"


def size_line(name: str, size: Interval, meaning: str) -> str:
    """Return one of the three sizes with its interval."""
    return f"  {name:<12}{gib(size.value):>8} GiB  ({gib(size.low)} .. {gib(size.high)})".ljust(47) + meaning


def component_lines(estimate: MemoryEstimate) -> list[str]:
    """Return every component, the largest first, with a bar and what it is."""
    parts = sorted(((part, size) for part, size in estimate.components.items() if size), key=lambda item: -item[1])
    longest = parts[0][1]
    bars = {part: "#" * max(1, round(BAR * size / longest)) for part, size in parts}
    return [f"  {part.value:<12}{gib(size):>8}  {bars[part]:<{BAR}} {MEANINGS[part]}" for part, size in parts]


def card_lines(asked: Question, estimate: MemoryEstimate) -> list[str]:
    """Return whether the card holds it, and how much more it would."""
    if asked.card is None:
        return []
    need, have = estimate.recommended.value, asked.card.usable_bytes
    verdict = "it fits" if need <= have else f"it does not fit: {gib(need - have)} GiB short"
    lines = [f"On {asked.cards} x {asked.card.name} ({gib(have)} GiB usable each): {verdict}."]
    if asked.room is not None:
        batch, tokens = asked.room.largest_batch, asked.room.longest_sequence_tokens
        lines.append(f"  largest batch at this length {batch:,}; longest sequence at this batch {tokens:,} tokens")
        if not batch:
            lines.append("  not one sequence fits: more cards, a shorter sequence, or a smaller method")
    return ["", *lines]


def rent_lines(rents: Sequence[Rent], cards: int, day: str, trains: bool) -> list[str]:
    """Return the cheapest cards that hold it, with price and date; what to do where none does, or `run` cannot."""
    if not rents:
        return ["", f"No card with a firm price on {day} holds it on {cards}: spread it over more cards (--cards)."]
    lines = [f"Cheapest cards that hold it, prices of {day}:"]
    for rent in rents[:RENTS_SHOWN]:
        name = rent.card.name + "*" * (trains and not rent.card.native_bf16)
        lines.append(f"  {name:<16}{rent.usd_per_hour:>8.2f} USD / hour  {rent.offer}"[:80])
    if trains and not all(rent.card.native_bf16 for rent in rents[:RENTS_SHOWN]):
        lines.append("  * has no bfloat16: `run` does not train on it")
    return ["", *lines]


def memory_page(asked: Question, estimate: MemoryEstimate, rents: Sequence[Rent], day: str) -> str:
    """Return the page of one question."""
    each = " each" if asked.cards > 1 else ""
    lines = [
        f"{asked.model}, {asked.method}, {asked.batch}, {asked.cards} card{'s' if asked.cards > 1 else ''}",
        "",
        size_line("allocated", estimate.allocated, f"tensors at the peak{each}"),
        size_line("reserved", estimate.reserved, "what the allocator holds"),
        size_line("recommended", estimate.recommended, f"what a card must have{each}"),
        "",
        f"Where the recommended {gib(estimate.recommended.value)} GiB go"
        + (f"; the peak is at the {estimate.peak_phase.value}:" if estimate.peak_phase else ":"),
        *component_lines(estimate),
    ]
    if estimate.phases:
        moments = "   ".join(f"{phase.value} {gib(size)}" for phase, size in estimate.phases.items())
        lines += ["", "Allocated at each moment of a step, GiB:", f"  {moments}"]
    return "\n".join(
        [*lines, *card_lines(asked, estimate), *rent_lines(rents, asked.cards, day, bool(estimate.phases))]
    )
