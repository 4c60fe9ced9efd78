"""All runs and how well their predictions held, oldest first: from a folder of runs, or from the user's own record."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pricing.places import calibration_file
from runner import ledger
from runner.calibrate import error_line
from runner.calibrate_file import read_records
from runner.disk import holder_lives
from runner.doors import open_run
from runner.render import Section, markdown_of, percent, tables_of, usd
from runner.report import build_report

SHOWN: Final = {"usd": "money", "seconds": "time", "tokens": "tokens", "peak_bytes": "memory"}
"""A run's forecasts, by their names in the report, and the words for them."""
DAY: Final = len("2026-11-21")
FINISHED: Final = "finished"
BROKEN: Final = "cannot be read"
DEPTH: Final = 3  # a project's folder, a plan's folder, the run


class RunLine(NamedTuple):
    """One run: who, when, how it stands, and each of its forecasts beside its actual."""

    run_id: str
    when: str
    scenario: str
    state: str
    errors: Sequence[Mapping[str, Any]]


def is_run(folder: Path) -> bool:
    """Return whether a folder is a run's own."""
    return (folder / "plan.json").is_file() and (folder / "ledger.jsonl").is_file()


def run_folders(folder: Path) -> list[Path]:
    """Return the run folders below a folder, at most DEPTH levels down; a run's own subfolders are not looked into."""
    found: list[Path] = []
    level = [folder]
    for _ in range(DEPTH):
        level = sorted(below for one in level for below in one.iterdir() if below.is_dir() and not below.is_symlink())
        found += [one for one in level if is_run(one)]
        level = [one for one in level if not is_run(one)]
    return found


def folder_line(folder: Path) -> RunLine:
    """Return a run's line from its ledger; a run that cannot be read is a line that says so."""
    try:
        home, plan = open_run(folder)
        report = build_report(home, plan)
        entries = ledger.read(home.ledger, plan.plan_id).entries
    except (ValueError, OSError) as fault:
        return RunLine(folder.name, "", "", f"{BROKEN}: {fault}", ())
    when = entries[0].wall if entries else ""
    errors = [error_line(line) for line in report["comparisons"] if line["where"] == "run"]
    state = str(report["state"])
    if state != FINISHED and holder_lives(folder / "lock"):
        state = "running"
    return RunLine(plan.plan_id[:12], when, plan.scenario.name, state, errors)


def record_line(record: Mapping[str, Any]) -> RunLine:
    """Return a run's line from the user's record, which has finished runs only."""
    when = str(record.get("started") or record.get("on", ""))
    return RunLine(str(record["run_id"]), when, str(record.get("scenario", "")), "finished", record.get("errors", ()))


def all_runs(folder: Path | None) -> tuple[list[RunLine], str]:
    """Return every run, oldest first, and where they are from. Raises OSError."""
    if folder is not None:
        found = [folder_line(one) for one in run_folders(folder)]
        return sorted(found, key=lambda line: line.when), f"the runs below {folder}"
    path = calibration_file()
    if path is None:
        return [], "no record is kept (CROSSOVER_CALIBRATION=none); name a folder of runs: run ledger DIR"
    return [record_line(one) for one in read_records(path)], f"finished runs on this machine, by {path}"


def ratio_of(line: RunLine, name: str) -> float | None:
    """Return actual over predicted of one forecast, None where it is not known."""
    return next((one["ratio"] for one in line.errors if one["name"] == name), None)


def typical_error(lines: Sequence[RunLine], name: str) -> float | None:
    """Return the factor by which finished runs were typically off, less 1 (the mean size of the log of the ratio)."""
    ratios = [ratio for line in lines if line.state == FINISHED and (ratio := ratio_of(line, name))]
    return math.expm1(sum(abs(math.log(ratio)) for ratio in ratios) / len(ratios)) if ratios else None


def over_time(lines: Sequence[RunLine]) -> list[str]:
    """Return a sentence about each quantity: how far off all runs were, and whether the newer half was nearer."""
    found: list[str] = []
    for name, word in SHOWN.items():
        every = typical_error(lines, name)
        if every is None:
            continue
        older, newer = lines[: len(lines) // 2], lines[len(lines) // 2 :]
        then, now = typical_error(older, name), typical_error(newer, name)
        trend = "" if then is None or now is None else f"; older half {percent(then)}, newer half {percent(now)}"
        found.append(f"{word}: typically off by {percent(every)}{trend}.")
    return found


def row_of(line: RunLine) -> tuple[str, ...]:
    """Return one run as a table shows it: when, which, what it cost, how it stands; ratios of a finished one only."""
    money = next((one for one in line.errors if one["name"] == "usd"), None)
    ratios = [ratio_of(line, name) if line.state == FINISHED else None for name in SHOWN]
    shown = [f"{ratio:.2f}" if ratio is not None else "-" for ratio in ratios]
    return line.when[:DAY], line.run_id, usd(money["actual"]) if money else "-", *shown, line.state.partition(":")[0]


def runs_sections(lines: Sequence[RunLine], source: str) -> list[Section]:
    """Return what all runs say together, and a table of the runs of each scenario: their numbers are alike."""
    count = f"{len(lines)} run{'' if len(lines) == 1 else 's'}" if lines else "No runs"
    broken = [f"{line.run_id} {line.state}." for line in lines if line.state.startswith(BROKEN)]
    said = (f"{count}: {source}.", *broken, *over_time(lines))
    legend = "USD is what a run cost; the four behind it are actual over predicted, 1.00 where the forecast held."
    found = [Section("All runs, predicted and actual", (*said, legend) if lines else said)]
    heads = ("began", "run", "USD", *SHOWN.values(), "state")
    for scenario in dict.fromkeys(line.scenario for line in lines):
        rows = tuple(row_of(line) for line in lines if line.scenario == scenario)
        found.append(Section(scenario or "Not readable", (), heads, rows))
    return found


def runs_text(folder: Path | None, form: str, columns: int, colour: bool) -> str:
    """Return all runs as json, markdown or table. Raises OSError."""
    lines, source = all_runs(folder)
    if form == "json":
        errors = {name: typical_error(lines, name) for name in SHOWN}
        document = {"source": source, "typical_error_share": errors, "runs": [line._asdict() for line in lines]}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    found = runs_sections(lines, source)
    return markdown_of(found) if form == "markdown" else tables_of(found, columns, colour)
