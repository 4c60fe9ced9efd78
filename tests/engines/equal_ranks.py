"""`torchrun --nproc-per-node 2 equal_ranks.py SPEC.json`: one rank of a training job; rank 0 writes its losses."""

import json
import os
import sys
from pathlib import Path

from advisor.plan import Lora, Method, TrainSettings
from runner.engine import ModelRef, StepReport, TrainJob


class Losses:
    """Keeps the losses."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def started(self, step: int, total_steps: int) -> None:
        """Nothing to keep."""

    def stepped(self, report: StepReport) -> bool:
        self.losses.append(report.loss)
        return True

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Nothing to keep."""

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        """Nothing to keep."""

    def note(self, event: str, detail: str) -> None:
        """Nothing to keep."""


def main() -> None:
    import torch

    from runner.engines.trl import TrlEngine

    torch.set_num_threads(1)
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rank, folder = int(os.environ["RANK"]), Path(spec["folder"])
    settings = {"learning_rate": 2e-3, "max_steps": 4, "micro_batch": 2, "accumulation": 2, "max_length": 64}
    job = TrainJob(
        model=ModelRef(Path(spec["base"]), None, False, "float32"),
        method=Method(kind="lora", lora=Lora(rank=8), optimizer="adamw_torch"),
        settings=TrainSettings.model_validate({**settings, "save_every_steps": 4, **spec.get("settings", {})}),
        objective="chat",
        records=Path(spec["records"]),
        checkpoints=folder / "checkpoints",
        output=folder / ("output" if rank == 0 else f"output-{rank}"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    watcher = Losses()
    TrlEngine().train(job, watcher)
    if rank == 0:
        (folder / "losses.json").write_text(json.dumps(watcher.losses), encoding="utf-8")


if __name__ == "__main__":
    main()
