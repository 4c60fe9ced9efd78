"""The run told again from a few steps: by hand, and by the real program, which refuses what is far from its plan."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Forecast, Plan, Probe, TrainSettings
from runner.engine import ProbeResult
from runner.probe import (
    Answers,
    Asked,
    Room,
    answering_seconds,
    no_room,
    outside,
    over_limits,
    run_forecast,
    too_far,
    training_seconds,
    usd_of,
)
from tests.runner.toy_plan import MakePlan, drive, folder_of, forecast, report_of

FOUND = ProbeResult(
    longest_seconds=(9.0, 3.0),
    typical_seconds=(1.0, 2.0, 3.0),
    typical_tokens=100.0,
    answer_tokens=10.0,
    ready_seconds=5.0,
    save_seconds=0.5,
    checkpoint_bytes=1000,
    peak_bytes=2000,
    rows=40,
    sample="",
)
SETTINGS = TrainSettings(learning_rate=1e-3, max_steps=100, save_every_steps=30)


def with_probe(plan: dict[str, Any]) -> None:
    stage = {"name": "probe", "probe": {}, "forecast": {"seconds": forecast(0.1, "seconds")}}
    plan["stages"].insert(1, stage)


@pytest.fixture
def plan(make_plan: MakePlan) -> Plan:
    return Plan.model_validate_json(make_plan(change=with_probe).read_bytes())


def test_a_stage_is_its_start_its_saves_and_its_steps() -> None:
    told = training_seconds(SETTINGS, FOUND)
    # 5 + 4 saves x 0.5 = 7 around; 100 x mean 2 = 200; low 0.9 x (7 + 100 x 1), high 1.25 x (7 + 100 x 3)
    assert (told.value, told.low, told.high) == pytest.approx((207, 96.3, 383.75))
    often = SETTINGS.model_copy(update={"evaluate_every_steps": 40})
    # 2 times 32 rows are 4 batches of 16, each a quarter of a step: one step more
    assert training_seconds(often, FOUND, 32).value == pytest.approx(209)
    assert training_seconds(often, FOUND).value == told.value
    money = usd_of(told, Decimal("3.60"))  # a tenth of a cent a second
    assert (money.value, money.grade) == (pytest.approx(0.207), "m")


def test_answers_of_base_and_tuned() -> None:
    asked = Asked(tests=3, guards=1, longest_tokens=40, answer_tokens=10.0, adapter=False)
    told = answering_seconds(asked, Answers(batches=2, tokens=60, seconds=3.0, load_seconds=0.5))
    # a token takes 0.05: base 3 batches of 1.5 as probed, of 2 to the limit: 4.5 and 6; tuned 3 x 10 x 0.05 = 1.5
    # guards 1 x 40 x 0.05 for each model = 4; loading 1; low 0.9 x (1 + 4.5 + 1.5), high 1.25 x (1 + 6 + 3 + 4)
    assert (told.value, told.low, told.high) == pytest.approx((1 + 5.25 + 1.5 + 4, 6.3, 17.5))
    slower = answering_seconds(asked._replace(adapter=True), Answers(2, 60, 3.0, 0.5))
    assert slower.value == pytest.approx(told.value + 0.5 * 1.5 + 0.5 * 2)  # its answers and its guards take half more


def test_the_run_takes_the_probed_stages_for_the_planned_ones(plan: Plan) -> None:
    told = run_forecast(plan, {"sft": {"seconds": training_seconds(SETTINGS, FOUND)}})
    # the others as planned: curate, probe, evaluate, merge 0.1 each; abplan, account 0.01 each
    assert told["seconds"].value == pytest.approx(207 + 4 * 0.1 + 2 * 0.01)
    assert told["seconds"].low == pytest.approx(207.42 - 110.7, abs=0.01)  # deviations add in squares: 110.7 leads


def test_refused_past_a_limit_only_where_even_the_low_end_crosses_it() -> None:
    told = {"seconds": Forecast(value=7200, low=3600, high=9000, unit="s", grade="m", basis=""),
            "usd": Forecast(value=2, low=1.5, high=3, unit="usd", grade="m", basis="")}  # fmt: skip
    assert over_limits(told, Room(limit_hours=1.0, limit_usd=1.5, disk_free_bytes=0)) == []
    refusals = over_limits(told, Room(limit_hours=0.9, limit_usd=1.4, disk_free_bytes=0))
    assert [one.found.partition(",")[0] for one in refusals] == [
        "measured steps put the run at 2 hours",
        "measured steps put the run at 2 USD",
    ]
    assert all("--accept-probe REASON" in one.remedy for one in refusals)


@pytest.mark.parametrize(
    ("value", "said", "refused"),
    [
        (0.12, False, False),  # as planned: 30 steps x 0.004 s, from 0.06 to 0.24
        (0.05, True, False),  # quicker than planned is told, never refused
        (0.7, True, False),  # past the high end, within three times of it
        (0.73, True, True),  # 3 x 0.24 = 0.72
    ],
)
def test_far_from_the_plan(plan: Plan, value: float, said: bool, refused: bool) -> None:
    told = Forecast(value=value, low=value, high=value, unit="seconds", grade="m", basis="")
    found = outside(plan, {"sft": {"seconds": told}}, Probe().gross_ratio)
    assert bool(found) is said
    assert bool(too_far(found)) is refused


def test_checkpoints_must_fit_the_disk(plan: Plan) -> None:
    # 1000 bytes x (2 kept + 1 being written + the artefact)
    assert no_room(plan, {"sft": FOUND}, 4000) == []
    assert "0 GiB are free" in no_room(plan, {"sft": FOUND}, 0)[0].found


def test_a_probed_run_reports_plan_probe_and_actual(make_plan: MakePlan) -> None:
    path = make_plan(change=with_probe)
    code, out, err = drive(path, "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    lines = {(line["where"], line["name"]): line for line in report["probe"]["lines"]}
    sft = lines["sft", "seconds"]
    assert sft["planned"] == pytest.approx(0.12)
    assert sft["probed"] > 30 * 0.004
    assert sft["actual"] > 30 * 0.004
    assert report["probe"]["sample"] == "to [[billing]]"
    assert report["totals"]["planned_steps"] == report["totals"]["executed_steps"] == 30  # probed steps are none of it
    guards = {(one["stage"], one["guard"]): one["answer"] for one in report["guards"]}
    assert guards["sft", "finite numbers"] == "passed"
    assert guards["sft", "learning"] == "passed"  # the toy's loss is 1 / step
    assert guards["sft", "overfitting"] == "not assessed"
    page = drive("report", folder_of(path))[1]
    for words in ("Probe", "Training guards", "sft: loss spikes"):
        assert words in page


def test_far_too_slow_is_refused_and_a_recorded_reason_lets_it(make_plan: MakePlan) -> None:
    path = make_plan(steps=10, change=with_probe)
    code, _, err = drive(path, TOY_STEP_SECONDS="0.06")  # planned 0.004; 10 x 0.06 > 3 x 0.08
    assert code == 3, err
    assert "sft seconds:" in err
    assert "--accept-probe REASON" in err
    assert not (folder_of(path) / "sft" / "checkpoints").exists()  # nothing was spent on training

    code, _, err = drive(path, "--accept-probe", "a busy machine, we know", TOY_STEP_SECONDS="0.06")
    assert code == 0, err
    report = report_of(path)
    assert report["probe"]["accepted"] == "a busy machine, we know"
    assert any("a busy machine, we know" in note for note in report["notes"])


def test_a_disk_too_small_is_refused_whatever_the_reason(make_plan: MakePlan) -> None:
    path = make_plan(change=with_probe)
    code, _, err = drive(path, "--accept-probe", "go", TOY_CHECKPOINT_BYTES=str(10**15))
    assert code == 3
    assert "free some, keep fewer checkpoints" in err


def test_a_stage_written_before_probes_has_none(make_plan: MakePlan, tmp_path: Path) -> None:
    del tmp_path
    code, out, _ = drive(make_plan(), "--format", "json")
    assert code == 0
    assert json.loads(out)["probe"] is None
