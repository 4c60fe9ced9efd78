"""What only the real engine can show: code in an optimizer's file, and a gradient that is no number."""

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Lora, Method, TrainSettings
from runner.engine import ModelRef, TrainingDivergedError, TrainJob
from runner.engines.checkpoints import FileDigest, read_commit, sha256_of, write_commit
from tests.engines.conftest import base, colour_rows, write_rows

__all__ = ["base"]
pytestmark = pytest.mark.torch


class Stopping:
    """A watcher that asks for a stop after a step."""

    def __init__(self, after: int) -> None:
        self.after = after

    def started(self, step: int, total_steps: int) -> None:
        pass

    def stepped(self, report: Any) -> bool:
        return report.step < self.after

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        pass

    def note(self, event: str, detail: str) -> None:
        pass


@pytest.fixture
def job(base: Path, tmp_path: Path) -> TrainJob:
    settings = {"learning_rate": 2e-3, "max_steps": 4, "micro_batch": 2, "accumulation": 1, "max_length": 64}
    return TrainJob(
        model=ModelRef(base, None, False, "float32"),
        method=Method(kind="lora", lora=Lora(rank=4), optimizer="adamw_torch"),
        settings=TrainSettings.model_validate({**settings, "save_every_steps": 2}),
        objective="chat",
        records=write_rows(tmp_path / "rows.jsonl", colour_rows()[:16]),
        checkpoints=tmp_path / "checkpoints",
        output=tmp_path / "output",
    )


@pytest.fixture
def engine() -> Any:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from runner.engines.trl import TrlEngine

    return TrlEngine()


class Runs:
    """A pickle of this runs a program when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth"])
def test_code_in_a_checkpoint_is_never_run_even_where_its_commit_was_forged(
    engine: Any, job: TrainJob, tmp_path: Path, name: str
) -> None:
    assert not engine.train(job, Stopping(2)).finished
    folder = job.checkpoints / "step-00000002"
    commit = read_commit(folder)
    (folder / name).write_bytes(pickle.dumps(Runs(tmp_path / "ran"), protocol=2))
    digest = FileDigest((folder / name).stat().st_size, sha256_of(folder / name))
    write_commit(folder, replace(commit, files={**commit.files, name: digest}))
    assert read_commit(folder).files[name] == digest, "the forgery verifies"
    with pytest.raises((pickle.UnpicklingError, RuntimeError), match=r"(?i)weights.only"):
        engine.train(job, Stopping(9))
    assert not (tmp_path / "ran").exists()
    assert not job.output.exists()


def test_a_gradient_that_is_no_number_stops_before_the_update(
    engine: Any, job: TrainJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import Trainer

    step = Trainer.training_step

    def spoiled(self: Any, model: Any, *arguments: Any, **named: Any) -> Any:
        loss = step(self, model, *arguments, **named)
        if self.state.global_step == 2:  # the third step
            next(one for one in model.parameters() if one.requires_grad).grad.view(-1)[0] = torch.nan
        return loss

    monkeypatch.setattr(Trainer, "training_step", spoiled)
    with pytest.raises(TrainingDivergedError, match=r"step 3: loss [\d.]+, gradient norm nan, before the update"):
        engine.train(job, Stopping(9))
    assert read_commit(job.checkpoints / "step-00000002").step == 2
    monkeypatch.undo()
    assert engine.train(job, Stopping(9)).finished, "run again, it goes on from there"
