"""`run report --out`: a killed and resumed run in every form, and the rules of its rows, words and charts by hand."""

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from pricing.focus import faults
from runner.ledger import Entry
from runner.report_facts import binned, held_out
from runner.report_focus import charges
from runner.report_focus import render as focus
from runner.report_html import render as html
from runner.report_money import escalations, money_sentences
from runner.report_out import form_of, kept_report
from runner.report_plots import curve, ticks, waterfall
from tests.runner.test_run_whole import wait_for_lines
from tests.runner.toy_plan import MakePlan, drive, folder_of, kill, start

HOUR = "3.60"


@pytest.fixture
def killed(make_plan: MakePlan):
    """Return the folder of a run that was killed in its training and then finished."""
    path = make_plan(steps=60, save_every=20)
    process = start(path, TOY_STEP_SECONDS="0.02")
    wait_for_lines(process, path, 45)
    kill(process)
    assert drive(path)[0] == 0
    return folder_of(path)


def test_every_form_of_one_run(killed, tmp_path):
    names = ("page.html", "note.md", "rows.csv", "focus.csv", "all.json", "bill.focus.csv")
    asked = [part for name in names for part in ("--out", str(tmp_path / name))]
    code, table, err = drive("report", killed, *asked)
    assert (code, err.count("written: ")) == (0, 6), err
    report = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert report == json.loads((killed / "report.json").read_text(encoding="utf-8"))
    texts = {name: " ".join((tmp_path / name).read_text(encoding="utf-8").split()) for name in names[:2]}
    texts["screen"] = " ".join(table.split())
    for said in (
        "Money: ",
        "allowed; predicted",
        "adverse",
        "done twice",
        "getting ready again",
        "idle",
        "no conversion",
        "Plan of ",
        "energy: not known: no power draw",
        "= total",
        "gate: target",
        "Rate: 3.60 USD",
    ):
        assert all(said in text for text in texts.values()), said  # fmt: skip
    assert Decimal(report["waste"]["redone_usd"]) > 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "focus.csv").read_text(encoding="utf-8"))))
    assert faults(rows) == []
    assert (tmp_path / "focus.csv").read_bytes() == (tmp_path / "bill.focus.csv").read_bytes()
    for attempt in report["attempts"]:
        cost = sum(
            Decimal(r["EffectiveCost"]) for r in rows if f"attempt {attempt['number']} " in r["ChargeDescription"]
        )
        assert abs(cost - Decimal(attempt["usd"])) <= Decimal("1e-9")
    assert {row["x_Estimate"] for row in rows} == {"false"}
    variance = csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text(encoding="utf-8")))
    total = sum(Decimal(row["difference"]) for row in variance if row["kind"] == "variance")
    assert total == Decimal(report["money"]["difference_usd"])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == html(kept_report(killed / "report.json"))
    assert page.count("<svg") == 5  # money, memory, loss, gradient norm, tokens a second
    assert re.findall(r"""(?:src|href|url)\s*[=(]""", page) == []


def test_another_file_is_no_report_and_another_ending_no_form(tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"plan_id": 1}', encoding="utf-8")
    code, _, err = drive("report", other)
    assert code == 1
    assert "lacks comparisons" in err
    assert drive("report", tmp_path, "--out", "x.pdf")[0] == 2


REPORT = {
    "plan_id": "ab" * 32, "scenario": "toy", "currency": "USD",
    "machine": {"name": "rented L4", "kind": "rented", "card": "L4", "rate_source": "price.gpu.gcp/L4/1x: list"},
    "money": {"predicted_usd": "10", "actual_usd": "12", "limit_usd": "20",
              "by_cause": {"price": "0", "quantity": "-1", "efficiency": "3", "scope": "0"}},
    "attempts": [{"number": 1, "started": "2026-11-30T23:30:00+00:00", "seconds": 7200.0, "idle_seconds": 0.0,
                  "usd_per_hour": HOUR, "usd": "7.20"}],
    "comparisons": [],
}  # fmt: skip


def test_a_charge_is_cut_where_a_month_ends_and_names_the_vendor():
    first, second = charges(REPORT)  # half an hour in November, an hour and a half in December
    assert (first.quantity, second.quantity) == (Decimal("0.5"), Decimal("1.5"))
    assert [one.period[0].month for one in (first, second)] == [11, 12]
    assert first.ends == second.starts == first.period[1]
    (one, other) = csv.DictReader(io.StringIO(focus(REPORT)))
    assert [Decimal(row["BilledCost"]) for row in (one, other)] == [Decimal("1.80"), Decimal("5.40")]  # x 3.60
    assert faults([one, other]) == []
    assert one["ProviderName"] == "gcp"


def test_an_own_machine_sends_no_invoice_and_nothing_spent_is_no_file():
    own = {**REPORT, "machine": {**REPORT["machine"], "kind": "local"}}
    rows = list(csv.DictReader(io.StringIO(focus(own))))
    assert [(row["BilledCost"], Decimal(row["EffectiveCost"])) for row in rows] == [
        ("0.00", Decimal("1.80")), ("0.00", Decimal("5.40"))]  # fmt: skip
    with pytest.raises(ValueError, match="nothing was spent"):
        focus({**REPORT, "attempts": []})


def usd_line(where, predicted, actual):
    share = None if actual is None else abs(actual - predicted) / predicted
    return {"name": "usd", "where": where, "predicted": predicted, "actual": actual,
            "escalate": share is not None and share > 0.15}  # fmt: skip


def test_what_is_off_is_escalated_where_it_matters():
    lines = [
        usd_line("run", 10.0, 12.0),  # 20 %
        usd_line("sft", 6.0, 6.8),  # 13 %: within
        usd_line("merge", 0.4, 0.8),  # 100 %, but 0.4 of 10 is 4 %: nobody's question
        usd_line("evaluate", 2.0, 1.4),  # 30 % below, 6 % of the whole
        usd_line("dpo", 2.0, None),
    ]
    report = {**REPORT, "comparisons": lines}
    assert list(escalations(report)) == ["run (+20 %, adverse)", "evaluate (-30 %, favourable)"]
    money, escalate = money_sentences(report)
    assert money == "Money: 12.00 USD of 20.00 allowed; predicted 10.00 (+20 %, adverse)"
    assert escalate == "Escalate, over 15 % off: run (+20 %, adverse), evaluate (-30 %, favourable)"


def test_bars_lead_from_predicted_to_actual():
    drawn = waterfall(REPORT["money"])
    said = "predicted 10.00, price 0.00, quantity -1.00, efficiency +3.00, scope 0.00, actual 12.00"
    assert f'aria-label="Money from predicted to actual, USD: {said}"' in drawn
    widths = [float(one) for one in re.findall(r'<rect [^>]*width="([0-9.]+)"', drawn)]
    room = 440 - 80 - 96
    assert widths == pytest.approx([room * 10 / 12, 1, room / 12, room * 3 / 12, 1, room], abs=0.06)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 3.4, [0, 1, 2, 3, 4]),
        (0, 8, [0, 2, 4, 6, 8]),
        (0, 95, [0, 25, 50, 75, 100]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (5, 5, [5, 10]),
    ],
)
def test_an_axis_has_round_numbers(low, high, wanted):
    assert ticks(low, high) == pytest.approx(wanted)


def test_a_long_curve_is_means_of_neighbours():
    measured = [{"step": float(n), "loss": float(n)} for n in range(1, 401)]  # 400 steps, two a point
    found = binned(measured, "loss")
    assert (found["step"][:2], found["value"][:2]) == ([2, 4], [1.5, 3.5])
    assert len(found["step"]) == 200
    assert binned([{"step": 1.0}], "loss") == {"step": [], "value": []}


def test_the_held_out_loss_is_a_curve_of_its_stage():
    def entry(seq, event, **data):
        return Entry(seq, 1, Decimal(seq), "2026-11-21T10:00:00+00:00", event, data)

    told = [entry(1, "evaluation", stage="sft", step=10, loss=0.5, seconds="0.1"),
            entry(2, "evaluation", stage="sft", step=20, loss="nan", seconds="0.1"),
            entry(3, "evaluation", stage="dpo", step=20, loss=0.7, seconds="0.1"),
            entry(4, "evaluation", stage="sft", step=10, loss=0.4, seconds="0.1")]  # fmt: skip
    assert held_out(told, "sft") == [{"step": 10.0, "held_out_loss": 0.4}]  # the last word on a step; a nan is no point
    assert "sft: loss on held-out rows by step" in curve(
        {"stage": "sft", "name": "held_out_loss", "step": [10.0, 20.0], "value": [0.5, 0.4]}
    )


@pytest.mark.parametrize(("name", "known"), [("focus.csv", True), ("a.FOCUS.csv", True), ("a.xlsx", False)])
def test_endings(name, known):
    assert (form_of(Path(name)) is not None) == known
