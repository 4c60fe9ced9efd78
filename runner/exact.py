"""The exact memory of a plan's training stages, by a dry run of their step, beside the forecast. No torch here.

Rule 1  The step is worked out in a process of its own (runner.engines.dryrun), which keeps its answers.
Rule 2  The longest batch counts: every row as long as the stage's `max_length`, every token learned.
Rule 3  What cannot be worked out is a sentence that says why; the forecast stands without it.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.plan import Forecast, Plan, Stage
from pricing.units import GIB

LIMIT_SECONDS = 600  # a 70B model takes about a minute; a family with unlike layers is run at its full depth
COMMAND = (sys.executable, "-W", "ignore", "-m", "runner.engines.dryrun")


@dataclass(frozen=True, slots=True)
class Exact:
    """One stage's answer, or why there is none."""

    stage: str
    found: Mapping[str, Any] | None
    fault: str = ""


def exact_memory(plan: Plan, root: Path) -> list[Exact]:
    """Return the answer of every training stage; `root` is the plan's folder."""
    return [exact_stage(plan, stage, root) for stage in plan.stages if stage.train is not None]


def exact_stage(plan: Plan, stage: Stage, root: Path) -> Exact:
    """Return one stage's answer; a later stage starts from a model of the same shape as the base."""
    path = root / plan.base_model.directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        return Exact(stage.name, ask(question(plan, stage, config)))
    except (OSError, ValueError, subprocess.SubprocessError) as fault:
        return Exact(stage.name, None, str(fault))


def question(plan: Plan, stage: Stage, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of the dry run; on a CPU nothing is paged and cuBLAS has no workspace."""
    if stage.train is None:
        message = f"stage {stage.name} trains nothing"
        raise ValueError(message)
    method, settings = plan.method.model_dump(mode="json"), stage.train.model_dump(mode="json")
    asked: dict[str, Any] = {
        "config": dict(config),
        "method": method,
        "settings": settings,
        "compute_dtype": plan.machine.compute_dtype,
        "padded": not stage.train.packing and stage.train.micro_batch > 1,
    }
    if stage.name == "dpo":
        asked["objective"] = "dpo"
    if plan.machine.card is None:
        asked["method"] = {**method, "optimizer": plan.method.optimizer.removeprefix("paged_")}
        asked["workspace_bytes"] = 0
    return asked


def ask(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dry run's answer. Raises ValueError with its sentence, or SubprocessError when it takes too long."""
    done = subprocess.run(
        COMMAND, input=json.dumps(asked), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ValueError(said[-1] if said else f"the dry run ended with code {done.returncode} and said nothing")
    return json.loads(done.stdout)


def exact_lines(answers: list[Exact], plan: Plan) -> list[str]:
    """Return the answers as lines beside the plan's own forecasts."""
    where = "tensors on this CPU, without the libraries" if plan.machine.card is None else f"on one {plan.machine.card}"
    lines = [f"exact memory, the step itself on tensors without numbers ({where}):"]
    forecasts = {stage.name: stage.forecast.get("peak_bytes") for stage in plan.stages}
    for one in answers:
        if one.found is None:
            lines.append(f"  {one.stage:<9} not worked out: {one.fault}")
            continue
        found, forecast = one.found, forecasts[one.stage]
        cached = "" if plan.machine.card is None else f", reserved {found['reserved_bytes'] / GIB:.3f} GiB"
        lines.append(
            f"  {one.stage:<9} allocated {found['allocated_bytes'] / GIB:9.3f} GiB{cached}, peak at the "
            f"{found['peak_phase']}{beside(found, forecast)}"
        )
        parts = sorted(found["components"].items(), key=lambda part: -part[1])
        lines += [f"  {'':<9}   {name:<11} {size / GIB:9.3f} GiB" for name, size in parts if size]
        if found["paged_bytes"]:
            paged = f"{found['paged_bytes'] / GIB:.3f} GiB of optimizer states that the driver may page out"
            lines.append(f"  {'':<9}   and {paged}")
    return lines


def beside(found: Mapping[str, Any], forecast: Forecast | None) -> str:
    """Return the forecast beside the exact figure, as a ratio too."""
    if forecast is None:
        return ""
    return f"; forecast {forecast.value / GIB:.3f} GiB, {forecast.value / found['allocated_bytes']:.2f} of it"
