"""Merging by its ways, losses, and whether a server of the export reads what training read."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.engine import ModelRef
from tests.engines.test_answers import PROMPTS, ROWS, flat

pytestmark = pytest.mark.torch


def test_the_dequantised_base_is_the_one_to_merge_into(engine: Any, tuned: ModelRef, tmp_path: Path) -> None:
    kls = {}
    for way in ("dequantised", "dequantised_float32", "reloaded"):
        found = engine.merge(replace(tuned, compute_dtype="bfloat16"), ROWS[:8], tmp_path / way, way)
        kls[way] = found.mean_kl_nats
        config = json.loads((found.directory / "config.json").read_text(encoding="utf-8"))
        assert config["dtype"] == ("float32" if way == "dequantised_float32" else "bfloat16")
    assert abs(kls["dequantised"]) < 2e-3  # rounding to 8 bits of mantissa
    assert kls["reloaded"] > 5 * abs(kls["dequantised"]), "what 4 bits lost is not in the base on disk"


def test_losses_are_those_of_the_scored_tokens(engine: Any, tuned: ModelRef) -> None:
    import torch

    from runner.engines.loading import known_noise, load_model, load_tokenizer

    texts = ["the door is red", "a", ROWS[0], ROWS[5]]
    (found,) = engine.losses(tuned, texts, 8)
    with known_noise():
        model, tokenizer = load_model(tuned).eval(), load_tokenizer(tuned.directory)
    ids = tokenizer("the door is red")["input_ids"]
    with torch.inference_mode():
        chances = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].float(), -1)
    by_hand = -sum(float(chances[place, token]) for place, token in enumerate(ids[1:]))
    assert found[0].tokens == len(ids) - 1
    assert found[0].nats == pytest.approx(by_hand, rel=1e-4)
    assert found[1].tokens == len(tokenizer("a")["input_ids"]) - 1
    # of a conversation the answer and its end of turn, not the template's line break after it
    answer = tokenizer(ROWS[0][1]["content"] + "<|im_end|>")["input_ids"]
    assert found[2].tokens == len(answer)
    alone = [loss for batch in engine.losses(tuned, texts, 1) for loss in batch]
    assert [one.nats for one in alone] == pytest.approx([one.nats for one in found], rel=1e-3), "padding is not scored"


def test_a_trained_answer_is_likelier_than_before(engine: Any, tuned: ModelRef) -> None:
    (before,) = engine.losses(replace(tuned, adapter=None), ROWS[:8], 8)
    (after,) = engine.losses(tuned, ROWS[:8], 8)
    assert all(late.nats < early.nats for early, late in zip(before, after, strict=True))


def test_cut_answers_are_told_from_ended_ones(engine: Any, tuned: ModelRef) -> None:
    assert [answer.ended for answer in flat(engine.answer(tuned, PROMPTS[:2], 2, 2))] == [False, False]
    assert all(answer.ended for answer in flat(engine.answer(tuned, PROMPTS[:2], 32, 2)))


def test_a_server_of_the_export_reads_what_training_read(engine: Any, tuned: ModelRef, tmp_path: Path) -> None:
    folder = engine.merge(tuned, ROWS[:2], tmp_path / "m").directory
    assert engine.serving_faults(tuned.directory, folder, ROWS[:3]) == []
    assert engine.render(folder, ROWS[0][:1], True).endswith("<|im_start|>assistant\n")

    template = folder / "chat_template.jinja"
    kept = template.read_text(encoding="utf-8")
    template.write_text(kept.replace("<|im_start|>assistant\n{% endif -%}", "<|im_start|>assistant:\n{% endif -%}"))
    assert any(
        "sample 0: the template gives" in fault for fault in engine.serving_faults(tuned.directory, folder, ROWS[:1])
    )
    template.write_text(kept, encoding="utf-8")

    config = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    (folder / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": 3}), encoding="utf-8")
    (fault,) = engine.serving_faults(tuned.directory, folder, ROWS[:1])
    assert "a server would talk on" in fault

    template.unlink()
    bare = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    bare.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(bare), encoding="utf-8")
    assert "no chat template" in engine.serving_faults(tuned.directory, folder, ROWS[:1])[0]


def test_a_thinking_template_is_exported_silent(engine: Any, base: Path, tmp_path: Path) -> None:
    from runner.engines.merging import NO_THINKING, quiet_template

    thinking = tmp_path / "thinking"
    shutil.copytree(base, thinking)
    own = (base / "chat_template.jinja").read_text(encoding="utf-8")
    switch = "{%- if enable_thinking is not defined or enable_thinking -%}<think>{% endif -%}"
    asks = own.removesuffix("{% endif -%}") + switch + "{% endif -%}"
    (thinking / "chat_template.jinja").write_text(asks, encoding="utf-8")
    assert engine.serving_faults(thinking, thinking, ROWS[:1]), "served as it is, it would think aloud"
    (thinking / "chat_template.jinja").write_text(str(quiet_template(asks)), encoding="utf-8")
    assert engine.serving_faults(thinking, thinking, ROWS[:1]) == []
    assert quiet_template(own) == own
    assert str(quiet_template(asks)).startswith(NO_THINKING)


def test_dora_is_merged_with_its_magnitudes(base: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from runner.engines import merging
    from runner.engines.loading import known_noise, load_base, load_tokenizer

    torch.manual_seed(3)
    ref = ModelRef(base, None, False, "float32")
    config = LoraConfig(r=4, use_dora=True, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    with known_noise():
        model = get_peft_model(load_base(ref), config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.2)
        if "lora_magnitude" in name:
            parameter.data.mul_(1.3)
    model.eval()
    merging.save_merged(model, "float32", load_tokenizer(base), tmp_path / "m")
    merged = load_base(ModelRef(tmp_path / "m", None, False, "float32")).eval()
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        wanted, found = model(input_ids=ids).logits, merged(input_ids=ids).logits
        plain = load_base(ref).eval()(input_ids=ids).logits
    assert torch.allclose(wanted, found, atol=1e-4)
    assert float((wanted - plain).abs().max()) > math.sqrt(1e-4), "the adapter does something"
