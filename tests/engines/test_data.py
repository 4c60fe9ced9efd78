"""Rows that a trainer would silently mistrain on are refused before training, all at once."""

from pathlib import Path
from typing import Any

import pytest

from advisor.plan import TrainSettings
from runner.engine import BadDataError
from runner.engines.data import IGNORED, TokenRow, load_token_rows, message_faults, pack
from tests.engines.conftest import colour_rows, write_rows

pytestmark = pytest.mark.torch


def settings(**changed: Any) -> TrainSettings:
    return TrainSettings.model_validate(
        {"learning_rate": 1e-3, "max_steps": 1, "save_every_steps": 1, "max_length": 64, **changed}
    )


@pytest.fixture(scope="session")
def tokenizer(base: Path) -> Any:
    from runner.engines.loading import load_tokenizer

    return load_tokenizer(base)


def turn(role: Any, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


ASK, SAY = turn("user", "a"), turn("assistant", "b")


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        ([ASK, SAY], None),
        ([turn("system", "s"), ASK, SAY, ASK, SAY], None),
        ([], "no messages"),
        ("text", "no messages"),
        (["a"], "not an object"),
        ([ASK], "out of order"),
        ([SAY, ASK], "out of order"),
        ([ASK, ASK, SAY], "out of order"),
        ([turn("system", "s")], "out of order"),
        ([ASK, turn("assistant", None)], "content is null"),
        ([ASK, turn("assistant", 7)], "content is null"),
        ([ASK, turn("assistant", " ")], "empty assistant turn"),
        ([turn("human", "a"), SAY], "unknown role 'human'"),
        ([turn(None, "a"), SAY], "unknown role None"),
        ([{"content": "a"}, SAY], "unknown role None"),
    ],
)
def test_one_conversation(messages: object, wanted: str | None) -> None:
    faults = message_faults(messages)
    assert len(faults) == (wanted is not None), faults
    assert wanted is None or wanted in faults[0]


def test_every_fault_is_named_at_once(tmp_path: Path, tokenizer: Any) -> None:
    rows = [
        *colour_rows()[:3],  # 0-2 are sound
        {"messages": [ASK, turn("assistant", None)]},
        {"messages": [turn("bot", "a"), SAY]},
        {"messages": [ASK, SAY], "text": "stray"},
        {"messages": [turn("user", "door " * 100), SAY]},
        {"messages": [ASK, turn("assistant", "")]},
    ]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    with path.open("a") as file:
        file.write("[1]\n{\n")
    with pytest.raises(BadDataError) as refusal:
        load_token_rows(path, "chat", tokenizer, settings())
    text = str(refusal.value)
    kinds = ("null", "'bot'", "`text` beside", "longer than max_length 64", "an empty assistant", "a list", "not JSON")
    for row, kind in enumerate(kinds, start=3):
        assert any(kind in line and f"(row {row})" in line for line in text.splitlines()), (row, kind, text)
    assert len(text.splitlines()) == 1 + len(kinds)


def test_only_the_answer_and_its_end_are_learned(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "rows.jsonl", colour_rows()[:1])
    (row,) = load_token_rows(path, "chat", tokenizer, settings())
    learned = tokenizer.decode([label for label in row.labels if label != IGNORED])
    assert learned == '{"colour": "red"}<|im_end|>'
    (whole,) = load_token_rows(path, "chat", tokenizer, settings(assistant_only_loss=False))
    assert whole.labels == whole.input_ids


def test_a_template_without_markers_or_none_at_all_is_refused(tmp_path: Path, base: Path) -> None:
    from runner.engines.loading import load_tokenizer

    path = write_rows(tmp_path / "rows.jsonl", colour_rows()[:2])
    bare = load_tokenizer(base)
    bare.chat_template = bare.chat_template.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    with pytest.raises(BadDataError, match=r"no \{% generation %\} markers"):
        load_token_rows(path, "chat", bare, settings())
    assert len(load_token_rows(path, "chat", bare, settings(assistant_only_loss=False))) == 2
    bare.chat_template = None
    with pytest.raises(BadDataError, match="no chat template"):
        load_token_rows(path, "chat", bare, settings(assistant_only_loss=False))


def test_an_end_of_turn_outside_the_markers_is_refused(tmp_path: Path, base: Path) -> None:
    from runner.engines.loading import load_tokenizer

    endless = load_tokenizer(base)
    endless.chat_template = endless.chat_template.replace(
        "<|im_end|>{% endgeneration %}", "{% endgeneration %}<|im_end|>"
    )
    path = write_rows(tmp_path / "rows.jsonl", colour_rows()[:2])
    with pytest.raises(BadDataError, match=r"2 row\(s\): an answer whose end of turn is not learned"):
        load_token_rows(path, "chat", endless, settings())


def trl_template(name: str) -> str:
    import trl

    return (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text()


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3", "phi3"])
def test_a_known_model_without_markers_is_trained_with_a_marked_copy(name: str, tmp_path: Path, base: Path) -> None:
    from runner.engines.loading import load_tokenizer

    known = load_tokenizer(base)
    known.chat_template = trl_template(name)
    path = write_rows(tmp_path / "rows.jsonl", colour_rows()[:2])
    rows = load_token_rows(path, "chat", known, settings(max_length=256))
    learned = known.decode([label for label in rows[0].labels if label != IGNORED])
    assert '{"colour": "red"}' in learned
    assert "the door is red" not in learned


def test_a_prompt_that_is_not_what_was_trained_is_refused(tmp_path: Path, base: Path) -> None:
    from runner.engines.loading import load_tokenizer

    drifting = load_tokenizer(base)
    drifting.chat_template = drifting.chat_template.replace(
        "add_generation_prompt -%}\n<|im_start|>assistant", "add_generation_prompt -%}\n<|im_start|>assistant\n<think>"
    )
    path = write_rows(tmp_path / "rows.jsonl", colour_rows()[:2])
    with pytest.raises(BadDataError, match="another way when answering than when training"):
        load_token_rows(path, "chat", drifting, settings())
    drifting.chat_template = trl_template(
        "qwen3"
    )  # the marked copy keeps the thoughts of earlier turns, Qwen3 does not
    turns = [ASK, SAY, ASK, SAY]
    with pytest.raises(BadDataError, match="renders other tokens than the model's own"):
        load_token_rows(write_rows(path, [{"messages": turns}]), "chat", drifting, settings(max_length=256))


def test_text_is_cut_not_lost_and_ends_with_eos(tmp_path: Path, tokenizer: Any) -> None:
    text = "door lamp chair kite boat stone " * 8
    path = write_rows(tmp_path / "rows.jsonl", [{"text": text}])
    rows = load_token_rows(path, "text", tokenizer, settings(max_length=16))
    ids = [token for row in rows for token in row.input_ids]
    assert ids == [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
    assert max(len(row.input_ids) for row in rows) == 16
    assert all(row.labels == [IGNORED, *row.input_ids[1:]] for row in rows)


def test_empty_text_and_an_empty_file_are_refused(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [{"text": "door"}, {"text": None}, {"text": "  "}, {}])
    with pytest.raises(BadDataError, match=r"3 row\(s\): `text` is missing, null or empty.*\(row 1, 2, 3\)"):
        load_token_rows(path, "text", tokenizer, settings())
    with pytest.raises(BadDataError, match="no record"):
        load_token_rows(write_rows(tmp_path / "none.jsonl", []), "text", tokenizer, settings())


def test_packing_loses_no_token_and_teaches_none_across_a_border() -> None:
    rows = [TokenRow([n] * size, [IGNORED] + [n] * (size - 1), [n], [size]) for n, size in enumerate((5, 9, 3, 16, 2))]
    packed = pack(rows, 16, seed=1)
    assert sorted(token for row in packed for token in row.input_ids) == sorted(
        t for row in rows for t in row.input_ids
    )
    assert sorted(row for one in packed for row in one.rows) == [0, 1, 2, 3, 4]
    for one in packed:
        assert len(one.input_ids) == len(one.labels) == sum(one.piece_tokens) <= 16
        starts = [sum(one.piece_tokens[:place]) for place in range(len(one.piece_tokens))]
        assert [place for place, label in enumerate(one.labels) if label == IGNORED] == starts
