"""A run killed anywhere and run again leaves the very bytes of a run that was left alone."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch
DRIVER = Path(__file__).with_name("drive.py")
STEPS = 12
QLORA = {
    "kind": "qlora",
    "quantisation": "nf4",
    "double_quantisation": True,
    "lora": {"rank": 64, "alpha": 64, "dropout": 0.1},  # 64 x 128 = 8192 weights: large enough for 8-bit states
    "optimizer": "paged_adamw_8bit",
}
FULL = {"kind": "full", "optimizer": "adamw_torch"}
SETTINGS = {
    "learning_rate": 5e-3,
    "max_steps": STEPS,
    "micro_batch": 4,
    "accumulation": 2,  # 48 rows: 6 steps an epoch, so both an epoch's end and its middle are resumed from
    "max_length": 64,
    "save_every_steps": 3,
}


def drive(folder: Path, base: Path, records: Path, method: dict[str, Any], dtype: str, points: list[Any]) -> list[int]:
    pytest.importorskip("trl")
    folder.mkdir()
    spec = {
        "folder": str(folder),
        "base": str(base),
        "records": str(records),
        "method": method,
        "dtype": dtype,
        "settings": SETTINGS,
        "points": points,
    }
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(DRIVER.parents[2])}
    command = [sys.executable, "-W", "error", str(DRIVER), str(folder / "spec.json")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    endings = json.loads((folder / "ENDINGS.json").read_text())
    assert endings[-1] == 0, ended.stderr
    return endings


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "EVENTS.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == kind]


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "RESULT.json").read_text())


@pytest.mark.parametrize(("method", "dtype"), [(QLORA, "float32"), (FULL, "float32")], ids=["qlora", "full"])
def test_killed_and_resumed_is_bit_identical(
    method: dict[str, Any], dtype: str, base: Path, colours: Path, tmp_path: Path
) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    drive(alone, base, colours, method, dtype, [])
    chance = random.Random(7)
    points = [
        {"step": 2},
        {"step": 4},
        {"step": 6},
        *({"fsync": chance.randint(2, 60)} for _ in range(5)),
        {"step": 11},
    ]
    endings = drive(killed, base, colours, method, dtype, points)

    assert endings.count(-9) >= 6, endings
    assert result(killed) == result(alone)
    assert result(alone)["finished"]
    wanted = {step["step"]: step["loss"] for step in events(alone, "stepped")}
    assert list(wanted) == list(range(1, STEPS + 1))
    for step in events(killed, "stepped"):  # redone steps too: the same loss to the last bit
        assert step["loss"] == wanted[step["step"]]


def test_a_requested_stop_commits_and_goes_on_from_there(base: Path, colours: Path, tmp_path: Path) -> None:
    alone, stopped = tmp_path / "alone", tmp_path / "stopped"
    drive(alone, base, colours, FULL, "float32", [])
    drive(stopped, base, colours, FULL, "float32", [{"stop": 5}, {"stop": 7}])

    assert [start["step"] for start in events(stopped, "started")] == [0, 5, 7]
    assert [step["step"] for step in events(stopped, "stepped")] == list(range(1, STEPS + 1))  # nothing twice
    assert result(stopped) == result(alone)
