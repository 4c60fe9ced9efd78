"""What trials show: published intervals, the gate's three answers, and samples that do settle what they promise to."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.answer import Answer
from advisor.evidence import (
    best_trial,
    failure_answer,
    newcombe,
    non_inferiority_answer,
    non_inferiority_size,
    planned_size,
    sample_size,
    wilson,
)


@dataclass(frozen=True)
class Trial:
    successes: int
    n: int
    variant: str = "v"


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_the_published_table(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_newcombe_agrees_with_the_published_table(a: int, n_a: int, b: int, n_b: int, low: float, high: float) -> None:
    found = newcombe(a, n_a, b, n_b)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


RATES = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(RATES)
def test_wilson_holds_its_rate_within_zero_and_one_and_mirrors(rate: tuple[int, int]) -> None:
    k, n = rate
    found, mirror = wilson(k, n), wilson(n - k, n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert math.isclose(found.low, 1 - mirror.high, abs_tol=1e-12)


@given(RATES, RATES)
def test_newcombe_holds_its_difference_and_turns_with_its_sides(a: tuple[int, int], b: tuple[int, int]) -> None:
    found, turned = newcombe(*a, *b), newcombe(*b, *a)
    assert -1 - 1e-9 <= found.low <= found.value <= found.high <= 1 + 1e-9
    assert math.isclose(found.low, -turned.high, abs_tol=1e-12)


@pytest.mark.parametrize(("n", "least"), [(20, 0.90), (100, 0.93), (400, 0.94)])
def test_wilson_covers_what_it_promises(n: int, least: float) -> None:
    """The exact chance, over the binomial, that the interval holds the true rate, on a grid of rates."""
    covered: list[float] = []
    for rate in (step / 20 for step in range(1, 20)):
        chances = (math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1))
        covered.append(sum(chance for k, chance in enumerate(chances) if wilson(k, n).low <= rate <= wilson(k, n).high))
    assert min(covered) >= least
    assert 0.945 <= sum(covered) / len(covered) <= 0.965


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_no_rate_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        wilson(successes, n)


@pytest.mark.parametrize(
    ("rate", "target", "n"),
    [
        (0.5, 0.6, 191),  # ((1.95996 * sqrt(.24) + .84162 * .5) / .1)**2 = 13.80993**2 = 190.71
        (0.8, 0.9, 86),  # ((1.95996 * .3 + .84162 * .4) / .1)**2 = 9.24638**2 = 85.50
        (0.85, 0.9, 316),  # ((1.95996 * .3 + .84162 * .35707) / .05)**2 = 17.77016**2 = 315.78
        (1.0, 0.9, 35),  # (1.95996 * .3 / .1)**2 = 5.87989**2 = 34.57
    ],
)
def test_sample_size_by_hand(rate: float, target: float, n: int) -> None:
    assert sample_size(rate, target) == n


def test_a_rate_is_not_told_from_itself() -> None:
    with pytest.raises(ValueError, match="wanted two different rates"):
        sample_size(0.9, 0.9)


SHARES = st.integers(0, 100).map(lambda percent: percent / 100)


@given(SHARES, SHARES)
def test_a_sample_of_that_size_at_that_rate_settles_it(rate: float, target: float) -> None:
    n = planned_size(rate, target)
    assert n >= 30
    if abs(rate - target) > 0.02 and n < 100_000:
        successes = math.floor(rate * n) if rate < target else math.ceil(rate * n)
        found = wilson(successes, n)
        assert found.high < target or found.low >= target


@given(SHARES)
def test_an_untried_variant_can_always_be_planned(target: float) -> None:
    assert 30 <= planned_size(None, target) <= 300


TARGET = 0.9


@pytest.mark.parametrize(
    ("trials", "answer", "needed", "further"),
    [
        ([(61, 200), (70, 200)], Answer.YES, None, None),
        ([(61, 200), (190, 200)], Answer.NO, None, None),  # 190/200: low bound 0.9104
        ([(190, 200)], Answer.NO, None, None),  # one that works is enough
        ([(61, 200)], Answer.UNKNOWN, 30, 30),  # a second variant is missing: the least sample
        ([], Answer.UNKNOWN, 86, 172),  # untried: 0.8 against 0.9, twice
        ([(85, 100), (80, 100)], Answer.UNKNOWN, 316, 216),  # 85/100: high bound 0.9069; 316 - 100
        ([(92, 100), (20, 100)], Answer.UNKNOWN, 1666, 1566),  # 40.81577**2 = 1665.93; only the best one matters
        ([(9_000, 10_000), (1, 100)], Answer.UNKNOWN, None, None),  # on the target: more answers settle nothing
    ],
)
def test_consistently_fails_is_shown_and_never_asserted(
    trials: list[tuple[int, int]], answer: Answer, needed: int | None, further: int | None
) -> None:
    found = failure_answer([Trial(*trial) for trial in trials], TARGET)
    assert (found.answer, found.needed_n, found.further_n) == (answer, needed, further)
    assert found.why


def test_no_target_is_unknown_with_no_sample_that_could_help() -> None:
    found = failure_answer([Trial(1, 10), Trial(2, 10)], None)
    assert (found.answer, found.needed_n) == (Answer.UNKNOWN, None)


def test_one_variant_is_enough_where_the_caller_says_so() -> None:
    assert failure_answer([Trial(61, 200)], TARGET, least_variants=1).answer is Answer.YES


TRIALS = st.lists(RATES.map(lambda rate: Trial(*rate)), max_size=4)


@given(TRIALS, st.integers(1, 99).map(lambda percent: percent / 100))
def test_more_evidence_of_the_same_rate_never_turns_a_shown_answer(trials: list[Trial], target: float) -> None:
    before = failure_answer(trials, target).answer
    after = failure_answer([Trial(trial.successes * 4, trial.n * 4) for trial in trials], target).answer
    assert before is Answer.UNKNOWN or after is before


@given(TRIALS, st.integers(1, 99).map(lambda percent: percent / 100))
def test_a_higher_target_never_turns_a_failure_into_a_success(trials: list[Trial], target: float) -> None:
    if failure_answer(trials, target).answer is Answer.YES:
        assert failure_answer(trials, min(1.0, target + 0.01)).answer is Answer.YES


def test_the_best_trial_is_the_best_shown_and_not_the_luckiest() -> None:
    assert best_trial([Trial(3, 3), Trial(180, 200)]).n == 200  # 3/3: low bound 0.4385; 180/200: 0.8506


@pytest.mark.parametrize(
    ("a", "b", "margin", "n"),
    [
        (0.9, 0.9, 0.02, 3532),  # 2.80159**2 * (.09 + .09) / .02**2 = 7.84888 * 450 = 3532.0
        (0.8, 0.9, 0.02, 307),  # 7.84888 * (.16 + .09) / .08**2 = 306.6: shows that it is worse
        (0.88, 0.9, 0.02, None),  # exactly on the margin
    ],
)
def test_non_inferiority_size_by_hand(a: float, b: float, margin: float, n: int | None) -> None:
    assert non_inferiority_size(a, b, margin) == n


@pytest.mark.parametrize(
    ("tuned", "hosted", "margin", "answer"),
    [
        ((960, 1000), (940, 1000), 0.02, Answer.YES),  # +0.02, low bound near 0.001
        ((900, 1000), (950, 1000), 0.02, Answer.NO),  # -0.05, high bound near -0.027
        ((95, 100), (95, 100), 0.02, Answer.UNKNOWN),  # 0, bounds near 0.067 either way
        (None, (95, 100), 0.02, Answer.UNKNOWN),
        ((95, 100), None, 0.02, Answer.UNKNOWN),
        ((95, 100), (95, 100), None, Answer.UNKNOWN),
    ],
)
def test_equal_quality_is_shown_with_an_interval(
    tuned: tuple[int, int] | None, hosted: tuple[int, int] | None, margin: float | None, answer: Answer
) -> None:
    found = non_inferiority_answer([Trial(*tuned)] if tuned else [], [Trial(*hosted)] if hosted else [], margin)
    assert found.answer is answer
    assert found.why


def test_an_open_comparison_says_how_many_more_answers_would_settle_it() -> None:
    found = non_inferiority_answer([Trial(95, 100)], [Trial(190, 200)], 0.02)
    # 7.84888 * 2 * .95 * .05 / .02**2 = 1864.1 a side; 1865 - 100 and 1865 - 200 are missing
    assert (found.needed_n, found.further_n) == (1865, 1765 + 1665)
