"""Edge: the price book as it stands on this machine: the shipped one, then the refreshed one, then the user's own file.

Where the own file is looked for, first found: the one named on the command line; prices.local.yaml in the scenario's
folder; prices.local.yaml in the working folder.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from pricing.book import BookFaultsError, Fault, Reading, digest, read_texts, reader, whole_digest
from pricing.entries import Entry, Layer
from pricing.places import BrokenPlaceError, refreshed_folder
from pricing.table import KINDS, PriceBook, Read

LOCAL: Final = "prices.local.yaml"


def own_file(named: Path | None, beside: Path | None) -> Path | None:
    """Return the file of the user's own prices, or None; a file that is named and not there is a fault."""
    if named is not None:
        if not named.is_file():
            raise BookFaultsError([Fault(str(named), "is not there; check the path given with --prices")])
        return named
    folders = [*([beside] if beside else []), Path()]
    return next((folder / LOCAL for folder in folders if (folder / LOCAL).is_file()), None)


def layered(below: Read, above: Read) -> Read:
    """Return what reads both: where the upper confirms a price of the lower, only the day of checking moves."""

    def read(kind: type[Entry]) -> Sequence[Entry]:
        lower = below(kind)
        upper = [line.with_(layer=Layer.REFRESHED, place=f"refreshed:{line.place}") for line in above(kind)]
        return merged(lower, upper)

    return read


def merged(lower: Sequence[Entry], upper: Sequence[Entry]) -> list[Entry]:
    """Lay refreshed lines over shipped ones; nothing is overwritten: a changed price is a line beside the old one.

    A refreshed line that states what the line in force says already confirms it: that line's `checked` moves to the
    newer day, and what only the older source knows (tiers, notes, an announced end) stays.
    """
    offers: dict[str, list[Entry]] = {}
    for line in lower:
        offers.setdefault(line.name, []).append(line)
    confirmed: dict[int, date] = {}
    added: list[Entry] = []
    for line in upper:
        held = [old for old in offers.get(line.name, ()) if (old.starts or date.min) <= (line.starts or date.min)]
        last = max(held, key=lambda old: old.starts or date.min, default=None)
        if last is not None and line.checked is not None and says_the_same(last, line):
            confirmed[id(last)] = max(line.checked, last.checked or date.min)
        else:
            added.append(line if last is None else keeping_end(line, last))
    moved = [line.with_(checked=confirmed[id(line)]) if id(line) in confirmed else line for line in lower]
    return [*moved, *added]


def says_the_same(old: Entry, new: Entry) -> bool:
    """Tell whether every price that the new line states stands in the old one too, and its end with it."""
    priced = [name for name in new.fields if "usd" in name and not name.startswith("second_")]
    stated = [name for name in priced if getattr(new, name) is not None]
    ends = new.ends is None or new.ends == old.ends
    return ends and all(getattr(new, name) == getattr(old, name) for name in stated)


def keeping_end(new: Entry, old: Entry) -> Entry:
    """Return the new line with the shutdown that was announced before, where its source says nothing about one."""
    shutdown = getattr(old, "shutdown", None)
    if shutdown is None or getattr(new, "shutdown", None) is not None:
        return new
    return new.with_(shutdown=shutdown)


def open_book(
    named: Path | None = None,
    beside: Path | None = None,
    *,
    refreshed: Path | bool = True,
    allow_unverified: bool = False,
) -> PriceBook:
    """Return the book; `refreshed` is the folder of the refreshed one, True for this machine's, False for none.

    Raises BookFaultsError with every fault of the files it reads.
    """
    texts = read_texts()
    read, tables = reader(texts)
    digests = [whole_digest(texts)]
    try:
        folder = refreshed if isinstance(refreshed, Path) else refreshed_folder() if refreshed else None
    except BrokenPlaceError as error:
        raise BookFaultsError([Fault("the refreshed book", str(error))]) from None
    if folder is not None:
        newer = read_texts(folder)
        above, tables = reader(newer, tables)
        read, digests = layered(read, above), [*digests, whole_digest(newer)]
    own = own_file(named, beside)
    if own is not None:
        text = _text(own)
        read, digests = with_own(read, text, own.name, tables), [*digests, digest(text)]
    whole = digests[0] if len(digests) == 1 else digest(" ".join(digests))
    return PriceBook(read, tables.cards, whole, allow_unverified, own.name if own else "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BookFaultsError([Fault(path.name, "is not UTF-8; save the file as UTF-8")]) from None


def with_own(read: Read, text: str, file: str, tables: Reading) -> Read:
    """Return what reads the book with the user's own lines on top; their faults are raised here and now."""
    from pricing.local import own_entries  # noqa: PLC0415  only where there is such a file

    known = {kind: read(kind) for kind in KINDS if f"{kind.kind}:" in text}
    own = own_entries(text, file, lambda kind: known.get(kind, ()), tables.cards)

    def read_all(kind: type[Entry]) -> Sequence[Entry]:
        return [*(known[kind] if kind in known else read(kind)), *own.get(kind, ())]

    return read_all
