"""The whole program as a process, with the toy engine: kills, signals, limits, two at once, and what it says."""

import hashlib
import json
import random
import signal
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runner.ledger import decode
from tests.runner.toy_plan import (
    MakePlan,
    artefacts,
    drive,
    finish,
    folder_of,
    kill,
    ref,
    report_of,
    row,
    start,
    write_rows,
)


def wait_for(process: Any, path: Path, event: str) -> None:
    """Wait until the run's ledger has a line of this event."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if any(f'"{event}"' in ledger.read_text(errors="replace") for ledger in path.parent.glob("run-*/ledger.jsonl")):
            return
        time.sleep(0.01)
    raise AssertionError(event, process.communicate(timeout=30))


def wait_for_lines(process: Any, path: Path, more: int) -> None:
    """Wait until the ledger has more than `more` lines beyond those it has now."""
    ledger = path.parent / f"run-{json.loads(path.read_text(encoding='utf-8'))['plan_id'][:12]}" / "ledger.jsonl"
    before = ledger.read_bytes().count(b"\n") if ledger.exists() else 0
    deadline = time.monotonic() + 60
    while not (ledger.exists() and ledger.read_bytes().count(b"\n") > before + more):
        if process.poll() is not None:
            raise AssertionError(process.communicate(timeout=30))
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_run_from_plan_to_verdict(make_plan: MakePlan) -> None:
    path = make_plan()
    code, out, err = drive(path, "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    assert report["ships"] is True
    assert report["state"] == "finished"
    assert report["quality"]["scores"]["base"]["value"] == 0
    assert report["quality"]["scores"]["tuned"]["value"] == 1
    assert [check["passed"] for check in report["quality"]["checks"]] == [True, True, True]
    assert report["totals"]["executed_steps"] == report["totals"]["unique_steps"] == 30
    money = report["money"]
    assert sum(map(Decimal, money["by_cause"].values())) == Decimal(money["difference_usd"])
    assert Decimal(money["actual_usd"]) == Decimal(report["attempts"][0]["usd"])
    assert "sft 30/30 steps" in err
    assert report == json.loads((folder_of(path) / "report.json").read_text(encoding="utf-8"))
    assert report == report_of(path)


def test_a_finished_run_is_not_run_or_billed_again(make_plan: MakePlan) -> None:
    path = make_plan()
    assert drive(path)[0] == 0
    before = (folder_of(path) / "ledger.jsonl").read_bytes()
    assert drive(path)[0] == 0
    assert (folder_of(path) / "ledger.jsonl").read_bytes() == before


def test_killed_at_ten_random_moments_the_artefact_is_the_same(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan(steps=300, save_every=7)
    assert drive(path, "--dir", tmp_path / "straight")[0] == 0
    straight = json.loads((tmp_path / "straight" / "report.json").read_text(encoding="utf-8"))
    moments = random.Random(20261121)
    for _ in range(10):
        process = start(path)
        wait_for_lines(process, path, moments.randrange(40))
        kill(process)
    code, _, err = drive(path)
    assert code == 0, err
    report = report_of(path)
    assert artefacts(report) == artefacts(straight)
    totals = report["totals"]
    assert totals["unique_steps"] == totals["planned_steps"] == 300
    assert totals["executed_steps"] >= 300
    assert totals["unique_tokens"] == straight["totals"]["unique_tokens"]
    assert Decimal(totals["usd"]) == sum(Decimal(line["usd"]) for line in report["attempts"])
    entries = decode((folder_of(path) / "ledger.jsonl").read_bytes(), report["plan_id"]).entries
    assert totals["executed_steps"] == sum(entry.event == "step" for entry in entries)
    killed = [line for line in report["attempts"] if line["ended"] == "killed"]
    assert len(killed) >= 8, "nearly every kill fell into a begun attempt"
    assert sum(map(Decimal, report["money"]["by_cause"].values())) == Decimal(report["money"]["difference_usd"])


@pytest.mark.parametrize(
    ("event", "name"), [("training_started", "SIGTERM"), ("checkpoint", "SIGINT"), ("rows", "SIGTERM")]
)
def test_a_signal_saves_and_exits_75_and_the_next_run_goes_on(make_plan: MakePlan, event: str, name: str) -> None:
    path = make_plan(steps=60, save_every=50)
    process = start(path, TOY_STEP_SECONDS="0.02" if event != "rows" else "0.1")
    wait_for(process, path, event)
    process.send_signal(getattr(signal, name))
    code, out, err = finish(process)
    assert code == 75, err
    assert f"stopped by {name}; everything so far is saved, run again to go on" in err
    assert "unfinished" in out
    code, _, err = drive(path)
    assert code == 0, err
    report = report_of(path)
    assert [line["ended"] for line in report["attempts"]] == [name, "finished"]
    assert report["totals"]["executed_steps"] == report["totals"]["unique_steps"] == 60, (
        "it was saved: nothing is redone"
    )


def test_a_second_signal_ends_at_once(make_plan: MakePlan) -> None:
    path = make_plan()
    process = start(path, TOY_STEP_SECONDS="20")
    wait_for(process, path, "training_started")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, _, _ = finish(process)
    assert (code, time.monotonic() - began < 5) == (75, True)
    assert drive(path)[0] == 0


def test_two_runs_on_one_folder_one_refused(make_plan: MakePlan) -> None:
    path = make_plan()
    first = start(path, TOY_STEP_SECONDS="0.1")
    wait_for(first, path, "step")
    code, out, err = drive(path)
    assert (code, out) == (3, "")
    assert f"is in use by process {first.pid} on " in err
    first.send_signal(signal.SIGTERM)
    assert finish(first)[0] == 75


def test_a_dead_holders_lock_is_taken_over_and_noted(make_plan: MakePlan) -> None:
    path = make_plan()
    process = start(path, TOY_STEP_SECONDS="0.1")
    wait_for(process, path, "step")
    kill(process)
    assert drive(path)[0] == 0
    assert any(f"took over the lock of process {process.pid}" in note for note in report_of(path)["notes"])


def test_a_failing_stage_exits_5_keeps_its_cost_and_goes_on_later(make_plan: MakePlan) -> None:
    path = make_plan()
    code, _, err = drive(path, TOY_FAIL_AT="13")
    assert code == 5
    assert "TrainingDivergedError: loss is nan at step 13" in err
    assert "Traceback" not in err
    assert "nan at step 13" in (folder_of(path) / "failure.txt").read_text(encoding="utf-8")
    assert Decimal(report_of(path)["totals"]["usd"]) > 0
    assert drive(path)[0] == 0
    totals = report_of(path)["totals"]
    assert (totals["executed_steps"], totals["unique_steps"]) == (
        30 + 2,
        30,
    )  # saved at 10, died in 13: 11 and 12 again


def test_answers_with_separators_of_other_scripts_are_accounted_for(make_plan: MakePlan) -> None:
    """U+2028, U+0085 and their like end a line of text to some readers; JSON writes them as they are."""

    def odd(number: int) -> dict[str, Any]:
        team = ("billing", "login")[number % 2]
        found = row(team, number)
        found["messages"][1]["content"] = f"to {team}\u2028floor\u00852\u2029\x0b\x0c\x1c\x1d\x1e end"
        return found

    def change(plan: dict[str, Any]) -> None:
        for role, first, rows in (("train", 0, 100), ("test", 1000, 40)):
            write_rows(root / f"odd-{role}.jsonl", [odd(first + n) for n in range(rows)])
            plan["data"][role] = ref(root, f"odd-{role}.jsonl")

    root = make_plan().parent
    code, out, err = drive(make_plan(change=change), "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    assert report["quality"]["rows"] == 40
    assert report["quality"]["scores"]["tuned"]["value"] == 1


def test_free_text_is_gated_by_how_near_it_comes(make_plan: MakePlan) -> None:
    path = make_plan(change=lambda plan: plan["gate"].update(metric="rouge_l", target=0.7))
    code, out, err = drive(path)
    assert code == 0, err
    quality = report_of(path)["quality"]
    assert quality["metric"] == "rouge_l"
    assert quality["scores"]["tuned"]["value"] == pytest.approx(1.0)  # the toy engine answers every row as expected
    assert "rouge_l 100.0 %" in " ".join(out.split())


def test_a_model_that_is_no_better_does_not_ship(make_plan: MakePlan) -> None:
    code, out, _ = drive(make_plan(steps=1, save_every=1), "--format", "markdown")
    assert code == 3
    assert "DOES NOT SHIP" in out
    assert "misses the target of 90.0 %" in out


def test_a_committed_stage_whose_file_changed_is_refused(make_plan: MakePlan) -> None:
    path = make_plan()
    assert drive(path)[0] == 0
    (folder_of(path) / "sft" / "output" / "counts.json").write_text("{}", encoding="utf-8")
    code, _, err = drive(path)
    assert code == 1
    assert "stage sft is committed, but sft/output/counts.json is missing or changed since" in err


CONFLICT = "asks what line 91 asks, and answers differently"


def test_too_many_bad_rows_are_refused_before_training(make_plan: MakePlan) -> None:
    path = make_plan()

    def change(plan: dict[str, Any]) -> None:
        rows = [row("billing", n) for n in range(90)]
        rows += [{"messages": [one["messages"][0], row("login", 1)["messages"][1]]} for one in rows[:5]]
        write_rows(path.parent / "rows.jsonl", rows)
        digest = hashlib.sha256((path.parent / "rows.jsonl").read_bytes()).hexdigest()
        plan["data"]["train"] = {"path": "rows.jsonl", "sha256": digest, "bytes": 1}

    path = make_plan(change=change)
    code, _, err = drive(path)
    assert code == 3
    assert "10 of 95 rows dropped: 10 conflict, more than 5.0%" in err
    listed = (folder_of(path) / "curate" / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(listed) == 10
    assert json.loads(listed[0]) == {"line": 1, "reason": "conflict", "detail": CONFLICT}


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_adapt_first_then_tune(make_plan: MakePlan, kind: str) -> None:
    def change(plan: dict[str, Any]) -> None:
        content = "".join(json.dumps({"text": f"a note on parcel {n}"}) + "\n" for n in range(20)).encode()
        (root / "texts.jsonl").write_bytes(content)
        plan["data"]["unlabelled"] = {
            "path": "texts.jsonl",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
        peak = {"peak_bytes": plan["stages"][1]["forecast"]["peak_bytes"]}
        adapt = {"name": "adapt", "train": {**plan["stages"][1]["train"], "max_steps": 10}, "forecast": peak}
        plan["stages"].insert(1, adapt)

    root = make_plan().parent
    path = make_plan(kind=kind, change=change)
    code, out, err = drive(path, "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    assert report["totals"]["unique_steps"] == 40
    assert report["data"]["texts"] == 20
    assert report["merge"]["merged"] is (kind == "lora")
    assert ("merged" in report["quality"]["scores"]) is (kind == "lora")
