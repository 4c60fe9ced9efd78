"""The meter: billed from the first second, over all attempts, on a clock that never jumps."""

import itertools
import time
from decimal import Decimal
from pathlib import Path

import pytest

from runner import clock
from runner.budget import Budget
from runner.engine import StepReport
from runner.ledger import Ledger
from runner.meter import Meter, Progress, Rate
from runner.replay import replay

PLAN = "a" * 64
RATE = Rate(Decimal("3.60"), "the plan", rented=False)  # 0.001 USD a second
WIDE = Budget(Decimal(10), Decimal(10))


class SetClock:
    """A clock that stands where it is set; the wall label is set apart from it."""

    def __init__(self, now: float) -> None:
        self.now, self.wall = now, "2026-03-01T00:00:00+00:00"

    def now_seconds(self) -> float:
        return self.now

    def wall_label(self) -> str:
        return self.wall


class Kept:
    """A screen that keeps what it was shown."""

    def __init__(self) -> None:
        self.states: list[Progress] = []
        self.said: list[str] = []

    def progress(self, now: Progress) -> None:
        self.states.append(now)

    def say(self, text: str) -> None:
        self.said.append(text)


def step(number: int, seconds: float = 1.0) -> StepReport:
    return StepReport(number, 10, 0.5, 0.1, 1e-3, 100, 40, seconds)


def meter_at(path: Path, when: SetClock, started: float, budget: Budget = WIDE, screen: Kept | None = None) -> Meter:
    meter = Meter(Ledger(path, PLAN), when, started, RATE, budget, screen or Kept())
    meter.start("h", "b")
    return meter


def test_the_seconds_before_the_first_line_are_billed(tmp_path: Path) -> None:
    when = SetClock(107.5)
    meter = meter_at(tmp_path / "l", when, started=100.0)
    assert meter.elapsed_seconds() == Decimal("7.5")
    assert meter.run_usd() == Decimal("0.0075")


def test_a_jump_of_the_wall_clock_changes_nothing(tmp_path: Path) -> None:
    when = SetClock(100)
    meter = meter_at(tmp_path / "l", when, started=100)
    when.wall, when.now = "1970-01-01T00:00:00+00:00", 110
    meter.record("attempt_ended", reason="finished")
    assert replay(meter.ledger.entries).seconds == 10
    assert [entry.wall[:4] for entry in meter.ledger.entries] == ["2026", "1970"]


def test_a_later_attempt_counts_on_from_the_ledger(tmp_path: Path) -> None:
    when = SetClock(100)
    first = meter_at(tmp_path / "l", when, started=100)
    when.now = 120
    first.record("heartbeat")
    first.ledger.close()  # killed: billed to 20 + 1 s
    when.now = 203
    second = meter_at(tmp_path / "l", when, started=200)
    assert second.run_seconds() == 21 + 3
    assert second.run_usd() == Decimal("0.024")


@pytest.mark.parametrize(
    ("budget", "stops_at", "why"),
    [
        (Budget(Decimal("0.0065"), Decimal(1)), 6, "limit usd"),  # after 6 s the next second would pass 6.5 s of money
        (Budget(Decimal(1), Decimal(5) / 3600), 4, "limit hours"),  # after 4 s the next one reaches 5 s
    ],
)
def test_it_stops_before_the_step_that_would_cross_a_limit(
    tmp_path: Path, budget: Budget, stops_at: int, why: str
) -> None:
    when, screen = SetClock(0), Kept()
    meter = meter_at(tmp_path / "l", when, 0, budget, screen)
    meter.enter("sft")
    for number in range(1, 11):
        when.now = number
        if not meter.stepped(step(number)):
            break
    assert (number, meter.stop_asked) == (stops_at, why)
    soft = [entry for entry in meter.ledger.entries if entry.event == "limit" and entry.data["soft"]]
    assert len(soft) == 1, "one warning at 80 %"
    assert any("warning" in text for text in screen.said)


def test_room_is_kept_for_the_save(tmp_path: Path) -> None:
    when = SetClock(0)
    meter = meter_at(tmp_path / "l", when, 0, Budget(Decimal("0.010"), Decimal(1)))
    meter.enter("sft")
    meter.committed(1, 1000, seconds=5.0)
    when.now = 3
    assert meter.stepped(step(1))  # 3 + 1 + 5 = 9 s of 10
    when.now = 4
    assert not meter.stepped(step(2))  # 4 + 1 + 5 = 10


def test_progress_shows_money_speed_and_time_left(tmp_path: Path) -> None:
    when, screen = SetClock(0), Kept()
    meter = meter_at(tmp_path / "l", when, 0, WIDE, screen)
    meter.enter("sft")
    when.now = 2
    meter.stepped(step(1, seconds=2.0))
    now = screen.states[-1]
    assert (now.stage, now.step, now.total, now.loss) == ("sft", 1, 10, 0.5)
    assert now.tokens_per_second == 50  # 100 tokens in 2 s
    assert now.usd == Decimal("0.002")
    assert now.seconds_left == 18  # 9 steps of 2 s


def test_a_loss_that_is_no_number_is_written_by_name(tmp_path: Path) -> None:
    when = SetClock(0)
    meter = meter_at(tmp_path / "l", when, 0)
    meter.stepped(StepReport(1, 10, float("nan"), float("inf"), 1e-3, 1, 1, 0.0))
    assert (meter.ledger.entries[-1].data["loss"], meter.ledger.entries[-1].data["grad_norm"]) == ("nan", "inf")


def test_a_silent_stage_still_shows_life_every_second(tmp_path: Path) -> None:
    meter = Meter(Ledger(tmp_path / "l", PLAN), clock, clock.now_seconds(), RATE, WIDE, Kept())
    meter.start("h", "b")
    lives: list[int] = []
    with meter.heartbeats(lambda: lives.append(1), lambda: None):
        time.sleep(2.2)
    moments = [entry.at for entry in meter.ledger.entries]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(gaps) >= 2
    assert max(gaps) <= 1
    assert len(lives) >= len(gaps), "and its lock is touched each time"


def test_the_process_began_before_this_test(tmp_path: Path) -> None:
    age = clock.now_seconds() - clock.process_start_seconds()
    assert 0.05 < age < 24 * 3600, "an interpreter with pytest loaded is older than a twentieth of a second"
