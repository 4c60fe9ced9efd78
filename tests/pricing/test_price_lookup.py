"""Names and days lead to one price, or to an error that says what to do next."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from pricing.book import load_book
from pricing.entries import Crosscheck, Offer
from pricing.figure import Kind
from pricing.lookup import is_firm
from pricing.table import (
    ANSWERS_KEPT,
    AmbiguousPriceError,
    MissingTierError,
    PriceEndedError,
    UnknownPriceError,
    required,
)

TODAY = date(2026, 11, 21)


# --- hosted models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["gpt-6-sol", "openai/gpt-6-sol", "OpenAI/GPT-6-Sol"])
def test_a_bare_name_and_a_full_one_find_the_same_model(book, asked):
    price = book.api(asked, TODAY)
    assert (price.provider, price.model) == ("openai", "gpt-6-sol")
    assert price.input_usd_per_million_tokens.value == Decimal(2)
    assert price.cached_input_usd_per_million_tokens.value == Decimal("0.2")
    assert price.batch_output_usd_per_million_tokens.value == Decimal(5)
    assert (price.long_context_over_tokens, price.long_output_usd_per_million_tokens.value) == (272_000, Decimal(15))


def test_a_price_is_a_quoted_figure_with_its_name_unit_source_and_day(book):
    figure = book.api("gpt-6-sol", TODAY).input_usd_per_million_tokens
    assert figure.name == "price.api.openai/gpt-6-sol.input_usd_per_million_tokens"
    assert (figure.unit, figure.grade) == ("usd_per_million_tokens", Kind.QUOTED)
    assert figure.origin.note.startswith("genai-prices 0.2.3")
    assert figure.origin.on == date(2026, 11, 10)


def test_a_typing_error_is_answered_with_near_names_and_the_next_step(book):
    with pytest.raises(UnknownPriceError, match=r"'gpt-6-soll'.*near it: openai/gpt-6-sol.*next: `prices list"):
        book.api("gpt-6-soll", TODAY)


def test_a_name_unlike_any_other_is_not_given_far_fetched_neighbours(book):
    with pytest.raises(UnknownPriceError, match="nothing in the book looks like it"):
        book.api("zzzzzzzzzz", TODAY)


def test_a_name_that_several_providers_use_names_them(book):
    choices = r"cerebras/gpt-oss-120b, groq/openai/gpt-oss-120b, together/openai/gpt-oss-120b"
    with pytest.raises(AmbiguousPriceError, match=choices):  # fireworks switched its own off on 2026-11-07
        book.api("gpt-oss-120b", TODAY)
    assert book.api("gpt-oss-120b", TODAY, provider="groq").output_usd_per_million_tokens.value == Decimal("0.6")
    assert book.api("cerebras/gpt-oss-120b", TODAY).output_usd_per_million_tokens.value == Decimal("0.75")


def test_a_provider_that_does_not_sell_it_is_answered_with_those_that_do(book):
    with pytest.raises(UnknownPriceError, match=r"'groq/gpt-6-sol'.*near it: openai/gpt-6-sol"):
        book.api("gpt-6-sol", TODAY, provider="groq")
    with pytest.raises(UnknownPriceError, match=r"from 'opnai'.*openai"):
        book.api("gpt-6-sol", TODAY, provider="opnai")


@pytest.mark.parametrize(
    ("model", "last_day", "ended"),
    [
        ("openai/gpt-5-nano", date(2026, 12, 10), date(2026, 12, 11)),
        ("gpt-5.4-nano", date(2027, 3, 31), date(2027, 4, 1)),
    ],
)
def test_a_model_has_a_price_until_the_day_before_it_is_switched_off(book, model, last_day, ended):
    assert book.api(model, last_day).shutdown == ended
    with pytest.raises(PriceEndedError, match=f"ended on {ended}"):
        book.api(model, ended)


def test_a_day_before_the_first_known_one_has_no_price(book):
    with pytest.raises(PriceEndedError, match="first known day 2026-11-10"):
        book.api("gpt-6-sol", date(2026, 11, 9))


@pytest.mark.parametrize(
    ("day", "in_usd", "out_usd"),
    [
        (date(2025, 4, 21), "10", "40"),
        (date(2025, 6, 9), "10", "40"),
        (date(2025, 6, 10), "2", "8"),  # the day of the cut
        (TODAY, "2", "8"),
    ],
)
def test_earlier_prices_are_kept(book, day, in_usd, out_usd):
    price = book.api("o3", day)
    assert price.input_usd_per_million_tokens.value == Decimal(in_usd)
    assert price.output_usd_per_million_tokens.value == Decimal(out_usd)


def test_an_announced_step_holds_from_its_day_on_in_every_tier(book):
    before, after = book.api("gemini-4-argon", date(2026, 11, 30)), book.api("gemini-4-argon", date(2026, 12, 1))
    assert (before.output_usd_per_million_tokens.value, after.output_usd_per_million_tokens.value) == (10, 20)
    assert (before.offer, before.until) == (Offer.INTRODUCTORY, date(2026, 12, 1))
    tiers = ("cached_input", "batch_input", "batch_output")
    found = [[getattr(price, f"{tier}_usd_per_million_tokens").value for tier in tiers] for price in (before, after)]
    assert found == [[Decimal("0.1"), 1, 5], [Decimal("0.2"), 2, 10]]  # everything doubles


def test_a_missing_tier_is_none_and_an_error_for_whoever_needs_it(book):
    price = book.api("kimi-k3", TODAY)
    assert price.batch_input_usd_per_million_tokens is None
    with pytest.raises(MissingTierError, match=r"moonshotai/kimi-k3 has no batch_input_usd_per_million_tokens.*next:"):
        required(price, "batch_input_usd_per_million_tokens")
    assert required(price, "input_usd_per_million_tokens").value == Decimal(3)


def test_two_lists_that_disagree_are_both_shown(book):
    price = book.api("mistral-large-4", TODAY)
    assert price.crosscheck is Crosscheck.DIFFER
    assert price.input_usd_per_million_tokens.value == Decimal("0.7")
    assert price.second_input_usd_per_million_tokens.value == Decimal("1.36")


def test_a_floating_name_is_marked(book):
    assert book.api("mistral-small-latest", TODAY).floating
    assert not book.api("mistral-large-4", TODAY).floating


# --- rented cards -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelling", "card"),
    [
        ("H100", "H100-SXM"),
        ("h100-sxm", "H100-SXM"),
        ("NVIDIA H100 80GB HBM3", "H100-SXM"),
        ("H100-NVL", "H100-NVL"),
        ("A100-80GB", "A100-SXM-80"),
        ("NVIDIA A100-SXM4-40GB", "A100-SXM-40"),
        ("Tesla T4", "T4"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
        ("RTX PRO 6000", "RTX-PRO-6000-Server"),
    ],
)
def test_a_card_goes_by_many_names(book, spelling, card):
    assert book.cards.canonical(spelling) == card


def test_without_a_provider_the_cheapest_verified_list_price_is_taken_and_named(book):
    price = book.gpu("H100", TODAY)
    # below it stand an average (vast, 2.4024), averages of listings (akash 2.58, lium 2.635, vast 2.6661)
    assert (price.provider, price.instance, price.usd_per_gpu_hour.value) == (
        "runpod",
        "Community Cloud",
        Decimal("2.69"),
    )
    assert price.offer is Offer.LIST
    assert "runpod/H100-SXM/1x Community Cloud" in price.usd_per_gpu_hour.name


def test_offers_stand_the_cheapest_first_and_include_what_is_not_chosen_unasked(book):
    offers = book.gpu_offers("H100", TODAY)
    values = [offer.usd_per_gpu_hour.value for offer in offers]
    assert values == sorted(values)
    assert {offer.offer for offer in offers} == {Offer.LIST, Offer.FROM, Offer.AVERAGE, Offer.CONTRACT}


def test_the_price_of_a_card_is_its_share_of_the_instance_and_says_so(book):
    price = book.gpu("H100", TODAY, provider="lambda")
    assert price.usd_per_gpu_hour.value == Decimal("3.99")  # 31.92 / 8
    assert (price.count, price.usd_per_hour.value) == (8, Decimal("31.92"))
    assert price.usd_per_gpu_hour.origin.note.endswith("31.92 USD / hour for 8 cards")
    assert price.usd_per_gpu_hour.unit == "usd_per_gpu_hour"


def test_whoever_needs_one_card_is_not_sold_a_machine_of_eight(book):
    price = book.gpu("H100", TODAY, provider="lambda", cards=1)
    assert (price.count, price.usd_per_gpu_hour.value) == (1, Decimal("4.29"))


@pytest.mark.parametrize("spot", [False, True])
@pytest.mark.parametrize("cards", [None, 1, 4])
def test_what_is_chosen_unasked_is_the_first_firm_one_of_the_offers(book, spot, cards):
    found = 0
    for card in sorted(book.cards.known):
        try:
            offers = book.gpu_offers(card, TODAY, spot=spot)
        except UnknownPriceError:
            continue
        firm = [offer for offer in offers if is_firm(offer) and (cards is None or offer.count <= cards)]
        if firm:
            assert book.gpu(card, TODAY, spot=spot, cards=cards).name == firm[0].name
            found += 1
    assert found >= 3


def test_an_answer_given_twice_is_the_same_and_memory_has_an_end():
    book = load_book()
    assert book.api("gpt-6-sol", TODAY) is book.api("gpt-6-sol", TODAY)
    for day in range(ANSWERS_KEPT + 10):
        book.api("kimi-k3", TODAY + timedelta(days=day))
    assert len(book._answers) <= ANSWERS_KEPT
    again = book.api("kimi-k3", TODAY).output_usd_per_million_tokens
    assert (again.name, again.value) == ("price.api.moonshotai/kimi-k3.output_usd_per_million_tokens", 15)


def test_spot_has_its_own_price_and_name(book):
    price = book.gpu("H100", TODAY, provider="coreweave", spot=True)
    assert price.usd_per_gpu_hour.value == Decimal("2.46375")  # 19.71 / 8
    assert price.usd_per_gpu_hour.name.endswith(".spot_usd_per_gpu_hour")
    with pytest.raises(UnknownPriceError, match="no spot price for H100-SXM from lambda"):
        book.gpu("H100", TODAY, provider="lambda", spot=True)


@pytest.mark.parametrize(
    ("day", "usd_per_gpu_hour"),
    [
        (date(2025, 6, 22), "12.29"),  # 98.32 / 8
        (date(2025, 6, 23), "6.88"),  # 55.04 / 8
    ],
)
def test_rents_have_a_history(book, day, usd_per_gpu_hour):
    price = book.gpu("H100", day, provider="aws")
    assert price.usd_per_gpu_hour.value == Decimal(usd_per_gpu_hour)


def test_a_line_kept_for_the_trend_does_not_hold_today(book):
    assert book.gpu("H100", date(2026, 1, 1), provider="nebius").usd_per_gpu_hour.value == Decimal("2.95")
    assert book.gpu("H100", TODAY, provider="nebius").usd_per_gpu_hour.value == Decimal("4.5")


def test_an_unknown_card_and_an_unknown_landlord(book):
    with pytest.raises(UnknownPriceError, match=r"no card 'H1000'.*near it: H100"):
        book.gpu("H1000", TODAY)
    with pytest.raises(UnknownPriceError, match=r"'H100-SXM' from 'runpd'.*it has one from: runpod"):
        book.gpu("H100", TODAY, provider="runpd")
