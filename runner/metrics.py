"""How good answers are, and how sure that is: metrics over rows, intervals, and paired comparison. Pure.

Sources: score interval of Wilson (1927); difference of paired proportions by square-and-add, method 10 of Newcombe,
Statistics in Medicine 17 (1998) 2635-2650; exact McNemar test, the two-sided binomial test on the discordant pairs;
percentile bootstrap over rows (Efron 1979) for macro F1, ROUGE-L and BLEU, which are no proportions.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from advisor.plan import GateMetric
from runner.text_metrics import bleu_counts, bleu_of, rouge_l

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
BOOTSTRAP_DRAWS = 2000  # percentiles at 2.5 % rest on 50 draws a side
BOOTSTRAP_SEED = 20_26  # fixed, so that a report can be computed again
Rows = NDArray[np.float64]


def exact_match(expected: str, answer: str) -> bool:
    """Return whether the answer is the expected text, white space at both ends apart."""
    return expected.strip() == answer.strip()


def label_match(expected: str, answer: str) -> bool:
    """Return whether the answer names the expected label, capitals and white space at both ends apart."""
    return label_of(expected) == label_of(answer)


def json_match(expected: str, answer: str) -> bool:
    """Return whether both are valid JSON of the same value; order of names is free, true is not 1, names are unique."""
    try:
        return same_json(strict_json(expected), strict_json(answer))
    except (ValueError, RecursionError):
        return False


def strict_json(text: str) -> Any:
    """Return the JSON value. Raises ValueError for a doubled name, NaN or Infinity."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            message = "a name is given twice"
            raise ValueError(message)
        return dict(pairs)

    def never(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, object_pairs_hook=once, parse_constant=never)


def same_json(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal, telling true from 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = cast("dict[str, Any]", left), cast("dict[str, Any]", right)
        return ours.keys() == theirs.keys() and all(same_json(ours[key], theirs[key]) for key in ours)
    if isinstance(left, list) and isinstance(right, list):
        first, second = cast("list[Any]", left), cast("list[Any]", right)
        return len(first) == len(second) and all(map(same_json, first, second))
    return left == right


def label_of(text: str) -> str:
    """Return a label as it is compared."""
    return text.strip().casefold()


MATCHES: dict[str, Callable[[str, str], bool]] = {
    "exact_match": exact_match,
    "json_match": json_match,
    "accuracy": label_match,
    "macro_f1": label_match,
    "rouge_l": exact_match,
    "bleu": exact_match,
}
"""When a row counts as right; for macro F1, ROUGE-L and BLEU that is what pairs are counted by, not the score."""


def correct_rows(metric: GateMetric, expected: Sequence[str], answers: Sequence[str]) -> list[bool]:
    """Return for each row whether it is right."""
    match = MATCHES[metric]
    return [match(wanted, answer) for wanted, answer in zip(expected, answers, strict=True)]


def label_codes(expected: Sequence[str], answers: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return expected and answered labels as numbers, and how many labels there are.

    The labels are those expected; any other answer gets one number more: a miss of its row, a false alarm of none.
    """
    labels = {label: code for code, label in enumerate(sorted({label_of(text) for text in expected}))}
    wanted = np.array([labels[label_of(text)] for text in expected], dtype=np.int64)
    given = np.array([labels.get(label_of(text), len(labels)) for text in answers], dtype=np.int64)
    return wanted, given, len(labels)


def macro_f1(wanted: NDArray[np.int64], given: NDArray[np.int64], labels: int) -> float:
    """Return the mean over labels of 2 x hits / (rows of the label + answers of the label).

    A label that neither occurs nor is answered (in a bootstrap draw) is left out of the mean.
    """
    rows = np.bincount(wanted, minlength=labels + 1)[:labels]
    answered = np.bincount(given, minlength=labels + 1)[:labels]
    hits = np.bincount(wanted[wanted == given], minlength=labels + 1)[:labels]
    seen = rows + answered > 0
    return float(np.mean(2 * hits[seen] / (rows + answered)[seen]))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same rows: difference second minus first with its interval, and the exact McNemar p-value.

    `p_value` is None for metrics that are no proportion.
    """

    difference: Interval
    both_right: int
    only_first: int
    only_second: int
    neither: int
    p_value: float | None


def wilson(successes: float, n: float) -> Interval:
    """Return the share with Wilson's score interval; n must be above 0."""
    share, z2 = successes / n, Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def paired_correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Return the correlation of paired outcomes with Newcombe's correction for continuity; 0 where undefined."""
    first, second = both + only_first, both + only_second
    n = both + only_first + only_second + neither
    under = first * (n - first) * second * (n - second)
    if under == 0:
        return 0.0
    cross = float(both * neither - only_first * only_second)
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    return cross / math.sqrt(under)


def paired_difference(both: int, only_first: int, only_second: int, neither: int) -> Interval:
    """Return the share right of the second minus the first, with Newcombe's interval (method 10)."""
    n = both + only_first + only_second + neither
    first, second = wilson(both + only_first, n), wilson(both + only_second, n)
    phi = paired_correlation(both, only_first, only_second, neither)
    value = second.value - first.value
    down, up = second.value - second.low, first.high - first.value
    below = math.sqrt(max(0.0, down**2 - 2 * phi * down * up + up**2))
    up, down = second.high - second.value, first.value - first.low
    above = math.sqrt(max(0.0, up**2 - 2 * phi * up * down + down**2))
    return Interval(value, value - below, value + above)


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value that the discordant pairs fall evenly; 1 where there are none."""
    n, few = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(few + 1))
    return min(1.0, 2 * tail / 2**n)


def compare_matches(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Return the paired comparison of two lists of right and wrong on the same rows; at least one row."""
    pairs = list(zip(first, second, strict=True))
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    only_first, only_second = pairs.count((True, False)), pairs.count((False, True))
    difference = paired_difference(both, only_first, only_second, neither)
    return Paired(difference, both, only_first, only_second, neither, mcnemar_p(only_first, only_second))


def draws(rows: int) -> NDArray[np.int64]:
    """Return the row numbers of every bootstrap draw, shape (BOOTSTRAP_DRAWS, rows); the same for the same rows."""
    return np.random.default_rng(BOOTSTRAP_SEED).integers(0, rows, size=(BOOTSTRAP_DRAWS, rows))


def f1_draws(expected: Sequence[str], answers: Sequence[str]) -> tuple[float, Rows]:
    """Return macro F1 and its value in every bootstrap draw."""
    wanted, given, labels = label_codes(expected, answers)
    sampled = [macro_f1(wanted[rows], given[rows], labels) for rows in draws(len(wanted))]
    return macro_f1(wanted, given, labels), np.array(sampled, dtype=np.float64)


def rouge_draws(expected: Sequence[str], answers: Sequence[str]) -> tuple[float, Rows]:
    """Return the mean ROUGE-L over rows and its value in every bootstrap draw."""
    by_row = np.array([rouge_l(wanted, given) for wanted, given in zip(expected, answers, strict=True)])
    return float(by_row.mean()), by_row[draws(len(by_row))].mean(axis=1)


def bleu_draws(expected: Sequence[str], answers: Sequence[str]) -> tuple[float, Rows]:
    """Return BLEU of all rows together and its value in every bootstrap draw (Koehn 2004)."""
    by_row = np.array([bleu_counts([wanted], given) for wanted, given in zip(expected, answers, strict=True)])
    sampled = [bleu_of(by_row[rows].sum(axis=0).tolist()) for rows in draws(len(by_row))]
    return bleu_of(by_row.sum(axis=0).tolist()), np.array(sampled, dtype=np.float64)


DRAWN: dict[str, Callable[[Sequence[str], Sequence[str]], tuple[float, Rows]]] = {
    "macro_f1": f1_draws,
    "rouge_l": rouge_draws,
    "bleu": bleu_draws,
}


def worth_rows(metric: GateMetric, expected: Sequence[str]) -> float:
    """Return how many rows of a plain share would be as sure as this metric.

    Of macro F1 that is labels^2 / sum(1 / rows of the label): a mean of shares varies by sum(p (1 - p) / rows) /
    labels^2, so one rare label makes it little sure; with equal labels it is the number of rows.
    """
    if metric != "macro_f1":
        return len(expected)
    counts = np.bincount(label_codes(expected, expected)[0])
    return float(len(counts) ** 2 / np.sum(1 / counts))


def percentile_interval(value: float, sampled: Rows) -> Interval:
    """Return the value with the 2.5 and 97.5 percentiles of its draws."""
    low, high = (float(bound) for bound in np.percentile(sampled, (2.5, 97.5)))
    return Interval(value, min(low, value), max(high, value))


def drawn_interval(metric: GateMetric, expected: Sequence[str], value: float, sampled: Rows) -> Interval:
    """Return a drawn metric's interval; where every draw is the same (all right, all wrong) Wilson's takes its place.

    Rows that are all alike cannot be drawn to differ: the bootstrap would be certain of 100 % after three rows.
    """
    if np.ptp(sampled) > 0:
        return percentile_interval(value, sampled)
    n = worth_rows(metric, expected)
    return wilson(value * n, n)


def score(metric: GateMetric, expected: Sequence[str], answers: Sequence[str]) -> Interval:
    """Return the metric of the answers with its 95 % interval; at least one row."""
    if metric in DRAWN:
        return drawn_interval(metric, expected, *DRAWN[metric](expected, answers))
    right = correct_rows(metric, expected, answers)
    return wilson(sum(right), len(right))


def apart(first: Interval, second: Interval) -> Interval:
    """Return second minus first by square-and-add (Newcombe 1998), as if they had nothing in common."""
    value = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    return Interval(value, value - below, value + math.hypot(second.high - second.value, first.value - first.low))


def compare(metric: GateMetric, expected: Sequence[str], first: Sequence[str], second: Sequence[str]) -> Paired:
    """Return how the second model's answers differ from the first's on the same rows; drawn metrics by the same draws.

    Where one model's draws are all the same, the wider of that and square-and-add is taken at each end.
    """
    paired = compare_matches(correct_rows(metric, expected, first), correct_rows(metric, expected, second))
    if metric not in DRAWN:
        return paired
    (value_1, sampled_1), (value_2, sampled_2) = (DRAWN[metric](expected, given) for given in (first, second))
    found = percentile_interval(value_2 - value_1, sampled_2 - sampled_1)
    if min(np.ptp(sampled_1), np.ptp(sampled_2)) == 0:
        one, other = (drawn_interval(metric, expected, value, sampled)
                      for value, sampled in ((value_1, sampled_1), (value_2, sampled_2)))  # fmt: skip
        wide = apart(one, other)
        found = Interval(found.value, min(found.low, wide.low), max(found.high, wide.high))
    return Paired(found, paired.both_right, paired.only_first, paired.only_second, paired.neither, None)
