"""Every way to get the task done, on real prices: hand-worked bills, end dates, price paths, and what sharing costs."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from advisor.advise import advise
from advisor.question_files import read_question
from advisor.roads import ROADS
from pricing.book import load_book
from pricing.entries import ApiEntry
from pricing.paths import SCHEDULED, Step, path

AS_OF = date(2026, 11, 21)
BASE = """
name: options
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
candidates: {base_model: meta-llama/Llama-3.1-8B, hosted_tuning: none, training_card: H100, serving_card: L4}
"""
TOKENS = "tokens: {input: 3_000, output: 150, tuned_input: 1_600"
L4 = "serving_card: L4"


def ask(folder: Path, *changes: tuple[str, str], add: str = ""):
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "scenario.yaml").write_text(text + add, encoding="utf-8")
    return advise(read_question(folder / "scenario.yaml", AS_OF)).advice


def option(advice, key):
    return next(option for option in advice.options if option.key == key)


def why(advice, key):
    return next(road.why for road in advice.unpriced if road.key == key)


def figure(advice, name):
    return np.asarray(advice.figures[name].value)


def rent(card, spot=False):
    return float(load_book().gpu(card, AS_OF, spot=spot, cards=1).usd_per_gpu_hour.value)


def test_caching_and_a_batch_share_are_counted_together(tmp_path):
    advice = ask(tmp_path, (TOKENS, TOKENS + ", cacheable_input: 2_000"), add="traffic: {batchable_share: 0.25}\n")
    # 1,000 x 2 + 2,000 x (0.8 x 0.2 + 0.2 x 2.5) + 150 x 10 = 4,820; batch 3,000 x 1 + 150 x 5 = 3,750
    assert figure(advice, "hosted_levers.per_task") == pytest.approx((0.75 * 4820 + 0.25 * 3750) / 1e6)
    assert option(advice, "hosted_levers").title == "Hosted with caching and batch share"


def test_a_cache_that_bills_its_writes_may_cost_more_than_none(tmp_path):
    changed = (TOKENS, TOKENS + ", cacheable_input: 2_000, cache_hit_share: 0.1"), ("gpt-6-sol", "gpt-6-sol")
    model = ("openai/gpt-6-sol", "anthropic/claude-sonnet-5")
    advice = ask(tmp_path, model, changed[0])
    price = load_book().api("anthropic/claude-sonnet-5", AS_OF)
    assert price.cache_write_usd_per_million_tokens is not None
    assert option(advice, "hosted_levers").lifetime_usd > option(advice, "hosted_today").lifetime_usd


def test_levers_nobody_stated_are_named_with_their_remedy(tmp_path):
    advice = ask(tmp_path)
    assert "tokens.cacheable_input" in why(advice, "hosted_levers")
    assert "tokens.short_input" in why(advice, "hosted_short")


def test_a_shorter_prompt_is_a_road_of_unmeasured_quality(tmp_path):
    advice = ask(tmp_path, (TOKENS, TOKENS + ", short_input: 1_000"))
    short = option(advice, "hosted_short")
    assert short.lifetime_usd == pytest.approx(24 * 900_000 * (1_000 * 2 + 150 * 10) / 1e6)
    assert any("not measured" in note for note in short.notes)


def test_a_smaller_model_found_here_is_shown_and_is_no_lever(tmp_path):
    advice = ask(tmp_path)
    found = option(advice, "hosted_smaller_found")
    assert "chosen here" in found.notes[0]
    assert found.ends_on is None  # gpt-5-nano costs less, and is switched off in three weeks
    assert found.lifetime_usd < option(advice, "hosted_today").lifetime_usd
    ruled_out = ask(tmp_path, (L4, "serving_card: L4, smaller_hosted: none"))
    assert "ruled out" in why(ruled_out, "hosted_smaller")


def test_the_same_open_weights_are_found_at_their_cheapest_vendor(tmp_path):
    found = option(ask(tmp_path), "hosted_open")
    price = load_book().api("groq/llama-3.1-8b-instant", AS_OF)
    assert found.title.endswith("groq/llama-3.1-8b-instant")
    rate = 3_000 * price.input_usd_per_million_tokens.value + 150 * price.output_usd_per_million_tokens.value
    assert found.lifetime_usd == pytest.approx(float(24 * 900_000 * rate / 1_000_000))


def test_hosted_tuning_that_ends_inside_the_horizon_falls_back_to_today_and_pays_the_move(tmp_path):
    advice = ask(tmp_path, ("hosted_tuning: none", "hosted_tuning: openai/gpt-4o-mini"))
    tuned, today = option(advice, "hosted_tuning"), option(advice, "hosted_today")
    assert tuned.ends_on == date(2027, 1, 14)
    months = figure(advice, "hosted_tuning.until_end")
    bill = figure(advice, "hosted_today.bill")
    assert months[2:] == pytest.approx(bill[2:])  # from the third month on, today's model again
    assert figure(advice, "hosted_tuning.moving").tolist() == [0, 760, *[0] * 22]  # 8 h at 95 USD, in the second month
    share = 24 / 31  # 21 December to 14 January, of a month of 31 days
    running = figure(advice, "hosted_tuning.running")
    assert months[1] == pytest.approx(running[1] * share + bill[1] * (1 - share) + 760)
    assert today.lifetime_usd == pytest.approx(bill.sum())


def test_a_vendor_that_takes_no_new_jobs_is_refused_with_the_day(tmp_path):
    (tmp_path / "scenario.yaml").write_text(BASE.replace("hosted_tuning: none", "hosted_tuning: openai/gpt-4o-mini"))
    advice = advise(read_question(tmp_path / "scenario.yaml", date(2027, 1, 7))).advice
    assert "takes no new tuning jobs since 2027-01-06" in why(advice, "hosted_tuning")


def test_where_no_vendor_is_named_the_cheapest_that_tunes_the_base_is_found(tmp_path):
    changes = (("hosted_tuning: none, ", ""), ("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-8B"))
    found = option(ask(tmp_path, *changes), "hosted_tuning")
    assert "tinker/Qwen3-8B" in found.title
    assert any("chosen here" in note for note in found.notes)


def test_spot_cards_need_a_yes_and_pay_for_interruptions(tmp_path):
    assert "traffic.interruptible" in why(ask(tmp_path), "tuned_spot")
    advice = ask(tmp_path, add="traffic: {interruptible: true}\n")
    replicas = figure(advice, "tuned_spot.replicas")
    assert figure(advice, "tuned_spot.rent") == pytest.approx(replicas * rent("L4", spot=True) * 1.1 * 730)


def test_a_reserved_card_is_paid_to_the_end_of_its_term(tmp_path):
    assert "serving.reserved_usd_per_gpu_hour" in why(ask(tmp_path), "tuned_reserved")
    stated = "serving: {reserved_usd_per_gpu_hour: 0.50, commitment_months: 12, floor_replicas: 1}\n"
    advice = ask(tmp_path, ("lifetime_months: 24", "lifetime_months: 9"), ("900_000", "9_000"), add=stated)
    assert figure(advice, "tuned_reserved.rent").tolist() == [365.0] * 9  # one card, 0.50 x 730
    assert figure(advice, "tuned_reserved.purchase") == pytest.approx(3 * 365)  # three months nobody needs


def test_serverless_bills_the_work_or_the_time_anything_is_awake(tmp_path):
    advice = ask(tmp_path, ("900_000", "9_000"))
    price = min(
        (o for o in load_book().serverless_offers("L4", AS_OF) if o.scale_to_zero and o.count == 1),
        key=lambda offer: offer.usd_per_gpu_hour.value,
    )
    assert price.provider == "runpod"
    rate = 9_000 / (730 * 3600)
    awake = 1 - 1 / (np.exp(rate * 5) + rate * (60 + 0.5))  # five seconds idle, a minute to start, steps of a second
    assert figure(advice, "tuned_serverless.workers") == pytest.approx([awake] * 24)
    assert figure(advice, "tuned_serverless.rent")[0] == pytest.approx(awake * 0.684 * 730)


def test_two_tasks_on_one_base_replica_pay_for_it_together_exactly(tmp_path):
    mine = ask(tmp_path, add="serving: {shared_tasks_per_month: 300_000}\n")
    theirs = ask(tmp_path, ("900_000", "300_000"), add="serving: {shared_tasks_per_month: 900_000}\n")
    whole = figure(mine, "tuned_adapter.rent")
    assert whole == pytest.approx(figure(theirs, "tuned_adapter.rent"))
    assert figure(mine, "tuned_adapter.share") + figure(theirs, "tuned_adapter.share") == pytest.approx(whole)
    assert figure(mine, "tuned_adapter.share") == pytest.approx(0.75 * whole)


def bought(tmp_path, more=""):
    card = f"owned_card: {{card: L40S, usd_per_kwh: 0.20{more}}}"
    return ask(tmp_path, (L4, f"{L4}, {card}"))


def test_a_bought_card_takes_price_and_draw_from_the_book(tmp_path):
    advice = bought(tmp_path)
    cards = figure(advice, "tuned_owned.replicas")
    assert figure(advice, "tuned_owned.purchase") == pytest.approx(cards.max() * 8_500)  # read on 2026-09-29
    assert figure(advice, "tuned_owned.power") == pytest.approx(cards * 0.350 * 1.4 * 0.20 * 730)  # 350 W, PUE 1.4


def test_a_bought_card_costs_less_with_a_resale_and_more_with_dearer_power(tmp_path):
    def cost(more=""):
        return option(bought(tmp_path, more), "tuned_owned").lifetime_usd

    assert cost(", residual_usd: 3_000") < cost() < cost(", watts: 600")
    assert cost(", pue: 1.1") < cost() < cost(", space_usd_per_month: 40")


def test_announced_steps_are_the_prices_own_path_to_the_day(tmp_path):
    name = "google/gemini-4-argon"
    advice = ask(tmp_path, ("openai/gpt-6-sol", name))
    lines = sorted((line for line in load_book().of(ApiEntry) if line.name == name), key=lambda line: line.starts)
    for tier, tokens in (("input", 3_000), ("output", 150)):
        steps = [Step(line.starts, getattr(line, f"{tier}_usd_per_million_tokens")) for line in lines]
        wanted = path(SCHEDULED, steps, AS_OF, 24)
        assert len(set(wanted.usd)) > 1  # a step lies inside the horizon
        found = next(f for n, f in advice.figures.items() if n.endswith("from_2026-12-01") and f".{tier}_usd" in n)
        assert found.value == pytest.approx([float(usd) for usd in wanted.usd])
        assert tokens
    flat = ask(tmp_path, ("openai/gpt-6-sol", name), add="finance: {price_path: flat}\n")
    assert figure(flat, "hosted_today.per_task").ndim == 0


def test_named_paths_move_one_side_for_every_road(tmp_path):
    plain = ask(tmp_path)
    dear = ask(tmp_path, add="finance: {price_path: gpu_up_20}\n")
    assert figure(dear, "tuned_rented.rent") == pytest.approx(figure(plain, "tuned_rented.rent") * 1.2)
    assert option(dear, "hosted_today").lifetime_usd == option(plain, "hosted_today").lifetime_usd
    switch = ask(tmp_path, add="finance: {price_path: switch_yearly}\n")
    assert figure(switch, "hosted_today.bill")[12:] == pytest.approx(figure(plain, "hosted_today.bill")[12:] * 0.87)
    assert figure(switch, "tuned_rented.rent") == pytest.approx(figure(plain, "tuned_rented.rent"))


def test_a_model_switched_off_inside_the_horizon_costs_a_move(tmp_path):
    book = load_book()
    ending = next(line for line in book.of(ApiEntry) if line.shutdown and date(2027, 1, 1) < line.shutdown
                  < date(2028, 6, 1) and line.provider != "together")  # fmt: skip
    advice = ask(tmp_path, ("openai/gpt-6-sol", ending.name))
    today = option(advice, "hosted_today")
    per_task = float(figure(advice, "hosted_today.per_task").reshape(-1)[0])
    assert today.lifetime_usd == pytest.approx(24 * 900_000 * per_task + 760)
    assert today.ends_on == ending.shutdown


def test_upfront_counts_what_is_stated_and_retraining_relabels(tmp_path):
    people = "people: {label_usd: 1_000, synthetic_usd: 10, evaluate_usd: 200, safety_usd: 30, relabel_share: 0.5}\n"
    plain, more = ask(tmp_path, add="people: {label_usd: 0, relabel_share: 0.5}\n"), ask(tmp_path, add=people)
    first, second = option(plain, "tuned_rented"), option(more, "tuned_rented")
    assert second.upfront_usd - first.upfront_usd == pytest.approx(1_240)
    retrained = figure(more, "tuned_rented.retraining") - figure(plain, "tuned_rented.retraining")
    assert retrained.tolist() == pytest.approx([500 if month in (6, 12, 18) else 0 for month in range(24)])


@pytest.mark.parametrize("policy", ["autoscale", "scale_to_zero"])
def test_following_the_load_never_costs_more_than_the_peak_day_and_night(tmp_path, policy):
    static, following = ask(tmp_path), ask(tmp_path, add=f"traffic: {{scaling: {policy}}}\n")
    assert option(following, "tuned_rented").lifetime_usd <= option(static, "tuned_rented").lifetime_usd


def test_work_that_waits_on_spot_cards_leaves_the_replica_set(tmp_path):
    waiting = "traffic: {batchable_share: 0.4, batchable_on: spot}\n"
    advice = ask(tmp_path, ("900_000", "9_000_000"), add=waiting)
    load = figure(ask(tmp_path, ("900_000", "9_000_000")), "tuned_rented.load")
    assert figure(advice, "tuned_rented.load") == pytest.approx(0.6 * load)
    spot = 0.4 * load * rent("L4", spot=True) * 1.1 * 730
    assert figure(advice, "tuned_rented.waiting") == pytest.approx(spot)


def test_a_log_beside_the_scenario_sets_the_peak(tmp_path):
    rows = "".join(f"{10 if hour % 24 < 12 else 30}\n" for hour in range(240))
    (tmp_path / "log.csv").write_text("count\n" + rows)
    advice = ask(tmp_path, (", peak_to_mean: 2.5", ""), add="traffic: {log: log.csv, scaling: autoscale}\n")
    peak = advice.figures["volume.peak_to_mean"]
    assert (peak.value, peak.letter) == (1.5, "m")  # 30 over a mean of 20


def test_serverless_as_the_chosen_scaling_leaves_rented_cards_to_that_road(tmp_path):
    advice = ask(tmp_path, add="traffic: {scaling: serverless}\n")
    assert "see that road" in why(advice, "tuned_rented")
    assert option(advice, "tuned_serverless").lifetime_usd > 0


def test_another_option_never_worsens_the_best(tmp_path):
    few = ask(tmp_path)
    many = ask(tmp_path, add="traffic: {interruptible: true}\nserving: {shared_tasks_per_month: 900_000}\n")
    assert {o.key for o in many.options} > {o.key for o in few.options}
    assert min(o.lifetime_usd for o in many.options if o.trains) <= min(o.lifetime_usd for o in few.options if o.trains)


def test_every_road_is_priced_or_says_what_would_let_it_be(tmp_path):
    advice = ask(tmp_path)
    told = {road.key for road in advice.unpriced} | {o.key.removesuffix("_found") for o in advice.options}
    assert len(told) == len(ROADS)
    remedies = ("state", "set ", "name ", "count ", "ruled out", "ask for")
    assert all(any(word in road.why for word in remedies) for road in advice.unpriced), advice.unpriced
