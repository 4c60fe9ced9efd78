"""Rule: a statement that nothing runs will rot. The README's tree, its commands and its Python are checked here."""

import os
import re
import shlex
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_examples import EvalExample, find_examples

PACKAGES = ("pricing", "advisor", "runner")
SCRIPTS = {"advise": "advisor", "run": "runner", "prices": "pricing"}
UNLISTED = {"__pycache__", "build", "dist", "out", "runs", "crossover.egg-info"}  # made, not written: see .gitignore

# What a surrounding make or CI would change in a command's output.
FROM_OUTSIDE = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "FORCE_COLOR", "GITHUB_ACTIONS"}

# Commands that train or check for minutes, or need what those leave behind. They are not run here: that the command
# exists, and knows each option shown, is checked instead.
NOT_RUN = ("make demo", "make test", "run ")
# The exit code of a command that does not answer 0, with the beginning of the command as the README shows it.
EXIT_CODES: dict[str, int] = {}


class Console(NamedTuple):
    """One `$ ` line and the output shown below it."""

    command: str
    output: str


@pytest.fixture(scope="module")
def readme(repo: Path) -> str:
    return (repo / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def tree_of(text: str) -> set[str]:
    """Return every path in the block headed `crossover/`: one entry a line, its name first, depth by indentation."""
    block = next(block for block in blocks(text, "text") if block.startswith("crossover/"))
    paths: set[str] = set()
    above: list[tuple[int, str]] = []
    for line in block.splitlines()[1:]:
        entry = re.match(r"[\s│├└─|`+-]*(?=[\w.])", line)
        if entry is None:
            continue
        indent, name = entry.end(), line[entry.end() :].split()[0]
        above = [(column, path) for column, path in above if column < indent]
        path = (above[-1][1] if above else "") + name
        paths.add(path)
        above.append((indent, path))
    return paths


def tree_faults(shown: set[str], repo: Path) -> list[str]:
    """Return what is shown and does not exist, and what exists and is not shown."""
    faults = [f"{path} is shown but does not exist" for path in shown if not exists(repo, path)]
    there = {name(path) for path in repo.iterdir() if path.name[0] != "." and path.name not in UNLISTED}
    for folder in {path for path in shown if path.endswith("/")} | {f"{package}/" for package in PACKAGES}:
        if folder.split("/")[0] in PACKAGES and (opened(shown, folder) or folder.count("/") == 1):
            there |= {f"{folder}{name(path)}" for path in (repo / folder).iterdir() if is_module(path)}
    return sorted(faults + [f"{path} exists but is not shown" for path in there - shown])


def exists(repo: Path, path: str) -> bool:
    return (repo / path).is_dir() if path.endswith("/") else (repo / path).is_file()


def name(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name


def opened(shown: set[str], folder: str) -> bool:
    return any(path.startswith(folder) and path != folder for path in shown)


def is_module(path: Path) -> bool:
    if path.is_dir():
        return path.name not in UNLISTED
    return path.suffix == ".py" and path.name != "__init__.py"


def consoles(text: str) -> list[Console]:
    found: list[Console] = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            found.append(Console(command.partition("  #")[0].strip(), output))
    return found


def shell(repo: Path, command: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """Run a command as typed in a pipe; a console script by its function, so that it need not be installed."""
    program, *arguments = shlex.split(command)
    start = f"import sys; from {SCRIPTS.get(program)}.cli import main; sys.argv[0] = {program!r}; sys.exit(main())"
    wanted = [sys.executable, "-c", start] if program in SCRIPTS else [program]
    kept = {key: value for key, value in os.environ.items() if key not in FROM_OUTSIDE}
    environment = {**kept, "COLUMNS": str(columns), "NO_COLOR": "1"}
    command_line = [*wanted, *arguments]
    return subprocess.run(
        command_line, cwd=repo, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def command_faults(repo: Path, line: Console) -> list[str]:
    """Return what differs between a command as shown and as it behaves; output shown may leave parts out with `...`."""
    if line.command.startswith("make "):
        done = shell(repo, f"{line.command} --dry-run")
        return [f"{line.command}: {done.stderr}"] if done.returncode else []
    if line.command.startswith(NOT_RUN):
        program, word = line.command.split()[:2]
        command = word if word in ("report", "ledger", "review", "ab") else "plan"
        told = shell(repo, f"{program} {command} --help", columns=160).stdout
        options = re.findall(r"(?<!\S)--[\w-]+", line.command)
        return [f"{line.command}: --help does not know {option}" for option in options if option not in told]
    code = next((code for start, code in EXIT_CODES.items() if line.command.startswith(start)), 0)
    done = shell(repo, line.command)
    if done.returncode != code:
        return [f"{line.command}: exit {done.returncode}, not {code}: {done.stderr}"]
    same = OutputChecker().check_output(line.output, done.stdout, ELLIPSIS | NORMALIZE_WHITESPACE)
    return [] if same or not line.output.strip() else [f"{line.command}: prints\n{done.stdout}\nand not\n{line.output}"]


def test_how_a_tree_is_read(tmp_path: Path) -> None:
    text = "```text\ncrossover/\n├── pricing/  what it costs\n│   └── figure.py   a number\n└── LICENSE\n```\n"
    assert tree_of(text) == {"pricing/", "pricing/figure.py", "LICENSE"}
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    (tmp_path / "pricing" / "figure.py").touch()
    (tmp_path / "pricing" / "units.py").touch()
    assert tree_faults(tree_of(text), tmp_path) == [
        "LICENSE is shown but does not exist",
        "advisor/ exists but is not shown",
        "pricing/units.py exists but is not shown",
        "runner/ exists but is not shown",
    ]


def test_how_a_console_block_is_read() -> None:
    text = "```console\n$ make demo   # a few minutes\n$ prices list --kind gpu\nL4  0.70\n...\n```\n"
    assert consoles(text) == [Console("make demo", ""), Console("prices list --kind gpu", "L4  0.70\n...\n")]


def test_what_counts_as_a_wrong_command(repo: Path) -> None:
    assert command_faults(repo, Console("echo one two three", "one ... three\n")) == []
    assert "prints" in command_faults(repo, Console("echo one", "two\n"))[0]
    assert "exit 1, not 0" in command_faults(repo, Console("false", ""))[0]
    assert "No rule" in command_faults(repo, Console("make nothing", ""))[0]


def test_the_tree_shows_what_exists_and_nothing_else(repo: Path, readme: str) -> None:
    faults = tree_faults(tree_of(readme), repo)
    assert not faults, "\n".join(faults)


def test_every_command_shown_works_as_shown(repo: Path, readme: str) -> None:
    shown = consoles(readme)
    assert {"make demo", "make test"} <= {line.command for line in shown}
    faults = [fault for line in shown for fault in command_faults(repo, line)]
    assert not faults, "\n".join(faults)


def test_every_python_block_runs_as_shown(repo: Path, eval_example: EvalExample) -> None:
    for example in find_examples(repo / "README.md"):
        eval_example.run_print_check(example)
