"""Rows that say the same are found, whatever their case, blanks or small changes; nothing else is."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.checks.duplicates import (
    folded,
    leak,
    leak_both_ways,
    near_duplicates,
    overlap_share,
    shingle_sets,
    without_boilerplate,
)
from advisor.checks.records import read_records

CHANGES = (
    ("This exchange rate on my purchase is wrong.", "The exchange rate on my purchase is wrong."),
    ("The parcel has not arrived at my address.", "The parcel has not arrived at my address!"),
)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Card  arrived\n", " card ARRIVED", True),
        ("Straße", "STRASSE", True),
        ("ﬁne", "fine", True),  # one sign for f and i: compatibility folding
        ("e\u0301", "é", True),
        ("card arrived", "card arrived?", False),
    ],
)
def test_folding(one: str, other: str, same: bool) -> None:
    assert (folded(one) == folded(other)) is same


def test_only_what_is_comparable_is_a_repeat() -> None:
    texts = [*CHANGES[0], *CHANGES[0]]
    assert [(pair.row, pair.other) for pair in near_duplicates(texts)] == [(1, 0), (2, 0), (3, 0)]
    apart = near_duplicates(texts, comparable=lambda row, other: (row - other) % 2 == 0)
    assert [(pair.row, pair.other) for pair in apart] == [(2, 0), (3, 1)]


def test_a_leak_is_seen_from_both_sides() -> None:
    ours, theirs = leak_both_ways([CHANGES[0][0], "nothing of it"], ["other words", *CHANGES[0]])
    assert [(pair.row, pair.other) for pair in ours] == [(0, 1)]
    assert [(pair.row, pair.other) for pair in theirs] == [(1, 0), (2, 0)]


def jaccard(one: str, other: str) -> float:
    """Work out the overlap of five-letter runs with plain sets."""
    a, b = ({text[i : i + 5] for i in range(len(text) - 4)} for text in (folded(one), folded(other)))
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(("one", "other"), CHANGES)
def test_overlap_is_that_of_plain_sets(one: str, other: str) -> None:
    assert overlap_share(*shingle_sets([folded(one), folded(other)]).each()) == jaccard(one, other)
    assert jaccard(one, other) >= 0.8


@pytest.mark.parametrize(("one", "other"), CHANGES)
def test_a_small_change_is_found_and_a_different_sentence_is_not(one: str, other: str) -> None:
    texts = [one, "Something else entirely, about fees.", other]
    assert [(pair.row, pair.other) for pair in near_duplicates(texts)] == [(2, 0)]


def planted(seed: int, count: int) -> tuple[list[str], set[int]]:
    """Return random sentences, some with a changed copy later, and the places of those copies."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(4, 9))) for _ in range(3_000)]
    texts = [" ".join(rng.choices(words, k=20)) for _ in range(count)]
    copies = {place: rng.randrange(count // 2) for place in rng.sample(range(count // 2, count), count // 10)}
    for place, source in copies.items():
        texts[place] = texts[source].replace(texts[source].split()[rng.randrange(20)], rng.choice(words), 1)
    return texts, {place for place, source in copies.items() if jaccard(texts[place], texts[source]) >= 0.8}


def test_planted_copies_are_found_and_nothing_else() -> None:
    texts, copies = planted(seed=7, count=1_000)
    assert len(copies) > 60
    assert {pair.row for pair in near_duplicates(texts)} == copies


def test_a_planted_leak_is_found_from_both_sides() -> None:
    texts, _ = planted(seed=11, count=400)
    train, test = texts[:300], [*texts[300:350], texts[5], texts[17].upper() + "!"]
    there = {(pair.row, pair.other) for pair in leak(train, test)}
    back = {(pair.other, pair.row) for pair in leak(test, train)}
    assert {(5, 50), (17, 51)} <= there & back
    assert {row for row, _ in back} <= {row for row, _ in there}
    assert {place for _, place in there} <= {place for _, place in back}


def test_one_instruction_before_every_row_makes_no_row_a_duplicate() -> None:
    rng = random.Random(3)
    instruction = (
        "Read the ticket below and answer with the name of the queue it belongs to, and nothing else. Ticket: "
    )
    texts = [instruction + "".join(rng.choices("abcdefghijklmnop ", k=40)) for _ in range(200)]
    assert jaccard(texts[0], texts[1]) > 0.5
    assert near_duplicates(texts) == []
    assert [pair.row for pair in near_duplicates([*texts, texts[3] + "."])] == [200]


def test_few_texts_have_no_boilerplate() -> None:
    sets = shingle_sets(["the same words"] * 49)
    assert without_boilerplate(sets).sizes.tolist() == [10] * 49  # 14 letters: 10 runs of five
    assert without_boilerplate(shingle_sets(["the same words"] * 50)).sizes.tolist() == [0] * 50


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a", "a"], ["abcd", "abcd", "abce"], ["x" * 100_000] * 2])
def test_short_empty_and_long_texts_are_fine(texts: list[str]) -> None:
    assert [pair.row for pair in near_duplicates(texts)] == [
        place for place, text in enumerate(texts) if text in texts[:place]
    ]


@given(st.lists(st.text(max_size=20), max_size=12))
def test_what_is_kept_holds_no_two_equal_texts_and_loses_none(texts: list[str]) -> None:
    found = near_duplicates(texts)
    dropped = {pair.row for pair in found}
    kept = [folded(text) for place, text in enumerate(texts) if place not in dropped]
    assert len(set(kept)) == len(kept)
    assert all(pair.other < pair.row and pair.other not in dropped and pair.share >= 0.8 for pair in found)


@given(st.lists(st.text(max_size=20), max_size=8), st.lists(st.text(max_size=20), max_size=8))
def test_a_leak_is_the_same_rows_from_either_side(train: list[str], test: list[str]) -> None:
    there, back = leak(train, test), leak(test, train)
    assert {pair.row for pair in there if pair.share == 1.0} >= {
        place for place, text in enumerate(train) if folded(text) in set(map(folded, test))
    }
    assert bool(there) == bool(back)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_the_sets_are_those_of_plain_sets_sorted_and_distinct(texts: list[str]) -> None:
    sets = shingle_sets(texts).each()
    runs = [{text.ljust(5, chr(0))[i : i + 5] for i in range(max(1, len(text) - 4))} for text in texts]
    assert [own.size for own in sets] == [len(plain) for plain in runs]
    assert all(np.all(own[1:] > own[:-1]) for own in sets)
    assert [np.intersect1d(a, b).size for a in sets for b in sets] == [len(a & b) for a in runs for b in runs]


@pytest.mark.real
def test_banking77_holds_the_repeats_and_leaks_that_are_there(shared: Path) -> None:
    folder = shared / "reference" / "datasets"
    train, test = ([row.messages[0].content for row in read_records(folder / f"banking77_{side}.csv")[0]]
                   for side in ("train", "test"))  # fmt: skip
    leaks = leak(train, test)
    pairs = [(train[pair.row], test[pair.other]) for pair in leaks]
    assert ("On what do you base your exchange rates?", "What do you base your exchange rates on?") in pairs
    assert {train[place] for place in (pair.row for pair in leaks)} & set(test) == set(train) & set(test)
    assert 50 <= len(leaks) <= 200
