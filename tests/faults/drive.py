"""Forks the real program again and again from one process with its libraries loaded, and does it harm where told.

`python drive.py toy|trl`: JSON requests on stdin, one a line, each answered by a line on stdout. {"start": ARGUMENTS,
"talk": FILE, "harm": {...}, "environment": {...}} answers {"pid"}; what it prints goes to FILE.out and FILE.err.
{"wait": PID, "limit_seconds": S} answers {"code", "seconds"}: wall seconds from the fork to the end, seen from outside.

A harm strikes once: {"do": WHAT, "stage": S, "event": E, "count": N, "delay": SECONDS} after the N-th such line of the
ledger in the stage, or {"do": WHAT, "stage": S, "write": N} in the place of the N-th flush, rename or removal.
WHAT is a list of signals, or `fill` (the disk, to the last `leave` bytes), `memory`, `clock` (the wall jumps by `jump`
seconds), `hold` (it stands still until FOLDER.release is there), `edit` (`text` is added to the file at `path`),
`raise` (an error that says `text`), `nan_loss`, `nan_gradient`, `nan_weights`. With "last", a stage
that ends all the same is followed by that signal, so that the next attempt can be harmed in the next stage. With
"tally", the number of writes of each stage goes to FOLDER.writes. No torch code runs before a fork.
"""

import json
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / "tests" / "runner"), str(REPO)]
FREE = ("abplan", "account")
"""Stages that a signal does not stop before."""
WRITES = ("fsync", "rename", "replace", "unlink", "rmdir")
"""Calls at whose moments the disk is between two states."""


class Harm:
    """One fault, and the moment it strikes."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec, self.folder, self.stage = spec, folder, ""
        self.left = int(spec.get("write") or spec.get("count", 1))
        self.poison, self.has_struck = "", False
        self.writes: dict[str, int] = {}

    def here(self) -> bool:
        return self.spec.get("stage") in (None, self.stage)

    def line(self, event: str, data: dict[str, Any]) -> None:
        """A line of the ledger was written."""
        if event == "stage_started":
            self.stage = str(data["stage"])
        if "write" not in self.spec and self.here() and self.spec.get("event") == event:
            self.count()
        if event == "stage_committed" and self.here() and "last" in self.spec and not self.stopping():
            if self.spec["last"] == "SIGKILL" == "".join(self.spec["do"]):
                self.mark()
            os.kill(os.getpid(), getattr(signal, self.spec["last"]))

    def stopping(self) -> bool:
        """Whether a signal has asked for a stop already; a second one would end the program at once."""
        return self.has_struck and isinstance(self.spec["do"], list) and self.stage not in FREE

    def write(self) -> None:
        """A file is about to be flushed, renamed or removed."""
        self.writes[self.stage] = self.writes.get(self.stage, 0) + 1
        if "write" in self.spec and self.here() and threading.current_thread() is threading.main_thread():
            self.count()

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            delay = self.spec.get("delay")
            if delay:
                threading.Timer(delay, self.strike).start()
            else:
                self.strike()

    def mark(self) -> None:
        """Tell that it struck, and in which stage."""
        self.has_struck = True
        self.folder.with_name(f"{self.folder.name}.struck").write_text(json.dumps([self.stage, self.spec]))

    def strike(self) -> None:
        self.mark()
        what = self.spec["do"]
        if isinstance(what, list):
            for name in what:
                os.kill(os.getpid(), getattr(signal, name))
        elif what == "fill":
            self.fill()
        elif what == "clock":
            jump_clock(self.spec["jump"])
        elif what == "edit":
            with Path(self.spec["path"]).open("ab") as handle:
                handle.write(self.spec["text"].encode())
        elif what == "raise":
            raise RuntimeError(self.spec["text"])
        elif what == "hold":
            release = self.folder.with_name(f"{self.folder.name}.release")
            while not release.exists():
                time.sleep(0.01)
        elif what == "memory" and "write" in self.spec:
            raise MemoryError("no memory (injected)")
        else:
            self.poison = what

    def fill(self) -> None:
        """Leave so many bytes on the file system of the run folder."""
        found = os.statvfs(self.folder)
        take = found.f_bavail * found.f_frsize - int(self.spec.get("leave", 0))
        with (self.folder.parent / "filler").open("ab") as handle:
            handle.write(b"x" * max(0, take))


def jump_clock(seconds: float) -> None:
    """Let the wall clock of this process jump."""
    from datetime import UTC, datetime

    from runner import clock

    real = time.time
    time.time = lambda: real() + seconds
    clock.wall_label = lambda: datetime.fromtimestamp(real() + seconds, UTC).isoformat(timespec="seconds")


def arm(harm: Harm) -> None:
    """Put the harm's ears where the run passes."""
    from runner.ledger import Ledger

    append = Ledger.append

    def heard(self: Ledger, event: Any, at: Any, wall: str, data: dict[str, Any]) -> Any:
        entry = append(self, event, at, wall, data)
        harm.line(event, data)
        return entry

    Ledger.append = heard  # type: ignore[method-assign]
    for name in WRITES:
        setattr(os, name, struck(getattr(os, name), harm))


def struck(call: Callable[..., Any], harm: Harm) -> Callable[..., Any]:
    def around(*arguments: Any, **named: Any) -> Any:
        harm.write()
        return call(*arguments, **named)

    return around


def poison_torch(harm: Harm) -> None:
    """Spoil the training step, the answer or the save that follows the strike."""
    import torch
    from transformers import PreTrainedModel, Trainer

    step, save = Trainer.training_step, PreTrainedModel.save_pretrained
    generate: Callable[..., Any] = PreTrainedModel.generate if hasattr(PreTrainedModel, "generate") else step

    def spoiled_step(self: Any, model: Any, *arguments: Any, **named: Any) -> Any:
        what, harm.poison = harm.poison, ""
        if what == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory (injected)")
        loss = step(self, model, *arguments, **named)
        trained = next(one for one in model.parameters() if one.requires_grad)
        if what == "nan_gradient":
            trained.grad.view(-1)[0] = torch.nan
        elif what == "nan_weights":
            trained.data.view(-1)[0] = torch.nan
        return loss * torch.nan if what == "nan_loss" else loss

    def out_of_memory(call: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any, **named: Any) -> Any:
            if harm.poison == "memory":
                harm.poison = ""
                raise torch.OutOfMemoryError("CUDA out of memory (injected)")
            return call(*arguments, **named)

        return around

    Trainer.training_step = spoiled_step
    PreTrainedModel.save_pretrained = out_of_memory(save)
    if generate is not step:
        PreTrainedModel.generate = out_of_memory(generate)


def load(engine: str) -> None:
    """Import what a run needs, so that a fork of this process starts where the libraries are loaded."""
    import runner.cli
    import runner.report
    import runner.stages

    if engine == "trl":
        import runner.engines.trl

        return
    import toy_engine  # pyright: ignore[reportMissingImports]

    import runner.engines
    import runner.gate

    module = types.ModuleType("runner.engines.trl")
    module.TrlEngine = toy_engine.ToyEngine  # type: ignore[attr-defined]
    sys.modules["runner.engines.trl"] = module
    runner.gate.RUN_PACKAGES = ()


def child(engine: str, request: dict[str, Any]) -> int:
    """Be the program, with the harm armed; return its exit code."""
    os.setsid()
    for number, suffix in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{request['talk']}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    os.environ.update(request.get("environment") or {})
    arguments = [str(one) for one in request["start"]]
    spec = request.get("harm")
    if spec:
        harm = Harm(spec, Path(arguments[arguments.index("--dir") + 1]))
        arm(harm)
        if engine == "trl":
            poison_torch(harm)
    from runner import meter
    from runner.cli import main

    meter.HANG_SECONDS = Decimal(os.environ.get("FAULTS_HANG_SECONDS", str(meter.HANG_SECONDS)))
    sys.argv = ["run", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        if spec and "tally" in spec:
            harm.folder.with_name(f"{harm.folder.name}.writes").write_text(json.dumps(harm.writes))
    return 0


def start(engine: str, request: dict[str, Any]) -> dict[str, Any]:
    """Fork the program."""
    pid = os.fork()
    if pid:
        return {"pid": pid}
    code = 70
    try:
        code = child(engine, request)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, began: float, limit_seconds: float) -> dict[str, Any]:
    """Wait for the program, and end it as a power cut would when the limit is over."""
    killed = False
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return {"code": code, "seconds": time.monotonic() - began, "late": killed}
        if time.monotonic() - began > limit_seconds and not killed:
            killed = True
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def main() -> None:
    engine = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    load(engine)
    began: dict[int, float] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            moment = time.monotonic()
            answer = start(engine, request)
            began[answer["pid"]] = moment
        else:
            answer = wait(request["wait"], began[request["wait"]], request.get("limit_seconds", 300.0))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
