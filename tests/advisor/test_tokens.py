"""Token counts: exact where ranks are at hand, else a proxy or an estimate that says so and covers the truth."""

import csv
import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import token_ranks_files as files
from advisor.token_text import Pieces, pieces
from advisor.tokens import Label, Tokenizer, UnknownTokenizerError, class_of, estimate, factors, proxy, tokenizer_of

HOUSE = Path(__file__).resolve().parents[2]
RATIOS = HOUSE.parent / "shared" / "reference" / "pricing" / "token_ratios.csv"
O200K = Tokenizer("o200k", True, "its own ranks")
MILLION = 1_000_000
PROSE = "The quick brown fox jumps over the lazy dog, and it is not the first time that it does this. "
ranks_needed = pytest.mark.skipif(
    find_spec("tiktoken") is None or files.read_ranks(files.known_ranks()["o200k"]) is None,
    reason="needs pip install 'crossover[tokens]'",
)


def tokens_of(text: str, name: str = "o200k") -> list[int]:
    """Return the tokens of a text in one pass."""
    found = files.encoding(name)
    assert found is not None
    return found.encode_ordinary(text)


@pytest.mark.parametrize(
    ("model", "tokenizer", "own"),
    [
        ("openai/gpt-4o-mini", "o200k", True),
        ("openai/gpt-4.1", "o200k", True),
        ("openai/gpt-4-0613", "cl100k", True),
        ("groq/openai/gpt-oss-20b", "o200k", True),
        ("openai/gpt-6-sol", "o200k", False),
        ("anthropic/claude-opus-5", "claude2", False),
        ("fireworks/llama-v3p1-8b-instruct", "llama3", True),
        ("together/Qwen/Qwen3.5-9B", "qwen", True),
        ("zai/GLM-5.3", "other", False),
    ],
)
def test_a_model_names_its_tokenizer(model: str, tokenizer: str, own: bool) -> None:
    """What is not published is never called its own."""
    assert tokenizer_of(model)[:2] == (tokenizer, own)


def test_an_unknown_model_names_the_remedy() -> None:
    """No default tokenizer."""
    with pytest.raises(UnknownTokenizerError, match=r"nonsense.*by name: cl100k"):
        tokenizer_of("acme/nonsense")


@ranks_needed
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),  # "hello", " world"
        ("<|endoftext|>", 7),  # "<", "|", "end", "of", "text", "|", ">": seven pieces of text, not one instruction
        ("1234567", 3),  # digits go by threes: 123, 456, 7
    ],
)
def test_short_texts_by_hand(text: str, tokens: int) -> None:
    """Counts that can be checked by eye."""
    found = files.count_exactly(text, "o200k")
    assert found is not None
    assert found == (tokens, 0)


@ranks_needed
@pytest.mark.parametrize("name", ["o200k", "cl100k"])
def test_our_encoding_is_tiktokens_own(name: str, tmp_path: Path) -> None:
    """Same tokens as tiktoken builds from the same ranks, in a process where its cache holds them."""
    ranks = files.known_ranks()[name]
    content = files.read_ranks(ranks)
    assert content is not None
    (tmp_path / ranks.cache_name).write_bytes(content)
    texts = [
        PROSE,
        "naïve café — №5, 東京 1234567\n\n\tdef f(x):\n        return x_1\r\n",
        "ЁЖ хлеб 🙂🙂 '' don't WE'LL",
    ]
    code = (
        f"import json, sys, tiktoken; found = tiktoken.get_encoding('{name}_base')\n"
        "print(json.dumps([found.encode_ordinary(text) for text in json.load(sys.stdin)]))"
    )
    env = {**os.environ, "TIKTOKEN_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(texts), capture_output=True, text=True, env=env, check=True
    )
    assert json.loads(done.stdout) == [tokens_of(text, name) for text in texts]


@ranks_needed
def test_cutting_a_long_text_loses_and_adds_nothing() -> None:
    """The count of a text far above the cut size is that of one pass over it."""
    text = (HOUSE / "advisor" / "plan.py").read_text(encoding="utf-8") * 20 + PROSE * 500
    assert len(text) > 5 * files.PIECE
    whole = len(tokens_of(text))
    assert files.count_exactly(text, "o200k") == (whole, 0)


@ranks_needed
@pytest.mark.parametrize("run", ["a", " ", "é", ".", "\n", "中", "ab ", " \n", "1"])
def test_a_million_characters_in_a_run_end_well(run: str) -> None:
    """No crash (a million spaces overflow tiktoken's own stack), no hang, and a cut inside a run is owned up to."""
    text = run * (MILLION // len(run))
    found = files.count_exactly(text, "o200k")
    assert found is not None
    tokens, cuts = found
    assert 0 < tokens <= len(text.encode())
    assert cuts == (0 if run == "ab " else math.ceil(len(text) / files.PIECE) - 1)
    guessed = estimate(pieces(text), O200K, len(text.encode()))
    assert 0 < guessed.tokens <= len(text.encode())


def test_wrong_bytes_under_the_right_name_are_looked_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged cache is no tokenizer: the next place answers, or none does."""
    ranks = files.known_ranks()["o200k"]
    (tmp_path / ranks.cache_name).write_bytes(b"IQ== 0\n")
    damaged = tmp_path / "x.tiktoken.gz"
    damaged.write_bytes(gzip.compress(b"IQ== 0\n")[:-4])

    def damaged_places(_: files.Ranks) -> Iterator[Path]:
        return iter((tmp_path / ranks.cache_name, damaged, tmp_path / "absent"))

    monkeypatch.setattr(files, "places", damaged_places)
    assert files.read_ranks(ranks) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PROSE, "english"),
        ("Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama. " * 4, "latin"),
        ("Tous les êtres humains naissent libres et égaux en dignité et en droits. " * 4, "latin"),
        ('{"a": 1, "b": [2, 3, 4], "c": {"d": 5.25, "e": null}}' * 5, "data"),
        ("def f(x):\n    return g(x) + h(y)\n\n\nclass A(B):\n    value: int = other_value\n", "code"),
    ],
)
def test_the_class_of_a_text(text: str, kind: str) -> None:
    """Prose, other languages, code and data are told by their pieces."""
    assert class_of(pieces(text)) == kind


def test_scripts_are_counted_by_letter() -> None:
    """Two Cyrillic words, one Han pair, one Latin word: letters by script, marks and digits in none."""
    found = pieces("хлеб соль 東京 ok 12!")
    assert dict(found.scripts) == {"cyrillic": 8, "han": 2}
    assert (found.words, found.digit_groups, found.symbol_runs) == (1, 1, 1)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_a_count_is_bounded_and_ordered(text: str) -> None:
    """Law: 0 for nothing, else at least 1, at most one a byte, and low <= tokens <= high for every tokenizer."""
    size = len(text.encode())
    for name in ("o200k", "claude2", "gemma3", "other"):
        found = estimate(pieces(text), Tokenizer(name, False, ""), size)
        assert 0 <= found.low <= found.tokens <= found.high <= size
        assert (found.tokens == 0) == (text == "")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_fewer_pieces(one: str, other: str) -> None:
    """Law: letters of a text are those of its parts."""
    joined, parts = pieces(one + "\n" + other), [pieces(one), pieces(other)]
    letters = {script: count for part in parts for script, count in part.scripts}
    assert set(dict(joined.scripts)) == set(letters)
    assert joined.characters == sum(part.characters for part in parts) + 1


@ranks_needed
@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["cat ", "dog\n", "x1", "été ", "  ", "foo_bar(", "99", "東", "!?\n", "A"]), max_size=60)
)
def test_cuts_fall_only_on_seams(words: list[str]) -> None:
    """Law: wherever a seam is found, the two sides count what the whole counts."""
    text = "".join(words)
    whole = len(tokens_of(text))
    for seam in files.SEAM.finditer(text):
        sides = (text[: seam.start()], text[seam.start() :])
        assert sum(len(tokens_of(side)) for side in sides) == whole


def test_a_proxy_is_the_count_times_the_factor() -> None:
    """English prose of 1,000 o200k tokens is 1,000 times Claude 2's factor for English."""
    factor = factors()[("claude2", "english")].tokens
    found = proxy(pieces(PROSE), 1000, Tokenizer("claude2", False, ""), 10**6)
    assert found.tokens == round(1000 * factor)
    assert found.label is Label.PROXY
    assert found.low < found.tokens < found.high


@pytest.mark.real
def test_the_factors_cover_the_forty_texts() -> None:
    """For each tokenizer, at least 90 % of the texts lie within the 90 % range around their class's factor."""
    if not RATIOS.exists():
        pytest.skip("../shared is not here")
    from benchmarks.fit_tokens import TOKENIZERS, text_class

    with RATIOS.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for tokenizer in TOKENIZERS:
        inside = 0
        for row in rows:
            rate = factors()[(tokenizer, text_class(row["text"]))]
            off = abs(math.log(int(row[tokenizer]) / int(row["o200k"]) / rate.tokens))
            inside += off <= 1.645 * rate.spread
        assert inside >= 0.9 * len(rows), tokenizer


def test_no_text_has_no_pieces() -> None:
    """Nothing is nothing."""
    assert pieces("") == Pieces()
