"""Rows, ledgers and checkpoints that are damaged, and the books that must hold all the same."""

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.budget import Budget
from runner.disk import AppendFile, LockedError, locked
from runner.ledger import Entry, Ledger, decode
from runner.redact import redacted
from runner.replay import replay
from tests.faults.program import Program
from tests.runner.test_meter import SetClock, meter_at
from tests.runner.toy_plan import TEAMS, MakePlan, ref, row

PLAN = "a" * 64
MIB = 1_048_576


def damaged_rows(rows: int) -> bytes:
    """Good rows under a byte order mark with CRLF, then one of each kind that cannot be read; the last is cut off."""
    good = [json.dumps(row(TEAMS[n % 4], n)).encode() for n in range(rows)]
    twice = good[0][:-1] + b', "messages": []}'
    wide = json.dumps(row("billing", 7)).encode().replace(b"ticket", b"x" * (10 * MIB))
    bad = [
        good[1].replace(b"my", b"\x00my"),
        wide,
        twice,
        b'{"messages": NaN}',
        good[2].replace(b"my", b"\xff"),
        good[3][:40],
    ]
    return b"\xef\xbb\xbf" + b"\r\n".join([*good, *bad])


def test_a_run_on_damaged_rows_trains_on_the_good_ones_and_lists_the_others(
    program: Program, make_plan: MakePlan, tmp_path: Path
) -> None:
    def change(plan: dict[str, Any]) -> None:
        (root / "damaged.jsonl").write_bytes(damaged_rows(100))
        plan["data"]["train"] = ref(root, "damaged.jsonl")
        plan["gate"]["max_dropped_share"] = 0.06

    root = make_plan().parent
    plan, folder = make_plan(change=change), tmp_path / "run"
    ended = program.run(plan, "--dir", folder)
    assert ended.code == 0, ended.err
    found = program.report(folder)["data"]
    assert (found["rows"], found["kept"]) == (106, 100)
    dropped = [json.loads(line) for line in (folder / "curate" / "dropped.jsonl").read_bytes().splitlines()]
    said = {one["line"]: one["detail"] for one in dropped}
    assert list(said) == [101, 102, 103, 104, 105, 106]
    words = ("NUL byte", "over 1_048_576 bytes", "messages twice", "NaN, which is not JSON", "not UTF-8", "cut off")
    assert [word for word, detail in zip(words, said.values(), strict=True) if word not in detail] == []


def test_a_dataset_that_is_a_pickle_is_not_opened(program: Program, make_plan: MakePlan, tmp_path: Path) -> None:
    def change(plan: dict[str, Any]) -> None:
        (root / "rows.pkl").write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
        plan["data"]["train"] = ref(root, "rows.pkl")

    root = make_plan().parent
    ended = program.run(make_plan(change=change), "--dir", tmp_path / "run")
    assert ended.code == 3, ended.err
    assert "rows.pkl is no .jsonl, .json, .csv" in (tmp_path / "run" / "curate" / "dropped.jsonl").read_text()
    assert not (tmp_path / "ran").exists()


def test_a_flush_that_fails_leaves_a_ledger_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full disks of networks say so at the flush only: the line is in the file, and the caller is told no."""
    ledger = Ledger(tmp_path / "ledger.jsonl", PLAN)
    ledger.append("stage_started", Decimal(0), "w", {"stage": "sft"})
    flush = os.fsync

    def fails(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        ledger.append("checkpoint", Decimal(1), "w", {"step": 5})
    monkeypatch.setattr(os, "fsync", flush)
    ledger.append("attempt_ended", Decimal(2), "w", {"reason": "failed"})
    ledger.close()
    reading = decode((tmp_path / "ledger.jsonl").read_bytes(), PLAN)
    assert [(one.seq, one.event) for one in reading.entries] == [(1, "stage_started"), (2, "attempt_ended")]


@pytest.mark.parametrize("opened", [AppendFile, lambda path: locked(path).__enter__()])
def test_a_link_is_not_opened_for_writing(tmp_path: Path, opened: Any) -> None:
    (tmp_path / "victim").write_text("a year of work", encoding="utf-8")
    (tmp_path / "link").symlink_to("victim")
    with pytest.raises(OSError, match="symbolic links"):
        opened(tmp_path / "link")
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "a year of work"


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"[]", b'{"pid": "x"}', b"\xff{", b'{"pid": 1}', b"9" * 10_000])
def test_a_lock_file_of_any_content_neither_blocks_nor_crashes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lock"
    path.write_bytes(content)
    with locked(path), pytest.raises(LockedError), locked(path):
        pass


def attempt(number: int, clock: str, *events: tuple[str, str]) -> list[Entry]:
    machine = {"host": "h", "boot_id": "b", "clock": clock}
    rate = {"usd_per_hour": "3.60", "rate_source": "the plan", "rented": True}
    lines = [("attempt_started", "0"), *events]
    return [
        Entry(0, number, Decimal(at), "w", event, {**machine, **rate, "reason": "x", "stage": "sft"})  # type: ignore[arg-type]
        for event, at in lines
    ]


@pytest.mark.parametrize(
    ("next_clock", "seconds", "idle"),
    [
        ("110", "6", "4"),  # killed after 5 s and its heartbeat's second; then 4 s until the next attempt
        ("105.5", "5.5", "0"),  # the next attempt began before that second was over
        ("50", "5", "0"),  # the clock stands earlier than before: a machine set back; what was seen is billed, no more
    ],
)
def test_a_clock_set_back_bills_nothing_twice_and_nothing_below_zero(next_clock: str, seconds: str, idle: str) -> None:
    lines = [*attempt(1, "100", ("heartbeat", "5")), *attempt(2, next_clock, ("attempt_ended", "3"))]
    use = replay(replace(line, seq=number) for number, line in enumerate(lines, start=1))
    assert (use.attempts[0].seconds, use.idle_seconds) == (Decimal(seconds), Decimal(idle))
    assert use.seconds == Decimal(seconds) + Decimal(idle) + 3
    assert use.usd == (use.seconds * Decimal("0.001")).quantize(Decimal("0.000000001"))


def test_a_run_that_died_before_its_first_line_has_cost_nothing(
    program: Program, make_plan: MakePlan, tmp_path: Path
) -> None:
    assert replay([]).usd == 0
    plan, folder = make_plan(), tmp_path / "run"
    # the fourth rename or flush of a run is before its ledger: plan.json and run.json are there, ledger.jsonl is empty
    assert program.run(plan, "--dir", folder, harm={"do": ["SIGKILL"], "write": 8}).code == -9
    assert (folder / "run.json").exists()
    assert (folder / "ledger.jsonl").read_bytes() == b""
    report = program.report(folder)
    assert (report["state"], report["totals"]["usd"]) == ("unfinished: curate is next; last attempt: not started", "0")
    assert program.run("ledger", folder).code == 0
    assert program.run("watch", folder, "--once").code in (0, 75)
    assert program.run(plan, "--dir", folder).code == 0


@pytest.mark.parametrize(
    ("usd", "hours", "now", "overdue"),
    [
        ("1", "10", 1159.9, None),  # 1.1 x 1 USD is 1100 s at 0.001 USD a second, and a minute more
        ("1", "10", 1160.0, "usd"),
        ("10", "0.1", 455.9, None),  # 1.1 x 0.1 h is 396 s, and a minute more
        ("10", "0.1", 456.0, "hours"),
        ("10", "10", 1e4, None),
    ],
)
def test_when_a_limit_is_so_long_past_that_the_work_must_hang(
    tmp_path: Path, usd: str, hours: str, now: float, overdue: str | None
) -> None:
    when = SetClock(0.0)
    meter = meter_at(tmp_path / "l", when, 0.0, Budget(Decimal(usd), Decimal(hours)))
    when.now = now
    assert meter.overdue() == overdue
    meter.ledger.close()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no answer", "no answer"),
        ("got s3cr3t-value here", "got [MY_API_KEY removed] here"),
        ("https://me:pass@host/x?a=1&api_key=zz&b=2", "https://[removed]@host/x?a=1&api_key=[removed]&b=2"),
        ("Authorization: Bearer abcdefghij.klm", "Authorization: Bearer [removed]"),
        ("hf_abcdefghijkl1 and sk-abcdefghijkl2", "hf_[removed] and sk-[removed]"),
        ("step 3: loss nan, lower the learning rate (2 of 8 tokens, key=4)", None),
        ("debug is on, short", None),  # a value of fewer than 8 characters blanks nothing
    ],
)
def test_what_is_taken_out_of_an_error(text: str, left: str | None) -> None:
    environment = {"MY_API_KEY": "s3cr3t-value", "HOME": "no answer", "SECRET_FLAG": "on"}
    assert redacted(text, environment) == (text if left is None else left)
