"""The stage before the spend: a few real steps of each training stage, a batch of answers, and the run told again."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from advisor.plan import Forecast, Probe, Stage
from runner.disk import free_bytes, write_atomic
from runner.engine import BadDataError, ProbeResult, StepReport, TooLargeError
from runner.evaluate import BATCH_ROWS, StopRequestedError
from runner.evaluation_sets import read_sets
from runner.meter import Meter
from runner.models import Run, base_model
from runner.probe import (
    Answers,
    Asked,
    Room,
    answering_seconds,
    no_room,
    outside,
    over_limits,
    run_forecast,
    stage_forecast,
    too_far,
    usd_of,
)
from runner.refusal import RefusedError
from runner.stage_parts import Done, locked_tests, result_of, sample_prompts
from runner.train_stage import Objective, job_of, refusal_of

PROBED: dict[str, Objective] = {"adapt": "text", "sft": "chat"}
"""Both start from a model of the base's shape; preferences start from what is not there yet."""


class Quiet:
    """The meter's ear while probing: its steps are no steps of the run, but limits and signals hold."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def started(self, step: int, total_steps: int) -> None:
        """Nothing to record."""

    def stepped(self, report: StepReport) -> bool:
        """Return whether to go on."""
        del report
        return not self.meter.must_stop()

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Nothing to record."""

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        """Nothing to record."""

    def note(self, event: str, detail: str) -> None:
        """Pass on what a reader must see."""
        self.meter.note(event, detail)


def do_probe(run: Run, stage: Stage) -> Done:
    """Measure, tell the run again, and refuse what is over a limit or far from the plan; a recorded reason lets it."""
    chosen = stage.probe or Probe()
    results = {one.name: steps(run, one, chosen) for one in run.plan.stages if one.name in PROBED}
    answers = answer_once(run)
    stages = told_again(run, results, answers)
    whole, room = run_forecast(run.plan, stages), room_of(run)
    sentences = outside(run.plan, stages, chosen.gross_ratio)
    found = {
        "measured": {name: asdict(one) for name, one in results.items()},
        "answers": answers._asdict() if answers else None,
        "forecast": {name: plain(told) for name, told in {"run": whole, **stages}.items()},
        "outside": [text for text, _ in sentences],
        "accepted": run.meter.accepted,
    }
    path = run.folder.stage("probe") / "probe.json"
    write_atomic(path, json.dumps(found, indent=1, ensure_ascii=False).encode())
    refusals = over_limits(whole, room) + too_far(sentences)
    if run.meter.accepted:
        run.meter.note("probe accepted", run.meter.accepted)
        refusals = []
    refusals += no_room(run.plan, results, room.disk_free_bytes)
    if refusals:
        raise RefusedError(refusals)
    return Done(found, (path,))


def steps(run: Run, stage: Stage, chosen: Probe) -> ProbeResult:
    """Return what a few steps of a training stage measured. Raises StopRequestedError, RefusedError."""
    job = job_of(run, stage, base_model(run), PROBED[stage.name])
    try:
        found = run.engine.probe(job, chosen, Quiet(run.meter))
    except (BadDataError, TooLargeError) as fault:
        raise RefusedError([refusal_of(fault)]) from fault
    if found is None:
        raise StopRequestedError
    return found


def answer_once(run: Run) -> Answers | None:
    """Return what a few batches of the base's answers took; the prompts are training ones, the test stays locked."""
    prompts = [messages[:-1] for messages in sample_prompts(run)]
    if not prompts:
        return None
    clock = run.meter.clock
    began = clock.now_seconds()
    next(run.engine.answer(base_model(run), prompts[:1], 1, 1))
    loaded = clock.now_seconds()
    batches = list(run.engine.answer(base_model(run), prompts, run.plan.gate.max_new_tokens, BATCH_ROWS))
    tokens = sum(max(answer.tokens for answer in batch) for batch in batches)
    return Answers(len(batches), tokens, clock.now_seconds() - loaded, loaded - began)


def asked_of(run: Run, answer_tokens: float) -> Asked:
    """Return what the evaluation will ask."""
    tests = len(locked_tests(run))
    safety = len(read_sets(run.plan.data, run.root, tests).safety)
    return Asked(
        tests=math.ceil(tests / BATCH_ROWS),
        guards=math.ceil(safety / BATCH_ROWS),
        longest_tokens=run.plan.gate.max_new_tokens,
        answer_tokens=answer_tokens,
        adapter=run.plan.method.kind != "full",
    )


def told_again(run: Run, results: Mapping[str, ProbeResult], answers: Answers | None) -> dict[str, dict[str, Forecast]]:
    """Return the new forecast of every stage that was measured."""
    plan = run.plan
    watched = {"sft": int(result_of(run, "curate").get("valid_rows", 0))}
    found = {
        one.name: stage_forecast(plan, one, results[one.name], watched.get(one.name, 0))
        for one in plan.stages
        if one.name in results
    }
    if answers is not None and "sft" in results:
        seconds = answering_seconds(asked_of(run, results["sft"].answer_tokens), answers)
        found["evaluate"] = {"seconds": seconds, "usd": usd_of(seconds, plan.machine.usd_per_hour)}
    return found


def room_of(run: Run) -> Room:
    """Return what is allowed and what is free."""
    budget = run.meter.budget
    return Room(float(budget.hours), float(budget.usd), free_bytes(run.folder.path))


def plain(told: Mapping[str, Forecast]) -> dict[str, Any]:
    """Return forecasts as plain JSON."""
    return {name: one.model_dump(mode="json") for name, one in told.items()}
