"""Charts in letters, for a terminal, a pipe or a log: cost by month, where a road is cheaper, what moves the saving.

Plain characters only, no colour, as wide as asked; every chart has its numbers beside it.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from math import log10
from typing import Final

from advisor.advice import Advice, OptionRecord
from advisor.report import words
from advisor.report.months import bill, by_month
from advisor.report.summary import weighed

ROWS: Final = 10
MARGIN: Final = 11
"""Columns left of the plot: an amount of nine characters, and the axis."""
LETTERS: Final = "ABC"
BOTH: Final = "*"
AROUND: Final = 30
"""Volumes are shown from a thirtieth of today's to thirty times it, as the page's sweep has them."""
MOVERS_SHOWN: Final = 8
LEAST_SHARE: Final = 0.01
"""Of the widest bar: what is narrower shows as a point and tells nothing."""
NAME: Final = 34
"""Columns for the name of an input or a road; a longer one loses its end."""
SPAN: Final = 20
"""Columns for two amounts and what stands between them."""
Series = list[float]


def drawn_roads(advice: Advice) -> list[OptionRecord]:
    """Return the roads that are drawn: the cheapest hosted one of equal quality, the cheapest that trains, today's."""
    hosted, trained = weighed(advice)
    today = [option for option in advice.options if advice.model and option.key == advice.model.today]
    found = [*hosted[:1], *trained[:1], *today]
    return list({option.key: option for option in found}.values())


def cumulative(advice: Advice, option: OptionRecord) -> Series:
    """Return what a road has cost after 0, 1, 2 ... months, USD."""
    return list(accumulate(bill(advice, option.key), initial=option.upfront_usd))


def at(series: Series, months: float) -> float:
    """Return a road's cost after so many months, between two by a straight line."""
    whole = min(int(months), len(series) - 2)
    return series[whole] + (series[whole + 1] - series[whole]) * (months - whole)


def crossed(one: Series, other: Series) -> Iterator[float]:
    """Yield the months after which one road has cost as much as the other, having cost more or less before."""
    gaps = [a - b for a, b in zip(one, other, strict=True)]
    for month, (before, after) in enumerate(pairwise(gaps)):
        if before and before * after <= 0 and before != after:
            yield month + before / (before - after)


def cell_rows(curves: Sequence[Series], columns: int) -> list[list[str]]:
    """Return the plot, top row first: each road's letter where its cost lies, `*` where two fall together."""
    most = max(max(curve) for curve in curves) or 1.0
    last = min(len(curve) for curve in curves) - 1
    plot = [[" "] * columns for _ in range(ROWS)]
    for letter, curve in zip(LETTERS, curves, strict=False):
        for column in range(columns):
            value = at(curve, last * column / (columns - 1))
            row = ROWS - 1 - round((ROWS - 1) * max(value, 0.0) / most)
            plot[row][column] = letter if plot[row][column] == " " else BOTH
    return plot


def cost_chart(advice: Advice, width: int) -> str:
    """Return cost by month of the roads that the verdict weighs, and in which month they have cost the same."""
    roads = drawn_roads(advice)
    curves = [cumulative(advice, option) for option in roads]
    if len(roads) < 2 or min(map(len, curves)) < 2:
        return ""
    columns = width - MARGIN - 1
    most = max(max(curve) for curve in curves)
    labels = {0: most, ROWS // 2: most * (ROWS - 1 - ROWS // 2) / (ROWS - 1), ROWS - 1: 0.0}
    lines = [f"Cost by month, added up, {advice.currency}"]
    for row, cells in enumerate(cell_rows(curves, columns)):
        label = words.money(labels[row], "", advice.usd_rate).strip() if row in labels else ""
        lines.append(f"{label:>{MARGIN - 2}} |{''.join(cells)}".rstrip())
    ends = f"{advice.horizon_months:g} months"
    lines.append(f"{'':>{MARGIN - 2}} +{'-' * columns}")
    lines.append(f"{'':>{MARGIN}}0{ends:>{columns - 1}}")
    lines += [f"  {letter} {option.title}" for letter, option in zip(LETTERS, roads, strict=False)]
    met = ", ".join(f"{month:.1f}" for month in crossed(curves[0], curves[1]))
    lines.append(f"  A and B have cost the same after {met} months." if met else "  A and B never cost the same.")
    return "\n".join(lines)


def volume_chart(advice: Advice, width: int) -> str:
    """Return the volumes at which each road is cheaper than today's, the volume now, and its stated range."""
    if advice.model is None or not advice.crossovers:
        return ""
    volume = advice.figures[advice.model.volume]
    now = by_month(volume)[0]
    low, high = (now if end is None else end for end in (volume.low, volume.high))
    starts = [record.cheaper_between[0][0] for record in advice.crossovers if record.cheaper_between]
    first = log10(min(low, now / AROUND, *starts))
    last = log10(max(high, now * AROUND, *(start * 2 for start in starts)))
    columns = width - NAME - 2

    def column(tasks: float) -> int:
        return round((columns - 1) * (log10(max(tasks, 10.0**first)) - first) / (last - first))

    lines = ["Tasks a month: = a road is cheaper than today's, ^ now, < > the stated range"]
    for record in advice.crossovers:
        cells = ["."] * columns
        for start, stop in record.cheaper_between:
            begin, end = column(start), columns if stop is None else column(min(stop, 10.0**last))
            cells[begin:end] = "=" * (end - begin)
        lines.append(f"  {record.option[: NAME - 1]:<{NAME}}{''.join(cells)[:columns]}".rstrip())
    marks = [" "] * columns
    for tasks, sign in ((low, "<"), (high, ">"), (now, "^")):
        marks[column(tasks)] = sign
    lines.append(f"  {'':<{NAME}}{''.join(marks)}".rstrip())
    ends = f"{words.significant(10.0**last)}"
    lines.append(f"  {'':<{NAME}}{words.significant(10.0**first):<{columns - len(ends)}}{ends}")
    return "\n".join(lines)


def tornado(advice: Advice, width: int) -> str:
    """Return what moves the saving most, each input alone, as bars with a line at no saving."""
    inputs = advice.uncertainty.inputs if advice.uncertainty else ()
    ends = [(one.name, one.saving_at_low_usd, one.saving_at_high_usd) for one in inputs]
    moved = [(name, min(one, other), max(one, other)) for name, one, other in ends]
    least = max((high - low for _, low, high in moved), default=0.0) * LEAST_SHARE
    shown = [row for row in moved if row[2] - row[1] > least][:MOVERS_SHOWN]
    if not shown:
        return ""
    first, last = min(0.0, *(low for _, low, _ in shown)), max(0.0, *(high for _, _, high in shown))
    columns = width - NAME - SPAN - 4

    def column(saving: float) -> int:
        return round((columns - 1) * (saving - first) / (last - first))

    lines = [f"What moves the saving, each range alone, {advice.currency}; | is no saving"]
    for name, low, high in shown:
        cells = [" "] * columns
        begin, end = column(low), column(high) + 1
        cells[begin:end] = "#" * (end - begin)
        if cells[column(0.0)] == " " or low < 0 < high:
            cells[column(0.0)] = "|"
        span = words.span(low, high, advice.usd_rate)
        lines.append(f"  {name[-NAME + 1 :]:<{NAME}}{''.join(cells)}  {span:>{SPAN}}".rstrip())
    return "\n".join(lines)


def charts(advice: Advice, width: int) -> list[str]:
    """Return every chart that this advice has something for."""
    made = (draw(advice, width) for draw in (cost_chart, volume_chart, tornado))
    return [f"{chart}\n" for chart in made if chart]
