"""The disk: whole or absent, one holder a folder, and what was answered before a kill."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.disk import AppendFile, LockedError, host_name, locked, split_lines, write_atomic
from runner.engine import Answer
from runner.evaluate import LockedRow, answer_line, whole_lines, work_rows
from runner.stage_parts import read_given
from tests.runner.test_meter import SetClock, meter_at
from tests.runner.toy_plan import HERE, MakePlan, drive, report_of


def test_a_write_replaces_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"old")
    write_atomic(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"new")]


def test_a_lock_holds_against_a_second_one_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        locked(path) as taken_over,
        pytest.raises(LockedError, match=f"process {os.getpid()} on {host_name()}"),
        locked(path),
    ):
        pass
    assert taken_over is None
    with locked(path) as taken_over:
        assert taken_over is None


@pytest.mark.parametrize(
    ("host", "seconds_ago", "free"),
    [
        (None, 0, True),  # same machine: the kernel's lock is free, so the process or its boot is gone
        ("elsewhere", 5, False),  # touched 5 s ago by a machine whose kernel we cannot ask
        ("elsewhere", 600, True),
    ],
)
def test_a_lock_left_behind(tmp_path: Path, host: str | None, seconds_ago: int, free: bool) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": 4242, "host": host or host_name(), "boot_id": "earlier"}), encoding="utf-8")
    moment = path.stat().st_mtime - seconds_ago
    os.utime(path, (moment, moment))
    if free:
        with locked(path) as taken_over:
            assert taken_over is not None
            assert "took over the lock of process 4242" in taken_over
    else:
        with pytest.raises(LockedError, match="process 4242 on elsewhere"), locked(path):
            pass


def test_an_append_that_does_not_fit_leaves_no_half_line(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from runner.disk import AppendFile\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); file = AppendFile(Path(sys.argv[1]))\n"
        "file.append(b'1234567\\n', True)\n"
        "try: file.append(b'abcdefg\\n', True)\n"
        "except OSError as error: print(error)\n"
    )
    path = tmp_path / "file"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=HERE.parents[1], capture_output=True, text=True, check=True
    )
    assert "2 of 8 bytes written; free some disk space" in done.stdout
    assert path.read_bytes() == b"1234567\n"


def test_a_disk_that_fills_up_ends_with_5_and_the_run_goes_on_when_there_is_room(make_plan: MakePlan) -> None:
    path = make_plan(steps=100, save_every=10)
    program = [sys.executable, str(HERE / "toy_drive.py"), str(path)]
    limited = [
        "bash",
        "-c",
        'ulimit -f 16 && exec "$@"',
        "-",
        *program,
    ]  # 16 KiB a file: the ledger is first
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "the disk failed" in done.stderr
    assert "Traceback" not in done.stderr
    code, _, err = drive(path)
    assert code == 0, err
    assert report_of(path)["totals"]["unique_steps"] == 100


@pytest.mark.parametrize(("lines", "torn", "kept"), [(0, b"", 0), (8, b"", 8), (9, b"", 8), (11, b'{"row": 11', 8)])
def test_answers_are_taken_up_at_a_whole_batch(tmp_path: Path, lines: int, torn: bytes, kept: int) -> None:
    path = tmp_path / "answers.jsonl"
    whole = [json.dumps({"row": row, "answer": str(row)}).encode() + b"\n" for row in range(lines)]
    path.write_bytes(b"".join(whole) + torn)
    assert [line["answer"] for line in whole_lines(path, 4, 100)] == [str(row) for row in range(kept)]
    assert path.read_bytes() == b"".join(whole[:kept])


def test_only_a_newline_byte_ends_a_line() -> None:
    assert split_lines(b"") == []
    assert split_lines(b"a\r\x0b\x85\xe2\x80\xa8b\n\nc") == [b"a\r\x0b\x85\xe2\x80\xa8b\n", b"\n", b"c"]


@pytest.mark.parametrize("answer", ["a\u2028b", "a\u0085b", "\x0c\x1c\u2029", "a\r\nb", "\ud800", ""])
def test_answers_are_read_as_they_were_written(tmp_path: Path, answer: str) -> None:
    path = tmp_path / "answers.jsonl"
    given = ["plain", answer, "last"]
    meter = meter_at(tmp_path / "ledger.jsonl", SetClock(1.0), started=0.0)
    asked = LockedRow(({"role": "user", "content": "?"},), answer)
    lines = [answer_line(row, asked, Answer(text)) for row, text in enumerate(given)]
    assert work_rows(path, 3, "toy", lambda first: iter([lines[first:]]), meter) == lines
    assert read_given(path) == [line["answer"] for line in whole_lines(path, 16, 3)] == given


def test_a_file_opened_twice_knows_its_size(tmp_path: Path) -> None:
    first = AppendFile(tmp_path / "f")
    first.append(b"a", durable=False)
    first.close()
    second = AppendFile(tmp_path / "f")
    second.append(b"b", durable=True)
    second.close()
    assert (tmp_path / "f").read_bytes() == b"ab"
