"""Laws of the ledger: it reads back what was written, notices any other byte, and repairs only a torn end."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.disk import ContendedError
from runner.ledger import Entry, Ledger, LedgerFaultError, Reading, decode, encode

PLAN = "a" * 64
DATA = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=8),
    max_size=3,
)
BODIES = st.lists(st.tuples(st.decimals(0, 1000, places=3), DATA), min_size=1, max_size=5)


def written(bodies: list[tuple[Decimal, dict[str, object]]]) -> tuple[list[Entry], list[bytes]]:
    entries, lines, previous = [], [], PLAN
    for number, (at, data) in enumerate(bodies, start=1):
        entry = Entry(number, 1, at, "2026-03-01T00:00:00+00:00", "note", data)
        line, previous = encode(previous, entry)
        entries.append(entry)
        lines.append(line)
    return entries, lines


@given(BODIES)
def test_law_what_is_written_is_read_back(bodies: list[tuple[Decimal, dict[str, object]]]) -> None:
    entries, lines = written(bodies)
    content = b"".join(lines)
    assert decode(content, PLAN) == Reading(tuple(entries), decode(content, PLAN).sha, len(content))


@given(BODIES, st.data())
def test_law_a_file_cut_anywhere_keeps_exactly_its_whole_lines(
    bodies: list[tuple[Decimal, dict[str, object]]], data: st.DataObject
) -> None:
    entries, lines = written(bodies)
    content = b"".join(lines)
    cut = data.draw(st.integers(0, len(content)))
    whole = content[:cut].count(b"\n")
    found = decode(content[:cut], PLAN)
    assert found.entries == tuple(entries[:whole])
    assert found.good_bytes == sum(map(len, lines[:whole]))


@given(BODIES, st.data())
def test_law_no_byte_of_a_whole_line_can_change_unnoticed(
    bodies: list[tuple[Decimal, dict[str, object]]], data: st.DataObject
) -> None:
    entries, lines = written([*bodies, (Decimal(1), {})])
    content = bytearray(b"".join(lines))
    place = data.draw(st.integers(0, len(content) - 2 - len(lines[-1])))
    content[place] ^= data.draw(st.sampled_from((1, 2, 64)))
    try:
        found = decode(bytes(content), PLAN).entries
    except LedgerFaultError:
        return
    assert found == tuple(entries), "only a byte that means the same may pass"


@given(BODIES, st.data())
def test_law_a_line_lost_doubled_or_moved_breaks_the_chain(
    bodies: list[tuple[Decimal, dict[str, object]]], data: st.DataObject
) -> None:
    _, lines = written([*bodies, (Decimal(1), {}), (Decimal(2), {})])
    place = data.draw(st.integers(0, len(lines) - 2))
    lost = lines[:place] + lines[place + 1 :]
    doubled = lines[: place + 1] + lines[place:]
    moved = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
    for wrong in (lost, doubled, moved):
        with pytest.raises(LedgerFaultError, match=r"ledger\.jsonl:\d+  does not follow"):
            decode(b"".join(wrong), PLAN)


def test_another_plans_ledger_is_not_this_ones() -> None:
    _, lines = written([(Decimal(1), {})])
    with pytest.raises(LedgerFaultError, match=r"ledger\.jsonl:1"):
        decode(lines[0], "b" * 64)


def test_a_torn_end_is_set_aside_and_writing_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path, PLAN)
    first.append("note", Decimal("0.1"), "then", {"n": 1})
    first.append("note", Decimal("0.2"), "then", {"n": 2})
    first.close()
    path.write_bytes(path.read_bytes()[:-7])
    again = Ledger(path, PLAN)
    assert again.torn > 0
    assert again.attempt == 2
    assert [entry.data["n"] for entry in again.entries] == [1]
    again.append("note", Decimal("0.3"), "now", {"n": 3})
    again.close()
    assert [entry.data["n"] for entry in decode(path.read_bytes(), PLAN).entries] == [1, 3]
    assert b'"n": 2' in (tmp_path / "ledger.jsonl.torn").read_bytes()


def test_a_second_writer_is_noticed_before_it_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    one, two = Ledger(path, PLAN), Ledger(path, PLAN)
    one.append("note", Decimal(1), "now", {})
    with pytest.raises(ContendedError, match="second writer"):
        two.append("note", Decimal(1), "now", {})
    assert len(decode(path.read_bytes(), PLAN).entries) == 1
    one.close()
    two.close()


def test_a_number_json_cannot_write_is_refused_not_hidden() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(PLAN, Entry(1, 1, Decimal(0), "now", "step", {"loss": float("nan")}))
