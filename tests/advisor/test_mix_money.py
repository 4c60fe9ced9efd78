"""Money of a mix: parts that sum to the whole to the cent, whatever the weights."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.mix_money import apportioned, cents, rounded, summed


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        ("10.00", [1, 1, 1], ["3.34", "3.33", "3.33"]),  # one cent is left over: the first of equals has it
        ("100.00", [30, 70], ["30.00", "70.00"]),
        ("0.05", [1, 2], ["0.02", "0.03"]),  # 0.01666 and 0.03333: the larger remainder is the first one's
        ("7.77", [0, 5], ["0.00", "7.77"]),
    ],
)
def test_a_whole_is_apportioned_by_hand(whole: str, weights: list[float], parts: list[str]) -> None:
    assert apportioned(Decimal(whole), weights) == [Decimal(part) for part in parts]


WEIGHTS = st.lists(st.floats(0, 1e9), min_size=1, max_size=8).filter(lambda weights: sum(weights) > 1e-6)


@given(st.integers(0, 10**12), WEIGHTS)
def test_the_parts_sum_to_the_whole_to_the_cent(whole_cents: int, weights: list[float]) -> None:
    whole = Decimal(whole_cents) / 100
    parts = apportioned(whole, weights)
    assert sum(parts) == whole
    ideal = [float(whole) * weight / sum(weights) for weight in weights]
    assert np.allclose([float(part) for part in parts], ideal, rtol=1e-9, atol=0.0101)


def test_one_unknown_part_makes_the_sum_unknown() -> None:
    assert summed([Decimal(1), None, Decimal(2)]) is None
    assert summed([Decimal("0.10"), Decimal("0.20")]) == Decimal("0.30")


def test_amounts_are_rounded_once() -> None:
    assert cents(0.1 + 0.2) == Decimal("0.30")
    assert rounded(Decimal("12.50"), Decimal(1)) == Decimal(12)  # half to even, as banks do
