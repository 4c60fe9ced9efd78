"""What every test may ask for: the repository, and the reference files beside it."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples everywhere, and no deadline: a green run here is green on a slower machine.
# New ones are sought with make test PYTEST_ARGS=--hypothesis-profile=search
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("same")

os.environ.setdefault("CROSSOVER_PRICES", "none")  # the shipped book, whatever was refreshed on this machine
os.environ.setdefault("CROSSOVER_CALIBRATION", "none")  # no run of this machine changes what a test is told

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """Return the repository's root."""
    return REPO


@pytest.fixture(scope="session")
def shared(repo: Path) -> Path:
    """Return the folder of reference files, ../shared, or skip where a checkout has none."""
    folder = repo.parent / "shared"
    if not (folder / "reference").is_dir():
        pytest.skip(f"the reference files are not beside this checkout: {folder.name}/reference")
    return folder
