"""Edge: what the gate asks about, gathered from this machine: files, disk, memory, packages, the run folder."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from advisor.plan import FileRef, Plan
from runner.disk import files_below, free_bytes, sha256_file

RUN_FILE = "run.json"
BEFORE_RUN_FILE = frozenset({"lock", "plan.json"})  # a run killed while it claimed its folder leaves these
MAX_CONFIG_BYTES = 4 * 1024 * 1024  # configuration is kilobytes; larger JSON (tokenizer.json) is data to its reader
NVIDIA_SMI_SECONDS = 20  # a healthy driver answers in one


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found; `digests` has None for a file that is absent, no entry for one that lies outside."""

    as_of: date
    digests: dict[str, str | None]
    outside: tuple[str, ...]
    model_files: tuple[str, ...]
    auto_map: tuple[str, ...]
    model_bytes: int
    disk_free_bytes: int
    memory_free_bytes: int | None
    card_bytes: int | None
    packages_missing: tuple[str, ...]
    run_plan_id: str | None
    run_folder_foreign: bool
    run_folder_links: tuple[str, ...] = ()


def plan_files(plan: Plan) -> list[FileRef]:
    """Return every file the plan names: data, the scenario it was made from, the model."""
    data = plan.data
    own = [data.train, data.valid, data.test, data.unlabelled, data.preferences]
    own += [data.prompt, data.hosted, data.safety, data.general, plan.scenario.file]
    return [ref for ref in own if ref is not None] + list(plan.base_model.files)


def gather(plan: Plan, root: Path, run_folder: Path, as_of: date, packages: Sequence[str]) -> Facts:
    """Return the facts about `plan`, whose files lie below `root`, for a run in `run_folder` that needs `packages`."""
    paths = [ref.path for ref in plan_files(plan)]
    outside = tuple(path for path in [*paths, plan.base_model.directory] if not stays_inside(root, path))
    digests = {path: digest_of(root / path) for path in paths if path not in outside}
    model = root / plan.base_model.directory
    listed = files_below(model) if model.is_dir() and plan.base_model.directory not in outside else []
    run_plan_id, foreign = run_folder_state(run_folder)
    return Facts(
        as_of=as_of,
        digests=digests,
        outside=outside,
        model_files=tuple(path.relative_to(root).as_posix() for path in listed),
        auto_map=tuple(path.relative_to(root).as_posix() for path in listed if names_code(path)),
        model_bytes=sum(path.stat().st_size for path in listed if path.is_file()),
        disk_free_bytes=free_bytes(run_folder),
        memory_free_bytes=memory_free_bytes(),
        card_bytes=card_bytes() if plan.machine.card else None,
        packages_missing=tuple(name for name in packages if find_spec(name) is None),
        run_plan_id=run_plan_id,
        run_folder_foreign=foreign,
        run_folder_links=links_in(run_folder),
    )


def stays_inside(root: Path, path: str) -> bool:
    """Return whether the path, with every link followed, still lies below the plan's folder; a loop lies nowhere."""
    try:
        return (root / path).resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a loop of links: RuntimeError up to Python 3.12, OSError after
        return False


def digest_of(path: Path) -> str | None:
    """Return the file's sha256, None if there is no such file."""
    return sha256_file(path) if path.is_file() else None


def names_code(path: Path) -> bool:
    """Return whether a configuration file asks for code of its own to be run (`auto_map`)."""
    if path.suffix != ".json" or not path.is_file() or path.stat().st_size > MAX_CONFIG_BYTES:
        return False
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(document, dict) and "auto_map" in document


def run_folder_state(run_folder: Path) -> tuple[str | None, bool]:
    """Return the plan a run folder was made for, and whether it holds something that is no run at all."""
    try:
        return str(json.loads((run_folder / RUN_FILE).read_bytes())["plan_id"]), False
    except (OSError, ValueError, KeyError, TypeError):
        names = {entry.name for entry in run_folder.iterdir()} if run_folder.exists() else set[str]()
        return None, any(not name.startswith(".") for name in names - BEFORE_RUN_FILE)


def links_in(run_folder: Path) -> tuple[str, ...]:
    """Return the links that lie where a run writes: through one it would write over something else."""
    found = [*run_folder.iterdir(), *run_folder.glob("*/*")] if run_folder.is_dir() else []
    return tuple(sorted(path.relative_to(run_folder).as_posix() for path in found if path.is_symlink()))


def memory_free_bytes() -> int | None:
    """Return the main memory a new process may still take, container limit included; None if the system hides it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return None
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return min(free, max(0, limit - used))


def card_bytes() -> int | None:
    """Return the memory of the smallest visible NVIDIA card; None if none is visible."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = [command, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=NVIDIA_SMI_SECONDS)
        return min(int(line) for line in answer.stdout.split()) * 1024**2
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
