"""What a run measured goes into the next advice: a second prediction is nearer, and says where it is from."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from advisor.advise import advise
from advisor.bundle_files import write_bundle
from advisor.calibration import Calibration, Machine, matching, size_class
from advisor.calibration_file import read_runs
from advisor.pace import evaluated_step, evaluated_steps, merged_step
from advisor.question_files import read_question
from pricing.places import calibration_file
from runner.all_runs import RunLine, over_time, row_of, runs_text, typical_error
from runner.calibrate_file import append, read_records
from tests.runner.toy_plan import MADE_ON, MakePlan, drive, folder_of, report_of

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "ticket_routing"
HERE = Machine(None, "here", 2)


def run(run_id: str = "r1", step_seconds: float = 0.5, **changed: Any) -> dict[str, Any]:
    """Return a record as a run writes it, of 100 steps."""
    sft = {"seconds": 56.0, "step_seconds": step_seconds, "steps": 100, "tokens": 4600, "planned_tokens": 5000.0,
           "peak_bytes": 1000, "micro_batch": 4, "accumulation": 1, "max_length": 64,
           "gradient_checkpointing": False}  # fmt: skip
    evaluate = {"seconds": 9.0, "answer_seconds": 8.0, "rows": 32, "max_new_tokens": 40}
    return {
        "format_version": "1.0",
        "run_id": run_id,
        "on": "2026-11-20",
        "started": "2026-11-20T10:00:00+00:00",
        "scenario": "toy",
        "machine": {"name": "local machine", "card": None, "cards": 1, "host": "here", "cores": 2},
        "method": "qlora",
        "parameters": 1_389_888,
        "setup_seconds": 4.0,
        "stages": {"sft": sft, "evaluate": evaluate},
        "errors": [],
    } | changed


def advised_and_run(folder: Path, number: int) -> tuple[dict[str, Any], Any]:
    """Advise on the default scenario, plan, and run it on the toy engine's own clock; return report and advice."""
    result = advise(read_question(SCENARIO / "scenario.yaml", MADE_ON))
    plan = folder / f"plan{number}" / "plan.json"
    write_bundle(result, SCENARIO / "scenario.yaml", plan, None)
    code, _, err = drive(plan, TOY_STEP_SECONDS="0.0625", TOY_CALL_SECONDS="2")
    assert code in (0, 3), err  # the toy engine may miss the target; its clock is what is asked about
    report = json.loads((folder_of(plan) / "report.json").read_text(encoding="utf-8"))
    assert report["state"] == "finished", err
    return report, result.advice


def ratio(report: dict[str, Any], name: str) -> float:
    return next(line["ratio"] for line in report["comparisons"] if (line["where"], line["name"]) == ("run", name))


def line_of(report: dict[str, Any], where: str, name: str) -> dict[str, Any]:
    return next(line for line in report["comparisons"] if (line["where"], line["name"]) == (where, name))


def test_a_second_runs_prediction_is_nearer_narrower_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSOVER_CALIBRATION", str(tmp_path / "kept"))
    first, advice = advised_and_run(tmp_path, 1)
    assert not any("measured by your run" in text for text in advice.warnings)
    second, advice = advised_and_run(tmp_path, 2)
    assert any(f"measured by your run {first['plan_id'][:12]} on {MADE_ON}" in text for text in advice.warnings)
    for name in ("seconds", "usd", "tokens"):
        assert abs(ratio(second, name) - 1) < abs(ratio(first, name) - 1), name
    assert ratio(first, "seconds") < 0.5, "this engine is far quicker than any model"
    assert 0.95 < ratio(second, "seconds") < 1, (
        "only what it does in no time, curating and accounting, is still assumed"
    )
    assert ratio(second, "tokens") == 1.0
    steps = [line_of(report, "sft", "seconds") for report in (first, second)]
    width = [(line["high"] - line["low"]) / line["predicted"] for line in steps]
    assert width[1] < width[0]
    assert [line["grade"] for line in steps] == ["a", "m"]
    assert line_of(second, "run", "tokens")["inside"]
    code, out, err = drive("ledger", CROSSOVER_CALIBRATION=str(tmp_path / "kept"))
    assert (code, err) == (0, "")
    assert "2 runs: finished runs on this machine" in out
    assert out.index(first["plan_id"][:12]) < out.index(second["plan_id"][:12])
    found = json.loads(runs_text(tmp_path, "json", 80, colour=False))
    assert [one["run_id"] for one in found["runs"]] == [first["plan_id"][:12], second["plan_id"][:12]]
    by_name = {one["name"]: one for one in found["runs"][1]["errors"]}
    assert by_name["usd"]["ratio"] == pytest.approx(ratio(second, "usd"))


def test_nothing_is_kept_where_it_is_switched_off_and_one_run_is_kept_once(make_plan: MakePlan, tmp_path: Path) -> None:
    path = make_plan()
    kept = tmp_path / "kept"
    code, _, err = drive(path, CROSSOVER_CALIBRATION="none", XDG_DATA_HOME=str(kept))
    assert (code, "is kept in" in err) == (0, False)
    assert not kept.exists()
    shutil.rmtree(folder_of(path))
    code, _, err = drive(path, CROSSOVER_CALIBRATION="", XDG_DATA_HOME=str(kept))
    file = kept / "crossover" / "calibration" / "runs.jsonl"
    assert (code, f"is kept in {file}" in err) == (0, True)
    assert drive(path, CROSSOVER_CALIBRATION="", XDG_DATA_HOME=str(kept))[0] == 0  # finished: nothing is done again
    (record,) = read_runs(file)
    report = report_of(path)
    assert record["usd"] == report["totals"]["usd"]
    assert record["stages"]["sft"]["steps"] == 30
    assert record["stages"]["sft"]["tokens"] == report["totals"]["unique_tokens"]
    assert record["stages"]["evaluate"]["rows"] == 40
    code, out, _ = drive("ledger", CROSSOVER_CALIBRATION="none")
    assert (code, "No runs: no record is kept" in out) == (0, True)


def test_a_file_that_was_torn_goes_on_and_a_run_is_recorded_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "runs.jsonl"
    append(path, run("r1"))
    append(path, run("r1"))
    path.write_bytes(path.read_bytes() + b'{"run_id": "torn", "on')
    append(path, run("r2"))
    append(path, run("r2", started="2026-11-21T10:00:00+00:00"))  # the same plan again, in another folder
    assert [one["run_id"] for one in read_records(path)] == ["r1", "r2", "r2"]
    path.write_bytes(path.read_bytes() + b'[]\n{"format_version": "2.0"}\n{"format_version": "1.0", "run_id": 1}\n')
    assert [one["run_id"] for one in read_runs(path)] == ["r1", "r2", "r2"]


@pytest.mark.parametrize(
    ("record", "counts"),
    [
        (run(), True),
        (run(parameters=2_000_000), True),  # 2^20 to 2^21
        (run(parameters=2_100_000), False),
        (run(method="lora"), False),
        (run(machine={"card": None, "cards": 1, "host": "elsewhere", "cores": 2}), False),
        (run(machine={"card": None, "cards": 1, "host": "here", "cores": 16}), False),
        (run(machine={"card": "L4", "cards": 1, "host": "here", "cores": 2}), False),
    ],
)
def test_a_measurement_counts_for_the_same_machine_method_and_size(record: dict[str, Any], counts: bool) -> None:
    assert (matching([record], HERE, "qlora", 1_389_888) is not None) is counts


def test_a_card_is_the_same_card_on_any_host() -> None:
    record = run(machine={"card": "L4", "cards": 1, "host": "elsewhere", "cores": 8})
    assert matching([record], Machine("L4", "here", 2), "qlora", 1_389_888) is not None
    assert size_class(8.03e9) == size_class(4.3e9) == 32  # 2^32 is 4.29e9, 2^33 is 8.59e9


def test_the_median_of_the_newest_five_with_their_spread() -> None:
    runs = [run(f"r{n}", step) for n, step in enumerate((9.0, 0.4, 0.5, 0.9, 0.6, 0.5))]
    known = matching(runs, HERE, "qlora", 1_389_888)
    assert known is not None
    figure = known.figure("step", "seconds", lambda one: one["stages"]["sft"]["step_seconds"])
    assert figure is not None
    # 0.4 0.5 0.5 0.6 0.9: median 0.5, from 0.6 x 0.4 to 1.6 x 0.9; the oldest, 9.0, no longer counts
    assert (figure.value, figure.low, figure.high) == (0.5, pytest.approx(0.24), pytest.approx(1.44))
    assert figure.origin.on == date(2026, 11, 20)
    assert figure.origin.note == "measured by your run r5 on 2026-11-20 and 4 before it, this machine"


def test_starts_tokens_and_answers_by_hand() -> None:
    known = Calibration((run(),))
    start = known.start("train.start", "sft", "steps")
    assert start is not None
    assert start.value == 6.0  # 56 seconds, less 100 steps of 0.5
    assert known.token_ratio("toy") == 0.92  # 4,600 of 5,000
    assert known.token_ratio("another") is None
    assert known.seconds("merge", "merge") is None
    assert evaluated_steps(32, 40, 10) == 100  # two batches of 16: 2 x 40 and 2 x 10
    assert evaluated_step(run(), 10) == 0.08  # 8 seconds
    assert merged_step(run(), 10) is None


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"CROSSOVER_CALIBRATION": "none", "HOME": "/h"}, None),
        ({"CROSSOVER_CALIBRATION": "/c", "HOME": "/h"}, "/c/runs.jsonl"),
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/crossover/calibration/runs.jsonl"),
        ({"HOME": "/h"}, "/h/.local/share/crossover/calibration/runs.jsonl"),
        ({}, None),
    ],
)
def test_where_it_is_kept(environment: dict[str, str], path: str | None) -> None:
    assert calibration_file(environment) == (None if path is None else Path(path))


def test_errors_over_time_by_hand() -> None:
    def line(ratio: float | None, state: str = "finished") -> RunLine:
        return RunLine("r", "2026", "s", state, [{"name": "usd", "ratio": ratio}])

    assert typical_error([line(2.0), line(0.5)], "usd") == pytest.approx(1.0)  # twice off, either way
    assert typical_error([line(None), line(3.0, "unfinished: sft is next")], "usd") is None
    assert over_time([line(2.0), line(1.1)]) == [
        "money: typically off by 48.3 %; older half 100.0 %, newer half 10.0 %."  # sqrt(2 x 1.1) = 1.4832
    ]


@pytest.mark.parametrize(
    ("state", "ratios"),
    [("finished", ("2.00", "-", "1.10", "-")), ("running", ("-",) * 4), ("unfinished: sft is next", ("-",) * 4)],
)
def test_a_run_that_is_not_finished_has_cost_something_and_shows_no_ratio(state: str, ratios: tuple[str, ...]) -> None:
    errors = [{"name": "usd", "ratio": 2.0, "actual": 0.5}, {"name": "tokens", "ratio": 1.1}]
    line = RunLine("r", "2026-11-21T10:00:00+00:00", "s", state, errors)
    assert row_of(line) == ("2026-11-21", "r", "0.5", *ratios, state.partition(":")[0])
