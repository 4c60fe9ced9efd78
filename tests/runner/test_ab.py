"""A test in production, read from its results: decisions worked by hand, peeking, faults by line, and the real door."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from runner.ab_judge import Terms, judge, terms_of
from runner.ab_plan import tasks_per_day, whole_weeks_days
from runner.ab_results import Arm, ResultFaultsError, count_rows
from tests.runner.toy_plan import MakePlan, drive, folder_of, report_of

TERMS = Terms(margin_share=0.05, tasks_per_arm=2000)
Counts = tuple[int, int]  # successes, judged


def arms(control: Counts, tuned: Counts, **watched: tuple[Counts, Counts]) -> dict[str, Arm]:
    """Return two arms with so many successes; `watched` has the counts of other truths, control first."""
    found = {"control": Arm(), "tuned": Arm()}
    for place, (name, (right, judged)) in enumerate((("control", control), ("tuned", tuned))):
        for task in range(judged):
            row: dict[str, Any] = {"success": task < right}
            for truth, counts in watched.items():
                row[truth] = task < counts[place][0]
            found[name].add(row)
    return found


@pytest.mark.parametrize(
    ("control", "tuned", "watched", "decision", "said"),
    [
        ((800, 1000), (900, 1000), {}, "ship", "better than today's"),
        ((1600, 2000), (1610, 2000), {}, "ship", "no worse than today's by more than 5.0 points"),
        ((800, 1000), (600, 1000), {}, "stop for harm", "success is lower by more than the margin"),
        ((800, 1000), (790, 1000), {}, "go on", "up to 1,000 more judged tasks"),
        ((1600, 2000), (1500, 2000), {}, "keep", "planned 2,000 tasks an arm are used up"),
        ((40, 50), (45, 50), {}, "go on", "nothing is shown yet"),  # fewer than 100 an arm
        ((800, 1000), (900, 1000), {"error": ((10, 1000), (100, 1000))}, "stop for harm", "errors"),
        ((800, 1000), (900, 1000), {"unsafe": ((0, 1000), (50, 1000))}, "stop for harm", "safety flags"),
        ((800, 1000), (900, 1000), {"error": ((20, 1000), (25, 1000))}, "go on", "success is shown; errors"),
        ((800, 1000), (720, 800), {}, "void", "the tuned arm got 44.4% of the tasks, planned 50.0%"),
    ],
)
def test_the_decision(control: Counts, tuned: Counts, watched: Any, decision: str, said: str) -> None:
    reading = judge(arms(control, tuned, **watched), TERMS)
    assert (reading.decision, said in reading.why) == (decision, True), reading.why


def test_the_effect_and_its_interval_by_hand() -> None:
    effect = judge(arms((800, 1000), (900, 1000)), TERMS).primary
    assert effect is not None
    # variance (801/1002 * 201/1002 + 901/1002 * 101/1002) / 1000 = (0.160359 + 0.090638) / 1000; 1 / it = 3984.1
    assert effect.information == pytest.approx(3984.1, abs=0.1)
    # target ((3.0352 + 0.8416) / 0.05)^2 = 6011.8; own = 6011.8 / 7.93617 = 757.5; grown = 4741.6
    # sqrt(4741.6 * ln(4741.6 / (757.5 * 0.0025))) / 3984.1 = sqrt(4741.6 * 7.8256) / 3984.1 = 0.048349
    assert (effect.low, effect.high) == (pytest.approx(0.1 - 0.04835, abs=2e-5), pytest.approx(0.14835, abs=2e-5))


def test_a_cost_is_compared_with_the_control_arms_own() -> None:
    found = {"control": Arm(), "tuned": Arm()}
    for task in range(400):
        found["control"].add({"success": True, "usd": 0.002 + 0.0002 * (task % 2)})
        found["tuned"].add({"success": True, "usd": 0.001 + 0.0001 * (task % 2)})
    cost = next(one for one in judge(found, TERMS).guardrails if one.name == "cost")
    assert cost.state == "clear"
    assert cost.effect is not None
    assert cost.effect.value == pytest.approx(-0.5)  # 0.00105 over 0.0021, less 1


def test_a_slow_answer_is_one_over_the_limit_and_no_limit_is_not_assessed() -> None:
    found = {"control": Arm(), "tuned": Arm()}
    for task in range(600):
        found["control"].add({"success": True, "latency_ms": 500})
        found["tuned"].add({"success": True, "latency_ms": 1500 if task % 5 == 0 else 300})

    states = {limit: judge(found, TERMS._replace(latency_limit_ms=limit)) for limit in (None, 1000.0, 1500.0)}
    slow = {limit: next(r for r in one.guardrails if r.name == "slow answers") for limit, one in states.items()}
    assert (slow[None].state, "--slow-ms" in slow[None].why) == ("not assessed", True)
    assert slow[1000.0].state == "harm"  # 20 % of the tuned answers, none of the control's
    assert slow[1500.0].state == "clear"
    assert states[1000.0].decision == "stop for harm"


def outcome(seed: int, control: float, tuned: float) -> tuple[str, int]:
    """Return the first decision that ends a test which is read after every 25 tasks an arm."""
    draw, found, decision = random.Random(seed), {"control": Arm(), "tuned": Arm()}, "go on"
    while decision == "go on":
        for _ in range(25):
            found["control"].add({"success": draw.random() < control})
            found["tuned"].add({"success": draw.random() < tuned})
        decision = judge(found, TERMS).decision
    return decision, found["control"].tasks


def test_peeking_ships_a_model_at_the_margin_no_more_often_than_promised() -> None:
    # the tuned model is worse by exactly the margin: shipping it is the error that 2.5 % bounds (5 % two-sided)
    ends = [outcome(seed, 0.80, 0.75)[0] for seed in range(120)]
    assert ends.count("ship") / len(ends) <= 0.025
    assert ends.count("ship") + ends.count("stop for harm") <= 0.05 * len(ends)


def test_peeking_ships_an_equal_model_with_the_promised_power_and_sooner() -> None:
    ends = [outcome(seed, 0.80, 0.80) for seed in range(60)]
    assert sum(decision == "ship" for decision, _ in ends) / len(ends) >= 0.80
    assert sum(tasks for _, tasks in ends) / len(ends) < 0.75 * TERMS.tasks_per_arm


def test_an_error_that_nobody_judged_is_no_success_and_an_unjudged_task_counts_for_the_split_only() -> None:
    lines = [b'{"arm": "A", "error": true}', b'{"arm": "control", "success": true}', b"", b'{"arm": "tuned"}',
             b'{"arm": "B", "success": true, "more": 1}']  # fmt: skip
    found = count_rows(lines, "r.jsonl")
    assert (found["control"].tally("success").total, found["control"].tally("success").count) == (1, 2)
    assert (found["tuned"].tasks, found["tuned"].tally("success").count) == (2, 1)


def test_every_fault_of_every_line_comes_at_once() -> None:
    lines = [
        b'{"arm": "control", "success": 1}',
        b"not json",
        b'{"arm": "left", "success": true, "usd": -1}',
        b'{"arm": "tuned", "success": true, "latency_ms": "fast", "id": 7}',
        b'{"arm": "tuned", "success": true, "id": 7}',
        b'{"arm": "tuned", "success": true, "usd": NaN}',
    ]
    with pytest.raises(ResultFaultsError) as fault:
        count_rows(lines, "r.jsonl")
    assert str(fault.value).splitlines() == [
        "r.jsonl:1  success is 1; wanted true, false, or no success at all",
        "r.jsonl:2  is no JSON object; wanted one task a line",
        'r.jsonl:3  arm is "left"; wanted control or tuned',
        "r.jsonl:3  usd is -1; wanted a number, 0 or more",
        'r.jsonl:4  latency_ms is "fast"; wanted a number, 0 or more',
        "r.jsonl:5  id 7 was on line 4 already; wanted each task once",
        "r.jsonl:6  usd is NaN; wanted a number, 0 or more",
    ]


def test_an_arm_without_a_judged_task_is_a_fault_and_many_faults_are_counted() -> None:
    with pytest.raises(ResultFaultsError, match="no judged task in arm tuned"):
        count_rows([b'{"arm": "control", "success": true}'], "r.jsonl")
    with pytest.raises(ResultFaultsError, match="and 5 more"):
        count_rows([b"x"] * 25, "r.jsonl")


@pytest.mark.parametrize(
    ("tasks", "month", "days"),
    [
        (28_182, 800_000, 7),  # 26,301 a day: 1.07 days, and never less than a week
        (28_182, 60_000, 21),  # 1,972.6 a day: 14.3 days, so three weeks
        (13_800, 60_000, 7),  # 6.996 days
    ],
)
def test_duration_is_in_whole_weeks(tasks: int, month: int, days: int) -> None:
    assert tasks_per_day(730) == 24  # a month has 730 hours
    assert whole_weeks_days(tasks, month) == days


def test_a_run_leaves_the_plan_of_its_test_and_the_door_reads_by_it(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan()
    assert drive(path)[0] == 0
    home, report = folder_of(path), report_of(path)
    test = json.loads((home / "abplan" / "abplan.json").read_text(encoding="utf-8"))
    # both at 0.4, margin 0.05: 6011.8 * 2 * 0.4 * 0.6 = 2885.7; the guardrails of errors and safety need more
    assert test["primary"]["tasks_per_arm"] == 2886
    assert test["tasks_per_arm"] == max(line["tasks_per_arm"] or 0 for line in [test["primary"], *test["guardrails"]])
    assert terms_of(test).margin_share == 0.05
    assert test["arms"]["control"]["name"] == "vendor/large"
    assert test["duration"]["test_days"] % 7 == 0
    assert report["ab"]["tasks_per_arm"] == test["tasks_per_arm"]
    page = (home / "abplan" / "abplan.md").read_text(encoding="utf-8")
    assert all(word in page for word in ("## Ramp", "## Guardrails", "stop for harm: roll back", "The way back"))
    assert any(line["path"] == "abplan/abplan.md" for line in report["artefacts"])

    results = tmp_path / "results.jsonl"
    rows = [{"arm": arm, "success": n % 10 < good} for n in range(400) for arm, good in (("A", 4), ("B", 8))]
    results.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    code, out, err = drive("ab", results, "--plan", home, "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["decision"] == "ship"
    assert found["judged"] == {"control": 400, "tuned": 400, "planned": test["tasks_per_arm"]}
    code, out, _ = drive("ab", results, "--plan", home)
    assert (code, "SHIP" in out) == (0, True)
    assert max(map(len, out.splitlines())) <= 80
    results.write_text(results.read_text(encoding="utf-8").replace('"A"', '"C"', 1), encoding="utf-8")
    code, out, err = drive("ab", results)
    assert (code, out) == (1, "")
    assert 'results.jsonl:1  arm is "C"' in err


def test_a_plan_without_a_margin_has_no_test_and_a_plan_without_the_stage_still_runs(make_plan: MakePlan) -> None:
    path = make_plan(change=lambda plan: plan.pop("trial"))
    code, out, _ = drive(path)
    assert (code, "None: no margin is known; state quality.non_inferiority_margin" in out) == (0, True)
    assert not (folder_of(path) / "abplan" / "abplan.json").exists()

    def older(plan: dict[str, Any]) -> None:
        plan["stages"] = [stage for stage in plan["stages"] if stage["name"] != "abplan"]

    path = make_plan(change=older)
    code, out, err = drive(path, "--dir", path.parent / "older", "--format", "json")
    assert (code, json.loads(out)["ab"]) == (0, None), err


def test_the_door_stops_for_harm_with_a_code_of_its_own(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    rows = [{"arm": arm, "success": n % 10 < good} for n in range(400) for arm, good in (("control", 9), ("tuned", 4))]
    results.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    code, out, _ = drive("ab", results)
    assert (code, "STOP FOR HARM" in out) == (3, True)
    code, _, err = drive("ab", results, "--plan", tmp_path, "--margin", "0.1")
    assert (code, "fixed before the first task" in err) == (2, True)
    code, _, err = drive("ab", results, "--plan", results)
    assert (code, "is not the plan of a test" in err) == (1, True)
    code, _, err = drive("ab", tmp_path / "none.jsonl")
    assert (code, "there is no such file" in err) == (1, True)
