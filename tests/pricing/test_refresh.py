"""What a refresh does to the book, worked out by hand: days move, prices get new lines, nothing is overwritten."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.book import read_book, read_texts
from pricing.book_files import open_book
from pricing.places import book_in_use
from pricing.refresh import accept, refresh
from pricing.refresh_book import HEADERS, Kept, composed, in_force, lines_of, table
from pricing.refresh_files import BOOKS_KEPT, NotWaitingError, damaged, quarantine_file
from pricing.sources.answer import Row
from tests.pricing import price_lists
from tests.pricing.price_faults import FIRST, SECOND, asking, fetched, served
from tests.pricing.price_lists import LITELLM_MODELS, litellm
from tests.pricing.price_server import PriceServer, Reply

SHIPPED = price_lists.shipped()
COLUMNS = ("model", "from", "checked", "input_usd_per_million_tokens", "output_usd_per_million_tokens", "source")


@pytest.fixture
def server():
    with PriceServer() as open_server:
        yield open_server


def in_use(root: Path) -> dict[str, str]:
    folder = book_in_use(root)
    assert folder is not None
    assert damaged(folder) == []
    return read_texts(folder)


def lines(root: Path, file: str = "api/openai.csv", columns: tuple[str, ...] = COLUMNS) -> list[tuple[str, ...]]:
    return [tuple(line[name] for name in columns) for line in csv.DictReader(io.StringIO(in_use(root)[file]))]


def again(server: PriceServer, root: Path, body: bytes, **headers: str):
    server.replies["/litellm"] = Reply(body, headers=headers)
    return refresh([served(server, "litellm")], root, SHIPPED, SECOND, asking())


def test_a_first_refresh(server: PriceServer, tmp_path: Path) -> None:
    outcome = fetched(server, served(server, "litellm"), tmp_path, SHIPPED)
    assert (outcome.outcome, outcome.rows, outcome.waiting) == ("updated", 5, 0)
    assert lines(tmp_path) == [
        ("m-large", "2026-11-10", "2026-11-20", "2", "10", "litellm@2026-11-20"),  # still holds: its day moves
        ("m-mid", "2026-11-20", "2026-11-20", "0.4", "2", "litellm@2026-11-20"),  # 0.5 until now: a new line
        ("m-new", "2026-11-20", "2026-11-20", "1", "3", "litellm@2026-11-20"),
        ("m-small", "2026-11-10", "2026-11-20", "0.1", "0.5", "litellm@2026-11-20"),
    ]  # m-old is not in the list, and m-gone was switched off on 2026-11-15: the shipped book's lines stay as they are
    says = next(line for line in csv.DictReader(io.StringIO(in_use(tmp_path)["sources.csv"])))
    assert says["says"].startswith("litellm's model map, http://127.0.0.1:")
    assert says["says"].endswith("/litellm, fetched 2026-11-20")


def test_the_refreshed_book_is_a_book(server: PriceServer, tmp_path: Path) -> None:
    fetched(server, served(server, "litellm"), tmp_path, SHIPPED)
    price = read_book(in_use(tmp_path)).api("openai/m-mid", date(2026, 11, 21))
    assert str(price.input_usd_per_million_tokens.value) == "0.4"
    assert price.checked == date(2026, 11, 20)


def test_304_moves_the_day_and_nothing_else(server: PriceServer, tmp_path: Path) -> None:
    server.replies["/litellm"] = Reply(litellm(), headers={"ETag": '"one"'})
    source = served(server, "litellm")
    refresh([source], tmp_path, SHIPPED, FIRST, asking())
    before = lines(tmp_path)
    done = refresh([source], tmp_path, SHIPPED, SECOND, asking())
    assert server.asked[-1].headers["If-None-Match"] == '"one"'
    assert done.outcomes[0].outcome == "unchanged"
    assert [line[3:5] for line in lines(tmp_path)] == [line[3:5] for line in before]
    assert [line[1:3] for line in lines(tmp_path)] == [(line[1], "2026-11-21") for line in before]


def test_a_change_adds_a_line_and_keeps_the_old_one(server: PriceServer, tmp_path: Path) -> None:
    fetched(server, served(server, "litellm"), tmp_path, SHIPPED)
    again(server, tmp_path, litellm({**LITELLM_MODELS, "m-new": ("1.2", "", "3")}))
    assert [line[:4] for line in lines(tmp_path) if line[0] == "m-new"] == [
        ("m-new", "2026-11-20", "2026-11-20", "1"),
        ("m-new", "2026-11-21", "2026-11-21", "1.2"),
    ]


def test_a_jump_waits_for_a_human(server: PriceServer, tmp_path: Path) -> None:
    source = served(server, "litellm")
    fetched(server, source, tmp_path, SHIPPED)
    jump = litellm({**LITELLM_MODELS, "m-large": ("2", "0.2", "15.1")})  # + 51 %
    done = again(server, tmp_path, jump)
    (outcome,) = done.outcomes
    assert (outcome.rows, outcome.waiting) == (4, 1)
    assert outcome.why == "m-large: output_usd_per_million_tokens 10 -> 15.1"
    assert outcome.following == "read the quarantine file, then `prices refresh --accept litellm`"
    held = ("m-large", "2026-11-10", "2026-11-20", "2", "10", "litellm@2026-11-20")
    assert lines(tmp_path)[0] == held  # in force as before, and not checked on the day it was doubted
    accept(source, tmp_path, SHIPPED, SECOND)
    assert lines(tmp_path)[:2] == [held, ("m-large", "2026-11-21", "2026-11-21", "2", "15.1", "litellm@2026-11-21")]
    assert not quarantine_file(tmp_path, "litellm").exists()
    assert again(server, tmp_path, jump).outcomes[0].waiting == 0


def test_exactly_half_is_no_jump(server: PriceServer, tmp_path: Path) -> None:
    fetched(server, served(server, "litellm"), tmp_path, SHIPPED)
    done = again(server, tmp_path, litellm({**LITELLM_MODELS, "m-large": ("2", "0.2", "15")}))
    assert done.outcomes[0].waiting == 0


def test_a_human_may_strike_lines_from_the_quarantine_file(server: PriceServer, tmp_path: Path) -> None:
    source = served(server, "litellm")
    fetched(server, source, tmp_path, SHIPPED)
    again(server, tmp_path, litellm({"m-large": ("20", "0.2", "10"), "m-new": ("9", "", "3")}))  # both refused: a slip?
    waiting = quarantine_file(tmp_path, "litellm")
    kept = [line for line in waiting.read_text(encoding="utf-8").splitlines() if "m-large" not in line]
    waiting.write_text("\n".join(kept) + "\n", encoding="utf-8")
    accept(source, tmp_path, SHIPPED, SECOND)
    assert [line[3] for line in lines(tmp_path) if line[0] == "m-large"] == ["2"]
    assert [line[3] for line in lines(tmp_path) if line[0] == "m-new"] == ["1", "9"]


def test_what_is_out_of_bounds_is_never_accepted(server: PriceServer, tmp_path: Path) -> None:
    source = served(server, "litellm")
    fetched(server, source, tmp_path, SHIPPED)
    again(server, tmp_path, litellm({**LITELLM_MODELS, "m-tiny": ("0.004", "", "0.1")}))
    (outcome,) = accept(source, tmp_path, SHIPPED, SECOND).outcomes
    assert (outcome.outcome, outcome.waiting) == ("unchanged", 1)
    assert outcome.why == "input_usd_per_million_tokens 0.004 is outside 0.005..1000 usd_per_million_tokens"
    assert "exceptions.csv" in outcome.following
    with pytest.raises(NotWaitingError, match=r"nothing of vast waits in .*; there is: litellm"):
        accept(served(server, "vast"), tmp_path, SHIPPED, SECOND)


def test_lists_in_order_the_second_is_the_second_opinion(server: PriceServer, tmp_path: Path) -> None:
    bodies = {"genai-prices": price_lists.GENAI, "models-dev": price_lists.MODELS_DEV, "litellm": litellm()}
    server.replies.update({f"/{name}": Reply(body) for name, body in bodies.items()})
    refresh([served(server, name) for name in bodies], tmp_path, SHIPPED, FIRST, asking())
    wanted = ("model", "from", "input_usd_per_million_tokens", "crosscheck", "second_input_usd_per_million_tokens")
    assert lines(tmp_path, columns=(*wanted, "source")) == [
        ("m-large", "2026-11-10", "2", "agree", "", "genai-prices@2026-11-20"),
        ("m-mid", "2026-11-15", "0.6", "differ", "0.4", "genai-prices@2026-11-20"),  # litellm says 0.4
        ("m-mid", "2026-12-24", "0.7", "single", "", "genai-prices@2026-11-20"),  # announced
        ("m-new", "2026-11-20", "1", "single", "", "litellm@2026-11-20"),
        ("m-old", "2026-11-10", "30", "single", "", "models-dev@2026-11-20"),
        ("m-small", "2026-11-10", "0.1", "agree", "", "genai-prices@2026-11-20"),
    ]
    refresh([served(server, "litellm")], tmp_path, SHIPPED, SECOND, asking())  # one alone does not take the lead
    assert next(line[-1] for line in lines(tmp_path)) == "genai-prices@2026-11-20"


def test_a_catalogue_of_an_earlier_day_does_not_replace_what_was_checked_later(
    server: PriceServer, tmp_path: Path
) -> None:
    server.replies["/v3/aws/version"] = Reply(b"20261109", "text/plain")
    server.replies["/v3/aws/20261109/catalog.zip"] = Reply(
        price_lists.zipped(price_lists.GPUHUNT_CSV), "application/zip"
    )
    refresh([served(server, "gpuhunt/aws")], tmp_path, SHIPPED, FIRST, asking())
    instances = lines(tmp_path, "gpu/aws.csv", ("instance", "region", "from", "checked"))
    assert instances == [
        ("x9.metal", "us-east-1", "2026-11-09", "2026-11-09"),
        ("p5.48xlarge", "eu-north-1", "2026-11-09", "2026-11-09"),
    ]  # the book's own p5.48xlarge in us-east-1 was checked on 2026-11-10: a list of 2026-11-09 knows less


def test_pages_of_azure_from_the_same_host_only(server: PriceServer, tmp_path: Path) -> None:
    first, second = price_lists.azure(server.url("/page2"))
    server.replies.update({"/azure": Reply(first), "/page2": Reply(second)})
    refresh([served(server, "azure")], tmp_path, SHIPPED, FIRST, asking())
    assert lines(tmp_path, "gpu/azure.csv", ("usd_per_hour", "spot_usd_per_hour")) == [("3.9", "1.4")]
    server.replies["/azure"] = Reply(price_lists.azure("https://elsewhere.example/")[0])
    done = refresh([served(server, "azure")], tmp_path, SHIPPED, SECOND, asking())
    assert done.outcomes[0].why == "the next page is at elsewhere.example, not at 127.0.0.1"


def test_runpod_is_asked_with_its_query(server: PriceServer, tmp_path: Path) -> None:
    server.replies["/runpod"] = Reply(price_lists.RUNPOD)
    refresh([served(server, "runpod")], tmp_path, SHIPPED, FIRST, asking())
    assert server.asked[0].method == "POST"
    assert "gpuTypes" in json.loads(server.asked[0].body)["query"]
    assert ("A100-PCIe-80", "Community Cloud", "1.19") in lines(
        tmp_path, "gpu/runpod.csv", ("card", "instance", "usd_per_hour")
    )


def test_old_books_go_the_newest_stay(server: PriceServer, tmp_path: Path) -> None:
    source = served(server, "litellm")
    server.replies["/litellm"] = Reply(litellm())
    for days in range(6):
        refresh([source], tmp_path, SHIPPED, FIRST + timedelta(days=days), asking())
    names = sorted(path.name for path in (tmp_path / "books").iterdir())
    assert len(names) == BOOKS_KEPT
    assert book_in_use(tmp_path) == tmp_path / "books" / names[-1]


PRICES = st.sampled_from(["0.4", "0.5", "0.55", "0.6"])
LISTS = st.lists(
    st.tuples(st.integers(0, 40), st.dictionaries(st.sampled_from(["m-large", "m-mid", "m-x"]), PRICES)), max_size=5
)


@given(LISTS)
def test_history_is_never_rewritten(lists: list[tuple[int, dict[str, str]]]) -> None:
    """Law: after any lists, in any order, the price of every day before a list's day is what it was before."""
    before: dict[str, str] = {}
    for days, models in lists:
        day = date(2026, 11, 1) + timedelta(days=days)
        rows = [
            Row("api", "openai", {**price_lists.api(name, usd, "", "2"), "from": ""}) for name, usd in models.items()
        ]
        kept = Kept(rows, day, f"x@{day}", "x", "facts")
        after = composed([kept], SHIPPED, before)
        assert composed([kept], SHIPPED, after) == after  # and the same list again changes nothing
        assert prices_before(day, SHIPPED, after) == prices_before(day, SHIPPED, before)
        before = after


def prices_before(day: date, *books: dict[str, str]) -> dict[tuple[str, int], str]:
    found = lines_of(*books)
    days = [day - timedelta(days=back) for back in range(1, 40)]
    return {
        (key[2], (day - on).days): line["input_usd_per_million_tokens"]
        for key, held in found.items()
        for on in days
        if key[0] == "api" and (line := in_force(held, on)) is not None
    }


def test_a_table_leaves_out_what_its_header_has_not() -> None:
    assert table(["a", "b"], [{"b": "1,5", "c": "x"}]) == 'a,b\n,"1,5"\n'
    assert "model" in HEADERS["api"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("openai,x,True,m-large,dear", "openai input_usd_per_million_tokens is 'dear'; wanted a price"),
        ("openai,x,True,m-large", "line 2 has 4 columns; wanted 5"),
    ],
)
def test_a_quarantine_file_spoilt_by_hand(server: PriceServer, tmp_path: Path, line: str, says: str) -> None:
    waiting = quarantine_file(tmp_path, "litellm")
    waiting.parent.mkdir()
    header = "provider,why,may_be_accepted,model,input_usd_per_million_tokens\n"
    waiting.write_text(f"{header}{line}\n", encoding="utf-8")
    with pytest.raises(NotWaitingError, match=f"{says}.*next: correct that line, or strike it out"):
        accept(served(server, "litellm"), tmp_path, SHIPPED, SECOND)
    assert waiting.exists()


def test_over_the_shipped_book_the_new_price_holds_from_its_day_on(server: PriceServer, tmp_path: Path) -> None:
    shipped = read_texts()
    server.replies["/litellm"] = Reply(litellm({"gpt-6-sol": ("2.2", "0.2", "10"), "gpt-6-luna": ("0.1", "", "0.5")}))
    refresh([served(server, "litellm")], tmp_path, shipped, FIRST, asking())
    book = open_book(refreshed=book_in_use(tmp_path) or False)
    prices = {day: book.api("openai/gpt-6-sol", date(2026, 11, day)).input_usd_per_million_tokens for day in (19, 20)}
    assert {day: str(figure.value) for day, figure in prices.items()} == {19: "2", 20: "2.2"}
    assert "litellm's model map, http://127.0.0.1" in prices[20].origin.note
    luna = book.api("openai/gpt-6-luna", date(2026, 11, 20))
    assert luna.checked == date(2026, 11, 10)  # the list says nothing about its cached and batch prices
