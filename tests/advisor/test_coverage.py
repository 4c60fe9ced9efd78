"""How the training rows lie beside the test rows: each gap planted once, and none where there is none."""

import pytest

from advisor.checks.coverage import Lengths, gaps, label_counts, lengths_of, script_of
from advisor.checks.records import Row
from advisor.checks.shapes import About, Message

TRAIN_LABELS = ("billing", "login", "returns")


def row(line: int, question: str, answer: str, group: str = "") -> Row:
    return Row(line, (Message("user", question), Message("assistant", answer)), "messages", About(group=group))


def rows(count: int, labels: tuple[str, ...] = TRAIN_LABELS) -> list[Row]:
    return [row(n, f"question number {n}", labels[n % len(labels)]) for n in range(1, count + 1)]


def codes(train: list[Row], test: list[Row]) -> dict[str, int]:
    return {gap.code: gap.rows for gap in gaps(train, test)}


@pytest.mark.parametrize(
    ("train", "test", "found"),
    [
        (rows(300), rows(60), {}),
        (rows(300), [], {}),
        (rows(300), [*rows(60), row(61, "a question", "shipping")], {"missing_label": 1}),
        (rows(300), rows(60, ("billing", "login")), {"untested_label": 100}),
        ([*rows(300), *(row(n, f"other {n}", "rare") for n in range(9))], [*rows(60), row(61, "x", "rare")],
         {"thin_label": 9}),
        (rows(300, ("card_lost", "Card Lost", "login")), [], {"label_spelling": 200}),
        (rows(300, ("billing", "login", "доставка")), [], {"label_script": 100}),
        (rows(300), [*rows(95), *(row(n, "long " * 40, "login") for n in range(96, 101))], {}),  # 5 of 100
        (rows(300), [*rows(94), *(row(n, "long " * 40, "login") for n in range(95, 101))], {"longer_test": 6}),
        ([*rows(298), row(299, "где моя посылка", "login"), row(300, "где она", "login")], rows(60),
         {"odd_script": 2}),
        ([*rows(298), row(299, "где моя посылка", "login")], [*rows(60), row(61, "где", "login")], {}),
        ([*rows(298), row(299, "mine", "login", "customer=7")], [*rows(60), row(61, "x", "login", "customer=7")],
         {"group_leak": 1}),
    ],
)  # fmt: skip
def test_each_gap_is_found_and_counted(train: list[Row], test: list[Row], found: dict[str, int]) -> None:
    assert codes(train, test) == found


def test_a_gap_names_labels_and_lines() -> None:
    (gap,) = gaps(rows(300), [*rows(60), row(61, "a question", "shipping")])
    assert (gap.why, gap.lines) == ("1 of 4 labels of the test set are in no usable training row: shipping", (61,))


@pytest.mark.parametrize(
    ("answers", "labels"),
    [
        (["a", "b"] * 10, 2),
        (["a"] * 20, 0),  # one answer is no choice
        ([f"text {n}" for n in range(20)], 0),
        ([f"label {n % 7}" for n in range(20)], 0),  # under three rows a label
        (["x" * 121, "y"] * 10, 0),
    ],
)
def test_what_is_a_label_set(answers: list[str], labels: int) -> None:
    assert len(label_counts([row(n, "q", answer) for n, answer in enumerate(answers)])) == labels


@pytest.mark.parametrize(
    ("text", "script"),
    [("hello", "Latin"), ("où", "Latin"), ("привет, Bob", "Cyrillic"), ("12 %", ""), ("", ""),
     ("注文はどこ", "Chinese or Japanese"), ("주문", "Hangul"), ("αβγ", "Greek")],
)  # fmt: skip
def test_the_script_of_a_text_is_that_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


def test_lengths() -> None:
    assert lengths_of([]) is None
    assert lengths_of(list(range(1, 101))) == Lengths(51, 95, 100)
