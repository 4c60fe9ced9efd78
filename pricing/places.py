"""Where refreshed prices lie on this machine: a root folder, books below it, and one file that names the one in use.

Beside it, where a machine keeps what its own runs measured.

ROOT/current             the name of the book in use, one line; replaced in one step, so there is never half a book
ROOT/books/NAME/         a book in the form of pricing/data, with refresh.json (what was fetched, from where, when)
ROOT/quarantine/         lines that wait for a human, one file a source
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pricing.names import PriceError

CHOSEN: Final = "CROSSOVER_PRICES"
"""The variable that names the root; `none` stands for no refreshed prices at all."""
NONE: Final = "none"
CURRENT: Final = "current"
BOOKS: Final = "books"
CALIBRATION_CHOSEN: Final = "CROSSOVER_CALIBRATION"
"""The variable that names the folder of measured figures; `none` stands for neither keeping nor using any."""
CALIBRATION_FILE: Final = "runs.jsonl"


class BrokenPlaceError(PriceError):
    """`current` names a book that is not there; the message says which file to delete."""


def refresh_root(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder that refreshed prices go into; None where the variable says `none` or no home is known."""
    return user_folder(CHOSEN, "prices", environ)


def calibration_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of what runs on this machine measured; None where the variable says `none` or without a home."""
    folder = user_folder(CALIBRATION_CHOSEN, "calibration", environ)
    return None if folder is None else folder / CALIBRATION_FILE


def user_folder(variable: str, name: str, environ: Mapping[str, str]) -> Path | None:
    """Return the folder the variable names, else the user's own of this name; None for `none` or without a home."""
    chosen = environ.get(variable)
    if chosen:
        return None if chosen == NONE else Path(chosen)
    data = environ.get("XDG_DATA_HOME") or environ.get("LOCALAPPDATA")
    home = environ.get("HOME")
    folder = Path(data) if data else Path(home, ".local", "share") if home else None
    return folder / "crossover" / name if folder else None


def book_in_use(root: Path) -> Path | None:
    """Return the book that `current` below a root names; None where nothing was ever refreshed."""
    pointer = root / CURRENT
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    folder = root / BOOKS / name
    if not name or name != Path(name).name or not folder.is_dir():
        message = f"{pointer} names the book {name!r}, which is not in {root / BOOKS}; next: delete {pointer}, refresh"
        raise BrokenPlaceError(message)
    return folder


def refreshed_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the refreshed book in use on this machine, or None: then the shipped book stands alone."""
    root = refresh_root(environ)
    return None if root is None else book_in_use(root)
