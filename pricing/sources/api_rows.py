"""Rows of data/api from any list of token prices: which names are taken, and a row from prices per million tokens."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from pricing.sources.answer import Row, filled

FLOATING: Final = ("-latest", ":latest")
"""Names that move under their users: a plan may not hold one, so a refresh brings none in."""


CLIFF: Final = "cliff"
"""How these lists mean a long-context price: over the line the whole request pays it (genai-prices, TieredPrices)."""


class TokenPrices(NamedTuple):
    """Prices of one model in USD per million tokens; `over_tokens` is where the long-context prices begin."""

    input: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal | None = None
    batch_input: Decimal | None = None
    batch_output: Decimal | None = None
    over_tokens: int | None = None
    long_input: Decimal | None = None
    long_cached: Decimal | None = None
    long_output: Decimal | None = None


def api_row(
    provider: str, model: str, prices: TokenPrices, left_out: Counter[str], **facts: str | int | date | None
) -> Row | None:
    """Return the row of a model, or None with the reason counted: a floating name, or no price for input or output."""
    if model.endswith(FLOATING):
        left_out["a name that moves (-latest)"] += 1
        return None
    if prices.input is None or prices.output is None:
        left_out["no price above 0 for both input and output tokens"] += 1
        return None
    columns: Mapping[str, str | int | Decimal | None] = {
        "model": model,
        "input_usd_per_million_tokens": prices.input,
        "cached_input_usd_per_million_tokens": prices.cached,
        "cache_write_usd_per_million_tokens": prices.cache_write,
        "output_usd_per_million_tokens": prices.output,
        "batch_input_usd_per_million_tokens": prices.batch_input,
        "batch_output_usd_per_million_tokens": prices.batch_output,
        "long_context_over_tokens": prices.over_tokens,
        "long_context_mode": CLIFF if prices.over_tokens else "",
        "long_input_usd_per_million_tokens": prices.long_input,
        "long_cached_input_usd_per_million_tokens": prices.long_cached,
        "long_output_usd_per_million_tokens": prices.long_output,
        "offer": "list",
        "confidence": "seen",
        **{name: str(value) if isinstance(value, date) else value for name, value in facts.items()},
    }
    return Row("api", provider, filled(columns))
