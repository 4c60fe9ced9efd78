"""Divergence, drift, dtypes, text objective: what stands between a job and a wrong model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Lora, Method
from runner.engine import ModelRef, TrainingDivergedError
from runner.engines.checkpoints import ChangedSinceCheckpointError, read_commit
from tests.engines.conftest import QLORA, Watching, colour_rows, write_rows

pytestmark = pytest.mark.torch


def test_full_fine_tuning_reports_commits_and_exports(engine: Any, job: Any) -> None:
    watcher, wanted = Watching(), job()
    result = engine.train(wanted, watcher)
    assert watcher.start == (0, 6)
    assert [step.step for step in watcher.steps] == [1, 2, 3, 4, 5, 6]
    assert watcher.commits == [2, 4, 6]
    assert watcher.steps[-1].loss < watcher.steps[0].loss
    # 6 steps of 8 rows are all 48 rows once: 48 x tokens of one row, and the answer's tokens of it
    counts = engine.count_tokens(wanted.model.directory, [row["messages"] for row in colour_rows()])
    assert sum(step.tokens for step in watcher.steps) == sum(counts)
    assert 0 < sum(step.supervised_tokens for step in watcher.steps) < sum(counts)
    assert (result.finished, result.step) == (True, 6)
    assert result.peak_bytes > 0
    names = {path.name for path in wanted.output.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]
    texts = [path.read_text() for path in wanted.output.iterdir() if path.suffix != ".safetensors"]
    assert not any(str(wanted.output.parent) in text or str(wanted.model.directory) in text for text in texts)

    again = Watching()
    assert engine.train(wanted, again) == engine.train(wanted, again)  # nothing is trained twice
    assert not again.steps


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_qlora_trains_and_keeps_its_adapter_in_the_compute_dtype(engine: Any, job: Any, dtype: str) -> None:
    from safetensors.torch import load_file

    watcher, wanted = Watching(), job(QLORA, learning_rate=5e-3, dtype=dtype)
    result = engine.train(wanted, watcher)
    adapter = load_file(wanted.output / "adapter_model.safetensors")
    assert {str(tensor.dtype) for tensor in adapter.values()} == {f"torch.{dtype}"}
    assert sum(tensor.numel() for tensor in adapter.values()) == result.trainable_parameters
    assert watcher.notes == [
        ("fallback", "paged_adamw_8bit has nothing to page on a CPU: adamw_8bit is used, the arithmetic is the same")
    ]
    config = json.loads((wanted.output / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"


def test_gradients_are_the_same_after_an_evaluation(engine: Any, base: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from runner.engines.loading import keep_gradients, known_noise, load_base

    model = load_base(ModelRef(base, "nf4", True, "bfloat16"))
    torch.manual_seed(3)
    with known_noise():
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    ids = torch.arange(5, 45)[None]

    def gradients() -> dict[str, Any]:
        model.train()
        model.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    before = gradients()
    model.eval()
    with torch.no_grad():
        model(input_ids=ids)
    after = gradients()
    assert len(before) == len(after) == 2 * 7 * 2  # A and B of 7 projections in 2 layers
    assert all(bool((before[name] == after[name]).all()) for name in before)
    assert keep_gradients(model) == 14
    assert not any(getattr(module, "support_avx512bf16_for_cpu", False) for module in model.modules())


def poison_base(base: Path, target: Path) -> Path:
    """A copy of the base whose embedding of one word is NaN: only rows with that word diverge."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    from runner.engines.loading import load_tokenizer

    shutil.copytree(base, target)
    weights = load_file(target / "model.safetensors")
    (violet,) = load_tokenizer(base)(" violet")["input_ids"]
    weights["model.embed_tokens.weight"][violet] = torch.nan
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    return target


def test_nan_stops_before_the_update_and_names_the_rows(engine: Any, job: Any, base: Path, tmp_path: Path) -> None:
    poisoned = poison_base(base, tmp_path / "poisoned")
    rows = [row for row in colour_rows() if "violet" not in str(row)][:16]
    bad = next(row for row in colour_rows() if "violet" in str(row))
    method = Method(kind="lora", lora=Lora(rank=4), optimizer="adamw_torch")
    # tied embeddings spread one NaN to every row's logits, so the head is the poisoned one's own row only where read
    records = write_rows(tmp_path / "bad.jsonl", [*rows, bad])
    wanted = replace(job(method, records=records), model=ModelRef(poisoned, None, False, "float32"))
    watcher = Watching()
    with pytest.raises(TrainingDivergedError, match=r"step 1: loss nan.*rows in the batch: \[") as stop:
        engine.train(wanted, watcher)
    assert not watcher.steps
    assert "lower the learning rate" in str(stop.value)
    assert not wanted.output.exists()


def test_weights_that_blow_up_are_not_committed(engine: Any, job: Any) -> None:
    calm = job()
    engine.train(calm, Watching(lambda step: step < 3))
    # decay 1 - 1e37 x 1e3 overflows float32 in the very update that is then to be saved
    wanted = job(learning_rate=1e37, weight_decay=1e3, warmup_share=0, schedule="constant", save_every_steps=1)
    wanted = replace(wanted, checkpoints=wanted.checkpoints.with_name("wild"))
    watcher = Watching()
    with pytest.raises(TrainingDivergedError, match=r"step 1: .* is not finite after the update"):
        engine.train(wanted, watcher)
    assert watcher.commits == []
    assert read_commit(calm.checkpoints / "step-00000003").step == 3
    assert not wanted.output.exists()


def test_a_resume_under_other_conditions_names_the_field(engine: Any, job: Any, colours: Path) -> None:
    engine.train(job(), Watching(lambda step: step < 2))
    with pytest.raises(ChangedSinceCheckpointError, match=r"settings.learning_rate was 0.002, is 0.003"):
        engine.train(job(learning_rate=3e-3), Watching())
    with pytest.raises(ChangedSinceCheckpointError, match=r"method.kind was full, is qlora"):
        engine.train(job(QLORA), Watching())
    write_rows(colours, colour_rows()[:40])
    with pytest.raises(ChangedSinceCheckpointError, match="records sha256 was"):
        engine.train(job(save_every_steps=1), Watching())


def test_a_job_that_contradicts_itself_is_refused_with_all_reasons(engine: Any, job: Any, base: Path) -> None:
    qlora = Method.model_construct(kind="qlora", quantisation=None, lora=None)  # past the plan's own checks
    wrong = replace(job(qlora), model=ModelRef(base, None, False, "float16"))
    with pytest.raises(ValueError, match=r"nf4.*found none.*wants a lora.*float16 is not trained in"):
        engine.train(wrong, Watching())


@pytest.mark.parametrize("packing", [False, True])
def test_text_then_chat_on_its_result(engine: Any, job: Any, tmp_path: Path, packing: bool) -> None:
    texts = [{"text": row["messages"][0]["content"]} for row in colour_rows()]  # type: ignore[index]
    adapt = replace(
        job(objective="text", records=write_rows(tmp_path / "text.jsonl", texts), packing=packing, max_steps=8),
        checkpoints=tmp_path / "adapt",
        output=tmp_path / "adapted",
    )
    watcher = Watching()
    engine.train(adapt, watcher)
    assert watcher.steps[-1].loss < watcher.steps[0].loss
    chat = replace(job(max_steps=2), model=ModelRef(adapt.output, None, False, "float32"))
    assert engine.train(chat, Watching()).finished


def test_packed_pieces_do_not_see_each_other(base: Path) -> None:
    import torch

    from runner.engines.loading import load_base
    from runner.engines.training import Collator

    model = load_base(ModelRef(base, None, False, "float32")).eval()
    one, two = list(range(10, 20)), list(range(30, 37))
    rows = {"labels": [-100] * 17, "rows": [0, 1]}
    batch = Collator(0, packed=True)([{"input_ids": one + two, "piece_tokens": [10, 7], **rows}])
    with torch.no_grad():
        packed = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
        alone = [model(input_ids=torch.tensor([piece])).logits[0] for piece in (one, two)]
    assert torch.allclose(packed, torch.cat(alone), atol=1e-5)


def test_peak_memory_sees_what_was_freed_again() -> None:
    import numpy as np

    from runner.engines.memory import PeakMemory

    mib = 1024**2
    peak = PeakMemory()
    before = peak.peak_bytes()
    block = np.ones(128 * mib // 8)  # 128 MiB of float64, touched
    del block
    assert 120 * mib <= peak.peak_bytes() - before <= 160 * mib
