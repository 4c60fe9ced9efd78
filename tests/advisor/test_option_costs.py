"""What is particular to one road, as formulas: hand-worked values, laws, and the days of an end date."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import option_costs as costs
from advisor.price_paths import months_until, open_share

AS_OF = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (date(2026, 11, 21), 0.0),
        (date(2026, 12, 21), 1.0),
        (date(2026, 12, 1), 10 / 30),  # ten days of the thirty from 21 November to 21 December
        (date(2027, 1, 14), 1 + 24 / 31),
        (date(2020, 1, 1), 0.0),
    ],
)
def test_months_until_a_day(day, months):
    assert months_until(AS_OF, day) == pytest.approx(months)


@given(st.floats(0, 60), st.integers(1, 48))
def test_open_shares_add_up_to_the_months_before_the_end(until, months):
    calendar = np.ones(months)
    assert float(np.sum(open_share(until, calendar))) == pytest.approx(min(until, months))


@given(
    st.floats(0, 1), st.floats(0.01, 10), st.floats(0.001, 1), st.floats(1, 2), st.floats(0, 5000), st.floats(1, 5000)
)
def test_caching_costs_between_all_read_and_all_written(hit, fresh, read, write, begun, whole):
    read, write = read * fresh, write * fresh
    found = costs.prompt_usd_per_task(whole, begun, hit, fresh, read, write)
    bounds = [costs.prompt_usd_per_task(whole, begun, share, fresh, read, write) for share in (1.0, 0.0)]
    assert bounds[0] - 1e-12 <= found <= bounds[1] + 1e-12


def test_a_term_that_ends_before_the_task_owes_nothing():
    assert costs.unexpired_usd(np.array([300.0, 300.0]), 24.0, 12.0) == 0
    assert costs.unexpired_usd(np.array([300.0, 365.0]), 9.0, 12.0) == 1095  # three months at the last rent of 365


def test_prices_of_draws_and_of_numbers_agree():
    rent_usd = np.array([[365.0, 365.0], [730.0, 730.0]])
    assert costs.unexpired_usd(rent_usd, np.array([[9.0], [12.0]]), 12.0).tolist() == [[1095.0], [0.0]]
