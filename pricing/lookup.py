"""Rules by which a name and a day lead to one line of the price book, or to an error that names the next step."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from pricing.entries import ApiEntry, Confidence, Entry, GpuEntry, Layer, Offer, TuningEntry
from pricing.names import AmbiguousPriceError, PriceEndedError, UnknownPriceError, near, unknown
from pricing.prices import GpuPrice, ServerlessPrice

EntryT = TypeVar("EntryT", bound=Entry)
RentT = TypeVar("RentT", GpuPrice, ServerlessPrice)

DATE_LENGTH: Final = len("-2026-11-21")
SUPERVISED_FIRST: Final = ("lora-sft", "sft", "full-sft")
"""Which method a tuning price is for when none is named: the supervised one, adapters before full weights."""
EVERY_MODEL: Final = "all"
"""The base model of a line that holds for whatever a provider tunes (it stopped tuning altogether)."""


def precedence(line: Entry) -> tuple[bool, date, date, bool]:
    """Return what decides between lines of one offer: the user's own, then the latest first day, then the last look."""
    return line.layer is Layer.OWN, line.starts or date.min, line.checked or date.min, line.layer is Layer.REFRESHED


def latest(entries: Iterable[EntryT]) -> list[EntryT]:
    """Return the line that counts of each offer: the one with the latest first day (a scheduled one counts already)."""
    newest: dict[tuple[str, str], EntryT] = {}
    for entry in entries:
        held = newest.get((entry.kind, entry.name))
        if held is None or precedence(entry) > precedence(held):
            newest[entry.kind, entry.name] = entry
    return list(newest.values())


def api_names(model: str) -> set[str]:
    """Return the names a hosted model answers to: `openai/gpt-oss-120b` also as `gpt-oss-120b`."""
    return {model, model.rpartition("/")[2]}


def full_api_names(line: ApiEntry) -> set[str]:
    """Return the names that stand for one provider's model: `provider/model`."""
    return {f"{line.provider}/{name}" for name in api_names(line.model)}


def card_name(line: GpuEntry) -> tuple[str]:
    """Return the card's name."""
    return (line.card,)


def tuning_names(line: TuningEntry) -> set[str]:
    """Return the names a tuned base model answers to: a snapshot also without its date."""
    snapshot = line.base_model
    dated = snapshot[-DATE_LENGTH:].replace("-", "").isdigit() and snapshot[-DATE_LENGTH:].count("-") == 3
    return {snapshot, snapshot[:-DATE_LENGTH] if dated else snapshot}


def called(
    lines: Sequence[EntryT], asked: str, provider: str | None, names: Callable[[EntryT], set[str]]
) -> list[EntryT]:
    """Return the lines a name stands for: `provider/name` first, else the bare name with every provider."""
    wanted = asked.casefold()
    theirs = of_provider(lines, asked, provider)
    kind = theirs[0].kind
    full = [e for e in theirs if wanted in {f"{e.provider}/{name}".casefold() for name in names(e)}]
    bare = [e for e in theirs if wanted in {name.casefold() for name in names(e)}]
    whole = [e for e in theirs if EVERY_MODEL in names(e) and e.provider in (provider, wanted.partition("/")[0])]
    found = full or bare or whole
    if not found:
        known = {f"{e.provider}/{name}" for e in lines for name in names(e)}
        said = asked if provider is None else f"{provider}/{asked}"
        raise UnknownPriceError(unknown(f"{kind} price for", said, known, kind))
    return found


def of_provider(lines: Sequence[EntryT], asked: str, provider: str | None) -> list[EntryT]:
    """Keep one provider's lines; UnknownPriceError names the providers that do have one."""
    kept = [line for line in lines if provider is None or line.provider == provider.casefold()]
    if not kept:
        others = sorted({line.provider for line in lines})
        message = (
            f"no price for {asked!r}{f' from {provider!r}' if provider else ''} in the price book; it has one from: "
            f"{', '.join(near(provider or '', others) or others) or 'nobody'}; next: ask for one of these, see "
            f"`prices list`, or add a line (pricing/data/README.md)"
        )
        raise UnknownPriceError(message)
    return kept


def holding(lines: Iterable[EntryT], on: date) -> list[EntryT]:
    """Return the line of each offer that holds on a day; an offer that has not begun or has ended has none."""
    begun = [line for line in lines if (line.starts is None or line.starts <= on) and not is_lapsed(line, on)]
    return [line for line in latest(begun) if line.ends is None or on < line.ends]


def is_lapsed(line: Entry, on: date) -> bool:
    """Tell whether a line of the user's own has ended: then the list price counts again."""
    return line.layer is Layer.OWN and line.ends is not None and line.ends <= on


def in_force(lines: Sequence[EntryT], on: date) -> list[EntryT]:
    """Return the lines that hold on a day; where none does, PriceEndedError says since when or until when one did."""
    live = holding(lines, on)
    if live:
        return live
    starts = [line.starts for line in lines if line.starts is not None]
    ends = [line.ends for line in lines if line.ends is not None]
    name = lines[0].name if len({line.name for line in lines}) == 1 else f"{lines[0].name} and others like it"
    if len(ends) == len(lines) and on >= max(ends):
        told = f"{name} ended on {max(ends)}; next: choose one that is still sold, `prices list --kind {lines[0].kind}`"
    elif on < min(starts):
        told = f"{name}: first known day {min(starts)}; next: ask for that day or later, or add an older line"
    else:
        told = f"{name}: no line holds on that day; next: `prices show` lists the days of each"
    message = f"no price on {on}: {told}"
    raise PriceEndedError(message)


def one(lines: Sequence[EntryT], asked: str) -> EntryT:
    """Return the only line, or raise AmbiguousPriceError with the choices."""
    if len(lines) > 1:
        names = ", ".join(sorted(line.name for line in lines))
        message = f"{asked!r} is ambiguous: {names}; next: name the provider, as in {lines[0].provider}/{asked}"
        raise AmbiguousPriceError(message)
    return lines[0]


def by_method(lines: list[TuningEntry], method: str | None, asked: str) -> list[TuningEntry]:
    """Keep the lines of one method; without one, the most usual that each provider has a line for."""
    if method is None:
        best: dict[str, int] = {}
        for line in lines:
            best[line.provider] = min(_rank(line), best.get(line.provider, _rank(line)))
        return [line for line in lines if _rank(line) == best[line.provider]]
    kept = [line for line in lines if method in line.method]
    if not kept:
        methods = ", ".join(sorted({each for line in lines for each in line.method}))
        message = f"no {method!r} price for {asked!r}; next: use one of {methods}, or see `prices list --kind tuning`"
        raise UnknownPriceError(message)
    return kept


def _rank(line: TuningEntry) -> int:
    places = [SUPERVISED_FIRST.index(each) for each in line.method if each in SUPERVISED_FIRST]
    return min(places, default=len(SUPERVISED_FIRST))


def cheapest_first(prices: list[RentT]) -> list[RentT]:
    """Sort rents by the price of one card; on a tie the smaller instance, then the name."""
    return sorted(prices, key=lambda price: (price.usd_per_gpu_hour.value, price.count, price.name))


def cheapest_firm(lines: Iterable[GpuEntry], spot: bool, cards: int | None) -> GpuEntry | None:
    """Return the line that `cheapest` would choose where one is firm, without making a price of every other."""
    best: tuple[Decimal, int, str] | None = None
    found: GpuEntry | None = None
    for line in lines:
        whole, offer = (line.spot_usd_per_hour, line.spot_offer) if spot else (line.usd_per_hour, line.offer)
        is_usable = (
            offer is Offer.LIST and line.confidence is Confidence.SEEN and (cards is None or line.count <= cards)
        )
        if whole is not None and is_usable:
            rank = (whole / line.count, line.count, line.name)
            if best is None or rank < best:
                best, found = rank, line
    return found


def cheapest(prices: Sequence[RentT], asked: str, provider: str | None) -> RentT:
    """Return the first firm one; of a named provider that has no firm one, the first of the others."""
    usable = [price for price in prices if is_firm(price)] or (list(prices) if provider else [])
    if not usable:
        others = ", ".join(sorted({price.provider for price in prices})) or "none"
        message = (
            f"no verified list price for {asked} of that size; averages, lowest advertised or weak prices come from: "
            f"{others}; next: name one of these providers to use its price, or ask for more cards"
        )
        raise UnknownPriceError(message)
    return usable[0]


def is_firm(price: GpuPrice | ServerlessPrice) -> bool:
    """Tell whether anybody can be sure to pay it: a list price, read on the provider's own page or price feed."""
    listed = isinstance(price, ServerlessPrice) or price.offer is Offer.LIST
    return listed and price.confidence is Confidence.SEEN
