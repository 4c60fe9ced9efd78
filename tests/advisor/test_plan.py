"""The plan: its seal, its paths, when it is written, and what it carries."""

import json
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.advise import advise
from advisor.bundle_files import PlanRefusedError, file_sha256, write_bundle
from advisor.plan import Plan, inside, plan_digest, seal
from advisor.planning import gate_of
from advisor.question_files import read_question

AS_OF = date(2026, 11, 21)
ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    scenario = SCENARIOS / "ticket_routing" / "scenario.yaml"
    result = advise(read_question(scenario, AS_OF))
    plan = write_bundle(result, scenario, folder / "plan.json", None)
    return folder, plan


def test_what_is_written_reads_back_and_carries_its_own_digest(bundle):
    folder, plan = bundle
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert document["plan_id"] == plan_digest(document) == plan.plan_id
    assert Plan.model_validate_json((folder / "plan.json").read_bytes()) == plan


def test_a_changed_byte_anywhere_is_another_plan(bundle):
    folder, _ = bundle
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    document["limits"]["usd"] = "1000000"
    assert plan_digest(document) != document["plan_id"]


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_law_the_seal_does_not_depend_on_the_order_of_names(document):
    backwards = dict(reversed(list(document.items())))
    assert seal(document)["plan_id"] == seal(backwards)["plan_id"] == plan_digest(seal(document))


def test_every_input_is_a_copy_below_the_plan_with_its_digest(bundle):
    folder, plan = bundle
    files = [*plan.base_model.files, plan.data.train, plan.data.test, plan.data.valid, plan.scenario.file]
    assert plan.scenario.file.sha256 == plan.scenario.sha256
    for reference in files:
        assert file_sha256(folder / reference.path) == reference.sha256
        assert not (folder / reference.path).is_symlink()
    assert plan.data.train.rows == 2000
    assert plan.data.test.rows == 500


def test_qlora_has_its_four_marks_and_the_fields_starting_point(bundle):
    _, plan = bundle
    # R057: NF4, double quantisation, a paged 8-bit optimizer, compute dtype by machine; R088: r = 16, alpha = 32
    assert plan.method.quantisation == "nf4"
    assert plan.method.double_quantisation
    assert plan.method.optimizer == "paged_adamw_8bit"
    assert plan.machine.compute_dtype == "float32"  # a processor emulates bf16; a card gets bf16 or fp16 by its ability
    assert plan.method.lora is not None
    assert (plan.method.lora.rank, plan.method.lora.alpha) == (16, 32)


def test_forecasts_lie_inside_their_intervals_and_stages_sum_to_the_run(bundle):
    _, plan = bundle
    every = [*plan.forecast.values(), *(f for stage in plan.stages for f in stage.forecast.values())]
    assert all(f.low <= f.value <= f.high and f.basis for f in every)
    seconds = sum(stage.forecast["seconds"].value for stage in plan.stages)
    setup = plan.forecast["seconds"].value - seconds
    assert setup == pytest.approx(9)  # starting up belongs to no stage, and is billed
    rate = float(plan.machine.usd_per_hour)
    assert plan.forecast["usd"].value == pytest.approx((seconds + setup) / 3600 * rate)
    assert plan.machine.usd_per_hour == Decimal("0.06")


def test_the_gate_has_qualitys_score_and_target_or_its_own(tmp_path):
    text = (SCENARIOS / "ticket_routing" / "scenario.yaml").read_text(encoding="utf-8")
    asked = {"quality's": text, "its own": text.replace("gate: {", "gate: {metric: rouge_l, target: 0.45, ")}
    found = {}
    shutil.copytree(SCENARIOS / "ticket_routing", tmp_path, dirs_exist_ok=True)
    for name, scenario in asked.items():
        path = tmp_path / "scenario.yaml"
        path.write_text(scenario, encoding="utf-8")
        gate = gate_of(read_question(path, AS_OF).scenario)
        found[name] = (gate.metric, gate.target)
    assert found == {"quality's": ("json_match", 0.85), "its own": ("rouge_l", 0.45)}


def test_it_expires_and_names_its_prices_with_their_sources(bundle):
    _, plan = bundle
    assert plan.expires_on == AS_OF + timedelta(days=30)
    quoted = [line for line in plan.prices if line.letter == "q"]
    assert quoted
    assert all(line.source and line.checked for line in quoted)
    assert not any("-latest" in line.name for line in plan.prices)


@pytest.mark.parametrize("name", ["prompting_fixes_it", "volume_too_small", "evidence_unknown"])
def test_no_plan_without_a_verdict_that_justifies_it(name, tmp_path):
    scenario = SCENARIOS / name / "scenario.yaml"
    result = advise(read_question(scenario, AS_OF))
    with pytest.raises(PlanRefusedError, match="does not justify training"):
        write_bundle(result, scenario, tmp_path / "plan.json", None)
    assert list(tmp_path.iterdir()) == []


def test_an_override_is_recorded_word_for_word(tmp_path):
    text = (SCENARIOS / "ticket_routing" / "scenario.yaml").read_text(encoding="utf-8")
    text = text.replace("600_000..800_000..1_100_000", "600")
    for source in (SCENARIOS / "ticket_routing").glob("*.jsonl"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    base = tmp_path / "base_model"
    base.mkdir()
    for source in (SCENARIOS / "ticket_routing" / "base_model").iterdir():
        (base / source.name).write_bytes(source.read_bytes())
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(text, encoding="utf-8")
    result = advise(read_question(scenario, AS_OF))
    assert not result.advice.verdict.justified
    with pytest.raises(PlanRefusedError):
        write_bundle(result, scenario, tmp_path / "out" / "plan.json", "  ")
    plan = write_bundle(result, scenario, tmp_path / "out" / "plan.json", "the board wants a pilot")
    assert (plan.verdict.justified, plan.verdict.override_reason) == (False, "the board wants a pilot")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "C:\\x", "a\\b", "file:///x", "a\x00b"])
def test_a_path_that_leaves_the_folder_is_refused(path):
    with pytest.raises(ValueError, match="leaves the plan's folder"):
        inside(path)


def test_names_nobody_knows_are_ignored_but_types_are_not(bundle):
    folder, plan = bundle
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert Plan.model_validate({**document, "colour": "blue"}) == plan
    with pytest.raises(ValidationError):
        Plan.model_validate({**document, "limits": {"usd": "-1", "hours": 1}})
