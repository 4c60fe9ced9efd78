"""The money: hand-worked rows, published cases, and laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import economics as eco

usd = st.floats(0, 1e6)
positive = st.floats(1e-3, 1e6)


@pytest.mark.parametrize(
    ("fresh", "cached", "out", "p_in", "p_cached", "p_out", "expected"),
    [
        (500, 0, 200, 1.5, 1.5, 2, 0.00115),  # 500*1.5/1e6 + 200*2/1e6            (case D10)
        (800, 0, 200, 3, 3, 15, 0.0054),  # 2400/1e6 + 3000/1e6                    (case D13)
        (500, 0, 500, 30, 30, 60, 0.045),  # 15000/1e6 + 30000/1e6                  (case D17, per task)
        (1000, 800, 0, 2, 0.2, 10, 0.00056),  # 200*2/1e6 + 800*0.2/1e6
    ],
)
def test_a_task_costs_its_tokens_at_their_prices(fresh, cached, out, p_in, p_cached, p_out, expected):
    assert eco.token_cost_usd_per_task(fresh, cached, out, p_in, p_cached, p_out) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("requests", "inp", "out", "p_in", "p_out", "fee", "total"),
    [
        (2_147_248, 276, 42, 30, 60, 0, 23190.28),  # D01-gpt4
        (2_147_248, 276, 42, 1.5, 1.6, 0, 1033.26),  # D01-gpt35
        (2_147_248, 276, 42, 12, 16, 6e-05, 8683.47),  # D01-gpt35ft
        (1_000_000, 500, 500, 30, 60, 0, 45000),  # D17: not 60,000, which bills input tokens at the output price
        (60_000, 500, 300, 30, 60, 0, 1980),  # D38
    ],
)
def test_published_api_bills_are_reproduced(requests, inp, out, p_in, p_out, fee, total):
    per_task = eco.token_cost_usd_per_task(inp, 0, out, p_in, p_in, p_out) + fee
    assert eco.token_bill_usd_per_month(per_task, requests) == pytest.approx(total, rel=1e-3)


def test_a_lifetime_of_two_and_a_half_months_counts_half_of_the_third():
    np.testing.assert_allclose(eco.calendar_share(2.5), [1, 1, 0.5])


def test_growth_compounds_from_the_second_month():
    calendar = eco.calendar_share(3)
    np.testing.assert_allclose(eco.demand_tasks_per_month(100, 0.10, calendar), [100, 110, 121])


def test_retraining_falls_due_after_each_interval_and_never_in_the_first_month():
    calendar = eco.calendar_share(12)
    due = eco.retrainings_usd_per_month(6, 700, 50, calendar)
    assert due.tolist() == [0, 0, 0, 0, 0, 0, 750, 0, 0, 0, 0, 0]


def test_whole_replicas_are_rented_one_more_than_the_peak_needs_none():
    calendar = eco.calendar_share(1)
    # 7300 tasks a month over 730 h are 10 an hour, 30 at the peak, 36 with headroom; a replica does 35: two.
    peak = eco.peak_tasks_per_hour(np.array([7300.0]), 730, 3, calendar)
    assert eco.staircase_replicas(peak, 35, 1.2, 1, calendar).tolist() == [2]
    assert eco.staircase_replicas(peak, 36, 1.2, 1, calendar).tolist() == [1]
    assert eco.staircase_replicas(peak, 36, 1.2, 2, calendar).tolist() == [2]


def test_half_a_month_has_half_the_hours_and_the_same_peak():
    # 3,650 tasks in half a month of 365 h are 10 an hour, as 7,300 in a whole one are
    assert eco.peak_tasks_per_hour(np.array([7300.0, 3650.0]), 730, 3, eco.calendar_share(1.5)).tolist() == [30, 30]


def test_a_floor_between_whole_cards_is_rounded_up():
    assert eco.staircase_replicas(np.array([0.0]), 10, 1.2, 1.5, eco.calendar_share(1)).tolist() == [2]


def test_retraining_every_week_is_paid_every_week():
    # 12 months of 4 quarters each: floor(m/0.25) - floor((m-1)/0.25) = 4 in each month after the first
    due = eco.retrainings_usd_per_month(0.25, 90, 10, eco.calendar_share(3))
    assert due.tolist() == [0, 400, 400]


def test_a_shorter_prompt_has_no_more_cached_tokens_than_tokens():
    # 1,600 tokens with 2,900 said to be cached: all 1,600 at the cached price, 0.2 a million
    assert eco.token_cost_usd_per_task(1600, 2900, 0, 2, 0.2, 10) == pytest.approx(1600 * 0.2 / 1e6)


def test_the_horizon_never_outlives_the_task():
    assert eco.horizon_months(6, 60) == 6
    assert eco.horizon_months(24, 18) == 18


def test_the_worked_example_of_the_field_and_why_its_premise_fails():
    # S000: 200 a month hosted, 50 self-hosted: 150 a month, 1,800 a year. S000x: at 0.30 USD/h a month of 730 h is 219.
    year = eco.calendar_share(12)
    assert eco.over_months((200 - 50) * year) == pytest.approx(1800)
    assert eco.rent_usd_per_month(np.ones(1), 1, 0.30, 730, np.ones(1)).tolist() == pytest.approx([219])


def test_an_owned_card_costs_its_depreciation_and_its_power():
    # D05: 1,200 USD over 3 years of 8,760 h is 0.04566 USD/h; 320 W at 0.12 USD/kWh is 0.0384 USD/h; together 0.0841.
    months = eco.calendar_share(36)
    ones = np.ones(36)
    capex = eco.purchase_usd(ones, 1200, 0, 36, 36)
    power = eco.over_months(eco.power_usd_per_month(ones, 320, 0.12, 730, months))
    assert (capex + power) / (36 * 730) == pytest.approx(0.0841, rel=0.01)


def test_a_card_worn_out_before_the_end_is_bought_again():
    assert eco.purchase_usd(np.ones(48), 1000, 100, 48, 36) == 2 * 900


@pytest.mark.parametrize(
    ("upfront", "fixed", "hosted", "own", "months", "volume"),
    [
        (120, 0, 0.005, 0.001, 1, 30_000),  # 120 / (0.005 - 0.001)
        (1200, 100, 0.01, 0.0, 12, 20_000),  # (100 + 100) / 0.01
        (0, 320, 3e-6, 0.0, 1, 106_666_666.67),  # D09: 320 USD a month against 3 USD per million tokens
        (0, 24 * 30.4, 15e-6, 0.0, 1, 1.6e6 * 30.4),  # D06: one card at 24 USD a day against 15 USD per million
        (10, 10, 0.001, 0.001, 12, None),  # never: own is no cheaper per task
        (10, 10, 0.001, 0.002, 12, None),
    ],
)
def test_break_even_is_one_division_or_never(upfront, fixed, hosted, own, months, volume):
    found = eco.break_even_tasks_per_month(upfront, fixed, hosted, own, months)
    assert found is None if volume is None else found == pytest.approx(volume, rel=1e-9)


@given(usd, usd, positive, positive, st.integers(1, 60))
def test_law_at_break_even_both_roads_cost_the_same(upfront, fixed, own, extra, months):
    hosted = own + extra
    volume = eco.break_even_tasks_per_month(upfront, fixed, hosted, own, months)
    assert volume is not None
    calendar = eco.calendar_share(months)
    demand = eco.demand_tasks_per_month(volume, 0.0, calendar)
    left = eco.lifetime_cost_usd(0.0, hosted * demand)
    right = eco.lifetime_cost_usd(upfront, own * demand + fixed * calendar)
    assert left == pytest.approx(right, rel=1e-6, abs=1e-6)


@given(positive, st.floats(1, 5), st.floats(1e-2, 1e5), st.integers(0, 3))
def test_law_the_staircase_is_never_below_the_fluid_bound(demand, peak_ratio, capacity, floor):
    calendar = eco.calendar_share(1)
    peak = eco.peak_tasks_per_hour(np.array([demand]), 730, peak_ratio, calendar)
    steps = eco.staircase_replicas(peak, capacity, 1.2, floor, calendar)
    assert (steps >= peak * 1.2 / capacity * (1 - 1e-12)).all()
    assert (steps >= floor).all()
    assert (steps == np.floor(steps)).all()


@given(positive, positive, st.floats(0, 0.1), st.integers(1, 36))
def test_law_the_same_formula_serves_a_number_and_an_array(volume, price, growth, months):
    calendar = eco.calendar_share(months)
    one = eco.over_months(eco.token_bill_usd_per_month(price, eco.demand_tasks_per_month(volume, growth, calendar)))
    column = np.array([[volume], [volume * 2]])
    two = eco.over_months(eco.token_bill_usd_per_month(price, eco.demand_tasks_per_month(column, growth, calendar)))
    assert two.shape == (2, 1)
    assert two[0, 0] == pytest.approx(one, rel=1e-12)
    assert two[1, 0] == pytest.approx(2 * one, rel=1e-12)


@given(st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=6), st.floats(1e-3, 1e6))
def test_law_adding_an_option_never_worsens_the_best(costs, another):
    named = {f"road{index}_usd": cost for index, cost in enumerate(costs)}
    assert eco.cheapest_usd(**named, another_usd=another) <= eco.cheapest_usd(**named)


@given(st.floats(1e-4, 1e4), st.integers(1, 10**6), st.integers(0, 10**6))
def test_law_a_price_per_million_tokens_becomes_a_task_and_back(price, inputs, outputs):
    per_task = eco.token_cost_usd_per_task(inputs, 0, outputs, price, price, price)
    assert eco.token_cost_usd_per_million_tokens(per_task, inputs, outputs) == pytest.approx(price, rel=1e-12)
