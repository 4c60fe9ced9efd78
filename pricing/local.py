"""The user's own prices over the book's: negotiated rates, own cards, internal chargeback; pure.

Rule 1  An item that names an offer of the book changes every line of it, scheduled ones included; what it does not set
        stays as listed. An item that names none is an offer of its own and must say all that one needs.
Rule 2  Every item says why (`because`) and when somebody last looked (`checked`).
Rule 3  An amount in another currency is named for it (`input_eur_per_million_tokens`), and its rate has a day.
"""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pricing.book import BookFaultsError
from pricing.check import BOUNDS, bounded
from pricing.columns import columns, decimal, defaults
from pricing.entries import UNVERIFIED, Confidence, Entry, GpuEntry, Layer, Offer, OwnTerms, ServerlessEntry
from pricing.local_form import (
    FILLED,
    FIRM,
    IDENTITY,
    KINDS,
    TERMS,
    TIERS,
    Lines,
    Terms,
    agrees,
    held_from,
    later,
    percent,
    priced,
    priced_column,
    tier_columns,
)
from pricing.local_tree import Item, LocalTree, Said, parse
from pricing.names import CardNames, UnknownPriceError, near
from pricing.units import PERCENT


class Reader:
    """Reads the items of one file; faults are noted in the tree."""

    def __init__(self, tree: LocalTree, lines: Lines, cards: CardNames) -> None:
        self.tree: Final = tree
        self.lines: Final = lines
        self.cards: Final = cards

    def entries(self, section: str) -> list[Entry]:
        """Return the lines that a section's items make."""
        return [made for item in self.tree.sections.get(section, ()) for made in self._entries(section, item)]

    def _entries(self, section: str, item: Item) -> list[Entry]:
        before = len(self.tree.faults)
        terms, (code, prices) = self._terms(section, item), self._prices(section, item)
        told = self._told(section, item)
        if terms is None or len(self.tree.faults) > before:
            return []
        if terms.off_percent is not None and prices:
            self.tree.fault(item.line, "states off_percent and a price; keep the one that was agreed")
            return []
        listed = self._listed(section, told)
        offers = sorted({line.name for line in listed})
        if prices and len(offers) > 1:
            self.tree.fault(item.line, f"a price for one offer, but it names {', '.join(offers)}; say which")
            return []
        if listed:
            made = [self._changed(section, item, line, terms, code, prices) for line in held_from(listed, terms.starts)]
        else:
            made = [self._new(section, item, told, terms, code, prices)]
        return [entry for entry in made if entry is not None and self._is_sane(item, terms, entry)]

    def _read(self, said: Said, name: str, read: Callable[[str], Any], wanted: str) -> Any:
        """Read one value; None and a fault where it cannot be read."""
        try:
            return read(said.text)
        except (ValueError, KeyError, InvalidOperation):
            self.tree.fault(said.line, f"{name} is {said.text!r}; wanted {wanted}")
            return None

    def _terms(self, section: str, item: Item) -> Terms | None:
        says = {**self.tree.values, **item.says}
        because, checked = says.get("because"), says.get("checked")
        if because is None or not because.text.strip():
            self.tree.fault(item.line, "says no reason; add because: (agreement, contract number, who charges it)")
        if checked is None:
            self.tree.fault(item.line, "says no day; add checked: the day somebody last saw that it holds")
        a_day = "a day, for example 2026-11-21"
        days = {
            name: self._read(says[name], name, date.fromisoformat, a_day)
            for name in ("checked", "from", "until")
            if name in says
        }
        off = self._read(item.says["off_percent"], "off_percent", percent, "a number over 0 and under 100, for example"
                         " 15") if "off_percent" in item.says else None  # fmt: skip
        tiers = item.says["tiers"].words or (item.says["tiers"].text,) if "tiers" in item.says else ()
        odd = [tier for tier in tiers if tier not in TIERS[section]]
        if odd:
            known = ", ".join(TIERS[section]) or "no tiers: leave the line out"
            self.tree.fault(item.says["tiers"].line, f"tiers holds {', '.join(odd)}; wanted {known}")
        if "until" in days and "until" not in KINDS[section].types:
            self.tree.fault(says["until"].line, f"a {section} price has no until here; delete the item when it ends")
        if because is None or days.get("checked") is None:
            return None
        unusual = item.says.get("unusual", Said("no", 0)).text == "yes"
        return Terms(because.text.strip(), days["checked"], days.get("from"), days.get("until"), off, tiers, unusual)

    def _prices(self, section: str, item: Item) -> tuple[str, dict[str, Decimal]]:
        """Return the currency code (empty for USD) and the amounts by column that an item states."""
        found: dict[str, dict[str, Decimal]] = {}
        for name, said in item.says.items():
            column, code = priced_column(section, name)
            if column:
                amount = self._read(said, name, decimal, "a decimal number of 0 or more, for example 0.15")
                found.setdefault(code, {})[column] = Decimal(0) if amount is None else amount
                if code and code not in self.tree.exchange:
                    form = f"exchange: {{{code}: {{usd_per_unit: 1.08, on: 2026-11-20}}}}"
                    self.tree.fault(said.line, f"{name} is in {code.upper()}, which has no rate; add {form}")
        if len(found) > 1:
            self.tree.fault(item.line, f"mixes currencies ({', '.join(sorted(found))}); write one item each")
        return next(iter(found.items()), ("", dict[str, Decimal]()))

    def _told(self, section: str, item: Item) -> dict[str, Any]:
        """Return what an item says that is neither a price nor a term, read as the book's columns are."""
        known = {"provider": ("provider", str, "text"), **columns(KINDS[section])}
        told: dict[str, Any] = {}
        for name, said in item.says.items():
            if name in TERMS or priced_column(section, name)[0]:
                continue
            if name not in known:
                likely = near(name, [*known, *TERMS]) or [*IDENTITY[section], *TERMS, *priced(KINDS[section])]
                wanted = f"wanted one of {', '.join(likely)}"
                self.tree.fault(said.line, f"{name!r} is no field of a {section} price; {wanted}")
                continue
            field, read, wanted = known[name]
            text = Said(";".join(said.words) or said.text, said.line)
            told[field] = self._card(text) if field == "card" else self._read(text, name, read, wanted)
        if "card" in told and KINDS[section] is ServerlessEntry:
            told["card"] = (told["card"],)
        for name in ("model", "base_model"):
            if "/" in told.get(name, "") and "provider" not in told:
                told["provider"], _, told[name] = told[name].partition("/")
        return told

    def _card(self, said: Said) -> str:
        try:
            return self.cards.canonical(said.text)
        except UnknownPriceError as error:
            self.tree.fault(said.line, str(error))
            return said.text

    def _listed(self, section: str, told: dict[str, Any]) -> list[Entry]:
        """Return the book's lines that an item names; a card of no provider's is one's own."""
        wanted = {name: told[name] for name in IDENTITY[section] if name in told}
        if "provider" not in wanted and section in FILLED:
            return []
        return [
            line
            for line in self.lines(KINDS[section])
            if line.confidence not in UNVERIFIED and all(agrees(line, *each) for each in wanted.items())
        ]

    def _own_terms(self, terms: Terms, code: str, columns_: Iterable[str], **more: Any) -> OwnTerms:
        rate, on = self._rate(code)
        return OwnTerms(
            self.tree.file, terms.because, frozenset(columns_), currency=code, usd_per_unit=rate, rate_on=on, **more
        )

    def _rate(self, code: str) -> tuple[Decimal | None, date | None]:
        item = self.tree.exchange.get(code)
        if item is None:
            return None, None
        wanted = {"usd_per_unit": (decimal, "USD for one unit"), "on": (date.fromisoformat, "the day of the rate")}
        for name, (_, what) in wanted.items():
            if name not in item.says:
                self.tree.fault(item.line, f"exchange.{code} has no {name}; wanted {what}")
        if len(wanted.keys() & item.says.keys()) < len(wanted):
            return None, None
        rate, on = (self._read(item.says[name], name, *how) for name, how in wanted.items())
        return rate, on

    def _changed(self, section: str, item: Item, line: Entry, terms: Terms, code: str, prices: dict[str, Decimal]
                 ) -> Entry | None:  # fmt: skip
        """Return a line of the book as the item changes it."""
        if not prices and terms.off_percent is None:
            self.tree.fault(item.line, f"names {line.name} and changes nothing; add off_percent or a price")
            return None
        if terms.off_percent is not None:
            chosen = [column for tier in terms.tiers for column in tier_columns(section, tier)] or priced(type(line))
            listed = {column: value for column in chosen if (value := getattr(line, column)) is not None}
            usd = {column: value * (1 - terms.off_percent / PERCENT) for column, value in listed.items()}
            more: dict[str, Any] = {"listed": tuple(listed.items()), "off_percent": terms.off_percent}
        else:
            usd, more = self._in_usd(code, prices)
        own = self._own_terms(terms, code, usd, list_source=line.source, list_checked=line.checked, **more)
        firm = {name: Offer.LIST for column, name in FIRM.items() if column in usd and name in line.types}
        return self._own(line.with_(**usd, **firm, **later(line, terms)), item, terms, own)

    def _new(self, section: str, item: Item, told: dict[str, Any], terms: Terms, code: str, prices: dict[str, Decimal]
             ) -> Entry | None:  # fmt: skip
        """Return an offer that is not in the book."""
        kind = KINDS[section]
        usd, more = self._in_usd(code, prices)
        values: dict[str, Any] = {**defaults(kind), **FILLED.get(section, {}), **told, **usd, "starts": terms.starts,
                  "place": "", "source": "", "checked": terms.checked, "confidence": Confidence.SEEN}  # fmt: skip
        if kind is GpuEntry and "memory_gb" not in values:
            same = [line.memory_gb for line in self.lines(GpuEntry) if isinstance(line, GpuEntry)
                    and line.card == told.get("card")]  # fmt: skip
            values |= {"memory_gb": same[0]} if same else {}
        missing = [name for name in kind.fields if name not in values]
        if missing or (terms.off_percent is not None and not prices):
            what = " ".join(str(told[name]) for name in IDENTITY[section] if name in told) or "nothing"
            alike = near(what.replace(" ", "/"), {line.name for line in self.lines(kind)})
            lacks = "off_percent needs a list price"
            if terms.off_percent is None:
                lacks = f"an offer of one's own needs {', '.join(missing)} too"
            hint = f"; near it: {', '.join(alike)}" if alike else ""
            self.tree.fault(item.line, f"{what} names no {section} price of the book{hint}; {lacks}")
            return None
        if "until" in kind.types:
            values["until"] = terms.until
        return self._own(kind(**values), item, terms, self._own_terms(terms, code, usd, **more))

    def _in_usd(self, code: str, prices: dict[str, Decimal]) -> tuple[dict[str, Decimal], dict[str, Any]]:
        """Return the amounts in USD, and what was stated where that is another currency."""
        rate, _ = self._rate(code)
        if rate is None:
            return prices, {}
        return {name: amount * rate for name, amount in prices.items()}, {"stated": tuple(prices.items())}

    def _own(self, line: Entry, item: Item, terms: Terms, own: OwnTerms) -> Entry:
        place, source = f"{self.tree.file}:{item.line}", f"{self.tree.file}: {terms.because}"
        return line.with_(layer=Layer.OWN, own=own, place=place, source=source, checked=terms.checked,
                          confidence=Confidence.SEEN)  # fmt: skip

    def _is_sane(self, item: Item, terms: Terms, entry: Entry) -> bool:
        """Note each price outside the bounds of its unit, unless the item says that it is unusual; 0 is a price."""
        odd = [
            f"{name} is {value}; wanted {BOUNDS[unit][0]}..{BOUNDS[unit][1]} {unit}: correct it, or add unusual: yes"
            for name, unit, value in bounded(entry)
            if value and not terms.is_unusual and not BOUNDS[unit][0] <= value <= BOUNDS[unit][1]
        ]
        for message in odd:
            self.tree.fault(item.line, message)
        return not odd


def own_entries(text: str, file: str, lines: Lines, cards: CardNames) -> dict[type[Entry], list[Entry]]:
    """Return the user's own lines by kind, or raise BookFaultsError with all that is wrong with the file."""
    tree = parse(text, file, tuple(KINDS), ("because", "checked"))
    reader = Reader(tree, lines, cards)
    found = {kind: reader.entries(section) for section, kind in KINDS.items() if section in tree.sections}
    for made in found.values():
        seen: dict[tuple[str, date | None], str] = {}
        for entry in made:
            key = (entry.name, entry.starts)
            if key in seen:
                tree.fault(line_of(entry.place), f"{entry.name} is set at {seen[key]} already; keep one")
            seen[key] = entry.place
    if tree.faults:
        raise BookFaultsError(sorted(set(tree.faults), key=lambda fault: (line_of(fault.place), str(fault))))
    return found


def line_of(place: str) -> int:
    """Return the line of a place such as prices.local.yaml:12."""
    return int(place.rpartition(":")[2])
