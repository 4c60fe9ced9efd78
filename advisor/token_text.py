"""A text taken apart for counting without a tokenizer: pieces as tokenizers cut them, letters by script.

Rule 1  ASCII prose, code and data are told by their pieces, not by a file's name.
Rule 2  A letter belongs to one script; digits, symbols and line ends are the same in all.
"""

import re
from bisect import bisect_right
from collections import Counter
from typing import Any, Final, NamedTuple, cast

CHUNK: Final = 65_536
"""Characters looked at in one go: a text of any length costs memory for one of these."""
LONG_WORD: Final = 9
"""Letters up to which an English word is one token as a rule; longer ones break up (benchmarks/fit_tokens.py)."""

BLOCKS: Final = (
    (0x0000, "latin"), (0x0370, "greek"), (0x0400, "cyrillic"), (0x0530, "other"), (0x0590, "hebrew"),
    (0x0600, "arabic"), (0x0780, "other"), (0x0900, "devanagari"), (0x0980, "bengali"), (0x0A00, "other"),
    (0x0B80, "tamil"), (0x0C00, "other"), (0x0E00, "thai"), (0x0E80, "other"), (0x1100, "hangul"),
    (0x1200, "ethiopic"), (0x13A0, "other"), (0x1E00, "latin"), (0x1F00, "greek"), (0x2000, "other"),
    (0x3040, "kana"), (0x3100, "other"), (0x3400, "han"), (0xA000, "other"), (0xAC00, "hangul"), (0xD7B0, "other"),
    (0xF900, "han"), (0xFB00, "other"), (0xFF66, "kana"), (0xFFA0, "other"), (0x20000, "han"), (0x323B0, "other"),
)  # fmt: skip
"""First code point of a block and its script, in order (Unicode 16 block ranges, neighbours of one script joined)."""
STARTS: Final = [start for start, _ in BLOCKS]

ENGLISH: Final = frozenset(
    ["the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "with", "on", "be", "are", "this", "not", "from"]
)
"""The commonest English function words: a fifth to a half of all words of English prose, few of any other language."""
FEW_WORDS: Final = 20  # in fewer, English may well use none of the words above
CODE_FROM: Final = 0.2  # share of digit groups and symbol runs among pieces: prose stays below it
ENGLISH_SHARE: Final = 0.06  # below it no English prose was met, above it no other language's (token_ratios' texts)


_UPPER, _LOWER = r"A-Z\u00c0-\u00de", r"a-z\u00df-\u036f\u1e00-\u1eff"
CUTS: Final = re.compile(
    rf"(?P<word>(?:[^\r\n\w]|_)?(?P<letters>[{_UPPER}]*[{_LOWER}]+|[{_UPPER}]+))|(?P<digits>\d{{1,3}})"
    r"|(?P<symbols> ?(?:[^\s\w]|_)+[\r\n/]*)|(?P<line>\s*[\r\n]+)|(?P<gap>\s+(?!\S)|\s+)"
)
"""Where o200k and its kin cut Latin text, in the standard library's patterns; other scripts fall through."""


class Pieces(NamedTuple):
    """What a text is made of: counts of pieces, and of letters by script (Latin words stand in `words`)."""

    characters: int = 0
    words: int = 0
    long_letters: int = 0
    digit_groups: int = 0
    symbol_runs: int = 0
    line_ends: int = 0
    gaps: int = 0
    english_words: int = 0
    latin_letters: int = 0
    marked_letters: int = 0
    scripts: tuple[tuple[str, int], ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Return every count but that of scripts."""
        return cast("tuple[int, ...]", self[:-1])

    @property
    def english(self) -> bool:
        """True where Latin words are English, or names in code, or too few to tell."""
        plain = self.marked_letters == 0 and (self.words < FEW_WORDS or self.data_share >= CODE_FROM)
        return plain or self.english_words > ENGLISH_SHARE * self.words

    @property
    def marked_share(self) -> float:
        """Share of the Latin letters that carry a mark or stand outside ASCII."""
        return self.marked_letters / max(1, self.latin_letters)

    @property
    def data_share(self) -> float:
        """Share of digit groups and symbol runs among the pieces: prose below a fifth, code to a half, data above."""
        return (self.digit_groups + self.symbol_runs) / max(1, self.digit_groups + self.symbol_runs + self.words)


def script_of(letter: str) -> str:
    """Return the script of one letter, `other` where no block is known."""
    return BLOCKS[bisect_right(STARTS, ord(letter)) - 1][1]


def pieces(text: str) -> Pieces:
    """Return the pieces of a text of any length; time grows linearly, a run of one character is no special case."""
    total = Pieces()
    scripts: dict[str, int] = {}
    for start in range(0, len(text), CHUNK):
        part = text[start : start + CHUNK]
        total = _sum(total, _latin(part))
        for letter, times in Counter(re.findall(r"[^\W\d_\u0000-\u036f\u1e00-\u1eff]", part)).items():
            script = script_of(letter)
            scripts[script] = scripts.get(script, 0) + times
    return total._replace(scripts=tuple(sorted(scripts.items())))


def _latin(text: str) -> Pieces:
    """Cut ASCII and Latin text where byte-level tokenizers do, one leading mark kept with a word, and count."""
    counts = dict.fromkeys(("words", "long_letters", "english_words", "latin_letters"), 0)
    kinds = Counter[str | None]()
    for found in CUTS.finditer(text):
        kinds[found.lastgroup] += 1
        if found.lastgroup == "word":
            word = found["letters"]
            counts["long_letters"] += max(0, len(word) - LONG_WORD)
            counts["english_words"] += word.lower() in ENGLISH
            counts["latin_letters"] += len(word)
    return Pieces(
        characters=len(text),
        words=kinds["word"],
        long_letters=counts["long_letters"],
        digit_groups=kinds["digits"],
        symbol_runs=kinds["symbols"],
        line_ends=kinds["line"],
        gaps=kinds["gap"],
        english_words=counts["english_words"],
        latin_letters=counts["latin_letters"],
        marked_letters=len(re.findall(r"[\u00c0-\u036f\u1e00-\u1eff]", text)),
    )


def _sum(one: Pieces, other: Pieces) -> Pieces:
    """Add two counts; scripts are summed by the caller."""
    added: list[Any] = [a + b for a, b in zip(one.counts, other.counts, strict=True)]
    return Pieces(*added)
