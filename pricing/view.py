"""Lines of the price book as a reader wants them: found by name, with their state on a day, summed up, spelled out."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, cast

from pricing.entries import (
    ApiEntry,
    Confidence,
    Crosscheck,
    Entry,
    GpuEntry,
    Layer,
    Offer,
    PurchaseEntry,
    ServerlessEntry,
    TuningEntry,
)
from pricing.local_form import TIERS, tier_columns
from pricing.lookup import api_names, holding, tuning_names
from pricing.names import CardNames, UnknownPriceError, unknown
from pricing.table import PriceBook
from pricing.units import LABELS, unit_of


class Status(StrEnum):
    """What a line is on a day; `ending` is in force too, with a known last day or a next step."""

    IN_FORCE = "in-force"
    ENDING = "ending"
    ANNOUNCED = "announced"
    EARLIER = "earlier"
    ENDED = "ended"


def statuses(entries: Sequence[Entry], on: date) -> list[tuple[Entry, Status]]:
    """Return every line with what it is on a day, in the order given."""
    live = {id(entry) for entry in holding(entries, on)}
    announced = {(entry.kind, entry.name) for entry in entries if entry.starts is not None and entry.starts > on}
    found: list[tuple[Entry, Status]] = []
    for entry in entries:
        if id(entry) in live:
            is_ending = entry.ends is not None or (entry.kind, entry.name) in announced
            state = Status.ENDING if is_ending else Status.IN_FORCE
        elif entry.starts is not None and entry.starts > on:
            state = Status.ANNOUNCED
        else:
            state = Status.ENDED if entry.ends is not None and entry.ends <= on else Status.EARLIER
        found.append((entry, state))
    return found


def matching(entries: Iterable[Entry], kind: str | None, text: str, provider: str | None = None) -> list[Entry]:
    """Return the lines of one kind and provider, if those are given, whose name contains the text; by kind and name."""
    wanted = text.casefold()
    held = [
        entry
        for entry in entries
        if kind in (None, entry.kind)
        and wanted in entry.name.casefold()
        and (provider is None or entry.provider == provider.casefold())
    ]
    return sorted(held, key=lambda entry: (entry.kind, entry.name, entry.starts or date.min))


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
        cards = book.cards.known
        known = {name for entry in book.entries for name in names_of(entry) if "/" in name or name in cards}
        raise UnknownPriceError(unknown("price of", asked, known, "api"))
    return sorted(found, key=lambda entry: (entry.kind, entry.name, entry.starts or date.min))


def age_days(entry: Entry, on: date) -> int | None:
    """Return how long ago a line was last checked; None where nobody wrote down when."""
    return None if entry.checked is None else (on - entry.checked).days


def label(column: str) -> str:
    """Return a column's name without its unit: `cached input`; empty where the name is the unit."""
    return column.removesuffix(unit_of(column)).strip("_").replace("_", " ")


def summary(entry: Entry) -> str:
    """Sum up a line's prices: `input 2 · cached input 0.2 · output 10 / 1M tokens`."""
    parts: dict[str, list[str]] = {}
    for column, value in tiers(entry).items():
        unit = LABELS[unit_of(column)].removeprefix("USD").strip()
        parts.setdefault(unit, []).append(f"{label(column)} {value}".strip())
    return "; ".join(f"{' · '.join(values)} {unit}".strip() for unit, values in parts.items())


def tiers(entry: Entry) -> dict[str, Decimal]:
    """Return the priced columns of a line that are filled, by name; a second opinion is not a price of its own."""
    return {
        name: value
        for name in entry.fields
        if "usd" in name and not name.startswith("second_") and (value := getattr(entry, name)) is not None
    }


def has_tier(entry: Entry, tier: str) -> bool:
    """Tell whether a line has a price of a tier."""
    columns = tier_columns(entry.kind, tier) if tier in TIERS[entry.kind] else []
    return any(getattr(entry, column) is not None for column in columns)


def tier_names() -> list[str]:
    """Return every tier of every kind once."""
    return list(dict.fromkeys(tier for tiers_of in TIERS.values() for tier in tiers_of))


def differs(entry: Entry) -> bool:
    """Tell whether a second price list disagrees with a line."""
    return isinstance(entry, ApiEntry) and entry.crosscheck is Crosscheck.DIFFER


OFFERS: Final = {
    Offer.INTRODUCTORY: "introductory price",
    Offer.CONTRACT: "under contract, not on demand",
    Offer.FROM: "lowest advertised, not a firm offer",
    Offer.AVERAGE: "average, not a firm offer",
}
"""What a price that is no list price is."""


def brief(entry: Entry) -> str:
    """Sum up what a line costs in a few words: a model's input and output, else all of it."""
    if isinstance(entry, ApiEntry):
        return f"{entry.input_usd_per_million_tokens} in, {entry.output_usd_per_million_tokens} out"
    return summary(entry)


def remarks(entry: Entry, following: Entry | None) -> list[str]:
    """Return what a reader must know beside the number: whose it is, that it ends or steps, what it is not."""
    found: list[str] = []
    if entry.own is not None:
        found.append(f"your own: {entry.own.because}")
    if following is not None:
        found.append(f"from {following.starts}: {brief(following)}")
    elif entry.ends is not None:
        found.append(f"ends {entry.ends}")
    if isinstance(entry, TuningEntry) and entry.new_jobs_until is not None:
        found.append(f"no new jobs after {entry.new_jobs_until}")
    if isinstance(entry, TuningEntry) and entry.training_usd_per_hour is not None:
        found.append(f"training {entry.training_usd_per_hour} an hour")
    if isinstance(entry, ServerlessEntry) and entry.cpu_usd_per_core_hour is not None:
        found.append("processor and memory on top")
    if isinstance(entry, ApiEntry) and differs(entry):
        second = f"{entry.second_input_usd_per_million_tokens} in, {entry.second_output_usd_per_million_tokens} out"
        found.append(f"LISTS DIFFER: {entry.second_source or 'the second list'} says {second}")
    if isinstance(entry, ApiEntry | GpuEntry) and entry.offer is not Offer.LIST:
        found.append(OFFERS[entry.offer])
    if entry.confidence is not Confidence.SEEN:
        found.append(f"{entry.confidence} source")
    return found


def record(entry: Entry, on: date) -> dict[str, Any]:
    """Spell a line out for a reader or for JSON: filled columns only, numbers as text so that no digit is lost."""
    shared = Entry.fields
    own = [name for name in entry.fields if name not in shared]
    filled: dict[str, Any] = {"kind": entry.kind, "name": entry.name, "provider": entry.provider}
    for name in (*own, *(name for name in shared if name not in {"place", "own", "layer"})):
        value: Any = getattr(entry, name)
        if name not in filled and value not in (None, "", ()):
            text = ", ".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
            filled["from" if name == "starts" else name] = text
    if entry.layer is not Layer.SHIPPED:
        filled["layer"] = str(entry.layer)
    return {**filled, "age_days": age_days(entry, on), "line": entry.place}


def by_file_and_day(entries: Iterable[Entry]) -> dict[tuple[str, date | None], int]:
    """Count lines by (data file, day they were last checked), the oldest day first."""
    counts: dict[tuple[str, date | None], int] = {}
    for entry in sorted(entries, key=lambda entry: (entry.checked or date.min, entry.place)):
        key = (entry.place.rpartition(":")[0], entry.checked)
        counts[key] = counts.get(key, 0) + 1
    return counts
