"""What something else changes: plan, data, model and run folder, between attempts and under a running one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.program import Program
from tests.runner.toy_plan import MakePlan, artefacts, edited

REFUSED, FAILED = 3, 5
SECRET = "correct-horse-battery"


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as handle:
        handle.write(text)


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "the plan": (lambda plan: edited(plan, lambda one: one["limits"].update(usd="99"), sealed=False), "tampered"),
    "the training rows": (lambda plan: add(plan.parent / "train.jsonl", "\n"), "changed: train.jsonl"),
    "the test rows": (lambda plan: add(plan.parent / "test.jsonl", "\n"), "changed: test.jsonl"),
    "the model": (lambda plan: add(plan.parent / "base" / "config.json", " "), "changed: base/config.json"),
    "a template beside the model": (
        lambda plan: add(plan.parent / "base" / "chat_template.jinja", "{{ messages }}"),
        "unlisted: base/chat_template.jinja",
    ),
    "weights that are a pickle": (
        lambda plan: add(plan.parent / "base" / "model.bin", "x"),
        "executable: base/model.bin",
    ),
    "another plan in the same folder": (
        lambda plan: edited(plan, lambda one: one["limits"].update(usd="99")),
        "folder: the run folder belongs to plan",
    ),
}


@pytest.mark.parametrize(("tamper", "said"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_changed_between_two_attempts_is_refused_and_costs_nothing(
    program: Program, make_plan: MakePlan, tmp_path: Path, tamper: Callable[[Path], object], said: str
) -> None:
    plan, folder = make_plan(), tmp_path / "run"
    harm = {"do": ["SIGTERM"], "stage": "sft", "event": "step", "count": 8}
    assert program.run(plan, "--dir", folder, harm=harm).code == 75
    before = (folder / "ledger.jsonl").read_bytes()
    tamper(plan)
    ended = program.run(plan, "--dir", folder)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert said in ended.err
    assert (folder / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("stage", "event", "name"),
    [
        ("curate", "stage_started", "train.jsonl"),
        ("curate", "stage_started", "test.jsonl"),
        ("sft", "step", "base/config.json"),
    ],
)
def test_a_file_changed_under_a_running_stage_is_not_committed(
    program: Program, make_plan: MakePlan, tmp_path: Path, stage: str, event: str, name: str
) -> None:
    plan, folder = make_plan(), tmp_path / "run"
    assert program.run(plan, "--dir", tmp_path / "alone").code == 0
    path = plan.parent / name
    good = path.read_bytes()
    harm = {"do": "edit", "path": str(path), "text": " ", "stage": stage, "event": event}
    ended = program.run(plan, "--dir", folder, harm=harm)
    assert ended.code == REFUSED, ended.err
    assert f"changed: {name} was changed while the run was using it; restore the file and run again" in ended.err
    assert not (folder / "commits" / f"{stage}.json").exists()
    path.write_bytes(good)
    assert program.run(plan, "--dir", folder).code == 0
    assert artefacts(program.report(folder)) == artefacts(program.report(tmp_path / "alone"))


@pytest.mark.parametrize("name", ["lock", "ledger.jsonl", "sft", "curate/train.jsonl"])
def test_a_link_in_the_run_folder_is_never_written_through(
    program: Program, make_plan: MakePlan, tmp_path: Path, name: str
) -> None:
    plan, folder = make_plan(), tmp_path / "run"
    victim = tmp_path / "victim"
    if name == "sft":
        victim.mkdir()
    else:
        victim.write_text("a year of work", encoding="utf-8")
    harm = {"do": ["SIGKILL"], "stage": "curate", "event": "stage_started"}
    assert program.run(plan, "--dir", folder, harm=harm).code == -9
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(victim)
    ended = program.run(plan, "--dir", folder)
    assert ended.code == REFUSED, ended.err
    assert f"folder: {name} in the run folder leads elsewhere" in ended.err
    assert not list(victim.iterdir()) if name == "sft" else victim.read_text(encoding="utf-8") == "a year of work"


def test_no_secret_stays_in_what_a_failing_run_leaves_or_says(
    program: Program, make_plan: MakePlan, tmp_path: Path
) -> None:
    plan, folder = make_plan(), tmp_path / "run"
    key = "hf_" + "a1B2" * 8
    said = f"no answer from https://me:{SECRET}@models.example/x?token={SECRET}: Bearer {SECRET}, {key}, {SECRET}"
    harm = {"do": "raise", "text": said, "stage": "sft", "event": "step"}
    ended = program.run(plan, "--dir", folder, harm=harm, HF_TOKEN=SECRET)
    assert ended.code == FAILED, ended.err
    assert "no answer from https://[removed]@models.example/x?token=[removed]" in ended.err
    texts = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in [ended.out, ended.err, *texts] if SECRET in text or key in text]
    assert "RuntimeError" in (folder / "failure.txt").read_text(encoding="utf-8")


NAME = "[bold]loud[/bold] [/nothing] [link=file:///etc/passwd]here[/link] \x1b[31mred <b>x</b> | `y`"


@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_a_name_is_text_and_starts_no_markup(program: Program, make_plan: MakePlan, tmp_path: Path, form: str) -> None:
    def change(plan: dict[str, Any]) -> None:
        plan["scenario"]["name"] = plan["verdict"]["title"] = plan["verdict"]["reason"] = NAME
        plan["machine"]["name"] = plan["machine"]["rate_source"] = plan["base_model"]["name"] = NAME

    plan, folder = make_plan(steps=5, change=change), tmp_path / "run"
    for arguments in ((plan, "--dir", folder), (plan, "--dir", tmp_path / "dry", "--dry-run"), ("report", folder)):
        ended = program.run(*arguments, "--format", form)
        assert ended.code in (0, REFUSED), ended.err
        assert "Traceback" not in ended.err
        assert "\x1b" not in ended.out + ended.err, "no name may steer a terminal"
    told = json.loads(ended.out)["scenario"] if form == "json" else ended.out
    assert "[bold]loud" in told or "\\[bold\\]loud" in told, "shown as it is written"


def test_a_stage_that_hangs_is_ended_at_its_limit_and_the_run_goes_on(
    program: Program, make_plan: MakePlan, tmp_path: Path
) -> None:
    plan, folder = make_plan(), tmp_path / "run"
    slow = {"TOY_STEP_SECONDS": "60", "FAULTS_HANG_SECONDS": "0.5"}
    ended = program.run(plan, "--dir", folder, "--max-hours", "0.0003", **slow)  # 1.08 s; 1.1 x 1.08 + 0.5 is 1.7 s
    assert ended.code == 4
    assert 1.5 < ended.seconds < 20
    report = program.report(folder)
    assert [line["ended"] for line in report["attempts"]] == ["limit hours"]
    assert any("hours is past its limit, unheeded" in note for note in report["notes"])
    assert program.run(plan, "--dir", folder).code == 0
