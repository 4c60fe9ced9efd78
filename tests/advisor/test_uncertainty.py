"""How sure the advice is: with ranges collapsed the draws are the headline itself, and laws of the whole model."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise import consider, sureness
from advisor.balance import number
from advisor.program import Program
from advisor.quantity import Quantity
from advisor.question_files import read_question
from advisor.uncertainty import imagine, outputs_of, quantiles
from advisor.uncertainty_draws import free_leaves, inputs_of, leaf_values, limits_for, limits_of, scores, spread_over
from advisor.uncertainty_worth import Means, method_of, price_of
from pricing.figure import leaves

AS_OF = date(2026, 11, 21)
VOLUME = "volume.tasks_per_month"
SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
NAMES = sorted(path.parent.name for path in SCENARIOS.glob("*/scenario.yaml"))
PRICED = ("ticket_routing", "cost_only_distillation", "privacy_gate", "volume_too_small", "worked_example")


@pytest.fixture(scope="module", params=PRICED)
def story(request):
    question = read_question(SCENARIOS / request.param / "scenario.yaml", AS_OF)
    made = consider(question)
    return question, made


def below(made):
    return {leaf.name: leaf for option in made.options for leaf in leaves(option.lifetime)}


def test_law_with_every_range_collapsed_each_draw_is_the_headline_to_the_bit(story):
    _, made = story
    lifetime, payback = outputs_of(made.options)
    outputs = [*lifetime.values(), *payback.values()]
    inputs = inputs_of(below(made).values(), number(made.ground.horizon))
    assert inputs
    narrow = {
        name: one._replace(figure=replace(one.figure, low=one.figure.value, high=one.figure.value))
        for name, one in inputs.items()
    }
    every = scores(700)  # more than a block
    drawn = {name: spread_over(one.figure, every, limits_for(one.figure, {})) for name, one in narrow.items()}
    found = Program(outputs, free_leaves(narrow)).run(leaf_values(narrow, drawn), 700)
    for figure, row in zip(outputs, found, strict=True):
        assert set(row.tolist()) == {number(figure)}, figure.name
        if np.isfinite(row).all():
            assert np.quantile(row, 0.5) == number(figure)


def test_one_draw_serves_every_road(story):
    question, made = story
    worlds = imagine(made.ground, made.options, limits_of(question.scenario), 1000)
    one = 123
    drawn = {name: values[one : one + 1] for name, values in worlds.values.items()}
    leaf = {name: float(values[0]) for name, values in leaf_values(worlds.inputs, drawn).items()}
    for option in made.options:
        alone = Program([option.lifetime], set(leaf)).run({name: np.array([v]) for name, v in leaf.items()}, 1)[0, 0]
        assert worlds.lifetime_usd[option.key][one] == pytest.approx(alone, rel=1e-12)


def test_what_is_drawn_is_volume_tokens_prices_capacity_hours_and_labour():
    made = consider(read_question(SCENARIOS / "ticket_routing" / "scenario.yaml", AS_OF))
    names = set(inputs_of(below(made).values(), number(made.ground.horizon)))
    assert names >= {
        "volume.tasks_per_month", "volume.peak_to_mean", "price level of hosted tokens", "local_machine.usd_per_hour",
        "serving.capacity_tasks_per_hour", "local.matmul_rate", "training.attempts", "people.build_hours",
    }  # fmt: skip


def test_law_more_volume_never_lowers_a_total_cost(story):
    _, made = story
    rising = np.geomspace(1, 1e9, 3000)
    for option in made.options:
        cost = Program([option.lifetime], {VOLUME}).along(VOLUME)(rising)
        assert (np.diff(cost) >= -1e-9 * cost[1:]).all(), option.key


def test_law_adding_an_option_never_worsens_the_best_in_any_draw(story):
    question, made = story
    limits = limits_of(question.scenario)
    every, fewer = (imagine(made.ground, options, limits, 500) for options in (made.options, made.options[:-1]))
    for key, cost in fewer.lifetime_usd.items():
        assert (every.lifetime_usd[key] == cost).all(), key  # the others' draws are as they were
    best = np.min(np.stack(list(fewer.lifetime_usd.values())), axis=0)
    assert (np.min(np.stack(list(every.lifetime_usd.values())), axis=0) <= best).all()


def test_law_a_dearer_build_never_pays_back_sooner_in_any_draw(story):
    question, made = story
    _, payback = outputs_of(made.options)
    limits = limits_of(question.scenario)
    inputs = inputs_of(below(made).values(), number(made.ground.horizon))
    drawn = leaf_values(inputs, {name: spread_over(one.figure, scores(300), limits_for(one.figure, limits))
                                 for name, one in inputs.items()})  # fmt: skip
    hours = "people.build_hours"
    program = Program(list(payback.values()), {*free_leaves(inputs), hours})
    few, many = (program.run({**drawn, hours: np.full(300, cost)}, 300) for cost in (10.0, 400.0))
    assert (many >= few).all()


def test_the_record_says_what_the_draws_say(story):
    question, made = story
    sure = sureness(question.scenario, made)
    assert sure is not None
    assert sum(row.share for row in sure.verdicts) == pytest.approx(1, abs=1e-9)
    assert 0 <= sure.same_verdict_share <= 1
    for row in sure.options:
        assert row.lifetime_p10_usd <= row.lifetime_p50_usd <= row.lifetime_p90_usd
        assert row.saving_p10_usd <= row.saving_p50_usd <= row.saving_p90_usd
        shares = [mark.share for mark in row.paid_back]
        assert shares == sorted(shares)
    widths = [abs(row.saving_at_high_usd - row.saving_at_low_usd) for row in sure.inputs]
    assert widths == sorted(widths, reverse=True)
    for row in sure.inputs:
        assert 0 <= row.information_usd <= sure.perfect_information_usd + 1e-6
        assert row.wrong_share_if_known <= 1 - max(one.share for one in sure.verdicts) + 1e-9


def test_the_tornado_is_the_models_own_answer_with_one_input_moved(story):
    question, made = story
    sure = sureness(question.scenario, made)
    assert sure is not None
    assert made.balance is not None
    row = next(row for row in sure.inputs if row.name in below(made))
    program = Program([made.balance.hosted, made.balance.own], {row.name})
    hosted, own = program.run({row.name: np.array([row.low, row.high])}, 2)
    assert (hosted - own).tolist() == pytest.approx([row.saving_at_low_usd, row.saving_at_high_usd], rel=1e-9)


def test_the_same_question_is_drawn_alike_twice():
    question = read_question(SCENARIOS / "ticket_routing" / "scenario.yaml", AS_OF)
    first, second = (sureness(question.scenario, consider(question)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_no_two_leaves_of_one_name_hold_different_numbers(name):
    made = consider(read_question(SCENARIOS / name / "scenario.yaml", AS_OF))
    seen = {}
    for option in made.options:
        for leaf in leaves(option.lifetime):
            now = (str(leaf.value), str(leaf.low), str(leaf.high))
            assert seen.setdefault(leaf.name, now) == now, leaf.name


@pytest.mark.parametrize("name", NAMES)
def test_every_range_has_its_value_inside(name):
    made = consider(read_question(SCENARIOS / name / "scenario.yaml", AS_OF))
    for one in inputs_of(below(made).values(), number(made.ground.horizon)).values():
        assert one.figure.low <= one.figure.value <= one.figure.high


@pytest.mark.parametrize(
    ("name", "usd"),
    [
        ("volume.tasks_per_month", 285.0),  # 3 h at 95
        ("tokens.input", 2 * 95 + 300 * 0.01),
        ("capacity.L4.tuned", 3 * 95 + 1 * 0.7),
        ("people.usd_per_hour", 47.5),
    ],
)
def test_a_measurement_costs_hours_answers_and_machine_hours(name, usd):
    method = method_of(name)
    assert method is not None
    assert price_of(method, Means(95.0, 0.01, 0.7)) == pytest.approx(usd)


def test_a_measurement_on_a_machine_without_a_price_has_none_and_a_lifetime_cannot_be_measured():
    bench = method_of("serving.capacity_tasks_per_hour")
    assert bench is not None
    assert price_of(bench, Means(95.0, 0.01, None)) is None
    assert method_of("volume.lifetime_months") is None


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_law_quantiles_are_the_ones_numpy_finds(row):
    assert quantiles(np.array(row)) == pytest.approx(tuple(np.quantile(row, [0.1, 0.5, 0.9])), rel=1e-9, abs=1e-6)


def test_draws_of_different_lifetimes_are_each_what_they_are_alone():
    question = read_question(SCENARIOS / "privacy_gate" / "scenario.yaml", AS_OF)
    life = Quantity(Decimal(24), Decimal(6), Decimal(48))
    volume = question.scenario.volume.model_copy(update={"lifetime_months": life})
    scenario = question.scenario.model_copy(update={"volume": volume})
    made = consider(replace(question, scenario=scenario))
    worlds = imagine(made.ground, made.options, limits_of(scenario), 2500)  # blocks of 1,000 differ in months
    months = worlds.values["volume.lifetime_months"]
    assert months[0] < 6
    assert months[-1] > 48
    for row in (0, 999, 1000, 1500, 2499):
        leaf = leaf_values(worlds.inputs, {name: values[row : row + 1] for name, values in worlds.values.items()})
        for option in made.options:
            alone = Program([option.lifetime], set(leaf)).run(leaf, 1)[0, 0]
            assert worlds.lifetime_usd[option.key][row] == pytest.approx(alone, rel=1e-12)
