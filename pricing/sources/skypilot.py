"""SkyPilot's catalogues, schema v8: one vms.csv a cloud, a line an instance and zone; USD per hour of the instance.

Columns as in the catalogue's README: InstanceType, AcceleratorName, AcceleratorCount, GpuInfo (a Python literal, in
which `Name` is the card's), Region, Price, SpotPrice. The lists carry no day.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from pricing.sources.answer import Row, Taken, csv_of, price
from pricing.sources.cards import Known, Rent, cheapest_regions, gpu_row

COLUMNS: Final = frozenset(
    {"InstanceType", "AcceleratorName", "AcceleratorCount", "GpuInfo", "Region", "Price", "SpotPrice"}
)
MEANT: Final = {"A100": "A100-SXM-40", "V100": "V100-SXM2-16", "V100-32GB": "V100-SXM2-32", "A100-80GB": "A100-SXM-80"}
"""What these clouds' lists mean by a name that the house uses for another card, or that leaves the memory out."""
NAME: Final = "'Name': '"


def read(pages: Sequence[bytes], known: Known, provider: str) -> Taken:
    """Read the catalogue of one cloud; of each instance its cheapest region, and those the book carries."""
    left_out: Counter[str] = Counter()
    rows: list[Row] = []
    for line in csv_of(pages[0], COLUMNS):
        row = _row(line, known, provider, left_out)
        rows += [row] if row else []
    regions = frozenset(region for held, region in known.regions if held == provider)
    return Taken(cheapest_regions(rows, regions, left_out), left_out, None)


def _row(line: dict[str, str], known: Known, provider: str, left_out: Counter[str]) -> Row | None:
    instance, name = line["InstanceType"], line["AcceleratorName"]
    count = price(line["AcceleratorCount"], f"{instance}.AcceleratorCount")
    usd = price(line["Price"], f"{instance}.Price")
    if not name or usd is None or count is None or count != int(count):
        left_out["no whole card, or no price"] += 1
        return None
    found = known.machine(provider, instance, _labels(name, line["GpuInfo"]), int(count), None)
    if found is None:
        left_out["a card that cards.csv does not know"] += 1
        return None
    machine, confidence = found
    spot: Decimal | None = price(line["SpotPrice"], f"{instance}.SpotPrice")
    return gpu_row(provider, machine, confidence, Rent(instance, line["Region"], usd, spot))


def _labels(name: str, info: str) -> list[str]:
    """Return what the card may be called, the surest first: its own name where that says the form factor."""
    _, _, after = info.partition(NAME)
    own = after.partition("'")[0]
    says_more = [own] if own.casefold() != name.casefold() and " " in own else []
    return [*says_more, MEANT.get(name, name)]
