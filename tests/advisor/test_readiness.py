"""Data readiness: how many rows really count, and what stands in the way."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.answer import Answer
from advisor.checks.records import RecordFault, Row
from advisor.checks.shapes import About, Message
from advisor.readiness import Readiness, assess, tier_of
from advisor.row_findings import Records
from advisor.scenario import Data

CLEAN = {"licence": "CC-BY-4.0", "consent": "no personal data"}


def data(**stated: Any) -> Data:
    return Data.model_validate(CLEAN | stated)


def row(line: int, question: str, answer: str = "a") -> Row:
    return Row(line, (Message("user", question), Message("assistant", answer)), "messages")


def different(count: int, seed: int = 1) -> list[Row]:
    """Return rows that ask different things."""
    rng = random.Random(seed)
    return [row(line, "".join(rng.choices("abcdefghijklmnop ", k=40))) for line in range(1, count + 1)]


TEST = Records(different(100, seed=2))


def codes(found: Readiness) -> list[str]:
    return [finding.code for finding in found.findings]


@pytest.mark.parametrize(
    ("rows", "tier"),
    [
        (0, "blocked"), (49, "blocked"), (50, "pilot"), (99, "pilot"), (100, "minimum"), (999, "minimum"),
        (1_000, "typical"), (9_999, "typical"), (10_000, "ample"), (49_999, "ample"), (50_000, "large"),
        (None, "unknown"),
    ],
)  # fmt: skip
def test_tiers_change_at_their_boundaries(rows: int | None, tier: str) -> None:
    assert tier_of(rows) == tier


@pytest.mark.parametrize(
    ("rows", "goals", "answer", "code"),
    [
        (49, (), Answer.NO, "too_few"),
        (49, ("style",), Answer.NO, "too_few"),
        (50, ("style",), Answer.YES, "pilot_only"),
        (99, ("style", "format"), Answer.YES, "pilot_only"),
        (99, ("style", "accuracy"), Answer.NO, "too_few"),
        (99, (), Answer.NO, "too_few"),
        (100, (), Answer.YES, None),
    ],
)
def test_under_a_hundred_rows_only_a_pilot_of_style_or_format(
    rows: int, goals: tuple[str, ...], answer: Answer, code: str | None
) -> None:
    found = assess(data(), goals, Records(different(rows)), TEST)
    assert found.answer is answer
    assert found.usable_rows == rows
    assert codes(found) == ([code] if code else [])


def test_no_file_and_no_number_is_unknown() -> None:
    found = assess(data(), ())
    assert (found.answer, found.tier, found.usable_rows) == (Answer.UNKNOWN, "unknown", None)
    assert codes(found) == ["no_data"]


@pytest.mark.parametrize(("stated", "usable"), [(800, 800), ("500..1_000", 500), ("30..40", 30)])
def test_a_stated_number_counts_at_its_low_end_and_with_a_warning(stated: Any, usable: int) -> None:
    found = assess(data(rows=stated), ())
    assert found.usable_rows == usable
    assert "unchecked" in codes(found)
    assert found.answer is (Answer.YES if usable >= 100 else Answer.NO)


def test_a_file_outweighs_a_stated_number() -> None:
    assert assess(data(rows=100_000), (), Records(different(10)), TEST).usable_rows == 10


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 119), max_size=60))
def test_a_duplicate_never_raises_readiness(again: list[int]) -> None:
    rows = different(120)
    repeated = [*rows, *(row(1_000 + place, rows[place].messages[0].content.upper()) for place in again)]
    once, often = (assess(data(), (), Records(some), TEST) for some in (rows, repeated))
    assert (often.usable_rows, often.tier) == (once.usable_rows, once.tier)


def test_every_row_that_does_not_count_is_named_with_its_reason() -> None:
    rows = different(200)
    rows.append(row(201, rows[3].messages[0].content.upper()))  # duplicate of row 4
    rows.append(row(202, rows[5].messages[0].content, "b"))  # conflicts with row 6
    rows.append(row(203, TEST.rows[0].messages[0].content))  # leaks
    rows.append(row(204, rows[9].messages[0].content + "."))  # nearly row 10
    found = assess(data(), (), Records(rows, [RecordFault(205, "is not JSON")]), TEST)
    assert {finding.code: finding.lines for finding in found.findings} == {
        "unreadable": (205,),
        "duplicate": (201,),
        "conflict": (6, 202),
        "leak": (203,),
        "near_duplicate": (204,),
    }
    assert found.usable_rows == 204 - 5
    assert found.answer is Answer.YES


@pytest.mark.parametrize(("bad", "answer"), [(10, Answer.YES), (11, Answer.NO)])
def test_unreadable_rows_over_one_in_twenty_block(bad: int, answer: Answer) -> None:
    faults = [RecordFault(1_000 + n, "is not JSON") for n in range(bad)]
    assert assess(data(), (), Records(different(200 - bad), faults), TEST).answer is answer


@pytest.mark.parametrize(("invalid", "answer"), [(0, Answer.YES), (10, Answer.YES), (140, Answer.NO)])
def test_answers_that_are_not_json_block_where_json_is_the_task(invalid: int, answer: Answer) -> None:
    rows = [
        row(line.line, line.messages[0].content, "{broken" if place < invalid else '{"queue": 1}')
        for place, line in enumerate(different(200))
    ]
    assert assess(data(), (), Records(rows), TEST, wants_json=True).answer is answer
    assert assess(data(), (), Records(rows), TEST).answer is Answer.YES


def test_faults_of_several_kinds_block_together() -> None:
    rows = different(194)
    torn = [RecordFault(1_000 + n, "is not JSON") for n in range(5)]
    torn += [RecordFault(1_000, "and more of it")]  # two faults of one row
    conflicts = [row(300 + n, "the same", answer) for n, answer in enumerate("abcdef")]
    found = assess(data(), (), Records([*rows, *conflicts], torn), TEST)  # 5 + 6 of 205; each alone is within 10.25
    assert [(one.code, one.rows) for one in found.findings] == [("unreadable", 5), ("conflict", 6), ("faulty", 11)]
    assert found.answer is Answer.NO


@pytest.mark.parametrize("missing", ["licence", "consent"])
def test_without_licence_or_consent_the_answer_stays_open(missing: str) -> None:
    found = assess(data(**{missing: "unknown"}), (), Records(different(120)), TEST)
    assert (found.answer, codes(found)) == (Answer.UNKNOWN, [missing])


def test_without_a_held_out_set_the_answer_stays_open() -> None:
    found = assess(data(), (), Records(different(120)))
    assert (found.answer, codes(found)) == (Answer.UNKNOWN, ["no_test"])


def test_a_small_a_synthetic_and_an_unreadable_test_set_are_told_apart() -> None:
    train = Records(different(120))
    assert codes(assess(data(), (), train, Records(different(99, seed=3)))) == ["small_test"]
    assert codes(assess(data(test_is_synthetic=True), (), train, TEST)) == ["synthetic_test"]
    broken = assess(data(), (), train, Records(TEST.rows, [RecordFault(7, "is not JSON")]))
    assert (broken.answer, codes(broken)) == (Answer.NO, ["test_unreadable"])


def test_plain_texts_are_counted_and_never_conflict() -> None:
    rows = [Row(line.line, line.messages[:1], "text") for line in different(120)]
    assert assess(data(), (), Records(rows), TEST).usable_rows == 120


MAIL = "write to ann@example.org"


@pytest.mark.parametrize(
    ("stated", "last", "code", "answer"),
    [
        ({"consent": "contract"}, row(121, MAIL), "personal", Answer.YES),
        ({}, row(121, MAIL), "personal", Answer.UNKNOWN),  # consent says: no personal data
        ({}, row(121, "a key", "AKIA" + "Q3XVTZ7WPLJ4YEBS"), "secret", Answer.YES),
        ({}, replace(row(121, "mine"), about=About(licence="CC BY-NC 4.0")), "row_licence", Answer.UNKNOWN),
        ({}, replace(row(121, "mine"), about=About(licence="cc-by-4.0")), None, Answer.YES),
    ],
)
def test_what_rows_hold_is_found(stated: Any, last: Row, code: str | None, answer: Answer) -> None:
    found = assess(data(**stated), (), Records([*different(120), last]), TEST)
    assert (codes(found), found.answer) == ([code] if code else [], answer)
    assert "ann@" not in " ".join(map(str, found.findings))
    assert "AKIA" not in " ".join(map(str, found.findings))


def test_rows_that_say_a_model_wrote_them_are_counted() -> None:
    made = [replace(one, about=About(synthetic=True)) for one in different(120)]
    tested = Records([replace(one, about=About(synthetic=True)) for one in TEST.rows])
    assert codes(assess(data(), (), Records(made), TEST)) == ["synthetic"]
    assert codes(assess(data(synthetic_share=0.9), (), Records(made), TEST)) == []  # it was stated
    assert codes(assess(data(), (), Records(different(120)), tested)) == ["synthetic_test"]
    assert codes(assess(data(test_is_synthetic=True), (), Records(different(120)), tested)) == ["synthetic_test"]


def test_validation_rows_that_another_side_asks_are_named() -> None:
    train = different(120)
    valid = [*different(30, seed=3), row(31, train[4].messages[0].content), row(32, TEST.rows[0].messages[0].content)]
    found = assess(data(), (), Records(train), TEST, valid=Records(valid, [RecordFault(33, "is not JSON")]))
    assert {finding.code: finding.lines for finding in found.findings} == {
        "valid_unreadable": (33,),
        "valid_leak": (31, 32),
    }


def test_labels_that_the_test_set_asks_for_and_nobody_trains_are_named() -> None:
    rows = [row(one.line, one.messages[0].content, f"label {one.line % 4}") for one in different(120)]
    tested = [row(one.line, one.messages[0].content, f"label {one.line % 5}") for one in TEST.rows]
    found = assess(data(), (), Records(rows), Records(tested))
    assert [(finding.code, finding.rows) for finding in found.findings] == [("missing_label", 20)]  # 100 / 5


def test_a_finding_reads_as_a_sentence() -> None:
    rows = different(120)
    found = assess(data(), (), Records([*rows, *rows]), TEST)
    assert [str(finding) for finding in found.findings] == [
        "warns: 120 of 240 rows repeat an earlier row word for word (lines 1, 2, 3, 4, 5, ...); they are counted once"
    ]
