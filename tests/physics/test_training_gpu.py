"""The script that measures the runner's own step: a tiny shape on the processor, in a process of its own."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from benchmarks.gpu import WARM_STEPS, Row, digested, grid, measured, run, table, write_table

pytestmark = pytest.mark.torch


def test_a_row_is_measured_kept_and_not_measured_again(tmp_path: Path) -> None:
    row = Row("tiny", "qlora", 32, 2, checkpointing=True)
    (found,) = run([row], tmp_path, seconds=120)
    assert found["error"] == ""
    assert found["tokens_per_s"] == pytest.approx(64 / found["step_seconds"])  # 2 rows of 32 tokens
    assert found["peak_gib"] > 0
    assert found["formula_allocated_gib"] > 0
    assert measured(tmp_path / "rows.jsonl")[row.key] == json.loads(json.dumps(found))
    assert list(run([row], tmp_path, seconds=120)) == []
    write_table(tmp_path, "2026-11-21")
    assert "| tiny | qlora | 32 | 2 | True |" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_no_row_is_begun_without_time(tmp_path: Path) -> None:
    assert list(run([Row("tiny", "lora", 32, 1, checkpointing=False)], tmp_path, seconds=-1)) == []


def test_short_and_warm_steps_do_not_count() -> None:
    answer = {
        "step_seconds": [*[9.0] * WARM_STEPS, 2.0, 2.0, 0.1], "step_tokens": [*[64] * (WARM_STEPS + 2), 5],
        "error": "", "device": "d", "torch": "t", "wall_seconds": 30.0, "peak_bytes": 2**30,
    }  # fmt: skip
    got = digested(answer, Row("tiny", "full", 32, 2, checkpointing=False))
    assert (got["step_seconds"], got["tokens_per_s"], got["peak_gib"]) == (2.0, 32.0, 1.0)


def test_a_failed_row_stands_in_the_table_with_its_reason() -> None:
    text = table([{**Row("tiny", "full", 32, 2, checkpointing=False)._asdict(), "error": "out of memory"}], "a day")
    assert "out of memory" in text
    assert "nothing measured" in text


def test_the_grid_has_every_combination_once() -> None:
    rows = grid(["a", "b"])
    assert len(rows) == len(set(rows)) == 2 * 3 * 2 * 2 * 2  # shapes, methods, lengths, batches, checkpointing
    assert rows[0].checkpointing
