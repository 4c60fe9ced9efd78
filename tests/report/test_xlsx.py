"""The spreadsheet computes: LibreOffice, with every stored result taken out, arrives at what `advise` says."""

import csv
import io
import re
import shutil
import subprocess
import zipfile

import pytest

from advisor.advice import from_json, to_json
from tests.report.asked import advised, considered

pytest.importorskip("xlsxwriter", reason="the spreadsheet needs the extra [xlsx]")
from advisor.report.xlsx import render

OFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice Calc (apt-get install libreoffice-calc)")
VOLUME, WAGE, BUILD, HORIZON = (
    "volume.tasks_per_month", "people.usd_per_hour", "people.build_hours", "volume.lifetime_months",
)  # fmt: skip
CASES = {
    # file: scenario, what is typed into the yellow cells
    "as_advised": ("ticket_routing", {}),
    "small": ("ticket_routing", {VOLUME: 300_000}),
    "large": ("ticket_routing", {VOLUME: 9_000_000, WAGE: 120}),
    "short": ("ticket_routing", {HORIZON: 6, BUILD: 150}),
    "privacy": ("privacy_gate", {VOLUME: 4_000_000}),
    "everything": ("everything", {}),
    "everything_less": ("everything", {VOLUME: 40_000, WAGE: 140}),
    "everything_peaky": ("everything", {"volume.peak_to_mean": 9, "volume.growth_per_month": 0.05}),
    "example": ("worked_example", {VOLUME: 5_000_000}),
}
EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"


def typed(workbook, cells):
    """Return the workbook with numbers typed beside the names of inputs, and without any stored result."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(made, "w") as new:
        strings = re.findall(r"<si><t[^>]*>(.*?)</t></si>", old.read("xl/sharedStrings.xml").decode())
        for name in old.namelist():
            text = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                text = re.sub(rb"(<c [^>]*?)(?: t=\"str\")?(>\s*<f>[^<]*</f>)<v>[^<]*</v>", rb"\1\2", text)
            if name == "xl/worksheets/sheet2.xml":
                text = retyped(text.decode(), strings, cells).encode()
            new.writestr(name, text)
    return made.getvalue()


def retyped(sheet, strings, cells):
    for name, value in cells.items():
        row = re.search(rf'<c r="A(\d+)"[^>]*t="s"><v>{strings.index(name)}</v>', sheet).group(1)
        sheet, count = re.subn(rf'(<c r="B{row}"[^>]*><v>)[^<]*(</v>)', rf"\g<1>{value}\g<2>", sheet)
        assert count == 1
    return sheet


@pytest.fixture(scope="module")
def recomputed(tmp_path_factory):
    """Return the rows of the sheet Verdict of every case, as LibreOffice computes them; one start for all."""
    folder = tmp_path_factory.mktemp("sheets")
    for name, (scenario, cells) in CASES.items():
        (folder / f"{name}.xlsx").write_bytes(typed(render(advised(scenario)), cells))
    home = f"-env:UserInstallation=file://{folder}/profile"
    files = [f"{name}.xlsx" for name in CASES]
    command = [OFFICE, home, "--headless", "--convert-to", EVERY_SHEET, *files]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)
    texts = {name: (folder / f"{name}-Verdict.csv").read_text(encoding="utf-8") for name in CASES}
    return {name: list(csv.reader(io.StringIO(text))) for name, text in texts.items()}


@needs_office
@pytest.mark.parametrize("case", CASES)
def test_a_recomputed_sheet_says_what_advise_says(recomputed, case):
    scenario, cells = CASES[case]
    title, lifetimes = considered(scenario, **cells)
    rows = recomputed[case]
    by_title = {row[0]: row for row in rows}
    assert rows[3][0] == title
    for option in advised(scenario).options:
        assert float(by_title[option.title][2]) == pytest.approx(lifetimes[option.key], abs=0.005), option.key


@needs_office
def test_the_volume_cell_changes_the_verdict_cell(recomputed):
    assert recomputed["as_advised"][3][0] == "Fine-tune and self-host"
    assert recomputed["small"][3][0] == "Stay hosted"  # it flips at 535,000 tasks a month


@needs_office
def test_present_values_are_those_of_the_advice(recomputed):
    by_title = {row[0]: row for row in recomputed["everything"]}
    for option in advised("everything").options:
        assert float(by_title[option.title][4]) == pytest.approx(option.net_present_usd, abs=0.005), option.key


@pytest.mark.parametrize("scenario", ["ticket_routing", "evidence_unknown", "everything"])
def test_a_workbook_is_made_from_the_json_alone(scenario):
    again = from_json(to_json(advised(scenario)))
    sheets = zipfile.ZipFile(io.BytesIO(render(again))).read("xl/workbook.xml").decode()
    names = re.findall(r'<sheet name="([^"]*)"', sheets)
    assert names[:3] == ["Verdict", "Inputs", "Model"]
    assert names[-1] == "As advised"
    assert ("Ladder" in names) == (again.model is not None)
