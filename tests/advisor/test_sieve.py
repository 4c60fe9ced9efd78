"""Which rows count beside a test set: every reason planted, each row dropped once, nothing kept that is asked in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.checks.records import Row
from advisor.checks.shapes import About, Message
from advisor.checks.sieve import near_conflicts, normalised, sift
from advisor.checks.splits import place_of, split

KEY = "AKIA" + "Q3XVTZ7WPLJ4YEBS"
LONG = "please tell me how long it takes until the parcel that I sent back last week arrives"

OTHER = "my bank says that the refund for the blue chairs was never booked by your shop"


def row(line: int, question: str, answer: str = "a", group: str = "") -> Row:
    return Row(line, (Message("user", question), Message("assistant", answer)), "messages", About(group=group))


TEST = [row(1, "Where is my parcel?"), row(2, LONG), row(3, "who are you")]


@pytest.mark.parametrize(
    ("rows", "dropped", "touched"),
    [
        ([row(1, "where is my PARCEL")], {1: "leak"}, [0]),
        ([row(1, f"{LONG} here")], {1: "near_leak"}, [1]),
        ([row(1, "a b"), row(2, "a  b", "c")], {1: "conflict", 2: "conflict"}, []),
        ([row(1, "a b"), row(2, "A b", "c")], {}, []),  # case may be what is asked about
        ([row(1, "a b"), row(2, "A  b")], {2: "duplicate"}, []),
        ([row(1, "a b"), row(2, "b c", KEY)], {2: "secret"}, []),
        ([row(1, OTHER), row(2, OTHER + ".")], {2: "near_duplicate"}, []),
        ([row(1, OTHER), row(2, OTHER + ".", "b")], {}, []),  # another answer: no repeat
        ([row(1, LONG, "x"), row(2, LONG, "y")], {1: "leak", 2: "leak"}, [1]),  # a leak first, whatever else it is
    ],
)
def test_each_reason_is_found_and_each_row_dropped_once(
    rows: list[Row], dropped: dict[int, str], touched: list[int]
) -> None:
    found = sift(rows, TEST)
    assert {rows[drop.place].line: drop.reason for drop in found.drops} == dropped
    assert found.touched == touched


def test_an_answer_that_is_no_json_goes_only_where_json_is_wanted() -> None:
    rows = [row(1, "first thing", '{"queue": 1}'), row(2, "second one", "{queue: 1}"), row(3, "the last", "7")]
    assert sift(rows, [], wants_json=True).kept == [0, 2]
    assert sift(rows, []).kept == [0, 1, 2]


def test_what_was_found_names_the_other_line_and_never_the_secret() -> None:
    rows = [row(11, "a b"), row(12, "a b", "c"), row(13, "tell me", f"use {KEY}"), row(14, "who are you?")]
    details = {rows[drop.place].line: drop.detail for drop in sift(rows, TEST).drops}
    assert details == {
        11: "asks what line 12 asks, and answers differently",
        12: "asks what line 11 asks, and answers differently",
        13: "holds AWS access key",
        14: "asks what test line 3 asks",
    }


def test_nearly_one_question_under_two_labels_is_shown_as_a_pair() -> None:
    assert near_conflicts([row(1, LONG, "x"), row(2, "b"), row(3, f"{LONG}?", "y")]) == [(2, 0)]
    assert near_conflicts([row(1, LONG, "x"), row(3, f"{LONG}?", "X")]) == []


TEXTS = st.sampled_from(["a", "A", "a b", "b a!", "c", LONG, f"{LONG}!", "?", "who are you"])
PAIRS = st.lists(st.tuples(TEXTS, st.sampled_from("xyX")), max_size=10)


@given(PAIRS, PAIRS)
def test_laws_of_sifting(train: list[tuple[str, str]], test: list[tuple[str, str]]) -> None:
    rows = [row(line, *pair) for line, pair in enumerate(train)]
    locked = [row(line, *pair) for line, pair in enumerate(test)]
    found = sift(rows, locked)
    assert sorted([*found.kept, *(drop.place for drop in found.drops)]) == list(range(len(rows)))
    kept = [rows[place] for place in found.kept]
    asked = {normalised(one.messages[0].content) for one in locked}
    assert not asked & {normalised(one.messages[0].content) for one in kept}
    assert sift(kept, locked).kept == list(range(len(kept))), "sifting twice changes nothing"
    assert len(sift([*rows, *rows], locked).kept) == len(kept), "rows once more never count"


def test_a_row_keeps_its_side_and_a_group_stays_together() -> None:
    rows = [row(n, f"question {n}", group=f"customer={n % 40}" if n % 2 else "") for n in range(2_000)]
    sides = split(rows, {"test": 0.1, "valid": 0.1, "train": 0.8})
    assert sorted(place for places in sides.values() for place in places) == list(range(2_000))
    alone = sum(place % 2 == 0 for place in sides["test"])
    assert 70 <= alone <= 130  # of 1,000 at 0.1: 100, and three standard deviations of 9.5 either way
    groups = {name: {rows[place].about.group for place in places} - {""} for name, places in sides.items()}
    assert not groups["test"] & groups["train"]
    assert not groups["valid"] & groups["train"]
    more = split([*rows, row(9_999, "one more")], {"test": 0.1, "valid": 0.1, "train": 0.8})
    assert all(set(sides[name]) <= set(more[name]) for name in sides)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_the_same_question_lies_in_the_same_place(questions: list[str]) -> None:
    for question in questions:
        assert place_of(row(1, question, "x")) == place_of(row(2, f" {question}\n", "y"))
        assert 0 <= place_of(row(1, question)) < 1
