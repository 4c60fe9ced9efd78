"""models.dev api.json: one object, provider to models; `cost` is in USD per million tokens.

Keys as in the project's README and its users' types: cost.input, cost.output, cost.cache_read, cost.context_over_200k
(the same keys again), limit.context, last_updated, status.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pricing.sources.answer import Row, Taken, json_of, mapping, price, whole
from pricing.sources.api_rows import TokenPrices, api_row
from pricing.sources.cards import Known

PROVIDERS: Final = {"fireworks-ai": "fireworks", "togetherai": "together", "xai": "x-ai"}
"""The list's provider names to the house's, where they differ. Resellers are left out, as in litellm's map."""
LONG: Final = "context_over_200k"
LONG_TOKENS: Final = 200_000
"""Where the prices under that key begin, by its name."""
FIREWORKS_PREFIX: Final = "accounts/fireworks/models/"


def read(pages: Sequence[bytes], known: Known, _: str) -> Taken:
    """Read the list; providers that the book has no file for are left out, and models without a cost."""
    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    for listed, value in mapping(json_of(pages[0]), "the answer").items():
        models = mapping(mapping(value, listed).get("models"), f"{listed}.models")
        provider = PROVIDERS.get(listed, listed)
        if provider not in known.api_providers:
            left_out["a provider the book does not carry"] += len(models)
            continue
        for name, model in models.items():
            row = _row(provider, name, mapping(model, f"{listed}/{name}"), left_out)
            rows += [row] if row else []
    return Taken(rows, left_out, None)


def _row(provider: str, name: str, model: Mapping[str, Any], left_out: Counter[str]) -> Row | None:
    cost = mapping(model.get("cost") or {}, f"{name}.cost")
    long = mapping(cost.get(LONG) or {}, f"{name}.cost.{LONG}")
    prices = TokenPrices(
        input=price(cost.get("input"), f"{name}.cost.input"),
        cached=price(cost.get("cache_read"), f"{name}.cost.cache_read"),
        cache_write=price(cost.get("cache_write"), f"{name}.cost.cache_write"),
        output=price(cost.get("output"), f"{name}.cost.output"),
        over_tokens=LONG_TOKENS if long else None,
        long_input=price(long.get("input"), f"{name}.cost.{LONG}.input"),
        long_cached=price(long.get("cache_read"), f"{name}.cost.{LONG}.cache_read"),
        long_output=price(long.get("output"), f"{name}.cost.{LONG}.output"),
    )
    limit = mapping(model.get("limit") or {}, f"{name}.limit")
    status = model.get("status")
    note = f"the list calls it {status}" if status else ""
    window = whole(limit.get("context"))
    return api_row(
        provider, name.removeprefix(FIREWORKS_PREFIX), prices, left_out, context_window_tokens=window, note=note
    )
