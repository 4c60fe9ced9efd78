"""Result files named in a scenario: counted by the metric, paired by id, every fault at its line; then the advice."""

import json
from datetime import date
from pathlib import Path

import pytest

from advisor.advise import advise
from advisor.facts import pairs_of
from advisor.quality import Pairs
from advisor.quality_results import counted, pair, results_of
from advisor.quality_results import pairs_of as pairs_in
from advisor.question_files import read_question
from advisor.scenario_file import ScenarioFaultsError, read_scenario

AS_OF = date(2026, 11, 21)
HEAD = """name: trial
task: {kind: classification, role: inner, knowledge_changes: never, diverse: false}
volume: {tasks_per_month: 1_000_000, lifetime_months: 12, peak_to_mean: 2}
tokens: {input: 1_000, output: 50}
today: {model: openai/gpt-6-sol}
constraints: {data_may_leave: true, delay_tolerant: false}
candidates: {base_model: meta-llama/Llama-3.1-8B, hosted_tuning: none, smaller_hosted: openai/gpt-6-luna,
  training_card: A100-80GB, serving_card: L4}
data: {rows: 5_000, licence: own, consent: own}
"""


def scenario(folder: Path, tail: str) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(HEAD + tail, encoding="utf-8")
    return path


def rows(path: Path, right: int, wrong: int, first: int = 0) -> None:
    """Write so many right rows and then so many wrong ones, with ids from `first` on."""
    lines = [{"id": first + place, "correct": place < right} for place in range(right + wrong)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("metric", "row", "right"),
    [
        ("exact_match", {"answer": " Berlin ", "expected": "Berlin"}, True),
        ("exact_match", {"answer": "berlin", "expected": "Berlin"}, False),
        ("accuracy", {"answer": "Refund ", "expected": "refund"}, True),
        ("json_match", {"answer": '{"b": 1, "a": [2]}', "expected": '{"a": [2], "b": 1}'}, True),
        ("json_match", {"answer": '{"a": true}', "expected": '{"a": 1}'}, False),  # true is not 1
        ("json_match", {"answer": "no JSON", "expected": "{}"}, False),
        ("json_match", {"answer": {"a": 1}, "expected": '{"a": 1}'}, True),  # an object as it is
        ("exact_match", {"correct": True, "answer": "x", "expected": "y"}, True),  # what was judged is not judged again
        ("exact_match", {"declined": True}, False),
    ],
)
def test_a_row_is_scored_by_the_metric(metric: str, row: dict[str, object], right: bool) -> None:
    found = results_of([json.dumps({"id": "one"} | row)], metric)
    assert (found.right, found.faults) == ({"one": right}, ())


def test_every_row_at_fault_is_told_with_its_line() -> None:
    lines = ['{"id": 1, "correct": true}', "", '{"id": 1, "correct": false}', "no json", '{"correct": true}',
             '{"id": 2, "correct": "yes"}']  # fmt: skip
    found = results_of(lines, "accuracy")
    assert [fault.split(":")[0] for fault in found.faults] == ["line 3", "line 4", "line 5", "line 6"]
    assert found.right == {"1": True}


def test_two_files_are_paired_over_the_ids_that_both_have() -> None:
    tuned = results_of(['{"id": 1, "correct": true}', '{"id": 2, "correct": true}', '{"id": 3, "correct": false}'], "")
    hosted = results_of(['{"id": 2, "correct": false}', '{"id": 1, "correct": true}', '{"id": 9, "correct": true}'], "")
    assert pair(tuned, hosted) == Pairs(1, 1, 0, 0)
    assert counted([(True, False), (False, True), (False, True), (False, False)]) == Pairs(0, 1, 2, 1)


def test_a_file_of_pairs_is_counted_and_its_faults_told() -> None:
    lines = ['{"id": 1, "tuned": true, "hosted": false}', '{"id": 2, "tuned": true}', '{"id": 1, "tuned": true, '
             '"hosted": true}']  # fmt: skip
    found, faults = pairs_in(lines)
    assert found == Pairs(0, 1, 0, 0)
    assert [fault.split(":")[0] for fault in faults] == ["line 2", "line 3"]


def test_result_files_count_the_trials_and_pair_them(tmp_path: Path) -> None:
    rows(tmp_path / "tuned.jsonl", right=460, wrong=40)
    rows(tmp_path / "hosted.jsonl", right=450, wrong=50)
    path = scenario(tmp_path, "evidence:\n  tuned: [{variant: pilot, results: tuned.jsonl}]\n"
                              "  hosted: [{variant: today, results: hosted.jsonl}]\n")  # fmt: skip
    found = read_scenario(path)
    assert [(t.n, t.successes) for t in found.evidence.tuned.trials] == [(500, 460)]
    assert pairs_of(found) == Pairs(450, 10, 0, 40)  # the first 450 ids are right in both, the next ten in one
    quality = advise(read_question(path, AS_OF)).advice.quality
    assert (quality.as_good, quality.compared) == ("yes", "in pairs")


def test_pairs_may_be_stated_or_named_as_one_file(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"id": "a", "tuned": true, "hosted": false}\n', encoding="utf-8")
    named = read_scenario(scenario(tmp_path, "evidence: {paired: {file: pairs.jsonl}}\n"))
    assert pairs_of(named) == Pairs(0, 1, 0, 0)
    stated = "evidence: {paired: {both: 9, only_tuned: 1, only_hosted: 2, neither: 3}}\n"
    assert pairs_of(read_scenario(scenario(tmp_path, stated))) == Pairs(9, 1, 2, 3)


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        ("evidence:\n  tuned:\n    - {variant: pilot, results: gone.jsonl}\n",
         "scenario.yaml:12  evidence.tuned[0].results is \"gone.jsonl\", which is not there"),
        ("evidence:\n  tuned:\n    - variant: pilot\n      results: tuned.jsonl\n      n: 7\n",
         "scenario.yaml:14  evidence.tuned[0].n is 7; wanted 10, as tuned.jsonl has it"),
        ("evidence:\n  tuned: {trials: [{variant: pilot, results: bad.jsonl}]}\n",
         "evidence.tuned.trials[0].results names \"bad.jsonl\", line 1:"),
        ("evidence:\n  tuned: [{variant: pilot}]\n", "evidence.tuned[0].n is missing"),
        ("evidence:\n  tuned: [{variant: pilot, n: 10, successes: 8, declined: 3}]\n", "at most 2"),
        ("evidence: {paired: {both: 0}}\n", "at least one question"),
        ("evidence: {paired: {file: ../out.jsonl}}\n", "a JSONL file below the scenario's folder"),
    ],
)  # fmt: skip
def test_a_fault_of_a_result_file_keeps_the_line_that_names_it(tmp_path: Path, tail: str, told: str) -> None:
    rows(tmp_path / "tuned.jsonl", right=6, wrong=4)
    (tmp_path / "bad.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(ScenarioFaultsError) as caught:
        read_scenario(scenario(tmp_path, tail))
    assert told in str(caught.value)


BOTH = """quality: {target: 0.9, error_usd: 0.01}
evidence:
  prompting: [{variant: a, n: 400, successes: 320}, {variant: b, n: 400, successes: 312}]
  hosted: [{variant: a, n: 400, successes: 320}]
"""
PILOT = "  tuned: [{variant: pilot, n: 400, successes: 380}]\n"


def test_an_errors_price_is_in_the_costs_only_where_both_sides_were_scored(tmp_path: Path) -> None:
    apart = advise(read_question(scenario(tmp_path, BOTH), AS_OF)).advice
    within = advise(read_question(scenario(tmp_path, BOTH + PILOT), AS_OF)).advice
    assert (apart.quality.errors_counted, within.quality.errors_counted) == (False, True)
    before, after = (next(o for o in a.options if o.key == "hosted_today") for a in (apart, within))
    # a fifth of 1,000,000 tasks wrong, at one cent: 2,000 USD a month, 24,000 over the year
    assert after.lifetime_usd - before.lifetime_usd == pytest.approx(24_000)
    today = next(road for road in apart.quality.roads if road.key == "hosted_today")
    assert (today.wrong_per_month, today.loss_usd_per_month) == pytest.approx((200_000, 2_000))
    tuned = {o.key: o.lifetime_usd for o in within.options}["tuned_rented"]
    bare = {o.key: o.lifetime_usd for o in apart.options}["tuned_rented"]
    assert tuned - bare == pytest.approx(6_000)  # a twentieth wrong
    left_out = {road.key: road.why for road in within.unpriced}
    assert "were not scored" in left_out["base_rented"]


def test_what_a_measurement_costs_holds_no_expected_loss(tmp_path: Path) -> None:
    apart, within = (advise(read_question(scenario(tmp_path, tail), AS_OF)).advice for tail in (BOTH, BOTH + PILOT))
    assert apart.measure_next is not None
    assert within.measure_next is not None
    assert within.measure_next.cost_usd == pytest.approx(apart.measure_next.cost_usd)


CASCADE = """quality: {target: 0.9}
evidence:
  prompting: [{variant: a, n: 400, successes: 388}]
  smaller_hosted: [{variant: luna, n: 400, successes: 300, declined: 80}]
handover: {first: smaller_hosted}
"""


def test_a_cascade_is_shown_with_its_cost_and_weighed_once_it_was_scored(tmp_path: Path) -> None:
    shown = advise(read_question(scenario(tmp_path, CASCADE), AS_OF)).advice
    road, today, small = (
        next(o for o in shown.options if o.key == key)
        for key in ("cascade_smaller_hosted", "hosted_today", "hosted_smaller")
    )
    assert road.lifetime_usd == pytest.approx(small.lifetime_usd + 0.2 * today.lifetime_usd)  # a fifth goes on
    assert road.success_share == pytest.approx(0.75 + 0.2 * 0.97)
    assert shown.verdict.code != "use_levers"
    scored = CASCADE.replace("evidence:\n", "evidence:\n  cascade: [{variant: both, n: 400, successes: 380}]\n")
    advice = advise(read_question(scenario(tmp_path, scored), AS_OF)).advice
    assert advice.verdict.code == "use_levers"
    assert next(o for o in advice.options if o.key == road.key).success_share == pytest.approx(0.95)


def test_a_cascade_to_a_person_needs_the_persons_price(tmp_path: Path) -> None:
    to_person = CASCADE.replace("{first: smaller_hosted}", "{first: smaller_hosted, to: person}")
    advice = advise(read_question(scenario(tmp_path, to_person), AS_OF)).advice
    assert "handover.usd_per_task is not stated" in {u.key: u.why for u in advice.unpriced}["cascade_smaller_hosted"]
    priced = to_person.replace("to: person}", "to: person, usd_per_task: 0.50, success_share: 1}")
    road = advise(read_question(scenario(tmp_path, priced), AS_OF)).advice.options[-1]
    # 12 months of 200,000 tasks at half a dollar are 1,200,000, and the small model's bill beside it
    assert road.lifetime_usd == pytest.approx(1_200_000, rel=0.01)
    assert road.success_share == pytest.approx(0.95)


def test_a_cascade_without_declines_says_what_to_count(tmp_path: Path) -> None:
    advice = advise(read_question(scenario(tmp_path, CASCADE.replace(", declined: 80", "")), AS_OF)).advice
    assert "count `declined`" in {u.key: u.why for u in advice.unpriced}["cascade_smaller_hosted"]


def test_a_dearer_error_favours_the_road_that_errs_less(tmp_path: Path) -> None:
    saved: list[float] = []
    for price in ("0", "0.005", "0.01", "0.05"):
        tail = (BOTH + PILOT).replace("error_usd: 0.01", f"error_usd: {price}")
        saved.append(advise(read_question(scenario(tmp_path, tail), AS_OF)).advice.at_stake_usd)
    # each cent on an error is worth (0.95 - 0.80) * 12,000,000 answers * 0.01 = 18,000 USD to the tuned model
    assert saved[2] - saved[0] == pytest.approx(18_000)
    assert saved[3] - saved[0] == pytest.approx(90_000)
    assert saved == sorted(saved)


def test_the_price_of_an_error_is_drawn_where_it_is_a_range(tmp_path: Path) -> None:
    tail = (BOTH + PILOT).replace("error_usd: 0.01", "error_usd: 0.005..0.01..0.02")
    sure = advise(read_question(scenario(tmp_path, tail), AS_OF)).advice.uncertainty
    assert sure is not None
    assert {"quality.error_usd", "success.hosted", "success.tuned"} <= {row.name for row in sure.inputs}


def test_an_open_pilot_is_the_next_measurement_in_pairs(tmp_path: Path) -> None:
    tail = """quality: {target: 0.9}
evidence:
  prompting: [{variant: a, n: 400, successes: 388}]
  smaller_hosted: [{variant: luna, n: 400, successes: 250}]
  tuned: [{variant: pilot, n: 100, successes: 97}]
  paired: {both: 95, only_tuned: 2, only_hosted: 2, neither: 1}
"""
    advice = advise(read_question(scenario(tmp_path, tail), AS_OF)).advice
    # differ on 4 of 100, difference nought: 7.848879 * 0.04 / 0.0004 = 784.9 -> 785 questions, 685 more, twice
    assert advice.measure_next is not None
    assert (advice.measure_next.gate, advice.measure_next.examples) == ("tuned pilot", 2 * 685)
    assert advice.quality.closes_with == "score 1,370 more answers"
