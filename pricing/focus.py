"""FOCUS 1.2 cost rows: one charge to one row, and our own check of the rows against the public specification.

Rule 1  The 21 mandatory columns are there; the others may be empty. Own columns begin with `x_`.
Rule 2  Unit price x quantity = cost on every row, in Decimal, to the last digit.
Rule 3  A forecast is no bill: BilledCost is 0, x_Estimate is true, and EffectiveCost is what it would come to.
Specification: focus.finops.org, version 1.2 (mandatory columns and allowed values read on 2026-11-21).
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import NamedTuple

MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "ServiceCategory", "ServiceName",
)  # fmt: skip
NULLABLE = {"BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity", "PricingUnit"}
"""Mandatory columns that may be empty on a row."""
OTHERS = (
    "BillingAccountType", "ChargeFrequency", "InvoiceId", "PricingCategory", "ServiceSubcategory", "RegionId",
    "RegionName", "AvailabilityZone", "SubAccountId", "SubAccountName", "SubAccountType", "Tags",
    "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit", "CapacityReservationId",
    "CapacityReservationStatus", "PricingCurrency", "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice", "ResourceId", "ResourceName", "ResourceType",
    "ConsumedQuantity", "ConsumedUnit", "ListUnitPrice", "ContractedUnitPrice", "SkuId", "SkuPriceId", "SkuMeter",
    "SkuPriceDetails",
)  # fmt: skip
"""The rest of version 1.2: conditional and recommended columns."""
LATER = ("ServiceProviderName", "HostProviderName")
"""Names that later versions give to ProviderName's two meanings."""
OWN = ("x_Estimate", "x_Road", "x_Scenario")
COLUMNS = (*MANDATORY, *OTHERS, *LATER, *OWN)
MONEY = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
DECIMALS = {*MONEY, "PricingQuantity", "ConsumedQuantity", "ListUnitPrice", "ContractedUnitPrice",
            "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
            "PricingCurrencyListUnitPrice"}  # fmt: skip
DATES = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
SERVICES = {
    "AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools",
    "Multicloud", "Identity", "Integration", "Internet of Things", "Management and Governance", "Media", "Migration",
    "Mobile", "Networking", "Security", "Storage", "Web", "Other",
}  # fmt: skip
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"", "Correction"},
    "ChargeFrequency": {"", "One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"", "Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": SERVICES,
}
"""Closed lists of values; an empty text stands for null."""
PRODUCTS = (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost"))
CURRENCY_LETTERS = 3
"""ISO 4217 codes have three letters."""
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Charge(NamedTuple):
    """One charge: quantity in `unit` at `unit_price` (usd for one unit), from `starts` to `ends` (exclusive, UTC).

    `consumed` is the quantity in `consumed_unit`, where that is not the priced one. `estimate`: nobody was billed.
    `invoiced` is False for what costs money that nobody sends this bill for: an own machine.
    """

    description: str
    provider: str
    service: str
    category: str
    subcategory: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    starts: datetime
    ends: datetime
    period: tuple[datetime, datetime]
    sku: str
    meter: str
    purchase: bool = False
    consumed: Decimal | None = None
    consumed_unit: str = ""
    resource: str = ""
    estimate: bool = False
    invoiced: bool = True
    scenario: str = ""
    road: str = ""


def row(charge: Charge) -> dict[str, str]:
    """Return a charge as one FOCUS row: every column, empty where it is null."""
    cost = charge.quantity * charge.unit_price
    usage = {} if charge.purchase else consumed(charge)
    return {
        **dict.fromkeys(COLUMNS, ""),
        **provided(charge),
        **dict.fromkeys(MONEY, f"{cost:f}"),
        "BilledCost": "0.00" if charge.estimate or not charge.invoiced else f"{cost:f}",
        "BillingAccountId": f"crossover-{charge.scenario}",
        "BillingAccountName": charge.scenario,
        "BillingAccountType": "Account",
        "BillingCurrency": "USD",
        "BillingPeriodStart": charge.period[0].strftime(TIME),
        "BillingPeriodEnd": charge.period[1].strftime(TIME),
        "ChargeCategory": "Purchase" if charge.purchase else "Usage",
        "ChargeFrequency": "One-Time" if charge.purchase else "Usage-Based",
        "ChargeDescription": charge.description,
        "ChargePeriodStart": charge.starts.strftime(TIME),
        "ChargePeriodEnd": charge.ends.strftime(TIME),
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingCurrencyContractedUnitPrice": f"{charge.unit_price:f}",
        "PricingCurrencyEffectiveCost": f"{cost:f}",
        "PricingCurrencyListUnitPrice": f"{charge.unit_price:f}",
        "PricingQuantity": f"{charge.quantity:f}",
        "PricingUnit": charge.unit,
        "ListUnitPrice": f"{charge.unit_price:f}",
        "ContractedUnitPrice": f"{charge.unit_price:f}",
        "SkuId": charge.sku,
        "SkuPriceId": f"{charge.sku}-standard",
        "SkuMeter": charge.meter,
        "SkuPriceDetails": "{}",
        "Tags": json.dumps({"scenario": charge.scenario}),
        **usage,
        "x_Estimate": "true" if charge.estimate else "false",
        "x_Road": charge.road,
        "x_Scenario": charge.scenario,
    }


def provided(charge: Charge) -> dict[str, str]:
    """Return who sells it and what it is."""
    sellers = ("ProviderName", "PublisherName", "InvoiceIssuerName", *LATER)
    kind = {"ServiceCategory": charge.category, "ServiceSubcategory": charge.subcategory, "ServiceName": charge.service}
    resource = {"ResourceId": charge.resource, "ResourceName": charge.resource, "ResourceType": charge.service}
    return {**dict.fromkeys(sellers, charge.provider), **kind, **(resource if charge.resource else {})}


def consumed(charge: Charge) -> dict[str, str]:
    """Return what was used, in its own unit where that is not the priced one."""
    quantity = charge.quantity if charge.consumed is None else charge.consumed
    return {"ConsumedQuantity": f"{quantity:f}", "ConsumedUnit": charge.consumed_unit or charge.unit}


def to_csv(charges: Iterable[Charge]) -> str:
    """Return the rows as CSV text, every column of version 1.2 and our own."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([made[name] for name in COLUMNS] for made in map(row, charges))
    return text.getvalue()


def decimal(text: str) -> Decimal | None:
    """Return the number that a text holds, or None."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def moment(text: str) -> datetime | None:
    """Return the time that a text holds in the specification's form, or None."""
    try:
        return datetime.strptime(text, TIME)  # noqa: DTZ007  (the form itself says Z; compared with its like only)
    except ValueError:
        return None


def faults(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return every breach of the rules, with its row (from 1) and column; an empty list is a file that passes."""
    if not rows:
        return ["no row: wanted at least one charge"]
    missing = [name for name in MANDATORY if name not in rows[0]]
    odd = [name for name in rows[0] if name not in COLUMNS and not name.startswith("x_")]
    found = [f"column {name} is missing: it is mandatory" for name in missing]
    found += [f"column {name} is none of FOCUS 1.2; begin its name with x_" for name in odd]
    for number, one in enumerate(rows, start=1):
        found += [f"row {number}: {fault}" for fault in (*of_values(one), *of_periods(one), *of_products(one))]
    return found


def of_values(one: Mapping[str, str]) -> list[str]:
    """Return empty fields that may not be, numbers that are none, and values outside their lists."""
    empty = [f"{name} is empty" for name in MANDATORY if name not in NULLABLE and not one.get(name, "x")]
    wrong = [
        f"{name} is {one[name]!r}; wanted a number" for name in sorted(DECIMALS)
        if one.get(name) and decimal(one[name]) is None
    ]  # fmt: skip
    listed = [
        f"{name} is {one[name]!r}; wanted one of {', '.join(sorted(values - {''}))}"
        for name, values in ALLOWED.items() if name in one and one[name] not in values
    ]  # fmt: skip
    code = one.get("BillingCurrency", "")
    bad = [] if len(code) == CURRENCY_LETTERS and code.isupper() else [f"BillingCurrency is {code!r}; wanted USD"]
    return [*empty, *wrong, *listed, *bad]


def of_periods(one: Mapping[str, str]) -> list[str]:
    """Return times that are none, periods that end before they begin, and charges outside their billing period."""
    times = {name: moment(one.get(name, "")) for name in DATES}
    wrong = [f"{name} is {one.get(name)!r}; wanted YYYY-MM-DDThh:mm:ssZ" for name, at in times.items() if at is None]
    first, last, starts, ends = times.values()
    if first is None or last is None or starts is None or ends is None:
        return wrong
    rules = (
        ("BillingPeriodEnd is not after BillingPeriodStart", first < last),
        ("ChargePeriodEnd is not after ChargePeriodStart", starts < ends),
        ("the charge lies outside its billing period", first <= starts and ends <= last),
    )
    return [fault for fault, holds in rules if not holds]


def of_products(one: Mapping[str, str]) -> list[str]:
    """Return costs that are not unit price x quantity, and units without a quantity or the other way round."""
    found: list[str] = []
    quantity = decimal(one.get("PricingQuantity", ""))
    for price, cost in PRODUCTS:
        each, all_ = decimal(one.get(price, "")), decimal(one.get(cost, ""))
        if each is not None and quantity is not None and all_ is not None and each * quantity != all_:
            found.append(f"{cost} is {all_:f}; {price} x PricingQuantity is {each * quantity:f}")
    for amount, unit in (("PricingQuantity", "PricingUnit"), ("ConsumedQuantity", "ConsumedUnit")):
        if bool(one.get(amount)) != bool(one.get(unit)):
            found.append(f"{amount} and {unit} go together: both or neither")
    return found
