"""Padding and packing: the longest of a batch is exact, and what a batch holds follows from the rows' lengths."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.training_fill import (
    MEAN_ROW_TOKENS,
    fill_of_lengths,
    longest_of_batch_tokens,
    padding_efficiency_share,
    spread_lengths_tokens,
    unpacked_fill,
)

LENGTHS = st.lists(st.integers(1, 4096), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("lengths", "rows", "expected"),
    [
        ([100, 300], 1, 200),  # one row a batch: the mean
        ([100, 300], 2, 250),  # of four equally likely pairs, three hold the 300: (100 + 3 x 300) / 4
        ([10, 20, 30], 2, 220 / 9),  # 1 pair of 10, 3 with 20 as longest, 5 with 30: (10 + 60 + 150) / 9
        ([50], 8, 50),
    ],
)
def test_the_longest_of_a_batch_by_hand(lengths: list[float], rows: int, expected: float) -> None:
    assert longest_of_batch_tokens(lengths, rows) == pytest.approx(expected)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.integers(1, 3))
def test_the_longest_of_a_batch_is_that_of_all_batches(lengths: list[int], rows: int) -> None:
    every = [max(batch) for batch in itertools.product(lengths, repeat=rows)]
    assert longest_of_batch_tokens(lengths, rows) == pytest.approx(sum(every) / len(every))


def test_padding_efficiency_by_hand() -> None:
    assert padding_efficiency_share([100, 300], 2) == pytest.approx(0.8)  # 200 of text for 250 computed


@given(LENGTHS, st.integers(1, 64))
def test_a_larger_batch_pads_no_less(lengths: list[int], rows: int) -> None:
    assert longest_of_batch_tokens(lengths, rows + 1) >= longest_of_batch_tokens(lengths, rows) * (1 - 1e-9)


@given(LENGTHS, st.integers(1, 64), st.integers(8, 4096))
def test_a_fill_holds_no_more_than_it_computes_and_no_more_than_the_cap(
    lengths: list[int], rows: int, cap: int
) -> None:
    fill = fill_of_lengths(lengths, cap, rows)
    assert 0 < fill.real_share <= fill.padded_share * (1 + 1e-9)
    assert fill.padded_share <= 1 + 1e-9
    free = fill_of_lengths(lengths, cap, rows, padding_free=True)
    assert free.padded_share == free.real_share == pytest.approx(fill.real_share)


@given(st.floats(20, 2000))
def test_assumed_lengths_have_the_mean_they_were_asked_for(mean: float) -> None:
    lengths = spread_lengths_tokens(mean)
    assert sum(lengths) / len(lengths) == pytest.approx(mean)


@pytest.mark.parametrize(("rows", "seen"), [(2, 1.27), (4, 1.54), (8, 1.81)])
def test_assumed_spread_pads_about_as_measured_data_did(rows: int, seen: float) -> None:
    # Orca-Math, padded over padding-free tokens of a step: T0530 / T0534 and so on (traintime rows)
    lengths = spread_lengths_tokens(285)
    assert longest_of_batch_tokens(lengths, rows) / 285 == pytest.approx(seen, rel=0.12)


def test_a_cap_says_little_about_rows() -> None:
    short, long = unpacked_fill(1024, 4), unpacked_fill(8192, 4)
    assert short.real_share * 1024 == pytest.approx(long.real_share * 8192, rel=0.05)
    assert long.real_share * 8192 == pytest.approx(float(MEAN_ROW_TOKENS.value), rel=0.05)
    assert not long.known
    assert unpacked_fill(1024, 4, 200).known
