"""How reports of runs read: sections as Markdown or as tables for a terminal. Only here are numbers rounded."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pricing.units import GIB

Report = dict[str, Any]
TERMINAL_COLUMNS = 80  # what a report must fit where nobody says how wide the screen is

SHORT_SECONDS = 10  # below it a tenth of a second is too coarse to compare
TINY_USD = Decimal("0.0001")  # below it, digits after the point read better than an exponent


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, sentences, and a table (no columns: none). The last column takes the room that is left."""

    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def usd(amount: str | float | Decimal | None) -> str:
    """Return money for a reader: cents from a dollar up, else three significant digits."""
    if amount is None:
        return "not known"
    value = Decimal(str(amount))
    if abs(value) >= 1 or value == 0:
        return f"{value:,.2f}"
    return f"{value:.3g}" if abs(value) >= TINY_USD else f"{value:.9f}".rstrip("0")


def signed(amount: str) -> str:
    """Return a difference in money with its sign."""
    return ("+" if Decimal(amount) > 0 else "") + usd(amount)


def quantity(value: float | None, unit: str) -> str:
    """Return an amount in `unit` (a pricing.units id or its label) for a reader."""
    if value is None:
        return "-"
    if unit == "bytes":
        return f"{value / GIB:.2f} GiB"
    if unit in ("usd", "USD"):
        return f"{usd(value)} USD"
    if unit in ("seconds", "s"):
        return f"{value:,.1f} s" if value >= SHORT_SECONDS else f"{value:.3g} s"
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Return a share for a reader."""
    return f"{100 * share:.1f} %"


def interval(found: dict[str, float]) -> str:
    """Return a share with its 95 % interval."""
    return f"{percent(found['value'])} ({percent(found['low'])} to {percent(found['high'])})"


def points(found: dict[str, float]) -> str:
    """Return a difference of shares with its interval."""
    return f"{100 * found['value']:+.1f} points ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def markdown_of(found: Sequence[Section]) -> str:
    """Return sections as Markdown; the first one's title is the page's."""
    parts: list[str] = []
    for level, section in enumerate(found):
        parts.append(f"{'##' if level else '#'} {section.title}\n")
        parts += [f"{cell(sentence)}\n" for sentence in section.sentences]
        if section.rows:
            parts.append(markdown_row(section.columns) + "\n" + markdown_row(["---"] * len(section.columns)))
            parts += [markdown_row(row) for row in section.rows]
            parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def markdown_row(cells: tuple[str, ...] | list[str]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(cell(text) for text in cells) + " |"


def cell(text: str) -> str:
    """Return text that cannot leave its cell or start markup of its own."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def tables_of(found: Sequence[Section], columns: int = TERMINAL_COLUMNS, colour: bool = False) -> str:
    """Return sections as terminal tables no wider than `columns`."""
    from rich import box  # noqa: PLC0415  late: --format json must not pay for it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    out = io.StringIO()
    console = Console(file=out, width=columns, force_terminal=colour, no_color=not colour, highlight=False)
    for section in found:
        console.print(Text(section.title, style="bold"))
        for sentence in section.sentences:
            console.print(Text(sentence))
        if section.rows:
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            for name in section.columns:
                table.add_column(name, overflow="fold", no_wrap=name == "run")  # an id is copied whole or not at all
            for row in section.rows:
                table.add_row(*(Text(text) for text in row))
            console.print(table)
        console.print()
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip() + "\n"
