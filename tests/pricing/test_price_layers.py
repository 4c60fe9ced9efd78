"""The refreshed book over the shipped one: newer days win, nothing is overwritten, what only one side knows stays."""

from datetime import date
from decimal import Decimal as D

import pytest

from pricing.book import BookFaultsError
from pricing.book_files import merged, open_book
from pricing.entries import ApiEntry, Confidence, Layer, Offer
from pricing.lookup import holding
from pricing.places import BOOKS, CURRENT

TODAY = date(2026, 11, 21)


def line(starts: str, checked: str, out: str, **more) -> ApiEntry:
    said = {"shutdown": None, **more}
    return ApiEntry(
        provider="acme", model="m", place=f"api/acme.csv:{starts}", source="page", confidence=Confidence.SEEN,
        starts=date.fromisoformat(starts), checked=date.fromisoformat(checked),
        input_usd_per_million_tokens=D(1), output_usd_per_million_tokens=D(out), **said,
    )  # fmt: skip


OLD = line("2026-01-01", "2026-02-01", "5", batch_output_usd_per_million_tokens=D("2.5"), note="kept")


def test_the_same_price_moves_the_day_of_checking_and_keeps_the_tiers():
    (only,) = merged([OLD], [line("2026-11-20", "2026-11-20", "5")])
    assert only == OLD.with_(checked=date(2026, 11, 20))


def test_another_price_is_a_line_beside_the_old_one():
    new = line("2026-11-20", "2026-11-20", "6", layer=Layer.REFRESHED)
    assert merged([OLD], [new]) == [OLD, new]
    assert [each.output_usd_per_million_tokens for each in holding([OLD, new], date(2026, 11, 19))] == [5]
    assert [each.output_usd_per_million_tokens for each in holding([OLD, new], date(2026, 11, 20))] == [6]


def test_an_end_that_was_announced_stays_where_the_new_list_says_nothing():
    ending = OLD.with_(shutdown=date(2027, 1, 1))
    new = line("2026-11-20", "2026-11-20", "6")
    assert merged([ending], [new])[1].shutdown == date(2027, 1, 1)
    assert merged([ending], [line("2026-11-20", "2026-11-20", "5")]) == [ending.with_(checked=date(2026, 11, 20))]


def test_an_end_that_is_new_is_a_line_of_its_own():
    new = line("2026-11-20", "2026-11-20", "5", shutdown=date(2027, 3, 1))
    assert merged([OLD], [new]) == [OLD, new]


def test_an_older_look_moves_nothing_back():
    assert merged([OLD], [line("2026-01-15", "2026-01-15", "5")]) == [OLD]


def test_a_refreshed_folder_is_laid_over_the_shipped_book(tmp_path):
    header = "model,from,checked,input_usd_per_million_tokens,output_usd_per_million_tokens,source,confidence\n"
    (tmp_path / "api").mkdir()
    (tmp_path / "sources.csv").write_text("source,says,licence\nfetched,the list of that day,\n")
    (tmp_path / "api" / "openai.csv").write_text(
        header
        + "gpt-6-sol,2026-11-20,2026-11-20,2,10,fetched,seen\n"
        + "gpt-6-luna,2026-11-20,2026-11-20,0.09,0.45,fetched,seen\n"
        + "gpt-7,2026-11-20,2026-11-20,3,12,fetched,seen\n"
    )
    plain, book = open_book(refreshed=False), open_book(refreshed=tmp_path)
    assert book.digest != plain.digest
    same = book.api("gpt-6-sol", TODAY)
    assert (same.checked, same.batch_output_usd_per_million_tokens.value) == (date(2026, 11, 20), 5)
    assert book.api("gpt-6-luna", TODAY).output_usd_per_million_tokens.value == D("0.45")
    assert book.api("gpt-6-luna", date(2026, 11, 19)).output_usd_per_million_tokens.value == D("0.5")
    assert book.api("gpt-7", TODAY).source == "the list of that day"
    assert book.api("gpt-7", TODAY).offer is Offer.LIST
    assert len(book.entries) == len(plain.entries) + 2


def test_a_refreshed_folder_at_fault_is_told_by_file_and_line(tmp_path):
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "openai.csv").write_text("model,from\no3,2026-01-01\n")
    book = open_book(refreshed=tmp_path)
    with pytest.raises(BookFaultsError, match=r"api/openai\.csv:1  the header differs in"):
        book.read_everything()


def test_a_pointer_to_a_book_that_is_gone_is_told_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSOVER_PRICES", str(tmp_path))
    (tmp_path / BOOKS).mkdir()
    (tmp_path / CURRENT).write_text("gone")
    with pytest.raises(BookFaultsError, match=r"next: delete .*current, refresh"):
        open_book()


def test_the_shipped_book_alone_is_itself(book):
    alone = open_book(refreshed=False)
    assert alone.digest == book.digest
    assert alone.entries == book.entries
