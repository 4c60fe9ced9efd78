"""Every form of one advice states what a reader of that form alone must know, and is the same made from the JSON."""

import csv
import io
import json
import re
import zipfile
from html import unescape

import pytest
import typer
from rich.console import Console

from advisor.advice import from_json, to_json
from advisor.cli_out import FORMS, MIX_FORMS, read_advice, refuse_for_mix, write_files
from advisor.mix import advise_mix
from advisor.mix_file import read_mix
from advisor.report import chart, summary
from advisor.report.mix import show as show_mix
from advisor.report.mix import stake as mix_stake
from advisor.report.terminal import show
from tests.report.asked import AS_OF, SCENARIOS, advised

pytest.importorskip("xlsxwriter", reason="the spreadsheet needs the extra [xlsx]")
EURO = 0.9


@pytest.fixture(scope="module")
def euros():
    """Return the richest advice in euros, with warnings, old prices, ranges and an unsettled verdict."""
    plain = json.loads(to_json(advised("everything")))
    return from_json(json.dumps({**plain, "currency": "EUR", "usd_rate": EURO}))


def on_screen(advice, verbose=0, width=80):
    out = io.StringIO()
    show(advice, Console(file=out, width=width, force_terminal=False, no_color=True, highlight=False), verbose)
    return out.getvalue()


def in_workbook(advice):
    book = zipfile.ZipFile(io.BytesIO(FORMS[".xlsx"](advice)))
    names = [name for name in book.namelist() if name.startswith(("xl/worksheets", "xl/sharedStrings", "xl/workbook"))]
    return unescape(re.sub(r"<[^>]+>", " ", " ".join(book.read(name).decode() for name in names)))


READERS = {
    "terminal": on_screen,
    "markdown": lambda advice: FORMS[".md"](advice).replace("\\", ""),
    "html": lambda advice: unescape(re.sub(r"<[^>]+>", " ", FORMS[".html"](advice).split("<script")[0])),
    "xlsx": in_workbook,
}


@pytest.mark.parametrize("form", READERS)
def test_a_form_states_what_its_reader_must_know(euros, form):
    said = " ".join(READERS[form](euros).replace("│", " ").split())
    drawn = f"drawn at once, {euros.uncertainty.draws:,} times"
    wanted = {
        "verdict": euros.verdict.title,
        "reason": euros.verdict.because,
        "money at stake and its period": summary.stake(euros),
        "what would change it": summary.moving(euros)[0].leaf,
        "regret": summary.regret(euros),
        "day of the advice": f"As of {euros.as_of}",
        "days of the prices": f"prices in use checked {euros.prices.oldest}..{euros.prices.newest}",
        "currency and rate": "EUR, 1 USD = 0.9 EUR",
        "what the letters mean": "q quoted, m measured, a assumed, d derived",
        "what totals rest on": "Totals are derived, down to assumed numbers",
        "not assessed": euros.not_assessed[0],
        "warning": euros.warnings[0].split(": ")[-1][:30],
        "confidence": drawn if form == "terminal" else summary.confidence(euros),
    }
    missing = [what for what, text in wanted.items() if " ".join(text.split()) not in said]
    assert not missing, said[:3000]


def test_every_file_is_the_same_made_from_the_json(euros):
    again = from_json(to_json(euros))
    for ending, make in FORMS.items():
        assert make(again) == make(euros), ending
    assert on_screen(again, 1) == on_screen(euros, 1)


def test_rows_by_month_carry_the_verdict_and_sum_to_the_lifetime(euros):
    rows = list(csv.DictReader(io.StringIO(FORMS[".csv"](euros))))
    assert {(row["verdict"], row["currency"], row["prices_to"]) for row in rows} == {
        (euros.verdict.code, "EUR", str(euros.prices.newest))
    }
    for option in euros.options:
        own = [row for row in rows if row["option"] == option.key]
        assert sum(float(row["usd"]) for row in own) == pytest.approx(option.lifetime_usd)
        assert float(own[-1]["cumulative_amount"]) == pytest.approx(option.lifetime_usd * EURO)
        assert own[0]["rests_on"] == "a"


@pytest.mark.parametrize("scenario", ["ticket_routing", "evidence_unknown", "privacy_gate", "everything"])
def test_the_screen_fits_eighty_columns_with_every_detail(scenario):
    page = on_screen(advised(scenario), verbose=1)
    assert max(map(len, page.splitlines())) <= 80
    assert "\x1b" not in page


def test_the_charts_by_hand():
    drawn = chart.cost_chart(advised("ticket_routing"), 80)
    (tuned,) = [option for option in advised("ticket_routing").options if option.trains]
    assert f"the same after {tuned.payback_months:.1f} months" in drawn  # today's road is the cheapest hosted one
    assert list(chart.crossed([0, 4, 8, 12], [6, 6, 6, 18])) == [1.5, pytest.approx(2.25)]  # gaps -6 -2 2 -6
    assert chart.at([1.0, 3.0, 7.0], 1.5) == 5.0
    plot = chart.cell_rows([[0.0, 9.0], [9.0, 0.0]], 10)
    assert plot[0] == [*"B        A"]
    assert plot[9] == [*"A        B"]
    assert chart.charts(advised("evidence_unknown"), 80) == []


@pytest.fixture(scope="module")
def mix():
    return advise_mix(read_mix(SCENARIOS / "support_assistant_mix" / "mix.yaml", AS_OF)).advice


@pytest.mark.parametrize("form", [".md", ".html", "terminal"])
def test_a_mix_states_what_its_reader_must_know(mix, form):
    made = mix_on_screen(mix) if form == "terminal" else MIX_FORMS[form](mix)
    said = " ".join(unescape(re.sub(r"<[^>]+>", " ", made)).replace("\\", "").replace("│", " ").split())
    total = next(one for one in mix.totals if one.key == "recommended")
    wanted = [mix.headline, mix_stake(mix), f"As of {mix.as_of}", str(mix.prices.newest), mix.not_assessed[0],
              f"{round(total.lifetime_usd):,}", *(task.verdict.because for task in mix.tasks)]  # fmt: skip
    assert [text for text in wanted if " ".join(text.split()) not in said] == []


def mix_on_screen(advice):
    out = io.StringIO()
    show_mix(advice, Console(file=out, width=1000, force_terminal=False, highlight=False))
    return out.getvalue()


def test_files_of_a_mix_by_the_command(mix, tmp_path, capsys):
    kept, page = tmp_path / "mix.json", tmp_path / "mix.html"
    write_files(mix, [kept])
    write_files(read_advice(kept), [page])
    assert page.read_text(encoding="utf-8") == MIX_FORMS[".html"](mix)
    with pytest.raises(typer.BadParameter, match="add --task NAME"):
        refuse_for_mix([tmp_path / "mix.xlsx"])
