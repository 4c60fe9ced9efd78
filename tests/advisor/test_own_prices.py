"""The user's own prices and currency, from the file beside a scenario to the advice and the plan."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from advisor.cli import app

DAY = ["--as-of", "2026-11-21"]
OWN = """because: framework agreement 2026/17
checked: 2026-11-01
api: [{model: openai/gpt-6-sol, off_percent: 20}]
"""


@pytest.fixture
def folder(tmp_path, repo):
    shutil.copytree(repo / "scenarios" / "ticket_routing", tmp_path / "case")
    return tmp_path / "case"


def advise(*words: str):
    return CliRunner().invoke(app, [*words, *DAY])


def advice(folder, *words: str):
    result = advise(str(folder / "scenario.yaml"), "--format", "json", *words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def today(told) -> float:
    return next(option["lifetime_usd"] for option in told["options"] if option["key"] == "hosted_today")


def test_a_discount_beside_the_scenario_is_used_told_and_traced(folder):
    listed = advice(folder)
    (folder / "prices.local.yaml").write_text(OWN)
    told = advice(folder)
    assert today(told) == pytest.approx(today(listed) * 0.8)  # every price of that road less 20 %
    remark = next(each for each in told["warnings"] if "your own overrides" in each)
    assert remark == "2 of the prices in use are your own overrides (prices.local.yaml): api.openai/gpt-6-sol"
    assert told["prices"]["digest"] != listed["prices"]["digest"]
    tree = advise("explain", str(folder / "scenario.yaml"), "hosted_today.lifetime").stdout
    assert "prices.local.yaml: framework agreement 2026/17" in tree
    assert "gpt-6-sol.input_usd_per_million_tokens.list: 2 USD / 1M tokens [q]" in tree


def test_the_plan_freezes_the_list_price_and_what_was_agreed(folder, tmp_path):
    (folder / "prices.local.yaml").write_text(OWN)
    plan = tmp_path / "out" / "plan.json"
    result = advise(str(folder / "scenario.yaml"), "--plan", str(plan), "--override", "the test of own prices")
    assert result.exit_code == 0, result.stderr
    frozen = {line["name"]: line for line in json.loads(plan.read_text())["prices"]}
    name = "price.api.openai/gpt-6-sol.output_usd_per_million_tokens"
    assert (frozen[f"{name}.list"]["amount"], frozen[f"{name}.off_share"]["amount"]) == ("10", "0.2")
    assert frozen[f"{name}.off_share"]["source"] == "prices.local.yaml: framework agreement 2026/17"


def test_a_named_file_goes_before_the_one_beside(folder, tmp_path):
    listed = today(advice(folder))
    (folder / "prices.local.yaml").write_text(OWN)
    named = tmp_path / "half.yaml"
    named.write_text(OWN.replace("20}", "50}"))
    assert today(advice(folder, "--prices", str(named))) == pytest.approx(listed * 0.5)


def test_faults_of_the_file_end_the_advice_with_their_lines(folder):
    (folder / "prices.local.yaml").write_text(OWN.replace("20}", "a fifth}"))
    result = advise(str(folder / "scenario.yaml"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "prices.local.yaml:3  off_percent is 'a fifth'; wanted a number over 0 and under 100" in result.stderr


def test_another_currency_needs_its_rate_and_the_day_of_it_and_shows_both(folder):
    scenario = folder / "scenario.yaml"
    text = scenario.read_text().replace("finance: {", "finance: {currency: EUR, usd_rate: 0.92, ")
    scenario.write_text(text)
    result = advise(str(scenario))
    assert result.exit_code == 1
    assert "finance.usd_rate_on is missing; wanted the day of the rate" in result.stderr
    scenario.write_text(text.replace("usd_rate: 0.92, ", "usd_rate: 0.92, usd_rate_on: 2026-11-20, "))
    assert "amounts are in EUR, at 0.92 for one USD, the rate of 2026-11-20" in advice(folder)["warnings"]


def test_no_plan_is_made_of_a_name_that_floats(folder, tmp_path):
    scenario = folder / "scenario.yaml"
    scenario.write_text(scenario.read_text().replace("model: openai/gpt-6-sol", "model: mistral/mistral-small-latest"))
    plan = tmp_path / "out" / "plan.json"
    result = advise(str(scenario), "--plan", str(plan), "--override", "the test of floating names")
    assert (result.exit_code, plan.exists()) == (3, False)
    assert "api.mistral/mistral-small-latest may be another model tomorrow; name the dated model" in result.stderr
