"""Records of every common shape to messages; bad rows are counted with their line and stop nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.checks.records import LARGEST_ROW_BYTES, RecordFault, Row, normalise, read_records
from advisor.checks.shapes import About, Message, RecordError, shape_of

Q, A = Message("user", "q"), Message("assistant", "a")
SYSTEM = Message("system", "s")


@pytest.mark.parametrize(
    ("record", "shape", "messages"),
    [
        ({"instruction": "q", "response": "a"}, "instruction_response", [Q, A]),
        ({"instruction": "q", "input": "", "output": "a"}, "instruction_output", [Q, A]),
        ({"instruction": "q", "output": "a"}, "instruction_output", [Q, A]),
        ({"instruction": "q", "input": "x", "output": "a"}, "instruction_output", [Message("user", "q\n\nx"), A]),
        (
            {"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
            "conversations",
            [Q, A],
        ),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            "conversations",
            [Q, A],
        ),
        (
            {"messages": [{"role": r, "content": c} for r, c in (("system", "s"), ("user", "q"), ("assistant", "a"))]},
            "messages",
            [SYSTEM, Q, A],
        ),
        ({"prompt": "q", "completion": "a"}, "prompt_completion", [Q, A]),
        (
            {
                "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
                "completion": [{"role": "assistant", "content": "a"}],
            },
            "prompt_completion",
            [SYSTEM, Q, A],
        ),
        ({"text": "a"}, "text", [A]),
        ({"text": "q", "category": "a"}, "text_category", [Q, A]),
        ({"text": "q", "label": "a"}, "text_label", [Q, A]),
        ({"prompt": "q", "completion": "a", "id": 7, "source": None}, "prompt_completion", [Q, A]),
    ],
)
def test_every_shape_becomes_messages(record: dict[str, Any], shape: str, messages: list[Message]) -> None:
    assert shape_of(record) == shape
    assert normalise(record) == messages


def turn(role: Any, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("record", "faults"),
    [
        ({}, ["holds nothing; wanted one of"]),
        ({"question": "q"}, ["holds question; wanted one of"]),
        ({"prompt": "p", "chosen": "a", "rejected": "b"}, ["is a preference pair"]),
        ({"messages": [], "text": "x"}, ["fits messages and text at once"]),
        ({"prompt": "q", "completion": ""}, ["message 2 (assistant) is empty"]),
        ({"prompt": " ", "completion": "\n"}, ["message 1 (user) is empty", "message 2 (assistant) is empty"]),
        ({"prompt": None, "completion": 3}, ["prompt is NoneType", "completion is int"]),
        ({"messages": []}, ["messages is empty; wanted a list of turns"]),
        ({"messages": "hello"}, ["messages is str; wanted a list of turns"]),
        ({"messages": ["hello"]}, ["messages[0] is str; wanted an object"]),
        ({"messages": [turn("user", None)]}, ["messages[0] has a role or content that is no text"]),
        ({"messages": [{"role": "user"}]}, ["messages[0] holds role; wanted role and content"]),
        ({"messages": [turn("tool", "x"), turn("assistant", "a")]}, ["messages[0] has the role 'tool'"]),
        ({"messages": [turn("user", "q")]}, ["has the roles user; wanted"]),
        ({"messages": [turn("assistant", "a")]}, ["has the roles assistant; wanted"]),
        ({"messages": [turn("user", "q"), turn("user", "q"), turn("assistant", "a")]}, ["has the roles user, user"]),
        (
            {"messages": [turn("user", "q"), turn("system", "s"), turn("assistant", "a")]},
            ["has the roles user, system"],
        ),
        ({"messages": [turn("system", "s")]}, ["has the roles system; wanted"]),
        ({"messages": [turn("user", "q"), turn("assistant", "")]}, ["message 2 (assistant) is empty"]),
        ({"text": "a\x00b"}, ["message 1 (assistant) holds a NUL character"]),
        ({"text": "a\ud800b"}, ["message 1 (assistant) is not valid UTF-8"]),
    ],
)
def test_a_bad_record_says_all_that_is_wrong_with_it(record: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(RecordError) as caught:
        normalise(record)
    assert len(caught.value.faults) == len(faults)
    assert all(found.startswith(wanted) for found, wanted in zip(caught.value.faults, faults, strict=True))


TEXT = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() and "\x00" not in text)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), st.none() | TEXT)
def test_a_conversation_is_the_same_in_every_shape_that_can_hold_it(pairs: Any, system: str | None) -> None:
    messages = [Message("system", system)] if system else []
    for question, answer in pairs:
        messages += [Message("user", question), Message("assistant", answer)]
    spoken = {"user": "human", "assistant": "gpt", "system": "system"}
    plain = [{"role": m.role, "content": m.content} for m in messages]
    sharegpt = [{"from": spoken[m.role], "value": m.content} for m in messages]
    assert normalise({"messages": plain}) == messages
    assert normalise({"conversations": sharegpt}) == messages
    assert normalise({"prompt": plain[:-1], "completion": plain[-1:]}) == messages


GOOD = b'{"prompt": "q", "completion": "a"}'
ROW = (Q, A)


def read(folder: Path, content: bytes, name: str = "train.jsonl") -> tuple[list[Row], list[RecordFault]]:
    path = folder / name
    path.write_bytes(content)
    return read_records(path)


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        (b"", [], []),
        (GOOD, [1], []),
        (GOOD + b"\n\n" + GOOD + b"\n", [1, 3], []),  # a blank line is no row, and keeps its number
        (b"\xef\xbb\xbf" + GOOD + b"\r\n" + GOOD + b"\r\n", [1, 2], []),
        (b'{"text": "line\xe2\x80\xa8separator"}\n' + GOOD, [1, 2], []),  # U+2028 ends no line
        (GOOD + b"\nnot json\n" + GOOD, [1, 3], [(2, "is not JSON: ")]),
        (GOOD + b"\n" + GOOD[:20], [1], [(2, "is cut off at the end of the file")]),
        (b"[1]\n" + GOOD, [2], [(1, "is list; wanted an object")]),
        (b"null\n" + GOOD, [2], [(1, "is NoneType; wanted an object")]),
        (b'{"text": "a", "text": "b"}\n' + GOOD, [2], [(1, "holds text twice")]),
        (b'{"text": NaN}\n' + GOOD, [2], [(1, "holds NaN, which is not JSON")]),
        (b'{"text": "a\x00"}\n' + GOOD, [2], [(1, "holds a NUL byte")]),
        (b'{"text": "\xff"}\n' + GOOD, [2], [(1, "is not UTF-8")]),
        (b'{"text": "\\ud800"}\n' + GOOD, [2], [(1, "message 1 (assistant) is not valid UTF-8")]),
        (b"[" * 100_000 + b"\n" + GOOD, [2], [(1, "is nested too deep")]),
        (b'{"text": ' + b"9" * 5_000 + b"}\n" + GOOD, [2], [(1, "is not JSON: ")]),
        (b'{"text": "' + b"x" * 10_000_000 + b'"}\n' + GOOD, [2], [(1, "is over 1_048_576 bytes")]),
        (b'{"text": "' + b"x" * 10_000_000, [], [(1, "is over 1_048_576 bytes")]),
        ("x".encode("utf-16"), [], [(1, "the file is UTF-16")]),
    ],
)
def test_a_bad_line_is_a_fault_and_the_others_are_read(
    tmp_path: Path, content: bytes, good: list[int], bad: list[tuple[int, str]]
) -> None:
    rows, faults = read(tmp_path, content)
    assert [row.line for row in rows] == good
    assert [fault.line for fault in faults] == [line for line, _ in bad]
    assert all(fault.reason.startswith(reason) for fault, (_, reason) in zip(faults, bad, strict=True))


def test_a_row_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    frame = b'{"text": ""}\n'
    content = frame.replace(b'""', b'"' + b"x" * (LARGEST_ROW_BYTES - len(frame)) + b'"')
    assert len(content) == LARGEST_ROW_BYTES
    assert [row.line for row in read(tmp_path, content + GOOD)[0]] == [1, 2]


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        (b"[]", [], []),
        (b"\xef\xbb\xbf[\r\n" + GOOD + b",\r\n\r\n" + GOOD + b"\r\n]\r\n", [2, 4], []),
        (b"[" + GOOD + b', {"x": 1}, ' + GOOD + b"]", [1, 1], [(1, "holds x; wanted one of")]),
        (b"[" + GOOD + b",\n{broken]", [1], [(2, "is not JSON: ")]),
        (b"[" + GOOD + b"\n" + GOOD + b"]", [1], [(1, "is not followed by a comma")]),
        (b"[" + GOOD, [1], [(1, "is not followed by a comma")]),
        (GOOD, [], [(1, "the file is no JSON array")]),
        (b"", [], [(1, "the file is no JSON array")]),
        (b"[\xff]", [], [(1, "the file is not UTF-8")]),
        (b"[" * 100_000, [], [(1, "is not JSON: ")]),
        (b'[{"text": "' + b"x" * 2_000_000 + b'"}, ' + GOOD + b"]", [1], [(1, "is over 1_048_576")]),
    ],
)
def test_a_json_array_keeps_its_lines(
    tmp_path: Path, content: bytes, good: list[int], bad: list[tuple[int, str]]
) -> None:
    rows, faults = read(tmp_path, content, "train.json")
    assert [row.line for row in rows] == good
    assert [(fault.line, fault.reason[: len(reason)]) for fault, (_, reason) in zip(faults, bad, strict=True)] == bad


HEADER = b"text,category\r\n"


@pytest.mark.parametrize(
    ("content", "good", "bad"),
    [
        (b"", [], []),
        (HEADER, [], []),
        (b"\xef\xbb\xbf" + HEADER + b"q,a\r\n\r\nq,a\r\n", [2, 4], []),
        (HEADER + b'"two\nlines",a\r\nq,a', [2, 4], []),
        (HEADER + b"q\r\nq,a,b\r\nq,a\r\n", [4], [(2, "has 1 columns; wanted 2"), (3, "has 3 columns; wanted 2")]),
        (HEADER + b"q,\r\nq,a\r\n", [3], [(2, "message 2 (assistant) is empty")]),
        (HEADER + b"\xff,a\r\nq,a\r\n", [3], [(2, "message 1 (user) is not valid UTF-8")]),
        (HEADER + b"q\x00,a\r\nq,a\r\n", [3], [(2, "message 1 (user) holds a NUL")]),
        (HEADER + b'q,"a\r\n', [], [(2, "is not CSV: ")]),
        (HEADER + b"x" * 10_000_000 + b",a\r\nq,a\r\n", [3], [(2, "is over 131_072 bytes")]),
        (b"text,text\r\nq,a\r\n", [], [(2, "stands under a header with a name twice")]),
        (b"a,b\r\n1,2\r\n", [], [(2, "holds a, b; wanted one of")]),
        (b"instruction,input,output\r\nq,,a\r\n", [2], []),
    ],
)
def test_a_csv_row_is_read_by_its_header(
    tmp_path: Path, content: bytes, good: list[int], bad: list[tuple[int, str]]
) -> None:
    rows, faults = read(tmp_path, content, "train.csv")
    assert [row.line for row in rows] == good
    assert [(fault.line, fault.reason[: len(reason)]) for fault, (_, reason) in zip(faults, bad, strict=True)] == bad


def test_another_kind_of_file_is_a_fault(tmp_path: Path) -> None:
    wanted = "train.xlsx is no .jsonl, .json, .csv, .parquet file"
    assert read(tmp_path, b"x", "train.xlsx")[1][0].reason.startswith(wanted)


def test_parquet_is_read_where_its_reader_is_installed(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    records = [
        {"messages": turns, "text": None},
        {"messages": None, "text": "plain"},
        {"messages": turns[:1], "text": None},
    ]
    parquet.write_table(arrow.Table.from_pylist(records), tmp_path / "train.parquet")
    rows, faults = read_records(tmp_path / "train.parquet")
    assert [(row.line, row.messages, row.shape) for row in rows] == [
        (1, (Q, A), "messages"),
        (2, (Message("assistant", "plain"),), "text"),
    ]
    assert [fault.line for fault in faults] == [3]
    cut = (tmp_path / "train.parquet").read_bytes()[:-20]
    (found,) = read(tmp_path, cut, "cut.parquet")[1]
    assert found.reason.startswith("is not Parquet: ")


def test_what_a_record_says_of_itself_is_kept(tmp_path: Path) -> None:
    lines = [
        b'{"prompt": "q", "completion": "a", "customer_id": 7, "source": "mail", "license": "CC0", "synthetic": true}',
        b'{"prompt": "q", "completion": "a", "group": "", "synthetic": "no"}',
        b'{"prompt": "q", "completion": "a", "synthetic": "perhaps"}',
    ]
    rows, _ = read(tmp_path, b"\n".join(lines))
    assert [row.about for row in rows] == [About("customer_id=7", "mail", "CC0", True), About(synthetic=False), About()]


@given(
    st.lists(st.one_of(st.binary(max_size=30), st.just(GOOD)), max_size=6),
    st.sampled_from([".jsonl", ".json", ".csv", ".parquet"]),
)
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], suffix: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(b"\n".join(lines))
    rows, faults = read_records(path)
    assert all(row.messages for row in rows)
    assert all(fault.line >= 1 and fault.reason for fault in faults)


@given(st.lists(st.one_of(st.just(GOOD), st.just(b"bad"), st.just(b"")), max_size=20))
def test_every_line_is_a_row_a_fault_or_blank(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    rows, faults = read_records(path)
    numbered = list(enumerate(lines, start=1))
    assert [row.line for row in rows] == [number for number, line in numbered if line == GOOD]
    assert [fault.line for fault in faults] == [number for number, line in numbered if line == b"bad"]


def test_prompt_and_answer_of_a_row() -> None:
    row = Row(1, (SYSTEM, Q, A), "messages")
    assert (row.prompt, row.answer) == ("system: s\nuser: q", "a")
    assert Row(1, (A,), "text").prompt == ""


@pytest.mark.real
def test_banking77_reads_whole(shared: Path) -> None:
    folder = shared / "reference" / "datasets"
    train, train_faults = read_records(folder / "banking77_train.csv")
    test, test_faults = read_records(folder / "banking77_test.csv")
    assert (len(train), len(test), len(train_faults), len(test_faults)) == (10_003, 3_080, 0, 0)
    assert len({row.answer for row in train}) == 77
    assert train[0].messages == (
        Message("user", "I am still waiting on my card?"),
        Message("assistant", "card_arrival"),
    )


def test_a_row_survives_the_round_through_json(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, GOOD)
    again = {"messages": [{"role": m.role, "content": m.content} for m in rows[0].messages]}
    assert tuple(normalise(json.loads(json.dumps(again)))) == ROW
