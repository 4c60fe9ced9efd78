"""YAML text to plain values with a line for each, and the faults that make it unreadable; touches no disk.

Rule 1  A number stays the text it was written as until it is an exact Decimal.
Rule 2  A name that stands twice, an empty value and a tag are faults, and reading goes on behind them.
Rule 3  Size, depth and the number of values behind aliases are bounded, so that no file can exhaust the reader.
"""

import warnings
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError

from advisor.quantity import read_number

Path: TypeAlias = tuple[str | int, ...]

LARGEST_BYTES: Final = 262_144  # a scenario with every field and a hundred trials takes about 10 kB
MOST_VALUES: Final = 20_000  # the same scenario has a few hundred
DEEPEST: Final = 12  # the deepest field lies at 5
LONGEST_SHOWN: Final = 60  # characters of a value that a fault repeats
OWN_TAGS: Final = "tag:yaml.org,2002:"
EMPTY: Final = {"", "~", "null", "Null", "NULL"}
BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong with a file: where, what was found, what was wanted, and what to do next."""

    line: int
    path: str
    found: str
    wanted: str
    next_step: str
    file: str = "scenario.yaml"

    def __str__(self) -> str:
        """Return the one line a terminal shows."""
        return f"{self.file}:{self.line}  {self.path} {self.found}; wanted {self.wanted}; {self.next_step}"


@dataclass(slots=True)
class Tree:
    """Plain values (str, bool, Decimal, list, dict), the line of each path, its text as written, and the faults."""

    file: str
    values: Any = None
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    texts: dict[Path, str] = field(default_factory=dict[Path, str])
    faults: list[Fault] = field(default_factory=list[Fault])
    faulty: set[Path] = field(default_factory=set[Path])

    def fault(self, path: Path, found: str, wanted: str, next_step: str, line: int | None = None) -> None:
        """Note a fault at `path`, or on `line` where the path has none of its own."""
        where = self.line_of(path) if line is None else line
        self.faulty.add(path)
        self.faults.append(Fault(where, dotted(path), found, wanted, next_step, self.file))

    def line_of(self, path: Path) -> int:
        """Return the line of `path`, or of the nearest part above it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class TooMuchError(ValueError):
    """The file says more, or deeper, than any scenario; raised to stop reading at once."""


def dotted(path: Path) -> str:
    """Return a path as a reader writes it: `evidence.prompting[0].n`; the whole file is `the file`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST_SHOWN]}" for part in path)
    return text.lstrip(".") or "the file"


def quote(text: str) -> str:
    """Return text in quotes, on one line, cut where it is long, without characters a terminal acts on."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f'"{clean[:LONGEST_SHOWN]}…"' if len(clean) > LONGEST_SHOWN else f'"{clean}"'


def parse(text: str, file: str) -> Tree:
    """Return the tree of a YAML text; what cannot be read at all is a fault of the tree, never an exception."""
    tree = Tree(file)
    node = compose(text, tree)
    if node is None:
        return tree
    try:
        tree.values = visit(node, (), tree, [0])
    except TooMuchError as error:
        tree.fault((), str(error), "a scenario", "write it out without aliases, one value a line")
        tree.values = None
        return tree
    if not isinstance(tree.values, dict) and not tree.faults:
        tree.fault((), "is no mapping", "fields such as name: and task:", "start from an example in scenarios/")
    return tree


def compose(text: str, tree: Tree) -> Any:
    """Return the root node of the text, or None after noting why there is none."""
    control = next((place for place, letter in enumerate(text) if ord(letter) < 32 and letter not in "\t\n\r"), None)
    if control is not None:
        found = f"holds the control character {ord(text[control]):#04x}"
        tree.fault((), found, "text", "save the file as UTF-8 text", text.count("\n", 0, control) + 1)
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ReusedAnchorWarning)
            reader: Any = YAML(typ="safe", pure=True)
            node: Any = reader.compose(text)
    except MarkedYAMLError as error:
        problem: Any = error
        mark = problem.problem_mark or problem.context_mark
        note_syntax(tree, str(problem.problem or problem.context), mark.line + 1 if mark else 1)
    except (YAMLError, ReusedAnchorWarning) as error:
        tree.fault((), "is not YAML", "YAML", " ".join(str(error).split())[:200])
    except RecursionError:
        tree.fault((), "is nested too deep", "a scenario", "write it flat: no field lies deeper than five levels")
    else:
        if node is None:
            tree.fault((), "is empty", "a scenario", "start from an example in scenarios/")
        return node
    return None


def note_syntax(tree: Tree, problem: str, line: int) -> None:
    """Note a YAML syntax fault with the step that most often cures it."""
    if "\\t" in problem or "tab" in problem:
        tree.fault((), "is indented with a tab", "spaces", "replace each tab by two spaces", line)
    elif "mapping values are not allowed" in problem:
        tree.fault((), "has a second colon in one value", "one value", "put the text in quotes", line)
    else:
        tree.fault((), f"is not YAML here: {problem}", "YAML", "check quotes, brackets and indentation above", line)


def visit(node: Any, path: Path, tree: Tree, seen: list[int]) -> Any:
    """Return the plain value of a node and note line, text and faults of all below it; `seen` counts the values."""
    seen[0] += 1
    if seen[0] > MOST_VALUES or len(path) > DEEPEST:
        message = f"holds more than {MOST_VALUES:_} values or lies deeper than {DEEPEST} levels"
        raise TooMuchError(message)
    tree.lines.setdefault(path, node.start_mark.line + 1)
    if is_tagged(node):
        tree.fault(path, f"has the tag {quote(str(node.tag))}", "plain values", "remove the tag")
        return None
    if node.id == "mapping":
        return visit_mapping(node, path, tree, seen)
    if node.id == "sequence":
        return [visit(item, (*path, place), tree, seen) for place, item in enumerate(node.value)]
    return visit_scalar(node, path, tree)


def is_tagged(node: Any) -> bool:
    """Return True for a node that carries a tag in the text; the reader decides the type of all others."""
    return node.ctag.handle is not None or not str(node.tag).startswith(OWN_TAGS)


def visit_mapping(node: Any, path: Path, tree: Tree, seen: list[int]) -> dict[str, Any]:
    """Return the mapping; a name that is no plain text, or that stands twice, is a fault and keeps its first value."""
    values: dict[str, Any] = {}
    for key, below in node.value:
        line = key.start_mark.line + 1
        if key.id != "scalar":
            tree.fault(path, "has a name that is no word", "names of fields", "write name: value", line)
            continue
        here = (*path, key.value)
        if key.value in values:
            found = f"stands twice, first on line {tree.lines[here]}"
            tree.faults.append(Fault(line, dotted(here), found, "each name once", "remove one", tree.file))
            continue
        tree.lines[here] = line
        values[key.value] = visit(below, here, tree, seen)
    return {name: value for name, value in values.items() if value is not None}


def visit_scalar(node: Any, path: Path, tree: Tree) -> Any:
    """Return text, bool or exact number; an empty value is a fault and None."""
    text = str(node.value)
    tree.texts[path] = text
    if node.style is not None:
        return text
    if text in EMPTY:
        tree.fault(path, "is empty", "a value", "write unknown, or leave the line out")
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    number = read_number(text)
    return text if number is None else number
