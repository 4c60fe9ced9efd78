"""Configurations that mean the same train the same: how a step's rows are split, packed, or shared among processes.

Tolerances: float32 sums in another order. A loss differs by some 1e-6 of itself a step; AdamW divides by a root of
small numbers, which carries the difference into the weights: they are held to 1e-3 of the largest change.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Lora, Method
from tests.engines.conftest import Watching

pytestmark = pytest.mark.torch

LOSS_SHARE = 1e-4
WEIGHT_SHARE = 1e-3
PAIR = Path(__file__).with_name("equal_ranks.py")
LORA = Method(kind="lora", lora=Lora(rank=8), optimizer="adamw_torch")


def apart(one: Path, other: Path) -> float:
    """Return the largest difference of two adapters over the largest weight that was trained from zero (B)."""
    from safetensors.torch import load_file

    left, right = (load_file(folder / "adapter_model.safetensors") for folder in (one, other))
    assert left.keys() == right.keys()
    most = max(float(left[name].abs().max()) for name in left if "lora_B" in name)
    return max(float((left[name] - right[name]).abs().max()) for name in left) / most


@pytest.fixture
def trajectory(engine: Any, job: Any, tmp_path: Path) -> Any:
    def run(name: str, **settings: Any) -> tuple[list[float], Path]:
        wanted = replace(job(LORA, **settings), checkpoints=tmp_path / name / "c", output=tmp_path / name / "o")
        watcher = Watching()
        engine.train(wanted, watcher)
        return [step.loss for step in watcher.steps], wanted.output

    return run


def test_eight_rows_a_step_however_they_are_split(trajectory: Any) -> None:
    losses, weights = trajectory("1x8", micro_batch=1, accumulation=8)
    for micro_batch, accumulation in ((2, 4), (8, 1)):
        found, other = trajectory(f"{micro_batch}x{accumulation}", micro_batch=micro_batch, accumulation=accumulation)
        assert found == pytest.approx(losses, rel=LOSS_SHARE)
        assert apart(weights, other) < WEIGHT_SHARE


def test_packed_documents_lose_what_they_lose_alone(engine: Any, job: Any) -> None:
    """Per document: the summed loss of its supervised tokens in a pack is the one it has alone."""
    del engine
    import torch

    from runner.engines.data import load_token_rows, pack
    from runner.engines.loading import load_base, load_tokenizer
    from runner.engines.training import Collator

    wanted = job(LORA, max_length=160)
    tokenizer = load_tokenizer(wanted.model.directory)
    rows = load_token_rows(wanted.records, "chat", tokenizer, wanted.settings)
    packs = pack(rows, 160, seed=1)
    assert max(len(one.piece_tokens) for one in packs) > 1
    model = load_base(wanted.model).eval()

    def losses(row: Any, packed: bool) -> list[float]:
        names = ("input_ids", "labels", "rows", "piece_tokens")
        batch = Collator(tokenizer.pad_token_id, packed)([{name: getattr(row, name) for name in names}])
        where = {name: batch[name] for name in ("input_ids", "position_ids", "attention_mask") if name in batch}
        with torch.no_grad():
            logits = model(**where, use_cache=False).logits[0, :-1].float()
        wanted_ids = batch["labels"][0, 1:]
        each = torch.nn.functional.cross_entropy(logits, wanted_ids, ignore_index=-100, reduction="none")
        # the token at place p+1 is scored at place p, so a document's scores begin one place before it
        ends = torch.tensor(row.piece_tokens).cumsum(0).tolist()
        starts = [0, *ends[:-1]]
        return [float(each[max(0, start - 1) : end - 1].sum()) for start, end in zip(starts, ends, strict=True)]

    alone = {row.rows[0]: losses(row, packed=False)[0] for row in rows}
    for one in packs:
        found = dict(zip(one.rows, losses(one, packed=True), strict=True))
        assert found == pytest.approx({row: alone[row] for row in found}, rel=1e-4)


def test_one_process_is_two(trajectory: Any, job: Any, tmp_path: Path) -> None:
    """Torchrun with two gloo processes of 2 rows, twice a step, against one process of 4 rows, twice a step."""
    pytest.importorskip("torch.distributed.run")
    losses, weights = trajectory("one", micro_batch=4, accumulation=2, max_steps=4)
    spec = {"base": str(job().model.directory), "records": str(job().records), "folder": str(tmp_path / "two")}
    (tmp_path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    root = str(PAIR.parents[2])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(PAIR)]
    done = subprocess.run(
        [*command, str(tmp_path / "spec.json")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "two" / "losses.json").read_text())
    assert found == pytest.approx(losses, rel=LOSS_SHARE)
    assert apart(weights, tmp_path / "two" / "output") < WEIGHT_SHARE


@pytest.mark.parametrize("variant", [{"rslora": True}, {"dora": True}])
def test_variants_of_lora_train_and_resume_to_the_bit(engine: Any, job: Any, tmp_path: Path, variant: Any) -> None:
    method = Method(
        kind="qlora",
        quantisation="nf4",
        double_quantisation=True,
        lora=Lora(rank=8, **variant),
        optimizer="adamw_torch",
    )
    wanted = job(method, dtype="bfloat16")
    watcher = Watching()
    alone = engine.train(wanted, watcher)
    assert watcher.steps[-1].loss < watcher.steps[0].loss
    config = json.loads((wanted.output / "adapter_config.json").read_text())
    assert (config["use_rslora"], config["use_dora"]) == ("rslora" in variant, "dora" in variant)
    again = replace(wanted, checkpoints=tmp_path / "r", output=tmp_path / "ro")
    engine.train(again, Watching(lambda step: step < 3))
    assert engine.train(again, Watching()).sha256 == alone.sha256
