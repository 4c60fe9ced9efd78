"""A plan that was edited and sealed again: its digest holds, and what it says does not hang together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.answer import Answer
from advisor.plan import Lora, Method
from advisor.verdict import LADDER, Facts, Rung
from runner.consistent import ROAD_ANSWERS
from tests.runner.toy_plan import LAST_DAY, MADE_ON, MakePlan, edited, forecast, ref, refusals

Document = dict[str, Any]


@pytest.mark.parametrize(
    ("reason", "rules"), [(None, ["unjustified"]), ("  ", ["unjustified"]), ("we want to learn", [])]
)
def test_an_unjustified_plan_needs_a_recorded_reason(make_plan: MakePlan, reason: str | None, rules: list[str]) -> None:
    change = lambda plan: plan["verdict"].update(justified=False, override_reason=reason)  # noqa: E731
    assert refusals(edited(make_plan(), change)) == rules


@pytest.mark.parametrize(
    ("road", "answers", "count"),
    [
        ("strict", {"prompting": "yes", "retrieval": "yes", "volume": "yes"}, 0),
        ("strict", {"prompting": "yes", "retrieval": "yes", "volume": "no"}, 1),
        ("strict", {"prompting": "yes", "retrieval": "unknown", "volume": "no"}, 2),
        ("strict", {}, 3),
        ("cost_only", {"prompting": "no", "retrieval": "unknown", "volume": "no"}, 0),
        ("cost_only", {"prompting": "yes", "retrieval": "yes", "volume": "yes"}, 1),
        ("constraint", {"prompting": "yes", "retrieval": "yes", "volume": "unknown"}, 0),
        ("constraint", {"prompting": "yes", "retrieval": "no"}, 1),
        ("none", {"prompting": "yes", "retrieval": "yes", "volume": "yes"}, 1),
    ],
)
def test_a_verdict_stands_on_its_answers(make_plan: MakePlan, road: str, answers: Document, count: int) -> None:
    path = edited(make_plan(), lambda plan: plan["verdict"].update(road=road, answers=answers))
    assert refusals(path) == ["verdict"] * count


JUSTIFIED = [rung for rung in LADDER if rung.justified]
ANY_FACTS = st.builds(Facts, data_ready=st.just(Answer.YES), compute_fits=st.just(Answer.YES))


@settings(max_examples=500)
@given(ANY_FACTS, st.sampled_from(JUSTIFIED))
def test_law_what_the_ladder_justifies_has_the_answers_that_are_wanted_here(facts: Facts, rung: Rung) -> None:
    answers = {
        "prompting": facts.prompting_fails,
        "retrieval": facts.retrieval_fails,
        "volume": facts.volume_justifies,
    }
    if rung.when(facts):
        assert all(answers[name] == answer for name, answer in ROAD_ANSWERS[rung.road].items())


def test_the_roads_are_the_ladders() -> None:
    assert {rung.road for rung in JUSTIFIED} == set(ROAD_ANSWERS)


@pytest.mark.parametrize(
    ("made", "expires", "rules"),
    [
        ("2026-03-01", "2026-04-01", []),  # 31 days
        ("2026-03-01", "2026-04-02", ["lifetime"]),  # 32
        ("2026-04-01", "2099-12-31", ["lifetime"]),
        ("2026-04-02", "2026-04-01", ["lifetime", "early"]),
    ],
)
def test_a_plan_lives_a_month(make_plan: MakePlan, made: str, expires: str, rules: list[str]) -> None:
    path = edited(make_plan(), lambda plan: plan.update(made_on=made, expires_on=expires))
    day = type(MADE_ON).fromisoformat(expires)
    assert sorted(refusals(path, as_of=day)) == sorted(rules)


OVERRIDE = {"justified": False, "override_reason": "a pilot"}


@pytest.mark.parametrize(
    ("licence", "consent", "verdict", "count"),
    [
        ("CC-BY-4.0", "given", {}, 0),
        ("unknown", "given", {}, 1),
        (" ", "Unknown", {}, 2),
        ("unknown", "given", OVERRIDE, 1),  # an override is a reason to train, not a licence nobody knows
        ("none", "given", {}, 1),
        ("None", "given", OVERRIDE, 0),
        ("not stated; overridden", "not stated; overridden", {}, 2),
        ("not stated; overridden", "not stated; overridden", OVERRIDE, 0),
        ("not stated; overridden", "given", {**OVERRIDE, "justified": True, "override_reason": " "}, 1),
    ],
)
def test_data_nobody_may_use(make_plan: MakePlan, licence: str, consent: str, verdict: Document, count: int) -> None:
    path = edited(
        make_plan(),
        lambda plan: (plan["data"].update(licence=licence, consent=consent), plan["verdict"].update(verdict)),
    )
    assert refusals(path) == ["licence"] * count


@pytest.mark.parametrize(
    ("directory", "rules"),
    [
        ("base", []),
        ("./base", []),
        ("nowhere", ["model"]),  # base/config.json does not lie in it
        (".", ["model"]),  # the plan's own folder, data and all
        ("base/config.json", ["model"]),
        ("bas", ["model"]),
    ],
)
def test_the_model_has_a_folder_of_its_own(make_plan: MakePlan, directory: str, rules: list[str]) -> None:
    path = edited(make_plan(), lambda plan: plan["base_model"].update(directory=directory))
    assert [rule for rule in refusals(path) if rule != "unlisted"] == rules


def test_a_model_file_beside_the_model_is_refused(make_plan: MakePlan) -> None:
    root = make_plan().parent
    change = lambda plan: plan["base_model"]["files"].append(ref(root, "train.jsonl"))  # noqa: E731
    assert refusals(edited(root / "plan.json", change)) == ["model"]


def test_a_model_folder_that_is_not_there(make_plan: MakePlan) -> None:
    path = make_plan()
    (path.parent / "base" / "config.json").unlink()
    (path.parent / "base").rmdir()
    assert refusals(path) == ["missing"]


def stages_as(names: list[str]) -> Callable[[Document], None]:
    def change(plan: Document) -> None:
        known = {stage["name"]: stage for stage in plan["stages"]}
        plan["stages"] = [known.get(name, {"name": name, "forecast": {}}) for name in names]

    return change


@pytest.mark.parametrize(
    ("names", "rules"),
    [
        (["curate", "sft", "evaluate", "account"], []),  # nothing to merge
        (["sft", "curate", "evaluate", "account"], ["stages"]),
        (["curate", "sft", "account", "evaluate"], ["stages"]),
        (["curate", "sft", "account"], ["stages"]),  # a verdict without an evaluation
        (["curate", "evaluate", "account"], ["stages"]),
        (["curate", "sft", "evaluate"], ["stages"]),
        (["curate", "sft", "sft", "evaluate", "account"], ["stages"]),
        (["curate"], ["stages"]),
        (["curate", "adapt", "sft", "evaluate", "account"], ["stages", "stages", "memory"]),  # no text, no settings
    ],
)
def test_stages_stand_each_once_in_their_order(make_plan: MakePlan, names: list[str], rules: list[str]) -> None:
    assert refusals(edited(make_plan(), stages_as(names))) == rules


def test_training_without_a_forecast_of_its_memory_is_refused(make_plan: MakePlan) -> None:
    path = edited(make_plan(), lambda plan: plan["stages"][1]["forecast"].pop("peak_bytes"))
    assert refusals(path) == ["memory"]


def with_copy(root: Path, text: str) -> Callable[[Document], None]:
    (root / "scenario.yaml").write_text("name: toy\n", encoding="utf-8")
    found = ref(root, "scenario.yaml")
    (root / "scenario.yaml").write_text(text, encoding="utf-8")
    return lambda plan: plan["scenario"].update(file=found, sha256=found["sha256"])


def test_the_scenario_lies_beside_the_plan_unchanged(make_plan: MakePlan) -> None:
    path = make_plan()
    assert refusals(edited(path, with_copy(path.parent, "name: toy\n"))) == []
    assert refusals(edited(path, with_copy(path.parent, "name: other\n"))) == ["changed"]
    (path.parent / "scenario.yaml").unlink()
    assert refusals(path) == ["missing"]


def test_a_copy_of_another_scenario_is_refused(make_plan: MakePlan) -> None:
    path = edited(make_plan(), with_copy(make_plan().parent, "name: toy\n"))
    assert refusals(edited(path, lambda plan: plan["scenario"].update(sha256="1" * 64))) == ["scenario"]


@pytest.mark.parametrize(
    ("kind", "quantisation", "lora", "said"),
    [
        ("full", None, Lora(), "lora absent where the kind is full"),
        ("lora", None, None, "lora given where the kind is lora"),
        ("qlora", "nf4", None, "lora given where the kind is qlora"),
        ("qlora", None, Lora(), "quantisation nf4 where the kind is qlora"),
        ("lora", "nf4", Lora(), "quantisation absent where the kind is lora"),
        ("full", "nf4", None, "quantisation absent where the kind is full"),
    ],
)
def test_a_method_that_contradicts_itself_is_no_method(
    kind: Any, quantisation: Any, lora: Lora | None, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Method(kind=kind, quantisation=quantisation, lora=lora)


@pytest.mark.parametrize(
    ("kind", "quantisation", "lora"), [("full", None, None), ("lora", None, Lora()), ("qlora", "nf4", Lora())]
)
def test_a_method_in_one_piece(kind: Any, quantisation: Any, lora: Lora | None) -> None:
    assert Method(kind=kind, quantisation=quantisation, lora=lora).kind == kind


def test_a_set_up_forecast_is_part_of_the_plan(make_plan: MakePlan) -> None:
    path = edited(make_plan(), lambda plan: plan.update(setup={"seconds": forecast(9, "seconds")}))
    assert refusals(path, as_of=LAST_DAY) == []
