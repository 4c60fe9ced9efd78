"""kill -9 the default run at random moments, go on to the end, and compare with a run that nobody touched.

    python -m benchmarks.kill [--kills 10] [--seed 1] [--work DIR] [--out benchmarks/results/DATE-kill.md]

Shown: the same adapter and merged weights, unique steps as planned, and a bill that is the sum of the attempts.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "scenarios" / "ticket_routing" / "scenario.yaml"
SLACK_SECONDS = 2.0
"""Kills fall between the first second and this long before the whole run would have ended."""


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line of a console script's module."""
    return [sys.executable, "-m", module, *arguments]


def finish(plan: Path, folder: Path) -> tuple[float, int]:
    """Run to the end; return wall seconds and the exit code."""
    began = time.monotonic()
    done = subprocess.run(
        command("runner.cli", str(plan), "--dir", str(folder)), cwd=ROOT, capture_output=True, check=False
    )
    return time.monotonic() - began, done.returncode


def kill_after(plan: Path, folder: Path, seconds: float) -> str:
    """Start the run, kill -9 it after so many seconds; return the last line of progress it had printed."""
    started = subprocess.Popen(
        command("runner.cli", str(plan), "--dir", str(folder)), cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        started.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
    printed = (started.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
    return printed[-1] if printed else "starting up"


def report(folder: Path) -> dict[str, Any]:
    """Return the run's own report."""
    told = subprocess.run(
        command("runner.cli", "report", str(folder), "--format", "json"), cwd=ROOT, capture_output=True, check=True
    )
    return json.loads(told.stdout)


def weights(found: dict[str, Any]) -> dict[str, str]:
    """Return the digests of everything that training and merging left."""
    return {line["path"]: line["sha256"] for line in found["artefacts"] if line["stage"] in ("sft", "merge")}


def table(
    rows: list[tuple[float, str]], straight: dict[str, Any], broken: dict[str, Any], codes: tuple[int, int]
) -> str:
    """Return the comparison as Markdown."""
    one, many = straight["totals"], broken["totals"]
    billed = sum((Decimal(line["usd"]) for line in broken["attempts"]), Decimal(0))
    by_cause = sum((Decimal(line["usd"]) for line in broken["money"]["lines"]), Decimal(0))
    same = weights(straight) == weights(broken)
    lines = [
        "| killed after | last progress |", "|---|---|",
        *(f"| {seconds:.1f} s | {text} |" for seconds, text in rows),
        "",
        "| | untouched | killed |", "|---|---|---|",
        f"| exit code | {codes[0]} | {codes[1]} |",
        f"| attempts | {one['attempts']} | {many['attempts']} |",
        f"| unique steps of {one['planned_steps']} | {one['unique_steps']} | {many['unique_steps']} |",
        f"| executed steps | {one['executed_steps']} | {many['executed_steps']} |",
        f"| billed USD | {one['usd']} | {many['usd']} |",
        f"| sum of the attempts USD | | {billed:f} |",
        f"| variance lines sum to the difference | | {by_cause == Decimal(broken['money']['difference_usd'])} |",
        f"| same adapter and merged weights (sha256) | | {same} |",
        "", *(f"- `{path}` {digest}" for path, digest in weights(broken).items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the campaign."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=10)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--work", type=Path, default=None)
    asked.add_argument("--out", type=Path, default=None)
    chosen = asked.parse_args()
    work = chosen.work or Path(tempfile.mkdtemp(prefix="crossover-kill-"))
    plan = work / "plan.json"
    subprocess.run(command("advisor.cli", str(SCENARIO), "--plan", str(plan)), cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    seconds, code = finish(plan, work / "untouched")
    print(f"untouched: {seconds:.1f} s, exit {code}", flush=True)
    rng = random.Random(chosen.seed)
    rows: list[tuple[float, str]] = []
    for _ in range(chosen.kills):
        moment = rng.uniform(1.0, max(2.0, seconds / 2 - SLACK_SECONDS))
        rows.append((moment, kill_after(plan, work / "killed", moment)))
        print(rows[-1], flush=True)
    _, code_after = finish(plan, work / "killed")
    text = table(rows, report(work / "untouched"), report(work / "killed"), (code, code_after))
    today = datetime.now(tz=UTC).date()
    story = f"{chosen.kills} kills at random moments (seed {chosen.seed}), two cores."
    head = f"# kill -9 of the default run, {today}\n\n{story}\n\n"
    print(text)
    if chosen.out:
        chosen.out.write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main()
