"""Rule: what is public explains itself, errors are errors, and nothing names the machine it was written on."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

FOLDERS = ("pricing", "advisor", "runner", "tests", "scenarios", "benchmarks", ".ci")
TOP_FILES = ("README.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "constraints.txt", ".pre-commit-config.yaml")
TEXT = (".py", ".md", ".toml", ".yaml", ".yml", ".csv", ".txt", ".json", ".jsonl", ".jinja", "")
VOCABULARY = "base_model/tokenizer"  # a tokenizer's files list pieces of whatever text it was trained on

# Each pattern is put together here, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.:/<>~)-])/(?:" + "|".join(["work", "root", "home/[a-z]+", "Users/[a-z]+"]) + r")/"
    ),
    "a package index": re.compile(
        "|".join(["index" + "-url", "find" + "-links", "python" + "hosted", "download[.]py" + "torch"])
    ),
}
IN_PRODUCT_ONLY = re.compile(r"(?<![\w.:/<>~)-])/tmp" + "/")


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Named]]:
    for node in body:
        if isinstance(node, Named) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def undocumented(text: str) -> list[str]:
    return [name for name, node in public(ast.parse(text).body) if not (ast.get_docstring(node) or "").strip()]


def bare_asserts(text: str) -> list[int]:
    return [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]


def test_what_counts_as_undocumented() -> None:
    text = 'class A:\n    """Say."""\n    def b(self): pass\n    def _c(self): pass\ndef d():\n    """ """\n'
    assert undocumented(text) == ["A.b", "d"]


def test_what_counts_as_a_bare_assert() -> None:
    assert bare_asserts("def f(x):\n    assert x\n    return x\n") == [2]


def test_every_public_name_has_a_docstring(product: dict[str, str]) -> None:
    missing = [f"{path}: {name}" for path, text in product.items() for name in undocumented(text)]
    assert not missing, "\n".join(missing)


def test_no_error_is_left_to_an_assert(product: dict[str, str]) -> None:
    found = [f"{path}:{line}" for path, text in product.items() for line in bare_asserts(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("open('/wo" + "rk/x')", "a path of one machine"),
        ("DATA=/ro" + "ot/.cache", "a path of one machine"),
        ("https://example.org/wo" + "rk/x", None),
        ("the frame/wo" + "rk/x", None),
        ("pip install --index" + "-url x", "a package index"),
    ],
)
def test_what_counts_as_naming_a_machine(text: str, found: str | None) -> None:
    assert next((what for what, pattern in FORBIDDEN.items() if pattern.search(text)), None) == found


def test_nothing_names_the_machine_it_was_written_on(repo: Path, walk: Callable[..., list[Path]]) -> None:
    files = [*walk(*FOLDERS, suffixes=TEXT), *(repo / name for name in TOP_FILES)]
    faults: list[str] = []
    for path in files:
        name = path.relative_to(repo).as_posix()
        if VOCABULARY in name:
            continue
        patterns = [*FORBIDDEN.values(), *([] if name.startswith("tests/") else [IN_PRODUCT_ONLY])]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            faults += [f"{name}:{number} {hit.group()}" for pattern in patterns if (hit := pattern.search(line))]
    assert not faults, "\n".join(faults)
