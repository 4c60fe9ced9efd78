"""Every fault in every stage of a real run, kill -9 a hundred times among them, against a run that nobody touched.

    python -m benchmarks.faults [--kills 100] [--kills-only] [--seed 1] [--work DIR] [--out FILE]

One run meets one kind of fault in each of its stages, one attempt a stage, and is then left to end. Kills: every stage
twice a pass, stages with models in them four times. The table is written anew after each run. Attempts are forks of
one process that has the libraries loaded, so that kills fall into work.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.fault_books import Attempt, attempts_of, books_hold, entries_of, halved
from benchmarks.fault_kinds import (
    KILL_MOMENT,
    KILL_WRITE,
    KILLED,
    KINDS,
    LEADS_ON,
    MODELS,
    SAVED,
    STEPS,
    USD_PER_HOUR,
    Kind,
    harm_of,
    small_plan,
)
from benchmarks.fault_table import page
from runner.planfile import read_plan
from tests.faults.program import Ending, Program, struck

DISK = "disk"
DISK_MIB = 96
"""Room for a run of some 40 MiB; small, so that it can be filled."""
MOST_ATTEMPTS = 40
INSIDE = "CROSSOVER_FAULTS_INSIDE"


@dataclass
class Strike:
    """One fault asked for in a stage: where it struck (None: nowhere), how that attempt ended, how the next began."""

    kind: str
    asked: str
    stage: str | None
    code: int
    as_wanted: bool
    resume_seconds: float | None = None
    lost_steps: int = 0
    before_commit: bool = False


@dataclass
class Told:
    """One run of the campaign: its strikes, what does not hold in the end, and seconds outside and in the books."""

    kind: str
    strikes: list[Strike] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    outside_seconds: float = 0.0
    billed_seconds: float = 0.0
    unbooked_seconds: float = 0.0
    executed_steps: int = 0
    unique_steps: int = 0
    smaller_batches: bool = False


class Campaign:
    """The plan, the program and an untouched run to compare with."""

    def __init__(self, program: Program, plan: Path, work: Path, rng: random.Random) -> None:
        self.program, self.plan, self.work, self.rng = program, plan, work, rng
        found = read_plan(plan.read_bytes()).plan
        assert found is not None
        self.document = found
        self.stages = [stage.name for stage in found.stages]
        ended = self.attempt(work / "untouched", {"tally": True, "do": [], "event": "never"})
        self.code, self.seconds = ended.code, ended.seconds
        self.straight = program.report(work / "untouched")
        self.writes: dict[str, int] = json.loads((work / "untouched.writes").read_text(encoding="utf-8"))
        self.stage_seconds = {line["name"]: line["seconds"] for line in self.straight["stages"]}

    def attempt(self, folder: Path, harm: dict[str, Any] | None = None) -> Ending:
        """Run one attempt to its end."""
        return self.program.run(self.plan, "--dir", folder, "--usd-per-hour", USD_PER_HOUR, harm=harm)

    def harmed(self, kind: Kind, stage: str, folder: Path) -> Ending:
        """Run one attempt with the fault in this stage."""
        seconds, writes = self.stage_seconds[stage], self.writes.get(stage, 1)
        harm = harm_of(kind, stage, seconds, writes, self.rng)
        if harm["do"] != "hold":
            return self.attempt(folder, harm)
        started = self.program.start(self.plan, "--dir", folder, "--usd-per-hour", USD_PER_HOUR, harm=harm)
        mark = folder.parent / f"{folder.name}.struck"
        while not mark.exists() and Path(f"/proc/{started[0]}/stat").read_text(encoding="utf-8").split()[2] != "Z":
            time.sleep(0.01)
        second = self.attempt(folder)
        release = folder.with_name(f"{folder.name}.release")
        release.touch()
        ended = self.program.wait(started)
        release.unlink()
        refused = second.code == 3 and f"is in use by process {started[0]}" in second.err
        return ended if refused else Ending(second.code, ended.seconds, ended.out, f"second run: {second.err}")

    def run(self, kind: Kind, moments: list[tuple[Kind, str]], folder: Path) -> Told:
        """Harm a run at each of these moments, let it end, and compare."""
        told, open_strikes = Told(kind.name), dict[int, Strike]()
        for one, stage in moments:
            if (folder / "commits" / f"{stage}.json").exists():
                continue  # an earlier kill came after its commit
            booked = len(attempts_of(entries_of(folder)))
            ended = self.harmed(one, stage, folder)
            where = struck(folder)
            missed = where is None and ended.code == self.code
            strike = Strike(one.name, stage, where, ended.code, missed or self.as_wanted(one, stage, ended.code))
            after(one, folder)
            self.book(told, folder, booked, ended)
            told.strikes.append(strike)
            open_strikes[len(attempts_of(entries_of(folder)))] = strike
            if not strike.as_wanted:
                told.broken.append(f"{one.name} in {stage}: exit {ended.code}: {ended.err.strip()[-200:]}")
        self.end(told, folder)
        for number, strike in open_strikes.items():
            take_up(strike, attempts_of(entries_of(folder)), number)
        return told

    def as_wanted(self, kind: Kind, stage: str, code: int) -> bool:
        """Return whether an attempt may end so: as its kind says, or by the kill that follows it."""
        return code in kind.endings or (stage in LEADS_ON and code == KILLED)

    def book(self, told: Told, folder: Path, booked: int, ended: Ending) -> None:
        """Add an attempt's seconds, as seen from outside; one that never wrote a line is unbooked."""
        if len(attempts_of(entries_of(folder))) == booked:
            told.unbooked_seconds += ended.seconds
        else:
            told.outside_seconds += ended.seconds

    def end(self, told: Told, folder: Path) -> None:
        """Run until it is finished, and check the books."""
        for _ in range(MOST_ATTEMPTS):
            booked = len(attempts_of(entries_of(folder)))
            ended = self.attempt(folder)
            self.book(told, folder, booked, ended)
            if ended.code not in (SAVED,):
                break
        if ended.code != self.code:
            told.broken.append(f"ended with {ended.code}, the untouched run with {self.code}: {ended.err[-200:]}")
        report = self.program.report(folder)
        told.broken += books_hold(report, self.straight, self.document)
        told.billed_seconds = sum(one.billed_seconds for one in attempts_of(entries_of(folder)))
        told.smaller_batches = halved(report)
        told.executed_steps = report["totals"]["executed_steps"]
        told.unique_steps = report["totals"]["unique_steps"]


def told_of(document: dict[str, Any]) -> Told:
    """Return a run as a campaign printed it."""
    return Told(**{**document, "strikes": [Strike(**one) for one in document["strikes"]]})


def take_up(strike: Strike, attempts: list[Attempt], number: int) -> None:
    """Note how the attempt after a strike went on."""
    if number < len(attempts):
        following = attempts[number]
        strike.resume_seconds, strike.lost_steps = following.resume_seconds, following.lost_steps
        strike.before_commit = following.before_commit and "bit flipped" not in strike.kind


def after(kind: Kind, folder: Path) -> None:
    """Put right what a person would (room on the disk), or spoil what the kind spoils between attempts."""
    (folder.parent / "filler").unlink(missing_ok=True)
    if "bit flipped" in kind.name:
        newest = max(
            folder.glob("*/checkpoints/step-*/adapter_model.safetensors"), key=lambda path: path.stat().st_mtime
        )
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes(bytes(content))


def kills(stages: list[str]) -> list[tuple[Kind, str]]:
    """Return one pass of kills in the stages' order."""
    return [(kind, stage) for stage in stages for kind in (KILL_MOMENT, KILL_WRITE) * (2 if stage in MODELS else 1)]


def runs(campaign: Campaign, wanted: int, others: bool) -> Iterator[Told]:
    """Yield every run of the campaign: so many kills, then each other kind once."""
    disk, left = campaign.work / DISK, wanted
    while left > 0:
        told = campaign.run(KILL_MOMENT, kills(list(campaign.stages)), disk / "run")
        left -= len(told.strikes)
        yield told
        shutil.rmtree(disk / "run")
    for kind in KINDS[: None if others else 0]:
        stages = [stage for stage in campaign.stages if kind.stages is None or stage in kind.stages]
        yield campaign.run(kind, [(kind, stage) for stage in stages], disk / "run")
        shutil.rmtree(disk / "run")


def on_a_small_disk(work: Path) -> None:
    """Start again in a mount namespace of its own, with a small disk below `work`."""
    (work / DISK).mkdir(parents=True, exist_ok=True)
    mount = f'mount -t tmpfs -o size={DISK_MIB}m tmpfs {work / DISK} && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", mount, "-", sys.executable, "-m", "benchmarks.faults", *sys.argv[1:]]
    os.execvpe(command[0], [*command, "--work", str(work)], {**os.environ, INSIDE: "1"})


def main() -> None:
    """Run the campaign."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=100)
    asked.add_argument("--kills-only", action="store_true")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--table", type=Path, nargs="+", help="only write the page of campaigns that printed these")
    asked.add_argument("--work", type=Path, default=None)
    asked.add_argument("--out", type=Path, default=None)
    chosen = asked.parse_args()
    if chosen.table:
        lines = [line for path in chosen.table for line in path.read_text(encoding="utf-8").splitlines()]
        told = [told_of(json.loads(line)) for line in lines if line.startswith('{"kind"')]
        seconds = next(float(line.split()[1]) for line in lines if line.startswith("untouched: "))
        chosen.out.write_text(page(datetime.now(tz=UTC).date(), told, seconds, chosen.seed, STEPS), encoding="utf-8")
        return
    work = chosen.work or Path(tempfile.mkdtemp(prefix="crossover-faults-"))
    if INSIDE not in os.environ:
        on_a_small_disk(work.resolve())
    plan, told = small_plan(work), list[Told]()
    with Program("trl", work / "talk") as program:
        campaign = Campaign(program, plan, work, random.Random(chosen.seed))
        print(f"untouched: {campaign.seconds:.1f} s, exit {campaign.code}", flush=True)
        for one in runs(campaign, chosen.kills, not chosen.kills_only):
            told.append(one)
            print(json.dumps(asdict(one)), flush=True)
            if chosen.out:
                day = datetime.now(tz=UTC).date()
                chosen.out.write_text(page(day, told, campaign.seconds, chosen.seed, STEPS), encoding="utf-8")


if __name__ == "__main__":
    main()
