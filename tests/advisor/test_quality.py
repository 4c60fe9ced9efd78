"""Pairs, sample sizes and the price of errors: published tables, values worked by hand, and laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.answer import Answer
from advisor.evidence import newcombe, wilson
from advisor.quality import (
    Pairs,
    as_good,
    error_loss_usd_per_month,
    mcnemar_p,
    paired_answer,
    paired_difference,
    paired_size,
    width_size,
)
from advisor.quality_cascade import cascade_success_share, cascade_usd_per_month, success_bounds
from advisor.scenario_evidence import Trial


@pytest.mark.parametrize(
    ("pairs", "low", "high"),
    [
        # Airway hyper-responsiveness before and after a transplant, 21 children: Fagerland, Lydersen and Laake,
        # Statistics in Medicine 33 (2014) 2850-2875, square-and-add interval
        (Pairs(1, 1, 7, 12), -0.507, -0.026),
    ],
)
def test_the_paired_interval_agrees_with_the_published_one(pairs: Pairs, low: float, high: float) -> None:
    found = paired_difference(pairs)
    assert (round(found.low, 3), round(found.high, 3)) == (low, high)


def test_the_paired_interval_by_hand() -> None:
    # 10 questions: 4 both, 4 tuned only, 1 hosted only, 1 neither; 8 of 10 against 5 of 10.
    # Wilson 8/10: 0.490162 .. 0.943318; Wilson 5/10: 0.236593 .. 0.763407.
    # ad - bc = 4 * 1 - 4 * 1 = 0, so phi = 0: below = hypot(0.309838, 0.263407), above = hypot(0.143318, 0.263407)
    found = paired_difference(Pairs(4, 4, 1, 1))
    assert found.value == 0.3
    assert found.low == pytest.approx(0.3 - math.hypot(0.309838, 0.263407), abs=2e-6)
    assert found.high == pytest.approx(0.3 + math.hypot(0.143318, 0.263407), abs=2e-6)


def test_a_positive_correlation_is_corrected_for_continuity() -> None:
    # 40 both, 5 tuned only, 3 hosted only, 52 neither: 45 and 43 of 100.
    # cross = 40 * 52 - 5 * 3 = 2065, less 100 / 2 is 2015; under the root 45 * 55 * 43 * 57 = 6_066_225.
    # phi = 2015 / 2462.97 = 0.81812. Wilson 45/100: 0.355976 .. 0.547630; 43/100: 0.337401 .. 0.527834.
    # below**2 = .094024**2 - 2 * .81812 * .094024 * .097834 + .097834**2 = .0033603
    found = paired_difference(Pairs(40, 5, 3, 52))
    assert found.value == pytest.approx(0.02)
    assert found.low == pytest.approx(0.02 - math.sqrt(0.0033603), abs=5e-5)


@pytest.mark.parametrize(
    ("only_tuned", "only_hosted", "p_value"),
    [
        (0, 0, 1.0),  # they never differ
        (5, 0, 2 / 32),  # 2 * C(5,0) / 2**5
        (1, 7, 2 * (1 + 8) / 256),  # the children above: 0.0703
        (12, 2, 2 * (1 + 14 + 91) / 16384),
        (4, 4, 1.0),  # 2 * 163 / 256 is over 1
    ],
)
def test_mcnemar_by_hand(only_tuned: int, only_hosted: int, p_value: float) -> None:
    assert mcnemar_p(Pairs(10, only_tuned, only_hosted, 10)) == pytest.approx(p_value)


COUNTS = st.integers(0, 400)
PAIRS = st.builds(Pairs, COUNTS, COUNTS, COUNTS, COUNTS).filter(lambda pairs: pairs.n > 0)


@given(PAIRS)
def test_a_paired_interval_holds_its_difference_and_turns_with_its_sides(pairs: Pairs) -> None:
    found = paired_difference(pairs)
    turned = paired_difference(Pairs(pairs.both, pairs.only_second, pairs.only_first, pairs.neither))
    assert -1 - 1e-9 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1 + 1e-9
    assert found.low == pytest.approx(-turned.high, abs=1e-12)
    assert 0 < mcnemar_p(pairs) <= 1


@given(st.integers(50, 400), st.integers(0, 20), st.integers(0, 20), st.integers(50, 400))
def test_pairs_that_mostly_agree_say_more_than_two_separate_trials(
    both: int, tuned: int, hosted: int, neither: int
) -> None:
    pairs = Pairs(both, tuned, hosted, neither)
    apart = newcombe(pairs.first, pairs.n, pairs.second, pairs.n)
    together = paired_difference(pairs)
    assert together.high - together.low < apart.high - apart.low


@pytest.mark.parametrize(
    ("pairs", "margin", "answer"),
    [
        (Pairs(450, 12, 10, 28), 0.03, Answer.YES),  # 500 questions, +0.4 points
        (Pairs(400, 5, 60, 35), 0.02, Answer.NO),  # -11 points: the whole interval lies below the margin
        (Pairs(40, 3, 3, 4), 0.02, Answer.UNKNOWN),  # 50 questions settle nothing
    ],
)
def test_as_good_in_pairs_needs_the_whole_interval(pairs: Pairs, margin: float, answer: Answer) -> None:
    assert paired_answer(pairs, margin).answer is answer


def test_an_open_pair_comparison_says_how_many_more() -> None:
    # differ on 6 of 50 = 0.12, difference 0: 7.848879 * 0.12 / 0.02**2 = 2354.7 -> 2355 questions, 2305 of them twice
    found = paired_answer(Pairs(40, 3, 3, 4), 0.02)
    assert (found.needed_n, found.further_n) == (2355, 2 * 2305)


@pytest.mark.parametrize(
    ("differing", "difference", "margin", "questions"),
    [
        (0.10, 0.00, 0.02, 1963),  # 7.848879 * 0.10 / 0.0004 = 1962.2
        (0.10, 0.05, 0.02, 157),  # 7.848879 * (0.10 - 0.0025) / 0.0049 = 156.2
        (0.10, -0.02, 0.02, None),  # exactly on the margin
    ],
)
def test_paired_size_by_hand(differing: float, difference: float, margin: float, questions: int | None) -> None:
    assert paired_size(differing, difference, margin) == questions


@given(st.integers(0, 100), st.sampled_from([0.01, 0.02, 0.05, 0.1]))
def test_a_sample_for_a_width_is_the_least_that_has_it(percent: int, half: float) -> None:
    rate, n = percent / 100, width_size(percent / 100, half)

    def half_width(size: int) -> float:
        z = 1.959963984540054
        return z * math.sqrt(rate * (1 - rate) / size + z * z / (4 * size * size)) / (1 + z * z / size)

    assert half_width(n) <= half
    assert n == 1 or half_width(n - 1) > half


def test_a_sample_for_a_width_by_hand() -> None:
    # At one half Wilson's half width is z / 2 / sqrt(n + z**2) = 0.05: n = (1.96 / 0.1)**2 - 3.84 = 384.15 - 3.84
    assert width_size(0.5, 0.05) == 381
    found = wilson(190, 381)
    assert (found.high - found.low) / 2 == pytest.approx(0.05, abs=1e-4)


def test_a_width_of_nought_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted a share above 0"):
        width_size(0.5, 0.0)


def test_pairs_come_before_two_separate_trials() -> None:
    tuned, hosted = [Trial(variant="t", n=500, successes=462)], [Trial(variant="h", n=500, successes=460)]
    assert as_good(tuned, hosted, None, 0.02).answer is Answer.UNKNOWN
    assert as_good(tuned, hosted, Pairs(450, 12, 10, 28), 0.02).answer is Answer.YES


def test_the_price_of_errors_by_hand() -> None:
    assert error_loss_usd_per_month(0.50, 0.92, 10_000) == pytest.approx(400)  # 800 wrong answers at half a dollar


def test_a_cascade_by_hand() -> None:
    # 1,000 tasks: 30 USD for the first model, 200 of them again at 0.10 USD
    assert cascade_usd_per_month(30, 0.10, 1_000, 0.20) == pytest.approx(50)
    assert cascade_success_share(0.76, 0.20, 0.90) == pytest.approx(0.94)  # 0.76 + 0.20 * 0.90
    # the second model is wrong on a tenth of all tasks: all of it may lie among the declined fifth, or none of it
    assert success_bounds(0.76, 0.20, 0.90) == pytest.approx((0.86, 0.96))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_a_cascade_gets_right_lies_within_its_bounds(kept: float, share: float, after: float) -> None:
    kept *= 1 - share
    low, high = success_bounds(kept, share, after)
    assert low - 1e-12 <= cascade_success_share(kept, share, after) <= high + 1e-12
