"""A second opinion on API prices: genai-prices' own snapshot, offline, where the extra `prices` is installed.

Rule 1  Two prices are shown side by side, each with who says it; neither is taken for an error of the other.
Rule 2  A claim of savings takes, for what it leaves, the LOWER price, and for what it moves to, the DEARER: either
        choice can only make the saving smaller. "The dearer one" alone, for both sides, would be wrong on the first: a
        dearer price of the model that is left makes leaving it look better than it may be.
Rule 3  The user's own negotiated rates stand: no list knows them better.
"""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pricing.book import digest
from pricing.entries import ApiEntry, Entry, Layer
from pricing.lookup import holding
from pricing.names import PriceError
from pricing.table import PriceBook

PACKAGE: Final = "genai-prices"
MODULE: Final = "genai_prices"
NOON: Final = time(12, tzinfo=UTC)
"""The hour a day's price is asked at, in working hours: the one provider with prices by the hour is cheap by night."""
TIERS: Final = {
    "input": "input_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}
"""Our tiers to the package's names; both are in USD per million tokens."""
BATCH: Final = {"processing": "batch"}
"""What the package's price variants call a batch job."""


class NoSecondOpinionError(PriceError):
    """The extra is not installed; the message says how to get it."""


class Side(StrEnum):
    """Which side of a claim of savings a price stands on."""

    LEFT = "what is left"
    MOVED_TO = "what is moved to"


class Disagreement(NamedTuple):
    """One price that two sources state differently, in USD per million tokens; `matched` is the other's model name."""

    model: str
    tier: str
    ours: Decimal
    theirs: Decimal
    our_source: str
    our_checked: date | None
    their_source: str
    matched: str

    @property
    def ratio(self) -> Decimal:
        """Return theirs over ours."""
        return self.theirs / self.ours


def conservative_price(ours: Decimal, others: Iterable[Decimal], side: Side) -> Decimal:
    """Return the price that makes a claimed saving smaller (Rule 2); without another opinion, ours."""
    return min([ours, *others]) if side is Side.LEFT else max([ours, *others])


def is_installed() -> bool:
    """Tell whether the extra is there, without loading it."""
    return importlib.util.find_spec(MODULE) is not None


def their_source() -> str:
    """Return the other's name and version; NoSecondOpinionError where it is not installed."""
    if not is_installed():
        message = f"no second opinion: {PACKAGE} is not installed; next: pip install 'crossover[prices]'"
        raise NoSecondOpinionError(message)
    return f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"


def disagreements(book: PriceBook, as_of: date) -> list[Disagreement]:
    """Return every API price in force on a day that the two sources state differently, the widest ratio first."""
    found = [each for line, theirs in _compared(book, as_of) for each in _differences(line, *theirs)]
    return sorted(found, key=lambda each: (-max(each.ratio, 1 / each.ratio), each.model, each.tier))


def conservative_book(book: PriceBook, as_of: date, left: Sequence[str]) -> PriceBook:
    """Return the book with every API price in force replaced by the conservative one; `left` names what is left."""
    source = their_source()
    theirs = {line.place: prices for line, (prices, *_) in _compared(book, as_of)}
    changed: dict[str, ApiEntry] = {}
    for line in holding(book.of(ApiEntry), as_of):
        if line.layer is not Layer.OWN:
            side = Side.LEFT if line.name in left else Side.MOVED_TO
            changed[line.place] = _conservative(line, theirs.get(line.place, {}), side, source)

    def read(kind: type[Entry]) -> Sequence[Entry]:
        lines = book.of(kind)
        return [changed.get(line.place, line) for line in lines] if kind is ApiEntry else lines

    names = ",".join(sorted(left))
    whole = digest(f"{book.digest} {source} {as_of} {names}")
    return PriceBook(read, book.cards, whole, book.allow_unverified, book.own_file)


def _compared(book: PriceBook, as_of: date) -> Iterator[tuple[ApiEntry, tuple[Mapping[str, Decimal], str, str]]]:
    """Yield (our line, (their price by column, their source, their name of the model)) of every model both have."""
    source = their_source()
    providers = {provider.id: provider for provider in importlib.import_module(f"{MODULE}.data").providers}
    for line in holding(book.of(ApiEntry), as_of):
        provider = providers.get(line.provider)
        model = None if provider is None else _model(provider, line.model)
        if provider is not None and model is not None:
            yield line, (_prices(model, datetime.combine(as_of, NOON)), source, f"{provider.id}/{model.id}")


def _model(provider: Any, name: str) -> Any:
    """Return the model of that very name, else the one whose rule takes the name, else None."""
    exact = [model for model in provider.models if model.id == name]
    return exact[0] if exact else provider.find_model(name)


def _prices(model: Any, at: datetime) -> dict[str, Decimal]:
    """Return their prices by our columns; a tier they do not state is not there."""
    standard, batch = model.get_prices(at), model.get_prices(at, BATCH)
    found: dict[str, Any] = {}
    for ours, theirs in TIERS.items():
        price = getattr(standard, theirs)
        found[ours] = getattr(price, "base", price)
        found[f"long_{ours}"] = price.tiers[0].price if hasattr(price, "tiers") else None
    for ours in ("input", "output"):
        price = getattr(batch, TIERS[ours])
        found[f"batch_{ours}"] = getattr(price, "base", price) if batch is not standard and price else None
        if found[f"batch_{ours}"] == found[ours]:
            found[f"batch_{ours}"] = None  # the same as without a batch: they state none
    return {f"{name}_usd_per_million_tokens": price for name, price in found.items() if price}


def _differences(line: ApiEntry, theirs: Mapping[str, Decimal], source: str, matched: str) -> list[Disagreement]:
    return [
        Disagreement(line.name, column, ours, other, line.source, line.checked, source, matched)
        for column, other in theirs.items()
        if (ours := getattr(line, column, None)) and ours != other
    ]


def _conservative(line: ApiEntry, theirs: Mapping[str, Decimal], side: Side, source: str) -> ApiEntry:
    """Return the line with its conservative prices, and the source saying which were taken from whom.

    The book's own second list (`second_*`) is an opinion too.
    """
    moved: dict[str, Decimal] = {}
    for column in line.fields:
        ours = getattr(line, column)
        second, other = getattr(line, f"second_{column}", None), theirs.get(column)
        if column.endswith("_usd_per_million_tokens") and not column.startswith("second_") and ours:
            taken = conservative_price(ours, [each for each in (second, other) if each], side)
            moved |= {column: taken} if taken != ours else {}
    if not moved:
        return line
    which = "lowest" if side is Side.LEFT else "dearest"
    others = " and ".join(each for each in (line.second_source, source if theirs else "") if each)
    return line.with_(**moved, source=f"{line.source}; the {which} of it, {others}, for {side}")
