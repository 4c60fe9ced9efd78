"""Laws of the whole shipped book: every line sourced, dated, in order; every name leads to one thing."""

from collections import Counter
from datetime import date
from decimal import Decimal

from pricing.book import DATA, read_texts
from pricing.check import bounded, seams
from pricing.entries import UNVERIFIED, ApiEntry, Crosscheck, GpuEntry, LongContext, Offer, ServerlessEntry, TuningEntry
from pricing.lookup import api_names, full_api_names, holding, tuning_names
from pricing.paths import SWITCH_RATIO, SWITCH_RATIO_HIGH, SWITCH_RATIO_LOW
from pricing.units import unit_of

TODAY = date(2026, 11, 21)


def test_the_dated_lines_of_each_offer_have_no_gap_and_no_overlap(whole_book):
    assert seams(whole_book.entries) == []


def test_no_two_lines_of_an_offer_begin_on_one_day(whole_book):
    days = Counter((line.kind, line.name, line.starts) for line in whole_book.entries if line.starts is not None)
    assert [key for key, count in days.items() if count > 1] == []


def test_every_full_name_of_a_model_leads_to_one_model(book):
    models = {}
    for line in book.of(ApiEntry):
        for name in full_api_names(line):
            models.setdefault(name.casefold(), set()).add(line.model)
    assert {name: found for name, found in models.items() if len(found) > 1} == {}


def test_every_tuned_base_model_is_found_under_each_of_its_names(book):
    for line in holding(book.of(TuningEntry), TODAY):
        for name in tuning_names(line):
            method = line.method[0] if line.method else None
            assert book.tuning(name, TODAY, provider=line.provider, method=method).name == line.name


def test_every_priced_column_ends_in_a_unit_of_money(whole_book):
    columns = {name for line in whole_book.entries for name in line.fields if "usd" in name}
    assert {unit_of(name) for name in columns} == {
        "usd", "usd_per_hour", "usd_per_million_tokens", "usd_per_month", "usd_per_gb_month",
        "usd_per_core_hour", "usd_per_gib_hour",
    }  # fmt: skip


def test_what_is_checked_lies_in_the_past_of_the_book(book):
    assert max(line.checked for line in book.entries) <= TODAY


def test_long_context_has_a_line_a_mode_and_both_prices_or_nothing(book):
    for line in book.of(ApiEntry):
        parts = (
            line.long_context_over_tokens, line.long_context_mode, line.long_input_usd_per_million_tokens,
            line.long_output_usd_per_million_tokens,
        )  # fmt: skip
        assert len({part is None for part in parts}) == 1, line.place
    modes = {line.long_context_mode for line in book.of(ApiEntry)}
    assert modes == {None, LongContext.CLIFF}  # no vendor in the book bills at the margin


def test_tiers_stand_in_their_usual_order(book):
    for line in book.of(ApiEntry):
        standard = line.input_usd_per_million_tokens
        for below in (line.cached_input_usd_per_million_tokens, line.batch_input_usd_per_million_tokens):
            assert below is None or below <= standard, line.place
        for above in (line.long_input_usd_per_million_tokens, line.peak_input_usd_per_million_tokens):
            assert above is None or above > standard, line.place
        assert (line.second_input_usd_per_million_tokens is not None) == (line.crosscheck is Crosscheck.DIFFER)


def test_an_introductory_price_says_when_it_ends_and_what_follows(book):
    introductory = [line for line in book.of(ApiEntry) if line.offer is Offer.INTRODUCTORY]
    assert {line.name for line in introductory} == {"google/gemini-4-argon", "google/gemini-3.8-flash"}
    for line in introductory:
        assert [
            after.starts for after in book.of(ApiEntry) if after.name == line.name and after.starts > line.starts
        ] == [line.until]


def test_a_contract_price_says_for_how_long_and_is_never_chosen_unasked(book):
    contracts = [line for line in book.of(GpuEntry) if line.offer is Offer.CONTRACT]
    assert [(line.starts, line.usd_per_hour, line.term_months) for line in contracts] == [
        (date(2025, 10, 1), Decimal("1.7"), 12),
        (date(2026, 3, 1), Decimal("2.35"), 12),
    ]
    assert book.gpu("H100", TODAY).provider != "market"


def test_what_a_serverless_bill_counts_beside_the_rate(book):
    runpod = book.serverless("H100", TODAY, provider="runpod")
    assert (runpod.billed_per, runpod.cold_start, runpod.scale_to_zero) == ("second", "billed", True)
    assert (runpod.billed_seconds.value, runpod.idle_timeout_seconds.value) == (1, 5)
    endpoint = book.serverless("H100", TODAY, provider="huggingface")
    assert endpoint.billed_seconds.value == 60
    assert endpoint.idle_timeout_seconds is None  # not known
    modal = book.serverless("H100", TODAY, provider="modal")
    assert str(modal.cpu_usd_per_core_hour.value) == "0.04716"  # 0.0000131 x 3,600
    assert str(modal.memory_usd_per_gib_hour.value) == "0.007992"  # 0.00000222 x 3,600


def test_what_tuning_costs_beside_the_tokens(book):
    assert str(book.tuning("tinker/Qwen3-8B", TODAY).storage_usd_per_gb_month.value) == "0.10"
    mistral = book.tuning("mistral/anything", TODAY)
    assert (mistral.minimum_job_usd.value, mistral.storage_usd_per_month.value) == (4, 2)
    assert book.tuning("together/up to 16B", TODAY).minimum_job_usd.value == 0  # it says that there is none


def test_every_number_that_has_bounds_has_a_name_of_its_own(whole_book):
    names = Counter((name, line.starts) for line in whole_book.entries for name, _, _ in bounded(line))
    assert [name for name, count in names.items() if count > 1] == []


def test_floating_names_are_marked_and_nothing_else_is(book):
    for line in holding(book.of(ApiEntry), TODAY):
        assert book.api(line.name, TODAY).floating == line.model.endswith("-latest")
    assert {"mistral-small-latest"} < {name for line in book.of(ApiEntry) for name in api_names(line.model)}


def test_the_shipped_texts_are_plain(book):
    texts = read_texts()
    assert all(text.endswith("\n") and "\r" not in text and "\t" not in text for text in texts.values())
    assert sum(len(text) for text in texts.values()) < 200_000
    assert all(line.source for line in book.entries)


def test_unverified_lines_are_few_and_stay_out(book, whole_book):
    out = {line.place for line in whole_book.entries} - {line.place for line in book.entries}
    assert len(out) == 11
    assert all(line.confidence in UNVERIFIED for line in whole_book.entries if line.place in out)


def test_the_cards_of_serverless_classes_are_cards(book):
    assert {card for line in book.of(ServerlessEntry) for card in line.card} <= book.cards.known


def test_the_readme_says_every_column_of_every_kind(whole_book):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    kinds = {type(line) for line in whole_book.entries}
    hidden = {"provider", "place", "layer", "own", "starts"}
    missing = {name for kind in kinds for name in kind.fields if name not in hidden and f"`{name}`" not in readme}
    assert missing == set()


def test_the_yearly_switch_lies_within_what_was_seen():
    assert SWITCH_RATIO_LOW < SWITCH_RATIO < SWITCH_RATIO_HIGH
