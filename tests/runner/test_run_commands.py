"""What the program says: dry run, report, ledger, wrong usage; in a pipe, at 80 columns, without colour."""

import json
from decimal import Decimal

import pytest

from tests.runner.toy_plan import MakePlan, drive, folder_of, report_of


def test_a_dry_run_shows_the_forecast_and_writes_nothing(make_plan: MakePlan) -> None:
    path = make_plan(change=lambda plan: plan["verdict"].update(justified=False, override_reason="to learn"))
    before = sorted(path.parent.rglob("*"))
    code, out, err = drive(path, "--dry-run")
    assert (code, err) == (0, "")
    assert "nothing was spent" in out
    assert "OVERRIDE: against the verdict, because: to learn" in out
    code, out, _ = drive("--dry-run", path, "--format", "json")
    assert json.loads(out)["forecast"]["usd"]["value"] == 0.001
    assert sorted(path.parent.rglob("*")) == before


def test_the_price_of_an_hour_on_the_invoice(make_plan: MakePlan) -> None:
    path = make_plan()
    assert drive(path, "--usd-per-hour", "7.20")[0] == 0  # planned 3.60
    report = report_of(path)
    price = Decimal(report["money"]["by_cause"]["price"])
    assert abs(price - Decimal(report["totals"]["usd"]) / 2) <= Decimal("1e-9")  # half of what was paid, to the unit
    assert report["attempts"][0]["rate_source"] == "stated with --usd-per-hour"


@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_a_report_in_a_pipe_has_no_colour_and_fits(make_plan: MakePlan, form: str) -> None:
    hostile = "[red]x[/red] | <b>\x1b[31m"
    path = make_plan(change=lambda plan: plan["verdict"].update(override_reason=hostile))
    code, out, _ = drive(path, "--format", form)
    assert code == 0
    assert "\x1b" not in out
    if form == "table":
        assert max(map(len, out.splitlines())) <= 80
        assert "[red]x[/red]" in out, "markup in a name is text"
    if form == "markdown":
        assert "<b>" not in out


def test_the_ledger_command_shows_attempts_and_entries(make_plan: MakePlan) -> None:
    path = make_plan()
    assert drive(path)[0] == 0
    code, out, _ = drive("ledger", folder_of(path))
    assert code == 0
    assert out.startswith("attempt 1")
    assert "the chain holds" in out
    code, out, _ = drive("ledger", folder_of(path), "--format", "json")
    document = json.loads(out)
    assert [entry["seq"] for entry in document["entries"]] == list(range(1, len(document["entries"]) + 1))
    ledger = folder_of(path) / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"stage": "curate"', b'"stage": "curatE"', 1))
    code, _, err = drive("ledger", folder_of(path))
    assert code == 1
    assert "ledger.jsonl:3  does not follow from the line before it" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "run plan.json"),
        (["plan.json", "--help"], 0, "--max-usd"),
        (["no-such-plan.json"], 1, "no-such-plan.json: there is no such file"),
        (["report", "no-such-folder"], 2, "does not exist"),
        (["plan.json", "--max-usd", "much"], 2, "'much' is no amount"),
        (["plan.json", "--unknown"], 2, "--unknown"),
        (["report", "--help"], 0, "Show a run's report"),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, said: str) -> None:
    found, out, err = drive(*arguments)
    assert (found, said in out + err) == (code, True), out + err
