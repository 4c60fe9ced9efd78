"""What a finished run measured, as one record for the next advice on this machine. Pure; advisor.calibration reads it.

Rule 1  A record holds what was measured and the settings it was measured at, never a ratio to a forecast that was
        itself corrected: the next advice scales the measurement by the formula, from these settings to its own.
Rule 2  Only a whole run is a record, and only its productive seconds: work done twice and waiting tell no speed.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from advisor.plan import Plan, Stage
from runner.ledger import Entry
from runner.replay import RunUse, StageUse, replay, work_seconds

FORMAT_VERSION: Final = "1.0"
COUNTED: Final = ("base", "tuned", "merged")
"""Whose answers to the test rows the forecast counts; guards, losses and prompted answers are what surrounds them."""


def record_of(plan: Plan, entries: Iterable[Entry], comparisons: Iterable[Mapping[str, Any]], host: str, cores: int,
              day: str) -> dict[str, Any]:  # fmt: skip
    """Return the record of a finished run as plain JSON: seconds, bytes, tokens and steps are numbers, USD is text."""
    known = tuple(entries)
    use = replay(known)
    machine = plan.machine
    return {
        "format_version": FORMAT_VERSION,
        "run_id": plan.plan_id[:12],
        "on": day,
        "started": use.attempts[0].wall,
        "scenario": plan.scenario.name,
        "machine": {"name": machine.name, "card": machine.card, "cards": machine.cards, "host": host, "cores": cores},
        "method": plan.method.kind,
        "parameters": plan.base_model.parameters,
        "usd_per_hour": f"{use.attempts[-1].usd_per_hour:f}",
        "usd": f"{use.usd:f}",
        "setup_seconds": float(use.setup_seconds / len(use.attempts)),
        "stages": {stage.name: stage_record(plan, stage, use, known) for stage in plan.stages},
        "errors": [error_line(line) for line in comparisons if line["where"] == "run"],
    }


def stage_record(plan: Plan, stage: Stage, use: RunUse, entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Return what one stage took, and at which settings."""
    used = use.stages[stage.name]
    found: dict[str, Any] = {"seconds": float(used.productive_seconds)}
    if stage.train is not None:
        return found | training_record(stage, used, entries)
    answers = [entry for entry in first_work(entries, stage.name, "rows") if entry.data["model"] in COUNTED]
    if answers:
        found |= {
            "answer_seconds": float(sum(map(work_seconds, answers))),
            "rows": max(int(entry.data["first"]) + int(entry.data["rows"]) for entry in answers),
            "max_new_tokens": plan.gate.max_new_tokens,
        }
    return found


def training_record(stage: Stage, used: StageUse, entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Return a training stage's speed and peak with the settings they hold for."""
    settings = stage.train
    steps = first_work(entries, stage.name, "step")
    seconds = sum(map(work_seconds, steps), Decimal(0))
    planned = stage.forecast.get("tokens")
    if settings is None or not steps:
        return {}
    return {
        "step_seconds": float(seconds / len(steps)),
        "steps": len(steps),
        "watching_seconds": float(sum(map(work_seconds, first_work(entries, stage.name, "evaluation")))),
        "tokens": used.unique_tokens,
        "planned_tokens": None if planned is None else planned.value,
        "peak_bytes": used.result.get("peak_bytes"),
        "micro_batch": settings.micro_batch,
        "accumulation": settings.accumulation,
        "max_length": settings.max_length,
        "gradient_checkpointing": settings.gradient_checkpointing,
    }


def first_work(entries: Iterable[Entry], stage: str, event: str) -> list[Entry]:
    """Return a stage's pieces of work, each the first time it was done."""
    seen: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        data = entry.data
        if entry.event == event and data["stage"] == stage:
            seen.setdefault((data.get("step"), data.get("model"), data.get("first")), entry)
    return list(seen.values())


def error_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of the run's forecasts beside its actual."""
    return {name: line[name] for name in ("name", "unit", "predicted", "low", "high", "actual", "ratio", "inside")}
