"""Trains in child processes that are killed at chosen points, until one ends by itself.

`python drive.py RUNS.json`: the engine is imported once and each attempt is a fork of this process (no torch code has
run before), so a kill costs seconds. A point is {"step": n}: SIGKILL in the report of that step; {"fsync": n}: SIGKILL
before the n-th flush to disk of the attempt, which is inside a save; {"stop": n}: asked to stop after that step. Writes
RESULT.json, EVENTS.jsonl and ENDINGS.json in each run's folder.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from advisor.plan import Method, TrainSettings
from runner.engine import ModelRef, StepReport, TrainJob
from runner.engines import checkpoints


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class KillingWatcher:
    """Writes every event to a file at once, and kills or stops where told."""

    def __init__(self, events: Path, point: dict[str, int]):
        self.events, self.point = events, point

    def write(self, kind: str, **fields: Any) -> None:
        with self.events.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": kind, **fields}) + "\n")

    def started(self, step: int, total_steps: int) -> None:
        self.write("started", step=step, total=total_steps)

    def stepped(self, report: StepReport) -> bool:
        self.write("stepped", step=report.step, loss=report.loss.hex(), tokens=report.tokens, rate=report.learning_rate)
        if report.step == self.point.get("step"):
            die()
        return report.step != self.point.get("stop")

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        self.write("committed", step=step, bytes=bytes_written)

    def note(self, event: str, detail: str) -> None:
        self.write("note", note=event, detail=detail)


def job_of(spec: dict[str, Any]) -> TrainJob:
    method = Method.model_validate(spec["method"])
    folder = Path(spec["folder"])
    return TrainJob(
        model=ModelRef(Path(spec["base"]), method.quantisation, method.double_quantisation, spec["dtype"]),
        method=method,
        settings=TrainSettings.model_validate(spec["settings"]),
        objective="chat",
        records=Path(spec["records"]),
        checkpoints=folder / "checkpoints",
        output=folder / "output",
    )


def attempt(spec: dict[str, Any], point: dict[str, int]) -> None:
    import torch

    from runner.engines.trl import TrlEngine

    torch.set_num_threads(1)
    folder = Path(spec["folder"])
    left = point.get("fsync", 0)
    flush = checkpoints.fsync_path

    def counting_flush(path: Path) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()
        flush(path)

    checkpoints.fsync_path = counting_flush
    result = TrlEngine().train(job_of(spec), KillingWatcher(folder / "EVENTS.jsonl", point))
    (folder / "RESULT.json").write_text(
        json.dumps({"finished": result.finished, "step": result.step, "sha256": result.sha256}), encoding="utf-8"
    )


def attempts(spec: dict[str, Any]) -> list[int]:
    Path(spec["folder"]).mkdir(parents=True)
    endings: list[int] = []
    for point in [*spec["points"], {}]:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                attempt(spec, point)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        endings.append(os.waitstatus_to_exitcode(status))
    return endings


def main() -> None:
    # imported before the forks, so that an attempt takes seconds

    import runner.engines.trl  # noqa: F401

    for spec in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        endings = attempts(spec)
        (Path(spec["folder"]) / "ENDINGS.json").write_text(json.dumps(endings), encoding="utf-8")


if __name__ == "__main__":
    main()
