"""The form of prices.local.yaml: its sections, what names an offer, its tiers, and the words of an item's terms."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from pricing.columns import decimal
from pricing.entries import ApiEntry, Entry, GpuEntry, Offer, PurchaseEntry, ServerlessEntry, TuningEntry
from pricing.units import PERCENT

Lines = Callable[[type[Entry]], Sequence[Entry]]
"""What gives the book's lines of one kind."""

KINDS: Final[dict[str, type[Entry]]] = {
    "api": ApiEntry,
    "gpu": GpuEntry,
    "tuning": TuningEntry,
    "serverless": ServerlessEntry,
    "purchase": PurchaseEntry,
}
IDENTITY: Final = {
    "api": ("provider", "model"),
    "gpu": ("provider", "card", "instance", "count", "region"),
    "tuning": ("provider", "base_model", "method"),
    "serverless": ("provider", "product", "card", "instance", "count", "region"),
    "purchase": ("provider", "card", "price_kind"),
}
"""What says which offer is meant; each that is given must agree."""
TIERS: Final = {
    "api": {
        "standard": ("input", "output"),
        "cached": ("cached_input", "cache_write"),
        "batch": ("batch_input", "batch_output"),
        "long": ("long_input", "long_cached_input", "long_output"),
        "peak": ("peak_input", "peak_cached_input", "peak_output"),
    },
    "gpu": {"on_demand": ("usd_per_hour",), "spot": ("spot_usd_per_hour",)},
    "tuning": {
        "training": ("training_usd_per_million_tokens", "training_usd_per_hour"),
        "inference": ("inference_input", "inference_cached_input", "inference_output"),
        "hosting": ("hosting_usd_per_hour",),
    },
    "serverless": {},
    "purchase": {},
}
"""Tier to its columns; those by the token without their unit."""
PER_TOKEN: Final = "_usd_per_million_tokens"
TERMS: Final = ("because", "checked", "from", "until", "off_percent", "tiers", "unusual")
FILLED: Final[dict[str, dict[str, Any]]] = {
    "gpu": {"provider": "own", "instance": "own", "count": 1, "offer": Offer.LIST},
    "serverless": {"provider": "own", "product": "own", "count": 1},
    "purchase": {"provider": "own", "price_kind": "own"},
}
"""What an offer of one's own need not say: it is one card of a machine called own, at a firm price."""


FIRM: Final = {"usd_per_hour": "offer", "spot_usd_per_hour": "spot_offer"}
"""What was agreed is a firm price, whatever the list's was (an average, a lowest one advertised)."""


class Terms(NamedTuple):
    """An item's terms, read: why, when, from and until which day, how much off, on which tiers."""

    because: str
    checked: date
    starts: date | None
    until: date | None
    off_percent: Decimal | None
    tiers: tuple[str, ...]
    is_unusual: bool


def percent(text: str) -> Decimal:
    """Read a number over 0 and under 100; ValueError or InvalidOperation otherwise."""
    value = decimal(text)
    if not 0 < value < PERCENT:
        raise ValueError(text)
    return value


def priced(kind: type[Entry]) -> list[str]:
    """Return the columns of a kind that hold a price; a second opinion is not a price of its own."""
    return [name for name in kind.fields if "usd" in name and not name.startswith("second_")]


def priced_column(section: str, name: str) -> tuple[str, str]:
    """Return the column and the currency code that a name stands for: `input_eur_per_million_tokens`; empty for USD."""
    known = priced(KINDS[section])
    if name in known:
        return name, ""
    words = name.split("_")
    for place, word in enumerate(words):
        column = "_".join([*words[:place], "usd", *words[place + 1 :]])
        if column in known and word.isalpha():
            return column, word
    return "", ""


def tier_columns(section: str, tier: str) -> list[str]:
    """Return the columns of a tier."""
    known = priced(KINDS[section])
    return [name if name in known else f"{name}{PER_TOKEN}" for name in TIERS[section][tier]]


def agrees(line: Entry, name: str, wanted: Any) -> bool:
    """Tell whether a line is one that an item names by this field; of several methods or cards one is enough."""
    held = getattr(line, name)
    if isinstance(held, tuple):
        return set(cast("tuple[str, ...]", wanted)) <= set(cast("tuple[str, ...]", held))
    return str(held).casefold() == str(wanted).casefold()


def held_from(lines: Iterable[Entry], starts: date | None) -> list[Entry]:
    """Return the lines that hold on a day or later: of each offer the one begun by then, and all that follow."""
    if starts is None:
        return list(lines)
    begun: dict[str, Entry] = {}
    following: list[Entry] = []
    for line in lines:
        if (line.starts or date.min) > starts:
            following.append(line)
        elif line.name not in begun or (line.starts or date.min) > (begun[line.name].starts or date.min):
            begun[line.name] = line
    return [*begun.values(), *following]


def later(line: Entry, terms: Terms) -> dict[str, date | None]:
    """Return the first day of a line under an item's terms, and the first day after: the later and the earlier one."""
    starts = max((day for day in (line.starts, terms.starts) if day is not None), default=None)
    if "until" not in type(line).types:
        return {"starts": starts}
    ends = [day for day in (getattr(line, "until", None), terms.until) if day is not None]
    return {"starts": starts, "until": min(ends, default=None)}
