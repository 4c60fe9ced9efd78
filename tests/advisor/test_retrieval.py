"""Tuning shapes how a model answers, retrieval what it answers with: lookups are paid for wherever they stay (R011)."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from advisor.advise import consider
from advisor.answer import Answer
from advisor.balance import number
from advisor.question_files import read_question
from advisor.scenario import Retrieval

QUESTION = read_question(
    Path(__file__).resolve().parents[2] / "scenarios" / "ticket_routing" / "scenario.yaml", date(2026, 11, 21)
)
LOOKUPS = 800_000 * 24 * 0.0005 + 24 * 70  # tasks of the lifetime at 0.0005 USD, and a store at 70 USD a month: 11,280


def costs(retrieval):
    scenario = QUESTION.scenario.model_copy(update={"retrieval": retrieval})
    return {option.key: option for option in consider(replace(QUESTION, scenario=scenario)).options}


def paid(stays):
    return Retrieval.model_validate({"usd_per_task": "0.0005", "usd_per_month": 70, "stays_after_tuning": stays})


@pytest.mark.parametrize(("stays", "kept"), [("yes", True), ("unknown", True), ("no", False)])
def test_lookups_are_paid_on_both_sides_unless_the_tuned_model_needs_none(stays, kept):
    without, with_it = costs(Retrieval()), costs(paid(stays))
    more = {key: number(with_it[key].lifetime) - number(without[key].lifetime) for key in without}
    assert more["hosted_today"] == pytest.approx(LOOKUPS)
    assert more["tuned_local"] == pytest.approx(LOOKUPS if kept else 0)


def test_what_nobody_said_is_told():
    assert any("retrieval is counted" in note for note in costs(paid("unknown"))["tuned_local"].notes)
    assert not any("retrieval" in note for note in costs(paid("yes"))["tuned_local"].notes)


def test_nothing_is_added_where_nothing_is_paid():
    assert costs(Retrieval(stays_after_tuning=Answer.YES))["hosted_today"].running.name == "hosted_today.bill"
