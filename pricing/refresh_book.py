"""From what the lists gave to a book in the form of pricing/data: pure text in, text out, nothing overwritten.

Rule 1  A price that still holds: its line is written again, with `checked` moved to the day of the list.
Rule 2  A price that changed: a new line from the day of the list; the earlier line stays.
Rule 3  A list that gives fewer prices of an offer than the line held does not move that line's day.
Rule 4  A list older than the line held changes nothing.
Rule 5  A model that the book says is switched off stays so, whatever a list still carries.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pricing.columns import columns, defaults
from pricing.names import CardNames
from pricing.refresh_rows import KEYS, Key, key_of, prices_of
from pricing.sources.answer import Row
from pricing.sources.cards import Known, Machine
from pricing.table import KINDS

HEADERS: Final = {kind.kind: list(columns(kind)) for kind in KINDS if kind.kind in KEYS}
"""The columns of the parts that a refresh writes, as the book's reader wants them."""
NEEDED: Final = {kind.kind: columns(kind).keys() - defaults(kind).keys() for kind in KINDS if kind.kind in KEYS}
"""Those that may not be left out of a file, even where they are empty."""
CARRIED: Final = ("context_window_tokens", "shutdown", "page", "long_context_mode")
"""Facts of an offer that outlive a change of its price, where the list does not state them."""
SOURCES_FILE: Final = "sources.csv"
CARDS_FILE: Final = "cards.csv"
SAYS: Final = ("source", "says", "licence")

Line = dict[str, str]
Lines = dict[Key, list[Line]]


class Kept(NamedTuple):
    """What one list gave when it last answered: its rows, the day they are of, and the line of sources.csv."""

    rows: Sequence[Row]
    day: date
    source: str
    says: str
    licence: str


def lines_of(*books: Mapping[str, str]) -> Lines:
    """Return every line of api/ and gpu/ of some books by offer, the earlier books first."""
    found: Lines = {}
    for texts in books:
        for file, text in texts.items():
            kind, _, name = file.rpartition("/")
            if kind in KEYS:
                provider = name.removesuffix(".csv")
                for written in csv.DictReader(io.StringIO(text)):
                    line = {name: written.get(name) or "" for name in HEADERS[kind]}
                    found.setdefault(key_of(kind, provider, line), []).append(line)
    return found


def in_force(lines: Iterable[Mapping[str, str]], day: date) -> Mapping[str, str] | None:
    """Return the line that holds on a day: the latest begun, and of equal ones the latest checked; None if it ended."""
    begun = [line for line in lines if line["from"] <= str(day)]
    if not begun:
        return None
    line = max(begun, key=lambda each: (each["from"], each["checked"]))
    ends = line.get("until") or line.get("shutdown") or ""
    return None if ends and ends <= str(day) else line


def known(books: Lines, cards: CardNames, providers: Iterable[str], day: date) -> Known:
    """Return what adapters need to know of the book."""
    rents = [(key[1], line) for key, lines in books.items() if key[0] == "gpu" for line in lines]
    return Known(
        day,
        cards,
        frozenset(providers),
        {
            (provider, line["instance"]): Machine(line["card"], int(line["count"]), Decimal(line["memory_gb"]))
            for provider, line in rents
        },
        {line["card"]: Decimal(line["memory_gb"]) for _, line in rents},
        frozenset((provider, line["region"]) for provider, line in rents),
    )


def composed(lists: Sequence[Kept], shipped: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the refreshed book: its lines so far, with what the lists (most believed first) change."""
    ours, everything = lines_of(before), lines_of(shipped, before)
    given: dict[tuple[Key, str], list[tuple[Row, Kept]]] = {}
    for kept in lists:
        for row in kept.rows:
            key = key_of(row.kind, row.provider, row.columns)
            announced = row.columns.get("from", "") if row.columns.get("from", "") > str(kept.day) else ""
            given.setdefault((key, announced), []).append((row, kept))
    for (key, _), offers in given.items():
        line = _line(offers, everything.get(key, []))
        if line is not None:
            others = [each for each in ours.get(key, []) if each["from"] != line["from"]]
            ours[key] = sorted([*others, line], key=lambda each: each["from"])
    return _files(ours, lists, shipped, before)


def _line(offers: list[tuple[Row, Kept]], lines: list[Line]) -> Line | None:
    """Return the line that an offer's rows call for, or None where the book stays as it is (Rules 1 to 5)."""
    row, kept = offers[0]
    starts = row.columns.get("from", "")
    day = str(kept.day)
    held = in_force(lines, max(kept.day, date.fromisoformat(starts)) if starts else kept.day)
    opinion = {name: text for name, text in _second(offers).items() if row.kind == "api"}
    attested = {"source": kept.source, "checked": day, **opinion}
    if held is None:
        gone = any(line["shutdown"] and line["shutdown"] <= day for line in lines if "shutdown" in line)
        return None if gone else {**row.columns, "from": starts or day, **attested}
    if day < held["checked"]:
        return None
    now, before = prices_of(row.columns), prices_of(held)
    if all(now[name] == before[name] for name in now.keys() & before.keys()):
        return (
            {**row.columns, **{name: text for name, text in held.items() if text}, **attested}
            if before.keys() <= now.keys()
            else None
        )
    carried = {name: held[name] for name in CARRIED if held.get(name)}
    begins = starts if starts > held["from"] else day
    return {**carried, **row.columns, "from": begins, **attested}


def _second(offers: list[tuple[Row, Kept]]) -> dict[str, str]:
    """Return what the next list that has the model says, in the columns the book has for that."""
    if len(offers) < 2:
        return {"crosscheck": "single"}
    first, second, who = offers[0][0].columns, offers[1][0].columns, offers[1][1].source
    tiers = ("input_usd_per_million_tokens", "output_usd_per_million_tokens")
    if all(Decimal(first[tier]) == Decimal(second[tier]) for tier in tiers):
        return {"crosscheck": "agree", "second_source": who} | {f"second_{tier}": "" for tier in tiers}
    return {"crosscheck": "differ", "second_source": who} | {f"second_{tier}": second[tier] for tier in tiers}


def _files(ours: Lines, lists: Sequence[Kept], shipped: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Write the lines, the sources they name and the cards as files, in a fixed order."""
    tables: dict[str, list[Line]] = {}
    for key in sorted(ours):
        tables.setdefault(f"{key[0]}/{key[1]}.csv", []).extend(ours[key])
    named = {line["source"] for lines in ours.values() for line in lines}
    said = {
        line["source"]: line
        for texts in (shipped, before)
        for line in csv.DictReader(io.StringIO(texts.get(SOURCES_FILE, "")))
    } | {kept.source: {"source": kept.source, "says": kept.says, "licence": kept.licence} for kept in lists}
    files = {file: table(_header(file.partition("/")[0], lines), lines) for file, lines in sorted(tables.items())}
    files[SOURCES_FILE] = table(SAYS, [said[name] for name in sorted(named)])
    files[CARDS_FILE] = shipped.get(CARDS_FILE, "card,aliases\n")
    return files


def _header(kind: str, lines: Sequence[Line]) -> list[str]:
    """Return the columns of a part that some line fills, and those that a file must have."""
    return [name for name in HEADERS[kind] if name in NEEDED[kind] or any(line.get(name) for line in lines)]


def table(header: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """Write lines as CSV; a column that a line lacks stays empty, one that the header lacks is dropped."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()
