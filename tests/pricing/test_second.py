"""A second opinion: both prices are shown, and a claim of savings takes the side that makes it smaller."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.book import read_book
from pricing.entries import ApiEntry, Layer
from pricing.refresh_book import HEADERS, table
from pricing.second import NoSecondOpinionError, Side, conservative_price, disagreements, is_installed
from pricing.table import PriceBook

DAY = date(2026, 11, 21)
CENTS = st.integers(1, 10_000).map(lambda cents: Decimal(cents) / 100)
SOURCES = "source,says,licence\npage,the vendor's own page,facts\n"


@pytest.mark.parametrize(
    ("ours", "others", "side", "taken"),
    [
        ("2", ["3"], Side.LEFT, "2"),  # what is left may cost 2 only: the saving is claimed from there
        ("3", ["2"], Side.LEFT, "2"),
        ("2", ["3"], Side.MOVED_TO, "3"),  # what is moved to may cost 3
        ("3", ["2"], Side.MOVED_TO, "3"),
        ("2", ["3", "1"], Side.LEFT, "1"),
        ("2", [], Side.LEFT, "2"),
        ("2", [], Side.MOVED_TO, "2"),
    ],
)
def test_the_price_that_makes_a_saving_smaller(ours: str, others: list[str], side: Side, taken: str) -> None:
    assert conservative_price(Decimal(ours), map(Decimal, others), side) == Decimal(taken)


@given(CENTS, CENTS, CENTS, CENTS)
def test_no_pair_of_the_prices_gives_a_smaller_saving(left: Decimal, left2: Decimal, to: Decimal, to2: Decimal) -> None:
    """Law: the saving at conservative prices is the least over every choice between the sources."""
    claimed = conservative_price(left, [left2], Side.LEFT) - conservative_price(to, [to2], Side.MOVED_TO)
    assert claimed == min(a - b for a in (left, left2) for b in (to, to2))


def small(**changes: str) -> dict[str, str]:
    line = {
        "model": "gpt-4o-mini",
        "from": "2026-11-01",
        "checked": "2026-11-01",
        "input_usd_per_million_tokens": "0.2",  # genai-prices 0.2.3 says 0.15, cached 0.075, output 0.6
        "cached_input_usd_per_million_tokens": "0.075",
        "output_usd_per_million_tokens": "0.5",
        "offer": "list",
        "crosscheck": "single",
        "source": "page",
        "confidence": "seen",
        **changes,
    }
    other = {**line, "model": "no-such-model-anywhere"}
    own = {"sources.csv": SOURCES, "cards.csv": "card,aliases\n"}
    return {"api/openai.csv": table(HEADERS["api"], [line, other]), **own}


needs_package = pytest.mark.skipif(not is_installed(), reason="genai-prices, the extra `prices`, is not installed")


@needs_package
def test_differences_are_data() -> None:
    found = disagreements(read_book(small()), DAY)
    assert [(each.model, each.tier, str(each.ours), str(each.theirs), each.our_checked) for each in found] == [
        ("openai/gpt-4o-mini", "input_usd_per_million_tokens", "0.2", "0.15", date(2026, 11, 1)),
        ("openai/gpt-4o-mini", "output_usd_per_million_tokens", "0.5", "0.6", date(2026, 11, 1)),
    ]  # 0.2 / 0.15 is wider than 0.6 / 0.5
    assert {(each.our_source, each.matched) for each in found} == {("the vendor's own page", "openai/gpt-4o-mini")}
    assert found[0].their_source.startswith("genai-prices ")


@needs_package
@pytest.mark.parametrize(("left", "given", "output"), [(["openai/gpt-4o-mini"], "0.15", "0.5"), ([], "0.2", "0.6")])
def test_a_conservative_book(left: list[str], given: str, output: str) -> None:
    from pricing.second import conservative_book

    book = read_book(small())
    careful = conservative_book(book, DAY, left)
    price = careful.api("gpt-4o-mini", DAY)
    assert str(price.input_usd_per_million_tokens.value) == given
    assert str(price.output_usd_per_million_tokens.value) == output
    which = "lowest" if left else "dearest"
    assert f"the vendor's own page; the {which} of it, genai-prices" in price.source
    assert careful.digest != book.digest
    assert careful.of(ApiEntry)[1] == book.of(ApiEntry)[1]  # a model that nobody else prices


@needs_package
def test_the_books_own_second_list_is_an_opinion_too() -> None:
    from pricing.second import conservative_book

    second = {"crosscheck": "differ", "second_input_usd_per_million_tokens": "0.9", "second_source": "another list"}
    second["second_output_usd_per_million_tokens"] = "0.5"
    careful = conservative_book(read_book(small(**second)), DAY, [])
    assert str(careful.api("gpt-4o-mini", DAY).input_usd_per_million_tokens.value) == "0.9"
    assert str(careful.api("no-such-model-anywhere", DAY).input_usd_per_million_tokens.value) == "0.9"


@needs_package
def test_a_negotiated_rate_stands() -> None:
    from pricing.second import conservative_book

    book = read_book(small())
    own = [line.with_(layer=Layer.OWN) for line in book.of(ApiEntry)]
    mine = PriceBook(lambda kind: own if kind is ApiEntry else [], book.cards, "x")
    assert conservative_book(mine, DAY, []).of(ApiEntry) == own


@needs_package
def test_the_shipped_book_beside_the_package(book: PriceBook) -> None:
    found = disagreements(book, DAY)
    assert all(each.ours != each.theirs and each.ours > 0 and each.theirs > 0 for each in found)
    ratios = [max(each.ratio, 1 / each.ratio) for each in found]
    assert ratios == sorted(ratios, reverse=True)


WITHOUT = """
import sys
sys.modules["genai_prices"] = None
from datetime import date
from pricing.book import load_book
from pricing.second import disagreements
try:
    disagreements(load_book(), date(2026, 11, 21))
except LookupError as told:
    print(told)
print(sorted(name for name in sys.modules if name.startswith(("genai_prices.", "httpx"))))
"""


def test_without_the_package_one_clear_line() -> None:
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == [
        "no second opinion: genai-prices is not installed; next: pip install 'crossover[prices]'",
        "[]",
    ]
    assert issubclass(NoSecondOpinionError, LookupError)


@needs_package
def test_advise_with_a_second_opinion_answers_from_another_book(repo: Path) -> None:
    scenario = str(repo / "scenarios" / "worked_example" / "scenario.yaml")
    command = [sys.executable, "-m", "advisor.cli", scenario, "--as-of", str(DAY), "--format", "json"]
    digests: list[str] = []
    for words in ([], ["--second-opinion"]):
        done = subprocess.run([*command, *words], cwd=repo, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        digests.append(json.loads(done.stdout)["prices"]["digest"])
    assert digests[0] != digests[1]
