"""The workbook's first sheet, which says what the others come to; the ladder it looks up; the values as advised."""

from collections.abc import Mapping, Sequence
from typing import Any

from xlsxwriter.utility import xl_rowcol_to_cell

from advisor.advice import Advice
from advisor.advice_model import ModelPart
from advisor.report import summary
from advisor.report.live import Line, decisions, held
from advisor.report.months import bill_name, by_month
from advisor.report.xlsx_parts import FIRST, TOP, Book, sheet_of
from pricing.units import LABELS, MONTHS_PER_YEAR

LADDER, VALUES, PRICES = "Ladder", "As advised", "Price sources"
SAVES = 3
"""The column of ROADS that is a share."""
ROADS = ("road", "up-front, USD", "lifetime, USD", "saves", "net present value, USD", "lifetime as advised, USD")


def address(sheet: str, row: int, column: int) -> str:
    """Return a cell's address from another sheet."""
    return f"'{sheet}'!{xl_rowcol_to_cell(row, column, True, True)}"


def months_of(advice: Advice, rows: Mapping[str, int], name: str) -> str:
    """Return the range of all months of a figure of the model."""
    last = FIRST + len(by_month(advice.figures[name])) - 1
    row = rows[name]
    return f"Model!{xl_rowcol_to_cell(row, FIRST, True, True)}:{xl_rowcol_to_cell(row, last, True, True)}"


def header_of(advice: Advice, name: str) -> str:
    """Return the range of the months' numbers above a figure."""
    last = FIRST + len(by_month(advice.figures[name])) - 1
    return f"Model!{xl_rowcol_to_cell(TOP - 1, FIRST, True, True)}:{xl_rowcol_to_cell(TOP - 1, last, True, True)}"


def verdict_sheet(
    book: Book, sheet: Any, advice: Advice, program: Sequence[Line], inputs: Mapping[str, int],
    rows: Mapping[str, int], low: str,
) -> None:  # fmt: skip
    """Write the verdict, the roads and the steps between, all as formulas; `low` names the sheet of the low volume."""
    model = advice.model
    place = TOP
    if model is not None:
        sheet.write(TOP + 2, 0, "tasks a month (change it in Inputs)", book.head)
        volume = address("Inputs", inputs[model.volume], 1)
        sheet.write_formula(TOP + 2, 1, f"={volume}", book.number, advice.figures[model.volume].value)
        place = roads(book, sheet, advice, model, rows, TOP + 4)
        place = steps(book, sheet, advice, model, rows, low, place + 1)
    else:
        sheet.write(2, 0, advice.verdict.title, book.strong)
        sheet.write(3, 0, advice.verdict.because)
    fixed = held(list(program))
    worse = summary.regret(advice)
    rate = "" if advice.currency == "USD" else f" (the other forms show {summary.currency(advice)})"
    notes = (
        f"As advised on {advice.as_of}: {advice.verdict.title}. {advice.verdict.because}",
        summary.stake(advice),
        summary.confidence(advice),
        summary.changing(advice),
        *([f"{worse}."] if worse else []),
        f"{summary.days(advice)}. Every amount in this workbook is in USD{rate}.",
        summary.origins(advice),
        "Roads, cards and prices stay those of the advice: another card or vendor may be cheaper at another volume.",
        f"The months end at {advice.horizon_months:g}: a longer life needs a new advice, for prices have end dates.",
        *([f"Held fixed, no formula here: {', '.join(fixed)}."] if fixed else []),
        *(f"Warning: {warning}" for warning in advice.warnings),
        *(f"Not assessed: {one}" for one in advice.not_assessed),
    )
    for row, note in enumerate(notes, start=place + 2):
        sheet.write(row, 0, note, book.note)


def steps(book: Book, sheet: Any, advice: Advice, model: ModelPart, rows: Mapping[str, int], low: str, top: int) -> int:
    """Write the verdict at the top, and from row `top` the steps from money to it; returns the next free row."""

    def cost(key: str) -> str:
        return address("Model", rows[f"{key}.lifetime"], FIRST)

    def low_cost(key: str) -> str:
        return address(low, rows[f"{key}.lifetime"], FIRST)

    made = decisions(model, cost, low_cost)
    cells = {one.name: xl_rowcol_to_cell(top + 1 + row, 1, True, True) for row, one in enumerate(made)}
    last = TOP + len(model.ladder) - 1
    found = f"INDEX({LADDER}!$B${TOP + 1}:$B${last + 1},{cells['place']}+1)"
    why = next(o.because for o in model.outcomes if advice.verdict.because.startswith(o.because))
    for row, column, value in ((TOP - 1, 1, advice.verdict.title), (TOP, 2, why)):
        letter = "FG"[column - 1]
        text = f"=INDEX({LADDER}!${letter}${TOP + 1}:${letter}${TOP + len(model.outcomes)},{found}+1)"
        sheet.write_formula(row, 0, text, book.strong if column == 1 else None, value)
    sheet.write(top, 0, "from money to the verdict", book.head)
    for row, one in enumerate(made, start=top + 1):
        sheet.write(row, 0, one.says)
        sheet.write_formula(row, 1, f"={one.text.format(**cells)}", book.number, "")
    return top + 1 + len(made)


def roads(book: Book, sheet: Any, advice: Advice, model: ModelPart, rows: Mapping[str, int], top: int) -> int:
    """Write every road's totals as formulas beside the advice's own; returns the next free row."""
    sheet.write_row(top, 0, ROADS, book.head)
    today = address("Model", rows[f"{model.today}.lifetime"], FIRST)
    bill = bill_name(advice, model.today)
    discount = f"POWER(1+{model.annual_discount_share!r},({header_of(advice, bill)}+1)/{MONTHS_PER_YEAR})"
    for row, option in enumerate(advice.options, start=top + 1):
        figure = advice.figures[f"{option.key}.lifetime"]
        name = figure.inputs["upfront_usd"]
        total = address("Model", rows[f"{option.key}.lifetime"], FIRST)
        upfront = address("Model", rows[name], FIRST) if name in rows else f"{option.upfront_usd!r}"
        saved = f"({months_of(advice, rows, bill)}-{months_of(advice, rows, bill_name(advice, option.key))})"
        sheet.write(row, 0, option.title)
        cells = (
            (f"={upfront}", option.upfront_usd),
            (f"={total}", option.lifetime_usd),
            (f"=1-{total}/{today}", option.saving_share),
            (f"=SUMPRODUCT({saved}/{discount})-{upfront}", option.net_present_usd),
        )
        for column, (text, value) in enumerate(cells, start=1):
            sheet.write_formula(row, column, text, book.share if column == SAVES else book.number, value)
        sheet.write_number(row, len(cells) + 1, option.lifetime_usd, book.number)
    return top + 1 + len(advice.options)


def ladder_sheet(book: Book, advice: Advice, model: ModelPart) -> None:
    """Write the ladder as a table: a place for every combination of what money says, and the verdicts."""
    says = "Every verdict this scenario can end in when only money moves; the sheet Verdict looks its place up."
    sheet = sheet_of(book, advice, LADDER, says, (8, 10, 4, 12, 22, 46, 110))
    sheet.write_row(TOP - 1, 0, ("place", "verdict", "", "verdict", "code", "title", "because"), book.head)
    sheet.write_column(TOP, 0, range(len(model.ladder)))
    sheet.write_column(TOP, 1, model.ladder)
    for row, one in enumerate(model.outcomes):
        sheet.write_row(TOP + row, 3, (row, one.code, one.title, one.because))


def values_sheet(book: Book, advice: Advice) -> None:
    """Write the roads as advised, values only, which any program reads back."""
    sheet = sheet_of(book, advice, VALUES, f"Values as of {advice.as_of}, {advice.horizon_months:g} months.", (44, 22))
    names = [name for name in advice.options[0].fields if name != "notes"] if advice.options else []
    sheet.write_row(TOP - 1, 0, names, book.head)
    sheet.set_column(1, len(names), 16)
    for row, option in enumerate(advice.options, start=TOP):
        for column, name in enumerate(names):
            value = getattr(option, name)
            plain = value if isinstance(value, (int, float, str)) or value is None else str(value)
            sheet.write(row, column, plain)


def prices_sheet(book: Book, advice: Advice) -> None:
    """Write every quoted price in use with its day, its age in days on the day of the advice, and its source."""
    says = f"Quoted prices in use; price book {advice.prices.digest}."
    sheet = sheet_of(book, advice, PRICES, says, (64, 14, 22, 14, 10, 110))
    sheet.write_row(TOP - 1, 0, ("price", "value", "unit", "checked on", "days old", "source"), book.head)
    quoted = [(name, figure) for name, figure in advice.figures.items() if figure.letter == "q"]
    for row, (name, figure) in enumerate(quoted, start=TOP):
        sheet.write(row, 0, name)
        sheet.write_number(row, 1, by_month(figure)[0], book.number)
        sheet.write_row(row, 2, (LABELS[figure.unit], str(figure.on or "not known")))
        if figure.on is not None:
            sheet.write_number(row, 4, (advice.as_of - figure.on).days)
        sheet.write(row, 5, figure.note)
    sheet.freeze_panes(TOP, 1)
