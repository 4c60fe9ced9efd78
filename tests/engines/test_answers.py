"""Answers are the assistant's turn alone, in order, whatever the batch; merging keeps them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.engine import ModelRef
from tests.engines.conftest import colour_rows

pytestmark = pytest.mark.torch
ROWS: list[Any] = [row["messages"] for row in colour_rows()]
PROMPTS = [messages[:1] for messages in ROWS]
WANTED = [messages[1]["content"] for messages in ROWS]


def flat(batches: Any) -> list[str]:
    return [answer for batch in batches for answer in batch]


def test_training_teaches_and_the_base_does_not_know(engine: Any, tuned: ModelRef) -> None:
    before = flat(engine.answer(replace(tuned, adapter=None), PROMPTS, 16, 16))
    after = flat(engine.answer(tuned, PROMPTS, 16, 16))
    assert sum(a == b for a, b in zip(before, WANTED, strict=True)) == 0
    assert sum(a == b for a, b in zip(after, WANTED, strict=True)) >= 36  # three in four of 48


def test_batches_come_in_order_and_do_not_change_the_answer(engine: Any, tuned: ModelRef) -> None:
    mixed = [*PROMPTS[:5], [{"role": "user", "content": "the very old door of the stone boat is blue"}]]
    batches = list(engine.answer(tuned, mixed, 16, 4))
    assert [len(batch) for batch in batches] == [4, 2]
    assert flat(batches) == flat(engine.answer(tuned, mixed, 16, 1))
    assert not any("<|" in answer for answer in flat(batches))


def test_a_model_is_loaded_once_and_again_when_its_files_change(engine: Any, tuned: ModelRef) -> None:
    list(engine.answer(tuned, PROMPTS[:1], 4, 1))
    first = engine._loaded
    list(engine.answer(tuned, PROMPTS[:1], 4, 1))
    assert engine._loaded is first
    assert tuned.adapter is not None
    (tuned.adapter / "adapter_config.json").touch()
    list(engine.answer(tuned, PROMPTS[:1], 4, 1))
    assert engine._loaded is not first


def test_the_merged_model_is_base_plus_adapter(engine: Any, tuned: ModelRef, tmp_path: Path) -> None:
    result = engine.merge(tuned, ROWS[:12], tmp_path / "merged")
    assert abs(result.mean_kl_nats) < 1e-6  # float32: rounding only
    assert result.top1_agreement_share == 1.0
    plain = ModelRef(result.directory, None, False, "float32")
    assert flat(engine.answer(plain, PROMPTS, 16, 16)) == flat(engine.answer(tuned, PROMPTS, 16, 16))
    names = {path.name for path in result.directory.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= names
    assert "quantization_config" not in (result.directory / "config.json").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


def test_merging_without_an_adapter_or_samples_is_refused(engine: Any, tuned: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wants an adapter and samples"):
        engine.merge(replace(tuned, adapter=None), ROWS[:1], tmp_path / "merged")
    with pytest.raises(ValueError, match="0 samples"):
        engine.merge(tuned, [], tmp_path / "merged")


def test_tokens_are_counted_as_they_are_trained(engine: Any, base: Path) -> None:
    from runner.engines.loading import load_tokenizer

    tokenizer = load_tokenizer(base)
    (count,) = engine.count_tokens(base, [ROWS[0]])
    text = "<|im_start|>user\nthe door is red<|im_end|>\n<|im_start|>assistant\n" + '{"colour": "red"}<|im_end|>\n'
    assert count == len(tokenizer(text)["input_ids"])


def test_identity_names_what_shapes_the_numbers(engine: Any) -> None:
    identity = engine.identity()
    assert {"torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "device", "threads"} <= set(identity)
    assert all(identity.values())
