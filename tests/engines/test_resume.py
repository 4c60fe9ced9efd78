"""A run killed anywhere and run again leaves the very bytes of a run that was left alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import colour_rows, write_rows

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


# a save flushes 9 files (full: 10), their folder, the commit and its folder, and after the rename the folder above: 13
INSIDE_SAVES = [{"fsync": flush} for flush in (1, 5, 9, 11, 12, 13)]
POINTS: dict[str, list[dict[str, int]]] = {
    "alone": [],
    "killed": [{"step": 2}, {"step": 4}, *INSIDE_SAVES, {"step": 11}],
    "stopped": [{"stop": 5}, {"stop": 7}],
}
METHODS = {"qlora": (QLORA, "bfloat16"), "full": (FULL, "float32")}


@pytest.fixture(scope="module")
def runs(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every method left alone, killed nine times, and stopped twice: <method>-<what happened>/."""
    pytest.importorskip("trl")
    folder = tmp_path_factory.mktemp("runs")
    records = write_rows(folder / "train.jsonl", colour_rows())
    specs = [
        {
            "folder": str(folder / f"{name}-{happened}"),
            "base": str(base),
            "records": str(records),
            "method": method,
            "dtype": dtype,
            "settings": SETTINGS,
            "points": points,
        }
        for name, (method, dtype) in METHODS.items()
        for happened, points in POINTS.items()
    ]
    (folder / "runs.json").write_text(json.dumps(specs), encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(DRIVER.parents[2])}
    command = [sys.executable, "-W", "error", str(DRIVER), str(folder / "runs.json")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""  # stdout is the report's
    for spec in specs:
        assert json.loads((Path(spec["folder"]) / "ENDINGS.json").read_text())[-1] == 0, ended.stderr
    return folder


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "EVENTS.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == kind]


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "RESULT.json").read_text())


@pytest.mark.parametrize("name", METHODS)
def test_killed_and_resumed_is_bit_identical(name: str, runs: Path) -> None:
    alone, killed = runs / f"{name}-alone", runs / f"{name}-killed"
    endings = json.loads((killed / "ENDINGS.json").read_text())

    assert endings == [-9] * len(POINTS["killed"]) + [0]
    assert result(alone)["finished"]
    assert result(killed) == result(alone)
    wanted = {step["step"]: step["loss"] for step in events(alone, "stepped")}
    assert list(wanted) == list(range(1, STEPS + 1))
    for step in events(killed, "stepped"):  # redone steps too: the same loss to the last bit
        assert step["loss"] == wanted[step["step"]]


@pytest.mark.parametrize("name", METHODS)
def test_a_requested_stop_commits_and_goes_on_from_there(name: str, runs: Path) -> None:
    alone, stopped = runs / f"{name}-alone", runs / f"{name}-stopped"

    assert [start["step"] for start in events(stopped, "started")] == [0, 5, 7]
    assert [step["step"] for step in events(stopped, "stepped")] == list(range(1, STEPS + 1))  # nothing twice
    assert result(stopped) == result(alone)
