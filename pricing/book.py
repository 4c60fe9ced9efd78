"""The price book on disk: data files to a table in memory, every fault at once with file and line.

Lines are read a kind at a time, when first asked for: a command that wants cards does not read models.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pricing.columns import columns, defaults, several
from pricing.entries import UNVERIFIED, Entry
from pricing.names import CardNames
from pricing.table import KINDS, PriceBook, Read

DATA: Final = Path(__file__).parent / "data"
EntryT = TypeVar("EntryT", bound=Entry)


class Fault(NamedTuple):
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


class Reading:
    """What is known while reading: the tables that lines refer to, and the faults so far."""

    def __init__(self, sources: Mapping[str, str], cards: CardNames) -> None:
        self.sources = sources
        self.cards = cards
        self.faults: list[Fault] = []

    def fault(self, place: str, message: str) -> None:
        """Note a fault; reading goes on behind it."""
        self.faults.append(Fault(place, message))


def _rows(text: str, file: str, needed: set[str], known: set[str], reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, values), the header first; a wrong header or a line of another length is a fault."""
    lines = csv.reader(io.StringIO(text))
    header = next(lines, list[str]())
    odd = sorted((set(header) - known) | (needed - set(header)))
    if odd or len(set(header)) != len(header):
        wanted = f"wanted the columns {', '.join(sorted(needed))}" + (
            f"; it may have {', '.join(sorted(known - needed))}" if known - needed else ""
        )
        reading.fault(f"{file}:1", f"the header differs in {odd or 'a column that stands twice'}; {wanted}")
        return
    yield 1, header
    for values in lines:
        if len(values) == len(header):
            yield lines.line_num, values
        else:
            message = f"{len(values)} columns found; wanted {len(header)}, as in the header"
            reading.fault(f"{file}:{lines.line_num}", message)


def plain_table(text: str, file: str, wanted: set[str], reading: Reading) -> list[tuple[str, dict[str, str]]]:
    """Split one of the tables that lines refer to into (place, column -> text)."""
    rows = _rows(text, file, wanted, wanted, reading)
    _, header = next(rows, (0, list[str]()))
    return [(f"{file}:{line}", dict(zip(header, values, strict=True))) for line, values in rows]


def _entries(kind: type[EntryT], file: str, text: str, reading: Reading) -> Iterator[EntryT]:
    """Yield the lines of one file; a line with a fault in any column is left out."""
    provider = file.rpartition("/")[2].removesuffix(".csv")
    known, without = columns(kind), defaults(kind)
    needed = {column for column, (name, *_) in known.items() if name not in without}
    rows = _rows(text, file, needed, set(known), reading)
    _, header = next(rows, (0, list[str]()))
    fields = [known[column][:2] for column in header]
    for line, texts in rows:
        place = f"{file}:{line}"
        values = {**without, "provider": provider, "place": place}
        try:
            for (name, read), written in zip(fields, texts, strict=True):
                if written or name not in without:
                    values[name] = read(written)
        except (ValueError, KeyError, InvalidOperation):
            _tell(dict(zip(header, texts, strict=True)), known, place, reading)
            continue
        _check_references(place, values, reading)
        values["source"] = reading.sources.get(values["source"], values["source"])
        yield kind.made(values)


def _tell(record: dict[str, str], known: dict[str, tuple[str, Callable[[str], Any], str]], place: str,
          reading: Reading) -> None:  # fmt: skip
    """Note every column of a line that cannot be read."""
    for column, written in record.items():
        _, read, wanted = known[column]
        try:
            read(written)
        except (ValueError, KeyError, InvalidOperation):
            reading.fault(place, f"{column} is {written!r}; wanted {wanted}")


def _check_references(place: str, values: dict[str, Any], reading: Reading) -> None:
    """Check what a line refers to, and that a price somebody has read says on which day."""
    if values["source"] not in reading.sources:
        reading.fault(place, f"source {values['source']!r} is not in sources.csv; add it there")
    cards = values.get("card", ())
    for card in (cards,) if isinstance(cards, str) else cards:
        if card not in reading.cards.known:
            reading.fault(place, f"card {card!r} is not a card of cards.csv (first column); correct or add it")
    if values["confidence"] not in UNVERIFIED and (values["checked"] is None or values["starts"] is None):
        reading.fault(place, "from or checked is empty; wanted a day, or the confidence memory or undated")


def _check_twice(entries: list[Any], reading: Reading) -> None:
    seen: dict[tuple[str, date | None], str] = {}
    for entry in entries:
        first = seen.setdefault((entry.name, entry.starts), entry.place)
        if first != entry.place:
            reading.fault(entry.place, f"{entry.name} from {entry.starts} stands in {first} already; keep one")


def _card_names(text: str, reading: Reading) -> CardNames:
    spellings: dict[str, str] = {}
    for place, record in plain_table(text, "cards.csv", {"card", "aliases"}, reading):
        for name in (record["card"], *several(record["aliases"])):
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


def tables(texts: Mapping[str, str], under: Reading | None = None) -> Reading:
    """Return the sources and cards that lines refer to, those of the book `under` this one among them."""
    reading = Reading(dict(under.sources) if under else {}, under.cards if under else CardNames({}))
    if "sources.csv" in texts or under is None:
        rows = plain_table(texts.get("sources.csv", ""), "sources.csv", {"source", "says", "licence"}, reading)
        reading.sources = {**reading.sources, **{record["source"]: record["says"] for _, record in rows}}
    if "cards.csv" in texts or under is None:
        own = _card_names(texts.get("cards.csv", ""), reading)
        reading.cards = CardNames({**reading.cards.by_spelling, **own.by_spelling})
    return reading


def read_kind(kind: type[EntryT], texts: Mapping[str, str], reading: Reading) -> list[EntryT]:
    """Return the lines of one kind; what is wrong with the others is noted in `reading`."""
    folder = f"{kind.kind}/"
    found = [
        entry
        for file, text in texts.items()
        if file.startswith(folder)
        for entry in _entries(kind, file, text, reading)
    ]
    _check_twice(found, reading)
    return found


def whole_digest(texts: Mapping[str, str]) -> str:
    """Return the sha256 over the names and digests of all files."""
    return digest("\n".join(f"{file} {digest(text)}" for file, text in texts.items()))


def read_all(texts: Mapping[str, str], under: Reading | None = None) -> tuple[dict[type[Entry], list[Entry]], Reading]:
    """Return every line by kind, or raise BookFaultsError with all that is wrong with the files."""
    reading = tables(texts, under)
    found = {kind: read_kind(kind, texts, reading) for kind in KINDS}
    if reading.faults:
        raise BookFaultsError(reading.faults)
    return found, reading


def reader(texts: Mapping[str, str], under: Reading | None = None) -> tuple[Read, Reading]:
    """Return what reads one kind when it is asked for, and the tables; BookFaultsError then tells of every kind."""
    reading = tables(texts, under)

    def read(kind: type[Entry]) -> list[Entry]:
        found = read_kind(kind, texts, reading)
        if reading.faults:
            read_all(texts, under)
        return found

    return read, reading


def read_book(texts: Mapping[str, str], allow_unverified: bool = False) -> PriceBook:
    """Build the table from the files' texts, or raise BookFaultsError with all that is wrong with them."""
    found, reading = read_all(texts)
    return PriceBook(found.__getitem__, reading.cards, whole_digest(texts), allow_unverified)


def load_book(directory: Path = DATA, allow_unverified: bool = False) -> PriceBook:
    """Read the price book that ships with the package, or the one in `directory`; its lines when first asked for."""
    texts = read_texts(directory)
    read, reading = reader(texts)
    return PriceBook(read, reading.cards, whole_digest(texts), allow_unverified)
