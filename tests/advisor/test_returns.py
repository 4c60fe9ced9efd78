"""Payback, present value and internal rate: hand-worked rows, laws, and a published library beside our own."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from advisor import returns
from pricing.units import MONTHS_PER_YEAR

INF = float("inf")
money = st.floats(1, 1e6)
savings = st.lists(st.floats(-1e4, 1e5), min_size=1, max_size=36)


@pytest.mark.parametrize(
    ("saved", "upfront", "months"),
    [
        ([10, 10, 10], 15, 1.5),  # 10 after a month, 5 of the next 10
        ([10, 10, 10], 30, 3.0),
        ([10, 10, 10], 31, INF),
        ([10, 10, 10], 0, 0.0),
        ([-5, 10, 10], 10, 2.5),  # -5, 5, then 5 of the next 10
        ([1e-300], 2, INF),
        ([20, 0, -15], 10, INF),  # repaid after half a month, and not any more at the end
    ],
)
def test_payback_counts_months_and_parts_of_them(saved, upfront, months):
    assert returns.payback_months(np.array(saved, dtype=float), upfront) == pytest.approx(months)


@given(savings, money, money)
def test_law_a_dearer_training_run_never_pays_back_sooner(saved, upfront, more):
    row = np.array(saved)
    assert returns.payback_months(row, upfront + more) >= returns.payback_months(row, upfront)


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=36), money, st.floats(0, 1))
def test_law_a_discounted_payback_never_comes_sooner(saved, upfront, rate):
    row = np.array(saved)
    later = returns.payback_months(returns.discounted_usd_per_month(row, rate), upfront)
    assert later >= returns.payback_months(row, upfront) * (1 - 1e-12)


@given(st.lists(savings.filter(lambda row: len(row) >= 3).map(lambda row: row[:3]), min_size=2, max_size=5), money)
def test_law_many_rows_at_once_are_the_rows_one_by_one(rows, upfront):
    together = returns.payback_months(np.array(rows), np.full((len(rows), 1), upfront))
    assert together.shape == (len(rows), 1)
    assert together[:, 0].tolist() == [float(returns.payback_months(np.array(row), upfront)) for row in rows]


@given(savings, st.floats(0, 1e5))
def test_law_discounting_at_zero_is_adding_up(saved, upfront):
    flows = np.array(saved)
    present = returns.net_present_usd(flows, np.zeros_like(flows), upfront, 0.0)
    assert present == pytest.approx(flows.sum() - upfront, rel=1e-9, abs=1e-6)


def test_a_rate_at_which_a_hundred_and_ten_in_a_year_is_worth_a_hundred():
    flows = np.zeros(12)
    flows[-1] = 110  # twelve months at 10 % a year
    assert returns.internal_rates(flows, 100) == pytest.approx((0.10,), rel=1e-12)


def test_two_rates_are_both_told_and_none_is_none():
    # -100, +230, -132 has the roots 10 % and 20 % a month: 100 * 1.1 * 1.2 = 132, 100 * (1.1 + 1.2) = 230
    rates = returns.internal_rates(np.array([230.0, -132.0]), 100)
    assert rates == pytest.approx((1.1**12 - 1, 1.2**12 - 1), rel=1e-9)
    assert "2 internal rates" in str(returns.rate_notice(rates, 100))
    assert returns.internal_rates(np.array([-1.0, -2.0]), 100) == ()
    assert "never repay" in str(returns.rate_notice((), 100))
    assert "nothing is spent" in str(returns.rate_notice((), 0))
    assert returns.rate_notice((0.1,), 100) is None


@given(st.lists(st.floats(1, 1e4), min_size=1, max_size=36), st.floats(0.05, 40))
def test_law_the_internal_rate_is_the_one_a_published_library_finds(saved, times):
    pyxirr = pytest.importorskip("pyxirr")
    row = np.array(saved)
    upfront = float(row.sum() / times)
    monthly = pyxirr.irr([-upfront, *saved])
    assume(monthly is not None and -0.45 < monthly < 500)  # inside what is looked at
    (found,) = returns.internal_rates(row, upfront)
    assert (1 + found) ** (1 / MONTHS_PER_YEAR) == pytest.approx(1 + monthly, rel=1e-7)


@given(savings, money, st.floats(0, 0.5))
def test_law_the_present_value_is_the_one_a_published_library_finds(saved, upfront, rate):
    pyxirr = pytest.importorskip("pyxirr")
    monthly = (1 + rate) ** (1 / MONTHS_PER_YEAR) - 1
    ours = returns.net_present_usd(np.array(saved), np.zeros(len(saved)), upfront, rate)
    assert ours == pytest.approx(pyxirr.npv(monthly, [-upfront, *saved]), rel=1e-9, abs=1e-6)
