"""The tree of one number down to its leaves, as text."""

from collections.abc import Iterator, Mapping

from advisor.advice import FigureRecord
from advisor.report import words


def explain(figures: Mapping[str, FigureRecord], name: str) -> list[str]:
    """Return one line a figure, indented by depth; a sub-tree is shown once, then referred to."""
    return list(branch(figures, name, 0, "", set()))


def branch(figures: Mapping[str, FigureRecord], name: str, depth: int, parameter: str, seen: set[str]) -> Iterator[str]:
    """Yield the lines of a figure and of what it rests on; `name` must be in `figures`."""
    figure = figures[name]
    called = f"{parameter} = " if parameter else ""
    head = f"{'  ' * depth}{called}{name}: {words.spoken(figure.value, figure.unit)} [{words.letter(figure)}]"
    if name in seen and figure.inputs:
        yield f"{head}  as above"
        return
    seen.add(name)
    yield f"{head}  {words.origin(figure)}"
    for below, child in figure.inputs.items():
        yield from branch(figures, child, depth + 1, below, seen)


def named(figures: Mapping[str, FigureRecord], asked: str) -> list[str]:
    """Return the figure of that name, else every figure that holds the text in its name."""
    return [asked] if asked in figures else sorted(name for name in figures if asked in name)
