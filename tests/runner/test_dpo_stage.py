"""Preferences in a whole run: off without enough pairs or held-out rows, kept only where the metric does not fall."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from runner.metrics import score
from tests.runner.toy_plan import TEAMS, Change, MakePlan, drive, folder_of, forecast, row, write_rows

PAIRS = 120


def add_file(root: Path, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    write_rows(root / name, rows)
    content = (root / name).read_bytes()
    return {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "rows": len(rows)}


def pair(number: int, right: bool) -> dict[str, Any]:
    """A ticket with its own team and the next one; `right` prefers its own."""
    ask, answer = row(TEAMS[number % 4], number)["messages"]
    other = row(TEAMS[(number + 1) % 4], number)["messages"][1]
    chosen, rejected = (answer, other) if right else (other, answer)
    return {"prompt": [ask], "chosen": [chosen], "rejected": [rejected]}


def with_dpo(root: Path, pairs: int, right: bool = True, valid: bool = True) -> Change:
    def change(plan: dict[str, Any]) -> None:
        plan["data"]["preferences"] = add_file(root, "pairs.jsonl", [pair(n, right) for n in range(3000, 3000 + pairs)])
        if valid:
            plan["data"]["valid"] = add_file(root, "valid.jsonl", [row(TEAMS[n % 4], n) for n in range(2000, 2024)])
        sft = plan["stages"][1]
        steps = {"steps": forecast(sft["train"]["max_steps"], "steps"), "peak_bytes": sft["forecast"]["peak_bytes"]}
        plan["stages"].insert(2, {"name": "dpo", "train": sft["train"], "preference": {}, "forecast": steps})

    return change


def run_of(make_plan: MakePlan, **wanted: Any) -> tuple[dict[str, Any], Path]:
    path = make_plan(change=with_dpo(make_plan().parent, **wanted))
    code, out, err = drive(path, "--format", "json")
    assert code == 0, err
    return json.loads(out), folder_of(path)


def test_it_is_skipped_with_its_reason(make_plan: MakePlan) -> None:
    report, folder = run_of(make_plan, pairs=99)
    (found,) = [one for one in report["guards"] if one["stage"] == "dpo"]
    assert found["answer"] == "not assessed"
    assert "99 pairs after curating, wanted 100 or more" in found["found"]
    assert not (folder / "dpo" / "output").exists()
    assert any("dpo skipped" in note for note in report["notes"])


def test_without_a_valid_file_it_is_judged_on_a_share_of_the_training_rows(make_plan: MakePlan) -> None:
    report, folder = run_of(make_plan, pairs=PAIRS, valid=False)
    rows = len((folder / "curate" / "valid.jsonl").read_text().splitlines())
    assert rows > 0
    (found,) = [one for one in report["guards"] if one["guard"] == "held-out metric after preferences"]
    assert f"on {rows} held-out rows" in found["found"]


@pytest.mark.parametrize("right", [True, False])
def test_it_is_kept_only_where_the_held_out_metric_does_not_fall(make_plan: MakePlan, right: bool) -> None:
    report, folder = run_of(make_plan, pairs=PAIRS, right=right)
    result = json.loads((folder / "commits" / "dpo.json").read_text())["result"]
    lines = {name: (folder / "dpo" / f"{name}.jsonl").read_text().splitlines() for name in ("sft", "dpo")}
    answers = {name: [json.loads(line) for line in found] for name, found in lines.items()}
    expected = [row(TEAMS[n % 4], n)["messages"][1]["content"] for n in range(2000, 2024)]
    held_out = {
        name: score("exact_match", expected, [one["answer"] for one in found]).value for name, found in answers.items()
    }
    assert (result["before"], result["after"]) == (held_out["sft"], held_out["dpo"])
    assert held_out["sft"] == 1.0  # the toy learns its four teams
    assert held_out["dpo"] == (1.0 if right else 0.0)  # a preference for the next team unlearns them
    assert result["kept"] == ("dpo" if right else "sft")
    shipped = "dpo" if right else "sft"
    digest = json.loads((folder / "commits" / f"{shipped}.json").read_text())["result"]["sha256"]
    evaluated = json.loads((folder / "commits" / "evaluate.json").read_text())["result"]
    assert digest[:12] in evaluated["tuned"]
    assert report["ships"] is True
