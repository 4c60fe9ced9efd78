"""The gate: each rule refuses alone, with its remedy, and all of them speak at once."""

import shutil
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.admission import Options, admit
from runner.gate import disk_needed_bytes
from runner.planfile import PlanFaultsError, read_plan
from runner.refusal import RefusedError
from tests.runner.toy_plan import LAST_DAY, MADE_ON, MakePlan, drive, edited, forecast, refusals

DAY = timedelta(days=1)


def test_a_good_plan_passes_on_its_last_day(make_plan: MakePlan) -> None:
    assert refusals(make_plan()) == []


def test_a_changed_byte_is_another_plan(make_plan: MakePlan) -> None:
    path = edited(make_plan(), lambda plan: plan["limits"].update(usd="11"), sealed=False)
    assert refusals(path) == ["tampered"]
    assert refusals(edited(path, lambda plan: plan.update(unknown_name=1), sealed=False)) == ["tampered"]


def test_a_name_of_a_later_minor_version_is_no_fault(make_plan: MakePlan) -> None:
    assert refusals(edited(make_plan(), lambda plan: plan.update(unknown_name=1, format_version="1.7"))) == []


def test_the_day_after_its_last_it_is_expired(make_plan: MakePlan) -> None:
    assert refusals(make_plan(), as_of=LAST_DAY + DAY) == ["expired"]


def test_the_day_before_it_was_made_is_too_early(make_plan: MakePlan) -> None:
    assert refusals(make_plan(), as_of=MADE_ON) == []
    assert refusals(make_plan(), as_of=MADE_ON - DAY) == ["early"]


@pytest.mark.parametrize(
    "version",
    [
        "2.0",
        "0.9",
        "abc",
        "v2.0",
        "v1.0",
        "",
        "1",
        "-2",
        "-1.0",
        "1e0",
        "1.",
        "1.0 ",
        "1.0\n",
        1.0,
        None,
        ["1.0"],
        "\uff11.0",
        "\u00b2",
        "9" * 5000 + ".0",
    ],
)
def test_another_version_is_refused_in_one_sentence_whatever_else_it_says(make_plan: MakePlan, version: object) -> None:
    path = edited(make_plan(), lambda plan: (plan.clear(), plan.update(format_version=version, new_shape=True)))
    with pytest.raises(RefusedError) as refused:
        admit(path, None, Options(LAST_DAY, packages=()))
    found = refused.value.refusals
    assert [one.rule for one in found] == ["version"]
    assert "this runner reads 1.x" in found[0].found
    assert len(str(found[0])) < 200
    code, out, err = drive(path, "--dry-run") if version == "abc" else (3, "", "")
    assert (code, out, "Traceback" in err) == (3, "", False)


def test_a_plan_without_a_version_is_refused(make_plan: MakePlan) -> None:
    assert refusals(edited(make_plan(), lambda plan: plan.pop("format_version"))) == ["version"]


@pytest.mark.parametrize("escape", ["/etc/hostname", "../train.jsonl", "a/../../b", "C:\\data", "a\\b"])
def test_a_path_out_of_the_folder_is_refused(make_plan: MakePlan, escape: str) -> None:
    assert refusals(edited(make_plan(), lambda plan: plan["data"]["train"].update(path=escape))) == ["outside"]


def test_a_link_out_of_the_folder_is_refused(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan()
    (tmp_path / "elsewhere.jsonl").write_bytes((path.parent / "train.jsonl").read_bytes())
    (path.parent / "train.jsonl").unlink()
    (path.parent / "train.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    assert refusals(path) == ["outside"]


@pytest.mark.parametrize("name", ["train.jsonl", "base"])
def test_links_in_a_circle_are_refused(make_plan: MakePlan, name: str) -> None:
    path = make_plan()
    found = path.parent / name
    found.rename(path.parent / "elsewhere")
    found.symlink_to("round")
    (path.parent / "round").symlink_to(name)
    expected = ["outside"] if name == "train.jsonl" else ["outside", "outside"]  # the folder, and the file in it
    assert refusals(path) == expected


def test_a_missing_or_changed_file_is_named(make_plan: MakePlan) -> None:
    path = make_plan()
    (path.parent / "test.jsonl").unlink()
    with (path.parent / "train.jsonl").open("a", encoding="utf-8") as handle:
        handle.write("\n")
    (path.parent / "base" / "config.json").write_text("{ }", encoding="utf-8")
    with pytest.raises(RefusedError) as refused:
        admit(path, None, Options(LAST_DAY, packages=()))
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


def test_too_little_disk_and_memory(make_plan: MakePlan) -> None:
    peak = forecast(1e18, "bytes")
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
        admit(make_plan(), None, Options(LAST_DAY, packages=("json", "no_such_package")))


@pytest.mark.parametrize(
    ("usd", "seconds", "rules"),
    [
        (20.0, 7200.0, []),  # lows are half: 10 USD of 10, 1 hour of 1
        (20.2, 7200.0, ["forecast"]),  # 10.10 USD at the least
        (20.0, 7300.0, ["forecast"]),  # 1.014 hours at the least
        (100.0, 1e6, ["forecast", "forecast"]),
    ],
)
def test_a_forecast_past_a_limit_even_at_its_low_end(
    make_plan: MakePlan, usd: float, seconds: float, rules: list[str]
) -> None:
    change = lambda plan: plan["forecast"].update(  # noqa: E731
        usd=forecast(usd, "usd"), seconds=forecast(seconds, "seconds")
    )
    path = edited(make_plan(), change)
    assert refusals(path) == rules
    raised = Options(LAST_DAY, Decimal(100), Decimal(500), raise_limit="it is worth it", packages=())
    assert admit(path, None, raised)[0].limits.usd == 10, "a recorded raise lets it in"


def test_a_card_that_is_not_here(make_plan: MakePlan) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has a card")
    assert refusals(edited(make_plan(), lambda plan: plan["machine"].update(card="H100"))) == ["memory"]


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
        lambda plan: (
            plan["verdict"].update(justified=False),
            plan.update(made_on="2026-03-01", expires_on="2026-03-31"),
        ),
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
