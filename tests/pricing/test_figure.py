"""Laws of figures: grade, recomputation, units."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.figure import Kind, UnitMismatchError, assumed, derive, leaves, measured, quoted, recompute, walk
from pricing.units import LABELS, UnknownUnitError, unit_of

DAY = date(2026, 11, 21)


def input_cost_usd_per_task(tokens_per_task, input_usd_per_million_tokens):
    return tokens_per_task * input_usd_per_million_tokens / 1_000_000


def bill_usd_per_month(cost_usd_per_task, tasks_per_month):
    return cost_usd_per_task * tasks_per_month


def bill(tokens: float, price: str, tasks: float, tasks_kind=assumed):
    per_task = derive(
        "task",
        input_cost_usd_per_task,
        tokens_per_task=measured("tokens", tokens, "tokens_per_task", "counted offline"),
        input_usd_per_million_tokens=quoted("price", Decimal(price), "usd_per_million_tokens", "a price page", DAY),
    )
    tasks_figure = (
        assumed("tasks", tasks, "tasks_per_month", "the team's plan")
        if tasks_kind is assumed
        else measured("tasks", tasks, "tasks_per_month", "last month's log")
    )
    return derive("bill", bill_usd_per_month, cost_usd_per_task=per_task, tasks_per_month=tasks_figure)


def test_a_derived_figure_has_the_value_unit_and_letter_of_its_formula():
    figure = bill(1000, "0.15", 200_000)
    assert figure.value == pytest.approx(30.0)  # 1,000 x 0.15 / 1,000,000 = 0.00015; x 200,000 = 30
    assert figure.unit == "usd_per_month"
    assert figure.kind is Kind.DERIVED


@pytest.mark.parametrize(
    ("tasks_kind", "grade"),
    [(assumed, Kind.ASSUMED), (measured, Kind.QUOTED)],  # measured, quoted, assumed | measured, quoted, measured
)
def test_the_grade_is_that_of_the_weakest_leaf(tasks_kind, grade):
    assert bill(1000, "0.15", 200_000, tasks_kind).grade is grade


def test_a_leaf_replaced_by_a_number_is_computed_through():
    assert recompute(bill(1000, "0.15", 200_000), {"tasks": 20_000}) == pytest.approx(3.0)


def test_an_inner_figure_can_be_replaced_too():
    assert recompute(bill(1000, "0.15", 200_000), {"task": 0.01}) == pytest.approx(2000.0)


def test_a_number_and_an_array_give_the_same_answers():
    figure = bill(1000, "0.15", 200_000)
    draws = np.array([20_000.0, 200_000.0, 2_000_000.0])
    assert recompute(figure, {"tasks": draws}).tolist() == [recompute(figure, {"tasks": one}) for one in draws]


@given(
    tokens=st.floats(1, 1e6),
    price=st.decimals("0.005", "1000", places=3).map(str),
    tasks=st.floats(1, 1e9),
)
def test_recomputing_with_the_leaves_own_values_changes_nothing(tokens, price, tasks):
    figure = bill(tokens, price, tasks)
    own = {leaf.name: float(leaf.value) for leaf in leaves(figure)}
    assert recompute(figure, own) == figure.value
    assert recompute(figure, {}) == figure.value


def test_a_shared_leaf_counts_once_and_is_walked_wherever_it_stands():
    price = quoted("price", Decimal(2), "usd_per_million_tokens", "a price page", DAY)

    def both_usd_per_million_tokens(input_usd_per_million_tokens, output_usd_per_million_tokens):
        return input_usd_per_million_tokens + output_usd_per_million_tokens

    both = derive(
        "both", both_usd_per_million_tokens, input_usd_per_million_tokens=price, output_usd_per_million_tokens=price
    )
    assert leaves(both) == [price]
    assert [(depth, figure.name) for depth, figure in walk(both)] == [(0, "both"), (1, "price"), (1, "price")]


def test_a_figure_of_another_unit_is_refused_by_name():
    hours = measured("hours", 3, "hours", "a stopwatch")
    price = quoted("price", Decimal(2), "usd_per_million_tokens", "a price page", DAY)
    with pytest.raises(UnitMismatchError, match=r"tokens_per_task\) wants tokens_per_task, but hours is in hours"):
        derive("wrong", input_cost_usd_per_task, tokens_per_task=hours, input_usd_per_million_tokens=price)


def test_a_unit_that_does_not_exist_is_refused():
    with pytest.raises(UnknownUnitError, match="usd_per_parsec"):
        assumed("odd", 1, "usd_per_parsec", "no reason")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("output_usd_per_million_tokens", "usd_per_million_tokens"),  # not tokens
        ("tokens_per_task", "tokens_per_task"),
        ("kv_cache_bytes_per_token", "bytes_per_token"),
        ("usd", "usd"),
        ("growth_share_per_month", "share_per_month"),
    ],
)
def test_the_longest_unit_a_name_ends_in_is_its_unit(name, unit):
    assert unit_of(name) == unit


@pytest.mark.parametrize("name", ["kv_cache", "musd", "usd_total"])
def test_a_name_without_a_unit_is_refused(name):
    with pytest.raises(UnknownUnitError):
        unit_of(name)


@given(st.sampled_from(sorted(LABELS)))
def test_every_unit_is_its_own_unit_and_that_of_any_name_it_ends(unit):
    assert unit_of(unit) == unit
    assert unit_of(f"total_{unit}") == unit
