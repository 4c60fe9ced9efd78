"""Vast.ai's open offers: {offers: [...]}; `dph_total` is USD per hour of the whole offer with its disk.

Fields as in the provider's search API: gpu_name, num_gpus, gpu_ram (MB a card), dph_total, rentable, verification. An
offer is one host's, gone in an hour, so the book gets the median of a card's offers and calls it an average.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import median
from typing import Any, Final

from pricing.sources.answer import Row, Taken, json_of, mapping, price, sequence, whole
from pricing.sources.cards import Known, Machine, Rent, gpu_row

MEGABYTES_PER_GB: Final = 1000
"""As the provider states it: an 80 GB card has a gpu_ram of about 81,500."""
LEAST_OFFERS: Final = 3
"""Below this a median is one host's wish; the book's own rows of this kind are medians of three and four offers."""


def read(pages: Sequence[bytes], known: Known, provider: str) -> Taken:
    """Read the offers: one row a card, the median per card over offers that can be rented."""
    listed = sequence(mapping(json_of(pages[0]), "the answer").get("offers"), "offers")
    left_out: Counter[str] = Counter()
    asked: defaultdict[Machine, list[Decimal]] = defaultdict(list)
    for each in listed:
        _offer(mapping(each, "an offer"), known, provider, asked, left_out)
    rows: list[Row] = []
    for machine, prices in asked.items():
        if len(prices) < LEAST_OFFERS:
            left_out[f"fewer than {LEAST_OFFERS} offers of a card"] += len(prices)
            continue
        note = f"median of {len(prices)} open marketplace offers; moves by the day"
        rent = Rent("marketplace median", "", median(prices), None, "average", note)
        rows.append(gpu_row(provider, machine, "seen", rent))
    return Taken(rows, left_out, None)


def _offer(
    offer: Mapping[str, Any],
    known: Known,
    provider: str,
    asked: defaultdict[Machine, list[Decimal]],
    left_out: Counter[str],
) -> None:
    """File an offer's price of one card under its card."""
    name = str(offer.get("gpu_name"))
    usd, count = price(offer.get("dph_total"), f"{name}.dph_total"), whole(offer.get("num_gpus"))
    memory_mb = price(offer.get("gpu_ram"), f"{name}.gpu_ram")
    if usd is None or count is None or memory_mb is None or not offer.get("rentable", True):
        left_out["no price, or not for rent"] += 1
        return
    found = known.machine(provider, "", [name], 1, memory_mb / MEGABYTES_PER_GB)
    if found is None:
        left_out["a card that cards.csv does not know"] += 1
        return
    asked[found[0]].append(usd / count)
