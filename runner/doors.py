"""What the commands print: texts of reports, ledgers, forecasts and faults. No command-line library here."""

import json
from pathlib import Path
from typing import Any

from advisor.plan import Plan
from runner import ledger
from runner.ab_results import ResultFaultsError
from runner.admission import EXIT_FAILED, EXIT_INPUT, EXIT_REFUSED, Options, admit, limits_for, rate_of
from runner.budget import budget_of
from runner.disk import ContendedError, LockedError
from runner.exact import Exact, exact_lines, exact_memory
from runner.folder import DamagedRunError, RunFolder
from runner.ledger import LedgerFaultError
from runner.planfile import PlanFaultsError, read_plan
from runner.refusal import RefusedError
from runner.render import quantity, usd
from runner.replay import replay
from runner.report import attempt_line, build_report
from runner.report_out import ReportFaultError, kept_report
from runner.report_sections import markdown, tables

KNOWN_FAULTS = (
    PlanFaultsError,
    RefusedError,
    LockedError,
    DamagedRunError,
    LedgerFaultError,
    ResultFaultsError,
    ReportFaultError,
    ContendedError,
    OSError,
)
QUIET_EVENTS = frozenset({"heartbeat", "step", "rows"})


def explain(error: Exception) -> tuple[int, str]:
    """Return exit code and text of a known fault, every reason on a line of its own."""
    if isinstance(error, RefusedError):
        count = len(error.refusals)
        head = f"refused, {count} reason{'' if count == 1 else 's'}:"
        return EXIT_REFUSED, "\n".join([head, *(f"  {refusal}" for refusal in error.refusals)])
    if isinstance(error, LockedError):
        return EXIT_REFUSED, f"refused: {error}"
    if isinstance(error, FileNotFoundError):
        return EXIT_INPUT, f"{error.filename}: there is no such file"
    if isinstance(error, OSError | ContendedError):
        return EXIT_FAILED, f"the disk failed: {error}; free some space or choose another --dir, then run again"
    return EXIT_INPUT, str(error)


def report_text(report: dict[str, Any], form: str, columns: int, colour: bool) -> str:
    """Return a report as json, markdown or table; the last one `columns` wide."""
    if form == "json":
        return json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    if form == "markdown":
        return markdown(report)
    return tables(report, columns, colour)


def open_run(folder: Path) -> tuple[RunFolder, Plan]:
    """Return a run folder and its plan. Raises PlanFaultsError, OSError."""
    file = read_plan((folder / "plan.json").read_bytes(), str(folder / "plan.json"))
    if file.plan is None:
        raise PlanFaultsError([f"{folder}/plan.json is not a plan this version reads"])
    return RunFolder(folder, file.plan.plan_id), file.plan


def read_report(place: Path) -> dict[str, Any]:
    """Return the report of a run folder, made anew from its ledger and commits, or the one that a file holds."""
    return build_report(*open_run(place)) if place.is_dir() else kept_report(place)


def ledger_text(folder: Path, form: str) -> str:
    """Return attempts and entries; json has every entry."""
    home, plan = open_run(folder)
    entries = ledger.read(home.ledger, plan.plan_id).entries
    attempts = [attempt_line(attempt) for attempt in replay(entries).attempts]
    if form == "json":
        document = {"plan_id": plan.plan_id, "attempts": attempts, "entries": [ledger.body_of(one) for one in entries]}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    lines = [
        f"attempt {line['number']}  {line['started']}  {line['seconds']:.1f} s  {usd(line['usd'])} USD  {line['ended']}"
        for line in attempts
    ]
    lines += [
        f"{one.seq:6d}  {one.attempt}  {one.at:>10} s  {one.event:<16}  {brief(one.data)}"
        for one in entries
        if one.event not in QUIET_EVENTS
    ]
    quiet = sum(one.event in QUIET_EVENTS for one in entries)
    return (
        "\n".join([*lines, f"{len(entries)} entries, {quiet} of them heartbeats, steps and rows; the chain holds"])
        + "\n"
    )


def brief(data: dict[str, Any]) -> str:
    """Return an entry's data on one line, short enough to read."""
    text = ", ".join(f"{name} {value}" for name, value in data.items() if not isinstance(value, dict | list))
    return text[:160]


def forecast_text(plan_path: Path, folder: Path | None, options: Options, form: str) -> str:
    """Return what the plan would do and cost, after the gate let it; nothing is written. Raises as `admit`."""
    plan, run_folder, *_ = admit(plan_path, folder, options)
    budget, rate = budget_of(*limits_for(plan, options)), rate_of(plan, options)
    exact = exact_memory(plan, plan_path.parent)
    if form == "json":
        document = {
            "plan_id": plan.plan_id,
            "run_folder": str(run_folder),
            "limits": {"usd": f"{budget.usd:f}", "hours": f"{budget.hours:f}"},
            "usd_per_hour": f"{rate.usd_per_hour:f}",
            "raised": [
                {"limit": one.name, "planned": f"{one.planned:f}", "reason": one.reason} for one in budget.raised
            ],
            "rate_source": rate.source,
            "forecast": {name: forecast.model_dump(mode="json") for name, forecast in plan.forecast.items()},
            "setup": {name: forecast.model_dump(mode="json") for name, forecast in plan.setup.items()},
            "stages": [
                {
                    "name": stage.name,
                    "forecast": {name: one.model_dump(mode="json") for name, one in stage.forecast.items()},
                    "exact": exact_of(exact, stage.name),
                }
                for stage in plan.stages
            ],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    return "\n".join([*forecast_lines(plan, run_folder, options), *exact_lines(exact, plan)]) + "\n"


def exact_of(answers: list[Exact], stage: str) -> dict[str, Any] | None:
    """Return a stage's exact memory as JSON has it, its fault where there is none, None where it trains nothing."""
    found = next((one for one in answers if one.stage == stage), None)
    return None if found is None else dict(found.found or {"fault": found.fault})


def forecast_lines(plan: Plan, run_folder: Path, options: Options) -> list[str]:
    """Return the forecast as plain lines."""
    budget, rate = budget_of(*limits_for(plan, options)), rate_of(plan, options)
    lines = [f"{plan.scenario.name}: {plan.verdict.title}", f"would run in {run_folder}; nothing was spent"]
    if plan.verdict.override_reason:
        lines.append(f"OVERRIDE: against the verdict, because: {plan.verdict.override_reason}")
    lines.append(f"{rate.usd_per_hour} USD an hour ({rate.source}); limits {budget.usd} USD, {budget.hours} hours")
    lines += [
        f"LIMIT RAISED: {one.name} from {one.planned:f} to {one.holds:f}, because: {one.reason}"
        for one in budget.raised
    ]
    named = [("run", plan.forecast), ("setup", plan.setup)]
    for where, forecasts in [*named, *((stage.name, stage.forecast) for stage in plan.stages)]:
        lines += [
            f"  {where:<9} {name:<11} {quantity(one.value, one.unit):>14} {one.grade}  "
            f"({quantity(one.low, one.unit)} to {quantity(one.high, one.unit)})"
            for name, one in forecasts.items()
        ]
    return lines
