"""What fits a card: the largest batch, the longest sequence, and the cheapest rented cards that hold a run; pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from advisor.catalog import Card
from advisor.memory import training_memory
from advisor.memory_intervals import MemoryEstimate
from advisor.memory_setup import TrainingSetup
from advisor.shape import ModelShape

LARGEST: Final = 2**20
"""Where the search for a size ends: no batch and no sequence of training is larger."""


class Room(NamedTuple):
    """What a card holds of a run: whether it fits as asked, rows at its length, tokens at its batch; 0 for none."""

    fits: bool
    largest_batch: int
    longest_sequence_tokens: int


def largest(holds: Callable[[int], bool]) -> int:
    """Return the largest whole number that holds, 0 if 1 does not; `holds` must not come back once it fails."""
    if not holds(1):
        return 0
    good, bad = 1, 2
    while bad < LARGEST and holds(bad):
        good, bad = bad, 2 * bad
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def room_on(shape: ModelShape, setup: TrainingSetup, usable_bytes: float) -> Room:
    """Return what fits in a card's usable bytes, by the recommended size."""

    def holds(micro_batch: int, sequence_tokens: int) -> bool:
        asked = replace(setup, micro_batch=micro_batch, sequence_tokens=sequence_tokens)
        return training_memory(shape, asked).recommended.value <= usable_bytes

    longest = largest(lambda tokens: holds(setup.micro_batch, tokens))
    return Room(
        holds(setup.micro_batch, setup.sequence_tokens),
        largest(lambda batch: holds(batch, setup.sequence_tokens)),
        min(longest, shape.max_positions or longest),
    )


class Rent(NamedTuple):
    """Cards that hold a run, by the hour: all cards billed, and who lets them (with the day of the price)."""

    card: Card
    usd_per_hour: float
    offer: str


def cheapest_rents(needed: MemoryEstimate, rents: Iterable[Rent]) -> list[Rent]:
    """Return the cheapest rent of every kind of card that has the recommended memory, the cheapest first."""
    best: dict[str, Rent] = {}
    for rent in rents:
        held = best.get(rent.card.name)
        roomy = needed.recommended.value <= rent.card.usable_bytes
        if roomy and (held is None or rent.usd_per_hour < held.usd_per_hour):
            best[rent.card.name] = rent
    return sorted(best.values(), key=lambda rent: rent.usd_per_hour)
