"""Which price a token meets: standard, batch, cached, long context; and what a whole request costs.

Rule 1  A tier that nobody publishes is an error with its remedy, never the standard price unasked.
Rule 2  Long context comes in two modes: `cliff`, a request over the line pays the higher rate for every token of it;
        `marginal`, only the tokens above the line do.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from pricing.prices import ApiPrice, required
from pricing.units import TOKENS_PER_PRICE_UNIT

if TYPE_CHECKING:
    from pricing.table import PriceBook

MINUTES_PER_HOUR: Final = 60
MINUTES_PER_DAY: Final = 24 * MINUTES_PER_HOUR

Number: TypeAlias = Any
"""int, float, Decimal, or a numpy array of float64, as in pricing.figure."""


class Tier(StrEnum):
    """How a token is bought; `cached` and `cache_write` change the input price only, `peak` both."""

    STANDARD = "standard"
    BATCH = "batch"
    CACHED = "cached"
    CACHE_WRITE = "cache_write"
    LONG = "long"
    PEAK = "peak"


COLUMNS: Final = {
    Tier.STANDARD: ("input_usd_per_million_tokens", "output_usd_per_million_tokens"),
    Tier.BATCH: ("batch_input_usd_per_million_tokens", "batch_output_usd_per_million_tokens"),
    Tier.CACHED: ("cached_input_usd_per_million_tokens", "output_usd_per_million_tokens"),
    Tier.CACHE_WRITE: ("cache_write_usd_per_million_tokens", "output_usd_per_million_tokens"),
    Tier.PEAK: ("peak_input_usd_per_million_tokens", "peak_output_usd_per_million_tokens"),
    Tier.LONG: ("long_input_usd_per_million_tokens", "long_output_usd_per_million_tokens"),
}
"""Tier to the columns that hold its input and its output price."""


class Rates(NamedTuple):
    """What a million tokens cost, in and out, to the last digit of the source."""

    input_usd_per_million_tokens: Decimal
    output_usd_per_million_tokens: Decimal


def price(book: "PriceBook", model: str, on: date, tier: Tier = Tier.STANDARD) -> Rates:
    """Return a model's rates of a tier on a day; raises PriceError where there is no such model, day or tier."""
    found: ApiPrice = book.api(model, on)
    given, taken = (required(found, column).value for column in COLUMNS[tier])
    return Rates(given, taken)


def cliff_usd_per_million_tokens(
    input_tokens: Number,
    over_tokens: Number,
    standard_usd_per_million_tokens: Number,
    long_usd_per_million_tokens: Number,
) -> Number:
    """Return the rate of every token, input or output, of a request with so long an input: the higher over the line."""
    is_long = input_tokens > over_tokens
    return standard_usd_per_million_tokens + (long_usd_per_million_tokens - standard_usd_per_million_tokens) * is_long


def marginal_usd_per_million_tokens(
    input_tokens: Number,
    over_tokens: Number,
    standard_usd_per_million_tokens: Number,
    long_usd_per_million_tokens: Number,
) -> Number:
    """Return the mean rate of a request's input where only the tokens above the line cost more; input above 0."""
    above_tokens = (input_tokens - over_tokens) * (input_tokens > over_tokens)
    dearer = long_usd_per_million_tokens - standard_usd_per_million_tokens
    return standard_usd_per_million_tokens + dearer * above_tokens / input_tokens


def request_usd(
    input_tokens: Number,
    cached_tokens: Number,
    output_tokens: Number,
    input_usd_per_million_tokens: Number,
    cached_usd_per_million_tokens: Number,
    output_usd_per_million_tokens: Number,
) -> Number:
    """Return what a request costs; `cached_tokens` are part of `input_tokens`. Leaves out writing the cache."""
    fresh_usd = (input_tokens - cached_tokens) * input_usd_per_million_tokens
    cached_usd = cached_tokens * cached_usd_per_million_tokens
    return (fresh_usd + cached_usd + output_tokens * output_usd_per_million_tokens) / TOKENS_PER_PRICE_UNIT


def peak_share(windows: Sequence[str]) -> Decimal:
    """Return the share of a day inside windows such as `01:00-04:00` (UTC, none over midnight). Leaves out weekends."""
    minutes = sum(_minute(end) - _minute(start) for start, _, end in (window.partition("-") for window in windows))
    return Decimal(minutes) / MINUTES_PER_DAY


def _minute(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * MINUTES_PER_HOUR + int(minutes)


def round_the_clock_usd_per_million_tokens(
    off_peak_usd_per_million_tokens: Number, peak_usd_per_million_tokens: Number, peak_share: Number
) -> Number:
    """Return the mean rate of tokens of which a share falls in peak hours; traffic of one's own has its own share."""
    dearer = peak_usd_per_million_tokens - off_peak_usd_per_million_tokens
    return off_peak_usd_per_million_tokens + dearer * peak_share
