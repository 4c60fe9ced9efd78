"""The text of prices.local.yaml to sections of items, each value with its line; touches no disk, keeps numbers as text.

Rule 1  Every fault is noted with its line and reading goes on behind it.
Rule 2  A name that stands twice is a fault; tags, anchors and anything nested deeper than a list of words are too.
"""

from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from pricing.book import Fault

LARGEST_BYTES: Final = 262_144
"""A thousand overrides with their reasons take about 150 kB."""


class Said(NamedTuple):
    """A value as it was written, and its line; `words` where it is a list."""

    text: str
    line: int
    words: tuple[str, ...] = ()


class Item(NamedTuple):
    """One override or one rate of exchange: its first line, and what it says by name."""

    line: int
    says: dict[str, Said]


class LocalTree(NamedTuple):
    """What a file says: single values, rates by currency, and items by section."""

    file: str
    values: dict[str, Said]
    exchange: dict[str, Item]
    sections: dict[str, list[Item]]
    faults: list[Fault]

    def fault(self, line: int, message: str) -> None:
        """Note a fault at a line."""
        self.faults.append(Fault(f"{self.file}:{line}", message))


EXCHANGE: Final = "exchange"


def parse(text: str, file: str, sections: tuple[str, ...], singles: tuple[str, ...]) -> LocalTree:
    """Return what the text says; `sections` hold lists of items, `singles` are values of the whole file."""
    tree = LocalTree(file, {}, {}, {}, [])
    root = _composed(text, tree)
    if root is None:
        return tree
    if not isinstance(root, MappingNode):
        tree.fault(1, f"wanted sections ({', '.join(sections)}), found something else; see pricing/data/README.md")
        return tree
    for name, said, node in _pairs(root, tree):
        if name in singles and isinstance(node, ScalarNode):
            tree.values[name] = Said(_text(node), said.line)
        elif name == EXCHANGE and isinstance(node, MappingNode):
            for code, at, rate in _pairs(node, tree):
                tree.exchange[code.casefold()] = Item(at.line, _says(rate, at.line, tree))
        elif name in sections and isinstance(node, SequenceNode):
            below = [(_line(each), each) for each in _children(node)]
            tree.sections[name] = [Item(line, _says(each, line, tree)) for line, each in below]
        else:
            wanted = f"{', '.join(sections)} (lists), {EXCHANGE} (currencies), {', '.join(singles)}"
            tree.fault(said.line, f"{name!r} is no section, or not of its form; wanted {wanted}")
    return tree


def _composed(text: str, tree: LocalTree) -> Any:
    if len(text) > LARGEST_BYTES:
        tree.fault(1, f"the file is over {LARGEST_BYTES:_} characters; keep to the prices you negotiated")
        return None
    try:
        compose: Any = YAML(typ="safe", pure=True).compose  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        root: Any = compose(text)
    except MarkedYAMLError as error:
        marked: Any = error
        line = marked.problem_mark.line + 1 if marked.problem_mark else 1
        tree.fault(line, f"is not YAML: {marked.problem}; check indentation and quotes")
        return None
    except YAMLError as error:
        tree.fault(1, f"is not YAML: {str(error).splitlines()[0]}; check indentation and quotes")
        return None
    if root is None:
        tree.fault(1, "the file is empty; delete it, or write an override")
    return root


def _line(node: Any) -> int:
    return node.start_mark.line + 1


def _text(node: Any) -> str:
    return str(node.value)


def _children(node: Any) -> list[Any]:
    return list(node.value)


def _pairs(node: Any, tree: LocalTree) -> list[tuple[str, Said, Any]]:
    """Return (name, where, value) of a mapping; a name that stands twice is a fault and counts once."""
    found: dict[str, tuple[str, Said, Any]] = {}
    for key, value in _children(node):
        name = str(key.value)
        if name in found:
            tree.fault(_line(key), f"{name!r} stands twice, first in line {found[name][1].line}; keep one")
        else:
            found[name] = (name, Said(name, _line(key)), value)
    return list(found.values())


def _says(node: Any, line: int, tree: LocalTree) -> dict[str, Said]:
    """Return what one item says; only words, numbers and lists of them are understood."""
    if not isinstance(node, MappingNode):
        tree.fault(line, "wanted an item such as {model: openai/gpt-6-sol, off_percent: 15, because: ...}")
        return {}
    says: dict[str, Said] = {}
    for name, said, value in _pairs(node, tree):
        words = _children(value) if isinstance(value, SequenceNode) else []
        if isinstance(value, ScalarNode):
            says[name] = Said(_text(value), said.line)
        elif isinstance(value, SequenceNode) and all(isinstance(word, ScalarNode) for word in words):
            says[name] = Said("", said.line, tuple(str(word.value) for word in words))
        else:
            tree.fault(said.line, f"{name} holds a section; wanted a word, a number or a list of words")
    return says
