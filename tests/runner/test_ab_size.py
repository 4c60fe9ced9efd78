"""Sample sizes against published figures, and intervals that may be read at every task."""

import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.ab_size import (
    arm_variance_share,
    bound_at_target_ratio,
    non_inferiority_tasks,
    radius_share,
    sequence_tasks,
    split_radius_tasks,
    superiority_tasks,
    target_information,
    tuning_ratio,
)

shares = st.floats(0.01, 0.99)


@pytest.mark.parametrize(
    ("control", "tuned", "power", "tasks", "source"),
    [
        (0.50, 0.75, 0.90, 76.7, "R, help of power.prop.test: n = 76.7"),
        (0.60, 0.70, 0.90, 476.0, "Fleiss, Statistical Methods for Rates and Proportions: 476 (497 with correction)"),
    ],
)
def test_two_shares_differ_as_published(control: float, tuned: float, power: float, tasks: float, source: str) -> None:
    assert superiority_tasks(control, tuned, power_share=power) == pytest.approx(tasks, abs=0.05), source


def test_two_shares_differ_as_worked_by_hand() -> None:
    # 0.10 against 0.20, 5 % two-sided, power 80 %: (1.95996 * sqrt(2 * 0.15 * 0.85) + 0.84162 * sqrt(0.09 + 0.16))^2
    # = (1.95996 * 0.504975 + 0.84162 * 0.5)^2 = (0.989733 + 0.420811)^2 = 1.989634; over 0.1^2 = 198.96
    assert superiority_tasks(0.10, 0.20) == pytest.approx(198.96, abs=0.01)


def test_no_worse_as_published() -> None:
    # Chow, Shao and Wang (2008), page 90: 0.85 against 0.65, margin 0.10, one-sided 5 %, power 80 %: 25
    assert math.ceil(non_inferiority_tasks(0.65, 0.85, 0.10, alpha_share=0.05)) == 25


def test_no_worse_as_worked_by_hand() -> None:
    # both 0.75, margin 0.02, one-sided 2.5 %: 2 * 0.75 * 0.25 * ((1.95996 + 0.84162) / 0.02)^2 = 0.375 * 19622.2
    assert non_inferiority_tasks(0.75, 0.75, 0.02) == pytest.approx(7358.3, abs=0.1)


def test_what_looking_at_any_time_costs_by_hand() -> None:
    # r = 5.99146 + ln(6.99146) = 7.93617; sqrt((1 + 1 / r) * (ln(1 + r) + 5.99146)) = sqrt(1.12600 * 8.18154)
    assert tuning_ratio(0.05) == pytest.approx(7.93617, abs=1e-4)
    assert bound_at_target_ratio(0.05) == pytest.approx(3.0352, abs=1e-4)
    # ((3.0352 + 0.8416) / 0.02)^2 * 0.375, against 7,358 for one look
    assert sequence_tasks(0.02, 0.375) == pytest.approx(14_090, abs=1)


@given(shares, shares.filter(lambda share: share > 0.02), st.floats(0.005, 0.2))
def test_law_a_smaller_margin_needs_more_tasks(control: float, tuned: float, margin: float) -> None:
    room = abs(tuned - control)
    assert non_inferiority_tasks(control, control, margin) > non_inferiority_tasks(control, control, margin + 0.01)
    if room > 0.01:
        assert superiority_tasks(control, tuned) == pytest.approx(superiority_tasks(tuned, control))


@given(shares, st.floats(0.005, 0.2), st.sampled_from([0.001, 0.0125, 0.05]))
def test_law_the_planned_tasks_show_the_effect_with_the_planned_power(
    share: float, effect: float, alpha: float
) -> None:
    variance = arm_variance_share(share, share)
    information = sequence_tasks(effect, variance, alpha) / variance
    target = target_information(effect, alpha)
    missed = (effect - radius_share(information, target, alpha)) * math.sqrt(information)  # in standard errors
    assert NormalDist().cdf(missed) == pytest.approx(0.80, abs=1e-6)


@given(st.floats(1, 1e7), st.floats(1, 1e6), st.sampled_from([0.001, 0.0125, 0.05]))
def test_law_more_information_is_a_narrower_interval_and_never_below_one_look(
    information: float, target: float, alpha: float
) -> None:
    radius = radius_share(information, target, alpha)
    assert radius_share(information * 1.1, target, alpha) < radius
    assert radius > NormalDist().inv_cdf(1 - alpha / 2) / math.sqrt(information)


def test_exact_data_have_no_radius() -> None:
    assert radius_share(math.inf, 1000.0) == 0.0


def test_read_at_every_step_the_interval_misses_no_more_often_than_it_says() -> None:
    # a running mean of standard normal numbers, read at each of 1,000 of them; the truth is 0
    radius = [radius_share(count, 500.0, 0.05) * count for count in range(1, 1001)]
    draw, tests, missed = random.Random(1), 400, 0
    for _ in range(tests):
        total = 0.0
        for count in range(1000):
            total += draw.gauss(0.0, 1.0)
            if abs(total) > radius[count]:
                missed += 1
                break
    assert 0 < missed / tests <= 0.05


def test_a_fixed_interval_read_at_every_step_misses_far_more_often() -> None:
    draw, tests, missed = random.Random(4), 200, 0
    for _ in range(tests):
        total = 0.0
        for count in range(1, 1001):
            total += draw.gauss(0.0, 1.0)
            if count >= 100 and abs(total) > 1.96 * math.sqrt(count):
                missed += 1
                break
    assert missed / tests > 0.15  # what the sequence is for


@given(st.integers(200, 100_000), st.floats(0.1, 0.9))
def test_law_the_split_allows_more_than_chance_at_one_look(tasks: int, share: float) -> None:
    radius = split_radius_tasks(tasks, 10_000, share, 0.001)
    assert radius > 3.29 * math.sqrt(tasks * share * (1 - share))  # 99.9 % at one look
    assert radius < tasks
