"""Rule: a command starts light, the advisor never needs torch, and imports point down."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = {"torch", "transformers", "trl", "peft", "bitsandbytes"}
HEAVY = TRAINING | {"accelerate", "datasets", "pandas", "numpy", "httpx", "tiktoken", "rich", "pydantic"}

LIST_MODULES = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""

BLOCKED_PRELUDE = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(TRAINING)}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""

ADVISE = """
from advisor.cli import main
sys.argv = ["advise", *sys.argv[1:]]
sys.exit(main())
"""


def python(repo: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("module", ["pricing.cli", "advisor.cli", "runner.cli"])
def test_importing_a_command_loads_nothing_heavy(repo: Path, module: str) -> None:
    done = python(repo, LIST_MODULES, module)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert module.partition(".")[0] in loaded
    assert sorted(loaded & HEAVY) == []


@pytest.mark.parametrize("package", sorted(TRAINING))
def test_the_block_used_below_blocks(repo: Path, package: str) -> None:
    done = python(repo, f"{BLOCKED_PRELUDE}\nimport {package}")
    assert done.returncode == 1
    assert f"No module named '{package}'" in done.stderr


def test_advise_answers_where_no_training_package_is_installed(repo: Path) -> None:
    scenario = "scenarios/ticket_routing/scenario.yaml"
    done = python(repo, BLOCKED_PRELUDE + ADVISE, scenario, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_imports_point_down(repo: Path) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
