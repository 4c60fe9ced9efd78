"""Every road priced on real prices, and the roads that may not be taken."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from advisor.advise import advise
from advisor.quantity import UnknownQuantityError
from advisor.question_files import read_question
from advisor.scenario_file import ScenarioFaultsError

AS_OF = date(2026, 11, 21)
ROOT = Path(__file__).resolve().parents[2]
BASE = """
name: roads
task: {kind: classification, role: inner, knowledge_changes: never, diverse: false, goal: [cost]}
volume: {tasks_per_month: 900_000, lifetime_months: 24, peak_to_mean: 2.5}
tokens: {input: 3_000, output: 150, tuned_input: 1_600}
quality: {metric: json_match, target: 0.90}
evidence:
  prompting: [{variant: a, n: 200, successes: 121}, {variant: b, n: 200, successes: 139}]
  retrieval: [{variant: c, n: 200, successes: 147}]
data: {rows: 3_000, licence: own, consent: own}
today: {model: openai/gpt-6-sol}
constraints: {data_may_leave: true, delay_tolerant: false}
candidates: {base_model: Qwen/Qwen3-8B, hosted_tuning: azure/gpt-4o-mini, training_card: H100, serving_card: L40S}
"""


def ask(tmp_path, *changes, text=BASE):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return advise(read_question(path, AS_OF)).advice


def option(advice, key):
    return next(option for option in advice.options if option.key == key)


def test_hosted_tuning_pays_for_being_deployed(tmp_path):
    advice = ask(tmp_path)
    tuned = option(advice, "hosted_tuning")
    fee = advice.figures["hosted_tuning.hosting"].value
    assert fee == pytest.approx([1.70 * 730] * 24)  # USD an hour for one deployed model, every hour of 24 months
    assert any("deployed" in note for note in tuned.notes)


def test_a_tuned_prompt_shorter_than_the_cached_part_costs_no_less_than_its_tokens(tmp_path):
    advice = ask(tmp_path, ("input: 3_000, output", "input: 3_000, cached_input: 2_900, output"))
    per_task = advice.figures["hosted_tuning.per_task"].value
    assert per_task > 0
    assert advice.figures["hosted_tuning.bill"].value[0] == pytest.approx(per_task * 900_000)


def test_a_card_that_is_too_small_does_not_end_the_vendors_road(tmp_path):
    advice = ask(tmp_path, ("training_card: H100", "training_card: T4"), ("data:", "training: {method: full}\ndata:"))
    assert any("a T4 has" in road.why for road in advice.unpriced)
    assert option(advice, "hosted_tuning").saving_share > 0.3
    assert advice.verdict.code == "hosted_fine_tune"


def test_data_that_may_not_leave_ends_every_vendors_road_and_keeps_today_for_comparison(tmp_path):
    advice = ask(tmp_path, ("data_may_leave: true", "data_may_leave: false"))
    assert [o.key for o in advice.options if o.hosted] == ["hosted_today"]
    assert {u.key for u in advice.unpriced} >= {"hosted_batch", "hosted_smaller", "hosted_tuning", "tuned_rented"}
    assert advice.verdict.code == "measure_first"  # nobody says that a rented card may hold the data
    allowed = ask(tmp_path, ("data_may_leave: true", "data_may_leave: false, rented_may_hold_data: true"))
    assert (allowed.verdict.code, allowed.verdict.road) == ("fine_tune_self_host", "constraint")


def test_only_the_named_providers_are_asked(tmp_path):
    advice = ask(tmp_path, ("delay_tolerant: false", "delay_tolerant: false, providers: [aws]"))
    assert "(aws)" in option(advice, "tuned_rented").title


def test_a_failed_pilot_ends_it(tmp_path):
    bad = "evidence:\n  tuned: [{variant: pilot, n: 500, successes: 50}]"
    advice = ask(tmp_path, ("evidence:", bad))
    assert advice.verdict.code == "collect_data"
    assert not advice.verdict.justified


def test_a_horizon_beyond_the_task_sells_nothing_more(tmp_path):
    longer = ask(tmp_path, ("data:", "finance: {horizon_months: 60}\ndata:"))
    assert longer.horizon_months == 24
    assert option(longer, "hosted_today").lifetime_usd == option(ask(tmp_path), "hosted_today").lifetime_usd


UNKNOWNS = [
    ("volume", "growth_per_month"), ("volume", "peak_to_mean"), ("tokens", "cached_input"), ("training", "attempts"),
    ("serving", "floor_replicas"), ("serving", "headroom"), ("serving", "hours_per_month"), ("serving", "ab_months"),
    ("people", "build_hours"), ("people", "operate_hours_per_month"), ("people", "usd_per_hour"),
    ("people", "label_usd"), ("people", "retrain_every_months"), ("people", "retrain_hours"),
    ("finance", "annual_discount_rate"), ("volume", "lifetime_months"), ("traffic", "batchable_share"),
    ("traffic", "start_seconds"), ("people", "relabel_share"), ("people", "safety_usd"),
    ("serving", "storage_usd_per_month"),
]  # fmt: skip


def with_unknown(section, field):
    head, tail = f"{section}: {{", f"{field}: unknown}}"
    lines = []
    for line in BASE.strip().splitlines():
        kept = [part for part in line[len(head) : -1].split(", ") if not part.startswith(f"{field}:")]
        lines.append(f"{head}{', '.join([*kept, tail])}" if line.startswith(head) else line)
    text = "\n".join(lines) + "\n"
    return text if tail in text else f"{text}{head}{tail}\n"


@pytest.mark.parametrize(("section", "field"), UNKNOWNS)
def test_an_unknown_is_an_answer_or_one_sentence_that_names_it(tmp_path, section, field):
    try:
        advice = ask(tmp_path, text=with_unknown(section, field))
    except UnknownQuantityError as told:
        sentences = [str(told)]
    else:
        sentences = [road.why for road in advice.unpriced]
    assert any(f"{section}.{field}" in sentence for sentence in sentences)


def test_rows_in_the_file_beat_rows_in_the_text(tmp_path):
    rows = "".join(f'{{"prompt": "row {n} of many", "completion": "{n}"}}\n' for n in range(300))
    (tmp_path / "train.jsonl").write_text(rows, encoding="utf-8")
    advice = ask(tmp_path, ("rows: 3_000", "rows: 10, train: train.jsonl"))
    assert advice.figures["data.rows"].value == 300


NO_PEAK = (", peak_to_mean: 2.5", "")


def traffic(text):
    return ("data:", f"traffic: {{{text}}}\ndata:")


def load_of(advice, name):
    return np.asarray(advice.figures[f"tuned_rented.{name}"].value)


def test_a_peak_is_stated_once(tmp_path):
    with pytest.raises(ScenarioFaultsError, match=r"leave volume\.peak_to_mean out"):
        ask(tmp_path, traffic("preset: bursty"))
    bursty = ask(tmp_path, NO_PEAK, traffic("preset: bursty"))
    assert bursty.figures["volume.peak_to_mean"].value == 11.0
    assert "75th" in bursty.figures["volume.peak_to_mean"].note


@pytest.mark.parametrize("preset", ["steady", "business_hours", "bursty", "pooled"])
def test_a_preset_sizes_cards_and_following_it_never_takes_more(tmp_path, preset):
    busy = NO_PEAK, ("900_000", "90_000_000")
    static = ask(tmp_path, *busy, traffic(f"preset: {preset}"))
    following = ask(tmp_path, *busy, traffic(f"preset: {preset}, scaling: autoscale"))
    billed = load_of(following, "following")
    assert np.all(load_of(static, "load") <= billed)
    assert np.all(billed <= load_of(static, "replicas"))


def test_cards_left_open_are_named_as_chosen(tmp_path):
    advice = ask(tmp_path, (", training_card: H100, serving_card: L40S", ""))
    assert any("chosen here as the cheapest that fits" in note for note in option(advice, "tuned_rented").notes)


def test_every_way_of_buying_a_model_that_ends_pays_the_same_move(tmp_path):
    ends = ("openai/gpt-6-sol", "openai/gpt-5-mini")
    levers = ("tuned_input: 1_600", "tuned_input: 1_600, cacheable_input: 2_000, short_input: 1_000")
    tolerant = ("delay_tolerant: false", "delay_tolerant: true")
    advice = ask(tmp_path, ends, levers, tolerant)
    today = option(advice, "hosted_today")
    for key in ("hosted_today", "hosted_batch", "hosted_levers", "hosted_short"):
        assert option(advice, key).ends_on == today.ends_on
        assert (f"{key}.move" in advice.figures) == (today.ends_on is not None)
