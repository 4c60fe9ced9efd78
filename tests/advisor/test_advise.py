"""One composition: what it says of real scenarios, and laws of the whole model."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from advisor.advice import from_json, to_json
from advisor.advise import advise
from advisor.crossing import value_at
from advisor.question_files import read_question
from advisor.report.explain import explain, named
from pricing.figure import Kind, leaves

AS_OF = date(2026, 11, 21)
ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / "scenarios" / "ticket_routing" / "scenario.yaml"
VOLUME = "volume.tasks_per_month"


@pytest.fixture(scope="module")
def result():
    return advise(read_question(DEFAULT, AS_OF))


def own_and_hosted(result):
    saving = next(root for root in result.roots if root.name == "saving")
    return saving, saving.inputs["own_usd"], saving.inputs["hosted_usd"]


def crossover_of_own(result):
    return next(record for record in result.advice.crossovers if record.option.startswith("Own tuned"))


def test_today_costs_its_tokens_times_its_prices(result):
    today = result.advice.options[0]
    # (900 x 2 + 14 x 10) / 1e6 = 0.00194 USD a task; x 800,000 = 1,552 a month; x 24 months = 37,248
    assert today.usd_per_task == pytest.approx(0.00194, rel=1e-12)
    assert today.first_month_usd == pytest.approx(1552, rel=1e-12)
    assert today.lifetime_usd == pytest.approx(37248, rel=1e-12)
    assert today.usd_per_million_tokens == pytest.approx(0.00194 / 914 * 1e6, rel=1e-12)


def test_every_number_has_an_origin_and_a_grade_no_better_than_its_leaves(result):
    order = {"m": 2, "q": 1, "a": 0}
    for root in result.roots:
        weakest = min(order[leaf.kind.value] for leaf in leaves(root))
        assert order[root.grade.value] == weakest
        assert all(leaf.origin.note for leaf in leaves(root))


def test_quoted_prices_carry_their_day(result):
    quotes = [f for f in result.advice.figures.values() if f.letter == Kind.QUOTED.value]
    assert quotes
    assert all(f.on is not None and f.note for f in quotes)


def test_at_the_break_even_volume_both_roads_cost_the_same(result):
    saving, own, hosted = own_and_hosted(result)
    (span,) = crossover_of_own(result).cheaper_between[:1]
    at = {VOLUME: span[0]}
    assert value_at(own, at) == pytest.approx(value_at(hosted, at), rel=1e-6)
    assert value_at(saving, {VOLUME: span[0] * 1.01}) > 0 > value_at(saving, {VOLUME: span[0] * 0.99})


def test_the_closed_form_agrees_with_the_solver_where_there_are_no_steps(result):
    record = crossover_of_own(result)
    assert record.closed_form is not None
    assert record.closed_form == pytest.approx(record.cheaper_between[0][0], rel=1e-6)


def test_a_flip_value_flips_the_volume_gate(result):
    saving, _, _ = own_and_hosted(result)
    margin = 0.30
    for flip in result.advice.flips[:5]:
        assert flip.flips_at is not None
        assert value_at(saving, {flip.leaf: flip.flips_at}) == pytest.approx(margin, abs=1e-6)


def test_regret_at_a_tenth_is_the_models_own_answer(result):
    _, own, hosted = own_and_hosted(result)
    regret = result.advice.regret
    assert regret is not None
    assert regret.tasks_per_month == pytest.approx(80_000)
    expected = value_at(own, {VOLUME: 80_000.0}) - value_at(hosted, {VOLUME: 80_000.0})
    assert regret.regret_usd == pytest.approx(expected)
    assert regret.regret_usd > 0


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 3.0, 10.0])
def test_more_volume_never_lowers_a_total(result, factor):
    _, own, hosted = own_and_hosted(result)
    base = {VOLUME: 800_000.0}
    more = {VOLUME: 800_000.0 * factor}
    for figure in (own, hosted):
        assert (value_at(figure, more) >= value_at(figure, base)) == (factor >= 1)


def test_the_tree_of_a_number_reaches_its_sources(result):
    lines = explain(result.advice.figures, "hosted_today.lifetime")
    text = "\n".join(lines)
    assert lines[0].startswith("hosted_today.lifetime: 37,200 USD [d/a]")
    assert "price.api.openai/gpt-6-sol.input_usd_per_million_tokens" in text
    assert "[q]" in text
    assert "stated in the scenario" in text
    assert named(result.advice.figures, "tuned_local.life") == ["tuned_local.lifetime"]
    assert named(result.advice.figures, "nonsense") == []


def test_the_advice_reads_back_from_its_own_json(result):
    text = to_json(result.advice)
    assert from_json(text) == result.advice
    with pytest.raises(ValidationError, match="colour"):
        from_json(text.replace('"format_version"', '"colour": 1, "format_version"', 1))
