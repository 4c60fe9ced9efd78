"""`prices`: list, show, check the price book. Results on stdout, warnings on stderr, exit 0, 1 (fault) or 2 (usage)."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pricing.book import DATA, BookFaultsError, load_book, read_texts
from pricing.cli_group import VersionOption
from pricing.entries import Entry
from pricing.names import UnknownPriceError
from pricing.view import age_days, by_file_and_day, matching, named, record, summary

if TYPE_CHECKING:
    from pricing.table import PriceBook

app = typer.Typer(
    name="prices",
    help="The dated, sourced price book: API models, GPU rent, hosted tuning, serverless cards, purchase.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(version: Annotated[bool, VersionOption] = False) -> None:
    """Hold the options that come before a command."""


class Kind(StrEnum):
    """A part of the book."""

    API = "api"
    GPU = "gpu"
    TUNING = "tuning"
    SERVERLESS = "serverless"
    PURCHASE = "purchase"


class Format(StrEnum):
    """What stdout gets."""

    TABLE = "table"
    JSON = "json"


AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day asked about; today if left out.")]
Unverified = Annotated[bool, typer.Option(help="Also lines that nobody has read on a page.")]
FormatOption = Annotated[Format, typer.Option("--format", help="table, or json and nothing else.")]


def _day(as_of: datetime | None) -> date:
    return (as_of or datetime.now(tz=UTC)).date()


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


def _book(allow_unverified: bool) -> "PriceBook":
    try:
        return load_book(allow_unverified=allow_unverified)
    except BookFaultsError as error:
        raise _fail(str(error)) from None


def _print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, indent=1, default=str))


def _print_table(columns: list[str], rows: list[list[str]], title: str) -> None:
    """Print a table as wide as it needs where the screen does not say how wide it is."""
    from rich.console import Console
    from rich.table import Table

    console = Console() if Console().is_terminal else Console(width=200)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column == "age" else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False) if rows else typer.echo(f"{title}: nothing")


def _rows(entries: list[Entry], on: date) -> list[list[str]]:
    return [
        [e.kind, e.name, summary(e), str(e.starts or "?"), str(e.ends or ""), f"{age_days(e, on)} d", e.confidence]
        for e in entries
    ]


COLUMNS = ["kind", "name", "USD", "from", "ends", "age", "confidence"]


@app.command("list")
def list_prices(
    kind: Annotated[Kind | None, typer.Option(help="Only this part of the book.")] = None,
    match: Annotated[str, typer.Option(help="Only names that contain this text.")] = "",
    as_of: AsOf = None,
    output: FormatOption = Format.TABLE,
    allow_unverified: Unverified = False,
) -> None:
    """List the prices that hold on a day, with the age of each."""
    on = _day(as_of)
    book = _book(allow_unverified)
    found = matching(book.entries, on, kind, match)
    if output is Format.JSON:
        _print_json([record(entry, on) for entry in found])
        return
    _print_table(COLUMNS, _rows(found, on), f"{len(found)} prices on {on}, book {book.digest[:12]}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model, provider/model, a card, or a name that `prices list` prints.")],
    as_of: AsOf = None,
    output: FormatOption = Format.TABLE,
    allow_unverified: Unverified = False,
) -> None:
    """Show every line of a model or card: earlier, present and announced prices, with source and note."""
    on = _day(as_of)
    book = _book(allow_unverified)
    try:
        found = named(book, name)
    except UnknownPriceError as error:
        raise _fail(str(error)) from None
    if output is Format.JSON:
        _print_json([record(entry, on) for entry in found])
        return
    for entry in found:
        typer.echo(f"{entry.kind}  {entry.name}")
        for label, value in record(entry, on).items():
            if label not in {"kind", "name"}:
                typer.echo(f"    {label:38} {value}")


@app.command()
def check(
    as_of: AsOf = None,
    accept: Annotated[bool, typer.Option("--accept", help="Record the files as reviewed: manifest.json.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Check sources, days, units, bounds and the reviewed state; old prices are a warning, faults exit with 1."""
    from pricing.check import MANIFEST, faults, manifest, stale

    on = _day(as_of)
    texts = read_texts()
    if accept:
        (DATA / MANIFEST).write_text(manifest(texts), encoding="utf-8")
    wrong = faults(texts, (DATA / MANIFEST).read_text(encoding="utf-8"))
    for fault in wrong:
        typer.echo(str(fault), err=True)
    if wrong:
        raise _fail(f"not sound: {len(wrong)} faults; correct the lines above")
    book = _book(allow_unverified=False)
    old = stale(book.entries, on)
    for (file, day), lines in by_file_and_day(old).items():
        typer.echo(f"{file}  {lines} lines in force, last checked {day}", err=True)
    _print_sound(book, len(old), output)


def _print_sound(book: "PriceBook", old: int, output: Format) -> None:
    told = {
        "sound": True,
        "lines": len(book.entries),
        "oldest_checked": book.oldest_checked,
        "newest_checked": book.newest_checked,
        "older_than_90_days": old,
        "digest": book.digest,
    }
    if output is Format.JSON:
        _print_json(told)
    else:
        days = f"{book.oldest_checked}..{book.newest_checked}"
        typer.echo(f"sound: {told['lines']} lines, prices as of {days}, {old} in force older than 90 days")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
