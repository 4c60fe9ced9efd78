"""A run that is followed from another process: it ends with the run, tells a kill, and never takes the lock."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.disk import holder_lives, process_lives
from runner.ledger import LedgerFaultError
from runner.watch import LedgerTail
from tests.runner.test_run_whole import wait_for
from tests.runner.toy_plan import MakePlan, drive, finish, kill, start

SLOW = "0.05"  # seconds a step: a run that is still there when the watch begins


def test_it_follows_a_run_to_its_end_in_plain_lines(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan(steps=60)
    home = path.parent / "run-1"
    run = start(path, "--dir", home, TOY_STEP_SECONDS=SLOW)
    wait_for(run, path, "training_started")
    watch = start("watch", home)
    code, out, err = finish(watch)
    assert (code, err) == (0, "")
    assert finish(run)[0] == 0, "the watch took no lock, so the run went on to its end"
    lines = out.splitlines()
    assert lines[0].startswith("attempt 1 began ")
    assert "\r" not in out
    assert "\x1b" not in out
    assert any(line.startswith("sft 60/60 steps  loss ") for line in lines)
    assert any(line.startswith("evaluate 40/40 rows") for line in lines)
    assert "abplan ..." in lines
    assert "it ships" in lines
    assert lines[-1].startswith("attempt 1 ended ")
    assert "finished; 0.0" in lines[-1]
    usd = json.loads((home / "report.json").read_text(encoding="utf-8"))["totals"]["usd"]
    said = float(lines[-1].rpartition("; ")[2].removesuffix(" USD in all"))
    assert said == pytest.approx(float(usd), abs=1e-5)


def test_a_kill_is_told_and_the_next_attempt_is_followed_again(make_plan: MakePlan) -> None:
    path = make_plan(steps=60)
    home = path.parent / "run-1"
    run = start(path, "--dir", home, TOY_STEP_SECONDS=SLOW)
    wait_for(run, path, "checkpoint")
    watch = start("watch", home)
    time.sleep(0.6)
    kill(run)
    code, out, _ = finish(watch)
    assert code == 75
    assert "attempt 1 was killed: its process is gone" in out
    assert "run PLAN again and it goes on from the last commit" in out
    code, out, _ = drive("watch", home, "--once")
    assert (code, "attempt 1 was killed" in out) == (75, True)
    assert drive(path, "--dir", home)[0] == 0
    code, out, _ = drive("watch", home)
    assert (code, "attempt 2 ended" in out) == (0, True)


@pytest.mark.parametrize(
    ("environment", "arguments", "code", "said"),
    [
        ({"TOY_FAIL_AT": "7"}, [], 5, "failed TrainingDivergedError"),
        ({"TOY_STEP_SECONDS": "0.1"}, ["--max-usd", "0.0012"], 4, "limit usd"),  # 0.001 USD a second, 3 s of steps
    ],
)
def test_it_ends_with_the_runs_own_code(
    make_plan: MakePlan, environment: dict[str, str], arguments: list[str], code: int, said: str
) -> None:
    path = make_plan()
    home = path.parent / "run-1"
    assert drive(path, "--dir", home, *arguments, **environment)[0] == code
    found, out, _ = drive("watch", home)
    assert (found, said in out) == (code, True), out


def test_a_run_that_must_not_ship_is_refused_by_the_watch_too_and_a_terminal_gets_a_live_line(
    make_plan: MakePlan,
) -> None:
    path = make_plan(change=lambda plan: plan["gate"].update(min_gain=1.0))
    home = path.parent / "run-1"
    assert drive(path, "--dir", home)[0] == 3
    screen, terminal = os.openpty()
    command = [sys.executable, str(Path(__file__).parent / "toy_drive.py"), "watch", str(home)]
    assert subprocess.run(command, stdout=terminal, check=False, timeout=60).returncode == 3
    os.close(terminal)
    out = os.read(screen, 1 << 16).decode()
    os.close(screen)
    assert "\r\x1b[2Kmerge 40/40 rows" in out
    assert out.splitlines()[-1].startswith("attempt 1 ended ")


def test_once_shows_where_it_is_and_returns(make_plan: MakePlan) -> None:
    path = make_plan(steps=200)
    home = path.parent / "run-1"
    run = start(path, "--dir", home, TOY_STEP_SECONDS=SLOW)
    wait_for(run, path, "step")
    code, out, _ = drive("watch", home, "--once")
    assert (code, out.splitlines()[-1]) == (0, "running")
    assert "sft " in out
    os.kill(run.pid, signal.SIGTERM)
    assert finish(run)[0] == 75
    code, out, _ = drive("watch", home)
    assert (code, "SIGTERM" in out) == (75, True)


def test_a_tail_reads_whole_lines_only_and_holds_the_chain(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan()
    home = path.parent / "run-1"
    assert drive(path, "--dir", home)[0] == 0
    content, plan_id = (home / "ledger.jsonl").read_bytes(), json.loads(path.read_text(encoding="utf-8"))["plan_id"]
    half = len(content) // 2
    growing = tmp_path / "ledger.jsonl"
    growing.write_bytes(content[:half])
    tail = LedgerTail(growing, plan_id)
    first = tail.read()
    assert len(first) == content[:half].count(b"\n")
    assert tail.read() == []
    growing.write_bytes(content)
    assert len(first) + len(tail.read()) == content.count(b"\n") == tail.entries[-1].seq
    growing.write_bytes(content.replace(b'"stage": "curate"', b'"stage": "curatE"', 1))
    with pytest.raises(LedgerFaultError, match="does not follow from the line before it"):
        LedgerTail(growing, plan_id).read()


def test_a_process_lives_until_it_has_ended(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_lives(child.pid)
    child.communicate(b"\n", timeout=30)
    assert not process_lives(child.pid)
    assert not holder_lives(tmp_path / "lock"), "no lock, nobody"
