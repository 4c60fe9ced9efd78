"""Why money differs: each cause alone by hand at 3.60 USD an hour (0.001 USD a second), and the law of the sum."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.variance import CAUSES, Comparison, StageActual, money_variance

RATE = Decimal("3.60")


def sft(
    planned: str = "100", units: str = "50", unique: str = "50", productive: str = "100", other: str = "0"
) -> StageActual:
    return StageActual(
        "sft", Decimal(planned), Decimal(units), Decimal(unique), Decimal(productive), Decimal(other), True
    )


NEVER_BEGUN = StageActual("sft", Decimal(100), None, None, Decimal(0), Decimal(0), False)
UNPLANNED = StageActual("adapt", None, None, None, Decimal(4), Decimal(0), True)  # 4 s nobody planned


@pytest.mark.parametrize(
    ("predicted", "actual", "idle", "setup", "stages", "causes"),
    [
        # set-up as (actual, planned) seconds
        ("0.100", "0.100", "0", ("0", "0"), [sft()], {}),
        ("0.110", "0.110", "0", ("10", "10"), [sft()], {}),  # the set-up was planned, and took what was planned
        ("0.110", "0.113", "0", ("13", "10"), [sft()], {"scope": "0.003"}),  # 3 s more than planned
        ("0.110", "0.104", "0", ("4", "10"), [sft()], {"scope": "-0.006"}),
        ("0.100", "0.150", "0", ("0", "0"), [sft()], {"price": "0.050"}),  # 100 s at 5.40 an hour
        # 40 of 50 steps at planned speed: 80 s
        ("0.100", "0.080", "0", ("0", "0"), [sft(unique="40", productive="80")], {"quantity": "-0.020"}),
        ("0.100", "0.130", "0", ("0", "0"), [sft(productive="130")], {"efficiency": "0.030"}),  # 130 s, not 100
        # 40 steps should take 80 s and took 90
        ("0.100", "0.090", "0", ("0", "0"), [sft(unique="40", productive="90")],
         {"quantity": "-0.020", "efficiency": "0.010"}),
        ("0.100", "0.107", "0", ("0", "0"), [sft(other="7")], {"scope": "0.007"}),
        ("0.100", "0.105", "2", ("3", "0"), [sft()], {"scope": "0.005"}),
        ("0.100", "0", "0", ("0", "0"), [NEVER_BEGUN], {"scope": "-0.100"}),
        ("0.100", "0.104", "0", ("0", "0"), [sft(), UNPLANNED], {"scope": "0.004"}),
        ("0.110", "0.100", "0", ("0", "0"), [sft()], {"scope": "-0.010"}),  # the plan held 0.010 beyond its stages
    ],
)  # fmt: skip
def test_each_cause_by_hand(
    predicted: str, actual: str, idle: str, setup: tuple[str, str], stages: list[StageActual], causes: dict[str, str]
) -> None:
    took, planned = map(Decimal, setup)
    found = money_variance(Decimal(predicted), RATE, Decimal(actual), Decimal(idle), took, planned, stages)
    assert {cause: found.total(cause) for cause in CAUSES if found.total(cause)} == {
        cause: Decimal(usd) for cause, usd in causes.items()
    }
    assert all(line.direction == ("adverse" if line.usd > 0 else "favourable") for line in found.lines)
    assert bool(found.lines) is bool(causes), "no lines that cancel out where the plan was met"


AMOUNT = st.decimals(0, 100_000, places=6)
STAGES = st.builds(
    StageActual,
    name=st.sampled_from(("curate", "sft", "merge")),
    planned_seconds=st.none() | AMOUNT,
    planned_units=st.none() | st.decimals(0, 1000, places=2),
    unique_units=st.none() | st.decimals(0, 1000, places=0),
    productive_seconds=AMOUNT,
    other_seconds=AMOUNT,
    reached=st.booleans(),
)


@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, st.lists(STAGES, max_size=6))
def test_law_the_lines_sum_exactly_to_actual_minus_predicted(
    predicted: Decimal,
    rate: Decimal,
    actual: Decimal,
    idle: Decimal,
    setup: Decimal,
    planned_setup: Decimal,
    stages: list[StageActual],
) -> None:
    found = money_variance(predicted, rate, actual, idle, setup, planned_setup, stages)
    assert sum((line.usd for line in found.lines), Decimal(0)) == found.actual_usd - found.predicted_usd
    assert sum((found.total(cause) for cause in CAUSES), Decimal(0)) == actual - predicted


@given(AMOUNT, AMOUNT, st.lists(AMOUNT, min_size=1, max_size=6))
def test_law_a_run_that_met_its_plan_has_no_lines(rate: Decimal, setup: Decimal, seconds: list[Decimal]) -> None:
    stages = [StageActual("sft", each, Decimal(9), Decimal(9), each, Decimal(0), True) for each in seconds]
    usd = (Fraction(sum(seconds)) + Fraction(setup)) * Fraction(rate) / 3600
    paid = Decimal(round(usd * 10**9)) / 10**9
    found = money_variance(paid, rate, paid, Decimal(0), setup, setup, stages)
    assert sum(abs(line.usd) for line in found.lines) <= Decimal("2e-9"), "at most what rounding the paid sum leaves"


@pytest.mark.parametrize(
    ("predicted", "actual", "ratio", "inside", "escalate"),
    [
        (10.0, 11.0, 1.1, True, False),
        (10.0, 12.0, 1.2, True, True),  # within the interval, but past 15 %
        (10.0, 8.0, 0.8, True, True),
        (10.0, 25.0, 2.5, False, True),
        (10.0, None, None, None, False),
        (0.0, 5.0, None, True, False),  # nothing was predicted: no ratio
    ],
)
def test_a_comparison(
    predicted: float, actual: float | None, ratio: float | None, inside: bool | None, escalate: bool
) -> None:
    line = Comparison("sft", "seconds", "seconds", "a", predicted, 5.0 if predicted else 0.0, 20.0, actual, "")
    assert (line.ratio, line.inside, line.escalate) == (ratio, inside, escalate)
