"""The tree of one number down to its leaves, as text."""

from collections.abc import Mapping

from advisor.advice import FigureRecord
from advisor.report import words


def explain(figures: Mapping[str, FigureRecord], name: str, depth: int = 0, parameter: str = "") -> list[str]:
    """Return one line a figure, indented by depth; `name` must be in `figures`."""
    figure = figures[name]
    called = f"{parameter} = " if parameter else ""
    head = f"{'  ' * depth}{called}{name}: {words.spoken(figure.value, figure.unit)} [{words.letter(figure)}]"
    lines = [f"{head}  {words.origin(figure)}"]
    for below, child in figure.inputs.items():
        lines += explain(figures, child, depth + 1, below)
    return lines


def named(figures: Mapping[str, FigureRecord], asked: str) -> list[str]:
    """Return the figure of that name, else every figure that holds the text in its name."""
    return [asked] if asked in figures else sorted(name for name in figures if asked in name)
