"""What the runner's commands share: forms, options, values of options, and how a command ends. Edge file."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer


class Format(StrEnum):
    """Forms of a result."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


FormatOption = Annotated[Format, typer.Option("--format", help="Form of the result on stdout.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="A run folder.", exists=True, file_okay=False)]


def checked(work: Any) -> Any:
    """Return what `work` returns; its known ways to fail end the program with their sentences and exit code."""
    from runner.doors import KNOWN_FAULTS, explain

    try:
        return work()
    except KNOWN_FAULTS as error:
        code, text = explain(error)
        typer.echo(text, err=True)
        finish(code)


def wants_colour() -> bool:
    """Return whether stdout is a terminal that wants colour."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def day(text: str | None) -> Any:
    """Return the date given, else today's."""
    from datetime import date

    from runner.clock import today

    if text is None:
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; wanted YYYY-MM-DD", param_hint="--as-of") from None


def amount(text: str | None, name: str) -> Any:
    """Return an amount given as text as Decimal; it must be a number, not below 0."""
    from decimal import Decimal, InvalidOperation

    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise typer.BadParameter(f"{text!r} is no amount; wanted for example 2.50", param_hint=name)
    return value


def finish(code: int) -> NoReturn:
    """End with the exit code."""
    raise typer.Exit(code)
