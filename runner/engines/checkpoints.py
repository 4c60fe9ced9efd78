"""Checkpoints that a kill cannot spoil. Torch-free.

Rule 1  A checkpoint exists once its COMMIT.json does: written last, over fsynced files, by rename, in a fsynced folder.
Rule 2  A commit names every file with bytes and sha256, and carries a digest of itself. What does not verify is moved
        aside with its reason, never loaded and never silently deleted.
Rule 3  Older checkpoints go only after a newer commit is durable, and `keep` committed ones always stay.
Rule 4  The trainer writes in `writing/`, which no automatic discovery reads; a finished one is renamed to `step-N`.
Rule 5  A commit carries a fingerprint of all that shapes the trajectory; resuming under another one is refused.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from advisor.plan import canonical_json

COMMIT = "COMMIT.json"
WRITING = "writing"
ASIDE = "aside"
FORMAT = 1
KEPT_ASIDE = 4
"""Spoiled checkpoints kept for inspection; more would let repeated kills fill the disk."""
READ_BYTES = 1 << 20
STATE_FILES = frozenset({COMMIT, "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "trainer_state.json",
                         "evaluations.json"})  # fmt: skip
"""What only a resume needs; everything else in a checkpoint is the artefact."""
UNWANTED = ("training_args.bin", "README.md")
"""Left by the trainer: a pickle nobody may load, and a model card with machine paths."""

Note: TypeAlias = Callable[[str, str], None]


class ChangedSinceCheckpointError(ValueError):
    """Data, model, method or settings differ from those the checkpoint was made with; the message names each."""


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size in bytes and sha256 of one file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Commit:
    """What COMMIT.json says: the optimizer step, what shaped it, where it ran, and every file."""

    step: int
    fingerprint: Mapping[str, str]
    environment: Mapping[str, str]
    trainable_parameters: int
    files: Mapping[str, FileDigest]


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def weights_sha256(directory: Path) -> str:
    """Return the sha256 of the one safetensors file in `directory`; of the sorted `name sha256` lines if sharded."""
    shards = sorted(directory.glob("*.safetensors"))
    if not shards:
        message = f"{directory} holds no .safetensors; wanted the weights of a trained or merged model"
        raise FileNotFoundError(message)
    if len(shards) == 1:
        return sha256_of(shards[0])
    lines = "".join(f"{shard.name} {sha256_of(shard)}\n" for shard in shards)
    return hashlib.sha256(lines.encode()).hexdigest()


def fsync_path(path: Path) -> None:
    """Flush a file's or folder's data to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_tree(directory: Path) -> None:
    """Flush every file and folder below `directory`, then the folder itself."""
    for path in sorted(directory.rglob("*"), reverse=True):
        fsync_path(path)
    fsync_path(directory)


def publish(temporary: Path, final: Path) -> None:
    """Make a finished folder appear at `final` at once and durably, replacing an older one."""
    fsync_tree(temporary)
    if final.exists():
        old = final.with_name(f".{final.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
        temporary.rename(final)
        fsync_path(final.parent)
        shutil.rmtree(old)
    else:
        temporary.rename(final)
        fsync_path(final.parent)


def write_commit(directory: Path, commit: Commit) -> None:
    """Write COMMIT.json by temporary name, fsync, rename, fsync of the folder (Rule 1)."""
    body: dict[str, Any] = {"format": FORMAT, **asdict(commit)}
    body["sha256"] = hashlib.sha256(canonical_json(body)).hexdigest()
    temporary = directory / f"{COMMIT}.tmp"
    temporary.write_bytes(json.dumps(body, indent=1, sort_keys=True).encode() + b"\n")
    fsync_path(temporary)
    temporary.rename(directory / COMMIT)
    fsync_path(directory)


def read_commit(directory: Path) -> Commit:
    """Return the verified commit of a checkpoint folder; raises ValueError with the reason it cannot be trusted."""
    try:
        body: dict[str, Any] = json.loads((directory / COMMIT).read_bytes())
        claimed = body.pop("sha256")
        intact = hashlib.sha256(canonical_json(body)).hexdigest() == claimed
        made_by = body.pop("format")
        files = {name: FileDigest(**entry) for name, entry in body.pop("files").items()}
        commit = Commit(files=files, **body)
    except FileNotFoundError:
        message = f"no {COMMIT}: the save was cut short"
        raise ValueError(message) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{COMMIT} is unreadable: {error}"
        raise ValueError(message) from None
    if not intact or made_by != FORMAT:
        message = f"{COMMIT} does not match its own digest" if not intact else f"{COMMIT} is of format {made_by}"
        raise ValueError(message)
    for name, wanted in files.items():
        _verify(directory / name, wanted)
    return commit


def _verify(path: Path, wanted: FileDigest) -> None:
    if not path.is_file() or path.is_symlink():
        message = f"{path.name} is missing"
    elif path.stat().st_size != wanted.bytes:
        message = f"{path.name} has {path.stat().st_size} bytes, committed with {wanted.bytes}"
    elif sha256_of(path) != wanted.sha256:
        message = f"{path.name} has another sha256 than it was committed with"
    else:
        return
    raise ValueError(message)


def step_name(step: int) -> str:
    """Return the folder name of a step's checkpoint."""
    return f"step-{step:08d}"


@dataclass(frozen=True, slots=True)
class CheckpointStore:
    """The checkpoints of one training stage below `root`; `keep` committed ones stay."""

    root: Path
    keep: int
    fingerprint: Mapping[str, str]
    environment: Mapping[str, str]
    note: Note

    @property
    def writing(self) -> Path:
        """The folder the trainer writes into; nothing in it counts."""
        return self.root / WRITING

    def open(self) -> tuple[Path, Commit] | None:
        """Move aside what does not verify; return the newest committed checkpoint, or None to start afresh.

        Raises ChangedSinceCheckpointError where that one was made under another fingerprint.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for leftover in sorted(self.writing.glob("*")):
            self._move_aside(leftover, "the save was cut short")
        for directory in self._steps():
            try:
                commit = read_commit(directory)
            except ValueError as reason:
                self._move_aside(directory, str(reason))
                continue
            self._refuse_drift(directory, commit)
            return directory, commit
        return None

    def commit(
        self, written: Path, step: int, trainable_parameters: int, best_step: int | None = None
    ) -> tuple[Path, int]:
        """Make `written` durable as `step-N`, then rotate; return its folder and size in bytes.

        The checkpoint of `best_step` stays whatever its age.
        """
        for name in UNWANTED:
            (written / name).unlink(missing_ok=True)
        fsync_tree(written)
        files = {
            path.relative_to(written).as_posix(): FileDigest(path.stat().st_size, sha256_of(path))
            for path in sorted(written.rglob("*"))
            if path.is_file()
        }
        write_commit(written, Commit(step, self.fingerprint, self.environment, trainable_parameters, files))
        final = self.root / step_name(step)
        if final.exists():
            self._move_aside(final, "saved again")
        written.rename(final)
        fsync_path(self.root)
        self._rotate(best_step)
        return final, sum(file.bytes for file in files.values())

    def _steps(self) -> list[Path]:
        return sorted(self.root.glob("step-*"), reverse=True)

    def at(self, step: int) -> tuple[Path, Commit] | None:
        """Return the committed checkpoint of one step, or None where it is gone or does not verify."""
        directory = self.root / step_name(step)
        try:
            return directory, read_commit(directory)
        except ValueError:
            return None

    def _rotate(self, best_step: int | None) -> None:
        committed = [directory for directory in self._steps() if (directory / COMMIT).is_file()]
        for directory in committed[self.keep :]:
            if best_step is not None and directory.name == step_name(best_step):
                continue
            (directory / COMMIT).unlink()
            shutil.rmtree(directory)

    def _move_aside(self, directory: Path, reason: str) -> None:
        aside = self.root / ASIDE
        aside.mkdir(exist_ok=True)
        held = sorted(aside.iterdir(), key=lambda path: int(path.name.partition("-")[0]))
        number = int(held[-1].name.partition("-")[0]) + 1 if held else 1
        directory.rename(aside / f"{number}-{directory.name}")
        for old in held[: max(0, len(held) + 1 - KEPT_ASIDE)]:
            shutil.rmtree(old)
        self.note("checkpoint moved aside", f"{directory.name}: {reason}")

    def _refuse_drift(self, directory: Path, commit: Commit) -> None:
        then, now = commit.fingerprint, self.fingerprint
        changed = [
            f"{name} was {then.get(name, 'absent')}, is {now.get(name, 'absent')}"
            for name in sorted({*then, *now})
            if then.get(name) != now.get(name)
        ]
        if changed:
            message = (
                f"{directory.name} was trained under other conditions: {'; '.join(changed)}. "
                "Restore them, or train in a new run directory"
            )
            raise ChangedSinceCheckpointError(message)
        moved = [
            f"{name} was {then}, is {self.environment.get(name, 'absent')}"
            for name, then in sorted(commit.environment.items())
            if self.environment.get(name) != then
        ]
        if moved:
            self.note("environment changed", "; ".join(moved) + "; the rest may differ in the last bits")


def export(checkpoint: Path, output: Path, base_name: str) -> None:
    """Copy the artefact of a committed checkpoint to `output` in one step; `base_name` replaces the machine's path."""
    temporary = output.with_name(f".{output.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(checkpoint, temporary, ignore=_resume_state)
    adapter_config = temporary / "adapter_config.json"
    if adapter_config.is_file():
        config: dict[str, Any] = json.loads(adapter_config.read_bytes())
        config["base_model_name_or_path"] = base_name
        if isinstance(config.get("target_modules"), list):  # peft writes a set, in another order in every process
            config["target_modules"] = sorted(config["target_modules"])
        adapter_config.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    publish(temporary, output)


def _resume_state(_: str, names: Iterable[str]) -> set[str]:
    return {name for name in names if name in STATE_FILES}
