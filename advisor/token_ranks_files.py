"""Edge: the ranks of OpenAI's public tokenizers, read from an installed package or tiktoken's cache; never fetched.

Rule 1  Bytes count only if their sha256 is the one tiktoken itself expects; anything else is looked past.
Rule 2  Text is never an instruction: `<|endoftext|>` in it is counted as the letters it is.
Rule 3  Long texts are cut where no token can reach across; a cut that might split a token is counted as such.
"""

import base64
import gzip
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from advisor.data_files import rows

PIECE: Final = 20_000
"""Characters handed to tiktoken at a time: its pattern matcher overflows its stack on a million spaces."""
SEAM: Final = re.compile(r"(?<=[^\W_]) (?=[^\W\d_])|(?<=\n)(?=[^\W_])")
"""Between two words, or after a line end before a letter or digit: both public patterns always cut there."""

REMEDY: Final = "pip install 'crossover[tokens]' brings the ranks of o200k and cl100k"


class Ranks(NamedTuple):
    """A public tokenizer's ranks file as tiktoken knows it: name, digest, name in caches, and the pattern that cuts."""

    name: str
    sha256: str
    cache_name: str
    pattern: str


@cache
def known_ranks() -> dict[str, Ranks]:
    """Return the tokenizers whose ranks are public, by name (advisor/data/token_ranks.csv)."""
    return {row["name"]: Ranks(*(row[column] for column in Ranks._fields)) for row in rows("token_ranks.csv")}


def places(ranks: Ranks) -> Iterator[Path]:
    """Yield where the file may lie: tiktoken's own cache, then packages that ship it."""
    stated = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    yield Path(stated or Path(tempfile.gettempdir()) / "data-gym-cache") / ranks.cache_name
    shipped = (
        ("bpe_openai", f"data/{ranks.name}_base.tiktoken.gz"),
        ("litellm", f"litellm_core_utils/tokenizers/{ranks.cache_name}"),
        ("llama_index", f"core/_static/tiktoken_cache/{ranks.cache_name}"),
    )
    for package, inside in shipped:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(folder) / inside


def read_ranks(ranks: Ranks) -> bytes | None:
    """Return the ranks file's bytes from the first place whose digest is right, or None."""
    for place in places(ranks):
        with suppress(OSError, EOFError, ValueError):
            found = place.read_bytes()
            content = gzip.decompress(found) if place.suffix == ".gz" else found
            if hashlib.sha256(content).hexdigest() == ranks.sha256:
                return content
    return None


@cache
def encoding(name: str) -> Any | None:
    """Return a tiktoken.Encoding built from local ranks, or None where tiktoken or the ranks are missing."""
    ranks = known_ranks().get(name)
    content = read_ranks(ranks) if ranks and find_spec("tiktoken") else None
    if ranks is None or content is None:
        return None
    import tiktoken  # noqa: PLC0415  half a second that only an exact count needs

    merges = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in content.splitlines())}
    return tiktoken.Encoding(ranks.name, pat_str=ranks.pattern, mergeable_ranks=merges, special_tokens={})


def cut(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a text in parts of at most PIECE characters, and whether a part ends where a token might have gone on."""
    start = 0
    while len(text) - start > PIECE:
        seams = [found.start() for found in SEAM.finditer(text, start + 1, start + PIECE)]
        end = seams[-1] if seams else start + PIECE
        yield text[start:end], not seams
        start = end
    yield text[start:], False


def count_exactly(text: str, name: str) -> tuple[int, int] | None:
    """Return tokens and the number of cuts that may have split one, or None where no ranks are at hand."""
    found = encoding(name)
    if found is None:
        return None
    tokens = cuts = 0
    for part, split in cut(text):
        tokens += len(found.encode_ordinary(part))
        cuts += split
    return tokens, cuts
