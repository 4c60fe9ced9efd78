"""What the runner's training costs beside a plain TRL script that does the same: same rows, steps, seeds, arithmetic.

    python -m benchmarks.overhead [--rounds 8] [--steps 60] [--out benchmarks/results/DATE-overhead.md]

Each arm is a fork of one process with the libraries loaded; the arms alternate (A B C, C B A, ...), so that what else
the machine does meets all of them. Wall and processor seconds, whole and of the training loop alone. What a checkpoint
costs is measured in an arm of its own, that saves after every step.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.overhead_arms import BATCH, STORY, act

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024**2
ARMS = ("bare", "run", "run as shipped", "run, saving each step")
HEAVY = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "pandas", "numpy", "httpx", "rich")


def forked(arm: str, rows: bytes, steps: int) -> dict[str, Any]:
    """Run one arm in a fork; return what it measured, with wall and processor seconds of all of it."""
    with tempfile.TemporaryDirectory(prefix="crossover-overhead-") as folder:
        work = Path(folder)
        (work / "train.jsonl").write_bytes(rows)
        began, pid = time.perf_counter(), os.fork()
        if pid == 0:
            code = 1
            with contextlib.suppress(KeyboardInterrupt):
                for number in (1, 2):
                    os.dup2(os.open(work / f"talk{number}", os.O_WRONLY | os.O_CREAT), number)
                (work / "told.json").write_text(json.dumps(act(arm, work, steps)))
                code = 0
            os._exit(code)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        if status:
            raise RuntimeError(f"{arm}: {(work / 'talk2').read_text(errors='replace')[-2000:]}")
        told = json.loads((work / "told.json").read_text())
        return {
            **told,
            "arm": arm,
            "wall": wall,
            "processor": used.ru_utime + used.ru_stime,
            "load": os.getloadavg()[0],
        }


def ratio(found: list[dict[str, Any]], arm: str, key: str) -> list[float]:
    """Return an arm's seconds over the bare script's, round by round, in order of size."""
    sides = {name: [one[key] for one in found if one["arm"] == name] for name in ("bare", arm)}
    return sorted(mine / plain for mine, plain in zip(sides[arm], sides["bare"], strict=True))


def loaded(code: str) -> list[str]:
    """Return which heavy packages a fresh process has loaded after `code`."""
    asked = f"import sys; {code}; print([one for one in {HEAVY!r} if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(told.stdout.strip().splitlines()[-1].replace("'", '"'))


STAGE_IMPORTS = {
    "run --help": "import runner.cli",
    "gate (plan read, judged)": "import runner.admission",
    "report, ledger, watch": "import runner.doors, runner.watch",
    "curate, A/B plan, account": "import runner.stages",
    "checkpoints, rows, template": "import runner.engines.checkpoints, runner.engines.data, runner.engines.template",
    "probe, train, evaluate, merge": "import runner.engines.trl",
}
"""What each part of a run imports, up to the first line of its own work."""


def line(*cells: object) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def compared(found: list[dict[str, Any]]) -> list[str]:
    """Return each arm beside the bare script: the median of the rounds' ratios, and the middle half of them."""
    lines = [line("arm", "processor s, loop", "processor s, whole", "wall s, loop", "wall s, whole", "mean loss"),
             line(*["---"] * 6)]  # fmt: skip
    keys = ("loop_processor", "processor", "loop_wall", "wall")
    for arm in ARMS:
        mine = [one for one in found if one["arm"] == arm]
        cells = [f"{statistics.median(one[key] for one in mine):.2f}" for key in keys]
        if arm != "bare":
            cells = [f"{cell} ({spread(ratio(found, arm, key))})" for cell, key in zip(cells, keys, strict=True)]
        lines.append(line(arm, *cells, f"{mine[0]['loss']:.6f}"))
    return lines


def spread(ratios: list[float]) -> str:
    """Return ratios as a difference in per cent: the median, and the middle half."""
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    return f"{statistics.median(ratios) - 1:+.1%}, {low - 1:+.1%} to {high - 1:+.1%}"


def own_share(found: list[dict[str, Any]]) -> str:
    """Return what the runner's own code takes of a step, clocked inside it."""
    mine = [one for one in found if one["arm"] == "run"]
    share = statistics.median(one["own"] / one["loop_processor"] for one in mine)
    milliseconds = 1000 * statistics.median(one["own"] / one["steps"] for one in mine)
    return (
        f"Clocked inside: checks, meter, ledger and screen take {milliseconds:.2f} ms of processor time "
        f"a step, {share:.2%} of the loop (target: 3 %)."
    )


def checkpoint_cost(found: list[dict[str, Any]]) -> str:
    """Return what one checkpoint costs, in seconds and per MiB."""
    saves = [save for one in found for save in one.get("saves", []) if "saving" in one["arm"]]
    mib = statistics.median(size for size, _ in saves) / MIB
    seconds = sorted(seconds for _, seconds in saves)
    per_mib = statistics.median(seconds) / mib
    high = seconds[int(0.9 * len(seconds))]
    return (
        f"A checkpoint (weights, optimizer, schedule, random state; hashed, flushed, committed, rotated) of {mib:.2f} "
        f"MiB takes {statistics.median(seconds):.3f} s ({high:.3f} s in nine of ten; {len(saves)} saves): "
        f"{per_mib:.3f} s a MiB here, most of it per file and not per byte (13 flushes to disk)."
    )


def page(found: list[dict[str, Any]], steps: int) -> str:
    """Return the whole page."""
    loads = [one["load"] for one in found]
    day = datetime.now(tz=UTC).date()
    rounds = len(found) // len(ARMS)
    lines = [
        f"# What `run` adds to a plain TRL script, {day}", "",
        f"{steps} QLoRA steps of {BATCH} rows of the default scenario on its base model, one thread, {rounds} rounds, "
        "arms alternating (`python -m benchmarks.overhead`). Load of this two-core machine while it ran: "
        f"{min(loads):.1f} to {max(loads):.1f}: the more, the less wall seconds tell; processor seconds hold "
        "longer. In brackets: beside the bare script, the median of the rounds and their middle half.", "",
        "`run` computes as the bare script does, so that only the meter, the ledger, the checks before each step and "
        "the reports differ; `as shipped` scores only the positions that are learned; `whole` holds loading, "
        "tokenising every row, and saving too.", "",
        *compared(found), "", own_share(found), "", checkpoint_cost(found), "",
        "Heavy packages loaded by each part, in a fresh process:", "",
        line("part", "loads"), line("---", "---"),
        *(line(part, ", ".join(loaded(code)) or "none") for part, code in STAGE_IMPORTS.items()), "",
    ]  # fmt: skip
    return "\n".join(lines)


def measure(rounds: int, steps: int, told: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
    """Run every arm once a round, forwards and backwards in turn; `told` gets what there is after each round."""
    import runner.engines.trl  # noqa: F401  loaded before the forks, so that no arm pays for it

    rows = (STORY / "train.jsonl").read_bytes()
    found: list[dict[str, Any]] = []
    for number in range(rounds):
        for arm in ARMS if number % 2 == 0 else reversed(ARMS):
            found.append(forked(arm, rows, steps))
            one = found[-1]
            print(f"{arm:22} {one['loop_processor']:7.2f} s {one['processor']:7.2f} s {one['wall']:7.2f} s", flush=True)
        told(found)
    return found


def main() -> None:
    """Measure, and print the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=8)
    asked.add_argument("--steps", type=int, default=60)
    asked.add_argument("--out", type=Path, default=None)
    chosen = asked.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")

    def told(found: list[dict[str, Any]]) -> None:
        if chosen.out:
            chosen.out.write_text(page(found, chosen.steps), encoding="utf-8")

    print(page(measure(chosen.rounds, chosen.steps, told), chosen.steps))


if __name__ == "__main__":
    main()
