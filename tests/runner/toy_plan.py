"""A plan for the toy engine, and the program run on it: what the tests of the runner share."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from advisor.plan import seal
from runner.admission import Options, admit
from runner.refusal import RefusedError

HERE = Path(__file__).parent
MADE_ON = datetime.now(UTC).date()  # a real run has the clock's day, so the toy plan is made today
LAST_DAY = MADE_ON + timedelta(days=30)
TEAMS = ("billing", "login", "shipping", "returns")
Change = Callable[[dict[str, Any]], object]
MakePlan = Callable[..., Path]


def row(team: str, number: int) -> dict[str, Any]:
    ask = f"ticket {number} about my {team} {'again' if number % 2 else 'today'}"
    return {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": f"to {team}"}]}


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


def ref(root: Path, path: str) -> dict[str, Any]:
    content = (root / path).read_bytes()
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def forecast(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "low": value / 2, "high": value * 2, "unit": unit, "grade": "a", "basis": "toy"}


def document(root: Path, steps: int, save_every: int, kind: str) -> dict[str, Any]:
    train = {
        "learning_rate": 1e-3,
        "max_steps": steps,
        "micro_batch": 4,
        "max_length": 40,
        "save_every_steps": save_every,
    }
    sft = {"seconds": forecast(steps * 0.004, "seconds"), "steps": forecast(steps, "steps")}
    sft["peak_bytes"] = forecast(1_000_000, "bytes")
    lora = None if kind == "full" else {}
    return {
        "format_version": "1.0",
        "made_on": MADE_ON.isoformat(),
        "expires_on": LAST_DAY.isoformat(),
        "scenario": {"name": "toy", "sha256": "0" * 64},
        "verdict": {
            "code": "tune",
            "title": "Fine-tune and self-host",
            "road": "strict",
            "justified": True,
            "reason": "all three hold",
            "answers": {"prompting": "yes", "retrieval": "yes", "volume": "yes"},
        },
        "prices_sha256": "0" * 64,
        "prices": [],
        "base_model": {
            "name": "toy",
            "licence": "none",
            "parameters": 1000,
            "directory": "base",
            "files": [ref(root, "base/config.json")],
        },
        "data": {
            "train": ref(root, "train.jsonl"),
            "test": ref(root, "test.jsonl"),
            "licence": "own",
            "consent": "given",
        },
        "machine": {"name": "here", "kind": "local", "usd_per_hour": "3.60", "compute_dtype": "float32"},
        "method": {"kind": kind, "lora": lora, "optimizer": "adamw_torch"},
        "stages": [
            {"name": "curate", "forecast": {"seconds": forecast(0.1, "seconds")}},
            {"name": "sft", "train": train, "forecast": sft},
            {"name": "evaluate", "forecast": {"seconds": forecast(0.1, "seconds")}},
            {"name": "merge", "forecast": {"seconds": forecast(0.1, "seconds")}},
            {"name": "abplan", "forecast": {"seconds": forecast(0.01, "seconds")}},
            {"name": "account", "forecast": {"seconds": forecast(0.01, "seconds")}},
        ],
        "forecast": {"seconds": forecast(1.0, "seconds"), "usd": forecast(0.001, "usd")},
        "limits": {"usd": "10", "hours": 1.0},
        "gate": {"metric": "exact_match", "target": 0.9},
        "trial": {
            "incumbent": "vendor/large",
            "tasks_per_month": forecast(60_000, "tasks_per_month"),
            "incumbent_success": forecast(0.4, "share"),
            "margin": 0.05,
        },
    }


def edited(path: Path, change: Change, sealed: bool = True) -> Path:
    """Change a plan on disk; `sealed` gives it the id of its new content."""
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(seal(found) if sealed else found), encoding="utf-8")
    return path


def refusals(
    path: Path, folder: Path | None = None, as_of: date = LAST_DAY, packages: tuple[str, ...] = ()
) -> list[str]:
    """Return the names of the rules that refuse, in order; each has its remedy."""
    try:
        admit(path, folder, Options(as_of, packages=packages))
    except RefusedError as refused:
        return [refusal.rule for refusal in refused.refusals if refusal.remedy]
    return []


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start the real program with the toy engine."""
    command = [sys.executable, str(HERE / "toy_drive.py"), *map(str, arguments)]
    surroundings = {**os.environ, **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def drive(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    """Run the program to its end."""
    return finish(start(*arguments, **environment))


def kill(process: subprocess.Popen[str]) -> None:
    """End the process as a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def folder_of(path: Path) -> Path:
    return next(path.parent.glob("run-*"))


def report_of(path: Path) -> dict[str, Any]:
    code, out, err = drive("report", folder_of(path), "--format", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


def artefacts(report: dict[str, Any]) -> dict[str, str]:
    return {line["path"]: line["sha256"] for line in report["artefacts"]}
