"""What a range draws: a 90 % interval with its value in the middle, inside what the field allows, one draw a figure."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.uncertainty_draws import (
    Input,
    draw,
    drifted_ratio,
    free_leaves,
    inputs_of,
    leaf_values,
    limits_for,
    scores,
    spread_over,
)
from pricing.figure import assumed, quoted

EVERYWHERE = (-np.inf, np.inf)
ends = st.floats(1e-6, 1e6)


@pytest.mark.parametrize(
    ("low", "value", "high"),
    [(600_000, 800_000, 1_100_000), (1.3, 4.8, 34), (0, 800, 5000), (-0.02, 0.0, 0.05), (3e10, 1e11, 1e12)],
)
def test_five_percent_lie_below_low_half_below_the_value_and_five_percent_above_high(low, value, high):
    leaf = assumed("x", value, "ratio", "test", low, high)
    drawn = spread_over(leaf, scores(10_000), EVERYWHERE)
    # 10,000 equal parts: 500 below low, 5,000 below the value, 500 above high
    assert [(drawn < low).sum(), (drawn < value).sum(), (drawn > high).sum()] == [500, 5000, 500]


@given(st.tuples(ends, ends, ends).map(sorted), st.floats(-4, 4))
def test_law_draws_rise_with_the_score_and_meet_the_value_at_nought(three, score):
    low, value, high = three
    leaf = assumed("x", value, "usd", "test", low, high)
    at = spread_over(leaf, np.array([score, score + 0.1, 0.0]), EVERYWHERE)
    assert at[0] <= at[1]
    assert at[2] == value


@given(st.floats(-1e6, 1e6), st.floats(-5, 5))
def test_law_a_range_of_no_width_draws_its_value_to_the_bit(value, score):
    leaf = assumed("x", value, "usd", "test", value, value)
    assert spread_over(leaf, np.array([score]), EVERYWHERE)[0] == value


def test_a_draw_stays_inside_what_the_field_allows():
    peak = assumed("volume.peak_to_mean", 4.8, "ratio", "test", 1.3, 34)
    drawn = spread_over(peak, scores(10_000), limits_for(peak, {"volume.peak_to_mean": (1.0, 1000.0)}))
    assert drawn.min() == 1.0
    share = assumed("local.efficiency", 0.9, "share", "test", 0.5, 0.99)
    assert spread_over(share, scores(10_000), limits_for(share, {})).max() == 1.0


def test_an_input_keeps_its_draws_when_another_is_added():
    one = {"a": Input(assumed("a", 2, "usd", "test", 1, 3))}
    two = one | {"b": Input(assumed("b", 5, "usd", "test", 1, 9))}
    alone, beside = draw(one, {}, 1000)[0]["a"], draw(two, {}, 1000)[0]
    assert (alone == beside["a"]).all()
    assert abs(np.corrcoef(beside["a"], beside["b"])[0, 1]) < 0.1  # of 1,000 independent draws: 0.03 one sigma


def test_each_part_of_a_distribution_is_drawn_once_and_lifetimes_stay_in_order():
    named = {name: Input(assumed(name, 12, "months", "test", 6, 24)) for name in ("volume.lifetime_months", "other")}
    values, ranks = draw(named, {}, 999)
    for rank in ranks.values():
        assert sorted(rank.tolist()) == list(range(999))
    assert (np.diff(values["volume.lifetime_months"]) > 0).all()
    assert (np.diff(values["other"]) < 0).any()


def test_quoted_prices_of_one_family_move_together_and_stated_ranges_alone():
    prices = [quoted(f"price.api.v/m.{side}", value, "usd_per_million_tokens", "list", None)
              for side, value in (("input", 2), ("output", 10))]  # fmt: skip
    wage = assumed("people.usd_per_hour", 95, "usd_per_hour", "test", 60, 150)
    exact = assumed("exact", 3, "usd", "test")
    inputs = inputs_of([*prices, wage, exact], 24)
    assert list(inputs) == ["people.usd_per_hour", "price level of hosted tokens"]
    assert free_leaves(inputs) == {"people.usd_per_hour", *(price.name for price in prices)}
    drawn, _ = draw(inputs, {}, 500)
    values = leaf_values(inputs, drawn)
    assert (values["price.api.v/m.output"] == 5 * values["price.api.v/m.input"]).all()
    stated = replace(prices[0], low=1, high=3)
    assert stated.name not in {
        leaf.name for leaf in inputs_of([stated, prices[1]], 24)["price level of hosted tokens"].leaves
    }


@pytest.mark.parametrize(
    ("yearly", "months", "ratio"),
    [(1.0, 36, 1.0), (0.25, 2, (0.25 ** (0.5 / 12) + 0.25 ** (1.5 / 12)) / 2), (4.0, 1, 4 ** (0.5 / 12))],
)
def test_a_price_that_drifts_is_its_mean_over_the_horizon(yearly, months, ratio):
    assert drifted_ratio(yearly, months) == pytest.approx(ratio, rel=1e-12)
