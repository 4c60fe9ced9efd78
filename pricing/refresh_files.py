"""Edge: refreshed books on disk. A book is written beside the one in use and put in its place in one step.

Whoever is killed at any moment leaves the book in use whole: the new one lies in a folder whose name begins with a dot
until all its files are on the disk, and `current` is replaced by renaming a finished file over it.
"""

import fcntl
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pricing.book import read_texts
from pricing.places import BOOKS, CURRENT, book_in_use
from pricing.refresh_book import table
from pricing.refresh_rows import KEYS, Waiting, is_price
from pricing.sources.answer import Row, ShapeError, csv_of, price

LOCK: Final = "lock"
STATE: Final = "refresh.json"
TAKEN: Final = "taken.json"
QUARANTINE: Final = "quarantine"
UNFINISHED: Final = ".unfinished-"
BOOKS_KEPT: Final = 3
"""The book in use, and two before it: for `prices diff`, and for a reader that opened the one before a moment ago."""
WAITS: Final = ("provider", "why", "may_be_accepted")
"""What a line of a quarantine file says beside the columns of its part of the book."""


class BusyError(RuntimeError):
    """Another refresh holds the lock; the message says what to do."""


class NotWaitingError(LookupError):
    """A source has no quarantine file; the message names those that have one."""


@contextmanager
def only_one(root: Path) -> Generator[None]:
    """Hold the lock of a root; BusyError where another process has it. The system frees it when the process dies."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another refresh is at work in {root}; next: let it end, then ask again"
            raise BusyError(message) from None
        yield


def read_state(root: Path) -> tuple[dict[str, str], dict[str, Any], dict[str, list[Row]]]:
    """Return (files, what refresh.json says of each source, rows by source) of the book in use; empty where none is."""
    folder = book_in_use(root)
    if folder is None:
        return {}, {}, {}
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))["sources"]
    taken = json.loads((folder / TAKEN).read_text(encoding="utf-8"))
    return read_texts(folder), state, {name: [Row(*row) for row in rows] for name, rows in taken.items()}


def swap_in(
    root: Path, name: str, texts: Mapping[str, str], state: Mapping[str, Any], taken: Mapping[str, Sequence[Row]]
) -> Path:
    """Write a book, put it in use in one step, and remove what was left unfinished and the oldest books."""
    books = root / BOOKS
    books.mkdir(parents=True, exist_ok=True)
    building = books / f"{UNFINISHED}{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    digests = {file: hashlib.sha256(text.encode()).hexdigest() for file, text in texts.items()}
    told = {"format_version": 1, "sources": state, "files": digests}
    files = {**texts, STATE: json.dumps(told, indent=1) + "\n", TAKEN: json.dumps(taken) + "\n"}
    for file, text in files.items():
        _write(building / file, text)
    for folder in {building, *(path for path in building.rglob("*") if path.is_dir())}:
        _sync(folder)
    finished = _free(books, name)
    building.rename(finished)
    _sync(books)
    pointer = root / f"{CURRENT}.new"
    _write(pointer, finished.name + "\n")
    pointer.replace(root / CURRENT)
    _sync(root)
    _tidy(books, finished)
    return finished


def _free(books: Path, name: str) -> Path:
    """Return a folder that is not there yet: one killed before it was put in use may have left the name."""
    names = (f"{name}-{count}" if count else name for count in itertools.count())
    return next(books / each for each in names if not (books / each).exists())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tidy(books: Path, in_use: Path) -> None:
    """Remove unfinished books and all but the newest (names begin with the time)."""
    whole = sorted(path for path in books.iterdir() if not path.name.startswith(UNFINISHED))
    left = [path for path in books.iterdir() if path.name.startswith(UNFINISHED)]
    for path in [*left, *whole[:-BOOKS_KEPT]]:
        if path != in_use:
            shutil.rmtree(path, ignore_errors=True)


def damaged(folder: Path) -> list[str]:
    """Return the files of a refreshed book that are no longer what refresh.json says of them."""
    said = json.loads((folder / STATE).read_text(encoding="utf-8"))["files"]
    now = {file: hashlib.sha256(text.encode()).hexdigest() for file, text in read_texts(folder).items()}
    return sorted(file for file in {*said, *now} if said.get(file) != now.get(file))


def quarantine_file(root: Path, source: str) -> Path:
    """Return where the rows of a source wait."""
    return root / QUARANTINE / f"{source.replace('/', '-')}.csv"


def put_waiting(root: Path, source: str, waiting: Sequence[Waiting], header: Sequence[str]) -> Path | None:
    """Write the rows that wait for a human, in place of those of the last time; none: the file goes."""
    path = quarantine_file(root, source)
    if not waiting:
        path.unlink(missing_ok=True)
        return None
    lines = [
        {**each.row.columns, "provider": each.row.provider, "why": each.why, "may_be_accepted": each.may_be_accepted}
        for each in waiting
    ]
    fresh = path.with_suffix(".new")
    _write(fresh, table([*WAITS, *header], lines))
    fresh.replace(path)
    return path


def read_waiting(root: Path, source: str, kind: str) -> list[Waiting]:
    """Read the rows that wait, as a human left them; NotWaitingError where there is no file, or a line is broken."""
    path = quarantine_file(root, source)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        there = ", ".join(sorted(each.stem for each in path.parent.glob("*.csv"))) or "none"
        message = f"nothing of {source} waits in {path.parent}; there is: {there}"
        raise NotWaitingError(message) from None
    try:
        lines = csv_of(content, frozenset({*WAITS, *KEYS[kind]}))
        return [_waiting(kind, line) for line in lines]
    except ShapeError as fault:
        message = f"{path}: {fault}; next: correct that line, or strike it out, and accept again"
        raise NotWaitingError(message) from None


def _waiting(kind: str, line: Mapping[str, str]) -> Waiting:
    columns = {name: text for name, text in line.items() if text and name not in WAITS}
    for name, text in columns.items():
        if is_price(name):
            price(text, f"{line['provider']} {name}")
    return Waiting(Row(kind, line["provider"], columns), line["why"], line["may_be_accepted"] == str(True))
