"""Finding a price by name: near matches, card names, and the errors of a name that leads nowhere."""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Final

NEAR_AT_LEAST: Final = 0.6
"""Similarity below which difflib's pairs stop looking alike to a reader: its own default cut-off."""
NEAR_SHOWN: Final = 3
TELLING: Final = 3
"""Characters that a name contained in another must have before it tells anything (`l4` is in too many names)."""
MAKERS: Final = ("nvidia", "amd", "tesla", "geforce", "instinct")
MARKS: Final = {code: None for code in range(128) if not chr(code).isalnum()}
"""Every ASCII character that is no letter and no digit, for str.translate."""


class PriceError(LookupError):
    """No price can be given; the message says what was asked, what is there, and the next step."""


class UnknownPriceError(PriceError):
    """The book does not hold what was asked for."""


class AmbiguousPriceError(UnknownPriceError):
    """A bare name that several providers use."""


class PriceEndedError(PriceError):
    """The book holds it, but not on that day: before its first known day, or after its end."""


class MissingTierError(PriceError):
    """The price has no such tier (batch, cached, long context ...)."""


def near(asked: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that look like the one asked for, the likeliest first."""
    scored = sorted((-_likeness(asked, name), name) for name in set(known))
    return [name for score, name in scored[:NEAR_SHOWN] if -score >= NEAR_AT_LEAST]


def _folded(name: str) -> str:
    return name.casefold().translate(MARKS)


def _likeness(asked: str, known: str) -> float:
    """Compare whole names and their last parts (the model without its provider), and take the better."""
    whole = _alike(_folded(asked), _folded(known))
    return max(whole, _alike(_folded(asked.rpartition("/")[2]), _folded(known.rpartition("/")[2])))


def _alike(wanted: str, name: str) -> float:
    """1 and more where one contains the other (the closer in length the higher), else difflib's ratio."""
    if min(len(wanted), len(name)) >= TELLING and (wanted in name or name in wanted):
        return 1 + min(len(wanted), len(name)) / max(len(wanted), len(name))
    return SequenceMatcher(None, wanted, name).ratio()


class CardNames:
    """Every spelling of a card, folded, to the one name the house uses for it; `known` are those names."""

    __slots__ = ("by_spelling", "known")

    def __init__(self, by_spelling: Mapping[str, str]) -> None:
        self.by_spelling: Final = by_spelling
        self.known: Final = frozenset(by_spelling.values())

    @staticmethod
    def spelling(name: str) -> str:
        """Fold a card's name: no case, no marks, no maker (`NVIDIA H100 80GB HBM3` is `h10080gbhbm3`)."""
        folded = _folded(name)
        while maker := next((each for each in MAKERS if folded.startswith(each)), ""):
            folded = folded.removeprefix(maker)
        return folded

    def canonical(self, name: str) -> str:
        """Return the house's name of a card, or raise UnknownPriceError with the near ones."""
        found = self.by_spelling.get(self.spelling(name))
        if found is None:
            raise UnknownPriceError(unknown("card", name, self.known, "gpu"))
        return found


def unknown(what: str, asked: str, known: Iterable[str], kind: str) -> str:
    """Word the message of an unknown name: what was asked, what is near it, the next step."""
    alike = near(asked, known)
    nearest = f"near it: {', '.join(alike)}" if alike else "nothing in the book looks like it"
    return (
        f"no {what} {asked!r} in the price book; {nearest}; next: `prices list --kind {kind}` shows every name, "
        f"and pricing/data/README.md says how to add one"
    )
