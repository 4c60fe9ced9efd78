"""`prices refresh`: fetch price lists, judge them, put a new book in use in one step. No other command fetches."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pricing.refresh import Refreshed
    from pricing.refresh_fetch import Answer
    from pricing.sources.table import Source


class Mode(StrEnum):
    """How much a refresh is wanted."""

    AUTO = "auto"
    OFFLINE = "offline"
    REQUIRED = "required"


class Format(StrEnum):
    """What stdout gets."""

    TABLE = "table"
    JSON = "json"


SourceOption = Annotated[
    list[str] | None, typer.Option("--source", help="Only this list, or family of lists; may be given several times.")
]
ModeOption = Annotated[
    Mode,
    typer.Option(help="auto: a failure is a warning; required: it ends with 1; offline: no network, what is held."),
]
IntoOption = Annotated[Path | None, typer.Option(help="The folder for refreshed prices; else the user's data folder.")]
UrlOption = Annotated[list[str] | None, typer.Option("--url", metavar="NAME=URL", help="Another address of a list.")]
AcceptOption = Annotated[str | None, typer.Option("--accept", help="Take the rows of this list that wait.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Fetch and judge, write nothing.")]
FormatOption = Annotated[Format, typer.Option("--format", help="table, or json and nothing else.")]


def refresh_prices(
    source: SourceOption = None,
    mode: ModeOption = Mode.AUTO,
    into: IntoOption = None,
    url: UrlOption = None,
    accept: AcceptOption = None,
    dry_run: DryRun = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Fetch price lists, judge them, and put a new book in use. Example: prices refresh --source genai-prices"""
    from pricing.places import BrokenPlaceError
    from pricing.refresh_files import BusyError, NotWaitingError

    root = _root(into)
    sources = _chosen([accept] if accept else source or [], url or [])
    at = datetime.now(tz=UTC)
    try:
        if mode is Mode.OFFLINE and not accept:
            _show_held(root, sources, at.date(), output)
            return
        done = _done(root, sources, at, accept=bool(accept), dry_run=dry_run)
    except BusyError as busy:
        typer.echo(str(busy), err=True)
        raise typer.Exit(int(mode is Mode.REQUIRED)) from None
    except (NotWaitingError, BrokenPlaceError, OSError) as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from None
    _show(done, root, output, dry_run=dry_run)
    refused = any(each.outcome == "refused" for each in done.outcomes)
    raise typer.Exit(int(refused and mode is Mode.REQUIRED))


def _root(into: Path | None) -> Path:
    from pricing.places import CHOSEN, refresh_root

    root = into or refresh_root()
    if root is None:
        typer.echo(
            f"no folder for refreshed prices: {CHOSEN} says none, or no home is known; next: --into DIR", err=True
        )
        raise typer.Exit(1)
    return root


def _chosen(names: list[str], urls: list[str]) -> "list[Source]":
    from pricing.sources.table import UnknownSourceError, chosen

    odd = [each for each in urls if "=" not in each]
    if odd:
        message = f"--url {odd[0]!r}; wanted NAME=URL, for example litellm=https://prices.example/map.json"
        raise typer.BadParameter(message)
    try:
        return chosen(names, dict(each.split("=", 1) for each in urls))
    except UnknownSourceError as unknown:
        raise typer.BadParameter(str(unknown)) from None


def _done(root: Path, sources: "list[Source]", at: datetime, *, accept: bool, dry_run: bool) -> "Refreshed":
    from pricing.book import DATA, read_texts
    from pricing.refresh import accept as take
    from pricing.refresh import refresh
    from pricing.refresh_files import only_one

    shipped = read_texts(DATA)
    with only_one(root):
        if accept:
            return take(sources[0], root, shipped, at)
        return refresh(sources, root, shipped, at, _ask, dry_run)


def _ask(source: "Source", validators: Mapping[str, str]) -> "Answer":
    from pricing.refresh_fetch import Limits, fetch

    typer.echo(f"asking {source.name}", err=True)
    return fetch(source, validators, time.monotonic, Limits(), os.environ.get(source.key_variable, ""))


def _show(done: "Refreshed", root: Path, output: Format, *, dry_run: bool) -> None:
    """Print one line a list; why a list was refused, and what to do, goes to stderr."""
    if output is Format.JSON:
        told = [{**each._asdict(), "left_out": dict(each.left_out)} for each in done.outcomes]
        _print_json({"lists": told, "book": done.book and str(done.book), "dry_run": dry_run})
        return
    reasons: dict[str, list[str]] = {}
    for each in done.outcomes:
        left = sum(count for _, count in each.left_out)
        counts = f"{each.rows:6} rows  {each.waiting:4} waiting  {left:6} left out"
        typer.echo(f"{each.source:18} {each.outcome:10} {counts}")
        if each.why:
            reasons.setdefault(f"{each.why}; next: {each.following}", []).append(each.source)
        if left:
            most = ", ".join(f"{count} {reason}" for reason, count in each.left_out[:3])
            typer.echo(f"{each.source} left out: {most}", err=True)
    for reason, names in reasons.items():
        typer.echo(f"{', '.join(names)}: {reason}", err=True)
    if done.book is not None:
        typer.echo(f"in use: {done.book}")
    else:
        typer.echo("nothing written" + (": a dry run" if dry_run else "; the old book stands"))
    _say_how_to_use(root)


def _say_how_to_use(root: Path) -> None:
    from pricing.places import CHOSEN, refresh_root

    if refresh_root() != root:
        typer.echo(f"these prices are used where {CHOSEN}={root} is set", err=True)


def _show_held(root: Path, sources: "list[Source]", on: date, output: Format) -> None:
    """Print what the book in use holds of each list, and how old it is; nothing is asked."""
    from pricing.refresh_files import read_state

    _, state, _ = read_state(root)
    held = [{"source": each.name, **_aged(state.get(each.name), on)} for each in sources]
    if output is Format.JSON:
        _print_json({"lists": held, "mode": "offline"})
        return
    for each in held:
        told = f"{each['rows']:6} rows of {each['day']}, {each['age_days']} d" if each["day"] else "never fetched"
        typer.echo(f"{each['source']:18} {told}")


def _aged(state: Mapping[str, Any] | None, on: date) -> dict[str, Any]:
    if state is None:
        return {"rows": 0, "day": None, "fetched_at": None, "age_days": None}
    age = (on - date.fromisoformat(state["day"])).days
    return {"rows": state["rows"], "day": state["day"], "fetched_at": state["fetched_at"], "age_days": age}


def _print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, indent=1))
