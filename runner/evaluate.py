"""Answer the locked test rows with a model, row by row into a file that survives a kill; then compare, then judge.

The test rows, the prompt path and the batch are the same for base, tuned and merged. An answers file goes by the
digest of its model, so answers of another model are never taken for this one's.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.plan import QualityGate
from runner.disk import split_lines
from runner.engine import Answer, Engine, Message, ModelRef
from runner.meter import Meter
from runner.metrics import Interval, Paired, compare, score

BATCH_ROWS = 16  # padded batches of short prompts are near the best speed of small machines; the same for all models


class StopRequestedError(RuntimeError):
    """A signal or a limit asked for a stop, and everything so far is saved."""


@dataclass(frozen=True, slots=True)
class LockedRow:
    """One locked test row: the prompt as messages, and the answer that is right."""

    prompt: tuple[Message, ...]
    expected: str


Line = dict[str, Any]


def whole_lines(path: Path, batch_rows: int, rows: int) -> list[Line]:
    """Return the lines of whole batches already on disk, cutting away what came after; of a finished file all `rows`.

    A batch is worked again as a whole, since padding is part of the arithmetic.
    """
    if not path.exists():
        return []
    whole = [line for line in split_lines(path.read_bytes()) if line.endswith(b"\n")]
    kept = whole if len(whole) == rows else whole[: len(whole) // batch_rows * batch_rows]
    with path.open("r+b") as handle:
        handle.truncate(sum(map(len, kept)))
    return [json.loads(line) for line in kept]


def work_rows(
    path: Path, rows: int, name: str, work: Callable[[int], Iterator[Sequence[Line]]], meter: Meter
) -> list[Line]:
    """Return one line for each of `rows` rows, going on from what `path` holds; `work` gives batches from a row on.

    Raises StopRequestedError when asked to stop, RuntimeError when the work ends early.
    """
    found = whole_lines(path, BATCH_ROWS, rows)
    if len(found) == rows:
        return found
    began = meter.clock.now_seconds()
    with path.open("ab") as handle:
        for batch in work(len(found)):
            first = len(found)
            found.extend(batch)
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in batch)
            handle.write(text.encode(errors="surrogatepass"))
            handle.flush()
            os.fsync(handle.fileno())
            now = meter.clock.now_seconds()
            going_on = meter.answered(name, first, len(batch), rows, now - began)
            began = now
            if not going_on and len(found) < rows:
                raise StopRequestedError
    if len(found) != rows:
        message = f"{name}: {len(found)} answers to {rows} rows; the engine stopped early, run again"
        raise RuntimeError(message)
    return found


def answer_rows(
    engine: Engine, model: ModelRef, name: str, rows: Sequence[LockedRow], path: Path, max_new_tokens: int, meter: Meter
) -> list[str]:
    """Return the model's answer to every row, going on from what `path` holds. Raises StopRequestedError."""

    def work(first: int) -> Iterator[list[Line]]:
        left = iter(enumerate(rows[first:], start=first))
        for batch in engine.answer(model, [row.prompt for row in rows[first:]], max_new_tokens, BATCH_ROWS):
            yield [answer_line(*next(left), answer) for answer in batch]

    return [str(line["answer"]) for line in work_rows(path, len(rows), name, work, meter)]


def answer_line(row: int, asked: LockedRow, answer: Answer) -> Line:
    """Return one line of an answers file; `cut` stands only where the limit of new tokens ended the answer."""
    line: Line = {"row": row, "expected": asked.expected, "answer": answer}
    return line if answer.ended else {**line, "cut": True}


@dataclass(frozen=True, slots=True)
class Check:
    """One gate: whether it passed (None: not assessed), and the sentence that says why."""

    name: str
    passed: bool | None
    why: str


def percent(share: float) -> str:
    """Return a share as a reader wants it."""
    return f"{100 * share:.1f} %"


def span(interval: Interval) -> str:
    """Return a value with its interval as text."""
    return f"{percent(interval.value)} ({percent(interval.low)} to {percent(interval.high)})"


def points(difference: Interval) -> str:
    """Return a difference of shares with its interval as text."""
    return f"{100 * difference.value:+.1f} points ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def target_check(gate: QualityGate, tuned: Interval) -> Check:
    """Gate 1: the tuned model reaches the target on the locked test."""
    passed = tuned.value >= gate.target
    verb = "reaches" if passed else "misses"
    return Check("target", passed, f"{gate.metric} {span(tuned)} {verb} the target of {percent(gate.target)}")


def gain_check(gate: QualityGate, paired: Paired) -> Check:
    """Gate 2: it beats the base by more than `min_gain`, with the lower end of the paired interval."""
    passed = paired.difference.low > gate.min_gain
    verb = "is" if passed else "is not"
    why = f"gain over base {points(paired.difference)}; its lower end {verb} above {100 * gate.min_gain:.1f}"
    return Check("gain", passed, why)


def merge_check(gate: QualityGate, tuned: Interval, merged: Interval | None) -> Check:
    """Gate 3: merging costs no more than `max_merge_drop`; not assessed where nothing was merged."""
    if merged is None:
        return Check("merge", None, "nothing was merged, so nothing was lost by it")
    drop = tuned.value - merged.value
    passed = drop <= gate.max_merge_drop
    allowed = f"allowed drop {100 * gate.max_merge_drop:.1f}"
    why = f"merging changes {gate.metric} by {-100 * drop + 0.0:+.1f} points; {allowed}"
    return Check("merge", passed, why)


def prompted_check(paired: Paired) -> Check:
    """Gate 4: it beats the base that was given the prompt; otherwise the prompt does it, without training."""
    passed = paired.difference.low > 0
    verb = "is" if passed else "is not"
    why = f"gain over the base with the prompt {points(paired.difference)}; its lower end {verb} above 0"
    return Check("prompted base", passed, why)


def hosted_check(paired: Paired, margin: float | None) -> Check:
    """Gate 5: it is not worse than the hosted model's recorded answers by more than the margin, interval included."""
    found = f"against the hosted model's answers {points(paired.difference)}"
    if margin is None:
        return Check("hosted", None, f"{found}; no margin is stated (quality.non_inferiority_margin)")
    passed = paired.difference.low > -margin
    verb = "is" if passed else "is not"
    return Check("hosted", passed, f"{found}; its lower end {verb} above {-100 * margin:.1f}")


def ships(checks: Sequence[Check]) -> bool:
    """Return whether the result may ship: no gate failed, and at least one was assessed."""
    assessed = [check.passed for check in checks if check.passed is not None]
    return bool(assessed) and all(assessed)


def judge(
    gate: QualityGate, rows: Sequence[LockedRow], answers: dict[str, list[str]], margin: float | None = None
) -> tuple[dict[str, Interval], Paired, list[Check]]:
    """Return scores by model, base against tuned, and the gates.

    `answers` has base and tuned, and merged, prompted and hosted where there are any; `margin` is for the last.
    """
    expected = [row.expected for row in rows]
    scores = {name: score(gate.metric, expected, given) for name, given in answers.items()}
    paired = compare(gate.metric, expected, answers["base"], answers["tuned"])
    merged = scores.get("merged")
    checks = [
        target_check(gate, scores["tuned"]),
        gain_check(gate, paired),
        merge_check(gate, scores["tuned"], merged),
    ]
    if "prompted" in answers:
        checks.append(prompted_check(compare(gate.metric, expected, answers["prompted"], answers["tuned"])))
    if "hosted" in answers:
        checks.append(hosted_check(compare(gate.metric, expected, answers["hosted"], answers["tuned"]), margin))
    return scores, paired, checks
