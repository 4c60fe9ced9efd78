"""A plan for the toy engine, made as the advisor makes one: files digested, sealed."""

import json
from pathlib import Path

import pytest

from advisor.plan import seal
from tests.runner.toy_plan import TEAMS, Change, MakePlan, document, row, write_rows


@pytest.fixture
def make_plan(tmp_path: Path) -> MakePlan:
    """Return a function that writes a plan with its files below tmp_path; `change` edits it before it is sealed."""

    def make(steps: int = 30, save_every: int = 5, change: Change | None = None, kind: str = "lora") -> Path:
        root = tmp_path / "plan"
        (root / "base").mkdir(parents=True, exist_ok=True)
        (root / "base" / "config.json").write_text("{}", encoding="utf-8")
        write_rows(root / "train.jsonl", [row(TEAMS[n % 4], n) for n in range(100)])
        write_rows(root / "test.jsonl", [row(TEAMS[n % 4], n) for n in range(1000, 1040)])
        found = document(root, steps, save_every, kind)
        if change:
            change(found)
        path = root / "plan.json"
        path.write_text(json.dumps(seal(found), indent=1), encoding="utf-8")
        return path

    return make
