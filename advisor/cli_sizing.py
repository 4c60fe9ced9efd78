"""Mounts `advise vram` and `advise serve`, and holds what tables of rows look like as text. Edge file.

`add_sizing(app)` mounts them on the advisor's typer application. Results go to stdout, everything else to stderr.
"""

import csv
import io
from collections.abc import Mapping, Sequence

import typer

from advisor.cli_serve import add_serve
from advisor.cli_vram import add_vram


def add_sizing(app: typer.Typer) -> None:
    """Mount the two commands."""
    add_vram(app)
    add_serve(app)


def csv_text(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["error"], lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def table_text(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return one row as lines of name and value, several as aligned columns."""
    if len(rows) == 1:
        width = max(map(len, rows[0]))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows[0].items() if value not in {"", "0"})
    names = list(rows[0]) if rows else ["error"]
    widths = [max(len(name), *(len(str(row[name])) for row in rows)) if rows else len(name) for name in names]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True))]
    lines += ["  ".join(str(row[n]).ljust(w) for n, w in zip(names, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
