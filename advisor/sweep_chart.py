"""A sweep as a picture: lines of cost over one number, or a map of verdicts over two. SVG, written by hand."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.report.words import significant
from advisor.sweep import Axis, SweepError, Swept

Array = NDArray[np.float64]
WIDTH, HEIGHT = 960, 540  # pixels of a slide, 16 to 9
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 90, 50, 600, 420  # the plot within it; the key stands to its right
TICKS = 5
"""Labels along an axis: enough to read a value from, few enough not to collide."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")
"""Okabe and Ito's eight, which colour-blind readers tell apart (jfly.uni-koeln.de/color)."""
MOST_LINE_POINTS = 600
"""One a pixel of the plot; more do not show."""


class Scale(NamedTuple):
    """From a value to its place between 0 and 1; `log` where values span more than they differ."""

    low: float
    high: float
    log: bool

    def at(self, values: Array) -> Array:
        """Return places between 0 and 1."""
        ends = np.array([self.low, self.high])
        low, high = np.log(ends) if self.log else ends
        seen = np.log(values) if self.log else values
        return (seen - low) / ((high - low) or 1.0)

    def ticks(self) -> Array:
        """Return values to label, the ends among them."""
        return (np.geomspace if self.log else np.linspace)(self.low, self.high, TICKS)


def scale_of(values: Array) -> Scale:
    """Return a scale over the values: logarithmic where all are positive and they span a factor of twenty."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return Scale(low, high, log=low > 0 and high > low * 20)  # twenty: a linear axis would crowd its lower half


def x_of(places: Array) -> Array:
    """Return pixels along the plot."""
    return LEFT + places * PLOT_WIDTH


def y_of(places: Array) -> Array:
    """Return pixels up the plot."""
    return TOP + (1 - places) * PLOT_HEIGHT


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Return one label."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def axes_of(across: Scale, up: Scale, across_name: str, up_name: str) -> list[str]:
    """Return frame, ticks and names of both axes."""
    bottom = TOP + PLOT_HEIGHT
    marks = [text(float(x), bottom + 18, significant(float(value)), "middle")
             for value, x in zip(across.ticks(), x_of(across.at(across.ticks())), strict=True)]  # fmt: skip
    marks += [text(LEFT - 8, float(y) + 4, significant(float(value)), "end")
              for value, y in zip(up.ticks(), y_of(up.at(up.ticks())), strict=True)]  # fmt: skip
    frame = f'<rect x="{LEFT}" y="{TOP}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}" fill="none" stroke="#444"/>'
    names = [text(LEFT + PLOT_WIDTH / 2, bottom + 42, across_name, "middle"), text(LEFT - 60, TOP - 16, up_name)]
    return [frame, *marks, *names]


def key_of(names: Sequence[str]) -> list[str]:
    """Return the key: a coloured square and a name each."""
    found: list[str] = []
    for index, name in enumerate(names):
        y = TOP + 10 + index * 22
        found.append(f'<rect x="{LEFT + PLOT_WIDTH + 20}" y="{y - 10}" width="12" height="12" fill="{colour(index)}"/>')
        found.append(text(LEFT + PLOT_WIDTH + 38, y, name))
    return found


def colour(index: int) -> str:
    """Return the colour of the index-th line or verdict."""
    return COLOURS[index % len(COLOURS)]


def page(parts: Sequence[str], title: str) -> str:
    """Return the whole picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    )
    heading = f'<text x="{LEFT}" y="22" font-size="16">{escape(title)}</text>'
    return "\n".join([head, heading, *parts, "</svg>", ""])


def lines(swept: Swept, axis: Axis, title: str) -> str:
    """Return lifetime cost of every road over one number."""
    costs = {key: row for key, row in swept.lifetime_usd.items() if np.isfinite(row).any()}
    across, up = scale_of(axis.values), scale_of(np.concatenate(list(costs.values())))
    every = max(1, swept.rows // MOST_LINE_POINTS)
    xs = x_of(across.at(swept.points[axis.path][::every]))
    parts = axes_of(across, up, axis.path, "lifetime cost, USD")
    for index, row in enumerate(costs.values()):
        ys = y_of(up.at(row[::every]))
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True) if np.isfinite(y))
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour(index)}" stroke-width="2"/>')
    return page([*parts, *key_of([swept.titles[key] for key in costs])], title)


def tiles(swept: Swept, across: Axis, up: Axis, title: str) -> str:
    """Return a map of verdicts over two numbers, one tile a point."""
    shape = {axis.path: scale_of(axis.values) for axis in (across, up)}
    wide, high = PLOT_WIDTH / across.values.size, PLOT_HEIGHT / up.values.size
    names = list(dict.fromkeys(swept.verdicts))
    columns = np.searchsorted(across.values, swept.points[across.path])
    rows = np.searchsorted(up.values, swept.points[up.path])
    parts = [
        f'<rect x="{LEFT + column * wide:.2f}" y="{TOP + PLOT_HEIGHT - (row + 1) * high:.2f}" width="{wide + 0.1:.2f}" '
        f'height="{high + 0.1:.2f}" fill="{colour(names.index(verdict))}"/>'
        for column, row, verdict in zip(columns.tolist(), rows.tolist(), swept.verdicts, strict=True)
    ]
    framed = axes_of(shape[across.path], shape[up.path], across.path, up.path)
    return page([*parts, *framed, *key_of([name.replace("_", " ") for name in names])], title)


def chart(swept: Swept, axes: Sequence[Axis], title: str) -> str:
    """Return the sweep as SVG; raises SweepError for more numbers than a picture has sides."""
    varied = [axis for axis in axes if axis.values.size > 1]
    if len(varied) == 1:
        return lines(swept, varied[0], title)
    if len(varied) == 2:
        across, up = varied
        return tiles(swept, across, up, title)
    message = (
        f"a chart has one or two numbers that vary, not {len(varied)}; leave --out .svg out, or set the others fixed"
    )
    raise SweepError(message)
