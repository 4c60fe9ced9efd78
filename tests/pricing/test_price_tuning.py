"""Tuning, serverless and purchase prices: one line, or an error that says what to do next."""

from datetime import date
from decimal import Decimal

import pytest

from pricing.entries import Confidence, TuningEntry, TuningStatus
from pricing.figure import Kind
from pricing.table import (
    AmbiguousPriceError,
    MissingTierError,
    PriceEndedError,
    UnknownPriceError,
    required,
)

TODAY = date(2026, 11, 21)


# --- hosted tuning ------------------------------------------------------------------------------------------------


def test_tuning_that_is_being_wound_down_says_until_when(book):
    price = book.tuning("gpt-4.1-mini", TODAY, provider="openai")
    assert (price.status, price.new_jobs_until, price.inference_until) == (
        TuningStatus.WINDING_DOWN,
        date(2027, 1, 6),
        date(2027, 1, 14),
    )
    assert price.training_usd_per_million_tokens.value == Decimal(5)
    assert price.inference_output_usd_per_million_tokens.value == Decimal("3.2")
    assert price.hosting_usd_per_hour.value == 0  # billed by the token only


@pytest.mark.parametrize(
    ("day", "status"),
    [(date(2027, 1, 6), TuningStatus.WINDING_DOWN), (date(2027, 1, 7), TuningStatus.CLOSED)],
)
def test_the_last_day_for_a_new_job_is_the_last_day(book, day, status):
    assert book.tuning("openai/gpt-4o-mini", day).status is status


def test_a_tuned_model_that_no_longer_answers_has_no_price(book):
    with pytest.raises(PriceEndedError, match="ended on 2026-10-23"):
        book.tuning("openai/gpt-4.1-nano", TODAY)
    with pytest.raises(PriceEndedError, match="ended on 2027-01-14"):
        book.tuning("openai/gpt-4o-mini", date(2027, 1, 14))


def test_a_provider_that_stopped_tuning_says_so_for_any_model(book):
    price = book.tuning("mistral/ministral-8b", TODAY)
    assert (price.base_model, price.status) == ("all", TuningStatus.DEPRECATED)
    with pytest.raises(MissingTierError):
        required(price, "training_usd_per_million_tokens")


def test_a_snapshot_offered_by_two_needs_a_provider(book):
    with pytest.raises(AmbiguousPriceError, match=r"azure/gpt-4\.1-mini.*openai/gpt-4\.1-mini"):
        book.tuning("gpt-4.1-mini", TODAY)
    azure = book.tuning("gpt-4.1-mini", TODAY, provider="azure")
    assert azure.inference_input_usd_per_million_tokens is None
    assert azure.inference_same_as == "openai/gpt-4.1-mini"


def test_without_a_method_it_is_supervised_with_adapters(book):
    assert book.tuning("fireworks/up to 16B", TODAY).training_usd_per_million_tokens.value == Decimal("0.5")
    full_dpo = book.tuning("fireworks/up to 16B", TODAY, method="full-dpo")
    assert full_dpo.training_usd_per_million_tokens.value == Decimal(2)
    with pytest.raises(UnknownPriceError, match="use one of full-dpo, full-sft, lora-dpo, lora-sft"):
        book.tuning("fireworks/up to 16B", TODAY, method="ppo")


@pytest.mark.parametrize(
    ("billion", "provider", "usd"),
    [
        (7, "fireworks", "0.5"),
        (16, "fireworks", "0.5"),
        (16.5, "fireworks", "3"),
        (400, "fireworks", "10"),
        (70, "together", "2.9"),
    ],
)
def test_an_open_model_is_priced_by_its_size(book, billion, provider, usd):
    price = book.tuning_of_size(billion, TODAY, provider=provider)
    assert price.training_usd_per_million_tokens.value == Decimal(usd)


def test_the_edge_of_two_size_classes_belongs_to_the_smaller_alone(book):
    classes = {line.base_model for line in book.of(TuningEntry) if line.provider == "fireworks" and line.covers(16)}
    assert classes == {"up to 16B"}


def test_a_size_nobody_tunes_is_unknown(book):
    with pytest.raises(UnknownPriceError, match=r"together has no tuning class for 400 billion.*up to 16B"):
        book.tuning_of_size(400, TODAY, provider="together")


def test_a_recalled_price_stays_out_unless_allowed_and_then_counts_as_assumed(book, whole_book):
    with pytest.raises(UnknownPriceError):
        book.tuning("together/up to 16B", TODAY, method="full-sft")
    figure = whole_book.tuning("together/up to 16B", TODAY, method="full-sft").training_usd_per_million_tokens
    assert (figure.value, figure.grade) == (Decimal("0.54"), Kind.ASSUMED)
    assert figure.origin.note.startswith("unverified price")


def test_a_recalled_tier_of_a_seen_line_stays_out_too(book, whole_book):
    assert book.tuning("google-vertex/gemini-2.5-flash", TODAY).inference_output_usd_per_million_tokens is None
    tuned = whole_book.tuning("google-vertex/gemini-2.5-flash", TODAY)
    assert tuned.training_usd_per_million_tokens.grade is Kind.QUOTED
    assert tuned.inference_output_usd_per_million_tokens.grade is Kind.ASSUMED


# --- serverless and purchase --------------------------------------------------------------------------------------


def test_serverless_takes_a_firm_price_unasked_and_a_weak_one_only_by_name(book):
    assert book.serverless("H100", TODAY).provider == "runpod"  # 4.176; modal's 3.9492 is second-hand
    weak = book.serverless("H100", TODAY, provider="modal")
    assert (weak.usd_per_gpu_hour.value, weak.confidence) == (Decimal("3.9492"), Confidence.WEAK)


def test_several_cards_may_share_one_serverless_price(book):
    a5000, rtx3090 = (book.serverless(card, TODAY, provider="runpod") for card in ("A5000", "RTX 3090"))
    assert a5000.usd_per_gpu_hour.value == rtx3090.usd_per_gpu_hour.value == Decimal("0.684")


def test_a_card_is_bought_at_the_price_read_last(book):
    price = book.purchase("NVIDIA H100 80GB")
    assert (price.capex_usd.value, price.capex_usd.unit) == (Decimal(30000), "usd")
    assert (price.power_watts.value, price.power_watts.unit) == (Decimal(700), "watts")


def test_a_used_card_is_only_among_the_offers_and_carries_its_range(book):
    used = next(price for price in book.purchase_offers("H100") if price.price_kind == "used")
    assert (used.capex_usd.low, used.capex_usd.value, used.capex_usd.high) == (22000, 23500, 25000)


def test_a_card_nobody_sells_is_unknown(book):
    with pytest.raises(UnknownPriceError, match="purchase price of 'GH200-96'"):
        book.purchase("GH200")
