"""What guards a training run while it runs: memory that ends, loss that rises on held-out rows, a probe beforehand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Lora, Method, Probe
from runner.engine import TooLargeError
from tests.engines.conftest import FULL, QLORA, Watching, colour_rows, write_rows

pytestmark = pytest.mark.torch

LORA = Method(kind="lora", lora=Lora(rank=8), optimizer="adamw_torch")


def ends_above(monkeypatch: pytest.MonkeyPatch, most_rows: int) -> None:
    """Let memory end, in torch's own words, at any micro-batch of more rows than these."""
    import torch

    from runner.engines.committing import Committing

    true_step = Committing.training_step

    def step(self: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if len(inputs["input_ids"]) > most_rows:
            message = "CUDA out of memory. Tried to allocate 2.00 GiB"
            raise torch.OutOfMemoryError(message)
        return true_step(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(Committing, "training_step", step)


def test_out_of_memory_halves_and_keeps_the_experiment(
    engine: Any, job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy = Watching()
    calm = replace(job(), checkpoints=tmp_path / "calm", output=tmp_path / "calm-out")
    engine.train(calm, roomy)

    wanted = job()
    engine.train(wanted, Watching(lambda step: step < 3))  # 4 x 2 fitted for three steps, and a commit
    ends_above(monkeypatch, 1)
    tight = Watching()
    assert engine.train(wanted, tight).finished
    assert tight.start == (3, 6)  # from the last commit, not from the start
    said = [detail for event, detail in tight.notes if event == "out of memory"]
    assert [line.partition("; ")[2] for line in said] == [
        "micro-batch 4 to 2, accumulation 4: the same steps",
        "micro-batch 2 to 1, accumulation 8: the same steps",
    ]
    assert [step.tokens for step in tight.steps] == [step.tokens for step in roomy.steps[3:]]  # the same rows
    losses = [step.loss for step in tight.steps]
    assert losses == pytest.approx([step.loss for step in roomy.steps[3:]], rel=1e-5)

    again = Watching()
    engine.train(replace(wanted, settings=wanted.settings.model_copy(update={"max_steps": 6})), again)
    assert not again.notes  # what fits is remembered


def test_one_row_that_does_not_fit_is_refused_with_a_smaller_plan(
    engine: Any, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_above(monkeypatch, 0)
    with pytest.raises(TooLargeError, match=r"Plan max_length 32, gradient checkpointing, qlora, a smaller base"):
        engine.train(job(LORA), Watching())


def test_overfitting_stops_and_keeps_the_best_checkpoint(engine: Any, job: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    # the held-out rows answer with other colours than are learned: the better it learns, the worse it does on them
    held_out = [json.loads(json.dumps(row).replace("red", "tea").replace("green", "oat")) for row in colour_rows()]
    valid = write_rows(tmp_path / "valid.jsonl", held_out[:2] * 8)
    train = write_rows(tmp_path / "few.jsonl", colour_rows()[2:6])
    steps = {"max_steps": 40, "save_every_steps": 4, "evaluate_every_steps": 4, "patience": 2, "learning_rate": 4e-3}
    wanted = replace(job(records=train, schedule="constant", **steps), held_out=valid)
    watcher = Watching()
    result = engine.train(wanted, watcher)
    assert result.finished
    assert result.stopped_early
    losses = dict(watcher.evaluations)
    assert result.best_step == min(losses, key=lambda step: losses[step])
    assert result.step == result.best_step + 2 * 4 < 40  # patience 2, an evaluation every 4 steps
    kept = load_file(wanted.checkpoints / f"step-{result.best_step:08d}" / "model.safetensors")
    shipped = load_file(wanted.output / "model.safetensors")
    assert all(bool((kept[name] == shipped[name]).all()) for name in kept)
    assert not (wanted.output / "evaluations.json").exists()
    assert "overfitting" in [event for event, _ in watcher.notes]

    quiet = Watching()
    assert replace(engine.train(wanted, quiet), peak_bytes=0) == replace(result, peak_bytes=0)
    assert not quiet.steps


def test_watching_held_out_rows_changes_nothing(engine: Any, job: Any, tmp_path: Path) -> None:
    valid = write_rows(tmp_path / "valid.jsonl", colour_rows()[:9])
    alone = engine.train(job(QLORA), Watching())
    other = replace(job(QLORA, evaluate_every_steps=2), checkpoints=tmp_path / "w", output=tmp_path / "wo")
    watcher = Watching()
    watched = engine.train(replace(other, held_out=valid), watcher)
    assert [step for step, _ in watcher.evaluations] == [2, 4, 6]
    assert watched.sha256 == alone.sha256


def test_a_probe_measures_and_leaves_no_trace(engine: Any, job: Any, tmp_path: Path) -> None:
    alone = engine.train(job(QLORA), Watching())
    wanted = replace(job(QLORA), checkpoints=tmp_path / "after" / "checkpoints", output=tmp_path / "after" / "output")
    found = engine.probe(wanted, Probe(longest_steps=2, typical_steps=3), Watching())
    assert (len(found.longest_seconds), len(found.typical_seconds)) == (2, 3)
    assert min(*found.longest_seconds, *found.typical_seconds, found.ready_seconds, found.save_seconds) > 0
    assert min(found.checkpoint_bytes, found.peak_bytes) > 0
    assert found.rows == 48
    counts = engine.count_tokens(wanted.model.directory, [row["messages"] for row in colour_rows()])
    assert 8 * min(counts) <= found.typical_tokens <= 8 * max(counts)
    assert found.sample.endswith('<|im_start|>assistant\n[[{"colour": "red"}<|im_end|>]]\n')
    assert not (tmp_path / "after" / "probe").exists()
    assert engine.train(wanted, Watching()).sha256 == alone.sha256


def test_a_probe_stops_when_asked(engine: Any, job: Any) -> None:
    assert engine.probe(job(), Probe(), Watching(lambda step: False)) is None


@pytest.mark.parametrize("packing", [False, True])
def test_the_loss_over_learned_positions_is_the_trainer_s_own(engine: Any, job: Any, packing: bool) -> None:
    """The supervised positions alone give what the trainer gets from all of them."""
    del engine
    import torch

    from runner.engines.checkpoints import CheckpointStore
    from runner.engines.jobs import build_trainer
    from runner.engines.loading import known_noise
    from runner.engines.losses import supervised_loss

    wanted = job(LORA, packing=packing)
    store = CheckpointStore(wanted.checkpoints, 2, {}, {}, lambda *_: None)
    with known_noise():
        trainer: Any = build_trainer(wanted, store, Watching())
    assert trainer.learned_only
    batch = next(iter(trainer.get_train_dataloader()))
    batch = {name: value for name, value in batch.items() if isinstance(value, torch.Tensor)}
    count = int(batch["labels"][:, 1:].ne(-100).sum())
    mine = supervised_loss(trainer.model, batch, count)
    trainer.learned_only = False
    with torch.no_grad():
        theirs = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=torch.tensor(count))
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-6)
    mine.backward()
    assert any(p.grad is not None and bool(p.grad.ne(0).any()) for p in trainer.model.parameters())


def test_rows_that_a_guard_stops_on_are_named(engine: Any, job: Any, colours: Path) -> None:
    """A row that teaches nothing refuses before the first step."""
    from runner.engine import BadDataError

    rows = [*colour_rows(), {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}]}]
    write_rows(colours, rows)
    with pytest.raises(BadDataError, match=r"an empty assistant turn.*row 48"):
        engine.train(job(FULL), Watching())
