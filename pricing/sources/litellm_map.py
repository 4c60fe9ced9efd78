"""litellm's model map: one object, model name to prices in USD per token (the house states them per million).

Keys as in model_prices_and_context_window.json: input_cost_per_token, output_cost_per_token,
cache_read_input_token_cost, cache_creation_input_token_cost, *_batches, *_above_NNNk_tokens, max_input_tokens,
litellm_provider, mode, source, deprecation_date.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pricing.sources.answer import Row, Taken, json_of, mapping, price, whole
from pricing.sources.api_rows import TokenPrices, api_row
from pricing.sources.cards import Known
from pricing.units import TOKENS_PER_PRICE_UNIT

PROVIDERS: Final = {
    "anthropic": "anthropic",
    "cerebras": "cerebras",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "openai": "openai",
    "together_ai": "together",
    "xai": "x-ai",
    "zai": "zai",
}
"""The map's provider names to the house's. Resellers are left out: their names of a model differ from its maker's."""
MODES: Final = frozenset({"chat", "completion", "responses"})
ABOVE: Final = "input_cost_per_token_above_"
EXAMPLE: Final = "sample_spec"
"""The map's first key, which explains the others."""
TUNED: Final = "ft:"
"""Inference of tuned models, which data/tuning prices."""


def read(pages: Sequence[bytes], known: Known, _: str) -> Taken:
    """Read the map; models of other kinds than text, and providers that the book has no file for, are left out."""
    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    for key, value in mapping(json_of(pages[0]), "the answer").items():
        entry = mapping(value, key)
        listed = str(entry.get("litellm_provider"))
        provider = PROVIDERS.get(listed)
        if key == EXAMPLE:
            continue
        if provider not in known.api_providers:
            left_out["a provider the book does not carry"] += 1
        elif entry.get("mode") not in MODES or key.startswith(TUNED):
            left_out["no chat model, or a tuned one"] += 1
        else:
            row = _row(str(provider), key.removeprefix(f"{listed}/"), entry, left_out)
            rows += [row] if row else []
    return Taken(rows, left_out, None)


def _row(provider: str, model: str, entry: Mapping[str, Any], left_out: Counter[str]) -> Row | None:
    over = _above(entry)
    suffix = f"_above_{over}k_tokens"
    prices = TokenPrices(
        input=_million(entry, "input_cost_per_token", model),
        cached=_million(entry, "cache_read_input_token_cost", model),
        cache_write=_million(entry, "cache_creation_input_token_cost", model),
        output=_million(entry, "output_cost_per_token", model),
        batch_input=_million(entry, "input_cost_per_token_batches", model),
        batch_output=_million(entry, "output_cost_per_token_batches", model),
        over_tokens=over * 1000 if over else None,
        long_input=_million(entry, f"input_cost_per_token{suffix}", model),
        long_cached=_million(entry, f"cache_read_input_token_cost{suffix}", model),
        long_output=_million(entry, f"output_cost_per_token{suffix}", model),
    )
    ends = entry.get("deprecation_date")
    note = f"the list gives {ends} as its deprecation date" if ends else ""
    window = whole(entry.get("max_input_tokens"))
    page = str(entry.get("source") or "")
    return api_row(provider, model, prices, left_out, context_window_tokens=window, page=page, note=note)


def _million(entry: Mapping[str, Any], key: str, model: str) -> Decimal | None:
    each = price(entry.get(key), f"{model}.{key}")
    return None if each is None else each * TOKENS_PER_PRICE_UNIT


def _above(entry: Mapping[str, Any]) -> int | None:
    """Return the lowest threshold of long-context prices, in thousands of tokens."""
    found = [
        whole(key.removeprefix(ABOVE).removesuffix("k_tokens"))
        for key in entry
        if key.startswith(ABOVE) and key.endswith("k_tokens")
    ]
    return min((each for each in found if each), default=None)
