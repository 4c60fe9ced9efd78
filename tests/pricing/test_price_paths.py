"""Prices over months against rows worked by hand: steps, shutdowns, what-if paths, tiers. Decimal to the last digit."""

from datetime import date, timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.names import MissingTierError, PriceEndedError
from pricing.paths import (
    FLAT,
    GPU_UP_20,
    NAMES,
    SCHEDULED,
    SWITCH_YEARLY,
    Step,
    card_path,
    horizon_months,
    mean_usd,
    model_path,
    month_start,
    open_shares,
    path,
    scheduled_usd,
)
from pricing.tiers import (
    Tier,
    cliff_usd_per_million_tokens,
    marginal_usd_per_million_tokens,
    peak_share,
    price,
    request_usd,
    round_the_clock_usd_per_million_tokens,
)

TODAY = date(2026, 11, 21)
OUT = "output_usd_per_million_tokens"


@pytest.mark.parametrize(
    ("start", "months", "wanted"),
    [
        (date(2026, 11, 21), 1, date(2026, 12, 21)),
        (date(2026, 11, 21), 14, date(2028, 1, 21)),
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),  # a leap year
        (date(2027, 1, 31), 2, date(2027, 3, 31)),  # counted from the start: the short month takes nothing away
    ],
)
def test_a_month_runs_to_the_same_day(start, months, wanted):
    assert month_start(start, months) == wanted


STEPS = [Step(date(2026, 11, 10), D(2)), Step(date(2026, 12, 1), D(4)), Step(date(2027, 1, 6), D(5))]


@pytest.mark.parametrize(
    ("first", "after", "wanted"),
    [
        (date(2026, 11, 10), date(2026, 11, 20), D(2)),
        (date(2026, 11, 21), date(2026, 12, 21), D(100) / 30),  # 10 days at 2, 20 days at 4: (20 + 80) / 30
        (date(2026, 12, 21), date(2027, 1, 21), D(139) / 31),  # 16 days at 4, 15 days at 5: (64 + 75) / 31
        (date(2026, 11, 30), date(2026, 12, 2), D(3)),
        (date(2026, 11, 21), date(2027, 1, 21), D(239) / 61),  # two steps: 10 x 2 + 36 x 4 + 15 x 5 = 239
        (date(2026, 12, 1), date(2027, 1, 6), D(4)),  # a step on the first day, and one on the day after the last
    ],
)
def test_a_step_inside_a_month_is_weighted_by_days(first, after, wanted):
    assert mean_usd(STEPS, first, after) == wanted


def test_before_the_first_step_there_is_no_price():
    with pytest.raises(ValueError, match="no price holds on 2026-11-09: the first begins on 2026-11-10"):
        mean_usd(STEPS, date(2026, 11, 9), date(2026, 12, 9))


def test_months_with_and_without_a_step():
    assert scheduled_usd(STEPS, TODAY, 4) == (D(100) / 30, D(139) / 31, D(5), D(5))


@pytest.mark.parametrize(
    ("ends", "shares", "months"),
    [
        (None, ("1", "1", "1"), 3),
        (date(2026, 12, 11), (D(20) / 30, "0", "0"), D(20) / 30),  # 21 November to 10 December
        (date(2026, 12, 21), ("1", "0", "0"), 1),
        (date(2027, 1, 14), ("1", D(24) / 31, "0"), 1 + D(24) / 31),
        (date(2026, 11, 21), ("0", "0", "0"), 0),
        (date(2020, 1, 1), ("0", "0", "0"), 0),
        (date(2030, 1, 1), ("1", "1", "1"), 3),
    ],
)
def test_a_shutdown_cuts_the_months(ends, shares, months):
    assert open_shares(TODAY, 3, ends) == tuple(map(D, shares))
    assert horizon_months(TODAY, 3, ends) == months


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (FLAT, ["2"] * 25),
        (GPU_UP_20, ["2.4"] * 25),  # from the first month
        (SWITCH_YEARLY, ["2"] * 12 + ["1.74"] * 12 + ["1.5138"]),  # 2 x 0.87, 1.74 x 0.87
    ],
)
def test_the_named_paths(name, wanted):
    assert path(name, STEPS[:1], TODAY, 25).usd == tuple(map(D, wanted))


def test_an_unknown_path_is_refused_with_the_names():
    with pytest.raises(ValueError, match="choose one of flat, scheduled, switch_yearly, gpu_up_20"):
        path("cheaper", STEPS, TODAY, 3)


def test_ratios_are_over_the_first_month_and_free_stays_free():
    assert path(SCHEDULED, STEPS, date(2026, 12, 21), 3).ratios == pytest.approx([1, 5 * 31 / 139, 5 * 31 / 139])
    assert path(FLAT, [Step(TODAY, D(0))], TODAY, 2).ratios == (1.0, 1.0)


@given(
    name=st.sampled_from(NAMES),
    usd=st.lists(st.decimals("0.01", "100", places=2), min_size=1, max_size=4),
    gaps=st.lists(st.integers(1, 400), min_size=3, max_size=3),
    months=st.integers(1, 60),
    lives=st.integers(0, 2000),
)
def test_a_path_stays_between_its_lowest_and_highest_step_and_as_long_as_it_is_sold(name, usd, gaps, months, lives):
    days = [TODAY + timedelta(days=sum(gaps[:count])) for count in range(len(usd))]
    steps = [Step(day, each) for day, each in zip(days, usd, strict=True)]
    found = path(name, steps, TODAY, months, TODAY + timedelta(days=lives))
    assert len(found.open_shares) == months
    assert 0 <= found.horizon_months <= months
    assert all(min(usd) * D("0.01") <= each <= max(usd) * D("1.2") for each in found.usd)
    if name == SCHEDULED:
        assert len(found.usd) == sum(share > 0 for share in found.open_shares)
        assert all(min(usd) - D("1e-20") <= each <= max(usd) + D("1e-20") for each in found.usd)


# --- paths of the book --------------------------------------------------------------------------------------------


def test_an_introductory_price_steps_up_in_the_book(book):
    found = model_path(book, "google/gemini-4-argon", OUT, SCHEDULED, TODAY, 3)
    assert found.usd == (D(500) / 30, D(20), D(20))  # 10 days at 10, 20 days at 20: 500 / 30
    assert model_path(book, "google/gemini-4-argon", OUT, FLAT, TODAY, 3).usd == (D(10), D(10), D(10))


def test_a_shutdown_in_the_book_cuts_the_path_and_a_switch_survives_it(book):
    found = model_path(book, "openai/o3", OUT, SCHEDULED, TODAY, 6)
    assert (found.usd, found.horizon_months) == ((D(8),), D(20) / 30)  # switched off on 11 December
    assert model_path(book, "openai/o3", OUT, SWITCH_YEARLY, TODAY, 6).horizon_months == 6


def test_a_tier_that_nobody_publishes_has_no_path(book):
    with pytest.raises(MissingTierError, match=r"moonshotai/kimi-k3 has no batch_input_usd_per_million_tokens from"):
        model_path(book, "kimi-k3", "batch_input_usd_per_million_tokens", SCHEDULED, TODAY, 3)


def test_a_price_that_has_ended_has_no_path(book):
    with pytest.raises(PriceEndedError, match="ended on 2026-10-23"):
        model_path(book, "gpt-4.1-nano", OUT, FLAT, TODAY, 3)


def test_the_path_of_a_card_is_per_card_and_a_fifth_dearer_where_asked(book):
    rent = book.gpu("H100", TODAY, provider="lambda", cards=8)
    assert card_path(book, rent, SCHEDULED, TODAY, 2).usd == (D("3.99"), D("3.99"))  # 31.92 / 8
    assert card_path(book, rent, GPU_UP_20, TODAY, 2).usd == (D("4.788"), D("4.788"))
    past = book.gpu("H100", date(2026, 9, 25), provider="nebius")
    rising = card_path(book, past, SCHEDULED, date(2026, 9, 25), 1)
    assert rising.usd == (D("131.1") / 30,)  # 6 days at 3.85, 24 days at 4.50: 23.1 + 108 = 131.1


# --- tiers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tier", "in_usd", "out_usd"),
    [
        ("openai/gpt-6-sol", Tier.STANDARD, "2", "10"),
        ("openai/gpt-6-sol", Tier.BATCH, "1", "5"),
        ("openai/gpt-6-sol", Tier.CACHED, "0.2", "10"),
        ("openai/gpt-6-sol", Tier.CACHE_WRITE, "2.5", "10"),
        ("openai/gpt-6-sol", Tier.LONG, "4", "15"),
        ("deepseek/deepseek-v4-pro", Tier.PEAK, "1.32", "3.96"),
    ],
)
def test_a_tier_has_its_own_rates(book, model, tier, in_usd, out_usd):
    assert price(book, model, TODAY, tier) == (D(in_usd), D(out_usd))


def test_a_tier_that_is_not_published_is_an_error(book):
    with pytest.raises(MissingTierError, match="has no peak_input"):
        price(book, "openai/gpt-6-sol", TODAY, Tier.PEAK)


@pytest.mark.parametrize(
    ("input_tokens", "cliff", "marginal"),
    [
        (100_000, "2", "2"),
        (272_000, "2", "2"),  # on the line is not over it
        (272_001, "4", D(2) + D(2) * 1 / 272_001),
        (544_000, "4", "3"),  # half of the tokens are above the line: (2 + 4) / 2
    ],
)
def test_long_context_as_a_cliff_and_at_the_margin(input_tokens, cliff, marginal):
    assert cliff_usd_per_million_tokens(input_tokens, 272_000, D(2), D(4)) == D(cliff)
    assert marginal_usd_per_million_tokens(input_tokens, 272_000, D(2), D(4)) == D(marginal)


def test_the_same_formulas_take_arrays():
    tokens = np.array([100_000.0, 544_000.0])
    assert cliff_usd_per_million_tokens(tokens, 272_000, 2.0, 4.0).tolist() == [2, 4]
    assert marginal_usd_per_million_tokens(tokens, 272_000, 2.0, 4.0).tolist() == [2, 3]


@given(st.integers(1, 2_000_000), st.integers(0, 1_000_000))
def test_a_margin_never_costs_more_than_a_cliff_nor_less_than_the_standard_rate(input_tokens, over_tokens):
    marginal = marginal_usd_per_million_tokens(input_tokens, over_tokens, D(2), D(4))
    assert D(2) <= marginal <= cliff_usd_per_million_tokens(input_tokens, over_tokens, D(2), D(4))


def test_a_request_is_fresh_cached_and_written_tokens():
    # 1,000 in, 400 of them cached, 50 out: 600 x 2 + 400 x 0.2 + 50 x 10 = 1,780 per million
    assert request_usd(1000, 400, 50, D(2), D("0.2"), D(10)) == D("0.00178")


def test_peak_hours_as_a_share_of_the_day(book):
    line = book.api("deepseek/deepseek-v4-flash", TODAY)
    assert peak_share(line.peak_utc) == D(7) / 24  # 01:00 to 04:00 and 06:00 to 10:00
    rates = line.input_usd_per_million_tokens.value, line.peak_input_usd_per_million_tokens.value
    mean = round_the_clock_usd_per_million_tokens(*rates, peak_share(line.peak_utc))
    assert mean == pytest.approx(D("0.19375"))  # 0.15 + 0.15 x 7 / 24
