"""A tree as a list of calls: the same numbers as the tree, and only what must be is computed again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.program import BLOCK_ROWS, Program
from pricing.figure import assumed, derive, recompute

CALLS: list[str] = []


def bill_usd_per_month(volume_tasks_per_month, price_usd_per_task):
    CALLS.append("bill")
    return volume_tasks_per_month * price_usd_per_task


def fee_usd_per_month(rate_usd_per_hour, month_hours):
    CALLS.append("fee")
    return rate_usd_per_hour * month_hours


def sum_usd_per_month(bill_usd_per_month, fee_usd_per_month):
    CALLS.append("sum")
    return bill_usd_per_month + fee_usd_per_month


@pytest.fixture
def tree():
    volume = assumed("volume", 1000, "tasks_per_month", "test")
    price = assumed("price", 0.5, "usd_per_task", "test")
    rate = assumed("rate", 2, "usd_per_hour", "test")
    hours = assumed("hours", 730, "hours", "test")
    bill = derive("bill", bill_usd_per_month, volume_tasks_per_month=volume, price_usd_per_task=price)
    fee = derive("fee", fee_usd_per_month, rate_usd_per_hour=rate, month_hours=hours)
    whole = derive("whole", sum_usd_per_month, bill_usd_per_month=bill, fee_usd_per_month=fee)
    CALLS.clear()
    return whole, bill


def test_only_what_rests_on_a_free_input_is_computed(tree):
    program = Program(tree, {"volume", "not in the tree"})
    assert program.inputs == {"volume"}
    found = program.run({"volume": np.array([1.0, 2.0])}, 2)
    assert found.tolist() == [[1460.5, 1461.0], [0.5, 1.0]]  # 2 * 730 + 0.5 a task
    assert CALLS == ["bill", "sum"]


def test_along_one_input_the_others_keep_their_values(tree):
    at = Program(tree, {"volume", "rate", "price"}).along("rate")
    assert at(np.array([1.0, 3.0])).tolist() == [1230.0, 2690.0]  # 500 + 730 * rate
    assert CALLS == ["fee", "sum"]


def test_an_input_that_nothing_rests_on_changes_nothing(tree):
    assert Program(tree, {"volume"}).along("hours")(np.array([1.0, 2.0])).tolist() == [1960.0, 1960.0]


def test_the_same_call_on_the_same_inputs_is_made_once(tree):
    _, bill = tree
    twin = replace(bill, name="twin")
    Program([bill, twin], {"volume"}).run({"volume": np.ones(3)}, 3)
    assert CALLS == ["bill"]


@given(st.integers(1, 3 * BLOCK_ROWS), st.floats(0, 1e6), st.floats(0, 1e3))
def test_law_rows_in_blocks_are_the_tree_row_by_row(rows, volume, rate):
    inputs = {
        "volume_tasks_per_month": assumed("volume", 1000, "tasks_per_month", "test"),
        "price_usd_per_task": assumed("price", 0.5, "usd_per_task", "test"),
    }
    bill = derive("bill", bill_usd_per_month, **inputs)
    drawn = {"volume": np.linspace(0, volume, rows), "price": np.full(rows, rate)}
    found = Program([bill], set(drawn)).run(drawn, rows)[0]
    last = {name: values[-1] for name, values in drawn.items()}
    assert found.shape == (rows,)
    assert found[-1] == recompute(bill, last)
