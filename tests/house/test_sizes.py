"""Rule: one function, one screen; a file is read in one sitting.

A function's length is its lines from `def` to its last, its docstring not counted: explaining is free.
"""

import ast
from collections.abc import Callable
from math import ceil
from pathlib import Path

import pytest

FILE_LINES = 300
FUNCTION_LINES_P90 = 25
FUNCTION_LINES = 50
ENGINE_FUNCTION_LINES = 80

Function = ast.FunctionDef | ast.AsyncFunctionDef


def docstring_lines(function: Function) -> int:
    first = function.body[0]
    return (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function) is not None else 0


def function_lines(text: str) -> dict[str, int]:
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, Function)]
    return {
        f"{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
        for node in functions
    }


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("def one(): return 1\n", {"1 one": 1}),
        (
            'def two():\n    """Say.\n\n    More.\n    """\n    return 2\n',
            {"1 two": 2},
        ),  # 6 lines less a docstring of 4
        ("@wrap\ndef three(\n    a,\n): return a\n", {"2 three": 3}),  # the decorator is not part of it
        (
            "class A:\n    def four(self):\n        # why\n\n        return 4\n",
            {"2 four": 4},
        ),  # comments and blanks are
    ],
)
def test_how_lines_are_counted(text: str, lines: dict[str, int]) -> None:
    assert function_lines(text) == lines


def test_no_function_is_longer_than_a_screen(product: dict[str, str]) -> None:
    too_long: list[str] = []
    for name, text in product.items():
        limit = ENGINE_FUNCTION_LINES if name.startswith("runner/engines/") else FUNCTION_LINES
        too_long += [
            f"{name}:{at} has {n} lines, not over {limit}" for at, n in function_lines(text).items() if n > limit
        ]
    assert not too_long, "\n".join(too_long)


def test_nine_functions_in_ten_are_short(product: dict[str, str]) -> None:
    counts = sorted((n, f"{name}:{at}") for name, text in product.items() for at, n in function_lines(text).items())
    lines, at = counts[ceil(0.9 * len(counts)) - 1]
    longest = "\n".join(f"{n:4} {where}" for n, where in reversed(counts[-20:]))
    assert lines <= FUNCTION_LINES_P90, f"p90 is {lines} at {at}; the longest:\n{longest}"


def test_no_file_is_too_long(repo: Path, walk: Callable[..., list[Path]]) -> None:
    files = walk("pricing", "advisor", "runner", "tests", "scenarios", "benchmarks", suffixes=(".py",))
    counts = {path.relative_to(repo).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    too_long = [
        f"{name} has {lines} lines, not over {FILE_LINES}" for name, lines in counts.items() if lines > FILE_LINES
    ]
    assert not too_long, "\n".join(too_long)
