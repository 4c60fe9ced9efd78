"""Rule: what is shipped is what is here, under the version it says, with the versions it was checked with."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What torch asks for beside a graphics card differs by machine, so pip chooses those versions.
CHOSEN_BY_MACHINE = ("nvidia-", "cuda-", "triton")
# A build tool that every environment brings along, in its own version.
BROUGHT_ALONG = {"pip", "setuptools", "wheel"}


@pytest.fixture(scope="module")
def project(repo: Path) -> dict[str, Any]:
    return tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins(repo: Path) -> dict[str, str]:
    lines = (repo / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.group(1)): pin.group(2) for pin in found if pin}


def declared(project: dict[str, Any]) -> list[Requirement]:
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    groups += project["dependency-groups"].values()
    return [Requirement(line) for group in groups for line in group]


def test_every_line_of_constraints_is_an_exact_public_version(repo: Path, pins: dict[str, str]) -> None:
    lines = (repo / "constraints.txt").read_text(encoding="utf-8").splitlines()
    written = [line for line in lines if line and not line.startswith("#")]
    assert len(written) == len(pins)
    assert written == sorted(written, key=str.lower)


def test_every_declared_dependency_is_pinned_within_its_bounds(project: dict[str, Any], pins: dict[str, str]) -> None:
    wanted = [requirement for requirement in declared(project) if requirement.name not in BROUGHT_ALONG]
    missing = [str(need) for need in wanted if not need.specifier.contains(pins.get(canonicalize_name(need.name), "0"))]
    assert not missing, "\n".join(missing)


def test_whatever_a_dependency_brings_along_is_pinned_too(project: dict[str, Any], pins: dict[str, str]) -> None:
    ahead = declared(project)
    seen: dict[str, str] = {}
    while ahead:
        requirement = ahead.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or name in BROUGHT_ALONG or name.startswith(CHOSEN_BY_MACHINE):
            continue
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # the [run] extra is not installed here: its own needs cannot be asked
            lines = []
        seen[name] = str(requirement)
        extras = requirement.extras or {""}
        below = [Requirement(line) for line in lines]
        ahead += [n for n in below if n.marker is None or any(n.marker.evaluate({"extra": e}) for e in extras)]
    assert len(seen) >= len({canonicalize_name(requirement.name) for requirement in declared(project)} - BROUGHT_ALONG)
    loose = sorted(seen.keys() - pins.keys())
    assert not loose, "\n".join(loose)


def test_the_changelog_tells_this_version(repo: Path, project: dict[str, Any]) -> None:
    version = re.escape(project["project"]["version"])
    text = (repo / "CHANGELOG.md").read_text(encoding="utf-8")
    entry = re.search(rf"^## \[?{version}\]?[^\n]*\d{{4}}-\d\d-\d\d[^\n]*\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert entry, f"CHANGELOG.md has no dated heading for {version}, for example: ## {version} (2026-11-21)"
    assert entry.group(1).strip()


def test_the_licence_is_the_one_declared(repo: Path, project: dict[str, Any]) -> None:
    assert project["project"]["license"] == "Apache-2.0"
    text = (repo / "LICENSE").read_text(encoding="utf-8")
    assert re.match(r"\s+Apache License\s+Version 2\.0, January 2004\s", text)
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(
    repo: Path, tmp_path: Path, walk: Callable[..., list[Path]], project: dict[str, Any]
) -> None:
    source, packages = tmp_path / "source", ("pricing", "advisor", "runner")
    for package in packages:
        shutil.copytree(repo / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repo / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "--no-index"]
    environment = {**os.environ, "PIP_NO_INPUT": "1"}
    done = subprocess.run(
        [*command, "--wheel-dir", str(tmp_path), str(source)],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"crossover-{project['project']['version']}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == {path.relative_to(repo).as_posix() for path in walk(*packages)}
    assert any(name.endswith("licenses/LICENSE") for name in names)
