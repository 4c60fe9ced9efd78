"""The gate: each rule refuses alone, with its remedy, and all of them speak at once."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import seal
from runner.admission import Options, admit
from runner.gate import RefusedError, disk_needed_bytes
from runner.planfile import PlanFaultsError, read_plan
from tests.runner.toy_plan import MakePlan, drive

TODAY = date(2026, 5, 30)  # the toy plan's last day


def refusals(path: Path, folder: Path | None = None, as_of: date = TODAY, packages: tuple[str, ...] = ()) -> list[str]:
    """Return the names of the rules that refuse, in order."""
    try:
        admit(path, folder, Options(as_of, packages=packages))
    except RefusedError as refused:
        return [refusal.rule for refusal in refused.refusals if refusal.remedy]
    return []


def edited(path: Path, change: Callable[[dict[str, Any]], None], sealed: bool = True) -> Path:
    """Change a plan on disk; `sealed` gives it the id of its new content."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(seal(document) if sealed else document), encoding="utf-8")
    return path


def test_a_good_plan_passes_on_its_last_day(make_plan: MakePlan) -> None:
    assert refusals(make_plan()) == []


def test_a_changed_byte_is_another_plan(make_plan: MakePlan) -> None:
    path = edited(make_plan(), lambda plan: plan["limits"].update(usd="11"), sealed=False)
    assert refusals(path) == ["tampered"]
    assert refusals(edited(path, lambda plan: plan.update(unknown_name=1), sealed=False)) == ["tampered"]


def test_a_name_of_a_later_minor_version_is_no_fault(make_plan: MakePlan) -> None:
    assert refusals(edited(make_plan(), lambda plan: plan.update(unknown_name=1, format_version="1.7"))) == []


def test_the_day_after_its_last_it_is_expired(make_plan: MakePlan) -> None:
    assert refusals(make_plan(), as_of=date(2026, 5, 31)) == ["expired"]


@pytest.mark.parametrize(
    ("reason", "rules"), [(None, ["unjustified"]), ("  ", ["unjustified"]), ("we want to learn", [])]
)
def test_an_unjustified_plan_needs_a_recorded_reason(make_plan: MakePlan, reason: str | None, rules: list[str]) -> None:
    change = lambda plan: plan["verdict"].update(justified=False, override_reason=reason)  # noqa: E731
    assert refusals(edited(make_plan(), change)) == rules


def test_another_major_version_is_refused_whatever_else_it_says(make_plan: MakePlan) -> None:
    path = edited(make_plan(), lambda plan: (plan.clear(), plan.update(format_version="2.0", new_shape=True)))
    assert refusals(path) == ["version"]


@pytest.mark.parametrize("escape", ["/etc/hostname", "../train.jsonl", "a/../../b", "C:\\data", "a\\b"])
def test_a_path_out_of_the_folder_is_refused(make_plan: MakePlan, escape: str) -> None:
    assert refusals(edited(make_plan(), lambda plan: plan["data"]["train"].update(path=escape))) == ["outside"]


def test_a_link_out_of_the_folder_is_refused(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan()
    (tmp_path / "elsewhere.jsonl").write_bytes((path.parent / "train.jsonl").read_bytes())
    (path.parent / "train.jsonl").unlink()
    (path.parent / "train.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    assert refusals(path) == ["outside"]


def test_a_missing_or_changed_file_is_named(make_plan: MakePlan) -> None:
    path = make_plan()
    (path.parent / "test.jsonl").unlink()
    with (path.parent / "train.jsonl").open("a", encoding="utf-8") as handle:
        handle.write("\n")
    (path.parent / "base" / "config.json").write_text("{ }", encoding="utf-8")
    with pytest.raises(RefusedError) as refused:
        admit(path, None, Options(TODAY, packages=()))
    assert [(one.rule, one.found.split()[0]) for one in refused.value.refusals] == [
        ("changed", "train.jsonl"),
        ("missing", "test.jsonl"),
        ("changed", "base/config.json"),
    ]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("pytorch_model.bin", "executable"),
        ("optimizer.pt", "executable"),
        ("modeling_toy.PY", "executable"),
        ("sub/weights.pkl", "executable"),
        ("notes.md", "unlisted"),
        ("generation_config.json", "unlisted"),
    ],
)
def test_nothing_extra_lies_in_the_model_folder(make_plan: MakePlan, name: str, rule: str) -> None:
    path = make_plan()
    extra = path.parent / "base" / name
    extra.parent.mkdir(exist_ok=True)
    extra.write_bytes(b"x")
    assert refusals(path) == [rule]


def test_a_configuration_that_asks_for_code_is_refused(make_plan: MakePlan) -> None:
    def change(plan: dict[str, Any]) -> None:
        config = root / "base" / "config.json"
        config.write_text('{"auto_map": {"AutoModel": "evil.Model"}}', encoding="utf-8")
        plan["base_model"]["files"][0]["sha256"] = sha256(config.read_bytes()).hexdigest()

    root = make_plan().parent
    assert refusals(edited(root / "plan.json", change)) == ["executable"]


@pytest.mark.parametrize(
    ("licence", "consent", "count"), [("CC-BY-4.0", "given", 0), ("unknown", "given", 1), (" ", "Unknown", 2)]
)
def test_data_nobody_may_use(make_plan: MakePlan, licence: str, consent: str, count: int) -> None:
    path = edited(make_plan(), lambda plan: plan["data"].update(licence=licence, consent=consent))
    assert refusals(path) == ["licence"] * count


def test_too_little_disk_and_memory(make_plan: MakePlan) -> None:
    peak = {"value": 1e18, "low": 1.0, "high": 1e18, "unit": "bytes", "grade": "a", "basis": "b"}
    change = lambda plan: (  # noqa: E731
        plan["base_model"].update(parameters=10**18),
        plan["stages"][1]["forecast"].update(peak_bytes=peak),
    )
    assert refusals(edited(make_plan(), change)) == ["disk", "memory"]


@pytest.mark.parametrize(
    ("model_bytes", "parameters", "full", "checkpoints", "needed"),
    [
        (1000, 500, False, 2, 100 * 3 + 100 + 2000),  # three adapters' worth, the adapter, float32 export
        (1000, 500, True, 2, 3000 * 3 + 1000),  # weights and two moments three times, the result
    ],
)
def test_disk_needed_by_hand(model_bytes: int, parameters: int, full: bool, checkpoints: int, needed: int) -> None:
    assert disk_needed_bytes(model_bytes, parameters, full, checkpoints) == needed


def test_a_missing_package_names_the_extra(make_plan: MakePlan) -> None:
    with pytest.raises(RefusedError, match=r"not installed: no_such_package; pip install 'crossover\[run\]'"):
        admit(make_plan(), None, Options(TODAY, packages=("json", "no_such_package")))


def test_a_card_that_is_not_here(make_plan: MakePlan) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has a card")
    assert refusals(edited(make_plan(), lambda plan: plan["machine"].update(card="H100"))) == ["memory"]


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["sft", "curate"], 1),
        (["curate", "evaluate"], 1),  # needs sft
        (["curate", "sft", "sft", "account"], 1),
        (["curate", "adapt", "sft"], 2),  # no settings, no unlabelled text
    ],
)
def test_stages_out_of_order_are_refused(make_plan: MakePlan, names: list[str], count: int) -> None:
    def change(plan: dict[str, Any]) -> None:
        known = {stage["name"]: stage for stage in plan["stages"]}
        plan["stages"] = [known.get(name, {"name": name, "forecast": {}}) for name in names]

    assert refusals(edited(make_plan(), change)) == ["stages"] * count


def test_a_folder_of_another_plan_or_of_no_run_is_refused(make_plan: MakePlan, tmp_path: Path) -> None:
    path, folder = make_plan(), tmp_path / "somewhere"
    folder.mkdir()
    assert refusals(path, folder) == []
    (folder / "run.json").write_text('{"plan_id": "another"}', encoding="utf-8")
    assert refusals(path, folder) == ["folder"]
    (folder / "run.json").unlink()
    (folder / "thesis.tex").write_text("x", encoding="utf-8")
    assert refusals(path, folder) == ["folder"]


def test_all_refusals_come_at_once_on_the_command_line(make_plan: MakePlan) -> None:
    path = edited(
        make_plan(),
        lambda plan: (plan["verdict"].update(justified=False), plan.update(expires_on="2026-03-02")),
        sealed=False,
    )
    (path.parent / "train.jsonl").unlink()
    (path.parent / "base" / "evil.py").write_text("x", encoding="utf-8")
    code, out, err = drive(path)
    assert (code, out) == (3, "")
    assert "refused, 5 reasons:" in err
    rules = [line.split(":")[0].strip() for line in err.splitlines() if line.startswith("  ")]
    assert rules == ["tampered", "expired", "unjustified", "missing", "executable"]
    assert not list(path.parent.glob("run-*")), "nothing was begun"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a plan"),
        (b"{", "is not a plan"),
        (b"[1]", "holds a list; wanted a JSON object"),
        (b'{"a": 1, "a": 2}', "the name 'a' is given twice"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1e999}', "is not a plan"),
        (b'{"a": "\\ud800"}', "is not a plan"),
        (b"[" * 100_000, "is not a plan"),
        (b"\xff\xfe\x00", "is not a plan"),
    ],
)
def test_what_is_no_plan_says_so(content: bytes, said: str) -> None:
    with pytest.raises(PlanFaultsError, match=said):
        read_plan(content)


def test_every_fault_of_the_schema_has_its_place(make_plan: MakePlan) -> None:
    path = edited(
        make_plan(),
        lambda plan: (plan["stages"][1]["train"].update(max_steps=0), plan["limits"].pop("usd")),
    )
    code, out, err = drive(path)
    assert (code, out) == (1, "")
    assert "plan.json  stages.1.train.max_steps is 0; wanted: Input should be greater than 0" in err
    assert "plan.json  limits.usd is absent" in err
