"""The whole program at its limits: it stops, says which limit bound, and goes on when that one is raised on record."""

import json
from decimal import Decimal

import pytest

from tests.runner.toy_plan import MADE_ON, MakePlan, drive, edited, folder_of, forecast, report_of


def test_at_the_limit_it_stops_with_4_and_goes_on_when_it_is_raised(make_plan: MakePlan) -> None:
    path = make_plan(steps=200, save_every=50, change=lambda plan: plan["machine"].update(usd_per_hour="36"))
    limit = Decimal("0.04")  # 4 s at 0.01 USD a second; the steps alone would take 10 s
    code, _, err = drive(path, "--max-usd", str(limit), TOY_STEP_SECONDS="0.05")
    assert code == 4, err
    assert (
        "stopped by limit usd; everything so far is saved; --max-usd 0.04 stopped it: raise it "
        "(the plan allows 10 USD) and run again to go on"
    ) in err
    assert Decimal(report_of(path)["totals"]["usd"]) > limit * Decimal("0.8"), "it did not stop early"
    code, _, err = drive(path, "--max-usd", str(limit))
    assert code == 4, "the limit counts over attempts"
    code, _, err = drive(path, "--max-usd", "5", TOY_STEP_SECONDS="0.001")
    assert code == 0, err
    totals = report_of(path)["totals"]
    assert totals["executed_steps"] == totals["unique_steps"] == 200
    assert totals["attempts"] == 3


def test_the_plans_own_limit_is_raised_only_with_a_reason_that_is_kept(make_plan: MakePlan) -> None:
    path = make_plan(
        change=lambda plan: (  # 0.0072 s at most: over before it begins
            plan["limits"].update(hours=0.000002),
            plan["forecast"].update(seconds=forecast(0.001, "seconds")),
        )
    )
    code, _, err = drive(path)
    assert code == 4, err
    assert "the plan's own limit of 0.000002 hours stopped it: to go on, run again with --max-hours above it" in err
    code, out, err = drive(path, "--max-hours", "0.5")
    assert (code, out) == (3, "")
    assert "limit: --max-hours 0.5 is above the plan's limit of 0.000002 hours; lower it, or record why" in err
    reason = "the loader was slow, the board agreed"
    assert (
        "LIMIT RAISED: hours from 0.000002 to 0.5"
        in drive(path, "--dry-run", "--max-hours", "0.5", "--raise-limit", reason)[1]
    )
    code, out, err = drive(path, "--max-hours", "0.5", "--raise-limit", reason)
    assert code == 0, err
    assert f"LIMIT RAISED in attempt 2: hours from 0.000002 to 0.5, because: {reason}" in " ".join(out.split())
    raised = {"attempt": 2, "limit": "hours", "planned": "0.000002", "to": "0.5", "reason": reason}
    assert report_of(path)["raised_limits"] == [raised]
    lines = [json.loads(line) for line in (folder_of(path) / "ledger.jsonl").read_bytes().split(b"\n") if line]
    assert [line["data"]["reason"] for line in lines if line["event"] == "limit_raised"] == [reason]


def test_a_raise_that_raises_nothing_is_refused(make_plan: MakePlan) -> None:
    code, out, err = drive(make_plan(), "--raise-limit", "because")
    assert (code, out) == (3, "")
    assert "limit: --raise-limit raises nothing" in err


def test_a_forecast_past_the_limit_is_refused_before_the_first_cent(make_plan: MakePlan) -> None:
    path = make_plan(change=lambda plan: plan["forecast"].update(usd=forecast(30, "usd")))
    code, out, err = drive(path)
    assert (code, out) == (3, "")
    assert "forecast: it takes 15 USD at the least, the limit is 10" in err
    assert not list(path.parent.glob("run-*"))


@pytest.mark.parametrize("day", ["2026-03-15", MADE_ON.isoformat()])
def test_a_run_that_spends_has_the_clocks_day(make_plan: MakePlan, day: str) -> None:
    dates = {"made_on": "2026-03-01", "expires_on": "2026-03-31"}
    path = edited(make_plan(), lambda plan: plan.update(dates))
    code, _, err = drive(path, "--as-of", day)
    assert (code, "is for --dry-run" in err) == (2, True)
    assert drive(path, "--as-of", "2026-03-15", "--dry-run")[0] == 0
    code, _, err = drive(path)
    assert (code, "expired: its last day was 2026-03-31" in err) == (3, True)
    assert not list(path.parent.glob("run-*")), "nothing was begun"


def test_a_run_that_meets_its_set_up_forecast_shows_it(make_plan: MakePlan) -> None:
    setup = {"seconds": forecast(0.5, "seconds"), "usd": forecast(0.0005, "usd")}
    path = make_plan(change=lambda plan: plan.update(setup=setup))
    code, out, err = drive(path, "--format", "json")
    assert code == 0, err
    report = json.loads(out)
    found = {line["name"]: line for line in report["comparisons"] if line["where"] == "setup"}
    assert found["seconds"]["actual"] == report["totals"]["setup_seconds"] > 0
    assert found["usd"]["actual"] == pytest.approx(report["totals"]["setup_seconds"] * 0.001)  # 3.60 an hour
    extra = Decimal(str(report["totals"]["setup_seconds"])) - Decimal("0.5")
    line = next(line for line in report["money"]["lines"] if line["where"] == "start and end")
    assert abs(Decimal(line["usd"]) - extra / 1000) <= Decimal("1e-9")
    assert sum(Decimal(one["usd"]) for one in report["money"]["lines"]) == Decimal(report["money"]["difference_usd"])
