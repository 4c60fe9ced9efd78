"""Solvers: they agree with the closed form, see jumps, and say none where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import economics as eco
from advisor.crossing import flip_value, intervals_below_zero, sign_changes
from advisor.program import Program
from pricing.figure import assumed, derive

POSITIVE = (0.0, np.inf)


def saving_usd(hosted_usd_per_task, own_usd_per_task, volume_tasks_per_month, fixed_usd_per_month):
    return (hosted_usd_per_task - own_usd_per_task) * volume_tasks_per_month - fixed_usd_per_month


@given(st.floats(1e-5, 1), st.floats(1e-6, 1), st.floats(1, 1e5))
def test_law_closed_form_equals_the_solver_where_there_are_no_steps(own, extra, fixed):
    closed = eco.break_even_tasks_per_month(0.0, fixed, own + extra, own, 1)
    assert closed is not None
    found = sign_changes(lambda v: fixed + own * v - (own + extra) * v, closed / 50, closed * 50)
    assert found.tolist() == pytest.approx([closed], rel=1e-9)


def test_a_staircase_crosses_more_than_once():
    def own_less_hosted(
        volume,
    ):  # a card does 100 and costs 80; hosted costs 1 each: cheaper 80..100, then 160..200, ...
        return 80 * np.ceil(volume / 100) - volume

    spans = [(s.low, s.high) for s in intervals_below_zero(own_less_hosted, 10, 250)]
    assert [low for low, _ in spans] == pytest.approx([80, 160, 240], rel=1e-9)
    assert [high for _, high in spans[:2]] == pytest.approx([100, 200], rel=1e-9)
    assert spans[-1][1] is None


def test_never_cheaper_is_an_empty_answer():
    assert intervals_below_zero(lambda v: v + 1, 1, 1e9) == ()


def test_a_flip_is_found_on_the_tree_itself():
    hosted = assumed("hosted", 0.005, "usd_per_task", "test")
    own = assumed("own", 0.001, "usd_per_task", "test")
    volume = assumed("volume", 50_000, "tasks_per_month", "test")
    fixed = assumed("fixed", 120, "usd_per_month", "test")
    saving = derive("saving", saving_usd, hosted_usd_per_task=hosted, own_usd_per_task=own,
                    volume_tasks_per_month=volume, fixed_usd_per_month=fixed)  # fmt: skip
    program = Program([saving], {"volume", "fixed"})
    volumes, amounts = program.along("volume"), program.along("fixed")
    assert flip_value(volumes, 50_000, 0.0, POSITIVE, 1000) == pytest.approx(30_000, rel=1e-9)  # 120 / 0.004
    assert flip_value(amounts, 120, 0.0, POSITIVE, 1000) == pytest.approx(200, rel=1e-9)  # 50,000 * 0.004
    assert flip_value(amounts, 120, -1e9, POSITIVE, 1000) is None
    assert flip_value(volumes, 50_000, 0.0, (40_000.0, np.inf), 1000) is None  # the field allows no less than 40,000


@pytest.mark.parametrize(
    ("today", "limits", "threshold", "flips_at"),
    [
        (0.0, (0.0, np.inf), 350.0, 350.0),  # nought today, money: looked at upwards
        (0.0, (-0.5, 1.0), -0.25, -0.25),  # nought today, a share: looked at both ways
        (-0.1, (-0.5, 1.0), 0.5, 0.5),
        (0.0, (-0.5, 1.0), 2.0, None),
    ],
)
def test_what_is_nought_or_negative_today_flips_too(today, limits, threshold, flips_at):
    assert flip_value(lambda values: values, today, threshold, limits, 1000) == (
        None if flips_at is None else pytest.approx(flips_at, rel=1e-9)
    )
