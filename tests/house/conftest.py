"""The product's source text, read once for every house test."""

from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGES = ("pricing", "advisor", "runner")
GENERATED = {"__pycache__", ".ipynb_checkpoints"}

Walk = Callable[..., list[Path]]


@pytest.fixture(scope="session")
def walk(repo: Path) -> Walk:
    """Return a function that lists the files below some of the repository's folders, caches left out."""

    def files(*folders: str, suffixes: tuple[str, ...] = ()) -> list[Path]:
        found = (path for folder in folders for path in sorted((repo / folder).rglob("*")))
        kept = [path for path in found if path.is_file() and not GENERATED & set(path.parts)]
        return [path for path in kept if not suffixes or path.suffix in suffixes]

    return files


@pytest.fixture(scope="session")
def product(repo: Path, walk: Walk) -> dict[str, str]:
    """Return the text of every Python file of the three packages by its path from the root."""
    files = walk(*PACKAGES, suffixes=(".py",))
    return {path.relative_to(repo).as_posix(): path.read_text(encoding="utf-8") for path in files}
