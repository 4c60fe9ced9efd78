"""Slips of unit, percentages of another base, rows that do not add up: named, never corrected, and refused if large."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.plausibility import (
    SLIPS,
    Band,
    bill_suspicion,
    gib_suspicion,
    growth_suspicion,
    implied_tokens_per_second,
    implied_usd_per_hour,
    percent_suspicion,
    sum_suspicion,
    usual,
    yearly_fold,
)

POSITIVE = st.floats(1e-6, 1e9)


@pytest.mark.parametrize(
    ("bill_usd", "cards", "implied"),
    [
        (50, 1, 0.0684931),  # the worked example: 50 / 730, against the 0.30 that a card costs
        (89, 1, 0.1219178),  # an A10 for 89 USD a month
        (4120, 8, 0.7054794),  # eight cards said to cost 0.35 an hour: 8 x 0.35 x 730 is 2,044, not 4,120
        (219, 1, 0.3),
    ],
)
def test_a_monthly_bill_implies_a_rent(bill_usd: float, cards: float, implied: float) -> None:
    assert implied_usd_per_hour(bill_usd, cards) == pytest.approx(implied, rel=1e-6)


def test_a_capacity_implies_tokens_a_second() -> None:
    assert implied_tokens_per_second(3600, 74) == 74
    assert yearly_fold(0.30) == pytest.approx(23.298, rel=1e-4)  # 1.3 twelve times over


# the stated bill, tokens times price, tasks a month; what is likely meant (None: nothing is said), and if it is refused
BILLS = [
    (200, 200, 40_000, None, False),
    (200, 229, 40_000, None, False),  # 14.5 %: bills hold taxes, credits and other models
    (200, 231, 40_000, "", False),  # 15.5 %
    (2400, 200, 40_000, "a year's bill: then write today.monthly_bill_usd: 200", False),
    (200, 2400, 480_000, "a year's tasks: then write volume.tasks_per_month: 40,000", False),
    (6083, 200, 40_000, "a day's tasks: then write volume.tasks_per_month: 1,216,667", False),
    (20_000, 200, 40_000, "cents: then write today.monthly_bill_usd: 200", False),
    (200, 0.2, 40, "thousands of tasks: then write volume.tasks_per_month: 40,000", True),
    (
        200,
        0.2,
        40,
        "a price per thousand tokens: then write the price of a million tokens times 1,000",
        True,
    ),
    (200, 0.0002, 40_000, "a price per token: then write the price of a million tokens times 1,000,000", True),
    (0.2, 200, 40_000, "thousands of dollars: then write today.monthly_bill_usd: 200", True),
    (200, 700_000, 40_000, "", True),  # 3,500 times: no unit explains it, and nothing is computed with it
    (0, 5, 1000, "", True),
]


@pytest.mark.parametrize(("bill", "computed", "tasks", "likely", "refused"), BILLS)
def test_a_bill_and_tokens_times_price_are_held_together(
    bill: float, computed: float, tasks: float, likely: str | None, refused: bool
) -> None:
    found = bill_suspicion(bill, computed, tasks, "a case")
    assert (found is None) == (likely is None)
    if found is not None:
        assert found.refused is refused
        assert (likely in found.likely) if likely else not found.likely


# slips, the number, its usual range; what was probably meant, and if it is refused
NUMBERS = [
    ("usd_per_hour", 0.30, (0.005, 150), None, False),
    ("usd_per_hour", 219, (0.2, 15), "a month's price: then write 0.3", True),
    ("usd_per_hour", 200, (0.5, 5), "cents: then write 2", False),
    ("usd_per_hour", 0.0005, (0.2, 5), "a second's price: then write 1.8", True),
    ("usd_per_million_tokens", 0.03, (3, 60), "a price per thousand tokens: then write 30", True),
    ("usd_per_million_tokens", 0.00003, (3, 60), "a price per token: then write 30", True),
    ("watts", 0.32, (80, 1280), "kilowatts: then write 320", True),
    ("usd_per_kwh", 0.00012, (0.01, 1), "a price per watt-hour: then write 0.12", True),
    ("milliseconds", 0.05, (0.1, 6500), "seconds: then write 50", True),
    ("tasks_per_hour", 2, (500, 100_000), "tasks a second: then write 7,200", True),
    ("tasks_per_hour", 30, (500, 100_000), "tasks a minute: then write 1,800", False),
    ("hours", 7200, (0.005, 2000), "seconds: then write 2", True),
    ("wage", 9000, (5, 500), "a month's pay: then write 51.92", False),
    ("share", 0.003, (0.03, 0.95), "per cent of a per cent: then write 0.3", False),
    ("annual_share", 0.0065, (0.01, 0.5), "a month's rate: then write 0.078", False),
    ("watts", 0, (80, 1280), None, False),  # nought is a number that somebody means
    ("usd_per_hour", 7, (0.2, 5), "a day's price: then write 0.2917", False),
]


@pytest.mark.parametrize(("slips", "found", "band", "likely", "refused"), NUMBERS)
def test_a_number_outside_what_is_usual_is_read_as_a_slip(
    slips: str, found: float, band: tuple[float, float], likely: str | None, refused: bool
) -> None:
    told = usual("field", found, "ratio", Band(*band, "a case"), SLIPS[slips])
    assert (told is None) == (likely is None)
    if told is not None:
        assert likely in told.likely
        assert told.refused is refused


@given(POSITIVE, POSITIVE, POSITIVE, st.sampled_from(sorted(SLIPS)))
def test_inside_its_band_no_number_is_suspected_and_outside_every_one(
    found: float, one: float, other: float, slips: str
) -> None:
    band = Band(min(one, other), max(one, other), "any")
    told = usual("field", found, "ratio", band, SLIPS[slips])
    assert (told is None) == (band.low <= found <= band.high)


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.floats(1e-3, 1e3))
def test_the_currency_of_a_bill_is_no_matter(bill: float, computed: float, rate: float) -> None:
    one, other = bill_suspicion(bill, computed, 1.0, "s"), bill_suspicion(bill * rate, computed * rate, 1.0, "s")
    close = abs(abs(computed - bill) - 0.15 * bill) < 1e-9 * bill  # at the edge, the last digit decides
    assert close or (one is None) == (other is None)


# before, after, the share stated; the share of the old cost, None where it is what is stated
SAVINGS = [
    (8200, 470, 0.94, None),  # 1 - 470 / 8,200 = 0.943
    (1500, 600, 0.60, None),
    (1500, 600, 0.40, "what is still paid: then write 0.60"),
    (1500, 600, 1.50, "the saving as a part of the new cost: then write 0.60"),  # 900 / 600
    (1500, 600, 0.75, ""),  # of nothing that stands here
    (200, 219, -0.095, None),  # dearer, and said so
    (200, 219, 0.095, ""),
]


@pytest.mark.parametrize(("before", "after", "share", "likely"), SAVINGS)
def test_a_saving_is_a_part_of_the_old_cost(before: float, after: float, share: float, likely: str | None) -> None:
    told = percent_suspicion("slide", before, after, share)
    assert (told is None) == (likely is None)
    if told is not None:
        assert told.likely == ((likely,) if likely else ())


@given(st.floats(1, 1e6), st.floats(0, 1e6))
def test_the_right_share_is_never_suspected(before: float, after: float) -> None:
    assert percent_suspicion("slide", before, after, 1 - after / before) is None


def test_rows_are_added_up() -> None:
    rows = [92, 45, 30, 25, 18, 12, 5]  # 227, under a headline of 380
    told = sum_suspicion("rows", rows, 380, "usd")
    assert told is not None
    assert told.implies == "its 7 parts add up to 227, and 380 USD is stated"
    assert sum_suspicion("rows", rows, 227, "usd") is None
    assert sum_suspicion("rows", [33.3, 33.3, 33.3], 100, "usd") is None  # rounded rows


def test_shares_add_up_to_one() -> None:
    assert sum_suspicion("shares", [0.5, 0.3, 0.2], 1, "share") is None
    told = sum_suspicion("shares", [50, 30, 20], 1, "share")
    assert told is not None
    assert told.likely == ("per cent stand where shares do",)
    assert sum_suspicion("shares", [0.5, 0.3, 0.3], 1, "share") is not None


def test_gib_and_gb_are_told_apart() -> None:
    told = gib_suspicion("card", 85.9, 80, "the book")  # 80 x 1.0737
    assert told is not None
    assert told.likely == ("GB where GiB stand: then write 80",)
    assert gib_suspicion("card", 80, 80, "the book") is None
    assert gib_suspicion("card", 94, 80, "the book") is None  # another card, not another unit


def test_a_year_of_growth_is_told_from_a_month_of_it() -> None:
    told = growth_suspicion("volume.growth_per_month", 0.30, Band(-0.2, 0.25, "a case"))
    assert told is not None
    assert told.implies == "0.3 a month is 23.3-fold in a year"
    assert told.likely == ("a year's growth: then write 0.0221",)  # 1.3 ** (1/12) - 1
    assert growth_suspicion("volume.growth_per_month", 0.02, Band(-0.2, 0.25, "a case")) is None
