"""Preference pairs: prompt, chosen and rejected in every spelling, each fault named; never taken for an example."""

import json
from pathlib import Path
from typing import Any

import pytest

from advisor.checks.preferences import Pair, holds_pairs, pair_of, read_pairs
from advisor.checks.records import read_records
from advisor.checks.shapes import Message, RecordError

Q = Message("user", "q")
SYSTEM = Message("system", "s")
ASK = {"role": "user", "content": "q"}


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    ("record", "prompt"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, (Q,)),
        ({"prompt": [ASK], "chosen": [said("a")], "rejected": [said("b")]}, (Q,)),
        ({"prompt": "q", "chosen": [ASK, said("a")], "rejected": [ASK, said("b")]}, (Q,)),
        ({"chosen": [ASK, said("a")], "rejected": [ASK, said("b")]}, (Q,)),
        (
            {"prompt": [{"role": "system", "content": "s"}, ASK], "chosen": "a", "rejected": "b", "id": 7},
            (SYSTEM, Q),
        ),
        (
            {"chosen": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "rejected": [ASK, said("b")]},
            (Q,),
        ),
    ],
)
def test_every_spelling_of_a_pair_becomes_one(record: dict[str, Any], prompt: tuple[Message, ...]) -> None:
    assert pair_of(3, record) == Pair(3, prompt, "a", "b")


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": " a "}, "chosen equals rejected"),
        ({"prompt": "q", "chosen": "a"}, "has no rejected; wanted prompt, chosen and rejected"),
        ({"prompt": "q", "completion": "a"}, "has no chosen and no rejected"),
        ({"chosen": "a", "rejected": "b"}, "with chosen: has the roles assistant"),
        ({"prompt": "q", "chosen": "", "rejected": "b"}, "with chosen: message 2 (assistant) is empty"),
        ({"prompt": "q", "chosen": 3, "rejected": "b"}, "chosen is int"),
        (
            {"prompt": "q", "chosen": [said("a"), ASK, said("c")], "rejected": "b"},
            "chosen goes on for 3 turns after the prompt",
        ),
        ([1], "is list; wanted an object"),
    ],
)
def test_a_bad_pair_says_what_is_wrong(record: Any, fault: str) -> None:
    with pytest.raises(RecordError) as caught:
        pair_of(1, record)
    assert any(found.startswith(fault) for found in caught.value.faults), caught.value.faults


def test_a_file_of_pairs_is_known_by_its_first_record(tmp_path: Path) -> None:
    pairs, rows = tmp_path / "pairs.jsonl", tmp_path / "rows.jsonl"
    good = {"prompt": "q", "chosen": "a", "rejected": "b"}
    equal = {"prompt": "q", "chosen": "a", "rejected": "a"}
    pairs.write_text("\n".join(map(json.dumps, [good, equal])) + "\n{broken\n", encoding="utf-8")
    rows.write_text('{"prompt": "q", "completion": "a"}\n', encoding="utf-8")
    assert (holds_pairs(pairs), holds_pairs(rows)) == (True, False)
    found, faults = read_pairs(pairs)
    assert found == [Pair(1, (Q,), "a", "b")]
    assert [fault.line for fault in faults] == [2, 3]
    assert read_records(pairs)[1][0].reason.startswith("is a preference pair; wanted one answer a record")
