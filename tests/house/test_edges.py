"""Rule: the clock, the network, the screen and the disk live in files named for them; everything else takes arguments.

The disk is watched in pricing and advisor only: the runner's work is on the disk.
"""

import ast
from fnmatch import fnmatch

import pytest

CLOCK = {"date.today", "datetime.now", "datetime.utcnow", "datetime.today"} | {
    f"time.{name}"
    for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "clock_gettime", "sleep")
}
NETWORK = {"httpx", "requests", "socket", "urllib.request", "http.client", "aiohttp"}
SCREEN = {"print", "input", "sys.stdout", "sys.stderr", "sys.stdin"}
DISK = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "os.open", "os.rename", "shutil.copy", "unlink"}

EDGES = {
    "clock": {
        "*/cli*.py": "asks for the day once and hands it down",
        "advisor/machine.py": "times matrix products",
        "runner/clock.py": "is the clock",
        "runner/disk.py": "a lock of another host is judged by its file's age",
        "runner/engines/*.py": "times its own steps",
    },
    "network": {
        "pricing/refresh_fetch.py": "fetches price lists when told to",
        "runner/disk.py": "a lock names its host; nothing is sent",
    },
    "screen": {
        "*/cli*.py": "result on stdout, progress on stderr",
        "*/report/terminal.py": "is the screen",
        "advisor/machine.py": "its timing process answers on stdout",
        "runner/progress.py": "is the progress line",
        "runner/engines/dryrun.py": "a process of its own: question on stdin, answer on stdout",
    },
    "disk": {
        "*/cli*.py": "reads and writes the files named on the command line",
        "*_file.py": "is named for it",
        "*_files.py": "is named for it",
        "pricing/book.py": "price data to table",
        "pricing/places.py": "finds the refreshed book that is in use",
        "advisor/catalog.py": "models, cards and a user's config.json",
        "advisor/checks/records.py": "training data to rows",
    },
}
"""What each part of the world may be touched by, and why there."""


def dotted(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*([node.id] if isinstance(node, ast.Name) else []), *reversed(parts)])


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def touched(text: str) -> dict[str, int]:
    """Return the parts of the world that a module touches, each with the first line that does so."""
    found: dict[str, int] = {}
    for node in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt | ast.expr)):
        names = imported(node)
        parts = {"network": bool(NETWORK & set(names)), "clock": bool(CLOCK & set(names))}
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            name = dotted(node.func if isinstance(node, ast.Call) else node)
            parts["clock"] = name.removeprefix("datetime.") in CLOCK or name in CLOCK
            parts["screen"] = name in SCREEN
            parts["disk"] = name in DISK or name.rpartition(".")[2] in DISK
        for part in (part for part, is_touched in parts.items() if is_touched):
            found[part] = min(found.get(part, node.lineno), node.lineno)
    return found


def allowed(path: str, part: str) -> bool:
    return any(fnmatch(path, pattern) for pattern in EDGES[part])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("import datetime\nx = datetime.date.today()\n", {"clock": 2}),
        ("from time import monotonic\n", {"clock": 1}),
        ("import time\nstart = time.perf_counter\n", {"clock": 2}),
        ("def f(path):\n    return path.read_text()\n", {"disk": 2}),
        ("with open('x') as f:\n    print(f)\n", {"disk": 1, "screen": 2}),
        ("from urllib import request\n", {"network": 1}),
        ("def f(as_of):\n    return as_of.year, 'x'.replace('x', 'y')\n", {}),
    ],
)
def test_what_counts_as_touching_the_world(text: str, parts: dict[str, int]) -> None:
    assert touched(text) == parts


def test_only_the_edges_touch_the_world(product: dict[str, str]) -> None:
    faults = [
        f"{path}:{line} touches the {part}"
        for path, text in product.items()
        for part, line in touched(text).items()
        if not allowed(path, part) and not (part == "disk" and path.startswith("runner/"))
    ]
    assert not faults, "take it as an argument, or name the edge in EDGES:\n" + "\n".join(faults)
