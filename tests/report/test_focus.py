"""FOCUS rows: our check of version 1.2 finds what is planted, passes the reference rows, and our forecasts pass it."""

import csv
import io

import pytest

from advisor.report.focus import render
from pricing.focus import ALLOWED, MANDATORY, NULLABLE, faults
from tests.report.asked import SCENARIOS, advised

PLANTED = [
    # column, what stands in it, what the check says
    ("BilledCost", "three", "BilledCost is 'three'; wanted a number"),
    ("ListCost", "3.01", "ListCost is 3.01; ListUnitPrice x PricingQuantity is 3"),
    ("ContractedCost", "2.99", "ContractedCost is 2.99; ContractedUnitPrice x PricingQuantity is 3"),
    ("PricingUnit", "", "PricingQuantity and PricingUnit go together: both or neither"),
    ("ConsumedQuantity", "", "ConsumedQuantity and ConsumedUnit go together: both or neither"),
    ("BillingCurrency", "usd", "BillingCurrency is 'usd'; wanted USD"),
    ("ChargePeriodEnd", "2026-12-21 00:00", "ChargePeriodEnd is '2026-12-21 00:00'; wanted YYYY-MM-DDThh:mm:ssZ"),
    ("ChargePeriodEnd", "2026-11-20T00:00:00Z", "ChargePeriodEnd is not after ChargePeriodStart"),
    ("BillingPeriodEnd", "2026-11-22T00:00:00Z", "the charge lies outside its billing period"),
    *((column, "Else", f"{column} is 'Else'; wanted one of") for column in ALLOWED),
]


@pytest.fixture
def row():
    """Return a row that passes: 1.5 of something at 2 is 3."""
    first = next(csv.DictReader(io.StringIO(render(advised("ticket_routing")))))
    money = dict.fromkeys(("ListCost", "ContractedCost", "EffectiveCost", "BilledCost"), "3.0")
    prices = dict.fromkeys(("ListUnitPrice", "ContractedUnitPrice"), "2.0")
    return {**first, **money, **prices, "PricingQuantity": "1.5", "ConsumedQuantity": "1.5", "ConsumedUnit": "Hours"}


@pytest.mark.parametrize(("column", "value", "said"), PLANTED)
def test_a_planted_fault_is_found_with_its_row_and_column(row, column, value, said):
    assert faults([row, row]) == []
    found = faults([row, {**row, column: value}])
    assert any(one.startswith("row 2: ") and said in one for one in found), found


def test_the_twenty_one_columns_must_be_there_and_filled(row):
    assert len(MANDATORY) == 21
    for column in MANDATORY:
        short = {name: value for name, value in row.items() if name != column}
        assert f"column {column} is missing: it is mandatory" in faults([short])
        if column not in NULLABLE:
            assert f"row 1: {column} is empty" in faults([{**row, column: ""}])
    assert faults([{**row, "Colour": "red"}]) == ["column Colour is none of FOCUS 1.2; begin its name with x_"]
    assert faults([]) == ["no row: wanted at least one charge"]


@pytest.mark.parametrize("scenario", ["ticket_routing", "privacy_gate", "volume_too_small", "everything"])
def test_a_forecast_in_focus_is_marked_and_sums_to_the_road(scenario):
    rows = list(csv.DictReader(io.StringIO(render(advised(scenario)))))
    assert faults(rows) == []
    assert {(row["x_Estimate"], row["BilledCost"]) for row in rows} == {("true", "0.00")}
    (road,) = {row["x_Road"] for row in rows}
    option = next(one for one in advised(scenario).options if one.key == road)
    assert sum(float(row["EffectiveCost"]) for row in rows) == pytest.approx(option.lifetime_usd, rel=1e-9)


@pytest.mark.real
def test_our_check_passes_the_reference_rows_and_our_rows_have_their_columns():
    path = SCENARIOS.parent.parent / "shared" / "reference" / "cases" / "focus12_minimal_example.csv"
    if not path.exists():
        pytest.skip("the reference rows are not here")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert faults(rows) == []
    ours = csv.DictReader(io.StringIO(render(advised("ticket_routing")))).fieldnames
    assert set(rows[0]) <= set(ours)
    assert faults([{**rows[0], "ListCost": "3.01"}]) == [
        "row 1: ListCost is 3.01; ListUnitPrice x PricingQuantity is 3.00"
    ]
