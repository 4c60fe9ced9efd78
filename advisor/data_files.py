"""The tables in `advisor/data/`, read once. Edge file: the only place that opens them."""

import csv
from functools import cache
from pathlib import Path
from typing import Final

from pricing.figure import Figure, Kind, Origin

FOLDER: Final = Path(__file__).parent / "data"


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of `advisor/data/NAME` as the file has them, all text."""
    return list(csv.DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines()))


def text(name: str) -> str:
    """Return `advisor/data/NAME` as it stands."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def constants(name: str) -> dict[str, Figure]:
    """Return a table of constants (name, value, low, high, unit, kind, source) as figures by name."""
    return {row["name"]: _figure(row) for row in rows(name)}


def _figure(row: dict[str, str]) -> Figure:
    return Figure(
        row["name"],
        float(row["value"]),
        row["unit"],
        Origin(Kind(row["kind"]), row["source"]),
        float(row["low"]),
        float(row["high"]),
    )
