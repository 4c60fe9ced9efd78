"""What a dry run is asked for a plan's stages, what its answer looks like, and what is said where there is none."""

import json
from pathlib import Path

from advisor.plan import Plan
from runner.exact import Exact, exact_lines, exact_memory, question

from .toy_plan import MakePlan

GIB = 2**30


def plan_of(path: Path) -> Plan:
    return Plan.model_validate_json(path.read_bytes())


def test_a_stage_is_asked_as_its_machine_runs_it(make_plan: MakePlan) -> None:
    plan = plan_of(make_plan())
    (stage,) = [stage for stage in plan.stages if stage.name == "sft"]
    asked = question(plan, stage, {"model_type": "llama"})
    assert asked["settings"]["max_length"] == 40
    assert asked["padded"]  # four rows a batch, not packed
    assert asked["workspace_bytes"] == 0  # no card, no cuBLAS
    card = plan.model_copy(update={"machine": plan.machine.model_copy(update={"card": "H100-SXM"})})
    assert "workspace_bytes" not in question(card, stage, {"model_type": "llama"})


def test_an_answer_stands_beside_the_forecast(make_plan: MakePlan) -> None:
    plan = plan_of(make_plan())  # its forecast is 1,000,000 bytes
    found = {
        "allocated_bytes": 500_000, "reserved_bytes": 2 * GIB, "peak_phase": "loss", "paged_bytes": GIB,
        "components": {"weights": 300_000, "activations": 200_000},
    }  # fmt: skip
    text = "\n".join(exact_lines([Exact("sft", found)], plan))
    assert "peak at the loss; forecast 0.001 GiB, 2.00 of it" in text
    assert "1.000 GiB of optimizer states" in text
    assert text.index("weights") < text.index("activations")  # largest first


def test_a_base_without_a_config_says_so_and_stops_nothing(make_plan: MakePlan) -> None:
    path = make_plan()
    plan = plan_of(path)
    config = path.parent / plan.base_model.directory / "config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.unlink(missing_ok=True)
    (missing,) = exact_memory(plan, path.parent)
    assert (missing.found, "config.json" in missing.fault) == (None, True)
    config.write_text(json.dumps({"model_type": "llama"}))
    (shallow,) = exact_memory(plan, path.parent)
    assert "states no depth" in shallow.fault
    assert "not worked out: " in exact_lines([shallow], plan)[1]
