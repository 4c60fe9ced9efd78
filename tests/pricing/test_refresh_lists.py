"""Each adapter turns its publisher's bytes into rows of the book; every row here is worked by hand from the list."""

from datetime import date

import pytest

from pricing.refresh_book import known, lines_of
from pricing.refresh_rows import current
from pricing.sources.answer import Row, ShapeError, Taken, price
from pricing.sources.cards import Known
from pricing.sources.table import SOURCES, UnknownSourceError, chosen
from tests.pricing import price_lists

DAY = date(2026, 11, 21)
LIST = {source.name: source for source in SOURCES}


@pytest.fixture
def book() -> Known:
    from pricing.book import read_book

    texts = price_lists.shipped()
    return known(lines_of(texts), read_book(texts, allow_unverified=True).cards, {"openai"}, DAY)


def read(name: str, book: Known, *pages: bytes) -> Taken:
    return LIST[name].read(pages, book, LIST[name].provider)


def short(row: Row, *names: str) -> tuple[str, ...]:
    """Return a row's columns of these names, shortened to their first word, as one tuple."""
    return tuple(row.columns.get(name, "") for name in names)


API = ("model", "input_usd_per_million_tokens", "cached_input_usd_per_million_tokens", "output_usd_per_million_tokens")
GPU = ("card", "instance", "count", "usd_per_hour", "spot_usd_per_hour", "region", "offer", "confidence")


def test_litellm_per_token_becomes_per_million(book: Known) -> None:
    taken = read("litellm", book, price_lists.litellm())
    assert [short(row, *API) for row in taken.rows] == [
        ("m-large", "2", "0.2", "10"),
        ("m-mid", "0.4", "0.05", "2"),
        ("m-small", "0.1", "0.01", "0.5"),  # listed as openai/m-small
        ("m-new", "1", "", "3"),
        ("m-gone", "5", "", "9"),
    ]
    assert dict(taken.left_out) == {
        "no chat model, or a tuned one": 2,  # m-embed, ft:m-mid
        "a provider the book does not carry": 1,
        "a name that moves (-latest)": 1,
        "no price above 0 for both input and output tokens": 1,  # m-free
    }


def test_litellm_long_context_and_batch(book: Known) -> None:
    more = {
        "input_cost_per_token_above_200k_tokens": 4e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_batches": 1e-06,
        "deprecation_date": "2027-01-31",
    }
    entry = price_lists.litellm_entry("2.9999999999999997e-06", "", "1e-05", **more)
    (row,) = read("litellm", book, b'{"m": ' + entry.encode() + b"}").rows
    assert row.columns["input_usd_per_million_tokens"] == "3"  # a binary fraction, rounded to ten digits
    assert short(row, "long_context_over_tokens", "long_context_mode") == ("200000", "cliff")
    assert short(row, "long_input_usd_per_million_tokens", "long_output_usd_per_million_tokens") == ("4", "15")
    assert short(row, "batch_input_usd_per_million_tokens", "note") == (
        "1",
        "the list gives 2027-01-31 as its deprecation date",
    )


def test_genai_prices_tiers_batch_and_dated_steps(book: Known) -> None:
    taken = read("genai-prices", book, price_lists.GENAI)
    large = taken.rows[0]
    assert short(large, *API) == ("m-large", "2", "0.2", "10")
    assert short(large, "batch_input_usd_per_million_tokens", "batch_output_usd_per_million_tokens") == ("1", "5")
    assert short(large, "long_context_over_tokens", "long_input_usd_per_million_tokens") == ("272000", "4")
    assert [short(row, "from", *API) for row in current(taken.rows, DAY)[1:3]] == [
        ("2026-11-15", "m-mid", "0.6", "", "2"),  # in force: not the undated first set, not the one of December
        ("2026-12-24", "m-mid", "0.7", "", "2"),  # announced
    ]
    assert dict(taken.left_out) == {
        "a price that depends on the hour of the day": 1,
        "a name that moves (-latest)": 1,
        "no price above 0 for both input and output tokens": 1,  # m-image is priced by the request
        "a provider the book does not carry": 2,
    }


def test_models_dev(book: Known) -> None:
    taken = read("models-dev", book, price_lists.MODELS_DEV)
    assert [short(row, *API, "note") for row in taken.rows] == [
        ("m-large", "2", "0.2", "10", ""),
        ("m-old", "30", "", "60", "the list calls it deprecated"),
    ]
    assert taken.rows[0].columns["long_context_over_tokens"] == "200000"
    assert (
        taken.left_out["no price above 0 for both input and output tokens"] == 2
    )  # m-open is free, m-none has no cost


def test_azure_joins_spot_and_takes_cards_from_the_book(book: Known) -> None:
    source = LIST["azure"]
    pages = price_lists.azure("https://prices.azure.com:443/page2")
    assert source.following is not None
    assert source.following([pages[0]], source.url) == "https://prices.azure.com:443/page2"
    assert source.following(pages, source.url) is None
    taken = read("azure", book, *pages)
    assert [short(row, *GPU) for row in taken.rows] == [
        ("A100-PCIe-80", "Standard_NC24ads_A100_v4", "1", "3.9", "1.4", "eastus", "list", "seen")
    ]
    assert taken.left_out["no hourly Linux rent"] == 3  # Windows, Low Priority, Reservation
    assert taken.left_out["an instance the book does not describe"] == 1


def test_azure_in_another_currency_is_refused(book: Known) -> None:
    page = price_lists.azure("")[0].replace(b'"USD"', b'"EUR"')
    with pytest.raises(ShapeError, match="priced in 'EUR'; wanted USD"):
        read("azure", book, page)


def test_gpuhunt_keeps_the_books_region_and_the_cheapest(book: Known) -> None:
    source = LIST["gpuhunt/aws"]
    assert source.following is not None
    assert source.following([b"20261118\n"], "https://x.example/v3/aws/version") == (
        "https://x.example/v3/aws/20261118/catalog.zip"
    )
    taken = read("gpuhunt/aws", book, b"20261118", price_lists.zipped(price_lists.GPUHUNT_CSV))
    assert taken.data_day == date(2026, 11, 18)
    assert sorted(short(row, *GPU) for row in taken.rows) == [
        ("A100-SXM-40", "x9.metal", "1", "3", "", "us-east-1", "list", "weak"),  # told by name and memory
        ("H100-SXM", "p5.48xlarge", "8", "58", "", "eu-north-1", "list", "seen"),  # the cheapest
        ("H100-SXM", "p5.48xlarge", "8", "60.5", "25", "us-east-1", "list", "seen"),  # the book's own region
    ]
    assert dict(taken.left_out) == {
        "no card, or no price": 1,
        "a card that cards.csv does not know": 1,
        "a dearer region or zone of the same instance": 1,
    }


@pytest.mark.parametrize("version", [b"", b"../../x", b"2026 11", b"<html>", b"a" * 41])
def test_a_version_that_may_not_stand_in_an_address(version: bytes) -> None:
    source = LIST["gpuhunt/aws"]
    assert source.following is not None
    with pytest.raises(ShapeError, match="the version is"):
        source.following([version], source.url)


def test_skypilot_means_40_gb_by_a100(book: Known) -> None:
    aws = read("skypilot/aws", book, price_lists.SKYPILOT.encode())
    assert [short(row, *GPU) for row in aws.rows] == [
        ("A100-SXM-40", "p4d.24xlarge", "8", "22", "9.5", "us-east-1", "list", "seen"),
        ("A100-PCIe-80", "1x_A100-80GB", "1", "1.39", "", "CA", "list", "weak"),  # GpuInfo says the form factor
        ("A100-SXM-80", "2x_A100-80GB", "2", "2.9", "", "CA", "list", "weak"),
    ]
    assert aws.left_out["no whole card, or no price"] == 2


def test_runpod_both_clouds(book: Known) -> None:
    taken = read("runpod", book, price_lists.RUNPOD)
    assert [short(row, *GPU) for row in taken.rows] == [
        ("A100-PCIe-80", "Secure Cloud", "1", "1.99", "0.95", "", "list", "seen"),
        ("A100-PCIe-80", "Community Cloud", "1", "1.19", "", "", "list", "seen"),
        ("H100-SXM", "Secure Cloud", "1", "3.99", "", "", "list", "seen"),
    ]
    assert taken.left_out["a card that cards.csv does not know"] == 1
    with pytest.raises(ShapeError, match="does the query need an API key"):
        read("runpod", book, b'{"errors": [{"message": "Unauthorized"}], "data": null}')


def test_vast_median_of_a_card(book: Known) -> None:
    taken = read("vast", book, price_lists.VAST)
    assert [short(row, *GPU) for row in taken.rows] == [
        ("RTX-4090", "marketplace median", "1", "0.4", "", "", "average", "seen")  # of 0.30, 1.60 / 4 and 1.00 / 2
    ]
    assert taken.rows[0].columns["note"].startswith("median of 3 open marketplace offers")
    assert taken.left_out["fewer than 3 offers of a card"] == 1


@pytest.mark.parametrize("name", ["genai-prices", "models-dev", "litellm", "azure", "runpod", "vast"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html>",
        b"[1, 2",
        b'{"a": NaN}',
        b"\xff\xfe{}",
        b'"text"',
        b"null",
        b"[" * 100_000,
        b'[{"models": {}}]',
        b'{"Items": {}, "offers": 3, "data": [], "x": 4}',
    ],
)
def test_a_list_of_no_known_shape_is_a_shape_error(book: Known, name: str, content: bytes) -> None:
    with pytest.raises(ShapeError):
        read(name, book, content)


@pytest.mark.parametrize("value", [True, "NaN", "Infinity", "-1", -2, [], "1e999999", "1e-90", "dear", float("inf")])
def test_what_is_no_price(value: object) -> None:
    with pytest.raises(ShapeError, match="wanted a price"):
        price(value, "here")


@pytest.mark.parametrize("value", [None, "", 0, "0.0"])
def test_what_is_no_price_to_quote(value: object) -> None:
    assert price(value, "here") is None


def test_a_family_of_lists_is_chosen_by_its_first_name() -> None:
    assert [source.name for source in chosen(["skypilot"], {})] == [n for n in LIST if n.startswith("skypilot/")]
    assert chosen(["vast"], {"vast": "http://127.0.0.1/x"})[0].url == "http://127.0.0.1/x"
    with pytest.raises(UnknownSourceError, match="no source is called lite, more; next: use one of azure"):
        chosen(["lite", "vast"], {"more": "https://x.example"})


def test_every_list_says_where_its_address_is_from_and_is_asked_over_https() -> None:
    assert all(source.seen_where and source.licence and source.url.startswith("https://") for source in SOURCES)
    assert len({source.name for source in SOURCES}) == len(SOURCES)


def lying(text: bytes) -> bytes:
    """Return a zip whose file says it has ten bytes."""
    import struct

    size, ten = struct.pack("<L", len(text)), struct.pack("<L", 10)
    return price_lists.zipped(text.decode()).replace(size, ten)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK no zip", "no zip that can be read"),
        (price_lists.zipped("x", "a.txt"), "wanted one CSV"),
        (lying(b"y" * 5_000_001), "no zip that can be read"),
        (price_lists.zipped(price_lists.GPUHUNT_CSV)[:-30], "no zip that can be read"),
    ],
)
def test_a_zip_that_is_none(book: Known, content: bytes, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        read("gpuhunt/aws", book, b"20261118", content)
