"""Lines of the price book as a reader wants them: found by name, summed up in a few words, or spelled out."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, cast

from pricing.entries import ApiEntry, Entry, GpuEntry, PurchaseEntry, ServerlessEntry, TuningEntry
from pricing.lookup import api_names, holding, tuning_names
from pricing.names import CardNames, UnknownPriceError, unknown
from pricing.table import PriceBook
from pricing.units import LABELS, unit_of


def matching(entries: Iterable[Entry], on: date, kind: str | None, text: str) -> list[Entry]:
    """Return the lines that hold on a day, of one kind if that is given, whose name contains the text."""
    held = [e for e in holding(entries, on) if kind in (None, e.kind) and text.casefold() in e.name.casefold()]
    return sorted(held, key=lambda entry: (entry.kind, entry.name))


def names_of(entry: Entry) -> set[str]:
    """Return every name a reader may call a line by, cards included."""
    names = {entry.name}
    if isinstance(entry, ApiEntry):
        names |= {each for name in api_names(entry.model) for each in (name, f"{entry.provider}/{name}")}
    if isinstance(entry, TuningEntry):
        names |= {each for name in tuning_names(entry) for each in (name, f"{entry.provider}/{name}")}
    if isinstance(entry, GpuEntry | PurchaseEntry):
        names.add(entry.card)
    if isinstance(entry, ServerlessEntry):
        names |= set(entry.card)
    return names


def named(book: PriceBook, asked: str) -> list[Entry]:
    """Return every line a name stands for, first day first, or raise UnknownPriceError with the near names."""
    wanted = {asked.casefold(), book.cards.by_spelling.get(CardNames.spelling(asked), asked).casefold()}
    found = [entry for entry in book.entries if wanted & {name.casefold() for name in names_of(entry)}]
    if not found:
        cards = set(book.cards.by_spelling.values())
        known = {name for entry in book.entries for name in names_of(entry) if "/" in name or name in cards}
        raise UnknownPriceError(unknown("price of", asked, known, "api"))
    return sorted(found, key=lambda entry: (entry.kind, entry.name, entry.starts or date.min))


def age_days(entry: Entry, on: date) -> int | None:
    """Return how long ago a line was last checked; None where nobody wrote down when."""
    return None if entry.checked is None else (on - entry.checked).days


def summary(entry: Entry) -> str:
    """Sum up a line's prices: `input 2 · cached input 0.2 · output 10 / 1M tokens`."""
    parts: dict[str, list[str]] = {}
    for tier, value in tiers(entry).items():
        unit = unit_of(tier)
        label = tier.removesuffix(unit).strip("_").replace("_", " ")
        parts.setdefault(LABELS[unit].removeprefix("USD").strip(), []).append(f"{label} {value}".strip())
    return "; ".join(f"{' · '.join(values)} {unit}".strip() for unit, values in parts.items())


def tiers(entry: Entry) -> dict[str, Decimal]:
    """Return the priced columns of a line that are filled, by name; a second opinion is not a price of its own."""
    return {
        name: value
        for name in entry.__dataclass_fields__
        if "usd" in name and not name.startswith("second_") and (value := getattr(entry, name)) is not None
    }


def record(entry: Entry, on: date) -> dict[str, Any]:
    """Spell a line out for a reader or for JSON: filled columns only, numbers as text so that no digit is lost."""
    shared = Entry.__dataclass_fields__
    own = [name for name in entry.__dataclass_fields__ if name not in shared]
    filled: dict[str, Any] = {"kind": entry.kind, "name": entry.name, "provider": entry.provider}
    for name in (*own, *shared):
        value: Any = getattr(entry, name)
        if name not in filled and name != "place" and value not in (None, "", ()):
            text = ", ".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
            filled["from" if name == "starts" else name] = text
    return {**filled, "age_days": age_days(entry, on), "line": entry.place}


def by_file_and_day(entries: Iterable[Entry]) -> dict[tuple[str, date | None], int]:
    """Count lines by (data file, day they were last checked), the oldest day first."""
    counts: dict[tuple[str, date | None], int] = {}
    for entry in sorted(entries, key=lambda entry: (entry.checked or date.min, entry.place)):
        key = (entry.place.partition(":")[0], entry.checked)
        counts[key] = counts.get(key, 0) + 1
    return counts
