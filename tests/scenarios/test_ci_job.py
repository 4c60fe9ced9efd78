"""The CI job that the README shows: its YAML parses, its steps are sound shell, and its comparison really runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from advisor.diff_markdown import MARK
from advisor.policy_file import read_policy

CI = Path(__file__).resolve().parents[2] / "scenarios" / "ci"


@pytest.fixture(scope="module")
def job():
    return YAML(typ="safe", pure=True).load((CI / "crossover.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def steps(job):
    return {step.get("name", step.get("uses")): step for step in job["jobs"]["advice"]["steps"]}


def test_the_job_asks_for_no_more_rights_than_a_comment_needs(job, steps):
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert list(job["on"]) == ["pull_request"]
    scripts = [step["run"] for step in steps.values() if "run" in step]
    assert all("${{" not in script for script in scripts)  # what others wrote reaches the shell as variables only


def test_every_step_is_sound_shell_and_finds_its_own_comment(steps):
    for step in steps.values():
        if "run" in step:
            done = subprocess.run(["bash", "-n"], input=step["run"], text=True, check=False, timeout=10)
            assert done.returncode == 0, step
    assert f"mark='{MARK}'" in steps["Comment"]["run"]


def test_the_policy_beside_it_is_read(repo):
    assert len(read_policy(CI / "policy.yaml")) == 8


def git(folder, *arguments):
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def checkout(repo, tmp_path):
    """Return a clone of a repository with one scenario and the policy, as a job finds it."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=main")
    scenario = repo / "scenarios" / "worked_example" / "scenario.yaml"
    (origin / "scenario.yaml").write_bytes(scenario.read_bytes())
    (origin / "policy.yaml").write_bytes((CI / "policy.yaml").read_bytes())
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "--message", "scenario")
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    return tmp_path / "clone"


def compare(repo, checkout, script):
    """Run the comparison's own script as the runner does: bash that stops at the first error."""
    program = checkout.parent / "bin"
    program.mkdir()
    start = (
        f"import sys; sys.path.insert(0, {str(repo)!r}); sys.argv[0] = 'advise'; from advisor.cli import main; main()"
    )
    (program / "advise").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n', encoding="utf-8")
    (program / "advise").chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{program}:{os.environ['PATH']}", "BASE": "main", "SCENARIO": "scenario.yaml",
        "POLICY": "policy.yaml", "GITHUB_STEP_SUMMARY": str(checkout.parent / "summary"),
        "GITHUB_OUTPUT": str(checkout.parent / "output"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return (checkout.parent / "output").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        # ten times the tasks at 0.005 USD: 1,800 USD a month more, over the 500 that the policy allows
        ("tasks_per_month: 40_000", "tasks_per_month: 400_000", "max_increase_usd_per_month"),
        ("monthly_bill_usd: 200", "monthly_bill_usd: 201", "required_evidence"),
    ],
)
def test_the_comparison_writes_the_comment_and_the_policys_answer(repo, checkout, steps, before, after, said):
    scenario = checkout / "scenario.yaml"
    text = scenario.read_text(encoding="utf-8")
    assert before in text
    scenario.write_text(text.replace(before, after), encoding="utf-8")
    script = steps["Compare with the base branch"]["run"]
    assert compare(repo, checkout, script) == "status=3"
    comment = (checkout / "out" / "comment.md").read_text(encoding="utf-8")
    assert comment.startswith(MARK)
    refused = next(line for line in comment.splitlines() if "REFUSED" in line).replace("\\", "")
    assert said in refused
    assert before.split(":")[0] in comment.replace("\\", "")
    assert (checkout.parent / "summary").read_text(encoding="utf-8") == comment
