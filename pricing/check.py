"""Is the price book sound: bounds, age, and whether the files are the ones that were reviewed."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from pricing.book import BookFaultsError, Fault, digest, read_book
from pricing.entries import Entry, GpuEntry, ServerlessEntry
from pricing.lookup import holding

STALE_AFTER: Final = timedelta(days=90)
"""Due for another look after a quarter: within one, the book's p5.48xlarge rent fell by 44 % (spring of 2025)."""
BOUNDS: Final = {
    "usd_per_million_tokens": (Decimal("0.005"), Decimal(1000)),
    "usd_per_gpu_hour": (Decimal("0.05"), Decimal(60)),
}
"""Outside these a price is more often a slip of unit (per thousand tokens, cents, a whole node) than a price."""
MANIFEST: Final = "manifest.json"
MANIFEST_VERSION: Final = 1
EXCEPTIONS: Final = "exceptions.csv"


def bounded(entry: Entry) -> Iterator[tuple[str, str, Decimal]]:
    """Yield (figure name, unit, value) of every number of a line that has bounds; rents per card."""
    name = f"price.{entry.kind}.{entry.name}"
    if isinstance(entry, GpuEntry | ServerlessEntry):
        yield f"{name}.usd_per_gpu_hour", "usd_per_gpu_hour", entry.usd_per_hour / entry.count
    if isinstance(entry, GpuEntry) and entry.spot_usd_per_hour is not None:
        yield f"{name}.spot_usd_per_gpu_hour", "usd_per_gpu_hour", entry.spot_usd_per_hour / entry.count
    for tier in entry.fields:
        value = getattr(entry, tier)
        if tier.endswith("_usd_per_million_tokens") and value is not None:
            yield f"{name}.{tier}", "usd_per_million_tokens", value


def out_of_bounds(entries: Iterable[Entry]) -> list[tuple[str, Fault]]:
    """Return (figure name, fault) of every number outside its bounds."""
    found: list[tuple[str, Fault]] = []
    for entry in entries:
        for name, unit, value in bounded(entry):
            low, high = BOUNDS[unit]
            if not low <= value <= high:
                message = (
                    f"{name} is {value}; wanted {low}..{high} {unit}: correct the unit, or explain it in {EXCEPTIONS}"
                )
                found.append((name, Fault(entry.place, message)))
    return found


def explained(text: str) -> dict[str, str]:
    """Read exceptions.csv: figure name to the reason its number may lie outside the bounds."""
    return {row["name"]: row["reason"] for row in csv.DictReader(io.StringIO(text)) if row.get("reason")}


def sanity(entries: Iterable[Entry], reasons: Mapping[str, str]) -> list[Fault]:
    """Return every number outside its bounds that nobody explains, and every explanation that explains nothing."""
    odd = out_of_bounds(entries)
    idle = sorted(set(reasons) - {name for name, _ in odd})
    return [fault for name, fault in odd if name not in reasons] + [
        Fault(EXCEPTIONS, f"{name} is within its bounds, or not in the book; delete this line") for name in idle
    ]


def stale(entries: Iterable[Entry], as_of: date) -> list[Entry]:
    """Return the lines that hold on a day and were last checked more than 90 days before it, the oldest first."""
    old = [e for e in holding(entries, as_of) if e.checked is not None and as_of - e.checked > STALE_AFTER]
    return sorted(old, key=lambda entry: (entry.checked or date.min, entry.name))


def seams(entries: Iterable[Entry]) -> list[Fault]:
    """Return every line whose price ends on another day than the next one of its offer begins: a gap, or an overlap.

    A line without an end runs to the next one; after a shutdown nothing may begin.
    """
    offers: dict[tuple[str, str], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.starts or date.min):
        offers.setdefault((entry.kind, entry.name), []).append(entry)
    found: list[Fault] = []
    for lines in offers.values():
        for line, following in pairwise(lines):
            until = getattr(line, "until", None)
            if until is not None and until != following.starts:
                what = "gap" if following.starts is not None and until < following.starts else "overlap"
                message = f"{line.name} ends on {until}, the next line begins on {following.starts}: {what}; set until"
                found.append(Fault(line.place, message))
    return found


def manifest(texts: Mapping[str, str]) -> str:
    """Write down what was reviewed: lines and sha256 of each file, as JSON."""
    files = {
        name: {"lines": sum(1 for _ in csv.reader(io.StringIO(text))) - 1, "sha256": digest(text)}
        for name, text in texts.items()
    }
    return json.dumps({"format_version": MANIFEST_VERSION, "files": files}, indent=1) + "\n"


def drift(texts: Mapping[str, str], reviewed: str) -> list[Fault]:
    """Return every file that is new, gone or changed since the manifest was written."""
    held = json.loads(reviewed)["files"]
    now = json.loads(manifest(texts))["files"]
    return [
        Fault(
            name, f"manifest.json says {held.get(name)}, found {now.get(name)}; review it, then `prices check --accept`"
        )
        for name in sorted({*held, *now})
        if held.get(name) != now.get(name)
    ]


def faults(texts: Mapping[str, str], reviewed: str) -> list[Fault]:
    """Return all that is wrong with the book's files, unverified lines included; staleness is not among it."""
    try:
        entries = read_book(texts, allow_unverified=True).entries
    except BookFaultsError as error:
        return [*error.faults, *drift(texts, reviewed)]
    return [*sanity(entries, explained(texts.get(EXCEPTIONS, ""))), *seams(entries), *drift(texts, reviewed)]
