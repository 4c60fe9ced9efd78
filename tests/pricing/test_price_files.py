"""The data files: what is refused, with file and line, all at once; and that the shipped book is sound."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from pricing.book import DATA, BookFaultsError, columns, digest, read_book, read_texts
from pricing.check import (
    BOUNDS,
    EXCEPTIONS,
    MANIFEST,
    bounded,
    drift,
    explained,
    faults,
    manifest,
    out_of_bounds,
    seams,
    stale,
)
from pricing.entries import UNVERIFIED, ApiEntry
from pricing.names import CardNames

SOURCES = "source,says,licence\npage,the price page,\n"
CARDS = "card,aliases\nH100-SXM,H100;H100 80GB\n"
GPU_HEADER = (
    "card,instance,count,memory_gb,usd_per_hour,spot_usd_per_hour,region,offer,spot_offer,from,until,checked,"
    "source,confidence,note\n"
)
GOOD = "H100-SXM,big,8,80,32.00,,eu,list,,2026-01-01,,2026-02-01,page,seen,\n"


def files(*lines: str) -> dict[str, str]:
    return {"cards.csv": CARDS, "sources.csv": SOURCES, "gpu/acme.csv": GPU_HEADER + "".join(lines)}


def refused(texts: dict[str, str]) -> list[str]:
    with pytest.raises(BookFaultsError) as error:
        read_book(texts)
    return [str(fault) for fault in error.value.faults]


def test_a_good_file_is_read_with_every_digit():
    line = read_book(files(GOOD)).entries[0]
    assert str(line.usd_per_hour) == "32.00"
    assert (line.provider, line.place, line.source) == ("acme", "gpu/acme.csv:2", "the price page")


def test_every_fault_is_told_at_once_with_file_and_line():
    wrong = files(
        GOOD,
        "H100-SXM,big,none,80,cheap,,eu,list,,2026-01-01,,2026-02-01,page,seen,\n",
        "H100-SXM,big\n",
        "H100,small,1,80,4,,eu,list,,2026-01-01,,2026-02-01,elsewhere,seen,\n",
        "H100-SXM,small,1,80,4,,eu,list,,,,,page,seen,\n",
        GOOD,
    )
    told = refused(wrong)
    wanted = [
        "gpu/acme.csv:4  2 columns found; wanted 15, as in the header",
        "gpu/acme.csv:3  count is 'none'; wanted a whole number of 1 or more",
        "gpu/acme.csv:3  usd_per_hour is 'cheap'; wanted a decimal number of 0 or more, for example 0.15",
        "gpu/acme.csv:5  source 'elsewhere' is not in sources.csv; add it there",
        "gpu/acme.csv:5  card 'H100' is not a card of cards.csv (first column); correct or add it",
        "gpu/acme.csv:6  from or checked is empty; wanted a day, or the confidence memory or undated",
        "gpu/acme.csv:7  acme/H100-SXM/8x big@eu from 2026-01-01 stands in gpu/acme.csv:2 already; keep one",
    ]
    assert sorted(told) == sorted(wanted)


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity", "1,5", "0x10", ""])
def test_a_price_is_a_plain_decimal(price):
    line = f'H100-SXM,big,8,80,"{price}",,eu,list,,2026-01-01,,2026-02-01,page,seen,\n'
    assert refused(files(line)) == [
        f"gpu/acme.csv:2  usd_per_hour is {price!r}; wanted a decimal number of 0 or more, for example 0.15"
    ]


def test_a_header_that_differs_is_told_with_the_columns_wanted():
    told = refused({**files(), "gpu/acme.csv": GPU_HEADER.replace("region", "place").replace("count", "cards") + GOOD})
    wanted = (
        "wanted the columns card, checked, confidence, count, from, instance, memory_gb, offer, source, usd_per_hour"
    )
    assert told[0].startswith(
        f"gpu/acme.csv:1  the header differs in ['cards', 'count', 'place']; {wanted}; it may have note, region, "
    )


def test_a_column_that_may_be_empty_may_be_left_out():
    short = "card,instance,count,memory_gb,usd_per_hour,offer,from,checked,source,confidence\n"
    line = "H100-SXM,big,8,80,32.00,list,2026-01-01,2026-02-01,page,seen\n"
    same = read_book({**files(), "gpu/acme.csv": short + line}).entries[0]
    assert same == read_book(files(GOOD.replace(",eu,", ",,"))).entries[0]


def test_a_spelling_that_means_two_cards_is_refused():
    told = refused({**files(), "cards.csv": CARDS + "H100-PCIe,H100\n"})
    assert told == ["cards.csv:3  'H100' already means H100-SXM; one spelling, one card"]


def until(line: str, starts: str, ends: str) -> str:
    return line.replace("2026-01-01,,", f"{starts},{ends},")


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ("", []),  # runs to the next line
        ("2026-03-01", []),
        ("2026-02-20", ["ends on 2026-02-20, the next line begins on 2026-03-01: gap; set until"]),
        ("2026-03-10", ["ends on 2026-03-10, the next line begins on 2026-03-01: overlap; set until"]),
    ],
)
def test_the_lines_of_an_offer_leave_no_gap_and_do_not_overlap(ends, told):
    lines = read_book(files(until(GOOD, "2026-01-01", ends), until(GOOD, "2026-03-01", ""))).entries
    assert [fault.message for fault in seams(lines)] == [f"acme/H100-SXM/8x big@eu {each}" for each in told]


# --- the shipped book ---------------------------------------------------------------------------------------------


def test_the_shipped_book_is_sound():
    assert faults(read_texts(), (DATA / MANIFEST).read_text(encoding="utf-8")) == []


def test_the_manifest_counts_lines_and_notices_a_changed_byte():
    texts = read_texts()
    reviewed = manifest(texts)
    assert json.loads(manifest(files(GOOD, GOOD)))["files"]["gpu/acme.csv"]["lines"] == 2
    changed = {**texts, "api/deepseek.csv": texts["api/deepseek.csv"].replace("0.15", "0.16", 1)}
    assert [fault.place for fault in drift(changed, reviewed)] == ["api/deepseek.csv"]
    gone = {name: text for name, text in texts.items() if name != "gpu/aws.csv"}
    assert [fault.place for fault in drift(gone, reviewed)] == ["gpu/aws.csv"]


def test_every_line_has_a_source_and_every_read_one_its_days(whole_book):
    for line in whole_book.entries:
        assert line.source
        if line.confidence not in UNVERIFIED:
            assert line.starts is not None
            assert line.checked is not None


def test_a_line_is_checked_on_or_after_its_first_day_unless_it_is_announced(book):
    announced = [line for line in book.entries if line.checked < line.starts]
    assert {line.name for line in announced} >= {"google/gemini-4-argon", "google/gemini-3.8-flash"}
    assert all("announced" in line.note for line in announced)


def test_every_number_is_within_its_bounds_or_explained(whole_book):
    odd = {name for name, _ in out_of_bounds(whole_book.entries)}
    assert odd == set(explained((DATA / EXCEPTIONS).read_text(encoding="utf-8")))


@pytest.mark.parametrize("slip", [Decimal(1000), Decimal("0.001")])
def test_a_slip_of_a_thousand_is_caught_in_most_prices(book, slip):
    numbers = [(unit, value) for line in book.entries for _, unit, value in bounded(line)]
    caught = sum(not BOUNDS[unit][0] <= value * slip <= BOUNDS[unit][1] for unit, value in numbers)
    assert caught / len(numbers) > 0.5


def test_an_explanation_that_explains_nothing_is_a_fault():
    texts = read_texts()
    texts[EXCEPTIONS] += "price.api.openai/gpt-6-sol.input_usd_per_million_tokens,no reason at all\n"
    told = [str(fault) for fault in faults(texts, manifest(texts))]
    assert told == [
        "exceptions.csv  price.api.openai/gpt-6-sol.input_usd_per_million_tokens is within its bounds, "
        "or not in the book; delete this line"
    ]


def test_a_price_is_stale_on_the_ninety_first_day(book):
    sol = next(line for line in book.entries if line.name == "openai/gpt-6-sol")
    assert sol not in stale(book.entries, sol.checked + timedelta(days=90))
    assert sol in stale(book.entries, sol.checked + timedelta(days=91))


def test_the_digest_is_of_the_text(book):
    assert book.digest == read_book(read_texts()).digest
    changed = read_texts()
    changed["api/deepseek.csv"] = changed["api/deepseek.csv"].replace("0.15", "0.16", 1)
    assert read_book(changed).digest != book.digest
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # sha256 of nothing


def test_the_age_of_a_book_is_that_of_the_latest_line_of_each_offer():
    later = GOOD.replace("2026-01-01", "2026-03-01").replace("2026-02-01", "2026-04-01")
    other = GOOD.replace("big", "small").replace("2026-02-01", "2026-03-15")
    book = read_book(files(GOOD, later, other))
    assert book.checked_days(date(2026, 5, 1)) == [date(2026, 3, 15), date(2026, 4, 1)]
    assert book.checked_days(date(2025, 5, 1)) == []  # nothing had begun


def test_every_spelling_of_a_card_leads_to_a_card_that_answers_to_its_own_name(book):
    for card in set(book.cards.by_spelling.values()):
        assert book.cards.canonical(card) == card
    assert CardNames.spelling("NVIDIA H100 80GB") == CardNames.spelling("h100-80gb")


def test_the_readme_names_the_common_columns():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    common = [column for column in columns(ApiEntry) if column in {"from", "checked", "source", "confidence", "note"}]
    assert len(common) == 5
    assert all(f"| `{column}` |" in readme for column in common)
