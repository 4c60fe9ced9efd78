"""Edge: signals. The first SIGTERM or SIGINT asks for a save and an orderly end, the second ends at once."""

import contextlib
import os
import signal
from collections.abc import Callable, Generator
from types import FrameType

EXIT_RESUMABLE = 75  # EX_TEMPFAIL of sysexits.h: try again later, and it goes on


def leave(exit_code: int) -> None:
    """End the process at once, whatever its other threads hang in; nothing is saved."""
    os._exit(exit_code)


@contextlib.contextmanager
def stop_signals(ask: Callable[[str], None]) -> Generator[None]:
    """Call `ask` with the signal's name on the first one; on the second, leave with EXIT_RESUMABLE without saving."""
    asked: list[str] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if asked:
            os._exit(EXIT_RESUMABLE)
        asked.append(signal.Signals(number).name)
        ask(asked[0])

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
