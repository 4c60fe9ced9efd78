"""Rule: two commands, `make demo` and `make test`; CI and the hooks call the same ones."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

import advisor.cli
import runner.cli

RECIPES = {
    "demo": [
        "bin/advise scenarios/ticket_routing/scenario.yaml --plan out/demo/plan.json",
        "bin/run out/demo/plan.json",
    ],
    "test": [
        "bin/ruff check .",
        "bin/ruff format --check .",
        "bin/basedpyright",
        "bin/lint-imports",
        "bin/deptry .",
        "-m pytest",
    ],
}


def make(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a user would, not as a part of the make that may be running these tests."""
    environment = {key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("target", sorted(RECIPES))
def test_a_command_does_what_it_promises_in_order(repo: Path, target: str) -> None:
    done = make(repo, "--dry-run", target)
    assert done.returncode == 0, done.stderr
    steps = done.stdout.strip().splitlines()
    places = [next((at for at, step in enumerate(steps) if part in step), None) for part in RECIPES[target]]
    assert None not in places, done.stdout
    assert places == sorted(places, key=lambda at: at or 0)
    assert places[-1] == len(steps) - 1, "something follows the last promised step"


def test_make_alone_lists_every_command(repo: Path) -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (repo / "Makefile").read_text(encoding="utf-8"), re.M)[0].split()
    listed = [line.split()[0] for line in make(repo).stdout.splitlines()]
    assert sorted(listed) == sorted(targets)


def test_an_old_python_is_told_what_is_wanted(repo: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"  # answers as one would: refuses the version question, knows its own name
    old.write_text('#!/bin/sh\ncase "$1" in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac\n', encoding="utf-8")
    old.chmod(0o755)
    done = make(repo, "demo", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "Python 3.9.2; Crossover needs 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_missing_python_is_told_how_to_name_one(repo: Path, tmp_path: Path) -> None:
    done = make(repo, "demo", "PYTHON=no-such-python", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "no-such-python not found; install Python 3.11 or newer" in done.stderr


def test_ci_and_the_hooks_call_the_same_commands(repo: Path) -> None:
    script = repo / ".ci" / "run"
    assert subprocess.run(["bash", "-n", str(script)], check=False, timeout=10).returncode == 0
    assert "make test" in script.read_text(encoding="utf-8").splitlines()[-1]
    hooks = (repo / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"entry: (.+)", hooks) == ["make lint", "make test"]


@pytest.mark.parametrize(
    ("app", "words", "said"),
    [
        (advisor.cli.app, ["vrm", "llama-3-8b"], "no such command or file 'vrm'. Did you mean 'vram'?"),
        (runner.cli.app, ["reprot", "out"], "no such command or file 'reprot'. Did you mean 'report'?"),
        (advisor.cli.app, ["vrm.yaml"], "vrm.yaml:1 the file cannot be read"),  # a name with an ending is a file's
    ],
)
def test_a_misspelt_command_is_told(app: Typer, words: list[str], said: str) -> None:
    found = CliRunner().invoke(app, words)
    assert found.exit_code != 0
    assert said in " ".join(found.output.replace("│", " ").split())


def test_a_file_named_like_a_command_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vrm").write_text("name: x\n", encoding="utf-8")
    assert "vrm:1" in CliRunner().invoke(advisor.cli.app, ["vrm"]).output
