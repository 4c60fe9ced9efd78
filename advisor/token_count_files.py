"""Edge: files to token counts, with the best means at hand; whole texts, or records split into input and output.

Rule 1  The best means wins: the model's own tokenizer or ranks, then o200k times a factor, then pieces.
Rule 2  Bytes that are no UTF-8 are counted as the replacement mark each becomes, and the count says how many.
"""

from collections.abc import Sequence
from decimal import Decimal
from importlib.util import find_spec
from math import hypot
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final, NamedTuple

from advisor.checks.records import RecordFault, Row, read_records
from advisor.quantity import Quantity, UnknownQuantityError
from advisor.token_ranks_files import REMEDY, count_exactly
from advisor.token_text import pieces
from advisor.tokens import BASIS, Count, Label, Tokenizer, UnknownTokenizerError, estimate, proxy, tokenizer_of

RECORD_SUFFIXES: Final = (".jsonl", ".json", ".csv")
REPLACED: Final = "\ufffd"
WORST_FIRST: Final = (Label.ESTIMATE, Label.PROXY, Label.EXACT)
NORMAL_90: Final = 1.645  # standard deviations that hold 90 % of a normal distribution


class Spread(NamedTuple):
    """Tokens a record: mean, median, 95 % and longest."""

    mean: float
    p50: int
    p95: int
    longest: int


class FileCount(NamedTuple):
    """One file counted: all of it, and by record where it holds records; faults are rows that were left out."""

    path: Path
    whole: Count
    inputs: Spread | None = None
    outputs: Spread | None = None
    records: int = 0
    faults: tuple[RecordFault, ...] = ()
    replaced: int = 0


class Counter:
    """Counts texts for one model; a folder with a tokenizer.json is counted with that, any other name by family."""

    def __init__(self, model: str) -> None:
        """Find the tokenizer; raises UnknownTokenizerError, or ValueError for a folder that cannot be used."""
        folder = Path(model)
        self.own: Any = own_tokenizer(folder) if (folder / "tokenizer.json").is_file() else None
        self.tokenizer = Tokenizer(folder.name, True, "its own tokenizer.json") if self.own else tokenizer_of(model)

    def count(self, text: str) -> Count:
        """Count one text."""
        if self.own is not None:
            return exactly(len(self.own.encode(text, add_special_tokens=False).ids), 0, self.tokenizer)
        size = len(text.encode("utf-8", errors="replace"))
        found = count_exactly(text, self.tokenizer.name) if self.tokenizer.own else None
        if found is not None:
            return exactly(*found, self.tokenizer)
        basis = count_exactly(text, BASIS)
        if basis is not None:
            return proxy(pieces(text), basis[0], self.tokenizer, size)
        told = self.tokenizer._replace(why=f"{self.tokenizer.why}; {REMEDY}")
        return estimate(pieces(text), told, size)


def own_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model's folder; ValueError where the package that reads it is missing."""
    if find_spec("tokenizers") is None:
        message = f"{folder}: reading its tokenizer.json needs pip install 'crossover[run]'"
        raise ValueError(message)
    from tokenizers import Tokenizer as FastTokenizer  # noqa: PLC0415  of the runner's extra

    return FastTokenizer.from_file(str(folder / "tokenizer.json"))


def exactly(tokens: int, cuts: int, tokenizer: Tokenizer) -> Count:
    """Return an exact count; each cut through a run without a seam may have split a token."""
    if not cuts:
        return Count(tokens, tokens, tokens, Label.EXACT, tokenizer.name, tokenizer.why)
    why = f"{tokenizer.why}; {cuts} cuts through runs without a space may each have added a token"
    return Count(tokens, tokens - cuts, tokens, Label.ESTIMATE, tokenizer.name, why)


def added(counts: Sequence[Count], tokenizer: Tokenizer) -> Count:
    """Return the sum of counts, with the worst label among them."""
    worst = [label for label in WORST_FIRST if any(one.label is label for one in counts)]
    why = next((one.why for one in counts if one.label in worst[:1]), tokenizer.why)
    tokens, low, high = (sum(one) for one in zip(*(one[:3] for one in counts), strict=True))
    return Count(tokens, low, high, (worst or [Label.EXACT])[0], tokenizer.name, why)


def spread(tokens: Sequence[int]) -> Spread | None:
    """Return mean, median, 95 % and longest; None for no records."""
    if not tokens:
        return None
    ranked = sorted(tokens)
    return Spread(mean(ranked), ranked[len(ranked) // 2], ranked[(len(ranked) * 95) // 100], ranked[-1])


def halves(row: Row) -> tuple[str, str]:
    """Return what a record sends and what it gets back; plain text is all input."""
    contents = [message.content for message in row.messages]
    answered = len(contents) > 1 and row.messages[-1].role == "assistant"
    return ("\n".join(contents[:-1]), contents[-1]) if answered else ("\n".join(contents), "")


def count_records(path: Path, counter: Counter) -> FileCount | None:
    """Return a record file's counts, or None where no row of it is a record; raises OSError."""
    found, faults = read_records(path)
    if not found:
        return None
    sent = [counter.count(halves(row)[0]) for row in found]
    got = [counter.count(halves(row)[1]) for row in found]
    whole = added([*sent, *got], counter.tokenizer)
    inputs, outputs = (spread([one.tokens for one in counts]) for counts in (sent, got))
    return FileCount(path, whole, inputs, outputs, len(found), tuple(faults))


def counted_samples(path: Path, model: str) -> tuple[Quantity, Quantity]:
    """Return a record's input and output tokens with their 90 % range; raises UnknownQuantityError if none are known.

    The range covers what the count is worth and how few records it rests on (1.645 standard errors of the mean).
    """
    try:
        counter = Counter(model)
    except UnknownTokenizerError as fault:
        message = f"tokens.samples: {fault}; or state tokens.input and tokens.output"
        raise UnknownQuantityError(message) from None
    found, _ = read_records(path)
    if not found:
        message = f"tokens.samples: {path.name} holds no record that can be read; see `advise data {path.name}`"
        raise UnknownQuantityError(message)
    sides = zip(*(halves(row) for row in found), strict=True)
    sent, got = ([counter.count(text) for text in side] for side in sides)
    return sampled(sent, path.name), sampled(got, path.name)


def sampled(counts: Sequence[Count], name: str) -> Quantity:
    """Return the mean of counts as a quantity that says where it was counted."""
    tokens = [one.tokens for one in counts]
    middle, total = mean(tokens), max(1, sum(tokens))
    error = NORMAL_90 * stdev(tokens) / len(tokens) ** 0.5 / max(middle, 1e-9) if len(tokens) > 1 else 1.0
    below = hypot(error, 1 - sum(one.low for one in counts) / total)
    above = hypot(error, sum(one.high for one in counts) / total - 1)
    worst = next(label for label in WORST_FIRST if any(one.label is label for one in counts))
    because = f"counted in {name}: {len(tokens)} records, {worst} by {counts[0].tokenizer}"
    value, low, high = (Decimal(f"{middle * share:.6g}") for share in (1.0, max(0.0, 1 - below), 1 + above))
    return Quantity(value, low, high, stated=True, because=because)


def count_file(path: Path, counter: Counter) -> FileCount:
    """Return one file's counts: by record where it holds any, else as one text; raises OSError."""
    if path.suffix.lower() in RECORD_SUFFIXES:
        records = count_records(path, counter)
        if records is not None:
            return records
    content = path.read_bytes()
    text = content.decode("utf-8", errors="replace")
    replaced = text.count(REPLACED) - content.count(REPLACED.encode())
    return FileCount(path, counter.count(text), replaced=replaced)
