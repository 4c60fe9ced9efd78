"""The README's tree, made from each module's first sentence: `python -m tests.house.readme_tree` writes it anew."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LONGEST = 88  # characters of a line's text, so that a line of the README stays below 130
OPENED = ("checks", "engines", "report", "sources")  # folders of modules; the others hold data
NOTES = {
    "advisor": "should we? pure formulas, never torch",
    "benchmarks": "scripts that measure, and their dated results",
    "CHANGELOG.md": "what a user sees, by version",
    "checks": "checks of records that advisor and runner share",
    "constraints.txt": "the tested set of packages",
    "data": "tables and texts, with their sources",
    "docs": "screens as they are printed",
    "engines": "the only place that knows torch",
    "LICENSE": "Apache-2.0",
    "Makefile": "demo, test, lint, bench, clean",
    "pricing": "what a number is, and what things cost",
    "pyproject.toml": "package, extras, tools",
    "README.md": "this page",
    "report": "an advice as pages, sheets and rows",
    "runner": "do it, and count what it cost",
    "scenarios": "one folder a story: scenario.yaml, its data, the page it ends in",
    "schema": "JSON Schemas of scenario, mix, advice and plan",
    "sources": "one adapter a public price list",
    "tests": "laws, hand-worked tables, goldens, real runs, and the rules of the house",
}
TOP = (
    "Makefile", "pyproject.toml", "constraints.txt", "README.md", "CHANGELOG.md", "LICENSE", "pricing", "advisor",
    "runner", "scenarios", "docs", "tests", "benchmarks",
)  # fmt: skip


def sentence(module: Path) -> str:
    """Return what a module is for, in one line: its docstring's first sentence, ended at a comma where it is long."""
    text = " ".join((ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    text = re.sub(r"^Edge( file)?[:,]\s*", "edge: ", text)
    parts = re.split(r"(?<=[^.]{3})\. |; ", text, maxsplit=1)
    told = parts[0].rstrip(".")
    while len(told) > LONGEST and (shorter := re.sub(r"(,|:| -| \() ?[^,:(]*$", "", told)) != told:
        told = shorter
    return told if len(told) <= LONGEST else told[:LONGEST].rsplit(" ", 1)[0]


def below(folder: Path, depth: int) -> Iterator[str]:
    """Return the lines of a package: modules first, then its folders."""
    modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__")
    for path in (*modules, *folders):
        name, told = (f"{path.name}/", NOTES[path.name]) if path.is_dir() else (path.name, sentence(path))
        yield f"{'│   ' * depth}├── {name:<27} {told}".rstrip()
        if path.name in OPENED:
            yield from below(path, depth + 1)


def tree() -> str:
    """Return the block that stands in the README."""
    lines = ["crossover/"]
    for name in TOP:
        path = REPO / name
        if not path.exists():
            continue
        mark = "└──" if name == TOP[-1] else "├──"
        lines.append(f"{mark} {path.name + ('/' if path.is_dir() else ''):<31} {NOTES[name]}")
        if name in ("pricing", "advisor", "runner"):
            lines.extend(below(path, 1))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = REPO / "README.md"
    found = re.split(r"(?<=```text\n)crossover/\n.*?(?=```)", page.read_text(encoding="utf-8"), flags=re.S)
    page.write_text(tree().join(found), encoding="utf-8")
