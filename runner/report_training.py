"""What a run report says of its training: the guards' findings, and the probe beside the plan. Pure.

From the plan, the ledger and the commits alone, as all of the report.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from advisor.plan import Plan, Stage, TrainSettings
from runner.folder import Commit
from runner.guards import (
    Evaluated,
    Finding,
    Step,
    each_once,
    finite,
    gradients,
    learning,
    overfitting,
    spikes,
    supervision,
    truncation,
)
from runner.ledger import Entry, unique


def steps_of(entries: Sequence[Entry], stage: str) -> list[Step]:
    """Return a stage's executed steps, each once; NaN and infinity, which JSON writes as text, are numbers again."""
    found = [entry.data for entry in unique(entries) if entry.event == "step" and entry.data["stage"] == stage]
    return each_once(
        [
            Step(
                int(data["step"]),
                float(data["loss"]),
                float(data["grad_norm"]),
                int(data["tokens"]),
                int(data["supervised_tokens"]),
            )
            for data in found
        ]
    )


def evaluations_of(entries: Sequence[Entry], stage: str, steps: Sequence[Step]) -> list[Evaluated]:
    """Return a stage's evaluations, each with the mean training loss since the one before."""
    asked = {
        int(entry.data["step"]): float(entry.data["loss"])
        for entry in unique(entries)
        if entry.event == "evaluation" and entry.data["stage"] == stage
    }
    found: list[Evaluated] = []
    before = 0
    for step in sorted(asked):
        losses = [one.loss for one in steps if before < one.step <= step]
        if losses:
            found.append(Evaluated(step, asked[step], sum(losses) / len(losses)))
        before = step
    return found


def stage_findings(
    stage: Stage, settings: TrainSettings, entries: Sequence[Entry], result: Mapping[str, Any]
) -> list[Finding]:
    """Return what each guard of one training stage saw."""
    steps = steps_of(entries, stage.name)
    evaluations = evaluations_of(entries, stage.name, steps)
    found = [
        finite(steps),
        spikes(steps),
        gradients(steps, settings.max_grad_norm),
        learning(steps),
        supervision(steps),
    ]
    if stage.name == "sft":
        found.append(overfitting(evaluations, settings.patience, bool(result.get("stopped_early"))))
    return found


def findings(plan: Plan, entries: Sequence[Entry], done: Mapping[str, Commit]) -> list[dict[str, Any]]:
    """Return every finding of the training guards as plain JSON, with the stage it is about; skipped stages say why."""
    made: list[dict[str, Any]] = []
    if "curate" in done:
        counted = done["curate"].result
        over_long = int(counted["dropped"].get("over_long", 0))
        one = truncation(over_long, int(counted["rows"]), plan.gate.max_truncated_share)
        made.append({"stage": "curate", **one._asdict()})
    for stage in plan.stages:
        if stage.train is None or not steps_of(entries, stage.name):
            continue
        result = done[stage.name].result if stage.name in done else {}
        made += [{"stage": stage.name, **one._asdict()} for one in stage_findings(stage, stage.train, entries, result)]
    if "dpo" in done:
        result = done["dpo"].result
        answer = "passed" if result["kept"] == "dpo" else "warned" if "before" in result else "not assessed"
        remedy = "" if answer == "passed" else "more or cleaner pairs, a higher beta, or a lower learning rate"
        one = Finding("held-out metric after preferences", answer, str(result["why"]), remedy)
        made.append({"stage": "dpo", **one._asdict()})
    return made


def probed(done: Mapping[str, Commit], comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return each probed figure beside the plan's and what came of it, and the rendered row; None without a probe."""
    if "probe" not in done:
        return None
    result = done["probe"].result
    lines = {(line["where"], line["name"]): line for line in comparisons}
    rows = [
        {
            "where": where,
            "name": name,
            "unit": told["unit"],
            "planned": lines[where, name]["predicted"],
            "probed": told["value"],
            "low": told["low"],
            "high": told["high"],
            "actual": lines[where, name]["actual"],
        }
        for where, figures in result["forecast"].items()
        for name, told in figures.items()
        if (where, name) in lines
    ]
    sample = next((one["sample"] for one in result["measured"].values()), None)
    return {"lines": rows, "outside": result["outside"], "accepted": result["accepted"], "sample": sample}
