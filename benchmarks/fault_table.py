"""The page of a fault campaign: what was injected where, what became of it, and whether the books hold."""

import statistics
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.fault_kinds import USD_PER_HOUR
from pricing.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from benchmarks.faults import Strike, Told

HEAD = """# Faults in every stage of a real run, {day}

A small QLoRA run of the default scenario's base model ({steps} SFT steps, a checkpoint every 4; one thread of a busy
two-core machine): curate, probe, adapt, SFT, DPO, evaluate, merge, A/B plan, account. Untouched it takes
{seconds:.1f} s. Each run below met one kind of fault in each of its stages, one attempt a stage, and was then run to
its end (`python -m benchmarks.faults`, seed {seed}). The hour is billed at {rate} USD. Attempts are forks of one
process with the libraries loaded, so that faults fall into work, not into imports; the disk is a tmpfs of 96 MiB
that is filled for real.

"""
COLUMNS = ("fault", "stage", "injected", "survived", "not hit", "steps lost, worst", "time to resume, median s")
RUN_COLUMNS = (
    "run", "attempts harmed", "unique steps", "executed", "billed s", "wall s, from outside", "misaccounted USD",
    "s before the ledger", "does not hold",
)  # fmt: skip


def row(cells: Sequence[object]) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def rows(columns: Sequence[str], lines: Sequence[Sequence[object]]) -> list[str]:
    """Return a table."""
    return [row(columns), "|" + "---|" * len(columns), *(row(line) for line in lines)]


def page(day: date, told: Sequence["Told"], seconds: float, seed: int, steps: int) -> str:
    """Return the whole page."""
    head = HEAD.format(day=day, seconds=seconds, seed=seed, steps=steps, rate=USD_PER_HOUR)
    return head + "\n".join([*summary(told), "", *by_stage(told), "", *by_run(told), ""])


def survived(run: "Told", strike: "Strike") -> bool:
    """Return whether the attempt ended as it should, went on from its last commit, and its run held to the end."""
    return strike.as_wanted and not strike.before_commit and not run.broken


def by_stage(told: Sequence["Told"]) -> list[str]:
    """Return one line for each fault and stage."""
    groups: dict[tuple[str, str], list[tuple[Told, Strike]]] = {}
    for run in told:
        for strike in run.strikes:
            groups.setdefault((strike.kind, strike.asked), []).append((run, strike))
    lines = []
    for (kind, stage), found in groups.items():
        hit = [one for one in found if one[1].stage is not None]
        resumed = [strike.resume_seconds for _, strike in hit if strike.resume_seconds is not None]
        lines.append((
            kind, stage, len(hit), sum(survived(*one) for one in hit), len(found) - len(hit),
            max((strike.lost_steps for _, strike in hit), default=0),
            f"{statistics.median(resumed):.2f}" if resumed else "-",
        ))  # fmt: skip
    return rows(COLUMNS, lines)


def misaccounted_usd(seconds: float) -> Decimal:
    """Return what so many seconds cost."""
    return (Decimal(str(round(seconds, 3))) * Decimal(USD_PER_HOUR) / SECONDS_PER_HOUR).quantize(Decimal("0.000001"))


def by_run(told: Sequence["Told"]) -> list[str]:
    """Return one line for each run."""
    return rows(RUN_COLUMNS, [
        (
            run.kind, sum(strike.stage is not None for strike in run.strikes), run.unique_steps, run.executed_steps,
            f"{run.billed_seconds:.1f}", f"{run.outside_seconds:.1f}",
            f"{misaccounted_usd(run.billed_seconds - run.outside_seconds):+f}",
            f"{run.unbooked_seconds:.1f}", "; ".join(run.broken).replace("|", "/").replace("\n", " ") or "-",
        )
        for run in told
    ])  # fmt: skip


def summary(told: Sequence["Told"]) -> list[str]:
    """Return the sentences that stand above the tables."""
    hit = [(run, strike) for run in told for strike in run.strikes if strike.stage is not None]
    kills = [one for one in hit if one[1].kind.startswith("kill -9")]
    billed = sum(run.billed_seconds for run in told)
    outside = sum(run.outside_seconds for run in told)
    lost = [strike.lost_steps for _, strike in hit]
    early = sum(strike.before_commit for _, strike in hit)
    return [
        f"- {len(hit)} faults injected, {sum(survived(*one) for one in hit)} survived; of them {len(kills)} times "
        f"kill -9, {sum(survived(*one) for one in kills)} survived.",
        f"- {sum(not run.broken for run in told)} of {len(told)} runs ended with the untouched run's weights, rows and "
        "answers (sha256), unique steps as planned, a bill that is the sum of its attempts, and a variance that sums; "
        f"{sum(run.smaller_batches for run in told)} of them halved the micro-batch when memory ran short in training, "
        "as their ledger notes, and round otherwise from there on: of those the rows are the same, not the weights.",
        f"- Steps lost: {sum(lost)} in all, {max(lost, default=0)} at the worst; {early} times more than those since "
        "the last booked commit.",
        f"- Money: {billed:.1f} s billed, {outside:.1f} s seen by a clock outside the program: "
        f"{misaccounted_usd(billed - outside):+f} USD over {len(hit)} faults, "
        f"{misaccounted_usd((billed - outside) / max(1, len(hit))):+f} each; a killed attempt is billed to its last "
        "sign of life and at most a second more.",
    ]
