"""The price book on disk: data files to a table in memory, every fault at once with file and line."""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from pricing.entries import (
    UNVERIFIED,
    ApiEntry,
    Confidence,
    Crosscheck,
    Entry,
    GpuEntry,
    Offer,
    PurchaseEntry,
    ServerlessEntry,
    TuningEntry,
    TuningStatus,
)
from pricing.names import CardNames
from pricing.table import PriceBook

DATA: Final = Path(__file__).parent / "data"
KINDS: Final[tuple[type[Entry], ...]] = (ApiEntry, GpuEntry, TuningEntry, ServerlessEntry, PurchaseEntry)
COLUMN_OF: Final = {"starts": "from"}
"""Field names that cannot be the column's name (`from` is a Python keyword)."""
FROM_FILE: Final = frozenset({"provider", "place"})
SEPARATOR: Final = ";"
"""Between several values in one column (cards of one serverless class, methods at one price, spellings of a card)."""

EntryT = TypeVar("EntryT", bound=Entry)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the data: where, what was found, what was wanted."""

    place: str
    message: str

    def __str__(self) -> str:
        """Print it as an editor can jump to it."""
        return f"{self.place}  {self.message}"


class BookFaultsError(ValueError):
    """The data files are at fault; `faults` holds every one of them."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults: Final = faults
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{len(faults)} faults in the price book; correct these lines and ask again:\n{lines}")


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _several(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(SEPARATOR) if part)


A_DATE: Final = "a day, for example 2026-11-21"
A_PRICE: Final = "a decimal number of 0 or more, for example 0.15"
A_COUNT: Final = "a whole number of 1 or more"
READERS: Final[dict[Any, tuple[Callable[[str], Any], str]]] = {
    str: (str, "text"),
    int: (_count, A_COUNT),
    int | None: (_or_none(_count), f"{A_COUNT}, or nothing"),
    Decimal: (_decimal, A_PRICE),
    Decimal | None: (_or_none(_decimal), f"{A_PRICE}, or nothing"),
    date | None: (_or_none(date.fromisoformat), f"{A_DATE}, or nothing"),
    tuple[str, ...]: (_several, "names with ; between them"),
    Confidence: (Confidence, " | ".join(Confidence)),
    Confidence | None: (_or_none(Confidence), " | ".join(Confidence) + ", or nothing"),
    Crosscheck: (Crosscheck, " | ".join(Crosscheck)),
    Offer: (Offer, " | ".join(Offer)),
    Offer | None: (_or_none(Offer), " | ".join(Offer) + ", or nothing"),
    TuningStatus: (TuningStatus, " | ".join(TuningStatus)),
}
"""How a column is read, and what a fault says was wanted, by the type of the field it fills."""


@cache
def columns(kind: type[Entry]) -> dict[str, tuple[str, Callable[[str], Any], str]]:
    """Return column -> (field, reader, what is wanted) for one kind of entry."""
    return {COLUMN_OF.get(f.name, f.name): (f.name, *READERS[f.type]) for f in fields(kind) if f.name not in FROM_FILE}


@dataclass(slots=True)
class _Reading:
    """What is known while reading: the tables that lines refer to, and the faults so far."""

    sources: Mapping[str, str]
    cards: CardNames
    faults: list[Fault] = field(default_factory=list[Fault])

    def fault(self, place: str, message: str) -> None:
        self.faults.append(Fault(place, message))


def _records(text: str, file: str, wanted: set[str], reading: _Reading) -> list[tuple[str, dict[str, str]]]:
    """Split a data file into (place, column -> text); a wrong header or a line of another length is a fault."""
    lines = csv.reader(io.StringIO(text))
    header = next(lines, list[str]())
    if set(header) != wanted or len(header) != len(wanted):
        odd = sorted(set(header) ^ wanted) or "a column that stands twice"
        reading.fault(f"{file}:1", f"the header differs in {odd}; wanted the columns {', '.join(sorted(wanted))}")
        return []
    records: list[tuple[str, dict[str, str]]] = []
    for values in lines:
        place = f"{file}:{lines.line_num}"
        if len(values) == len(header):
            records.append((place, dict(zip(header, values, strict=True))))
        else:
            reading.fault(place, f"{len(values)} columns found; wanted {len(header)}, as in the header")
    return records


def _entry(kind: type[EntryT], provider: str, place: str, record: dict[str, str], reading: _Reading) -> EntryT | None:
    """Read one line; every column at fault is reported, and then there is no entry."""
    before = len(reading.faults)
    values: dict[str, Any] = {"provider": provider, "place": place}
    for column, (name, read, wanted) in columns(kind).items():
        try:
            values[name] = read(record[column])
        except (ValueError, InvalidOperation):
            reading.fault(place, f"{column} is {record[column]!r}; wanted {wanted}")
    if len(reading.faults) > before:
        return None
    _check_references(place, values, reading)
    values["source"] = reading.sources.get(values["source"], values["source"])
    return kind(**values)


def _check_references(place: str, values: dict[str, Any], reading: _Reading) -> None:
    """Check what a line refers to, and that a price somebody has read says on which day."""
    if values["source"] not in reading.sources:
        reading.fault(place, f"source {values['source']!r} is not in sources.csv; add it there")
    cards = values.get("card", ())
    for card in (cards,) if isinstance(cards, str) else cards:
        if reading.cards.by_spelling.get(CardNames.spelling(card)) != card:
            reading.fault(place, f"card {card!r} is not a card of cards.csv (first column); correct or add it")
    dated = values["checked"] is not None and values["starts"] is not None
    if values["confidence"] not in UNVERIFIED and not dated:
        reading.fault(place, "from or checked is empty; wanted a day, or the confidence memory or undated")


def _check_twice(entries: list[Entry], reading: _Reading) -> None:
    seen: dict[tuple[str, str, date | None], str] = {}
    for entry in entries:
        first = seen.setdefault((entry.kind, entry.name, entry.starts), entry.place)
        if first != entry.place:
            reading.fault(entry.place, f"{entry.name} from {entry.starts} stands in {first} already; keep one")


def _card_names(text: str, reading: _Reading) -> CardNames:
    spellings: dict[str, str] = {}
    for place, record in _records(text, "cards.csv", {"card", "aliases"}, reading):
        for name in (record["card"], *_several(record["aliases"])):
            owner = spellings.setdefault(CardNames.spelling(name), record["card"])
            if owner != record["card"]:
                reading.fault(place, f"{name!r} already means {owner}; one spelling, one card")
    return CardNames(spellings)


def read_texts(directory: Path = DATA) -> dict[str, str]:
    """Return every data file's text by its path below the directory, in a fixed order."""
    paths = sorted(directory.rglob("*.csv"))
    return {path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def digest(text: str) -> str:
    """Return the sha256 of a data file."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_book(texts: Mapping[str, str], allow_unverified: bool = False) -> PriceBook:
    """Build the table from the files' texts, or raise BookFaultsError with all that is wrong with them."""
    reading = _Reading({}, CardNames({}))
    sources = _records(texts.get("sources.csv", ""), "sources.csv", {"source", "says", "licence"}, reading)
    reading.sources = {record["source"]: record["says"] for _, record in sources}
    reading.cards = _card_names(texts.get("cards.csv", ""), reading)
    entries: list[Entry] = []
    for kind in KINDS:
        for file, text in texts.items():
            folder, _, name = file.rpartition("/")
            if folder != kind.kind:
                continue
            for place, record in _records(text, file, set(columns(kind)), reading):
                entry = _entry(kind, name.removesuffix(".csv"), place, record, reading)
                entries += [entry] if entry else []
    _check_twice(entries, reading)
    if reading.faults:
        raise BookFaultsError(reading.faults)
    kept = tuple(e for e in entries if allow_unverified or e.confidence not in UNVERIFIED)
    whole = digest("\n".join(f"{file} {digest(text)}" for file, text in texts.items()))
    return PriceBook(kept, reading.cards, whole, allow_unverified)


def load_book(directory: Path = DATA, allow_unverified: bool = False) -> PriceBook:
    """Read the price book that ships with the package, or the one in `directory`."""
    return read_book(read_texts(directory), allow_unverified)
