"""What a scenario's numbers are held against: told in the advice, or refused with their line, all at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.cli import app

SCENARIO = """name: slips
task: {kind: extraction, role: inner}
volume: {tasks_per_month: 40_000}
tokens: {input: 1_000, output: 300}
today: {model: openai/gpt-6-sol}
"""
OWNED = "candidates: {owned_card: {card: RTX-4090, capex_usd: 1_800, watts: %s, usd_per_kwh: %s}}\n"


def ask(folder: Path, text: str, *words: str) -> Any:
    (folder / "scenario.yaml").write_text(text)
    return CliRunner().invoke(app, [str(folder / "scenario.yaml"), "--as-of", "2026-11-21", "--format", "json", *words])


def found(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    result = ask(folder, text)
    assert result.exit_code == 0, result.stderr
    return {each["place"]: each for each in json.loads(result.stdout)["plausibility"]}


def test_a_clean_scenario_has_nothing_to_say(tmp_path: Path) -> None:
    assert found(tmp_path, SCENARIO.replace("sol}", "sol, monthly_bill_usd: 210}")) == {}


# a line in place of another, the place that is told
TOLD = [
    ("sol}", "sol, monthly_bill_usd: 2_400}", "today.monthly_bill_usd"),
    ("40_000}", "40_000, growth_per_month: 0.30}", "volume.growth_per_month"),
    ("name:", "people: {usd_per_hour: 9_000}\nname:", "people.usd_per_hour"),
    ("name:", "finance: {annual_discount_rate: 0.0065}\nname:", "finance.annual_discount_rate"),
    ("name:", "finance: {meaningful_margin: 0.003}\nname:", "finance.meaningful_margin"),
    ("input: 1_000", "input: 4_000_000", "tokens.input"),
    ("name:", "serving: {claimed_usd_per_month: 89}\ncandidates: {serving_card: A10}\nname:",
     "serving.claimed_usd_per_month"),
    ("name:", "claims: [{what: a slide, before_usd: 1500, after_usd: 600, saving_share: 1.5}]\nname:",
     "claims, a slide"),
    ("name:", "claims: [{what: rows, parts_usd: [100, 127], total_usd: 380}]\nname:", "claims, rows"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "instead", "place"), TOLD, ids=[row[2] for row in TOLD])
def test_the_advice_tells_it_with_place_source_and_next_step(
    tmp_path: Path, line: str, instead: str, place: str
) -> None:
    told = found(tmp_path, SCENARIO.replace(line, instead, 1))
    assert place in told
    assert told[place]["source"]
    assert told[place]["next_step"]
    assert told[place]["usual_low"] <= told[place]["usual_high"]


# a line in place of another, what is said on the line of the fault
REFUSED = [
    ("sol}", "sol, monthly_bill_usd: 0.2}", "scenario.yaml:5  today.monthly_bill_usd"),
    ("name:", "constraints: {latency_tpot_ms: 0.05}\nname:", "scenario.yaml:1  constraints.latency_tpot_ms"),
    ("name:", f"{OWNED % (0.32, 0.12)}name:", "scenario.yaml:1  candidates.owned_card.watts"),
    ("name:", f"{OWNED % (320, 0.00012)}name:", "scenario.yaml:1  candidates.owned_card.usd_per_kwh"),
    ("name:", "local_machine: {usd_per_hour: 0.0004, because: rent}\nname:",
     "scenario.yaml:1  local_machine.usd_per_hour"),
    ("name:", "serving: {reserved_usd_per_gpu_hour: 900}\ncandidates: {serving_card: L40S}\nname:",
     "scenario.yaml:1  serving.reserved_usd_per_gpu_hour"),
    ("name:", "serving: {capacity_tasks_per_hour: 0.5}\ncandidates: {serving_card: L40S}\nname:",
     "scenario.yaml:1  serving.capacity_tasks_per_hour"),
    ("name:", "limits: {hours: 7_200}\nname:", "scenario.yaml:1  limits.hours"),
    ("tasks_per_month: 40_000", "tasks_per_month: 40_000_000_000", "scenario.yaml:3  volume.tasks_per_month"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "instead", "told"), REFUSED)
def test_a_thousandfold_slip_is_refused_with_its_line_until_it_is_said_to_be_right(
    tmp_path: Path, line: str, instead: str, told: str
) -> None:
    text = SCENARIO.replace(line, instead, 1)
    result = ask(tmp_path, text)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr
    assert "then write" in result.stderr
    field = told.rsplit(maxsplit=1)[-1]
    assert f"add {field} to `unusual`" in result.stderr
    assert found(tmp_path, f"{text}unusual: [{field}]\n")[field]["confirmed"]


def test_a_word_of_honour_for_a_number_that_nobody_doubts_is_told(tmp_path: Path) -> None:
    told = json.loads(ask(tmp_path, SCENARIO + "unusual: [people.usd_per_hour]\n").stdout)["warnings"]
    assert "unusual names people.usd_per_hour, and nothing is odd about it: delete the line" in told


def test_all_refused_numbers_come_at_once(tmp_path: Path) -> None:
    slips = "constraints: {latency_tpot_ms: 0.05}\n" + OWNED % (0.32, 0.00012)
    assert len(ask(tmp_path, SCENARIO + slips).stderr.strip().splitlines()) == 3


def test_own_prices_are_held_against_the_list_they_replace(tmp_path: Path) -> None:
    own = "because: a contract\nchecked: 2026-11-01\napi:\n  - {model: openai/gpt-6-sol,"
    own += " output_usd_per_million_tokens: %s}\n"
    (tmp_path / "prices.local.yaml").write_text(own % "0.01")  # 10 USD a million, written per thousand
    result = ask(tmp_path, SCENARIO)
    assert result.exit_code == 1
    assert "prices.local.yaml:4 output_usd_per_million_tokens" in result.stderr
    assert "a price per thousand tokens: then write 10" in result.stderr
    (tmp_path / "prices.local.yaml").write_text(own % "8")  # a fifth off is a contract
    assert ask(tmp_path, SCENARIO).exit_code == 0


@pytest.mark.parametrize(
    ("item", "likely"),
    [
        ("{card: H100, usd_per_hour: 45}", "the price of a node of eight: then write 5.625"),
        ("{card: A100-80GB, usd_per_hour: 2, memory_gb: 85.9}", "GB where GiB stand: then write 80"),
    ],
)
def test_own_cards_are_held_against_the_market(tmp_path: Path, item: str, likely: str) -> None:
    (tmp_path / "prices.local.yaml").write_text(f"because: chargeback\nchecked: 2026-11-01\ngpu: [{item}]\n")
    (told,) = found(tmp_path, SCENARIO).values()
    assert told["place"].startswith("prices.local.yaml:3 ")
    assert likely in told["likely"]


def test_a_share_in_per_cent_is_named_with_the_share(tmp_path: Path) -> None:
    result = ask(tmp_path, SCENARIO + "finance: {meaningful_margin: 30}\n")
    assert result.exit_code == 1
    assert "write 0.3 for 30 per cent" in result.stderr


def test_the_worked_example_is_taken_apart(repo: Path) -> None:
    path = repo / "scenarios" / "worked_example" / "scenario.yaml"
    told = json.loads(CliRunner().invoke(app, [str(path), "--as-of", "2026-11-21", "--format", "json"]).stdout)
    claim = next(each for each in told["plausibility"] if each["place"] == "serving.claimed_usd_per_month")
    assert claim["implies"] == "50 USD / month is 0.06849 USD an hour of the serving machine"
    assert (claim["usual_low"], claim["usual_high"]) == (0.3, 0.3)
    assert any("premise fails: 50 USD buys 167 h" in warning for warning in told["warnings"])
