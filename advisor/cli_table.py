"""What `advise vram`, `train` and `serve` share: tables of questions, extra columns, answers printed. Edge file.

`stop` ends a command with a message and an exit code; each command has its own.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from advisor.cli_faults import INPUT_AT_FAULT, WRONG_USAGE

Stop = Callable[[str, int], NoReturn]


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How to print the answer; a table of questions comes back as CSV.")
]


def extra(pairs: Sequence[str] | None, example: str, stop: Stop) -> dict[str, str]:
    """Return NAME=VALUE options as columns; wrong usage where one has no `=`."""
    for odd in [pair for pair in pairs or () if "=" not in pair]:
        stop(f"--set {odd!r}: wanted NAME=VALUE, for example --set {example}", WRONG_USAGE)
    return dict(pair.split("=", 1) for pair in pairs or ())


def questions_of(path: Path, stop: Stop) -> list[dict[str, str]]:
    """Return the rows of a CSV; the input is at fault where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [{k: v for k, v in row.items() if isinstance(k, str)} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        stop(f"{path}: {fault}; wanted a CSV with a header", INPUT_AT_FAULT)


def print_answers(answers: Sequence[Mapping[str, Any]], format_: Format) -> None:
    """Print rows in the form asked for."""
    if format_ is Format.JSON:
        typer.echo(json.dumps([dict(answer) for answer in answers], indent=1))
    elif format_ is Format.CSV:
        sys.stdout.write(csv_text(answers))
    else:
        typer.echo(table_text(answers))


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["error"], lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return one row as lines of name and value, several as aligned columns."""
    if len(rows) == 1:
        width = max(map(len, rows[0]))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows[0].items() if value not in {"", "0"})
    names = list(rows[0]) if rows else ["error"]
    widths = [max(len(name), *(len(str(row[name])) for row in rows)) if rows else len(name) for name in names]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True))]
    lines += ["  ".join(str(row[n]).ljust(w) for n, w in zip(names, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
