"""What a ledger says about faults: work done again, the step gone on from, the time to resume, and the money."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from advisor.plan import Plan
from runner.ledger import Entry, read
from runner.replay import by_attempt, replay

WORK = frozenset({"step", "rows", "checkpoint", "stage_committed"})
"""Lines that only new or repeated work writes; the first of an attempt is the moment it has resumed."""


KEPT_EQUAL = (".safetensors", ".jsonl")
"""What a harmed run must leave to the bit as an untouched one does: weights, rows, answers."""


@dataclass(frozen=True)
class Attempt:
    """One attempt after a fault: seconds until its first work, steps it does again, and what the books say it took."""

    resume_seconds: float | None
    lost_steps: int
    before_commit: bool
    billed_seconds: float


def entries_of(folder: Path) -> tuple[Entry, ...]:
    """Return the ledger's whole lines; none where the run has no ledger yet."""
    plan = json.loads((folder / "plan.json").read_bytes()) if (folder / "plan.json").exists() else {"plan_id": ""}
    return read(folder / "ledger.jsonl", plan["plan_id"]).entries


def last_of(entries: Sequence[Entry], event: str, stage: str) -> int:
    """Return the step of the last such line of a stage, 0 if there is none."""
    steps = [int(e.data["step"]) for e in entries if e.event == event and e.data["stage"] == stage]
    return steps[-1] if steps else 0


def attempts_of(entries: Sequence[Entry]) -> list[Attempt]:
    """Return the attempts in order; `before_commit` says that one went on from before the last booked commit."""
    found: list[Attempt] = []
    groups = by_attempt(entries)
    for number, (group, line) in enumerate(zip(groups, replay(entries).attempts, strict=True)):
        earlier = [entry for one in groups[:number] for entry in one]
        starts = [entry for entry in group if entry.event == "training_started"]
        lost, before = 0, False
        for start in starts:
            stage, step = str(start.data["stage"]), int(start.data["step"])
            lost += max(0, last_of(earlier, "step", stage) - step)
            before = before or step < last_of(earlier, "checkpoint", stage)
        first = next((entry.at for entry in group if entry.event in WORK), None)
        found.append(Attempt(None if first is None else float(first), lost, before, float(line.seconds)))
    return found


def books_hold(report: dict[str, Any], straight: dict[str, Any], plan: Plan) -> list[str]:
    """Return what differs from the untouched run or does not add up; empty where the books hold.

    A run that had to halve its micro-batch rounds otherwise from there on: of it only the rows must be the same.
    """
    total, money = report["totals"], report["money"]
    planned = sum(stage.train.max_steps for stage in plan.stages if stage.train)
    billed = sum((Decimal(line["usd"]) for line in report["attempts"]), Decimal(0))
    by_cause = sum((Decimal(line["usd"]) for line in money["lines"]), Decimal(0))
    ends = "curate/" if halved(report) else ""
    rules = (
        (artefacts(report, ends) == artefacts(straight, ends), "another artefact than the untouched run's"),
        (total["unique_steps"] == planned, f"{total['unique_steps']} unique steps of {planned}"),
        (billed == Decimal(total["usd"]), f"attempts sum to {billed}, the total is {total['usd']}"),
        (by_cause == Decimal(money["difference_usd"]), "the variance does not sum to actual minus predicted"),
        (report["ships"] == straight["ships"], "another verdict"),
    )
    return [said for holds, said in rules if not holds]


def artefacts(report: dict[str, Any], below: str = "") -> dict[str, str]:
    """Return the sha256 of all weights, rows and answers that a run left, by path; pages tell of money and time."""
    found = {line["path"]: line["sha256"] for line in report["artefacts"] if line["path"].endswith(KEPT_EQUAL)}
    return {path: sha256 for path, sha256 in found.items() if path.startswith(below)}


def halved(report: dict[str, Any]) -> bool:
    """Return whether memory ran short in training, so that smaller micro-batches went on; the ledger notes it."""
    return any("micro-batch" in str(note) for note in report["notes"])
