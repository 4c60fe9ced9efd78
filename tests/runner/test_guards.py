"""Training guards: what each series is called, and which remedy goes with it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.guards import (
    Evaluated,
    Step,
    best_of,
    each_once,
    finite,
    gradients,
    jumped,
    learning,
    overfitted,
    overfitting,
    spikes,
    supervision,
    truncation,
)

nats = st.floats(min_value=0.2, max_value=10)


def steps(losses: list[float], norms: list[float] | None = None, learned: int = 30) -> list[Step]:
    known = norms or [1.0] * len(losses)
    return [Step(n + 1, loss, norm, 100, learned) for n, (loss, norm) in enumerate(zip(losses, known, strict=True))]


def curve(*pairs: tuple[float, float]) -> list[Evaluated]:
    return [Evaluated((n + 1) * 10, loss, train) for n, (loss, train) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("loss", "before", "expected"),
    [
        (3.1, [1.0] * 8, True),  # above 3 x the median of 1
        (3.0, [1.0] * 8, False),  # not above it
        (9.0, [1.0] * 7, False),  # 7 steps say nothing yet
        (3.1, [9.0] * 30 + [1.0] * 20, True),  # the last 20 count: median 1
        (0.29, [0.01] * 9, False),  # 3 x the floor of 0.1
        (0.31, [0.01] * 9, True),
    ],
)
def test_a_spike_is_three_times_the_recent_median(loss: float, before: list[float], expected: bool) -> None:
    assert jumped(loss, before) is expected


def test_a_spike_is_found_with_its_step_and_remedy() -> None:
    found = spikes(steps([1.0] * 10 + [10.0] + [1.0] * 5))
    assert found.answer == "warned"
    assert "1 spikes, the worst 10 at step 11" in found.found
    assert "learning rate" in found.remedy
    assert spikes(steps([1.0] * 16)).answer == "passed"
    assert spikes(steps([1.0] * 8)).answer == "not assessed"


@pytest.mark.parametrize(
    ("evaluations", "patience", "expected"),
    [
        (curve((1.0, 1.0), (0.8, 0.8), (0.9, 0.7), (1.0, 0.6)), 2, True),  # best 0.8, then twice above, training falls
        (curve((1.0, 1.0), (0.8, 0.8), (0.9, 0.7)), 2, False),  # once above
        (curve((1.0, 1.0), (0.8, 0.8), (0.81, 0.7), (0.815, 0.6)), 2, False),  # under 2 % above: noise
        (curve((1.0, 1.0), (0.8, 0.8), (0.9, 0.8), (1.0, 0.8)), 2, False),  # training does not fall: not overfitting
        (curve((1.0, 1.0), (0.8, 0.8), (0.9, 0.7), (0.79, 0.6)), 2, False),  # a new best
        ([], 1, False),
    ],
)
def test_overfitting_is_rising_held_out_loss_while_training_falls(
    evaluations: list[Evaluated], patience: int, expected: bool
) -> None:
    assert overfitted(evaluations, patience) is expected


@given(st.lists(nats, min_size=2, max_size=12), st.integers(1, 4))
def test_a_held_out_loss_that_only_falls_is_never_overfitting(losses: list[float], patience: int) -> None:
    falling = sorted(losses, reverse=True)
    evaluations = [Evaluated(n, loss, loss) for n, loss in enumerate(falling)]
    assert not overfitted(evaluations, patience)
    assert best_of(evaluations).loss == min(losses)


@given(st.lists(nats, min_size=2, max_size=12), st.integers(1, 3))
def test_more_patience_never_stops_earlier(losses: list[float], patience: int) -> None:
    evaluations = [Evaluated(n, loss, 1 / (n + 1)) for n, loss in enumerate(losses)]
    assert not overfitted(evaluations, patience + 1) or overfitted(evaluations, patience)


def test_overfitting_in_words() -> None:
    early = overfitting(curve((1.0, 1.0), (0.8, 0.8), (0.9, 0.7)), 1, stopped_early=True)
    assert (early.answer, "step 20 is kept" in early.found) == ("stopped", True)
    assert "dropout" in early.remedy
    late = overfitting(curve((1.0, 1.0), (0.8, 0.8), (0.9, 0.7)), 2, stopped_early=False)
    assert late.answer == "warned"
    assert overfitting(curve((1.0, 1.0), (0.8, 0.8)), 2, stopped_early=False).answer == "passed"
    assert "data.valid" in overfitting([], 2, stopped_early=False).remedy


def test_not_a_number_is_named_by_its_step() -> None:
    assert finite(steps([1.0, 2.0])).answer == "passed"
    found = finite(steps([1.0, math.nan, 1.0]))
    assert (found.answer, "step 2" in found.found) == ("stopped", True)
    assert finite(steps([1.0], [math.inf])).answer == "stopped"
    assert finite([]).answer == "not assessed"


@pytest.mark.parametrize(
    ("norms", "answer", "word"),
    [
        ([0.5] * 10, "passed", "median 0.5"),
        ([9.0] * 2 + [0.5] * 18, "passed", "median 0.5"),  # the first tenth warms up
        ([0.5] * 9 + [5.1], "warned", "highest 5.1 at step 10"),  # above 10 x 0.5
        ([2.0] * 7 + [0.5] * 4, "warned", "60% of steps clipped at 1"),  # 6 of the last 10
        ([1.0] * 8, "not assessed", "8 steps"),
    ],
)
def test_gradient_norms(norms: list[float], answer: str, word: str) -> None:
    found = gradients(steps([1.0] * len(norms), norms), max_grad_norm=1.0)
    assert found.answer == answer
    assert word in found.found


def test_a_loss_that_does_not_fall_is_told() -> None:
    assert learning(steps([2.0] * 10 + [1.0] * 10)).answer == "passed"
    assert learning(steps([1.0] * 10 + [2.0] * 10)).answer == "warned"
    assert learning(steps([1.0] * 9)).answer == "not assessed"


def test_truncation_and_the_mask_are_counted() -> None:
    assert truncation(0, 100, 0.02).answer == "passed"
    found = truncation(1, 100, 0.02)
    assert (found.answer, found.found) == ("warned", "1 of 100 rows longer than max_length; none is cut")
    assert supervision(steps([1.0] * 2, learned=30)).found == "60 of 200 tokens learned (30.0%)"
    assert supervision(steps([1.0], learned=0)).answer == "warned"


def test_a_redone_step_counts_once_as_it_was_last_done() -> None:
    again = [Step(1, 1.0, 1, 1, 1), Step(2, 9.0, 1, 1, 1), Step(2, 2.0, 1, 1, 1)]
    assert [(one.step, one.loss) for one in each_once(again)] == [(1, 1.0), (2, 2.0)]
