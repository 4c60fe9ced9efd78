"""One end of tests/faults/drive.py: start the program, harm it, wait for it, and read what it left."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DRIVER = Path(__file__).with_name("drive.py")
QUIET = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "CROSSOVER_CALIBRATION": "none"}


@dataclass(frozen=True)
class Ending:
    """How one attempt ended: its exit code, its wall seconds seen from outside, and what it printed."""

    code: int
    seconds: float
    out: str
    err: str


class Program:
    """The forking driver, held open; a context manager. `prefix` goes before its command (nice, unshare)."""

    def __init__(self, engine: Literal["toy", "trl"], talk: Path, prefix: tuple[str, ...] = ()) -> None:
        command = [*prefix, sys.executable, str(DRIVER), engine]
        self.talk, self.number = talk, 0
        talk.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **QUIET}
        )

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, *arguments: str | Path, harm: dict[str, Any] | None = None, **environment: str) -> tuple[int, Path]:
        """Start the program; return its process id and where it talks to."""
        self.number += 1
        talk = self.talk / str(self.number)
        told = {"start": list(map(str, arguments)), "talk": str(talk), "harm": harm, "environment": environment}
        return self.ask(told)["pid"], talk

    def wait(self, started: tuple[int, Path], limit_seconds: float = 300.0) -> Ending:
        """Wait for its end."""
        pid, talk = started
        found = self.ask({"wait": pid, "limit_seconds": limit_seconds})
        texts = [talk.with_name(f"{talk.name}.{end}").read_text(errors="replace") for end in ("out", "err")]
        return Ending(found["code"], found["seconds"], *texts)

    def run(self, *arguments: str | Path, harm: dict[str, Any] | None = None, **environment: str) -> Ending:
        """Run the program to its end."""
        return self.wait(self.start(*arguments, harm=harm, **environment))

    def report(self, folder: Path) -> dict[str, Any]:
        """Return the program's own report of a run."""
        ended = self.run("report", folder, "--format", "json")
        assert (ended.code, ended.err) == (0, ""), ended
        return json.loads(ended.out)


def struck(folder: Path) -> str | None:
    """Return the stage in which the last harm struck, None if it did not; the mark is taken away."""
    mark = folder.parent / f"{folder.name}.struck"
    if not mark.exists():
        return None
    stage = json.loads(mark.read_text())[0]
    mark.unlink()
    return str(stage)
