"""`prices`: list, show, check, compare and refresh the price book.

Results on stdout, warnings on stderr, exit 0, 1 (fault) or 2 (usage).
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pricing.cli_group import VersionOption, enter
from pricing.cli_refresh import refresh_prices

if TYPE_CHECKING:
    from pricing.entries import Entry
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


class Show(StrEnum):
    """Which lines a list shows; `ending` are in force, with a known end or next step."""

    IN_FORCE = "in-force"
    ENDING = "ending"
    ANNOUNCED = "announced"
    EARLIER = "earlier"
    ENDED = "ended"
    ALL = "all"


class Format(StrEnum):
    """What stdout gets."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


A_DAY = ["%Y-%m-%d"]
AsOf = Annotated[datetime | None, typer.Option(formats=A_DAY, help="The day asked about; today if left out.")]
Unverified = Annotated[bool, typer.Option(help="Also lines that nobody has read on a page.")]
FormatOption = Annotated[Format, typer.Option("--format", help="table; or json or csv and nothing else.")]
KindOption = Annotated[Kind | None, typer.Option(help="Only this part of the book.")]
MatchOption = Annotated[str, typer.Option(help="Only names that contain this text.")]
OwnPrices = Annotated[Path | None, typer.Option(help="Your own prices; else prices.local.yaml in this folder.")]


def _day(as_of: datetime | None) -> date:
    return (as_of or datetime.now(tz=UTC)).date()


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


def _book(prices: Path | None = None, *, allow_unverified: bool = False) -> "PriceBook":
    """Open the book of this machine, own prices on top, and read all of it; faults end with exit code 1."""
    from pricing.book import BookFaultsError
    from pricing.book_files import open_book

    try:
        book = open_book(prices, allow_unverified=allow_unverified)
        book.read_everything()
        return book
    except BookFaultsError as error:
        raise _fail(str(error)) from None


def _following(entries: "list[Entry]", on: date) -> "dict[tuple[str, str], Entry]":
    """Return the next announced line of each offer."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.starts or date.min, reverse=True):
        if entry.starts is not None and entry.starts > on:
            found[entry.kind, entry.name] = entry
    return found


@app.command("list")
def list_prices(
    kind: KindOption = None,
    provider: Annotated[str | None, typer.Option(help="Only this provider.")] = None,
    match: MatchOption = "",
    tier: Annotated[str | None, typer.Option(help="Only prices with it: cached, batch, long, spot ...")] = None,
    status: Annotated[Show, typer.Option(help="Which lines.")] = Show.IN_FORCE,
    older_than: Annotated[int | None, typer.Option(min=0, help="Only those last checked more days ago.")] = None,
    prices: OwnPrices = None,
    as_of: AsOf = None,
    output: FormatOption = Format.TABLE,
    allow_unverified: Unverified = False,
) -> None:
    """List the prices of a day, each with its age and what follows. Example: prices list --kind gpu --match H100"""
    from pricing.cli_print import print_csv, print_json, print_list
    from pricing.view import age_days, has_tier, matching, record, statuses, tier_names

    on = _day(as_of)
    book = _book(prices, allow_unverified=allow_unverified)
    if tier is not None and tier not in tier_names():
        raise typer.BadParameter(f"{tier!r} is no tier; choose one of {', '.join(tier_names())}", param_hint="--tier")
    wanted = matching(book.entries, kind, match, provider)
    states = {id(entry): state for entry, state in statuses(wanted, on)}
    chosen = {Show.ALL: set(Show), Show.IN_FORCE: {Show.IN_FORCE, Show.ENDING}}.get(status, {status})
    found = [
        entry
        for entry in wanted
        if states[id(entry)] in chosen
        and (tier is None or has_tier(entry, tier))
        and (older_than is None or (days := age_days(entry, on)) is None or days > older_than)
    ]
    if output is not Format.TABLE:
        rows = [{"status": str(states[id(entry)]), **record(entry, on)} for entry in found]
        print_json(rows) if output is Format.JSON else print_csv(rows)
        return
    following = _following(wanted, on) if status in {Show.IN_FORCE, Show.ENDING} else {}
    print_list([(entry, following.get((entry.kind, entry.name))) for entry in found], on, book.digest)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model, provider/model, a card, or a name that `prices list` prints.")],
    prices: OwnPrices = None,
    as_of: AsOf = None,
    output: FormatOption = Format.TABLE,
    allow_unverified: Unverified = False,
) -> None:
    """Show a model or card: earlier, present and announced prices, sources side by side. Example: prices show o3"""
    from pricing.cli_print import print_csv, print_json, print_list, print_offer
    from pricing.names import UnknownPriceError
    from pricing.view import named, record, statuses

    on = _day(as_of)
    book = _book(prices, allow_unverified=allow_unverified)
    try:
        found = named(book, name)
    except UnknownPriceError as error:
        raise _fail(str(error)) from None
    states = statuses(found, on)
    if output is not Format.TABLE:
        rows = [{"status": str(state), **record(entry, on)} for entry, state in states]
        print_json(rows) if output is Format.JSON else print_csv(rows)
        return
    offers = list(dict.fromkeys((entry.kind, entry.name) for entry in found))
    if len(offers) > SPELLED_OUT:
        live = [entry for entry, state in states if state in {Show.IN_FORCE, Show.ENDING}]
        following = _following(found, on)
        print_list([(entry, following.get((entry.kind, entry.name))) for entry in live], on, book.digest)
        return
    for offer in offers:
        print_offer([(entry, str(state)) for entry, state in states if (entry.kind, entry.name) == offer], on)


SPELLED_OUT = 3
"""Offers up to which `show` spells each out with its history: a model at its vendors, not a card at forty."""


@app.command()
def check(
    as_of: AsOf = None,
    accept: Annotated[bool, typer.Option("--accept", help="Record the files as reviewed: manifest.json.")] = False,
    prices: OwnPrices = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Check sources, days, units, bounds and the reviewed state; old or disputed prices are warnings, faults exit 1."""
    from pricing.book import DATA, read_texts
    from pricing.check import MANIFEST, faults, manifest
    from pricing.check_report import report
    from pricing.cli_print import print_csv, print_json

    on = _day(as_of)
    texts = read_texts()
    if accept:
        (DATA / MANIFEST).write_text(manifest(texts), encoding="utf-8")
    wrong = faults(texts, (DATA / MANIFEST).read_text(encoding="utf-8"))
    for fault in wrong:
        typer.echo(str(fault), err=True)
    if wrong:
        raise _fail(f"not sound: {len(wrong)} faults; correct the lines above")
    told = report(_book(prices), on)
    if output is Format.JSON:
        print_json(told.as_record())
    elif output is Format.CSV:
        print_csv([each._asdict() for each in told.disputes])
    else:
        for line in told.warnings():
            typer.echo(line, err=True)
        typer.echo(told.verdict())


@app.command()
def diff(
    old: Annotated[Path | None, typer.Argument(help="A folder of data files; the book in use if left out.")] = None,
    new: Annotated[Path | None, typer.Argument(help="Another folder.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=A_DAY, help="The earlier day.")] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=A_DAY, help="The later day; else today.")] = None,
    kind: KindOption = None,
    match: MatchOption = "",
    prices: OwnPrices = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Compare two days of the book, or two books. Example: prices diff --from 2026-09-01 --to 2026-12-01"""
    from pricing.cli_print import print_csv, print_differences, print_json
    from pricing.diff import differences
    from pricing.lookup import holding
    from pricing.view import matching

    later = _day(to)
    if (old is None) != (new is None) or (old is None and since is None):
        raise typer.BadParameter("give two days (--from, --to) or two folders: prices diff OLD NEW")
    earlier = later if since is None else since.date()
    before, after = (_folder_or_book(folder, prices) for folder in (old, new))
    sides = [matching(holding(book.entries, on), kind, match) for book, on in ((before, earlier), (after, later))]
    found = differences(*sides)
    if output is not Format.TABLE:
        rows = [each._asdict() for each in found]
        print_json(rows) if output is Format.JSON else print_csv(rows)
        return
    what = f"{earlier} to {later}" if old is None or earlier != later else f"{old} to {new} on {later}"
    print_differences(found, what)


def _folder_or_book(folder: Path | None, prices: Path | None) -> "PriceBook":
    from pricing.book import BookFaultsError, load_book

    if folder is None:
        return _book(prices)
    try:
        book = load_book(folder)
        if not book.entries:
            raise _fail(f"{folder} holds no price; name a folder in the form of pricing/data")
        return book
    except BookFaultsError as error:
        raise _fail(f"{folder}: {error}") from None


app.command("refresh")(refresh_prices)


def main() -> None:
    """Run the command line."""
    enter(app)


if __name__ == "__main__":
    main()
