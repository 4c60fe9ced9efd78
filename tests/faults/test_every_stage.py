"""Each fault strikes once in every stage of one run; left alone afterwards, the run ends as if nothing had been."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.program import Ending, Program, struck
from tests.runner.toy_plan import MakePlan, artefacts

STAGES = ("curate", "sft", "evaluate", "merge", "abplan", "account")
FREE = ("abplan", "account")  # a signal does not stop before them
LEADS_ON = ("merge", *FREE)  # so an attempt that outlives its harm is ended by a kill after these
FIRST = {"sft": "step", "evaluate": "rows"}
STEPS, SAVE_EVERY = 30, 5
KILLED, SAVED, FAILED = -9, 75, 5


@dataclass(frozen=True)
class Runs:
    """A plan, a program, the report of a run left alone, and the folder to harm one in."""

    program: Program
    plan: Path
    straight: dict[str, Any]
    folder: Path

    def attempt(self, harm: dict[str, Any] | None = None) -> Ending:
        return self.program.run(self.plan, "--dir", self.folder, harm=harm)

    def through(self, harm: dict[str, Any], stages: tuple[str, ...] = STAGES) -> list[int]:
        """Harm one attempt in each stage; return how each ended."""
        codes: list[int] = []
        for stage in stages:
            last = "SIGKILL" if stage in LEADS_ON else "SIGTERM"
            event = {} if "write" in harm else {"event": harm.get("event") or FIRST.get(stage, "stage_started")}
            codes.append(self.attempt({"last": last, **harm, "stage": stage, **event}).code)
            assert struck(self.folder) == stage
        return codes

    def end(self) -> dict[str, Any]:
        """Let it end; its books and its artefacts must be those of a run left alone."""
        ended = self.attempt()
        assert ended.code == 0, ended.err
        report = self.program.report(self.folder)
        assert artefacts(report) == artefacts(self.straight)
        assert report["quality"] == self.straight["quality"]
        totals = report["totals"]
        assert totals["unique_steps"] == totals["planned_steps"] == STEPS
        assert totals["unique_tokens"] == self.straight["totals"]["unique_tokens"]
        assert Decimal(totals["usd"]) == sum(Decimal(line["usd"]) for line in report["attempts"])
        assert sum(map(Decimal, report["money"]["by_cause"].values())) == Decimal(report["money"]["difference_usd"])
        return report


@pytest.fixture
def runs(program: Program, make_plan: MakePlan, tmp_path: Path) -> Runs:
    return prepared(program, make_plan(steps=STEPS, save_every=SAVE_EVERY), tmp_path / "alone", tmp_path / "run")


def prepared(program: Program, plan: Path, alone: Path, folder: Path) -> Runs:
    ended = program.run(plan, "--dir", alone)
    assert ended.code == 0, ended.err
    return Runs(program, plan, program.report(alone), folder)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_in_every_stage_loses_nothing(runs: Runs, name: str) -> None:
    codes = runs.through({"do": [name]})
    assert codes == [KILLED if stage in FREE else SAVED for stage in STAGES]
    report = runs.end()
    assert report["totals"]["executed_steps"] == STEPS, "saved before it stopped: nothing is done twice"


@pytest.mark.parametrize("names", [["SIGTERM", "SIGTERM"], ["SIGINT", "SIGTERM"]])
def test_a_second_signal_in_every_stage_ends_at_once_and_is_survived(runs: Runs, names: list[str]) -> None:
    assert runs.through({"do": names}) == [SAVED] * len(STAGES)
    report = runs.end()
    assert report["totals"]["executed_steps"] == STEPS + 1, "one step was done and not yet saved"


@pytest.mark.parametrize("write", [1, 2, 3, 5])
def test_kill_9_at_a_write_of_every_stage(runs: Runs, write: int) -> None:
    """The n-th flush or rename of each stage: inside its files, its commit, or between commit and ledger."""
    assert runs.through({"do": ["SIGKILL"], "write": write, "last": "SIGKILL"}) == [KILLED] * len(STAGES)
    report = runs.end()
    assert [line["ended"] for line in report["attempts"]][-1] == "finished"
    assert report["totals"]["executed_steps"] <= STEPS + SAVE_EVERY


def test_no_memory_in_every_stage_ends_with_5_and_its_cost(runs: Runs) -> None:
    assert runs.through({"do": "memory", "write": 1}) == [FAILED] * len(STAGES)
    report = runs.end()
    failed = [line for line in report["attempts"] if line["ended"] == "failed MemoryError: no memory (injected)"]
    assert len(failed) == len(STAGES)
    assert all(Decimal(line["usd"]) > 0 for line in failed)


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_a_jump_of_the_wall_clock_in_every_stage_moves_no_money(runs: Runs, jump: int) -> None:
    codes = runs.through({"do": "clock", "jump": jump})
    assert codes == [KILLED if stage in LEADS_ON else SAVED for stage in STAGES]
    report = runs.end()
    assert Decimal(report["totals"]["usd"]) < Decimal("0.05"), "at 3.60 USD an hour a day more would be 86.40"
    assert all(0 < line["seconds"] < 30 for line in report["attempts"])


@pytest.mark.parametrize("leave", [0, 5_000])
def test_a_full_disk_in_every_stage_ends_with_5_and_goes_on_when_there_is_room(
    small_disk: tuple[Program, Path], make_plan: MakePlan, tmp_path: Path, leave: int
) -> None:
    program, disk = small_disk
    inside = Path(*disk.parts[4:]) if disk.parts[3] == "root" else disk  # without /proc/PID/root
    plan = make_plan(steps=STEPS, save_every=SAVE_EVERY)
    runs = prepared(program, plan, tmp_path / "alone", Path("/") / inside / f"run-{leave}")
    for stage in STAGES:
        harm = {"do": "fill", "leave": leave, "stage": stage, "event": FIRST.get(stage, "stage_started")}
        ended = runs.attempt({**harm, "last": "SIGKILL"})
        if leave == 0:
            assert ended.code == FAILED, (stage, ended)
            assert "the disk failed" in ended.err
        assert ended.code in (FAILED, KILLED), (stage, ended)
        assert "Traceback" not in ended.err
        for leftover in ("filler", f"run-{leave}.struck"):
            (disk / leftover).unlink()
    assert runs.end()["totals"]["executed_steps"] <= STEPS + SAVE_EVERY
