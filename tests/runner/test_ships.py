"""May it ship? Each gate by hand, with the sentence that says why."""

import pytest

from advisor.plan import QualityGate
from runner.evaluate import LockedRow, judge, ships

GATE = QualityGate(metric="exact_match", target=0.8, min_gain=0.1, max_merge_drop=0.02)


def answers(right: int) -> list[str]:
    """Return 100 answers of which the first `right` are right."""
    return ["yes"] * right + ["no"] * (100 - right)


ROWS = [LockedRow(({"role": "user", "content": str(row)},), "yes") for row in range(100)]


@pytest.mark.parametrize(
    ("base", "tuned", "merged", "passed", "ship"),
    [
        (20, 90, 90, [True, True, True], True),
        (20, 80, 80, [True, True, True], True),  # the target itself is reached
        (20, 79, 79, [False, True, True], False),
        (70, 84, 84, [True, False, True], False),  # +14 points, the interval's lower end is below 10
        (20, 90, 87, [True, True, False], False),  # merging lost 3 points, 2 are allowed
        (20, 90, None, [True, True, None], True),  # nothing to merge: not assessed, and no reason to hold back
    ],
)
def test_gates(base: int, tuned: int, merged: int | None, passed: list[bool | None], ship: bool) -> None:
    given = {"base": answers(base), "tuned": answers(tuned)}
    if merged is not None:
        given["merged"] = answers(merged)
    scores, paired, checks = judge(GATE, ROWS, given)
    assert scores["base"].value == base / 100, "the base is always scored"
    assert paired.difference.value == pytest.approx((tuned - base) / 100)
    assert [check.passed for check in checks] == passed
    assert ships(checks) is ship
    assert all(len(check.why.split()) > 5 for check in checks)


def test_the_prompted_base_and_the_hosted_model_are_gates_where_they_were_asked() -> None:
    given = {"base": answers(20), "tuned": answers(90), "prompted": answers(90), "hosted": answers(91)}
    checks = {check.name: check.passed for check in judge(GATE, ROWS, given, margin=0.1)[2]}
    assert checks["prompted base"] is False, "the prompt alone does as well"
    assert checks["hosted"] is True, "one point less, and 10 are allowed"
    given |= {"prompted": answers(70), "hosted": answers(97)}
    checks = {check.name: check.passed for check in judge(GATE, ROWS, given, margin=0.1)[2]}
    assert (checks["prompted base"], checks["hosted"]) == (True, False)
    assert judge(GATE, ROWS, given)[2][-1].passed is None, "no margin was stated"


def test_what_nobody_assessed_does_not_ship() -> None:
    assert not ships([])
