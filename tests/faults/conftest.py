"""The program with the toy engine, loaded once a session and forked for every attempt; a disk small enough to fill."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.program import Program
from tests.runner.conftest import make_plan

__all__ = ["make_plan"]

DISK_MIB = 2
"""A toy run leaves some 60 KiB."""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The forking program."""
    with Program("toy", tmp_path_factory.mktemp("talk")) as found:
        yield found


@pytest.fixture(scope="session")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Path]]:
    """A program in a mount namespace of its own, and its disk of DISK_MIB as this process sees it."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk (unshare -Urm)")
    disk = tmp_path_factory.mktemp("disk")
    mount = f'mount -t tmpfs -o size={DISK_MIB}m tmpfs {disk} && exec "$@"'
    with Program("toy", tmp_path_factory.mktemp("talk"), ("unshare", "-Urm", "sh", "-c", mount, "-")) as found:
        yield found, Path(f"/proc/{found.process.pid}/root{os.fspath(disk)}")
