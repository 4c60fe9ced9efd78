"""Edge: the screen. Progress on stderr: one live line on a terminal, a plain line now and then in a pipe."""

import sys
from typing import TextIO

from runner.clock import now_seconds
from runner.meter import Progress

LIVE_SECONDS = 0.1  # faster than the eye follows only costs time
PLAIN_SECONDS = 5.0  # a log that grows by a line every few seconds shows life and stays readable


def sentence(now: Progress) -> str:
    """Return a progress state as one line: stage, step, loss, speed, money against budget, time left."""
    parts = [f"{now.stage} {now.step}/{now.total} {now.unit}"]
    if now.loss is not None:
        parts.append(f"loss {now.loss:.4f}")
    if now.tokens_per_second is not None:
        parts.append(f"{now.tokens_per_second:,.0f} tokens/s")
    parts.append(f"{now.usd:.6f} of {now.budget_usd:f} USD")
    if now.seconds_left is not None:
        minutes, seconds = divmod(round(now.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return "  ".join(parts)


class StderrScreen:
    """Progress for people; nothing is read back from it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._shown_at = float("-inf")
        self._open_line = False

    def progress(self, now: Progress) -> None:
        """Show how far a stage is, not more often than a reader wants; the last piece of a stage always."""
        moment = now_seconds()
        pause = LIVE_SECONDS if self._live else PLAIN_SECONDS
        if moment - self._shown_at < pause and now.step < now.total:
            return
        self._shown_at = moment
        if self._live:
            self._stream.write(f"\r\x1b[2K{sentence(now)}")
            self._open_line = True
        else:
            self._stream.write(sentence(now) + "\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Show one sentence on a line of its own."""
        if self._open_line:
            self._stream.write("\n")
            self._open_line = False
        self._stream.write(text + "\n")
        self._stream.flush()
