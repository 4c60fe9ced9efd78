"""Every published decision through the product's own functions: right figures come out, wrong ones never do."""

import pytest

from advisor.economics import cheapest_usd
from tests.cases.doors import DOORS
from tests.cases.published import CASES, FURTHER, Case


@pytest.mark.parametrize("case", [*CASES, *FURTHER], ids=lambda case: case.id)
def test_the_published_figures_come_out(case: Case) -> None:
    told = DOORS[case.kind](**case.inputs)
    assert set(told) == set(case.expected)
    for name, expected in case.expected.items():
        assert told[name] == pytest.approx(expected, rel=case.rel), case.asks


@pytest.mark.parametrize("case", [case for case in (*CASES, *FURTHER) if case.must_not], ids=lambda case: case.id)
def test_the_published_mistakes_do_not(case: Case) -> None:
    told = DOORS[case.kind](**case.inputs)
    for name, wrong in (case.must_not or {}).items():
        assert told[name] != pytest.approx(wrong, rel=0.05)


def test_the_cheapest_of_three_roads_is_not_the_one_that_was_recommended() -> None:
    roads = {case.id: case for case in (*CASES, *FURTHER) if case.kind == "tco_3y"}
    usd = {name: float(DOORS[case.kind](**case.inputs)["net_usd"]) for name, case in roads.items()}
    assert min(usd, key=lambda name: usd[name]) == "D03-spot"  # 21,532 against 24,360 for the workstation
    assert cheapest_usd(a_usd=usd["D03-tco"], b_usd=usd["D03-spot"]) == usd["D03-spot"]
