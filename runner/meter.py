"""The meter: every billed second of this attempt into the ledger, and whether the run may go on.

It starts with the process's first second, before heavy imports; it runs on a clock that does not jump; it knows what
earlier attempts used, so that the limits hold over the whole run. It is also the engine's watcher.
"""

import contextlib
import math
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol

from pricing.units import SECONDS_PER_HOUR
from runner.budget import Budget, LimitName
from runner.disk import ContendedError
from runner.engine import StepReport
from runner.ledger import MILLISECOND, Entry, Event, Ledger
from runner.replay import HEARTBEAT_SECONDS, billed_usd, replay

HARD_SHARE = Decimal("1.1")  # a tenth past the limit nothing heeds it: whole pieces of work end well before
HANG_SECONDS = Decimal(60)  # and never sooner than a minute after it, in which a large checkpoint is saved
SOFT_SHARE = Decimal("0.8")  # warn while there is still a fifth left to act on


@dataclass(frozen=True, slots=True)
class Rate:
    """What an hour of the machine costs, who says so, and whether it is billed between attempts too."""

    usd_per_hour: Decimal
    source: str
    rented: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What a screen shows after a piece of work; `step` of `total` in `unit`, money and hours over all attempts."""

    stage: str
    unit: Literal["steps", "rows"]
    step: int
    total: int
    loss: float | None
    tokens_per_second: float | None
    usd: Decimal
    budget_usd: Decimal
    seconds_left: float | None


class Screen(Protocol):
    """Where progress goes."""

    def progress(self, now: Progress) -> None:
        """Show how far a stage is."""
        ...

    def say(self, text: str) -> None:
        """Show one sentence."""
        ...


class Clock(Protocol):
    """A clock that never jumps, a label for readers, and the machine whose boot the first one counts from."""

    def now_seconds(self) -> float:
        """Return seconds since some fixed moment of this boot."""
        ...

    def wall_label(self) -> str:
        """Return the wall clock's text."""
        ...


class Meter:
    """One attempt's meter, and the engine's watcher. Thread-safe: the heartbeat writes from a thread of its own."""

    def __init__(
        self, ledger: Ledger, clock: Clock, started_seconds: float, rate: Rate, budget: Budget, screen: Screen
    ) -> None:
        self.ledger, self.clock, self.rate, self.budget, self.screen = ledger, clock, rate, budget, screen
        self.stop_asked: str | None = None
        self.accepted: str | None = None  # why the run may go on past what the probe says
        self._started = started_seconds
        self._guard = threading.Lock()
        self._stage = ""
        self._idle = self._before_seconds = self._before_usd = Decimal(0)
        self._reserve = Decimal(0)
        self._longest_commit = Decimal(0)
        self._warned = {(str(e.data["limit"]), str(e.data["of"])) for e in ledger.entries if e.event == "limit"}
        self._work_seconds: list[float] = []

    def elapsed_seconds(self) -> Decimal:
        """Return this attempt's billed seconds so far, to the millisecond."""
        return Decimal(self.clock.now_seconds() - self._started).quantize(MILLISECOND)

    def record(self, event: Event, **data: Any) -> Entry:
        """Write one entry now."""
        with self._guard:
            return self.ledger.append(event, self.elapsed_seconds(), self.clock.wall_label(), data)

    def start(self, host: str, boot_id: str) -> None:
        """Write the attempt's first entry; from here on its time is money."""
        self.record(
            "attempt_started",
            host=host,
            boot_id=boot_id,
            clock=str(Decimal(self._started).quantize(MILLISECOND)),
            usd_per_hour=str(self.rate.usd_per_hour),
            rate_source=self.rate.source,
            rented=self.rate.rented,
        )
        for limit in self.budget.raised:
            planned, to = f"{limit.planned:f}", f"{limit.holds:f}"
            self.record("limit_raised", limit=limit.name, planned=planned, to=to, reason=limit.reason)
        use = replay(self.ledger.entries)
        mine = use.attempts[-1]
        self._idle = mine.idle_seconds or Decimal(0)
        self._before_seconds = use.seconds - mine.seconds - self._idle
        self._before_usd = sum((attempt.usd for attempt in use.attempts[:-1]), Decimal(0))

    def run_seconds(self) -> Decimal:
        """Return the billed seconds of the whole run: earlier attempts, idle time, and this attempt so far."""
        return self._before_seconds + self._idle + self.elapsed_seconds()

    def run_usd(self) -> Decimal:
        """Return the money of the whole run so far."""
        return self._before_usd + billed_usd(self._idle + self.elapsed_seconds(), self.rate.usd_per_hour)

    @contextlib.contextmanager
    def heartbeats(self, show_life: Callable[[], None], give_up: Callable[[], None]) -> Generator[None]:
        """Keep writing a heartbeat whenever nothing else was written, and call `show_life` beside each.

        Where the work hangs and a limit is long crossed, book the end of the attempt and call `give_up`.
        """
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(done, show_life, give_up), daemon=True, name="heartbeat")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, done: threading.Event, show_life: Callable[[], None], give_up: Callable[[], None]) -> None:
        """Wake often enough that two lines are never further apart than HEARTBEAT_SECONDS.

        A disk that fails ends the beating, not the run: the next entry of the run itself will say so.
        """
        with contextlib.suppress(OSError, ContendedError):
            while not done.wait(float(HEARTBEAT_SECONDS) / 4):
                show_life()
                with self._guard:
                    now = self.elapsed_seconds()
                    if now - self.ledger.entries[-1].at >= HEARTBEAT_SECONDS / 2:
                        self.ledger.append("heartbeat", now, self.clock.wall_label(), {})
                if limit := self.overdue():
                    self.record("note", stage=self._stage, note="hang", detail=f"{limit} is past its limit, unheeded")
                    self.end(f"limit {limit}")
                    give_up()

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self._stage, self._work_seconds, self._reserve = stage, [], Decimal(0)
        self.record("stage_started", stage=stage)
        self.screen.say(f"{stage} ...")

    def ask_stop(self, why: str) -> None:
        """Ask the running stage to save and stop (called from a signal handler: only sets a name)."""
        self.stop_asked = why

    def used(self, more_seconds: Decimal) -> dict[LimitName, tuple[Decimal, Decimal]]:
        """Return amount and limit by name, as they will be after `more_seconds` more."""
        usd = self.run_usd() + billed_usd(more_seconds, self.rate.usd_per_hour)
        hours = (self.run_seconds() + more_seconds) / SECONDS_PER_HOUR
        return {"usd": (usd, self.budget.usd), "hours": (hours, self.budget.hours)}

    def over(self) -> LimitName | None:
        """Return the limit that the next piece of work and its save would cross; warn once past SOFT_SHARE of one."""
        for name, (amount, limit) in self.used(self._reserve + self._longest_commit).items():
            if amount >= limit:
                return name
            of = f"{limit:f}"
            if amount >= SOFT_SHARE * limit and (name, of) not in self._warned:
                self._warned.add((name, of))
                self.record("limit", limit=name, soft=True, amount=f"{amount:f}", of=of)
                self.screen.say(f"warning: {amount / limit:.0%} of the limit of {limit} {name} is used")
        return None

    def overdue(self) -> LimitName | None:
        """Return the limit that is crossed by HARD_SHARE and HANG_SECONDS: whatever runs does not ask any more."""
        for name, (amount, limit) in self.used(-HANG_SECONDS).items():
            if amount >= limit * HARD_SHARE:
                return name
        return None

    def end(self, reason: str) -> None:
        """Write the attempt's last entry."""
        self.record("attempt_ended", reason=reason, usd=str(self.run_usd()), usd_per_hour=str(self.rate.usd_per_hour))

    def must_stop(self) -> bool:
        """Return whether a signal or a limit asks for a stop; the reason is in `stop_asked`."""
        if self.stop_asked is None and (limit := self.over()):
            self.stop_asked = f"limit {limit}"
            amount, of = self.used(Decimal(0))[limit]
            self.record("limit", limit=limit, soft=False, amount=f"{amount:f}", of=f"{of:f}")
        return self.stop_asked is not None

    def started(self, step: int, total_steps: int) -> None:
        """Training goes on from `step`."""
        self.record("training_started", stage=self._stage, step=step, total=total_steps)
        self.screen.say(f"{self._stage}: from step {step} of {total_steps}")

    def stepped(self, report: StepReport) -> bool:
        """Record one executed step; False asks the engine to save, commit and stop."""
        self.record(
            "step",
            stage=self._stage,
            step=report.step,
            total=report.total_steps,
            loss=finite(report.loss),
            grad_norm=finite(report.grad_norm),
            learning_rate=finite(report.learning_rate),
            tokens=report.tokens,
            supervised_tokens=report.supervised_tokens,
            seconds=seconds_text(report.seconds),
        )
        self._reserve = max(self._reserve, Decimal(seconds_text(report.seconds)))
        speed = report.tokens / report.seconds if report.seconds > 0 else None
        self._show("steps", report.step, report.total_steps, report.seconds, loss=report.loss, speed=speed)
        return not self.must_stop()

    def answered(self, model: str, first: int, rows: int, total: int, seconds: float) -> bool:
        """Record one batch of answered test rows; False asks the evaluation to stop."""
        text = seconds_text(seconds)
        self._reserve = max(self._reserve, Decimal(text))
        self.record("rows", stage=self._stage, model=model, first=first, rows=rows, seconds=text)
        self._show("rows", first + rows, total, seconds / max(rows, 1), loss=None, speed=None)
        return not self.must_stop()

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        """Record a durable checkpoint."""
        self._longest_commit = max(self._longest_commit, Decimal(seconds_text(seconds)))
        text = seconds_text(seconds)
        self.record("checkpoint", stage=self._stage, step=step, bytes=bytes_written, seconds=text)

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        """Record the loss on held-out rows."""
        self.record("evaluation", stage=self._stage, step=step, loss=finite(loss), seconds=seconds_text(seconds))

    def note(self, event: str, detail: str) -> None:
        """Record and show what a reader must see."""
        self.record("note", stage=self._stage, note=event, detail=detail)
        self.screen.say(f"note: {event}: {detail}")

    def _show(
        self,
        unit: Literal["steps", "rows"],
        done: int,
        total: int,
        seconds: float,
        loss: float | None,
        speed: float | None,
    ) -> None:
        """Hand the screen one state; time left is the mean of recent work times what is left of this stage."""
        self._work_seconds = [*self._work_seconds[-19:], seconds]
        left = (total - done) * sum(self._work_seconds) / len(self._work_seconds)
        self.screen.progress(
            Progress(self._stage, unit, done, total, loss, speed, self.run_usd(), self.budget.usd, left)
        )


def finite(value: float) -> float | str:
    """Return the number, or its name if JSON has no way to write it."""
    return value if math.isfinite(value) else str(value)


def seconds_text(seconds: float) -> str:
    """Return measured seconds as Decimal text to the microsecond."""
    return str(Decimal(seconds).quantize(Decimal("0.000001")))
