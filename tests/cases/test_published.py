"""Every published decision through the product's own functions: right figures come out, wrong ones never do."""

import pytest

from tests.cases.doors import DOORS
from tests.cases.published import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_published_figures_come_out(case: Case) -> None:
    told = DOORS[case.kind](**case.inputs)
    assert set(told) == set(case.expected)
    for name, expected in case.expected.items():
        assert told[name] == pytest.approx(expected, rel=case.rel), case.asks


@pytest.mark.parametrize("case", [case for case in CASES if case.must_not], ids=lambda case: case.id)
def test_the_published_mistakes_do_not(case: Case) -> None:
    told = DOORS[case.kind](**case.inputs)
    for name, wrong in (case.must_not or {}).items():
        assert told[name] != pytest.approx(wrong, rel=0.05)
