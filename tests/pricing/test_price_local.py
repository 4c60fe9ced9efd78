"""The user's own prices: what they change, what they leave, how they are shown, and every fault with its line."""

from datetime import date
from decimal import Decimal as D

import pytest

from pricing.book import DATA, BookFaultsError, read_texts, reader
from pricing.book_files import open_book, own_file, with_own
from pricing.entries import Offer
from pricing.figure import Kind, recompute, walk
from pricing.table import PriceBook

TODAY = date(2026, 11, 21)
HEAD = "because: framework agreement 2026/17\nchecked: 2026-11-01\n"


def own(text: str) -> PriceBook:
    read, tables = reader(read_texts())
    return PriceBook(with_own(read, text, "prices.local.yaml", tables), tables.cards, "", own_file="prices.local.yaml")


def refused(text: str) -> list[str]:
    with pytest.raises(BookFaultsError) as error:
        own(text)
    return [str(fault) for fault in error.value.faults]


# --- off the list price -------------------------------------------------------------------------------------------


def test_a_percentage_is_taken_off_the_tiers_named_and_off_no_other():
    price = own(HEAD + "api: [{model: openai/gpt-6-sol, off_percent: 15, tiers: [standard, batch]}]").api(
        "gpt-6-sol", TODAY
    )
    found = [
        getattr(price, f"{tier}_usd_per_million_tokens").value
        for tier in ("input", "output", "batch_input", "cached_input", "long_input")
    ]
    assert found == [D("1.7"), D("8.5"), D("0.85"), D("0.2"), D(4)]  # 2, 10 and 1 less 15 %; 0.2 and 4 as listed


def test_a_discount_shows_the_list_price_and_who_agreed_to_what():
    figure = (
        own(HEAD + "api: [{model: gpt-6-sol, off_percent: 15}]").api("gpt-6-sol", TODAY).output_usd_per_million_tokens
    )
    assert (figure.kind, figure.grade, figure.value) == (Kind.DERIVED, Kind.QUOTED, D("8.5"))
    told = [(leaf.value, leaf.origin.note, leaf.origin.on) for leaf in figure.inputs.values()]
    assert told == [
        (D(10), "genai-prices 0.2.3, Python package released 2026-11-10", date(2026, 11, 10)),
        (D("0.15"), "prices.local.yaml: framework agreement 2026/17", date(2026, 11, 1)),
    ]
    assert recompute(figure, {}) == pytest.approx(8.5)


def test_a_discount_follows_the_list_through_its_announced_step_and_ends_when_it_ends():
    book = own(HEAD + "api: [{model: google/gemini-4-argon, off_percent: 10, until: 2027-01-01}]")
    out = [book.api("gemini-4-argon", day).output_usd_per_million_tokens.value for day in (
        TODAY, date(2026, 12, 1), date(2026, 12, 31), date(2027, 1, 1))]  # fmt: skip
    assert out == [D(9), D(18), D(18), D(20)]


def test_an_agreement_that_begins_later_leaves_the_list_until_then():
    book = own(HEAD + "api: [{model: gpt-6-sol, off_percent: 50, from: 2026-12-01}]")
    assert [book.api("gpt-6-sol", day).input_usd_per_million_tokens.value for day in (
        date(2026, 11, 30), date(2026, 12, 1))] == [D(2), D(1)]  # fmt: skip


def test_a_providers_machines_are_discounted_all_at_once():
    book = own(HEAD + "gpu: [{provider: aws, card: H100, off_percent: 30}]")
    price = book.gpu("H100", TODAY, provider="aws", cards=8)
    assert (price.usd_per_gpu_hour.value, price.usd_per_gpu_hour.kind) == (D("4.816"), Kind.DERIVED)  # 6.88 x 0.7
    listed = price.usd_per_gpu_hour.inputs["list_usd"]
    assert listed.value == D("6.88")
    assert book.gpu("H100", TODAY, provider="lambda").usd_per_gpu_hour.value == D("3.99")


# --- own amounts, own cards, other currencies ---------------------------------------------------------------------


def test_an_amount_replaces_its_column_and_leaves_the_others_with_their_own_source():
    price = own(HEAD + "api: [{model: claude-haiku-4-5, input_usd_per_million_tokens: 0.9}]").api(
        "claude-haiku-4-5", TODAY
    )
    assert (price.input_usd_per_million_tokens.value, price.output_usd_per_million_tokens.value) == (D("0.9"), D(5))
    assert price.input_usd_per_million_tokens.origin.note == "prices.local.yaml: framework agreement 2026/17"
    assert price.output_usd_per_million_tokens.origin.note.startswith("genai-prices")


def test_a_model_of_ones_own_needs_both_prices_and_is_found_by_name():
    text = (
        HEAD + "api: [{model: intern/llama-70b, input_usd_per_million_tokens: 0.4, output_usd_per_million_tokens: 0.8}]"
    )
    price = own(text).api("llama-70b", TODAY)
    assert (price.name, price.output_usd_per_million_tokens.value) == ("intern/llama-70b", D("0.8"))


def test_an_own_card_competes_with_the_market_at_its_charge():
    book = own(HEAD + "gpu: [{card: H100, count: 8, usd_per_hour: 15.20, because: internal chargeback}]")
    price = book.gpu("NVIDIA H100 80GB", TODAY)
    assert (price.provider, price.offer, price.usd_per_gpu_hour.value, price.memory_gb) == (
        "own",
        Offer.LIST,
        D("1.9"),
        80,
    )
    assert price.usd_per_gpu_hour.origin.note == "prices.local.yaml: internal chargeback"
    dearer = own(HEAD + "gpu: [{card: H100, usd_per_hour: 9, because: internal chargeback}]")
    assert dearer.gpu("H100", TODAY).provider == "runpod"
    assert dearer.gpu("H100", TODAY, provider="own").usd_per_gpu_hour.value == 9


def test_another_currency_is_converted_at_a_dated_rate_that_stays_visible():
    text = HEAD + (
        "exchange:\n  eur: {usd_per_unit: 1.08, on: 2026-11-20}\n"
        "gpu: [{card: L4, count: 2, eur_per_hour: 1.50}]\n"
        "api: [{model: gpt-6-sol, input_eur_per_million_tokens: 1.5}]\n"
    )
    book = own(text)
    figure = book.api("gpt-6-sol", TODAY).input_usd_per_million_tokens
    assert (figure.value, figure.unit, figure.kind) == (D("1.62"), "usd_per_million_tokens", Kind.DERIVED)  # 1.5 x 1.08
    amount, rate = figure.inputs.values()
    assert (amount.value, amount.unit, amount.origin.note) == (
        D("1.5"), "own_currency", "prices.local.yaml: framework agreement 2026/17 (1.5 EUR)",
    )  # fmt: skip
    assert (rate.name, rate.value, rate.unit, rate.origin.on) == (
        "exchange.EUR",
        D("1.08"),
        "usd_per_unit",
        date(2026, 11, 20),
    )
    card = book.gpu("L4", TODAY, provider="own").usd_per_gpu_hour
    assert card.value == D("0.81")  # 1.50 x 1.08 / 2
    assert card.inputs["amount_own_currency"].value == D("0.75")


def test_tuning_serverless_and_purchase_have_their_own_prices_too():
    book = own(
        HEAD + "tuning: [{base_model: openai/gpt-4.1-mini-2025-04-14, off_percent: 20, tiers: [training]}]\n"
        "serverless: [{provider: runpod, product: flex worker, card: L40S, usd_per_hour: 1.5}]\n"
        "purchase: [{card: H100, capex_usd: 24000}]\n"
    )
    tuned = book.tuning("openai/gpt-4.1-mini", TODAY)
    assert tuned.training_usd_per_million_tokens.value == D(4)  # 5 less 20 %
    assert tuned.inference_output_usd_per_million_tokens.value == D("3.2")
    assert book.serverless("L40S", TODAY, provider="runpod").usd_per_gpu_hour.value == D("1.5")
    assert any(offer.capex_usd.value == 24000 and offer.collector == "own" for offer in book.purchase_offers("H100"))


# --- faults -------------------------------------------------------------------------------------------------------


def test_every_fault_is_told_at_once_with_its_line():
    told = refused(
        "checked: 2026-13-01\n"
        "prices: []\n"
        "api:\n"
        "  - {model: openai/gpt-6-sol, off_percent: 120, because: a}\n"
        "  - {model: openai/gpt-6-soll, off_percent: 10, because: b, checked: 2026-11-01}\n"
        "  - {model: gpt-6-luna, input_gbp_per_million_tokens: 0.1, because: c, checked: 2026-11-01}\n"
        "  - {model: gpt-6-luna, inptu_usd_per_million_tokens: 0.1, because: d, checked: 2026-11-01}\n"
        "  - {model: gpt-6-luna, off_percent: 5, tiers: [cheap], checked: 2026-11-01}\n"
        "gpu:\n"
        "  - {provider: aws, card: H1000, off_percent: 5, because: e, checked: 2026-11-01}\n"
        "  - {card: H100, usd_per_hour: 1900, because: f, checked: 2026-11-01}\n"
    )
    wanted = [
        ("2", "'prices' is no section, or not of its form; wanted api, gpu, tuning, serverless, purchase (lists), "),
        ("1", "checked is '2026-13-01'; wanted a day, for example 2026-11-21"),
        ("4", "off_percent is '120'; wanted a number over 0 and under 100, for example 15"),
        ("5", "openai gpt-6-soll names no api price of the book; near it: openai/gpt-6-sol"),
        ("6", "input_gbp_per_million_tokens is in GBP, which has no rate; add exchange: {gbp: {usd_per_unit: "),
        ("7", "'inptu_usd_per_million_tokens' is no field of a api price; wanted one of input_usd_per_million_tokens"),
        ("8", "says no reason; add because:"),
        ("8", "tiers holds cheap; wanted standard, cached, batch, long, peak"),
        ("10", "no card 'H1000' in the price book; near it: H100"),
        (
            "11",
            "price.gpu.own/H100-SXM/1x own.usd_per_gpu_hour is 1900; wanted 0.05..60 usd_per_gpu_hour: correct it, or",
        ),
    ]
    for line, message in wanted:
        assert any(each.startswith(f"prices.local.yaml:{line}  {message}") for each in told), (line, message, told)
    assert len(told) == len(wanted)
    lines = [int(each.partition(":")[2].partition(" ")[0]) for each in told]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1  the file is empty"),
        ("- 1\n", "1  wanted sections"),
        ("api: [\n", "2  is not YAML"),
        (HEAD + "api: [3]\n", "3  wanted an item"),
        (HEAD + "api: []\napi: []\n", "4  'api' stands twice, first in line 3; keep one"),
        (HEAD + "api: [{model: o3, off_percent: 5, because: {a: b}}]\n", "3  because holds a section"),
        (HEAD + "api: [{model: o3}]\n", "3  names openai/o3 and changes nothing"),
        (HEAD + "api: [{model: o3, off_percent: 5, output_usd_per_million_tokens: 1}]\n", "3  states off_p"),
        (HEAD + "api: [{model: o3, off_percent: 5}, {model: o3, off_percent: 6}]\n", "3  openai/o3 is set"),
        (HEAD + "gpu: [{card: H100, provider: aws, usd_per_hour: 5}]\n", "3  a price for one offer, but"),
        (HEAD + "api: [{model: o3, output_usd_per_million_tokens: -1}]\n", "3  output_usd_per_million"),
        (HEAD + "exchange: {eur: {on: 2026-11-20}}\napi: [{model: o3, output_eur_per_million_tokens: 1}]\n",
         "3  exchange.eur has no usd_per_unit"),
        (HEAD + "purchase: [{card: H100, capex_usd: 9, until: 2027-01-01}]\n", "3  a purchase price has no"),
    ],
)  # fmt: skip
def test_a_file_at_fault_is_refused_with_the_place(text, told):
    assert any(each.startswith(f"prices.local.yaml:{told}") for each in refused(text)), refused(text)


def test_a_price_that_is_unusual_passes_where_it_says_so():
    text = HEAD + "gpu: [{card: L4, usd_per_hour: 0.02, unusual: yes}]"
    assert own(text).gpu("L4", TODAY, provider="own").usd_per_gpu_hour.value == D("0.02")


def test_the_example_in_the_readme_is_a_file_that_reads():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    example = readme.partition("```yaml\n")[2].partition("```")[0]
    book = own(example)
    assert book.api("gpt-6-sol", TODAY).output_usd_per_million_tokens.value == D("8.5")
    assert book.api("claude-haiku-4-5", TODAY).input_usd_per_million_tokens.value == D("0.918")  # 0.85 x 1.08
    assert book.gpu("H100", TODAY).provider == "own"


# --- where the file is looked for ---------------------------------------------------------------------------------


def test_the_named_file_goes_before_the_scenarios_and_that_before_the_working_folder(tmp_path, monkeypatch):
    here, beside, named = tmp_path / "here", tmp_path / "beside", tmp_path / "rates.yaml"
    for folder in (here, beside):
        folder.mkdir()
    monkeypatch.chdir(here)
    assert own_file(None, beside) is None
    (here / "prices.local.yaml").write_text(HEAD + "api: [{model: o3, off_percent: 1}]")
    assert own_file(None, beside).resolve() == here / "prices.local.yaml"
    (beside / "prices.local.yaml").write_text(HEAD + "api: [{model: o3, off_percent: 2}]")
    assert own_file(None, beside) == beside / "prices.local.yaml"
    with pytest.raises(BookFaultsError, match="is not there; check the path given with --prices"):
        own_file(named, beside)
    named.write_text(HEAD + "api: [{model: o3, off_percent: 50}]")
    book = open_book(named, beside, refreshed=False)
    assert (book.own_file, book.api("o3", TODAY).output_usd_per_million_tokens.value) == ("rates.yaml", D(4))  # 8 / 2


def test_own_prices_change_the_digest_of_the_book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = open_book(refreshed=False).digest
    file = tmp_path / "prices.local.yaml"
    file.write_text(HEAD + "api: [{model: o3, off_percent: 1}]")
    changed = open_book(refreshed=False).digest
    assert changed != plain
    file.write_text(HEAD + "api: [{model: o3, off_percent: 2}]")
    assert open_book(refreshed=False).digest not in {plain, changed}
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BookFaultsError, match="is not UTF-8"):
        open_book(refreshed=False)


def test_a_tree_of_own_prices_names_each_part():
    figure = own(HEAD + "api: [{model: o3, off_percent: 25}]").api("o3", TODAY).input_usd_per_million_tokens
    assert [each.name.removeprefix("price.api.openai/o3.input_usd_per_million_tokens") for _, each in walk(figure)] == [
        "", ".list", ".off_share",
    ]  # fmt: skip
