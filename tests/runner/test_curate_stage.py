"""The stage curate on real files: each row kept or listed, held-out rows apart, pairs and texts beside, no secrets."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from advisor.plan import Plan, seal
from runner.curate_stage import do_curate
from runner.folder import RunFolder
from runner.models import Run
from runner.refusal import RefusedError
from tests.runner.toy_engine import ToyEngine
from tests.runner.toy_plan import TEAMS, Change, MakePlan, ref, row, write_rows

KEY = "ghp_" + "a1B2" * 9


def said(ask: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}], **more}


def curated(plan: Path, tmp_path: Path) -> tuple[dict[str, Any], Path]:
    """Curate a plan's data as the run does; no meter: nothing here is billed by the step."""
    found = Plan.model_validate_json(plan.read_bytes())
    (tmp_path / "run").mkdir()
    run = Run(
        found, plan.parent, RunFolder(tmp_path / "run", found.plan_id), cast("Any", ToyEngine()), cast("Any", None)
    )
    done = do_curate(run, found.stages[0])
    assert all(path.is_file() for path in done.outputs)
    return done.result, tmp_path / "run" / "curate"


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows_of(plan: dict[str, Any], root: Path, role: str, rows: list[dict[str, Any]]) -> None:
    write_rows(root / f"own_{role}.jsonl", rows)
    plan["data"][role] = ref(root, f"own_{role}.jsonl")


def train_rows(count: int = 100) -> list[dict[str, Any]]:
    return [row(TEAMS[n % 4], n) for n in range(count)]


def made(make_plan: MakePlan, tmp_path: Path, change: Change) -> Path:
    return make_plan(change=change) if (tmp_path / "plan").exists() else (make_plan(), make_plan(change=change))[1]


def test_every_row_is_kept_or_listed_with_its_reason(make_plan: MakePlan, tmp_path: Path) -> None:
    root = tmp_path / "plan"
    rows = [*train_rows(), said("write to ann@example.org", "to billing", source="mail", licence="own")]
    rows += [said(f"my key {KEY} is out", "to login"), row("login", 1001), said("word " * 60, "to login")]

    def change(plan: dict[str, Any]) -> None:
        rows_of(plan, root, "train", rows)
        plan["gate"]["max_dropped_share"] = 0.1

    result, home = curated(made(make_plan, tmp_path, change), tmp_path)
    assert (result["rows"], result["kept"]) == (104, 101)
    assert {name: count for name, count in result["dropped"].items() if count} == {
        "leak": 1, "secret": 1, "over_long": 1,
    }  # fmt: skip
    assert [(one["line"], one["reason"]) for one in read(home / "dropped.jsonl")] == [
        (102, "secret"), (103, "leak"), (104, "over_long"),
    ]  # fmt: skip
    assert result["test_rows_asked_in_train"] == 1
    assert result["personal"] == {"email": 1}
    assert read(home / "personal.jsonl") == [{"line": 101, "kinds": ["email"]}]
    manifest = json.loads((home / "manifest.json").read_bytes())
    assert manifest["sources"] == [
        {"source": "not stated", "licence": "own", "rows": 100},
        {"source": "mail", "licence": "own", "rows": 1},
    ]
    assert manifest["files"]["train"]["sha256"] == ref(root, "own_train.jsonl")["sha256"]
    assert not any(KEY in path.read_text(encoding="utf-8") for path in home.iterdir())
    assert not (home / "valid.jsonl").exists()
    # 100 rows of 8 words (ask 6, answer 2), and one of 3 + 2
    assert (result["tokens"], result["row_tokens"]["longest"]) == (805, 8)


def test_stated_validation_rows_are_used_but_for_those_of_another_side(make_plan: MakePlan, tmp_path: Path) -> None:
    valid = [row("billing", 500), row("login", 501), row("login", 1001), train_rows()[3]]
    path = made(make_plan, tmp_path, lambda plan: rows_of(plan, tmp_path / "plan", "valid", valid))
    result, home = curated(path, tmp_path)
    assert (result["kept"], result["valid_rows"], result["valid_from"]) == (100, 2, "data.valid")
    assert read(home / "valid.jsonl") == valid[:2]
    assert [(one["line"], one["reason"]) for one in read(home / "valid_dropped.jsonl")] == [(3, "leak"), (4, "leak")]


def test_without_any_a_share_is_held_out_by_hash_and_listed(make_plan: MakePlan, tmp_path: Path) -> None:
    def change(plan: dict[str, Any]) -> None:
        rows = [{**one, "customer_id": n % 30} for n, one in enumerate(train_rows(300))]
        rows_of(plan, tmp_path / "plan", "train", rows)
        plan["stages"][1]["train"]["evaluate_every_steps"] = 5

    result, home = curated(made(make_plan, tmp_path, change), tmp_path)
    assert result["valid_from"] == "data.train"
    assert result["valid_rows"] == result["dropped"]["held_out"] > 0
    assert result["rows"] == 300 == result["kept"] + sum(result["dropped"].values())
    places = {json.dumps(one): n for n, one in enumerate(train_rows(300))}
    customers = {
        name: {places[json.dumps(one)] % 30 for one in read(home / f"{name}.jsonl")} for name in ("train", "valid")
    }
    assert not customers["train"] & customers["valid"], "a customer is on one side"


def test_pairs_and_texts_are_curated_beside_the_same_test(make_plan: MakePlan, tmp_path: Path) -> None:
    good = {"prompt": "how are you", "chosen": "well", "rejected": "go away"}
    asked = row("billing", 1000)["messages"][0]["content"]
    pairs = [good, good, {**good, "rejected": "well"}, {**good, "prompt": asked}, {**good, "chosen": "so " * 60}]

    def change(plan: dict[str, Any]) -> None:
        rows_of(plan, tmp_path / "plan", "preferences", pairs)
        texts = [{"text": "a note"}, {"text": "A note!"}, {"text": asked}, {"text": "the other", "label": "to login"}]
        rows_of(plan, tmp_path / "plan", "unlabelled", texts)

    result, home = curated(made(make_plan, tmp_path, change), tmp_path)
    assert result["pairs"] == 1
    assert result["pairs_dropped"] == {"duplicate": 1, "fault": 1, "leak": 1, "over_long": 1}
    turn = [{"role": "user", "content": "how are you"}]
    answers = {name: [{"role": "assistant", "content": good[name]}] for name in ("chosen", "rejected")}
    assert read(home / "preferences.jsonl") == [{"prompt": turn, **answers}]
    assert read(home / "adapt.jsonl") == [{"text": "a note"}, {"text": "the other"}]


@pytest.mark.parametrize(
    ("extra", "refusal"),
    [
        ([said("what now", "to login"), said("what now", "to billing")] * 3, "6 of 106 rows dropped: 6 conflict"),
        ([said(f"my key {KEY} {n}", "to login") for n in range(6)], "6 of 106 rows dropped: 6 secret"),
        ([said(f"word{n} " * 60, "to login") for n in range(3)], "3 of 103 rows longer than max_length"),
    ],
)
def test_a_source_at_fault_is_refused_before_money_is_spent(
    extra: list[dict[str, Any]], refusal: str, make_plan: MakePlan, tmp_path: Path
) -> None:
    path = made(make_plan, tmp_path, lambda plan: rows_of(plan, tmp_path / "plan", "train", [*train_rows(), *extra]))
    with pytest.raises(RefusedError, match=refusal):
        curated(path, tmp_path)
    assert len(read(tmp_path / "run" / "curate" / "dropped.jsonl")) == len(extra)


def test_rows_that_only_nearly_repeat_are_left_out_and_refuse_nothing(make_plan: MakePlan, tmp_path: Path) -> None:
    long = "please tell me when the parcel with the two blue chairs and the lamp that I ordered will be here"
    extra = [said(long + end, "to shipping") for end in ("", "!", " now", "?", " ok", ".", " hm", "..", " or")]
    path = made(make_plan, tmp_path, lambda plan: rows_of(plan, tmp_path / "plan", "train", [*train_rows(), *extra]))
    result, _ = curated(path, tmp_path)
    assert (result["kept"], result["dropped"]["near_duplicate"]) == (101, 8)


def test_the_plan_of_these_tests_is_sealed(make_plan: MakePlan) -> None:
    document = json.loads(make_plan().read_bytes())
    assert seal(document) == document
