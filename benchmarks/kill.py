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
FIRST_SECONDS = 8.0
"""The earliest kill: libraries are loaded and the run has begun."""
LATEST_SHARE = 0.4
"""The latest kill, as a share of an untouched run: most runs then meet several before their end."""


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


def kill_after(plan: Path, folder: Path, seconds: float) -> str | None:
    """Start the run and kill -9 it after so many seconds; return its last progress, None if it had ended before."""
    started = subprocess.Popen(
        command("runner.cli", str(plan), "--dir", str(folder)), cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        started.wait(seconds)
        return None
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


def campaign(
    plan: Path, work: Path, seconds: float, kills: int, seed: int
) -> tuple[list[tuple[float, str]], list[Path]]:
    """Kill so often at random moments; a run that ended before its kill is left, and another one is started."""
    rng = random.Random(seed)
    rows: list[tuple[float, str]] = []
    folders = [work / "killed-1"]
    while len(rows) < kills:
        moment = rng.uniform(FIRST_SECONDS, max(2 * FIRST_SECONDS, seconds * LATEST_SHARE))
        progress = kill_after(plan, folders[-1], moment)
        if progress is None:
            folders.append(work / f"killed-{len(folders) + 1}")
            continue
        rows.append((moment, progress))
        print(rows[-1], flush=True)
    return rows, folders


def table(kills: list[tuple[float, str]], straight: dict[str, Any], runs: list[tuple[int, dict[str, Any]]]) -> str:
    """Return the comparison as Markdown."""
    lines = [
        "| killed after | last progress |",
        "|---|---|",
        *(f"| {moment:.1f} s | {text} |" for moment, text in kills),
    ]
    lines += ["", "| run | exit | attempts | unique steps | executed | billed USD | sum of attempts | variance sums | "
              "same files (sha256) |", "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, code, run in [("untouched", 0, straight), *((f"killed {n + 1}", *one) for n, one in enumerate(runs))]:
        total = run["totals"]
        billed = sum((Decimal(line["usd"]) for line in run["attempts"]), Decimal(0))
        by_cause = sum((Decimal(line["usd"]) for line in run["money"]["lines"]), Decimal(0))
        sums = by_cause == Decimal(run["money"]["difference_usd"])
        lines.append(
            f"| {name} | {code} | {total['attempts']} | {total['unique_steps']} of {total['planned_steps']} | "
            f"{total['executed_steps']} | {total['usd']} | {billed == Decimal(total['usd'])} | {sums} | "
            f"{weights(run) == weights(straight)} |"
        )
    lines += ["", *(f"- `{path}` {digest}" for path, digest in weights(straight).items())]
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
    kills, folders = campaign(plan, work, seconds, chosen.kills, chosen.seed)
    runs = [(finish(plan, folder)[1], report(folder)) for folder in folders]
    text = table(kills, report(work / "untouched"), runs)
    today = datetime.now(tz=UTC).date()
    story = f"{chosen.kills} kills at random moments (seed {chosen.seed}), two cores."
    head = f"# kill -9 of the default run, {today}\n\n{story}\n\n"
    print(text)
    if chosen.out:
        chosen.out.write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main()
