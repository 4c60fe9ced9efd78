"""What the bodies of several stages share: a stage's result, what earlier stages found, the locked test rows."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.plan import StageName
from runner.curate import Row
from runner.disk import split_lines
from runner.evaluate import LockedRow
from runner.metrics import Interval
from runner.models import Run
from runner.rows import read_rows

MERGE_SAMPLES = 32  # enough rows for a stable mean divergence, few enough to cost seconds


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's result (plain JSON) and the files or folders it stands for."""

    result: dict[str, Any]
    outputs: tuple[Path, ...]


def lines(documents: Iterable[object]) -> bytes:
    """Return documents as JSON lines."""
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents).encode()


def result_of(run: Run, stage: StageName) -> dict[str, Any]:
    """Return what a committed stage found; empty if it is not in this plan."""
    commit = run.folder.committed(stage)
    return {} if commit is None else commit.result


def as_tests(rows: Sequence[Row]) -> list[LockedRow]:
    """Return prompt and right answer of each test row."""
    return [LockedRow(row.messages[:-1], row.messages[-1]["content"]) for row in rows]


def locked_tests(run: Run) -> list[LockedRow]:
    """Return the test rows as curated."""
    rows, _ = read_rows(run.folder.stage("curate") / "test.jsonl")
    return as_tests(rows)


def sample_prompts(run: Run) -> list[tuple[Any, ...]]:
    """Return whole training conversations to compare two forms of one model on; the test set stays locked."""
    rows, _ = read_rows(run.folder.stage("curate") / "train.jsonl")
    return [row.messages for row in rows[:MERGE_SAMPLES]]


def read_given(path: Path) -> list[str]:
    """Return the answers of a whole answers file."""
    return [str(json.loads(line)["answer"]) for line in split_lines(path.read_bytes())]


def as_json(interval: Interval) -> dict[str, float]:
    """Return an interval as plain JSON."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}
