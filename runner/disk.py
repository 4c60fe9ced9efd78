"""Edge: the disk. What is written here is whole or absent, and stays after a power cut."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

READ_BLOCK_BYTES = 1 << 20  # large enough that hashing is bound by sha256, small enough to hold anywhere
OTHER_HOST_STALE_SECONDS = 120  # a live holder touches its lock every second; two minutes of silence is death


class LockedError(RuntimeError):
    """Another process holds the run directory; the message names it."""


class ContendedError(RuntimeError):
    """A file that only this process may write has grown by itself."""


def fsync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that a reader finds the old bytes or the new ones, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    fsync_directory(path.parent)


def sha256_file(path: Path) -> str:
    """Return the sha256 of the file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(READ_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def stamp(path: Path) -> tuple[int, ...] | None:
    """Return size in bytes, both change times and inode: no rewriting leaves all of them as they were. None: absent."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def files_below(path: Path) -> list[Path]:
    """Return the regular files at or below `path` in name order; links are listed too, and not followed."""
    if path.is_file():
        return [path]
    return sorted(found for found in path.rglob("*") if found.is_symlink() or found.is_file())


def split_lines(content: bytes) -> list[bytes]:
    """Return the lines with the newline byte that ended each; nothing else ends one, and the last may be torn."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def tree_digests(root: Path, below: Path) -> dict[str, str]:
    """Return sha256 by path relative to `root` for every file at or below `below`."""
    return {found.relative_to(root).as_posix(): sha256_file(found) for found in files_below(below)}


def free_bytes(path: Path) -> int:
    """Return what may still be written on the file system of `path` or of its nearest existing parent."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def boot_id() -> str:
    """Return an id that changes when the machine starts anew; `unknown` where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown"


def host_name() -> str:
    """Return this machine's name on its network."""
    return socket.gethostname()


class AppendFile:
    """A file this process alone appends to. Raises ContendedError when somebody else has written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        self._size = os.fstat(self._handle).st_size
        fsync_directory(path.parent)

    def append(self, content: bytes, durable: bool) -> None:
        """Write all of `content` at the end in one call; wait for the disk if `durable`."""
        size = os.fstat(self._handle).st_size
        if size != self._size:
            message = f"{self.path} is {size} bytes, this process left it at {self._size}: a second writer is at work"
            raise ContendedError(message)
        written = os.write(self._handle, content)
        if written != len(content):
            os.ftruncate(self._handle, self._size)
            message = f"{self.path}: {written} of {len(content)} bytes written; free some disk space and run again"
            raise OSError(message)
        if durable:
            self._flush_or_take_back()
        self._size += written

    def _flush_or_take_back(self) -> None:
        """Wait for the disk; if that fails, take the bytes back: the next line follows the last one that is known."""
        try:
            os.fsync(self._handle)
        except BaseException:
            os.ftruncate(self._handle, self._size)
            raise

    def close(self) -> None:
        """Make everything durable and let go."""
        os.fsync(self._handle)
        os.close(self._handle)


def set_aside_tail(path: Path, good_bytes: int) -> bytes:
    """Move what follows `good_bytes` to `<name>.torn`, cut the file there, and return what was moved."""
    content = path.read_bytes()
    torn = content[good_bytes:]
    with path.with_name(path.name + ".torn").open("ab") as handle:
        handle.write(torn + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    with path.open("r+b") as handle:
        handle.truncate(good_bytes)
        os.fsync(handle.fileno())
    fsync_directory(path.parent)
    return torn


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote the lock: process, machine, and the machine's boot."""

    pid: int
    host: str
    boot_id: str


def read_holder(path: Path) -> Holder | None:
    """Return who the lock file names; None if it is absent, empty or not a lock."""
    try:
        found = json.loads(path.read_bytes())
        return Holder(int(found["pid"]), str(found["host"]), str(found["boot_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def alive_elsewhere(path: Path, holder: Holder) -> bool:
    """Return whether a holder on another machine still touches its lock (this kernel's lock does not reach it)."""
    if holder.host == host_name():
        return False
    return time.time() - path.stat().st_mtime < OTHER_HOST_STALE_SECONDS


def holder_lives(path: Path) -> bool:
    """Return whether whoever the lock file names still runs, without touching the lock; False if it names nobody."""
    holder = read_holder(path)
    if holder is None:
        return False
    if holder.host != host_name():
        return alive_elsewhere(path, holder)
    return holder.boot_id == boot_id() and process_lives(holder.pid)


def process_lives(pid: int) -> bool:
    """Return whether a process of this machine exists and has not ended (a zombie has)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"


def silent_seconds(path: Path) -> float:
    """Return how long ago the holder of a lock last touched it."""
    return max(0.0, time.time() - path.stat().st_mtime)


@contextlib.contextmanager
def locked(path: Path) -> Generator[str | None]:
    """Hold the lock file; yield a sentence when a dead holder's lock was taken over. Raises LockedError.

    On one machine the kernel decides, so a dead process or an earlier boot never blocks; a lock from another machine
    (a shared bucket) blocks while it is still being touched.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        before = read_holder(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(held_by(path, before)) from None
        if before is not None and alive_elsewhere(path, before):
            raise LockedError(held_by(path, before))
        mine = json.dumps({"pid": os.getpid(), "host": host_name(), "boot_id": boot_id()}).encode()
        os.ftruncate(handle, 0)
        os.pwrite(handle, mine, 0)
        os.fsync(handle)
        yield None if before is None else f"took over the lock of process {before.pid} on {before.host}, which is gone"
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def touch(path: Path) -> None:
    """Show that the holder of a lock file lives, to machines that the kernel's lock does not reach."""
    os.utime(path)


def held_by(path: Path, holder: Holder | None) -> str:
    """Return the sentence that refuses a second run on one directory."""
    who = "another process" if holder is None else f"process {holder.pid} on {holder.host}"
    return f"{path.parent} is in use by {who}; wait for it, stop it with SIGTERM, or choose another --dir"
