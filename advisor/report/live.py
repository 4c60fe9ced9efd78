"""The advice as a program: its figures in an order in which each comes after its inputs, each with its text.

The same lines make the spreadsheet's cells and the page's script, which differ only in how a value is referred to.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from advisor.advice import Advice, FigureRecord
from advisor.advice_model import ModelPart
from advisor.report.expressions import EXPRESSIONS, LEVEL_EXPRESSIONS, Reference

Shape = Literal["one", "months", "levels"]


class Line(NamedTuple):
    """One figure: its text by referring to its inputs, or no text: a leaf, or a formula that cannot be computed there.

    `texts` has one text, or one a level.
    """

    name: str
    figure: FigureRecord
    shape: Shape
    texts: Callable[[Callable[[str], Reference]], tuple[str, ...]] | None


def shape(figure: FigureRecord) -> Shape:
    """Return whether a figure is one number, one a month, or one a level of a duration curve."""
    if not isinstance(figure.value, list):
        return "one"
    return "levels" if figure.note in LEVEL_EXPRESSIONS or not figure.inputs else "months"


def texts_of(figure: FigureRecord) -> Callable[[Callable[[str], Reference]], tuple[str, ...]] | None:
    """Return what writes a figure's formula, or None where we have no text for it."""
    if not figure.inputs or (figure.note not in EXPRESSIONS and figure.note not in LEVEL_EXPRESSIONS):
        return None

    def write(refer: Callable[[str], Reference]) -> tuple[str, ...]:
        references = {parameter: refer(below) for parameter, below in figure.inputs.items()}
        if figure.note in LEVEL_EXPRESSIONS:
            return tuple(text.format_map(references) for text in LEVEL_EXPRESSIONS[figure.note])
        made = EXPRESSIONS[figure.note]
        return (made(references) if callable(made) else made.format_map({**references, "m": refer(MONTH)}),)

    return write


MONTH = ":month"
"""Asks a target for the number of the month, from 0; no figure has this name."""


def order(figures: Mapping[str, FigureRecord]) -> Iterator[str]:
    """Yield every figure's name after those of its inputs."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in seen:
            return
        seen.add(name)
        for below in figures[name].inputs.values():
            yield from visit(below)
        yield name

    for name in figures:
        yield from visit(name)


def lines(advice: Advice) -> list[Line]:
    """Return every figure of the advice as a line, inputs first."""
    figures = advice.figures
    return [Line(name, figures[name], shape(figures[name]), texts_of(figures[name])) for name in order(figures)]


def held(program: list[Line]) -> list[str]:
    """Return the names of derived figures that cannot be computed again and keep their value."""
    return [line.name for line in program if line.figure.inputs and line.texts is None]


def is_input(line: Line) -> bool:
    """Say whether a reader may set this number: a single one, and not derived."""
    return line.shape == "one" and not line.figure.inputs


class Decision(NamedTuple):
    """One step from money to the verdict: its name, what it means, and its text."""

    name: str
    says: str
    text: str


def decisions(model: ModelPart, now: Callable[[str], str], low: Callable[[str], str]) -> list[Decision]:
    """Return the steps from lifetime costs to the ladder's place; `now` and `low` refer to a road's lifetime cost.

    `low` is the cost at the low end of the stated volume, with cards bought for the whole of it. Later steps are
    referred to by name in braces.
    """
    hosted = [now(key) for key in model.equal]
    own = [now(key) for key in model.trained]
    vendor = f"MIN({','.join(now(key) for key in model.vendor)})" if model.vendor else None
    own_low, hosted_low = low(model.trained[-1]), f"MIN({','.join(low(key) for key in model.equal)})"
    for key in reversed(model.trained[:-1]):
        own_low = f"IF({now(key)}<={{own}},{low(key)},{own_low})"
    smaller = now(model.smaller) if model.smaller else None
    saves = f"IF(1-{smaller}/{now(model.today)}>={model.margin_share!r},1,0)"
    steps = (
        ("hosted", "cheapest hosted road of equal quality, USD", f"MIN({','.join(hosted)})"),
        ("own", "cheapest road that trains, USD", f"MIN({','.join(own)})"),
        ("saving", "share of the hosted cost saved by training", "1-{own}/{hosted}"),
        ("saving_low", "the same at the low end of the stated volume", f"1-{own_low}/{hosted_low}"),
        (
            "volume",
            "does the volume justify it: 0 no, 1 unknown, 2 yes",
            f"IF({{saving}}<{model.margin_share!r},0,IF({{saving_low}}<0,1,2))",
        ),
        ("strict", "saves the stricter margin", f"IF({{saving}}>={model.strict_margin_share!r},1,0)"),
        (
            "lever",
            "a hosted lever saves the margin",
            f"IF(1-{{hosted}}/{now(model.today)}>={model.margin_share!r},1,0)",
        ),
        (
            "smaller",
            "the cheapest lever is the smaller model",
            f"IF({smaller}<={{hosted}},1,0)" if model.smaller in model.equal else "0",
        ),
        (
            "untested",
            "an untested smaller model would save the margin",
            saves if smaller and model.smaller_untested else "0",
        ),
        (
            "vendor",
            "the cheapest road that trains is a vendor's",
            f"IF({vendor}<={{own}},1,0)" if vendor else "0",
        ),
        (
            "place",
            "place in the ladder's table",
            "32*{volume}+16*{strict}+8*{lever}+4*{smaller}+2*{untested}+{vendor}",
        ),
    )
    return [Decision(*step) for step in steps]
