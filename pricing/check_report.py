"""What `prices check` tells of a sound book: how old its prices are, and where two lists disagree."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from pricing.check import STALE_AFTER, stale
from pricing.entries import ApiEntry, Crosscheck, Entry
from pricing.lookup import holding
from pricing.second import disagreements, is_installed, their_source
from pricing.table import PriceBook
from pricing.view import by_file_and_day


class Dispute(NamedTuple):
    """One price that two lists state differently; `theirs` is what `their_source` says."""

    model: str
    tier: str
    ours: str
    theirs: str
    our_source: str
    their_source: str


class Report(NamedTuple):
    """The state of a sound book on a day."""

    on: date
    book: PriceBook
    live: Sequence[Entry]
    old: Sequence[Entry]
    disputes: Sequence[Dispute]

    def as_record(self) -> dict[str, Any]:
        """Return it as plain data."""
        days = self.book.checked_days(self.on)
        return {
            "sound": True,
            "as_of": self.on,
            "lines": len(self.book.entries),
            "in_force": len(self.live),
            "oldest_checked": days[0] if days else None,
            "newest_checked": days[-1] if days else None,
            "older_than_90_days": len(self.old),
            "disputes": [dispute._asdict() for dispute in self.disputes],
            "second_opinion": their_source() if is_installed() else None,
            "digest": self.book.digest,
        }

    def warnings(self) -> list[str]:
        """Return a line for each file and day of old prices, and one for each dispute."""
        old = [
            f"old      {file}: {lines} in force, last checked {day}"
            for (file, day), lines in by_file_and_day(self.old).items()
        ]
        differ = [
            f"differs  {each.model} {each.tier}: {each.ours} ({each.our_source}), {each.theirs} ({each.their_source})"
            for each in self.disputes
        ]
        second = [] if is_installed() else ["no second opinion: pip install 'crossover[prices]' brings genai-prices"]
        return [*old, *differ, *second]

    def verdict(self) -> str:
        """Return the one line that a reader wants first."""
        told = self.as_record()
        return (
            f"sound: {told['lines']} lines, {told['in_force']} in force on {self.on}, "
            f"checked {told['oldest_checked']}..{told['newest_checked']}; "
            f"{len(self.old)} older than {STALE_AFTER.days} days, "
            f"{len({each.model for each in self.disputes})} models on which two lists disagree"
        )


def report(book: PriceBook, on: date) -> Report:
    """Return the state of a book on a day; genai-prices, where it is installed, is the second opinion."""
    live = holding(book.entries, on)
    return Report(on, book, live, stale(book.entries, on), [*own_disputes(live), *second_disputes(book, on)])


def own_disputes(live: Sequence[Entry]) -> list[Dispute]:
    """Return what the book's own second list, read when the line was written, says otherwise."""
    found: list[Dispute] = []
    for line in live:
        if isinstance(line, ApiEntry) and line.crosscheck is Crosscheck.DIFFER:
            pairs = {
                "input": (line.input_usd_per_million_tokens, line.second_input_usd_per_million_tokens),
                "output": (line.output_usd_per_million_tokens, line.second_output_usd_per_million_tokens),
            }
            found += [
                Dispute(line.name, tier, str(ours), str(theirs), line.source, line.second_source)
                for tier, (ours, theirs) in pairs.items()
                if ours != theirs
            ]
    return found


def second_disputes(book: PriceBook, on: date) -> list[Dispute]:
    """Return what genai-prices as installed here says otherwise; nothing where it is not installed."""
    if not is_installed():
        return []
    return [
        Dispute(each.model, each.tier, str(each.ours), str(each.theirs), each.our_source, each.their_source)
        for each in disagreements(book, on)
    ]
