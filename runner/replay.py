"""What the ledger says was used: attempts, stages, steps, seconds and money. Pure; the same for a live or a dead run.

Rule 1  An attempt is billed from its process's first second to its `attempt_ended`. One that was killed is billed to
        its last line plus HEARTBEAT_SECONDS (a living process writes at least that often), never past the next start.
Rule 2  On a rented machine that was not restarted, the time between two attempts is idle, and billed. Across a restart
        of the machine it is not known, and is reported as such.
Rule 3  Work done twice is paid twice: a step (or batch of rows) already executed counts as executed, not as unique.
Rule 4  Within a stage, seconds are productive (unique work), redone, or restart: getting ready again in a later
        attempt, and what a killed attempt did after its last whole piece of work.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pricing.units import SECONDS_PER_HOUR
from runner.ledger import Entry, unique

HEARTBEAT_SECONDS = Decimal(1)  # long enough to cost nothing, short enough that a killed hour is billed within 0.03 %
NANO_USD = Decimal(
    "0.000000001"
)  # money is booked to the billionth: a second of a 0.06 USD/h machine is 16,667 of them
ZERO = Decimal(0)


def billed_usd(seconds: Decimal, usd_per_hour: Decimal) -> Decimal:
    """Return what the seconds cost, booked to NANO_USD (half to even)."""
    return (seconds * usd_per_hour / SECONDS_PER_HOUR).quantize(NANO_USD)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process's share: billed seconds and money with their rate and source; `ended` is `killed` if it never said.

    `idle_seconds` is the billed time before it (Rule 2), None where that is not known; `usd` includes it.
    """

    number: int
    wall: str
    ended: str
    seconds: Decimal
    idle_seconds: Decimal | None
    usd_per_hour: Decimal
    rate_source: str
    usd: Decimal


@dataclass(slots=True)
class StageUse:
    """One stage over all attempts; steps and tokens are of training, rows of evaluation."""

    name: str
    visits: int = 0
    committed: bool = False
    seconds: Decimal = ZERO
    productive_seconds: Decimal = ZERO
    redone_seconds: Decimal = ZERO
    restart_seconds: Decimal = ZERO
    executed_steps: int = 0
    unique_steps: int = 0
    executed_tokens: int = 0
    unique_tokens: int = 0
    unique_rows: int = 0
    result: dict[str, Any] = field(default_factory=dict[str, Any])
    done: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class RunUse:
    """A whole run: `setup_seconds` lie in attempts outside any stage; `usd` is the sum over attempts."""

    attempts: tuple[Attempt, ...]
    stages: dict[str, StageUse]
    seconds: Decimal
    idle_seconds: Decimal
    setup_seconds: Decimal
    usd: Decimal


def by_attempt(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return the entries grouped by attempt, in order, each once."""
    groups: dict[int, list[Entry]] = {}
    for entry in unique(entries):
        groups.setdefault(entry.attempt, []).append(entry)
    return [groups[number] for number in sorted(groups)]


def same_boot_seconds(group: list[Entry], following: list[Entry] | None) -> Decimal | None:
    """Return the seconds from this attempt's start to the next one's; None if none, or after a machine's restart."""
    if following is None:
        return None
    here, there = group[0].data, following[0].data
    if (here["host"], here["boot_id"]) != (there["host"], there["boot_id"]):
        return None
    return Decimal(there["clock"]) - Decimal(here["clock"])


def billed_seconds(group: list[Entry], to_next: Decimal | None) -> Decimal:
    """Return what an attempt is billed (Rule 1); `to_next` as `same_boot_seconds` gives it."""
    last = group[-1]
    if last.event == "attempt_ended":
        return last.at
    killed = last.at + HEARTBEAT_SECONDS
    return killed if to_next is None else max(last.at, min(killed, to_next))


def attempt_of(group: list[Entry], seconds: Decimal, idle: Decimal | None) -> Attempt:
    """Return the attempt's line; its idle time is the one before it."""
    started, last = group[0], group[-1]
    rate = Decimal(started.data["usd_per_hour"])
    ended = str(last.data["reason"]) if last.event == "attempt_ended" else "killed"
    usd = billed_usd(seconds + (idle or ZERO), rate)
    return Attempt(started.attempt, started.wall, ended, seconds, idle, rate, str(started.data["rate_source"]), usd)


def idle_before(previous: tuple[Decimal, Decimal | None] | None, rented: bool) -> Decimal | None:
    """Return the billed idle seconds before an attempt (Rule 2); `previous` is (billed seconds, seconds to next)."""
    if previous is None or not rented:
        return ZERO
    billed, to_next = previous
    return None if to_next is None else max(ZERO, to_next - billed)


def replay(entries: Iterable[Entry]) -> RunUse:
    """Return what the run has used so far; replaying the same entries again, or twice over, gives the same."""
    groups = by_attempt(entries)
    attempts: list[Attempt] = []
    stages: dict[str, StageUse] = {}
    in_stages, previous = ZERO, None
    for group, following in itertools.zip_longest(groups, groups[1:]):
        to_next = same_boot_seconds(group, following)
        seconds = billed_seconds(group, to_next)
        attempts.append(attempt_of(group, seconds, idle_before(previous, bool(group[0].data["rented"]))))
        in_stages += add_stages(stages, group, seconds)
        previous = (seconds, to_next)
    idle = sum((attempt.idle_seconds or ZERO for attempt in attempts), ZERO)
    billed = sum((attempt.seconds for attempt in attempts), ZERO)
    usd = sum((attempt.usd for attempt in attempts), ZERO)
    return RunUse(tuple(attempts), stages, billed + idle, idle, billed - in_stages, usd)


def add_stages(stages: dict[str, StageUse], group: list[Entry], end_seconds: Decimal) -> Decimal:
    """Add one attempt's visits to the stages; return the seconds it spent in them."""
    spent = ZERO
    starts = [index for index, entry in enumerate(group) if entry.event == "stage_started"]
    for index, following in zip(starts, [*starts[1:], len(group)], strict=False):
        visit = group[index:following]
        use = stages.setdefault(str(visit[0].data["stage"]), StageUse(str(visit[0].data["stage"])))
        commit = next((entry for entry in visit if entry.event == "stage_committed"), None)
        end = end_seconds if commit is None else commit.at
        spent += end - visit[0].at
        add_visit(use, visit, end)
        if commit is not None:
            use.committed, use.result = True, dict(commit.data["result"])
    return spent


def add_visit(use: StageUse, visit: list[Entry], end: Decimal) -> None:
    """Split one visit's seconds by Rule 4 and add them, with its work, to the stage."""
    start = visit[0].at
    work = [entry for entry in visit if entry.event in ("step", "rows")]
    redone = sum((work_seconds(entry) for entry in work if not add_work(use, entry)), ZERO)
    restart = ZERO
    if use.visits > 0:
        first = work[0].at - work_seconds(work[0]) if work else end
        restart += max(ZERO, first - start)
    whole = any(entry.event in ("stage_committed", "attempt_ended") for entry in visit)
    if not whole and (work or use.visits == 0):
        restart += end - (work[-1].at if work else start)
    seconds = end - start
    use.visits += 1
    use.seconds += seconds
    use.redone_seconds += redone
    use.restart_seconds += restart
    use.productive_seconds += seconds - redone - restart


def work_seconds(entry: Entry) -> Decimal:
    """Return the seconds one piece of work took, as it was measured."""
    return Decimal(str(entry.data["seconds"]))


def add_work(use: StageUse, entry: Entry) -> bool:
    """Count one piece of work; return whether it was new (Rule 3)."""
    data = entry.data
    key = f"step {data['step']}" if entry.event == "step" else f"{data['model']} {data['first']}"
    new = key not in use.done
    use.done.add(key)
    if entry.event == "rows":
        use.unique_rows += int(data["rows"]) if new else 0
        return new
    use.executed_steps += 1
    use.executed_tokens += int(data["tokens"])
    use.unique_steps += new
    use.unique_tokens += int(data["tokens"]) if new else 0
    return new
