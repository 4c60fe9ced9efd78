"""Azure retail prices: pages of {Items, NextPageLink}; one meter an instance, region and kind of price, USD per hour.

Keys as in the vendor's page "Azure Retail Prices overview": armSkuName, armRegionName, retailPrice, currencyCode,
unitOfMeasure, type, productName, meterName. The list says nothing about cards: they come from the book's own lines.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pricing.sources.answer import Row, ShapeError, Taken, json_of, mapping, price, sequence
from pricing.sources.cards import Known, Machine, Rent, gpu_row

HOURLY: Final = "1 Hour"
ON_DEMAND: Final = "Consumption"
SPOT: Final = "Spot"
OTHER_METERS: Final = ("Low Priority", "Expired", "CloudServices", "Dedicated Host")
WINDOWS: Final = "Windows"


def next_page(pages: Sequence[bytes]) -> str | None:
    """Return the address of the page after the last one, or None at the end."""
    link = mapping(json_of(pages[-1]), "the answer").get("NextPageLink")
    return str(link) if link else None


def read(pages: Sequence[bytes], known: Known, provider: str) -> Taken:
    """Read all pages; instances that no line of the book describes are left out, and what is not rent by the hour."""
    left_out: Counter[str] = Counter()
    hourly: dict[tuple[str, str], dict[bool, Decimal]] = {}
    for page in pages:
        for item in sequence(mapping(json_of(page), "the answer").get("Items"), "Items"):
            _meter(mapping(item, "an item"), hourly, left_out)
    rows: list[Row] = []
    for (instance, region), prices in hourly.items():
        machine = known.machines.get((provider, instance))
        if machine is None:
            left_out["an instance the book does not describe"] += 1
        elif False not in prices:
            left_out["a spot price without one on demand"] += 1
        else:
            rows.append(_row(provider, machine, instance, region, prices))
    return Taken(rows, left_out, None)


def _row(provider: str, machine: Machine, instance: str, region: str, prices: Mapping[bool, Decimal]) -> Row:
    return gpu_row(provider, machine, "seen", Rent(instance, region, prices[False], prices.get(True)))


def _meter(item: Mapping[str, Any], hourly: dict[tuple[str, str], dict[bool, Decimal]], left_out: Counter[str]) -> None:
    """File one meter under its instance and region, spot or on demand."""
    name = str(item.get("armSkuName") or "")
    meter, product = str(item.get("meterName")), str(item.get("productName"))
    if item.get("currencyCode") != "USD":
        message = f"{name} is priced in {item.get('currencyCode')!r}; wanted USD: leave currencyCode out of the address"
        raise ShapeError(message)
    wanted = item.get("type") == ON_DEMAND and item.get("unitOfMeasure") == HOURLY and WINDOWS not in product
    usd = price(item.get("retailPrice"), f"{name}.retailPrice")
    if not wanted or usd is None or any(word in f"{meter} {product}" for word in OTHER_METERS):
        left_out["no hourly Linux rent"] += 1
        return
    hourly.setdefault((name, str(item.get("armRegionName"))), {})[SPOT in meter] = usd
