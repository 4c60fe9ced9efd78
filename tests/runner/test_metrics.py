"""Metrics and intervals against values worked by hand or published."""

import json
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.metrics import (
    compare,
    correct_rows,
    exact_match,
    json_match,
    label_match,
    mcnemar_p,
    paired_difference,
    score,
    wilson,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@pytest.mark.parametrize(
    ("expected", "answer", "right"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}', True),  # order of names is free
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),  # order in a list is not
        ('{"a": true}', '{"a": 1}', False),
        ("[1]", "[true]", False),
        ('{"a": 1}', '{"a": 1.0}', True),  # one JSON number
        ('{"a": 1}', '{"a": 1} ok', False),
        ('{"a": 1}', '{"a": 2, "a": 1}', False),  # a name twice is no answer
        ("[1]", "[NaN]", False),
        ("null", "", False),
        ("0", "false", False),
        ("[]", "[" * 100_000, False),
    ],
)
def test_json_match(expected: str, answer: str, right: bool) -> None:
    assert json_match(expected, answer) is right


@given(JSON)
def test_law_json_matches_itself_however_it_is_written(value: object) -> None:
    assert json_match(json.dumps(value), json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def test_exact_and_label_match() -> None:
    assert exact_match("to billing", " to billing\n")
    assert not exact_match("to billing", "To billing")
    assert label_match("Refund ", "refund")
    assert not label_match("refund", "refunds")


def test_macro_f1_by_hand() -> None:
    expected = ["a", "a", "a", "b", "b", "c"]
    answers = ["a", "a", "b", "b", "?", "a"]
    # a: 2 hits, 3 rows, 3 answers: 4/6.  b: 1 hit, 2 rows, 2 answers: 2/4.  c: 0.  `?` is no label.
    assert score("macro_f1", expected, answers).value == pytest.approx((4 / 6 + 2 / 4 + 0) / 3)
    assert score("accuracy", expected, answers).value == pytest.approx(3 / 6)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_published_limits(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_paired_difference_by_hand() -> None:
    # 10 rows: 4 both right, 1 base only, 4 tuned only, 1 neither; 0.5 against 0.8.
    # Wilson 5/10: 0.236593 .. 0.763407; Wilson 8/10: 0.490162 .. 0.943318.
    # ad - bc = 4*1 - 1*4 = 0, so phi = 0 and the limits are the plain square-and-add ones:
    low = 0.3 - sqrt((0.8 - 0.490162) ** 2 + (0.763407 - 0.5) ** 2)
    high = 0.3 + sqrt((0.943318 - 0.8) ** 2 + (0.5 - 0.236593) ** 2)
    found = paired_difference(4, 1, 4, 1)
    assert (found.value, found.low, found.high) == (
        pytest.approx(0.3),
        pytest.approx(low, abs=1e-5),
        pytest.approx(high, abs=1e-5),
    )


def test_agreement_makes_the_paired_interval_narrower() -> None:
    # same shares (0.5 and 0.6 of 100), once as dependent as they can be, once independent
    together = paired_difference(50, 0, 10, 40)
    apart = paired_difference(30, 20, 30, 20)
    assert together.high - together.low < (apart.high - apart.low) / 2


@pytest.mark.parametrize(("truth", "rows"), [((0.5, 0.05, 0.2, 0.25), 60), ((0.85, 0.02, 0.1, 0.03), 100)])
def test_the_paired_interval_covers_the_truth_about_95_times_of_100(truth: tuple[float, ...], rows: int) -> None:
    samples = np.random.default_rng(1).multinomial(rows, truth, size=2000)
    wanted = truth[2] - truth[1]
    hits = sum(found.low <= wanted <= found.high for found in (paired_difference(*map(int, one)) for one in samples))
    assert 0.935 <= hits / 2000 <= 0.985  # 0.95 within four standard errors below, a little generous above


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 2 / 2**5),
        (1, 5, 2 * (1 + 6) / 2**6),
        (3, 3, 1.0),
        (2, 10, 2 * (comb(12, 0) + comb(12, 1) + comb(12, 2)) / 2**12),
    ],
)
def test_mcnemar_by_hand(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar_p(only_first, only_second) == pytest.approx(p)
    assert mcnemar_p(only_second, only_first) == pytest.approx(p)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_law_a_difference_lies_in_its_interval_and_turns_with_the_order(pairs: list[tuple[bool, bool]]) -> None:
    expected = ["x"] * len(pairs)
    first, second = (["x" if pair[place] else "y" for pair in pairs] for place in (0, 1))
    there, back = compare("exact_match", expected, first, second), compare("exact_match", expected, second, first)
    assert there.difference.low <= there.difference.value <= there.difference.high
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert there.difference.value == pytest.approx(-back.difference.value)


def test_macro_f1_is_compared_by_the_same_draws_each_time() -> None:
    expected = ["a", "b"] * 30
    worse = ["a"] * 60  # a: 60 / 90, b: 0
    once, again = compare("macro_f1", expected, worse, expected), compare("macro_f1", expected, worse, expected)
    assert once == again
    assert once.difference.value == pytest.approx(1 - 1 / 3)
    assert once.difference.low > 0.5
    assert once.p_value is None


def test_rows_are_right_by_the_plans_metric() -> None:
    assert correct_rows("json_match", ["[1]", "[1]"], ["[ 1 ]", "1"]) == [True, False]
