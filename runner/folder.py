"""Edge: the run folder. What lies where, and each stage's commit: a file that is there whole, or not at all.

run.json plan.json lock ledger.jsonl report.json
commits/<stage>.json      {stage, plan_id, outputs: {path: sha256}, result: {...}}
curate/ adapt/ sft/ evaluate/ merge/ account/
"""

import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.plan import Plan, StageName
from runner.disk import files_below, fsync_directory, sha256_file, tree_digests, write_atomic
from runner.gather import RUN_FILE


class DamagedRunError(ValueError):
    """A committed stage's files are no longer what it committed; the message names them and the next step."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A finished stage: sha256 of every output by path in the run folder, and what it found."""

    stage: str
    plan_id: str
    outputs: dict[str, str]
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder; `plan_id` binds every commit to its plan."""

    path: Path
    plan_id: str

    @property
    def ledger(self) -> Path:
        """Where the ledger lies."""
        return self.path / "ledger.jsonl"

    def stage(self, name: StageName) -> Path:
        """Return the stage's own folder, made if needed."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def prepare(self, plan_bytes: bytes) -> None:
        """Claim the folder for this plan, with a copy of it for the report."""
        if not (self.path / RUN_FILE).exists():
            write_atomic(self.path / "plan.json", plan_bytes)
            write_atomic(self.path / RUN_FILE, json.dumps({"plan_id": self.plan_id}).encode())

    def commit(self, stage: StageName, outputs: Iterable[Path], result: dict[str, Any]) -> Commit:
        """Make the outputs durable, then say so."""
        digests: dict[str, str] = {}
        for output in outputs:
            make_durable(output)
            digests |= tree_digests(self.path, output)
        found = Commit(stage, self.plan_id, digests, result)
        (self.path / "commits").mkdir(exist_ok=True)
        text = json.dumps({"stage": stage, "plan_id": self.plan_id, "outputs": digests, "result": result}, indent=1)
        write_atomic(self.path / "commits" / f"{stage}.json", text.encode())
        return found

    def committed(self, stage: str) -> Commit | None:
        """Return the stage's commit, None if it has none. Raises DamagedRunError for one that is not this plan's."""
        path = self.path / "commits" / f"{stage}.json"
        if not path.exists():
            return None
        try:
            commit = Commit(**json.loads(path.read_bytes()))
        except (ValueError, TypeError):
            commit = None
        if commit is None or commit.plan_id != self.plan_id:
            message = f"{path} is not a commit of this plan; remove it to have the stage done again"
            raise DamagedRunError(message)
        return commit

    def verify(self, commit: Commit) -> None:
        """Raise DamagedRunError naming every output that is missing or changed since the commit."""
        wrong = [
            path
            for path, digest in commit.outputs.items()
            if not (self.path / path).is_file() or sha256_file(self.path / path) != digest
        ]
        if wrong:
            message = (
                f"stage {commit.stage} is committed, but {', '.join(wrong)} is missing or changed since; "
                f"restore it, or remove commits/{commit.stage}.json and later ones to have them done again"
            )
            raise DamagedRunError(message)


def make_durable(path: Path) -> None:
    """Flush every file at or below `path`, and the folders that name them."""
    for found in files_below(path):
        with found.open("rb") as handle:
            os.fsync(handle.fileno())
    folders = [path, *(below for below in path.rglob("*") if below.is_dir())] if path.is_dir() else []
    for folder in [*folders, path.parent]:
        fsync_directory(folder)


def commits_in_order(folder: RunFolder, plan: Plan) -> dict[str, Commit]:
    """Return the commits by stage. Raises DamagedRunError where a later stage is committed and an earlier is not."""
    found = {stage.name: folder.committed(stage.name) for stage in plan.stages}
    names = list(found)
    for earlier, later in itertools.pairwise(names):
        if found[earlier] is None and found[later] is not None:
            message = f"stage {later} is committed, but {earlier} before it is not; remove commits/{later}.json"
            raise DamagedRunError(message)
    return {name: commit for name, commit in found.items() if commit is not None}
