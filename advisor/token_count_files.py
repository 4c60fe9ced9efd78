"""Edge: files to token counts, with the best means at hand; whole texts, or records split into input and output.

Rule 1  The best means wins: the model's own tokenizer or ranks, then o200k times a factor, then pieces.
Rule 2  Bytes that are no UTF-8 are counted as the replacement mark each becomes, and the count says how many.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any, Final, NamedTuple

from advisor.checks.records import RecordFault, Row, read_records
from advisor.token_ranks_files import REMEDY, count_exactly
from advisor.token_text import pieces
from advisor.tokens import BASIS, Count, Label, Tokenizer, estimate, proxy, tokenizer_of

RECORD_SUFFIXES: Final = (".jsonl", ".json", ".csv")
REPLACED: Final = "\ufffd"


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
    worst = [label for label in (Label.ESTIMATE, Label.PROXY, Label.EXACT) if any(one.label is label for one in counts)]
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
