"""Follow a run that was started elsewhere: its ledger is read as it grows, its lock is looked at and never taken.

Rule 1  A run that ends says so in its ledger, and the watch ends with it, with the run's own exit code.
Rule 2  A run whose process is gone without a word was killed; one that lives and is silent is told, and watched on.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

from advisor.plan import Plan
from runner.admission import EXIT_ANSWERED, EXIT_FAILED, EXIT_INPUT, EXIT_LIMIT, EXIT_REFUSED
from runner.disk import OTHER_HOST_STALE_SECONDS, holder_lives, silent_seconds, split_lines
from runner.ledger import Entry, LedgerFaultError, checksum, entry_of, fault, parse_line
from runner.meter import Progress, Screen
from runner.planfile import PlanFaultsError, read_plan
from runner.replay import billed_usd, replay
from runner.stopping import EXIT_RESUMABLE

LOCK_FILE: Final = "lock"
POLL_SECONDS: Final = 0.25  # a living run touches its lock this often; faster shows nothing new
START_SECONDS: Final = 10.0  # a run that was started a moment ago is still importing
SILENT_SECONDS: Final = 15.0  # a living run writes every second; a disk may hold it up for some
MEAN_WORK: Final = 20  # pieces of work that the time left is the mean of, as the run's own line has it

Wait = Callable[[float], None]
ENDINGS: Final = (
    ("finished", EXIT_ANSWERED),
    ("limit", EXIT_LIMIT),
    ("refused", EXIT_REFUSED),
    ("failed", EXIT_FAILED),
)


class LedgerTail:
    """A ledger that is still being written; `read` returns the whole lines since the last time, chained as ever."""

    def __init__(self, path: Path, plan_id: str) -> None:
        self.path, self._sha, self._read, self.entries = path, plan_id, 0, list[Entry]()

    def read(self) -> list[Entry]:
        """Return the new entries. Raises LedgerFaultError where the chain does not hold."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as handle:
            handle.seek(self._read)
            content = handle.read()
        found: list[Entry] = []
        for line in split_lines(content):
            document = parse_line(line)
            if document is None:
                break  # its end is still to come, or was torn off and will be cut by the next attempt
            number, sha = len(self.entries) + 1, document.pop("sha", None)
            if sha != checksum(self._sha, document):
                raise LedgerFaultError(fault(number, "does not follow from the line before it"))
            entry = entry_of(document, number)
            self.entries.append(entry)
            found.append(entry)
            self._sha, self._read = str(sha), self._read + len(line)
        return found


class Teller:
    """Turns entries into progress and sentences, as the run's own screen shows them."""

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self.plan, self.screen = plan, screen
        self.budget_usd = plan.limits.usd
        self.rows = plan.data.test.rows or 0
        self.last: Progress | None = None
        self._rate = self._before_usd = Decimal(0)
        self._work: list[float] = []

    def tell(self, entry: Entry, so_far: list[Entry], quiet: bool) -> None:
        """Take one entry in, and show it unless it is history."""
        data = entry.data
        if entry.event == "attempt_started":
            use = replay(so_far[: entry.seq])
            mine = use.attempts[-1]
            self._rate = mine.usd_per_hour
            earlier = sum((one.usd for one in use.attempts[:-1]), Decimal(0))
            self._before_usd = earlier + billed_usd(mine.idle_seconds or Decimal(0), self._rate)
        if entry.event == "limit_raised" and data["limit"] == "usd":
            self.budget_usd = Decimal(str(data["to"]))
        if entry.event == "stage_started":
            self._work = []
        if entry.event == "stage_committed" and data["stage"] == "curate":
            self.rows = int(data["result"].get("test_rows", self.rows))
        if entry.event in ("step", "rows"):
            self.last = self.progress(entry)
            if not quiet:
                self.screen.progress(self.last)
        elif not quiet and (said := sentence(entry)):
            self.screen.say(said)

    def progress(self, entry: Entry) -> Progress:
        """Return a step or a batch of rows as the run itself would show it."""
        data, seconds = entry.data, float(entry.data["seconds"])
        usd = self._before_usd + billed_usd(entry.at, self._rate)
        if entry.event == "step":
            done, total, each, unit = int(data["step"]), int(data["total"]), seconds, "steps"
        else:
            rows = int(data["rows"])
            done, total, each, unit = int(data["first"]) + rows, self.rows, seconds / max(rows, 1), "rows"
        self._work = [*self._work[1 - MEAN_WORK :], each]
        loss = data.get("loss")
        return Progress(
            stage=str(data["stage"]),
            unit="steps" if unit == "steps" else "rows",
            step=done,
            total=total,
            loss=loss if isinstance(loss, float | int) else None,
            tokens_per_second=int(data["tokens"]) / seconds if unit == "steps" and seconds > 0 else None,
            usd=usd,
            budget_usd=self.budget_usd,
            seconds_left=max(0, total - done) * sum(self._work) / len(self._work),
        )


def sentence(entry: Entry) -> str:
    """Return what an entry says to a reader; empty where it says nothing."""
    data = entry.data
    words = {
        "attempt_started": lambda: f"attempt {entry.attempt} began {entry.wall} on {data['host']}",
        "stage_started": lambda: f"{data['stage']} ...",
        "training_started": lambda: f"{data['stage']}: from step {data['step']} of {data['total']}",
        "note": lambda: f"note: {data['note']}: {data['detail']}",
        "limit": lambda: f"{'80 % of the limit passed' if data['soft'] else 'limit reached'}: "
        f"{data['amount']} of {data['of']} {data['limit']}",
        "verdict": lambda: "it ships" if data["ships"] else "it must not ship",
    }  # fmt: skip
    return words[entry.event]() if entry.event in words else ""


def ending(entries: list[Entry]) -> tuple[int, str] | None:
    """Return exit code and sentence of an attempt that said how it ended, else None."""
    if not entries or entries[-1].event != "attempt_ended":
        return None
    last = entries[-1]
    reason = str(last.data["reason"])
    code = next((code for word, code in ENDINGS if reason.startswith(word)), EXIT_RESUMABLE)
    ships = [entry.data["ships"] for entry in entries if entry.event == "verdict"]
    if code == EXIT_ANSWERED and ships and ships[-1] is False:
        code = EXIT_REFUSED
    return code, f"attempt {last.attempt} ended {last.wall}: {reason}; {last.data['usd']} USD in all"


def watched_plan(folder: Path, wait: Wait) -> Plan | None:
    """Return the plan of the folder's run, waiting START_SECONDS for one that is just beginning; None if none is."""
    waited, path = 0.0, folder / "plan.json"
    while not path.exists():
        if waited >= START_SECONDS and not holder_lives(folder / LOCK_FILE):
            return None
        wait(POLL_SECONDS)
        waited += POLL_SECONDS
    plan = read_plan(path.read_bytes(), str(path)).plan
    if plan is None:
        raise PlanFaultsError([f"{path} is not a plan this version reads"])
    return plan


def watch(folder: Path, screen: Screen, wait: Wait, once: bool) -> tuple[int, str]:
    """Show the run until it ends; return its exit code and a last sentence. `once` shows how far it is and returns.

    Raises PlanFaultsError, LedgerFaultError, OSError.
    """
    plan = watched_plan(folder, wait)
    if plan is None:
        return EXIT_INPUT, f"nothing has run in {folder} yet; start it: run PLAN --dir {folder}"
    tail, teller = LedgerTail(folder / "ledger.jsonl", plan.plan_id), Teller(plan, screen)
    show_history(tail, teller, screen)
    waited = 0.0
    told = False
    while True:
        ended = ending(tail.entries)
        if ended:
            return ended
        lives = holder_lives(folder / LOCK_FILE)
        fresh = take_in(tail, teller)
        if not lives and not fresh and (tail.entries or waited >= START_SECONDS):
            return EXIT_RESUMABLE, gone(tail.entries)
        if once:
            return EXIT_ANSWERED, "running"
        silent = silent_seconds(folder / LOCK_FILE) if lives else 0.0
        if silent > OTHER_HOST_STALE_SECONDS:
            return EXIT_RESUMABLE, f"no sign of life for {silent:.0f} s: stopped, or its machine sleeps; not watched on"
        if silent > SILENT_SECONDS and not told:
            screen.say(f"no sign of life for {silent:.0f} s; its process exists, so it may be stopped or waiting")
        told = silent > SILENT_SECONDS
        wait(POLL_SECONDS)
        waited += POLL_SECONDS


def show_history(tail: LedgerTail, teller: Teller, screen: Screen) -> None:
    """Take in what is already there, and show where the run stands instead of how it came there."""
    for entry in tail.read():
        teller.tell(entry, tail.entries, quiet=True)
    latest = {entry.event: entry for entry in tail.entries}
    for event in ("attempt_started", "stage_started"):
        if event in latest:
            screen.say(sentence(latest[event]))
    if teller.last is not None:
        screen.progress(teller.last)


def take_in(tail: LedgerTail, teller: Teller) -> bool:
    """Show what is new; return whether anything was."""
    found = tail.read()
    for entry in found:
        teller.tell(entry, tail.entries, quiet=False)
    return bool(found)


def gone(entries: list[Entry]) -> str:
    """Return the sentence for a run whose process is gone without a word."""
    if not entries:
        return "the run ended before its first line; run PLAN again"
    last = entries[-1]
    return (
        f"attempt {last.attempt} was killed: its process is gone, its last line is of {last.wall} ({last.event}); "
        "run PLAN again and it goes on from the last commit"
    )
