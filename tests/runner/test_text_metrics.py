"""ROUGE-L and BLEU against published values and the reference programs; intervals that are never falsely sure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.metrics import compare, score
from runner.text_metrics import bleu_counts, bleu_of, common_subsequence_tokens, rouge_l

WORDS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("expected", "answer", "f1"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),  # Lin 2004, S1 and S2: LCS 3 of 4
        ("police killed the gunman", "the gunman kill police", 0.5),  # Lin 2004, S1 and S3: LCS 2 of 4
        ("The parcel, no. 4.5, left on Tuesday.", "On Tuesday the parcel no. 4.5 left!", 0.75),  # rouge-score 0.1.2
        ("Größe", "größe", 1.0),
        ("!", "!", 1.0),
        ("!", "?", 0.0),
        ("yes", "", 0.0),
    ],
)
def test_rouge_l(expected: str, answer: str, f1: float) -> None:
    assert rouge_l(expected, answer) == pytest.approx(f1)


@given(WORDS, WORDS)
def test_law_the_longest_common_subsequence_is_symmetric_and_no_longer_than_either(a: list[str], b: list[str]) -> None:
    found = common_subsequence_tokens(a, b)
    assert found == common_subsequence_tokens(b, a) <= min(len(a), len(b))
    assert common_subsequence_tokens(a, a) == len(a)
    assert common_subsequence_tokens(a, a + b) == len(a)


def test_bleu_of_sacrebleus_own_example() -> None:
    # README of sacrebleu 2: three segments, two references each, 48.530827009929865
    references = [
        ["The dog bit the man.", "The dog had bit the man."],
        ["It was not unexpected.", "No one was surprised."],
        ["The man bit him first.", "The man had bitten the dog."],
    ]
    answers = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
    counts = [bleu_counts(wanted, given) for wanted, given in zip(references, answers, strict=True)]
    assert 100 * bleu_of([sum(column) for column in zip(*counts, strict=True)]) == pytest.approx(48.530827009929865)


@pytest.mark.parametrize(
    ("expected", "answers", "value"),
    [  # sacrebleu 2.6.0, corpus_bleu with its defaults
        (
            [
                "The parcel left the depot on Tuesday, at 4.30 p.m.",
                "Please reset your password first.",
                "Yes.",
            ],
            ["The parcel left the depot on Wednesday, at 4.30 p.m.", "Please reset the password.", "Yes."],
            0.6463192382481364,
        ),
        (["a b x d y"], ["a b c d e"], 0.23643540225079385),  # orders without a hit are smoothed
        (["a b c d"], ["x y z w"], 0.0),
    ],
)
def test_bleu_as_sacrebleu(expected: list[str], answers: list[str], value: float) -> None:
    assert score("bleu", expected, answers).value == pytest.approx(value)


@pytest.mark.parametrize("metric", ["macro_f1", "rouge_l", "bleu"])
def test_all_right_on_few_rows_is_not_certain(metric: str) -> None:
    rows = ["to the red house", "to the blue house"] * 5
    found = score(metric, rows, rows)  # type: ignore[arg-type]
    # 10 of 10: Wilson's low end is 10 / (10 + 1.96^2) = 0.722
    assert (found.value, found.high) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found.low == pytest.approx(0.7225, abs=1e-4)
    none = score(metric, rows, ["?"] * 10)  # type: ignore[arg-type]
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - 0.7225, abs=1e-4)


def test_a_rare_label_makes_macro_f1_less_sure() -> None:
    rows = ["a"] * 98 + ["b"] * 2
    # worth 2^2 / (1/98 + 1/2) = 7.84 rows: low end 7.84 / (7.84 + 3.8415) = 0.671
    assert score("macro_f1", rows, rows).low == pytest.approx(0.6711, abs=1e-3)


def test_a_difference_between_two_certain_models_is_not_certain() -> None:
    rows = ["a", "b"] * 5
    found = compare("macro_f1", rows, ["?"] * 10, rows).difference
    # both Wilson intervals are 0.2775 wide, apart by square-and-add: 1 - 0.2775 sqrt(2) = 0.6075
    assert (found.value, found.low, found.high) == (1.0, pytest.approx(0.6075, abs=1e-3), 1.0)
