"""The mix: verdicts are `advise`'s own, every column sums to the cent, sharers sum to the whole card, and the doors."""

import json
import shutil
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from advisor import economics as eco
from advisor.advise import advise
from advisor.mix import Mixed, advise_mix, too_many
from advisor.mix_file import read_mix, read_task
from advisor.mix_records import MixAdvice, to_json
from advisor.plan import Plan
from advisor.report.mix import shown

AS_OF = date(2026, 11, 21)
FOLDER = Path(__file__).resolve().parents[2] / "scenarios" / "support_assistant_mix"
WAYS = ("today", "recommended", "all_hosted", "all_tuned")


@pytest.fixture(scope="module")
def mixed() -> Mixed:
    return advise_mix(read_mix(FOLDER / "mix.yaml", AS_OF))


@pytest.fixture(scope="module")
def data(mixed: Mixed) -> dict[str, Any]:
    return json.loads(to_json(mixed.advice), parse_float=Decimal)


def varied(folder: Path, *changes: tuple[str, str]) -> MixAdvice:
    """Return the advice on the shipped mix with some of its words changed."""
    text = (FOLDER / "mix.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mix.yaml"
    path.write_text(text, encoding="utf-8")
    return advise_mix(read_mix(path, AS_OF)).advice


@pytest.mark.parametrize("name", ["router", "order-fields", "search-query", "answer"])
def test_a_tasks_verdict_and_roads_are_the_ones_that_advise_gives_it_alone(mixed: Mixed, name: str) -> None:
    alone = advise(read_task(FOLDER / "mix.yaml", name, AS_OF)).advice
    task = next(task for task in mixed.advice.tasks if task.name == name)
    assert task.verdict.because == alone.verdict.because
    today = next(option for option in alone.options if option.key == "hosted_today")
    assert task.today.lifetime_usd == pytest.approx(today.lifetime_usd, abs=0.005)
    cheapest = min(option.lifetime_usd for option in alone.options if option.trains)
    assert task.all_tuned.lifetime_usd == pytest.approx(cheapest, abs=0.005)


@pytest.mark.parametrize("way", WAYS)
def test_every_total_is_the_exact_sum_of_its_parts(data: dict[str, Any], way: str) -> None:
    parts = [task[way] for task in data["tasks"]]
    total = next(total for total in data["totals"] if total["key"] == way)
    for column in ("lifetime_usd", "upfront_usd"):
        assert sum(part[column] for part in parts) == total[column]
        assert all(part[column] == part[column].quantize(Decimal("0.01")) for part in parts)


@pytest.mark.parametrize("way", WAYS)
def test_the_column_that_is_shown_adds_up(mixed: Mixed, way: str) -> None:
    *parts, total = shown(mixed.advice, way)
    assert sum(part for part in parts if part is not None) == total


def test_the_shared_replicas_are_divided_to_the_cent(data: dict[str, Any]) -> None:
    (sharing,) = data["sharing"]
    assert [one["task"] for one in sharing["sharers"]] == ["router", "order-fields"]
    assert sum(one["allocated_usd"] for one in sharing["sharers"]) == sharing["whole_usd"]
    assert float(sum(one["load_share"] for one in sharing["sharers"])) == pytest.approx(1)
    tasks = {task["name"]: task["recommended"]["lifetime_usd"] for task in data["tasks"]}
    assert tasks["router"] + tasks["order-fields"] == sharing["together_usd"]


def test_the_shared_bill_by_hand(mixed: Mixed) -> None:
    """Two replicas (the floor) of the one card, day and night for the horizon: the whole that is divided."""
    (sharing,) = mixed.advice.sharing
    alone = advise(read_task(FOLDER / "mix.yaml", "router", AS_OF)).advice
    rent = alone.figures["tuned_rented.rent"]
    rate = alone.figures[rent.inputs["rent_usd_per_gpu_hour"]].value
    assert isinstance(rate, float)
    assert sharing.replicas == 2
    assert sharing.whole_usd == pytest.approx(2 * rate * 730 * 24, abs=0.005)
    assert sharing.used
    assert sharing.together_usd < sharing.apart_usd


def test_three_tuned_tasks_or_an_outer_one_are_warned_about() -> None:
    assert too_many([("router", "inner"), ("fields", "inner")]) == []
    assert "3 tasks are tuned (a, b, c)" in too_many([("a", "inner"), ("b", "inner"), ("c", "inner")])[0]
    assert "answer: a task that users read is tuned" in too_many([("answer", "outer")])[0]


def test_a_third_tuned_task_raises_the_warning_in_the_advice(tmp_path: Path) -> None:
    fails = ("{variant: short instructions, n: 300, successes: 281}",
             "{variant: short, n: 300, successes: 180}\n        - {variant: long, n: 300, successes: 190}\n"
             "      retrieval:\n        - {variant: titles, n: 300, successes: 185}")  # fmt: skip
    advice = varied(tmp_path, fails, ("3_000_000..4_000_000..5_200_000", "9_000_000"))
    assert [task.verdict.code for task in advice.tasks].count("fine_tune_self_host") == 3
    assert any("3 tasks are tuned" in line for line in advice.warnings)


def test_a_part_that_is_not_priced_makes_its_total_unknown_and_no_other(tmp_path: Path) -> None:
    advice = varied(tmp_path, ("    data: {rows: 3_000, licence: own records, consent: contract allows it}\n", ""))
    totals = {total.key: total for total in advice.totals}
    assert totals["all_tuned"].lifetime_usd is None
    assert "answer: " in totals["all_tuned"].missing[0]
    assert totals["recommended"].lifetime_usd is not None


def test_where_the_data_may_not_leave_nothing_is_called_hosted(tmp_path: Path) -> None:
    advice = varied(tmp_path, ("data_may_leave: true", "data_may_leave: false"))
    totals = {total.key: total for total in advice.totals}
    assert totals["all_hosted"].lifetime_usd is None
    assert all("hosted" not in (task.recommended.road or "").lower() for task in advice.tasks)


def test_the_whole_is_repaid_out_of_what_each_month_saves(tmp_path: Path) -> None:
    """Level months (nothing is retrained): the up-front money over the month's saving of all tasks, shared cards in."""
    advice = varied(tmp_path, ("retrain_every_months: 6", "retrain_every_months: 24"))
    totals = {total.key: total for total in advice.totals}
    today, mix = totals["today"], totals["recommended"]
    assert today.lifetime_usd
    assert mix.lifetime_usd
    assert mix.upfront_usd
    monthly = (today.lifetime_usd - (mix.lifetime_usd - mix.upfront_usd)) / 24
    assert mix.payback_months == pytest.approx(mix.upfront_usd / monthly, rel=1e-6)
    assert (today.payback_months, totals["all_hosted"].payback_months) == (None, None)


def test_a_verdict_to_train_says_what_turns_it_and_the_page_has_the_age_of_prices(mixed: Mixed) -> None:
    flips = {task.name: task.flip for task in mixed.advice.tasks}
    assert [name for name, flip in flips.items() if flip] == ["router", "order-fields"]
    alone = advise(read_task(FOLDER / "mix.yaml", "router", AS_OF)).advice
    assert flips["router"] == alone.flips[0]
    assert mixed.advice.prices.oldest <= alone.prices.oldest <= alone.prices.newest <= mixed.advice.prices.newest


def test_errors_per_thousand_requests_by_hand(mixed: Mixed) -> None:
    """Router 342 of 400, search 281 of 300 at 0.4 calls, answer 236 of 250 at 0.9; the pilot is right in 379 of 400."""
    errors = mixed.advice.errors
    assert errors is not None
    rest = 0.4 * 19 / 300 + 0.9 * 14 / 250
    assert errors.today_per_thousand == pytest.approx(1000 * (58 / 400 + rest))
    assert errors.recommended_per_thousand == pytest.approx(1000 * (21 / 400 + rest))
    assert errors.unscored == ("order-fields",)


def test_the_price_of_errors_in_a_task_is_told(tmp_path: Path) -> None:
    advice = varied(tmp_path, ("metric: accuracy, target: 0.92", "metric: accuracy, target: 0.92, error_usd: 0.02"))
    assert any("router: the cost holds the expected loss of wrong answers" in line for line in advice.warnings)


def test_shared_replicas_follow_the_summed_peaks() -> None:
    """Peaks of 1.2 and 0.9 replicas, slowed by 1.15, with a tenth of headroom: 2.657, so three whole cards."""
    found = eco.staircase_replicas((1.2 + 0.9) * 1.15, 1.0, 1.1, 1.0, np.ones(2))
    assert found.tolist() == [3.0, 3.0]


def door(*words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("advise")), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_door_answers_in_json_and_nothing_else() -> None:
    done = door(str(FOLDER / "mix.yaml"), "--format", "json", "--as-of", str(AS_OF))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["tasks"][0]["name"] == "router"


def test_a_plan_for_each_justified_task_is_written_or_refused_with_its_reasons(tmp_path: Path) -> None:
    done = door(str(FOLDER / "mix.yaml"), "--plan", str(tmp_path / "plan.json"), "--as-of", str(AS_OF))
    assert done.returncode == 3
    assert "no training file is named" in done.stderr
    assert "(task router)" in done.stderr
    assert "(task order-fields)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_task_is_the_ordinary_advice() -> None:
    done = door(str(FOLDER / "mix.yaml"), "--task", "router", "--format", "json", "--as-of", str(AS_OF))
    assert json.loads(done.stdout)["scenario"]["name"] == "support-assistant.router"
    assert door(str(FOLDER / "mix.yaml"), "--task", "sums").returncode == 2


def test_a_justified_task_with_its_files_gets_a_plan_of_its_own(tmp_path: Path) -> None:
    """The shipped default as the one inner task of a mix, beside an outer one: its plan has a folder of its own."""
    source = FOLDER.parent / "ticket_routing"
    for name in ("train.jsonl", "valid.jsonl", "test.jsonl"):
        shutil.copyfile(source / name, tmp_path / name)
    shutil.copytree(source / "base_model", tmp_path / "base_model")
    values = YAML(typ="safe", pure=True).load((source / "scenario.yaml").read_text(encoding="utf-8"))
    own = {name: values.pop(name) for name in ("tokens", "evidence", "data")}
    router = {"name": "router", "calls_per_request": 1} | values.pop("task") | own
    answer = {"name": "answer", "kind": "chat", "role": "outer", "after": ["router"], "calls_per_request": 1,
              "tokens": {"input": 2000, "output": 200}}  # fmt: skip
    path = tmp_path / "mix.json"  # JSON is YAML
    path.write_text(json.dumps(values | {"name": "desk", "tasks": [router, answer]}, default=str), encoding="utf-8")
    done = door(str(path), "--plan", str(tmp_path / "out" / "plan.json"), "--as-of", str(AS_OF))
    assert done.returncode == 0, done.stderr
    assert sorted(found.name for found in (tmp_path / "out").iterdir()) == ["router"]
    plan = Plan.model_validate_json((tmp_path / "out" / "router" / "plan.json").read_text(encoding="utf-8"))
    assert (plan.scenario.name, plan.verdict.code) == ("desk.router", "fine_tune_self_host")
