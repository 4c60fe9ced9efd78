"""May a fetched price list be believed? Pure rules over rows; what is refused or waits says why, and what to do.

Rule 1  A list with fewer than half the rows it had is refused: something was cut off.
Rule 2  A list in which more than half of what can be judged is out of bounds or has jumped is refused: a slip of unit.
Rule 3  A single row out of bounds, or more than 50 % away from the price held, waits in quarantine for a human.
Rule 4  A list that is older than what it gave before is refused.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from pricing.check import BOUNDS
from pricing.sources.answer import Row, Taken

SHRUNK: Final = Decimal("0.5")
"""The share of its former rows below which a list is refused: catalogues lose 5 to 27 % of their models in a year."""
JUMP: Final = Decimal("0.5")
"""The change of a price that a human must look at; named models keep their price in 77 to 94 % of years."""
SLIP: Final = Decimal("0.5")
"""The share of suspect rows above which it is the list, not the market: a slip of unit moves every row."""
KEYS: Final = {"api": ("model",), "gpu": ("card", "instance", "count", "region")}
"""The columns that name an offer, by part of the book; the provider is the file."""
UNITS: Final = {"api": "usd_per_million_tokens", "gpu": "usd_per_gpu_hour"}

Key = tuple[str, ...]


class Waiting(NamedTuple):
    """A row that waits for a human, and why; `may_be_accepted` is False where it needs a line by hand."""

    row: Row
    why: str
    may_be_accepted: bool = True


class RefusedError(RuntimeError):
    """A price list is not taken: why, what to do next, and the rows that a human may still accept."""

    def __init__(self, why: str, following: str, waiting: Sequence[Waiting] = ()) -> None:
        self.why: Final = why
        self.following: Final = following
        self.waiting: Final = tuple(waiting)
        super().__init__(f"{why}; next: {following}")


def key_of(kind: str, provider: str, columns: Mapping[str, str]) -> Key:
    """Return what names an offer: its part, provider and the columns of KEYS."""
    return (kind, provider, *(columns.get(name, "") for name in KEYS[kind]))


def is_price(column: str) -> bool:
    """Tell whether a column is a price of the list itself; a second opinion is not."""
    return "usd" in column and not column.startswith("second_")


def prices_of(columns: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the prices of a line by column, as it states them."""
    return {name: Decimal(text) for name, text in columns.items() if text and is_price(name)}


def outside(row: Row, explained: Container[str]) -> Iterator[str]:
    """Say which prices of a row lie outside the bounds of their unit; rents are judged by the card.

    `explained` holds the figures that exceptions.csv gives a reason for, as price.api.PROVIDER/MODEL.COLUMN.
    """
    low, high = BOUNDS[UNITS[row.kind]]
    for name, value in prices_of(row.columns).items():
        each = value / int(row.columns["count"]) if row.kind == "gpu" else value
        figure = f"price.{row.kind}.{row.provider}/{row.columns.get('model')}.{name}"
        if not low <= each <= high and figure not in explained:
            yield f"{name} {value} is outside {low}..{high} {UNITS[row.kind]}"


def jumps(row: Row, held: Mapping[str, str]) -> Iterator[str]:
    """Say which prices of a row are more than half away from the ones held."""
    before = prices_of(held)
    for name, value in prices_of(row.columns).items():
        if name in before and abs(value - before[name]) > JUMP * before[name]:
            yield f"{name} {before[name]} -> {value}"


def current(rows: Sequence[Row], day: date) -> list[Row]:
    """Keep, of each offer, the row that holds on a day (the latest begun, else the undated one) and announced ones."""
    kept: dict[tuple[Key, str], Row] = {}
    for row in rows:
        key, starts = key_of(row.kind, row.provider, row.columns), row.columns.get("from", "")
        if starts > str(day):
            kept[key, starts] = row
        elif (key, "") not in kept or starts >= kept[key, ""].columns.get("from", ""):
            kept[key, ""] = row
    return list(kept.values())


def stale(data_day: date | None, held_day: date | None) -> None:
    """Raise RefusedError where a list is older than the one it gave before (Rule 4); None: nobody says of which day."""
    if data_day is not None and held_day is not None and data_day < held_day:
        message = f"the list is of {data_day}, and the book holds the one of {held_day}"
        raise RefusedError(message, "wait for a newer list, or ask its mirror with --url")


def judged(
    taken: Taken, held: Callable[[Row], Mapping[str, str]], rows_before: int, explained: Container[str] = ()
) -> tuple[list[Row], list[Waiting]]:
    """Return (rows to take, rows that wait), or raise RefusedError for the list as a whole (Rules 1 to 3).

    `held` gives the line that the book holds for a row on the row's day, empty where it holds none.
    """
    good: list[Row] = []
    waiting: list[Waiting] = []
    comparable = 0
    for row in taken.rows:
        before = held(row)
        odd, moved = list(outside(row, explained)), list(jumps(row, before))
        comparable += bool(before) or bool(odd)
        if odd:
            waiting.append(Waiting(row, "; ".join(odd), may_be_accepted=False))
        elif moved:
            waiting.append(Waiting(row, "; ".join(moved)))
        else:
            good.append(row)
    _whole(taken, good, waiting, (comparable, rows_before))
    return good, waiting


def _whole(taken: Taken, good: list[Row], waiting: list[Waiting], counts: tuple[int, int]) -> None:
    """Raise RefusedError where the list as a whole cannot be believed (Rules 1 and 2); counts: comparable, before."""
    comparable, rows_before = counts
    everything = [*waiting, *(Waiting(row, "of a refused list") for row in good)]
    if not taken.rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in taken.left_out.most_common(3))
        message = f"no usable row{f' ({reasons})' if reasons else ''}"
        raise RefusedError(message, "look at the answer; has the list moved or changed its form?")
    if len(taken.rows) < SHRUNK * rows_before:
        message = f"{len(taken.rows)} rows, and it had {rows_before}: under half"
        raise RefusedError(message, "if it really shrank, accept the quarantine file", everything)
    if len(waiting) > SLIP * comparable:
        message = f"{len(waiting)} of {comparable} rows that can be judged are out of bounds or moved by over 50 %"
        raise RefusedError(
            message, "check the unit (per token, per million, cents), then the quarantine file", everything
        )
