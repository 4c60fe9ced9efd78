"""Advice as a spreadsheet that computes: inputs to change, the cost model as formulas, and the verdict that follows.

Needs XlsxWriter, extra `[xlsx]`. Formula cells also hold the advice's own value, for readers that compute nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from io import BytesIO
from typing import Any, NamedTuple

from xlsxwriter.utility import xl_rowcol_to_cell

from advisor.advice import Advice
from advisor.report import words
from advisor.report.live import MONTH, Line, is_input, lines
from advisor.report.months import by_month
from advisor.report.xlsx_parts import FIRST, TOP, Book, Cell, Month, opened, sheet_of
from advisor.report.xlsx_verdict import ladder_sheet, prices_sheet, values_sheet, verdict_sheet
from pricing.units import LABELS

INPUTS, MODEL, LOW = "Inputs", "Model", "Low volume"
NAME_WIDTH, TEXT_WIDTH = 52, 90
"""Characters: the longest names of inputs, and a sentence of a source."""


class Places(NamedTuple):
    """Where figures stand: rows of the inputs, and of a model sheet."""

    inputs: Mapping[str, int]
    model: Mapping[str, int]


def inputs_sheet(book: Book, advice: Advice, program: Sequence[Line]) -> dict[str, int]:
    """Write every number that may be changed, with its source; returns each one's row, the low volume's last."""
    says = f"Change a yellow cell and every other sheet follows. {words.LETTERS}."
    sheet = sheet_of(book, advice, INPUTS, says, (NAME_WIDTH, 16, 18, 14, 14, 8, TEXT_WIDTH, 12))
    for column, head in enumerate(("input", "value", "unit", "low", "high", "kind", "from", "checked on")):
        sheet.write(TOP - 1, column, head, book.head)
    rows: dict[str, int] = {}
    for row, line in enumerate((line for line in program if is_input(line)), start=TOP):
        figure = line.figure
        rows[line.name] = row
        sheet.write(row, 0, line.name)
        sheet.write_number(row, 1, by_month(figure)[0], book.entry)
        sheet.write(row, 2, LABELS[figure.unit])
        for column, bound in ((3, figure.low), (4, figure.high)):
            if bound is not None:
                sheet.write_number(row, column, bound, book.number)
        sheet.write_row(row, 5, (figure.letter, figure.note, str(figure.on or "")))
    low_row(book, sheet, advice, rows)
    sheet.freeze_panes(TOP, 1)
    return rows


def low_row(book: Book, sheet: Any, advice: Advice, rows: dict[str, int]) -> None:
    """Write the low end of the volume: as stated while the volume is, else the volume itself."""
    model = advice.model
    if model is None or advice.figures[model.volume].low is None:
        return
    figure = advice.figures[model.volume]
    cell = xl_rowcol_to_cell(rows[model.volume], 1)
    rows[LOW] = max(rows.values()) + 2
    sheet.write(rows[LOW], 0, "volume at its low end")
    text = f"=IF({cell}={figure.value!r},{figure.low!r},{cell})"
    sheet.write_formula(rows[LOW], 1, text, book.number, figure.low)
    sheet.write_row(rows[LOW], 5, ("d", "the stated range's low end; a volume that you change is taken as exact"))


def referrer(program: Mapping[str, Line], places: Places, month: int | None) -> Callable[[str], Any]:
    """Return what turns a figure's name into its address, as seen from one month of a model sheet."""

    def refer(name: str) -> Any:
        if name == MONTH:
            return Month(month or 0)
        if name in places.inputs:
            return Cell(f"{INPUTS}!", places.inputs[name], 1, 1, None)
        line = program[name]
        return Cell(
            "", places.model[name], FIRST, len(by_month(line.figure)), month if line.shape == "months" else None
        )

    return refer


def model_sheet(book: Book, advice: Advice, program: Sequence[Line], inputs: Mapping[str, int], name: str) -> Places:
    """Write the cost model as formulas, one row a figure, in a sheet of its own; returns where all figures stand."""
    says = {
        MODEL: "Every figure of the advice as a formula: one value, or one a month (months from 0).",
        LOW: "The same at the low end of the stated volume, with cards bought for all of it.",
    }[name]
    sheet = sheet_of(book, advice, name, says, (NAME_WIDTH, 18, 30))
    rows = {line.name: TOP + place for place, line in enumerate(line for line in program if not is_input(line))}
    months = max((len(by_month(line.figure)) for line in program if line.shape == "months"), default=1)
    sheet.write_row(TOP - 1, 0, ("figure", "unit", "formula", *range(months)), book.head)
    sheet.set_column(FIRST, FIRST + months, 13)
    moved = {advice.model.volume: inputs[LOW]} if name == LOW and advice.model else {}
    places = Places({**inputs, **moved}, rows)
    by_name = {line.name: line for line in program}
    for line in program:
        if line.name in rows:
            write_line(book, sheet, by_name, places, line, name)
    sheet.freeze_panes(TOP, FIRST)
    return places


def write_line(book: Book, sheet: Any, program: Mapping[str, Line], places: Places, line: Line, name: str) -> None:
    """Write one figure: its formula in every month, or its value where there is no formula for it."""
    row, low = places.model[line.name], name == LOW
    kept = low and line.name.endswith(".purchase")
    fixed = " (held fixed)" if line.figure.inputs and line.texts is None else ""
    told = f"{line.figure.note}{' (as bought)' if kept else fixed}" if line.figure.inputs else "data"
    sheet.write_row(row, 0, (line.name, LABELS[line.figure.unit], told))
    for place, value in enumerate(by_month(line.figure)):
        column = FIRST + place
        if line.texts is None:
            sheet.write_number(row, column, value, book.number)
            continue
        texts = line.texts(referrer(program, places, place))
        text = texts[place] if line.shape == "levels" else texts[0]
        text = f"{MODEL}!{xl_rowcol_to_cell(row, column)}" if kept else text
        sheet.write_formula(row, column, f"={text}", book.number, "" if low else value)


def render(advice: Advice) -> bytes:
    """Return the whole workbook: verdict, inputs, model, the ladder it looks up, and the values as advised."""
    stream = BytesIO()
    book = opened(stream)
    title = f"{advice.scenario.name}: {advice.verdict.title}"
    made = datetime.combine(advice.as_of, time())  # no clock: the same advice gives the same bytes
    book.book.set_properties({"title": title, "comments": f"crossover, advice of {advice.as_of}", "created": made})
    program = lines(advice)
    first = sheet_of(book, advice, "Verdict", "Follows the yellow cells of the sheet Inputs.", (44, 18, 18, 18, 18, 18))
    inputs = inputs_sheet(book, advice, program)
    model = model_sheet(book, advice, program, inputs, MODEL)
    low = model_sheet(book, advice, program, inputs, LOW) if LOW in inputs else None
    verdict_sheet(book, first, advice, program, inputs, model.model, LOW if low else MODEL)
    if advice.model is not None:
        ladder_sheet(book, advice, advice.model)
    prices_sheet(book, advice)
    values_sheet(book, advice)
    book.book.close()
    return stream.getvalue()
