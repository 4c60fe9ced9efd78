"""The parts of a workbook: its formats, its sheets with their footer, and how a formula refers to a figure."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from advisor.advice import Advice

TOP = 4
"""Rows above a sheet's first number: title, what it is, a blank one, and the headers."""
FIRST = 3
"""Columns before a row's values: name, unit, and the formula's name."""


class Book(NamedTuple):
    """The workbook while it is written: its formats, and where each figure stands."""

    book: Any
    title: Any
    head: Any
    note: Any
    number: Any
    share: Any
    entry: Any
    strong: Any


class Cell:
    """How one sheet's formulas refer to a figure: in month `month`, all of it, or one level."""

    def __init__(self, sheet: str, row: int, column: int, count: int, month: int | None) -> None:
        self.sheet, self.row, self.column, self.count, self.month = sheet, row, column, count, month

    def at(self, place: int) -> str:
        """Return the address of one value."""
        return f"{self.sheet}{xl_rowcol_to_cell(self.row, self.column + place, True, True)}"

    def level(self, index: int) -> str:
        """Return the address of one level."""
        return self.at(index)

    def __format__(self, code: str) -> str:
        """Return the value's address; `all` the range of all months, `count` how many there are."""
        if code == "count":
            return str(self.count)
        if code == "all":
            return f"{self.at(0)}:{xl_rowcol_to_cell(self.row, self.column + self.count - 1, True, True)}"
        return self.at(0 if self.month is None or self.count == 1 else self.month)


class Month:
    """The number of the month in a sheet's header."""

    def __init__(self, month: int) -> None:
        self.month = month

    def level(self, index: int) -> str:
        """Return the header of one month."""
        return self.__format__("") if index == self.month else str(index)

    def __format__(self, code: str) -> str:
        """Return the header's address."""
        return xl_rowcol_to_cell(TOP - 1, FIRST + self.month, True, False)


def opened(stream: BytesIO) -> Book:
    """Return a new workbook with its formats."""
    book: Any = xlsxwriter.Workbook(stream, {"in_memory": True})
    made: Callable[[dict[str, Any]], Any] = book.add_format
    return Book(
        book,
        title=made({"bold": True, "font_size": 14}),
        head=made({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        note=made({"font_color": "#555555", "italic": True}),
        number=made({"num_format": "#,##0.00####"}),
        share=made({"num_format": "0%"}),
        entry=made({"num_format": "#,##0.00####", "bg_color": "#FFF4CC", "border": 1, "border_color": "#C9A800"}),
        strong=made({"bold": True, "font_size": 14, "text_wrap": True, "valign": "top"}),
    )


def sheet_of(book: Book, advice: Advice, name: str, says: str, widths: tuple[int, ...]) -> Any:
    """Return a new sheet with its title, what it is, and the footer that every printed page carries."""
    sheet = book.book.add_worksheet(name)
    sheet.write(0, 0, f"{advice.scenario.name}: {name}", book.title)
    sheet.write(1, 0, says, book.note)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    prices = f"prices checked {advice.prices.oldest or '-'} to {advice.prices.newest or '-'}"
    sheet.set_footer(
        f"&L{advice.scenario.name}, as of {advice.as_of}&C{prices}; amounts in USD; forecast, nothing billed&R&P of &N"
    )
    return sheet
