"""What a ledger adds up to, worked by hand, at 3.60 USD an hour: 0.001 USD a second."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.ledger import Entry
from runner.replay import HEARTBEAT_SECONDS, RunUse, billed_usd, replay


def start(attempt: int, clock: str, boot: str = "b", rate: str = "3.60", rented: bool = False) -> tuple[Any, ...]:
    data = {"host": "h", "boot_id": boot, "clock": clock, "usd_per_hour": rate, "rate_source": "s", "rented": rented}
    return (attempt, "0", "attempt_started", data)


def step(attempt: int, at: str, number: int, seconds: str = "1", tokens: int = 10) -> tuple[Any, ...]:
    data = {"stage": "sft", "step": number, "tokens": tokens, "seconds": seconds}
    return (attempt, at, "step", data)


def stage(attempt: int, at: str, name: str = "sft") -> tuple[Any, ...]:
    return (attempt, at, "stage_started", {"stage": name})


def commit(attempt: int, at: str, name: str = "sft") -> tuple[Any, ...]:
    return (attempt, at, "stage_committed", {"stage": name, "result": {"found": 1}, "outputs": {}})


def end(attempt: int, at: str, reason: str = "finished") -> tuple[Any, ...]:
    return (attempt, at, "attempt_ended", {"reason": reason})


def used(*rows: tuple[Any, ...]) -> RunUse:
    return replay(entries(*rows))


def entries(*rows: tuple[Any, ...]) -> list[Entry]:
    return [
        Entry(number, attempt, Decimal(at), "wall", event, data)
        for number, (attempt, at, event, data) in enumerate(rows, start=1)
    ]


KILLED_AND_RESUMED = (
    start(1, "100"),
    stage(1, "2"),
    step(1, "4", 1),
    step(1, "5", 2),
    step(1, "6", 3),
    (1, "7", "heartbeat", {}),  # killed: billed to 7 + 1 = 8 s
    start(2, "200"),
    stage(2, "3"),
    step(2, "6", 3),  # again, 1 s
    step(2, "7", 4),
    commit(2, "8"),
    end(2, "9"),
)


def test_a_killed_and_resumed_run_by_hand() -> None:
    use = used(*KILLED_AND_RESUMED)
    assert [(one.ended, one.seconds, one.usd) for one in use.attempts] == [
        ("killed", Decimal(8), Decimal("0.008")),
        ("finished", Decimal(9), Decimal("0.009")),
    ]
    sft = use.stages["sft"]
    assert (sft.executed_steps, sft.unique_steps) == (5, 4)
    assert (sft.executed_tokens, sft.unique_tokens) == (50, 40)
    assert sft.seconds == 6 + 5  # 2..8 and 3..8
    assert sft.redone_seconds == 1  # step 3 again
    assert sft.restart_seconds == 2 + 2  # after step 3 until the end of billing (6..8); 3..5 getting ready again
    assert sft.productive_seconds == 11 - 1 - 4
    assert use.setup_seconds == 17 - 11
    assert (use.seconds, use.usd) == (Decimal(17), Decimal("0.017"))
    assert sft.committed
    assert sft.result == {"found": 1}


@pytest.mark.parametrize(
    ("next_clock", "billed"),
    [
        ("200", 8),  # long after: last line at 7 s plus the heartbeat's second
        ("107.5", Decimal("7.5")),  # the next process began 7.5 s after this one: never past that
        ("106", 7),  # but never less than what was written
    ],
)
def test_a_killed_attempt_is_billed_to_its_last_sign_of_life(next_clock: str, billed: Decimal) -> None:
    rows = [*KILLED_AND_RESUMED[:6], start(2, next_clock), end(2, "1")]
    assert used(*rows).attempts[0].seconds == billed


@pytest.mark.parametrize(
    ("rented", "boot", "idle"),
    [
        (True, "b", Decimal(90)),  # started at 100, ended 10 s later, next start at 200
        (False, "b", Decimal(0)),  # one's own machine costs nothing while nobody uses it
        (True, "other", None),  # restarted in between: the provider knows, we do not
    ],
)
def test_idle_time_between_attempts(rented: bool, boot: str, idle: Decimal | None) -> None:
    use = used(
        start(1, "100", rented=rented), end(1, "10", "SIGTERM"), start(2, "200", boot, rented=rented), end(2, "5")
    )
    assert use.attempts[1].idle_seconds == idle
    assert use.idle_seconds == (idle or 0)
    assert use.usd == Decimal("0.001") * (15 + (idle or 0))


def test_each_attempt_at_its_own_rate() -> None:
    use = used(start(1, "0", rate="3.60"), end(1, "10"), start(2, "50", rate="7.20"), end(2, "10"))
    assert [one.usd for one in use.attempts] == [Decimal("0.010"), Decimal("0.020")]


def test_law_replaying_twice_changes_nothing() -> None:
    rows = entries(*KILLED_AND_RESUMED)
    assert replay(rows + rows) == replay(rows)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30))
def test_law_seconds_of_stages_setup_and_idle_are_all_the_seconds(steps: list[int]) -> None:
    rows: list[tuple[Any, ...]] = []
    attempt, at = 0, 0
    for place, number in enumerate(steps):
        if place == 0 or number <= steps[place - 1]:  # a step not above the last one means a new attempt
            attempt, at = attempt + 1, 3
            rows += [start(attempt, str(1000 * attempt), rented=True), stage(attempt, "1")]
        at += 2
        rows.append(step(attempt, str(at), number))
    use = used(*rows)
    sft = use.stages["sft"]
    assert sft.seconds + use.setup_seconds + use.idle_seconds == use.seconds
    assert sft.productive_seconds + sft.redone_seconds + sft.restart_seconds == sft.seconds
    assert sft.executed_steps == len(steps)
    assert sft.unique_steps == len(set(steps))
    assert use.usd == sum(one.usd for one in use.attempts)
    assert use.seconds == 1000 * (attempt - 1) + at + HEARTBEAT_SECONDS  # a rented machine is billed without a gap


@pytest.mark.parametrize(
    ("seconds", "rate", "usd"),
    [
        ("3600", "2.50", "2.50"),
        ("1", "0.06", "0.000016667"),  # 0.06 / 3600 = 0.0000166666...
        ("0.001", "3.60", "0.000001"),
        ("0", "9", "0"),
    ],
)
def test_money_is_seconds_times_rate(seconds: str, rate: str, usd: str) -> None:
    assert billed_usd(Decimal(seconds), Decimal(rate)) == Decimal(usd)
