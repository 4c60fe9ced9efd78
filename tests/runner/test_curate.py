"""What is trained on, row by row, and why the others are not."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.curate import REASONS, Row, curate, fit_length, normalised, unique_texts
from runner.rows import read_rows, read_texts


def row(line: int, ask: str, answer: str) -> Row:
    return Row(line, ({"role": "user", "content": ask}, {"role": "assistant", "content": answer}))


TEST = [row(1, "Where is my parcel?", "shipping")]


@pytest.mark.parametrize(
    ("rows", "kept", "dropped"),
    [
        ([row(1, "a", "x"), row(2, "b", "x")], [1, 2], {}),
        ([row(1, "a", "x"), row(2, " a ", "x")], [1], {2: "duplicate"}),  # white space apart
        ([row(1, "a", "x"), row(2, "A", "x")], [1], {2: "duplicate"}),  # the same answer to the same question
        ([row(1, "a", "x"), row(2, "A", "y")], [1, 2], {}),  # case may be what is asked about
        ([row(1, "a", "x"), row(2, "b", "X")], [1, 2], {}),
        ([row(1, "a", "x"), row(2, "a", "y"), row(3, "a", "x")], [], {1: "conflict", 2: "conflict", 3: "conflict"}),
        ([row(1, "Where is my parcel?", "shipping")], [], {1: "leak"}),
        ([row(1, "where is  my PARCEL", "billing")], [], {1: "leak"}),  # near: case, spaces, question mark
        ([row(1, "Where is my parcel now?", "shipping")], [1], {}),
        # a conflict that only a leaking row makes is none once that row is gone
        ([row(1, "where is my parcel", "x"), row(2, "a", "y")], [2], {1: "leak"}),
    ],
)
def test_which_rows_stay(rows: list[Row], kept: list[int], dropped: dict[int, str]) -> None:
    found = curate(rows, TEST)
    assert [one.line for one in found.kept] == kept
    assert {one.line: one.reason for one in found.dropped} == dropped


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Hello, World!", "hello world", True),
        ("“Hello”", "hello", True),
        ("2 - 2", "2 * 2", False),  # signs that calculate count
        ("a@b", "a b", False),
        ("ﬁne", "fine", True),  # NFKC
        ("?!", "...", False),  # nothing but punctuation stays as it is
    ],
)
def test_what_counts_as_the_same_question_in_the_test_set(left: str, right: str, same: bool) -> None:
    assert (normalised(left) == normalised(right)) is same


def test_long_rows_go_with_their_length() -> None:
    found = fit_length(curate([row(1, "a", "x"), row(2, "b", "x")], TEST), [9, 11], 10)
    assert [one.line for one in found.kept] == [1]
    assert [(one.line, one.reason, one.detail) for one in found.dropped] == [
        (2, "over_long", "11 tokens, max_length is 10")
    ]


ROWS = st.lists(st.tuples(st.sampled_from("abcAB? "), st.sampled_from("xyX")), max_size=12)


@given(ROWS, ROWS)
def test_laws_every_row_is_kept_or_dropped_and_nothing_kept_is_asked_in_the_test(
    train: list[tuple[str, str]], test: list[tuple[str, str]]
) -> None:
    rows = [row(line, ask, answer) for line, (ask, answer) in enumerate(train, start=1)]
    locked = [row(line, ask, answer) for line, (ask, answer) in enumerate(test, start=1)]
    found = curate(rows, locked)
    assert sorted([one.line for one in found.kept] + [one.line for one in found.dropped]) == [one.line for one in rows]
    asked = {normalised(one.messages[0]["content"]) for one in locked}
    assert not asked & {normalised(one.messages[0]["content"]) for one in found.kept}
    assert sum(found.counts().values()) == len(found.dropped)
    assert list(found.counts()) == list(REASONS)
    assert curate(list(found.kept), locked).kept == found.kept, "curating twice changes nothing"


def test_rows_that_are_no_conversation_are_named_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "x"}]}
    empty = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " "}]}
    half = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\ud83d"}]}
    lines = [json.dumps(good), json.dumps(empty), "{broken", json.dumps({"text": "only text"}), json.dumps(half)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows, dropped = read_rows(path)
    assert [one.line for one in rows] == [1]
    assert [(one.line, one.reason) for one in dropped] == [(2, "empty"), (3, "fault"), (4, "fault"), (5, "fault")]
    assert "not valid UTF-8" in dropped[-1].detail  # half of a character pair: JSON can escape it, no file can hold it
    assert read_texts(path) == ["a", "only text"]  # a label is never read as text


def test_unlabelled_texts_once_each_and_never_a_test_question() -> None:
    assert unique_texts(["one", "One.", "where is my parcel", "two", " "], TEST) == ["one", "two"]
