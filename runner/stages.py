"""Carry out a plan: gate, lock, one metered attempt over the stages that are still to do, and what came of it.

The order is a table (the plan's stages, checked by the gate); a stage that is committed is verified and not done again.
"""

import json
import os
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from advisor.plan import Plan
from runner.admission import (
    EXIT_ANSWERED,
    EXIT_FAILED,
    EXIT_LIMIT,
    EXIT_REFUSED,
    Admitted,
    Options,
    admit,
    limits_for,
    rate_of,
)
from runner.budget import Limit, budget_of, next_step
from runner.calibrate_file import keep
from runner.disk import boot_id, host_name, locked, touch, write_atomic
from runner.engine import Engine
from runner.evaluate import StopRequestedError
from runner.folder import RunFolder, commits_in_order
from runner.ledger import Ledger
from runner.meter import Clock, Meter, Screen
from runner.models import Run
from runner.redact import redacted
from runner.refusal import RefusedError
from runner.report import build_report
from runner.stopping import EXIT_RESUMABLE, leave, stop_signals
from runner.work import BODIES

LOCK_FILE = "lock"
FREE_STAGES = ("abplan", "account")  # a verdict that is all but there costs nothing more: no limit stops before it


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the process's exit code, one sentence, and the report if anything was run."""

    exit_code: int
    sentence: str
    report: dict[str, object] = field(default_factory=dict[str, object])


def run_plan(
    plan_path: Path,
    folder: Path | None,
    engine: Callable[[], Engine],
    options: Options,
    clock: Clock,
    screen: Screen,
    started_seconds: float,
) -> Outcome:
    """Carry out the plan, or go on with it; `engine` is called once the meter runs, since loading it is billed.

    Raises PlanFaultsError, RefusedError, DamagedRunError, LedgerFaultError or OSError where nothing could be run.
    """
    admitted = admit(plan_path, folder, options)
    plan, run_folder = admitted.plan, admitted.run_folder
    limits = limits_for(plan, options)
    run_folder.mkdir(parents=True, exist_ok=True)
    with held(run_folder) as taken_over:
        home = RunFolder(run_folder, plan.plan_id)
        home.prepare(plan_path.read_bytes())
        commits = commits_in_order(home, plan)
        for commit in commits.values():
            home.verify(commit)
        if len(commits) == len(plan.stages):
            return outcome_of(home, plan, "finished", limits)
        ledger = Ledger(home.ledger, plan.plan_id)
        try:
            meter = Meter(ledger, clock, started_seconds, rate_of(plan, options), budget_of(*limits), screen)
            meter.accepted = (options.accept_probe or "").strip() or None
            reason = attempt(admitted, home, engine, meter, taken_over)
        finally:
            ledger.close()
        outcome = outcome_of(home, plan, reason, limits)
        if reason == "finished" and (said := keep(home, plan, outcome.report, options.as_of.isoformat())):
            screen.say(said)
        return outcome


def held(run_folder: Path) -> AbstractContextManager[str | None]:
    """Return the lock of the run folder."""
    return locked(run_folder / LOCK_FILE)


def attempt(
    admitted: Admitted, home: RunFolder, engine: Callable[[], Engine], meter: Meter, taken_over: str | None
) -> str:
    """Run one attempt; return how it ended: finished, a signal's name, `limit ...`, `refused ...` or `failed ...`."""
    meter.start(host_name(), boot_id())
    lock = home.path / LOCK_FILE
    with stop_signals(meter.ask_stop), meter.heartbeats(lambda: touch(lock), lambda: leave(EXIT_LIMIT)):
        if taken_over:
            meter.note("lock", taken_over)
        if meter.ledger.torn:
            meter.note("ledger", f"{meter.ledger.torn} bytes of a torn last line were moved to ledger.jsonl.torn")
        reason = guarded(admitted, home, engine, meter)
    meter.end(reason)
    return reason


def guarded(admitted: Admitted, home: RunFolder, engine: Callable[[], Engine], meter: Meter) -> str:
    """Do what is left and return how it ended; a stage's failure is an ending too, with its trace in failure.txt."""
    try:
        if meter.must_stop():
            raise StopRequestedError
        made = engine()
        meter.record("engine_ready", **made.identity())
        do_stages(Run(admitted.plan, admitted.root, home, made, meter), admitted.refuse_changed)
    except StopRequestedError:
        return str(meter.stop_asked)
    except RefusedError as refused:
        return f"refused {refused}"
    except Exception as error:  # an engine may raise anything, and every ending is accounted for
        trace = redacted(traceback.format_exc(), os.environ)
        write_atomic(home.path / "failure.txt", trace.encode(errors="replace"))
        return redacted(f"failed {type(error).__name__}: {error}", os.environ)
    return "finished"


def do_stages(run: Run, refuse_changed: Callable[[], None]) -> None:
    """Do every stage that is not committed, in the plan's order. Raises StopRequestedError between stages too.

    Nothing is committed that was made while `refuse_changed` finds a file of the plan changed.
    """
    booked = {str(entry.data["stage"]) for entry in run.meter.ledger.entries if entry.event == "stage_committed"}
    for stage in run.plan.stages:
        commit = run.folder.committed(stage.name)
        if commit is not None and stage.name in booked:
            continue
        if stage.name not in FREE_STAGES and run.meter.must_stop():
            raise StopRequestedError
        run.meter.enter(stage.name)
        if commit is None:  # else it was killed between its commit and the ledger's line
            done = BODIES[stage.name](run, stage)
            refuse_changed()
            commit = run.folder.commit(stage.name, done.outputs, done.result)
        run.meter.record("stage_committed", stage=stage.name, outputs=commit.outputs, result=commit.result)


def outcome_of(home: RunFolder, plan: Plan, reason: str, limits: Sequence[Limit]) -> Outcome:
    """Return the exit code, the sentence and the report of an attempt's end, and keep the report in the folder."""
    report = build_report(home, plan)
    write_atomic(home.path / "report.json", json.dumps(report, indent=1, ensure_ascii=False).encode())
    if reason == "finished":
        ships = report["ships"]
        if ships is False:
            return Outcome(EXIT_REFUSED, "finished; the quality gate says it must not ship", report)
        return Outcome(EXIT_ANSWERED, "finished", report)
    if reason.startswith("refused"):
        return Outcome(EXIT_REFUSED, reason, report)
    if reason.startswith("failed"):
        where = home.path / "failure.txt"
        return Outcome(EXIT_FAILED, f"{reason}. Trace in {where}; correct the cause and run again to go on", report)
    saved = f"stopped by {reason}; everything so far is saved"
    for limit in limits:
        if reason == f"limit {limit.name}":
            return Outcome(EXIT_LIMIT, f"{saved}; {next_step(limit)}", report)
    return Outcome(EXIT_RESUMABLE, f"{saved}, run again to go on", report)
