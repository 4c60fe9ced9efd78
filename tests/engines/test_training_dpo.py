"""Preference tuning: the reference is where it starts, pairs are checked, and a resume is bit-identical."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Lora, Method
from runner.engine import BadDataError, TrainJob
from tests.engines.conftest import FULL, QLORA, Watching, colour_rows, write_rows

pytestmark = pytest.mark.torch

DROPOUT = Method(kind="qlora", quantisation="nf4", double_quantisation=True, lora=Lora(rank=8, dropout=0.1))
START = math.log(2)  # -log sigmoid(0): model and reference are the same before the first step


def pairs(number: int = 16) -> list[dict[str, Any]]:
    """Prefer the colour itself to one in brackets."""
    found: list[dict[str, Any]] = []
    for row in colour_rows()[:number]:
        ask, answer = row["messages"]  # type: ignore[misc]
        worse = {"role": "assistant", "content": f"[{json.loads(answer['content'])['colour']}]"}
        found.append({"prompt": [ask], "chosen": [answer], "rejected": [worse]})
    return found


@pytest.fixture
def preference(engine: Any, job: Any, tmp_path: Path) -> Callable[..., TrainJob]:
    """A job on pairs that starts from what two steps of supervised tuning left."""

    def make(method: Method = QLORA, folder: str = "dpo", rows: Any = None, **settings: Any) -> TrainJob:
        started = replace(job(method, max_steps=2), checkpoints=tmp_path / "sft", output=tmp_path / "sft-out")
        engine.train(started, Watching())
        model = started.model
        tuned = (
            replace(model, directory=started.output)
            if method.kind == "full"
            else replace(model, adapter=started.output)
        )
        records = write_rows(tmp_path / "pairs.jsonl", pairs() if rows is None else rows)
        wanted = job(method, objective="preference", records=records, learning_rate=2e-3, **settings)
        folder_of = tmp_path / folder
        return replace(wanted, model=tuned, beta=0.1, checkpoints=folder_of / "c", output=folder_of / "o")

    return make


@pytest.mark.parametrize("method", [QLORA, FULL], ids=["qlora", "full"])
def test_it_starts_at_its_reference_and_learns_the_preference(engine: Any, preference: Any, method: Method) -> None:
    watcher, wanted = Watching(), preference(method, schedule="constant", warmup_share=0)
    result = engine.train(wanted, watcher)
    assert watcher.steps[0].loss == pytest.approx(START, abs=1e-3)  # bfloat16 adapters, float32 arithmetic
    assert watcher.steps[-1].loss < START - 0.01
    assert result.finished
    assert {path.name for path in wanted.output.glob("*.safetensors")} == {
        "model.safetensors" if method.kind == "full" else "adapter_model.safetensors"
    }
    assert not (wanted.output / "ref").exists()  # the reference's copy is not shipped
    ids = engine.count_tokens(
        wanted.model.directory, [[*p["prompt"], *p[side]] for p in pairs() for side in ("chosen", "rejected")]
    )
    assert sum(step.tokens for step in watcher.steps) == 3 * sum(ids)  # 6 steps of 8 pairs: 16 pairs three times


def test_stopped_and_resumed_is_bit_identical(engine: Any, preference: Any) -> None:
    alone, stopped = preference(DROPOUT, "alone"), preference(DROPOUT, "stopped")
    wanted = engine.train(alone, Watching())
    assert not engine.train(stopped, Watching(lambda step: step != 3)).finished
    found = engine.train(stopped, Watching())
    assert (found.step, found.sha256) == (6, wanted.sha256)


def test_faulty_pairs_are_named_all_at_once(engine: Any, preference: Any) -> None:
    same, long, none = (json.loads(json.dumps(one)) for one in pairs(3))
    same["rejected"] = same["chosen"]
    long["prompt"][0]["content"] = "word " * 200
    none["chosen"][0]["content"] = None
    with pytest.raises(BadDataError) as refused:
        engine.train(preference(rows=[same, long, none]), Watching())
    said = str(refused.value)
    for text in ("both answers are the same", "longer than max_length 64", "content is null or not text"):
        assert text in said
