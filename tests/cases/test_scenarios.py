"""Published decisions as whole scenarios: `advise --format json` meets their figures, and ends in the right verdict.

Their prices stand in scenarios/prices.local.yaml. Up-front labour is nothing where the case has none, so that what is
compared is the case's own arithmetic.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.cli import app

CASES = Path(__file__).parent / "scenarios"
SHIPPED = Path(__file__).parents[2] / "scenarios"
WORDS = ("--format", "json", "--as-of", "2026-11-21")
WRONG_BILL_USD = 60_000
MONTH_DAYS = 365 / 12

# scenario, road, field, expected, relative tolerance of the published figure
FIGURES = [
    ("d01_recipes", "hosted_today", "lifetime_usd", 23_190.28, 1e-3),
    ("d01_recipes", "hosted_smaller", "lifetime_usd", 1033.26, 1e-3),
    ("d01_recipes", "tuned_rented", "first_month_usd", 18.81, 1e-3),
    ("d01_vendor_tuned", "hosted_today", "lifetime_usd", 8683.47, 1e-3),
    ("d03_workstation", "tuned_owned", "lifetime_usd", 24_360, 1e-3),
    ("d03_workstation", "hosted_today", "lifetime_usd", 312 * 63.43, 1e-3),
    ("d04_daily_batch", "hosted_today", "first_month_usd", 1500, 1e-2),
    ("d04_daily_batch", "tuned_local", "first_month_usd", 600, 1e-2),
    ("d05_owned", "tuned_owned", "lifetime_usd", 0.0841 * 26_280, 1e-2),  # hours of three years
    ("d06_small", "hosted_today", "first_month_usd", 15 * MONTH_DAYS, 1e-3),
    ("d06_small", "tuned_local", "first_month_usd", 24 * MONTH_DAYS, 1e-3),
    ("d06_large", "hosted_today", "first_month_usd", 1500 * MONTH_DAYS, 1e-3),
    ("d06_large", "tuned_local", "first_month_usd", 48 * MONTH_DAYS, 1e-3),
    ("d09_break_even", "hosted_today", "first_month_usd", 36, 1e-6),
    ("d09_break_even", "tuned_local", "first_month_usd", 320, 1e-6),
    ("d10_unit", "hosted_today", "usd_per_task", 0.00115, 1e-6),
    ("d11_trap", "hosted_today", "usd_per_million_tokens", 2, 1e-6),
    ("d11_trap", "tuned_local", "usd_per_million_tokens_if_full", 1, 1e-6),
    ("d11_trap", "tuned_local", "usd_per_million_tokens", 4, 1e-3),  # a training run of under a dollar is in it
    ("d11_trap", "tuned_local", "utilisation_share", 0.25, 1e-6),
    ("d13_lesson", "hosted_today", "usd_per_task", 0.0054, 1e-6),
    ("d13_lesson", "hosted_today", "lifetime_usd", 1.97e6, 1e-2),
    ("d13_lesson", "tuned_rented", "lifetime_usd", 17_520, 1e-3),  # "about 17k": 2 USD x 8,760 h
    ("d13_lesson", "tuned_rented", "usd_per_million_tokens_if_full", 6.94e-3, 1e-3),  # 2 / 288,000 a call, not 3e-6
    ("d17_docs", "hosted_today", "lifetime_usd", 45_000, 1e-6),
    ("d17_docs", "tuned_local", "first_month_usd", 0.29 * 730, 1e-6),
    ("d17_docs", "tuned_local", "upfront_usd", 4000, 1e-3),  # the labour that the article leaves out
    ("d33_electricity", "tuned_owned", "payback_months", 250 / MONTH_DAYS, 1e-2),  # 200 / 0.80 a day
    ("d38_bank", "hosted_today", "first_month_usd", 1980, 1e-6),
]
VERDICTS = {
    # scenario: code and road of the verdict, and what the case says
    "d01_recipes": ("fine_tune_self_host", "cost_only"),  # prompting works: never strict
    "d06_small": ("stay_hosted", "none"),  # 1M a day: API
    "d06_large": ("fine_tune_self_host", "strict"),  # 100M a day with two cards: self-host
    "d09_break_even": ("stay_hosted", "none"),  # 12 of 107 million tokens
    "d11_trap": ("stay_hosted", "none"),  # the full replica's price is not what is paid
    "d33_electricity": ("stay_hosted", "none"),
    "worked_example": ("stay_hosted", "none"),  # the premise fails at 0.30 USD an hour
}
# scenario, and the volume from which the own road is cheaper (tasks of 1,000 tokens a month)
EVENS = [
    ("d06_small", 1600 * MONTH_DAYS, 1e-3),  # 1.6 million tokens a day
    ("d09_break_even", 106_666.667, 1e-3),
    ("d11_trap", 365_000, 1e-3),  # half full: 500 of 1,000 tasks an hour
]


def path_of(name: str) -> Path:
    beside = CASES / f"{name}.yaml"
    return beside if beside.exists() else SHIPPED / name / "scenario.yaml"


@cache
def advice(name: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [str(path_of(name)), *WORDS])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def road(told: dict[str, Any], key: str) -> dict[str, Any]:
    return next(option for option in told["options"] if option["key"] == key)


def test_every_scenario_here_is_looked_at() -> None:
    named = {row[0] for row in FIGURES} | VERDICTS.keys()
    assert {path.stem for path in CASES.glob("d*.yaml")} <= named
    assert len(named) >= 12


@pytest.mark.parametrize(("name", "key", "field", "expected", "rel"), FIGURES)
def test_the_published_figure_stands_in_the_advice(
    name: str, key: str, field: str, expected: float, rel: float
) -> None:
    assert road(advice(name), key)[field] == pytest.approx(expected, rel=rel)


@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items(), ids=VERDICTS)
def test_the_verdict_is_the_cases(name: str, verdict: tuple[str, str]) -> None:
    told = advice(name)["verdict"]
    assert (told["code"], told["road"]) == verdict


@pytest.mark.parametrize(("name", "tasks", "rel"), EVENS)
def test_the_published_break_even_stands_in_the_advice(name: str, tasks: float, rel: float) -> None:
    crossing = next(each for each in advice(name)["crossovers"] if "local" in each["option"])
    assert crossing["cheaper_between"][0][0] == pytest.approx(tasks, rel=rel)
    assert crossing["closed_form"] == pytest.approx(tasks, rel=rel)


def test_an_hour_a_day_saves_six_tenths_of_the_bill() -> None:
    told = advice("d04_daily_batch")
    own, hosted = (road(told, key)["first_month_usd"] for key in ("tuned_local", "hosted_today"))
    assert 1 - own / hosted == pytest.approx(0.60, rel=0.01)


def test_a_prompt_is_never_billed_at_the_price_of_an_answer() -> None:
    bills = [option["lifetime_usd"] for option in advice("d17_docs")["options"]]
    assert all(bill != pytest.approx(WRONG_BILL_USD, rel=0.05) for bill in bills)


def test_the_worked_example_keeps_its_arithmetic_and_loses_its_premise() -> None:
    told = advice("worked_example")
    today, claimed, real = (road(told, key) for key in ("hosted_today", "tuned_claimed", "tuned_local"))
    assert today["first_month_usd"] - claimed["first_month_usd"] == pytest.approx(150)
    assert today["lifetime_usd"] - (claimed["lifetime_usd"] - claimed["upfront_usd"]) == pytest.approx(1800)
    assert real["first_month_usd"] == pytest.approx(219)


def test_a_claim_that_is_within_the_bill_of_its_card_is_left_alone() -> None:
    assert advice("d38_bank")["plausibility"] == []


@pytest.mark.parametrize("name", ["d01_recipes", "d06_large", "d11_trap"])
def test_the_process_says_the_same(name: str) -> None:
    command = [sys.executable, "-m", "advisor.cli", str(path_of(name)), *WORDS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == advice(name)
