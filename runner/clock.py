"""Edge: the clocks. Durations come from one that never jumps; dates are labels only."""

import os
import time
from datetime import UTC, date, datetime
from pathlib import Path


def now_seconds() -> float:
    """Return seconds since boot, counting suspends where the system can tell (a suspended rented card is billed)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def process_start_seconds() -> float:
    """Return when this process began, on the clock of `now_seconds`: its imports are billed too.

    Where the system does not tell (no /proc), the answer is now.
    """
    now = now_seconds()
    try:
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")  # field 22 of proc(5): clock ticks since boot
    except (OSError, ValueError, IndexError):
        return now
    return started if 0 <= started <= now else now


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def wall_label() -> str:
    """Return the wall clock as ISO 8601 in UTC, for readers; no duration is ever computed from it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def today() -> date:
    """Return today's date in UTC."""
    return datetime.now(UTC).date()
