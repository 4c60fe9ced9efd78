"""The ladder: the truth table of three things, the order of rungs, constraints before money."""

from dataclasses import replace
from itertools import product

import pytest

from advisor.answer import Answer
from advisor.need import Gate, Motives, all_at_once, five_questions, volume_answer
from advisor.verdict import LADDER, Facts, decide

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
READY = Facts(
    must_stay_inside=False, prototype=False, open_ended=False, facts_change=False, prompting_fails=YES,
    prompt_variants=3, retrieval_fails=YES, volume_justifies=YES, data_ready=YES, compute_fits=YES,
    road_priced=True, pilot_disappoints=False, much_cheaper=YES, lever_saves=False, smaller_is_lever=False,
    smaller_untested=False, best_road="self_host",
)  # fmt: skip


@pytest.mark.parametrize("answers", list(product(Answer, repeat=3)))
def test_only_three_yes_pass_the_strict_test(answers):
    prompting, retrieval, volume = answers
    rung = decide(
        replace(READY, prompting_fails=prompting, retrieval_fails=retrieval, volume_justifies=volume, much_cheaper=NO)
    )
    gates = [Gate(str(i), "?", answer, "") for i, answer in enumerate(answers)]
    passes = answers == (YES, YES, YES)
    assert (all_at_once(gates) is YES) == passes
    assert rung.justified == passes
    assert (rung.road == "strict") == passes


@pytest.mark.parametrize(
    ("changed", "code", "road"),
    [
        ({}, "fine_tune_self_host", "strict"),
        ({"best_road": "hosted_tuning"}, "hosted_fine_tune", "strict"),
        ({"prompting_fails": NO}, "fine_tune_self_host", "cost_only"),
        ({"prompting_fails": NO, "smaller_untested": True}, "measure_first", "none"),
        ({"prompting_fails": NO, "much_cheaper": NO}, "stay_hosted", "none"),
        ({"prompting_fails": NO, "much_cheaper": NO, "lever_saves": True}, "use_levers", "none"),
        ({"prompting_fails": UNKNOWN, "prompt_variants": 0}, "measure_first", "none"),
        ({"prompting_fails": UNKNOWN, "prompt_variants": 1}, "improve_prompt", "none"),
        ({"prompting_fails": UNKNOWN, "prompt_variants": 3}, "measure_first", "none"),
        ({"retrieval_fails": NO}, "add_retrieval", "none"),
        ({"retrieval_fails": UNKNOWN}, "measure_first", "none"),
        ({"volume_justifies": NO}, "stay_hosted", "none"),
        ({"volume_justifies": NO, "prompting_fails": UNKNOWN}, "stay_hosted", "none"),  # one no closes the test
        ({"volume_justifies": NO, "lever_saves": True}, "use_levers", "none"),
        ({"volume_justifies": UNKNOWN}, "measure_first", "none"),
        ({"data_ready": NO}, "collect_data", "none"),
        ({"data_ready": UNKNOWN}, "measure_first", "none"),
        ({"compute_fits": NO}, "stay_hosted", "none"),
        ({"prototype": True}, "stay_hosted", "none"),
        ({"open_ended": True}, "stay_hosted", "none"),
        ({"facts_change": True, "retrieval_fails": UNKNOWN}, "add_retrieval", "none"),
        ({"pilot_disappoints": True}, "collect_data", "none"),  # cheaper but worse is no gain (R017)
        ({"pilot_disappoints": True, "prompting_fails": NO}, "stay_hosted", "none"),
        ({"road_priced": False}, "stay_hosted", "none"),
        ({"compute_fits": NO, "best_road": "hosted_tuning"}, "hosted_fine_tune", "strict"),  # a vendor's machine
        ({"facts_change": True, "retrieval_fails": UNKNOWN, "prompting_fails": NO}, "fine_tune_self_host", "cost_only"),
        ({"smaller_is_lever": True, "lever_saves": True}, "use_levers", "none"),
        ({"prompting_fails": NO, "data_ready": NO}, "stay_hosted", "none"),
        ({"prompting_fails": NO, "much_cheaper": UNKNOWN}, "stay_hosted", "none"),
        ({"must_stay_inside": True, "retrieval_fails": NO}, "add_retrieval", "constraint"),
        ({"must_stay_inside": True, "data_ready": UNKNOWN}, "measure_first", "constraint"),
        ({"must_stay_inside": True, "compute_fits": NO}, "measure_first", "constraint"),
        ({"must_stay_inside": True, "compute_fits": NO, "best_road": "hosted_tuning"}, "measure_first", "constraint"),
        ({"must_stay_inside": True, "road_priced": False}, "measure_first", "constraint"),
        ({"must_stay_inside": True, "pilot_disappoints": True}, "collect_data", "constraint"),
        ({"must_stay_inside": True, "prototype": True}, "self_host_base", "constraint"),
        ({"must_stay_inside": True}, "fine_tune_self_host", "constraint"),
        ({"must_stay_inside": True, "volume_justifies": NO}, "fine_tune_self_host", "constraint"),
        ({"must_stay_inside": True, "prompting_fails": NO}, "self_host_base", "constraint"),
        ({"must_stay_inside": True, "data_ready": NO}, "collect_data", "constraint"),
        ({"must_stay_inside": True, "retrieval_fails": UNKNOWN}, "measure_first", "constraint"),
    ],
)
def test_each_rung_is_reached_by_what_it_names(changed, code, road):
    rung = decide(replace(READY, **changed))
    assert (rung.code, rung.road) == (code, road)


def test_only_own_training_writes_a_plan():
    assert {rung.code for rung in LADDER if rung.justified} == {"fine_tune_self_host"}


def test_a_task_that_a_prompt_solves_never_gets_a_higher_rung_unless_it_is_cost_only():
    for answers in product(Answer, repeat=4):
        volume, data, compute, cheaper = answers
        rung = decide(replace(READY, prompting_fails=NO, volume_justifies=volume, data_ready=data,
                              compute_fits=compute, much_cheaper=cheaper))  # fmt: skip
        assert rung.road == "cost_only" or rung.code in {"stay_hosted", "use_levers", "measure_first"}


@pytest.mark.parametrize(
    ("saving", "low", "margin", "answer"),
    [
        (0.31, 0.10, 0.30, YES),
        (0.30, 0.00, 0.30, YES),
        (0.29, 0.29, 0.30, NO),  # marginal: stay
        (0.05, 0.05, 0.30, NO),  # 5 % cheaper is not meaningfully cheaper (R017)
        (0.60, -0.10, 0.30, UNKNOWN),  # the stated range of volume holds a loss
    ],
)
def test_the_volume_gate_wants_the_margin_and_no_loss_at_the_low_end(saving, low, margin, answer):
    assert volume_answer(saving, low, margin)[0] is answer


@pytest.mark.parametrize(
    ("fails", "data", "priorities", "compute", "asked", "end"),
    [
        (NO, NO, (), NO, 1, "do not fine-tune: prompting is not shown to fail"),
        (UNKNOWN, YES, ("cost",), YES, 1, "do not fine-tune: prompting is not shown to fail"),
        (YES, NO, (), NO, 2, "do not fine-tune yet: the data is not shown to be good"),
        (YES, YES, (), NO, 3, "stay on the hosted model: nothing asks for a model of your own"),
        (YES, YES, ("cost",), NO, 4, "use the hosted model for now: nothing to train or serve it on"),
        (YES, YES, ("cost",), YES, 5, "fine-tune"),
    ],
)
def test_five_questions_stop_at_the_first_that_blocks(fails, data, priorities, compute, asked, end):
    questions, ended = five_questions(fails, data, Motives(priorities), compute)
    assert (len(questions), ended) == (asked, end)
