"""What the book already knows, which adapters need to read a price list: cards, instances, providers, the day."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from pricing.names import CardNames
from pricing.sources.answer import Row, filled

MEMORY_TOLERANCE: Final = Decimal("0.15")
"""Lists state a card's memory in GB, GiB or what the driver reports: 80, 79.6 and 74.5 are one card, 40 and 80 two."""


class Machine(NamedTuple):
    """The cards of an instance, as a reviewed line of the book has them."""

    card: str
    cards: int
    memory_gb: Decimal


class Known(NamedTuple):
    """What the book knows on the day of a refresh; instances by (provider, instance), regions as such pairs too."""

    day: date
    cards: CardNames
    api_providers: frozenset[str]
    machines: Mapping[tuple[str, str], Machine]
    memory_gb: Mapping[str, Decimal]
    regions: frozenset[tuple[str, str]]

    def machine(
        self, provider: str, instance: str, labels: list[str], count: int | None, memory_gb: Decimal | None
    ) -> tuple[Machine, str] | None:
        """Return (cards of an instance, confidence), or None where they cannot be told.

        A reviewed instance is `seen`; a card told by its label is `weak`: lists often leave the form factor out.
        """
        reviewed = self.machines.get((provider, instance))
        if reviewed is not None and count in (None, reviewed.cards):
            return reviewed, "seen"
        sizes = [size for size in sorted(set(self.memory_gb.values())) if memory_gb and alike(size, memory_gb)]
        for label in [*labels, *(f"{label} {size:f}GB" for label in labels for size in sizes)]:
            card = self.cards.by_spelling.get(CardNames.spelling(label))
            memory = self.memory_gb.get(card or "")
            if card and count and memory and (memory_gb is None or alike(memory, memory_gb)):
                return Machine(card, count, memory), "weak"
        return None


def alike(one: Decimal, other: Decimal) -> bool:
    """Tell whether two statements of memory mean the same card."""
    return abs(one - other) <= MEMORY_TOLERANCE * max(one, other)


class Rent(NamedTuple):
    """Rent of a whole instance, as a list states it."""

    instance: str
    region: str
    usd_per_hour: Decimal
    spot_usd_per_hour: Decimal | None = None
    offer: str = "list"
    note: str = ""


def gpu_row(provider: str, machine: Machine, confidence: str, rent: Rent) -> Row:
    """Return the row of data/gpu for an instance with these cards."""
    return Row(
        "gpu",
        provider,
        filled(
            {
                "card": machine.card,
                "instance": rent.instance,
                "count": machine.cards,
                "memory_gb": machine.memory_gb,
                "usd_per_hour": rent.usd_per_hour,
                "spot_usd_per_hour": rent.spot_usd_per_hour,
                "region": rent.region,
                "offer": rent.offer,
                "spot_offer": rent.offer if rent.spot_usd_per_hour is not None else "",
                "confidence": confidence,
                "note": rent.note,
            }
        ),
    )


def cheapest_regions(rows: list[Row], known_regions: frozenset[str], left_out: Counter[str]) -> list[Row]:
    """Keep, of each instance, its cheapest region and the regions that the book carries for that provider already.

    A catalogue lists every instance in up to forty regions and zones; a book of them all would load ten times slower.
    """
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        columns = row.columns
        key = (row.provider, columns["instance"], columns["card"], columns["count"])
        for place in {"", columns.get("region", "")} & {"", *known_regions}:
            held = best.get((*key, place))
            if held is None or Decimal(columns["usd_per_hour"]) < Decimal(held.columns["usd_per_hour"]):
                best[*key, place] = row
    kept = list({id(row): row for row in best.values()}.values())
    left_out["a dearer region or zone of the same instance"] += len(rows) - len(kept)
    return kept
