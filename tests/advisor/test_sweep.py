"""A sweep is `advise` at every point, and says so of a sample of points; the door writes CSV and charts."""

import csv
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from advisor.advise import advise
from advisor.question_files import read_question
from advisor.sweep import Axis, SweepError, at_point, sweep
from advisor.sweep_chart import chart

AS_OF = date(2026, 11, 21)
ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "scenarios" / "ticket_routing" / "scenario.yaml"
VOLUME, WAGE = "volume.tasks_per_month", "people.usd_per_hour"


@pytest.fixture(scope="module")
def question():
    return read_question(SCENARIO, AS_OF)


def axis(path, *values):
    return Axis(path, np.array(values, dtype=float))


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("ticket_routing", [Axis(VOLUME, np.geomspace(1e4, 1e7, 40)), axis(WAGE, 0, 40, 95, 200)]),
        ("ticket_routing", [Axis("tokens.input", np.linspace(100, 3000, 6)), Axis(VOLUME, np.geomspace(1e5, 1e7, 5))]),
        ("ticket_routing", [axis("volume.lifetime_months", 2, 7.5, 24, 60)]),
        ("ticket_routing", [axis("volume.growth_per_month", -0.1, 0, 0.1)]),
        ("privacy_gate", [Axis(VOLUME, np.geomspace(1e4, 1e7, 20)), axis("people.build_hours", 0, 80)]),
        ("cost_only_distillation", [Axis(VOLUME, np.geomspace(1e4, 1e8, 30))]),
    ],
)
def test_every_point_is_what_advise_says_there(name, axes):
    question = read_question(ROOT / "scenarios" / name / "scenario.yaml", AS_OF)
    swept = sweep(question, axes)
    assert swept.rows == np.prod([one.values.size for one in axes])
    sample = np.random.default_rng(7).choice(swept.rows, size=min(6, swept.rows), replace=False)
    for row in sample.tolist():
        point = {path: float(values[row]) for path, values in swept.points.items()}
        advice = advise(at_point(question, point)).advice
        assert advice.verdict.code == swept.verdicts[row], point
        costs = {option.key: option.lifetime_usd for option in advice.options}
        assert costs == pytest.approx({key: swept.lifetime_usd[key][row] for key in costs}, rel=1e-12)


def test_a_number_that_may_not_be_so_is_refused_with_what_was_wanted(question):
    with pytest.raises(SweepError, match=r"volume.tasks_per_month = -1: wanted a number above 0"):
        sweep(question, [axis(VOLUME, -1, 5)])
    with pytest.raises(
        SweepError, match=r"volume.tasks, quality.kind cannot be swept; wanted one of: .*volume.tasks_per"
    ):
        sweep(question, [axis("volume.tasks", 1), axis("quality.kind", 1)])
    with pytest.raises(SweepError, match="asked anew at each of 2,001 values"):
        sweep(question, [Axis("tokens.output", np.linspace(1, 100, 2001))])


def test_a_chart_of_one_number_has_a_line_a_road_and_of_two_a_tile_a_point(question):
    volumes, wages = Axis(VOLUME, np.geomspace(1e4, 1e7, 12)), Axis(WAGE, np.linspace(20, 200, 5))
    one = sweep(question, [volumes])
    picture = ET.fromstring(chart(one, [volumes], "a & b"))
    assert len(picture.findall(".//{*}polyline")) == len(one.lifetime_usd)
    tiles = ET.fromstring(chart(sweep(question, [volumes, wages]), [volumes, wages], "x"))
    verdicts = len(set(sweep(question, [volumes, wages]).verdicts))
    assert len(tiles.findall(".//{*}rect")) == 12 * 5 + verdicts + 2  # tiles, key, frame and page
    with pytest.raises(SweepError, match="one or two numbers"):
        chart(one, [volumes, wages, Axis("people.build_hours", np.array([1.0, 2.0]))], "x")


def run(*arguments):
    command = [sys.executable, "-m", "advisor.cli", "sweep", str(SCENARIO), "--as-of", "2026-11-21", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_door_prints_csv_and_writes_files(tmp_path):
    done = run("--set", f"{VOLUME}=1e4..1e7", "--points", "4")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [float(row[VOLUME]) for row in rows] == pytest.approx([1e4, 1e5, 1e6, 1e7])
    assert [row["verdict"] for row in rows] == [
        "stay_hosted",
        "stay_hosted",
        "fine_tune_self_host",
        "fine_tune_self_host",
    ]
    assert float(rows[0]["hosted_today_usd"]) == pytest.approx(0.00194 * 1e4 * 24)  # a task costs 0.00194 USD
    table, picture = tmp_path / "deep" / "a.csv", tmp_path / "a.svg"
    done = run("--set", f"{WAGE}=50,95", "--set", f"{VOLUME}=800000", "--out", str(table), "--out", str(picture))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert len(table.read_text(encoding="utf-8").splitlines()) == 3
    assert picture.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--set", "volume.tasks_per_month=many"), 2, "wanted PATH=LOW..HIGH"),
        (("--set", "volume.tasks_per_month=7..5"), 2, "wanted PATH=LOW..HIGH"),
        (("--set", f"{VOLUME}=1..5", "--out", "x.pdf"), 2, ".csv or .svg"),
        (("--set", f"{VOLUME}=1..5", "--points", "2000000"), 2, "at most 1,000,000"),
        (("--set", "volume.nothing=1..5"), 1, "cannot be swept"),
    ],
)
def test_what_cannot_be_swept_is_refused_with_the_next_step(arguments, code, told):
    done = run(*arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stdout == ""
