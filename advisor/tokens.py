"""How many tokens a text is: exact with the model's own tokenizer, else by proxy or by estimate, each with its error.

Rule 1  A count says what it is: exact, proxy (another tokenizer's count times a measured factor) or estimate (pieces).
Rule 2  Factors and rates are data with their texts; low..high is the 90 % range met between texts, never less.
Rule 3  No text is too odd to count: what stands in no class is counted by bytes, the most a byte-level tokenizer needs.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from math import exp, hypot, log
from typing import Final, NamedTuple

from advisor.data_files import rows
from advisor.token_text import CODE_FROM, Pieces

BASIS: Final = "o200k"
"""The tokenizer that factors and rates are stated against: OpenAI's o200k_base, whose ranks are public."""
DATA_FROM: Final = 0.5  # share of digit groups and symbol runs among pieces: program text stays below it
WORD_PIECES: Final = frozenset({"word", "long_letter"})
UNKNOWN_CLASS_TOKENS: Final = 1.5  # tokens a letter: between a common script's 0.3 and the 3 bytes a letter takes
UNKNOWN_SPREAD: Final = log(2)


class Label(StrEnum):
    """What a count is worth."""

    EXACT = "exact"
    PROXY = "proxy"
    ESTIMATE = "estimate"


class Tokenizer(NamedTuple):
    """A model's tokenizer: `name` as in the tables, whether the model is known to use it, and why that is believed."""

    name: str
    own: bool
    why: str


class Count(NamedTuple):
    """Tokens of a text, whole numbers, with the 90 % range and what the count is."""

    tokens: int
    low: int
    high: int
    label: Label
    tokenizer: str
    why: str

    @property
    def error(self) -> float:
        """Half the range over the count: 0 for an exact one."""
        return (self.high - self.low) / 2 / max(1, self.tokens)


class Rate(NamedTuple):
    """Tokens of one piece, and the spread of counts made with it, as the standard deviation of their logarithm."""

    tokens: float
    spread: float


class UnknownTokenizerError(LookupError):
    """Nothing is known of a model's tokenizer; the message names the remedy."""


@cache
def rates() -> Mapping[str, Rate]:
    """Return o200k tokens by kind of piece (advisor/data/token_rates.csv)."""
    return {row["name"]: Rate(float(row["tokens"]), float(row["spread"])) for row in rows("token_rates.csv")}


@cache
def factors() -> Mapping[tuple[str, str], Rate]:
    """Return tokens over o200k tokens by tokenizer and class of text (advisor/data/token_factors.csv)."""
    table = rows("token_factors.csv")
    return {(row["tokenizer"], row["text"]): Rate(float(row["factor"]), float(row["spread"])) for row in table}


def tokenizer_of(model: str) -> Tokenizer:
    """Return the tokenizer of a model named as in the price book or catalogue; raises UnknownTokenizerError."""
    name = model.lower()
    families = rows("token_families.csv")
    for row in families:
        if any(part in name for part in row["names"].split("|")):
            return Tokenizer(row["tokenizer"], row["own"] == "yes", row["source"])
    known = ", ".join(sorted({row["tokenizer"] for row in families}))
    message = f"no tokenizer is known for {model!r}; count with a model of its family, or by name: {known}"
    raise UnknownTokenizerError(message)


def class_of(found: Pieces) -> str:
    """Return the class of the Latin part of a text: data, code, english or latin (another language)."""
    if found.data_share >= DATA_FROM:
        return "data"
    if not found.english:
        return "latin"
    return "code" if found.data_share >= CODE_FROM else "english"


def piece_counts(found: Pieces) -> dict[str, int]:
    """Return counts by kind of piece as token_rates.csv names them."""
    return {
        "word": found.words, "long_letter": found.long_letters, "digit_group": found.digit_groups,
        "symbol_run": found.symbol_runs, "line_end": found.line_ends, "gap": found.gaps,
    }  # fmt: skip


def o200k_parts(found: Pieces) -> dict[str, Rate]:
    """Return estimated o200k tokens by class of text, each with its spread; leaves out what merges across classes."""
    rate, here = rates(), class_of(found)
    tokens = {name: count * rate[name].tokens for name, count in piece_counts(found).items()}
    if not found.english:
        foreign = exp(rate["foreign"].tokens + rate["marked"].tokens * found.marked_share)
        tokens = {name: n * foreign if name in WORD_PIECES else n for name, n in tokens.items()}
    parts = {here: Rate(sum(tokens.values()), rate[here].spread)}
    for script, letters in found.scripts:
        each = rate.get(script, Rate(UNKNOWN_CLASS_TOKENS, UNKNOWN_SPREAD))
        parts[script] = Rate(letters * each.tokens, each.spread)
    return parts


def times(parts: Mapping[str, Rate], tokenizer: Tokenizer) -> dict[str, Rate]:
    """Return parts counted in o200k as another tokenizer's, spreads combined; an unpublished one is less certain."""
    widest = Rate(1.0, UNKNOWN_SPREAD)
    doubt = 0.0 if tokenizer.own else rates()["unpublished"].spread
    same = {(BASIS, name): Rate(1.0, 0.0) for name in parts}
    found = {name: {**same, **factors()}.get((tokenizer.name, name), widest) for name in parts}
    return {
        name: Rate(part.tokens * found[name].tokens, hypot(part.spread, found[name].spread, doubt))
        for name, part in parts.items()
    }


def total(parts: Mapping[str, Rate], most: int) -> tuple[int, int, int]:
    """Return tokens, low and high over all parts: their spreads add up, because one language's texts err together."""
    z = 1.645  # 5 % on each side of a normal distribution
    tokens = sum(part.tokens for part in parts.values())
    low = sum(part.tokens * exp(-z * part.spread) for part in parts.values())
    high = sum(part.tokens * exp(z * part.spread) for part in parts.values())
    whole = max(round(tokens), 1 if most else 0)
    return min(whole, most), min(int(low), whole, most), min(max(round(high), whole), most)


def estimate(found: Pieces, tokenizer: Tokenizer, utf8_bytes: int) -> Count:
    """Return a count from pieces alone; `utf8_bytes` bounds it, since no byte-level tokenizer needs more."""
    tokens, low, high = total(times(o200k_parts(found), tokenizer), utf8_bytes)
    why = f"no ranks of {tokenizer.name} at hand: counted by pieces and script; {tokenizer.why}"
    return Count(tokens, low, high, Label.ESTIMATE, tokenizer.name, why)


def proxy(found: Pieces, o200k_tokens: int, tokenizer: Tokenizer, utf8_bytes: int) -> Count:
    """Return an o200k count turned into another tokenizer's, by what the text is made of."""
    parts = o200k_parts(found)
    scale = o200k_tokens / max(1e-9, sum(part.tokens for part in parts.values()))
    counted = {name: Rate(part.tokens * scale, 0.0) for name, part in parts.items()}
    tokens, low, high = total(times(counted, tokenizer), utf8_bytes)
    how = "o200k stands in" if tokenizer.name == BASIS else f"o200k times {tokenizer.name}'s measured factor"
    why = f"{how}; {tokenizer.why}"
    return Count(tokens, low, high, Label.PROXY, tokenizer.name, why)
