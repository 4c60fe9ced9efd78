"""The run report as data: what was predicted, what happened, why they differ, and whether the result may ship.

Made from the plan, the ledger and the commits alone, so it is the same on every day and for a run that died.
"""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from advisor.plan import Forecast, Plan, Stage
from runner import ledger
from runner.folder import Commit, RunFolder
from runner.ledger import Entry
from runner.replay import ZERO, Attempt, RunUse, StageUse, replay
from runner.report_facts import facts, share_usd
from runner.report_training import findings, probed
from runner.variance import CAUSES, Comparison, MoneyVariance, StageActual, direction, money_variance

FORMAT_VERSION = "1.0"
NOT_MEASURED = "not measured"
NOT_REACHED = "not reached"


def build_report(home: RunFolder, plan: Plan) -> dict[str, Any]:
    """Return the report as plain JSON: amounts are text, shares and seconds numbers. Raises LedgerFaultError."""
    entries = ledger.read(home.ledger, plan.plan_id).entries
    use = replay(entries)
    commits = {stage.name: home.committed(stage.name) for stage in plan.stages}
    done = {name: commit for name, commit in commits.items() if commit is not None}
    quality = done["account"].result if "account" in done else None
    compared_lines = [as_dict(line) for line in comparisons(plan, use, done)]
    return {
        "format_version": FORMAT_VERSION,
        "plan_id": plan.plan_id,
        "scenario": plan.scenario.name,
        "currency": "USD",
        "verdict": plan.verdict.model_dump(mode="json"),
        "state": state(plan, done, use),
        "ships": quality.get("ships") if quality else None,
        "quality": quality,
        "comparisons": compared_lines,
        "probe": probed(done, compared_lines),
        "guards": findings(plan, entries, done),
        "money": money(plan, use),
        "totals": totals(use, plan),
        "stages": [stage_line(stage, use, done) for stage in plan.stages],
        "attempts": [attempt_line(attempt) for attempt in use.attempts],
        "data": done["curate"].result if "curate" in done else None,
        "merge": done["merge"].result if "merge" in done else None,
        "ab": done["abplan"].result if "abplan" in done else None,
        "artefacts": artefacts(done),
        "raised_limits": raised_limits(entries),
        "notes": notes(entries, use),
        **facts(plan, entries, use),
    }


def state(plan: Plan, done: Mapping[str, Commit], use: RunUse) -> str:
    """Return whether the run is finished, or which stage is next and how the last attempt ended."""
    left = [stage.name for stage in plan.stages if stage.name not in done]
    if not left:
        return "finished"
    ended = use.attempts[-1].ended if use.attempts else "not started"
    return f"unfinished: {left[0]} is next; last attempt: {ended}"


def stage_actual(stage: Stage, use: StageUse | None) -> StageActual:
    """Return a planned stage as the variance wants it."""
    seconds, steps = stage.forecast.get("seconds"), stage.forecast.get("steps")
    used = use or StageUse(stage.name)
    return StageActual(
        name=stage.name,
        planned_seconds=exact(seconds) if seconds else None,
        planned_units=exact(steps) if steps and stage.train else None,
        unique_units=Decimal(used.unique_steps) if steps and stage.train else None,
        productive_seconds=used.productive_seconds,
        other_seconds=used.redone_seconds + used.restart_seconds,
        reached=use is not None,
    )


def exact(forecast: Forecast) -> Decimal:
    """Return a forecast's value as Decimal, by its shortest text."""
    return Decimal(str(forecast.value))


def money(plan: Plan, use: RunUse) -> dict[str, Any]:
    """Return predicted and actual money with the lines between; `predicted_usd` None where nothing was forecast."""
    predicted = plan.forecast.get("usd")
    if predicted is None:
        why = "the plan has no forecast of usd, so there is no variance; make the plan again"
        return {"predicted_usd": None, "actual_usd": f"{use.usd:f}", "note": why, "lines": [], "by_cause": {}}
    found = money_variance(
        predicted_usd=exact(predicted),
        planned_usd_per_hour=plan.machine.usd_per_hour,
        actual_usd=use.usd,
        idle_seconds=use.idle_seconds,
        setup_seconds=use.setup_seconds,
        planned_setup_seconds=exact(plan.setup["seconds"]) if "seconds" in plan.setup else ZERO,
        stages=[stage_actual(stage, use.stages.get(stage.name)) for stage in plan.stages],
    )
    return money_json(found, predicted, plan)


def money_json(found: MoneyVariance, predicted: Forecast, plan: Plan) -> dict[str, Any]:
    """Return the variance as plain JSON."""
    difference = found.actual_usd - found.predicted_usd
    return {
        "predicted_usd": f"{found.predicted_usd:f}",
        "low_usd": predicted.low,
        "high_usd": predicted.high,
        "actual_usd": f"{found.actual_usd:f}",
        "difference_usd": f"{difference:f}",
        "direction": direction(difference),
        "limit_usd": f"{plan.limits.usd:f}",
        "by_cause": {cause: f"{found.total(cause):f}" for cause in CAUSES},
        "lines": [
            {
                "cause": line.cause,
                "where": line.where,
                "usd": f"{line.usd:f}",
                "direction": line.direction,
                "sentence": line.sentence,
            }
            for line in found.lines
        ],
    }


def comparisons(plan: Plan, use: RunUse, done: Mapping[str, Commit]) -> list[Comparison]:
    """Return every forecast of the plan beside its actual, the run first, then stage by stage."""
    peaks = [int(commit.result["peak_bytes"]) for commit in done.values() if "peak_bytes" in commit.result]
    run_actual: dict[str, float | None] = {
        "seconds": float(use.seconds),
        "usd": float(use.usd),
        "tokens": float(sum(stage.unique_tokens for stage in use.stages.values())),
        "steps": float(sum(stage.unique_steps for stage in use.stages.values())),
        "peak_bytes": float(max(peaks)) if peaks else None,
    }
    lines = [compared("run", name, forecast, run_actual.get(name)) for name, forecast in plan.forecast.items()]
    setup_actual = {"seconds": float(use.setup_seconds), "usd": float(share_usd(use.setup_seconds, use))}
    begun = setup_actual if use.attempts else dict[str, float]()
    lines += [compared("setup", name, forecast, begun.get(name)) for name, forecast in plan.setup.items()]
    for stage in plan.stages:
        actual = stage_actuals(stage, use, done.get(stage.name))
        lines += [compared(stage.name, name, forecast, actual.get(name)) for name, forecast in stage.forecast.items()]
    return lines


def stage_actuals(stage: Stage, use: RunUse, commit: Commit | None) -> dict[str, float | None]:
    """Return what a stage used, by forecast name; None where it was not measured."""
    used = use.stages.get(stage.name)
    if used is None:
        return {}
    result = commit.result if commit else {}
    peak = result.get("peak_bytes")
    return {
        "seconds": float(used.seconds),
        "usd": float(share_usd(used.seconds, use)),
        "tokens": float(used.unique_tokens) if stage.train else None,
        "steps": float(used.unique_steps) if stage.train else None,
        "peak_bytes": float(peak) if peak is not None else None,
    }


def compared(where: str, name: str, forecast: Forecast, actual: float | None) -> Comparison:
    """Return one forecast beside its actual."""
    note = "" if actual is not None else NOT_MEASURED
    low, high = forecast.low, forecast.high
    return Comparison(where, name, forecast.unit, forecast.grade, forecast.value, low, high, actual, note)


def as_dict(line: Comparison) -> dict[str, Any]:
    """Return a comparison with what follows from it."""
    return {**asdict(line), "ratio": line.ratio, "inside": line.inside, "escalate": line.escalate}


def totals(use: RunUse, plan: Plan) -> dict[str, Any]:
    """Return the ledger's totals."""
    stages = use.stages.values()
    return {
        "attempts": len(use.attempts),
        "seconds": float(use.seconds),
        "idle_seconds": float(use.idle_seconds),
        "setup_seconds": float(use.setup_seconds),
        "redone_seconds": float(sum((stage.redone_seconds for stage in stages), ZERO)),
        "restart_seconds": float(sum((stage.restart_seconds for stage in stages), ZERO)),
        "executed_steps": sum(stage.executed_steps for stage in stages),
        "unique_steps": sum(stage.unique_steps for stage in stages),
        "planned_steps": sum(stage.train.max_steps for stage in plan.stages if stage.train),
        "executed_tokens": sum(stage.executed_tokens for stage in stages),
        "unique_tokens": sum(stage.unique_tokens for stage in stages),
        "usd": f"{use.usd:f}",
    }


def stage_line(stage: Stage, use: RunUse, done: Mapping[str, Commit]) -> dict[str, Any]:
    """Return one stage's state and use."""
    used = use.stages.get(stage.name, StageUse(stage.name))
    begun = "unfinished" if stage.name in use.stages else NOT_REACHED
    return {
        "name": stage.name,
        "state": "committed" if stage.name in done else begun,
        "visits": used.visits,
        "seconds": float(used.seconds),
        "productive_seconds": float(used.productive_seconds),
        "redone_seconds": float(used.redone_seconds),
        "restart_seconds": float(used.restart_seconds),
        "executed_steps": used.executed_steps,
        "unique_steps": used.unique_steps,
    }


def attempt_line(attempt: Attempt) -> dict[str, Any]:
    """Return one attempt's cost; the idle time before it is part of it."""
    return {
        "number": attempt.number,
        "started": attempt.wall,
        "ended": attempt.ended,
        "seconds": float(attempt.seconds),
        "idle_seconds": None if attempt.idle_seconds is None else float(attempt.idle_seconds),
        "usd_per_hour": f"{attempt.usd_per_hour:f}",
        "rate_source": attempt.rate_source,
        "usd": f"{attempt.usd:f}",
    }


def artefacts(done: Mapping[str, Commit]) -> list[dict[str, str]]:
    """Return every committed file with its digest."""
    return [
        {"stage": stage, "path": path, "sha256": digest}
        for stage, commit in done.items()
        for path, digest in commit.outputs.items()
    ]


def raised_limits(entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """Return every limit that an attempt raised above the plan's, with its reason."""
    return [{"attempt": entry.attempt, **entry.data} for entry in entries if entry.event == "limit_raised"]


def notes(entries: tuple[Entry, ...], use: RunUse) -> list[str]:
    """Return what a reader must see: notes, limits reached, and what is not known."""
    found: list[str] = []
    for entry in entries:
        data = entry.data
        if entry.event == "note":
            found.append(f"attempt {entry.attempt}: {data['note']}: {data['detail']}")
        if entry.event == "limit":
            word = "80 % of the limit passed" if data["soft"] else "limit reached"
            found.append(f"attempt {entry.attempt}: {word}: {data['amount']} of {data['of']} {data['limit']}")
    found += [
        f"attempt {attempt.number}: the machine was restarted before it; what it cost in between is not known here, "
        "compare with the provider's invoice"
        for attempt in use.attempts
        if attempt.idle_seconds is None
    ]
    return found
