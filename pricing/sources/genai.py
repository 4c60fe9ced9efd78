"""genai-prices, data v2: a list of providers with models; prices in USD per million tokens, dated, some in tiers.

Shape as in prices/new_data/v2/data.json of the repository and types.py of the package 0.2.3: `prices` is one set, or a
list of sets with an optional constraint each (start_date, or start_time and end_time); a price is a number or
{base, tiers}.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pricing.sources.answer import Row, ShapeError, Taken, day_of, json_of, mapping, price, sequence, whole
from pricing.sources.api_rows import TokenPrices, api_row
from pricing.sources.cards import Known

BATCH: Final = {"processing": "batch"}
"""What `when` of a price variant says for the batch price."""


def read(pages: Sequence[bytes], known: Known, _: str) -> Taken:
    """Read the list; providers that the book has no file for are left out."""
    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    for provider in sequence(json_of(pages[0]), "the answer"):
        entry = mapping(provider, "a provider")
        name = str(entry.get("id"))
        models = sequence(entry.get("models"), f"{name}.models")
        if name not in known.api_providers:
            left_out["a provider the book does not carry"] += len(models)
            continue
        for model in models:
            rows += _model(name, mapping(model, f"a model of {name}"), known, left_out)
    return Taken(rows, left_out, None)


def _model(provider: str, model: Mapping[str, Any], known: Known, left_out: Counter[str]) -> list[Row]:
    """Return one row a dated set of prices; what holds only at some hours of the day is left out."""
    name = str(model.get("id"))
    found: list[Row] = []
    for starts, prices in _sets(model.get("prices"), f"{provider}/{name}", left_out):
        batch = _batch(model, max(known.day, starts or known.day))
        row = api_row(
            provider, name, _tokens(prices, batch, f"{provider}/{name}"), left_out,
            context_window_tokens=whole(model.get("context_window")),
            note="the list calls it deprecated" if model.get("deprecated") else "", **{"from": starts},
        )  # fmt: skip
        found += [row] if row else []
    return found


def _sets(value: Any, place: str, left_out: Counter[str]) -> list[tuple[date | None, Mapping[str, Any]]]:
    """Return (first day, prices) of every set; the first has no day where nobody knows since when it held.

    A model whose price depends on the hour is left out: which of its sets is the usual one, the list does not say.
    """
    if isinstance(value, dict):
        return [(None, mapping(value, place))]
    sets = [mapping(each, place) for each in sequence(value, f"{place}.prices")]
    dated: list[tuple[date | None, Mapping[str, Any]]] = []
    for each in sets:
        constraint = mapping(each.get("constraint") or {}, f"{place}.constraint")
        starts = day_of(constraint.get("start_date"))
        if constraint and starts is None:
            left_out["a price that depends on the hour of the day"] += 1
            return []
        dated.append((starts, mapping(each.get("prices"), f"{place}.prices")))
    return dated


def _batch(model: Mapping[str, Any], on: date) -> Mapping[str, Any]:
    """Return the batch prices of a day: of the variants begun by then, for each price the first one listed."""
    found: dict[str, Any] = {}
    for variant in sequence(model.get("price_variants") or [], "price_variants"):
        entry = mapping(variant, "a price variant")
        begins = day_of(mapping(entry.get("constraint") or {}, "a constraint").get("start_date"))
        if entry.get("when") == BATCH and (begins is None or begins <= on):
            found = {**mapping(entry.get("prices"), "prices of a variant"), **found}
    return found


def _tokens(prices: Mapping[str, Any], batch: Mapping[str, Any], place: str) -> TokenPrices:
    long_input, over = _tier(prices.get("input_mtok"), f"{place}.input_mtok")
    long_cached, _ = _tier(prices.get("cache_read_mtok"), f"{place}.cache_read_mtok")
    long_output, _ = _tier(prices.get("output_mtok"), f"{place}.output_mtok")
    return TokenPrices(
        input=_base(prices.get("input_mtok"), f"{place}.input_mtok"),
        cached=_base(prices.get("cache_read_mtok"), f"{place}.cache_read_mtok"),
        cache_write=_base(prices.get("cache_write_mtok"), f"{place}.cache_write_mtok"),
        output=_base(prices.get("output_mtok"), f"{place}.output_mtok"),
        batch_input=_base(batch.get("input_mtok"), f"{place}.batch.input_mtok"),
        batch_output=_base(batch.get("output_mtok"), f"{place}.batch.output_mtok"),
        over_tokens=over,
        long_input=long_input,
        long_cached=long_cached,
        long_output=long_output,
    )


def _base(value: Any, place: str) -> Decimal | None:
    """Return a price below its first tier."""
    return price(mapping(value, place).get("base"), place) if isinstance(value, dict) else price(value, place)


def _tier(value: Any, place: str) -> tuple[Decimal | None, int | None]:
    """Return (price, tokens it starts above) of the first tier; a price without tiers has neither."""
    if not isinstance(value, dict):
        return None, None
    tiers = sequence(mapping(value, place).get("tiers"), f"{place}.tiers")
    if not tiers:
        message = f"{place}.tiers is empty; wanted at least one tier"
        raise ShapeError(message)
    first = min((mapping(tier, place) for tier in tiers), key=lambda tier: whole(tier.get("start")) or 0)
    return price(first.get("price"), f"{place}.tiers"), whole(first.get("start"))
