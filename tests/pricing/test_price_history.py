"""Every price of the reference histories stands in the book, begun by the day it was seen."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pricing.entries import ApiEntry, GpuEntry, ServerlessEntry, TuningEntry
from pricing.paths import SWITCH_RATIO, SWITCH_RATIO_HIGH, SWITCH_RATIO_LOW

pytestmark = pytest.mark.real
HOSTS = {"gemini": "google", "mistral": "mistral", "deepseek": "deepseek", "groq": "groq", "together_ai": "together"}
MAKERS = {"claude": "anthropic", "gemini": "google"}


def rows(shared: Path, name: str) -> Iterator[dict[str, str]]:
    with (shared / "reference" / "pricing" / name).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def vendor_and_model(name: str) -> tuple[str, str]:
    host, slash, model = name.partition("/")
    if slash:
        return HOSTS[host], model
    return next((vendor for start, vendor in MAKERS.items() if name.startswith(start)), "openai"), name


def both(row: dict[str, str]) -> tuple[Decimal, Decimal]:
    return Decimal(row["input_usd_per_1m"]), Decimal(row["output_usd_per_1m"])


def api_prices(book, vendor: str, model: str, day: date) -> set[tuple[Decimal, Decimal]]:
    lines = [
        line for line in book.of(ApiEntry) if (line.provider, line.model) == (vendor, model) and line.starts <= day
    ]
    return {(line.input_usd_per_million_tokens, line.output_usd_per_million_tokens) for line in lines}


def test_every_named_history(shared, book):
    asked = list(rows(shared, "named_model_price_history.csv"))
    for row in asked:
        day, name = date.fromisoformat(row["snapshot_date"]), row["model"]
        if name.startswith("ft:"):
            lines = [line for line in book.of(TuningEntry) if line.base_model == name.removeprefix("ft:")]
            held = {
                (line.inference_input_usd_per_million_tokens, line.inference_output_usd_per_million_tokens)
                for line in lines
                if line.starts <= day
            }
        else:
            held = api_prices(book, *vendor_and_model(name), day)
        assert both(row) in held, row
    assert len(asked) == 206


def test_every_floor(shared, book):
    asked = list(rows(shared, "floor_price_history.csv"))
    for row in asked:
        vendor, model = vendor_and_model(row["cheapest_chat_model"])
        assert both(row) in api_prices(book, vendor, model, date.fromisoformat(row["snapshot_date"])), row
    assert len(asked) == 47


def carried_day(said: str) -> date:
    """Return the day the book carries for what a source dates by day, by month (its first) or half-year (its last)."""
    if said.endswith("-H2"):
        return date(int(said.removesuffix("-H2")), 12, 31)
    return date.fromisoformat(f"{said}-01" if len(said) == len("2026-03") else said)


def test_every_rent(shared, book):
    asked = list(rows(shared, "gpu_price_history.csv"))
    lines = [*book.of(GpuEntry), *book.of(ServerlessEntry)]
    for row in asked:
        card = book.cards.canonical(row["gpu"])
        held = [
            line.usd_per_hour / line.count
            for line in lines
            if line.provider == row["provider"] and card in line.card and line.starts <= carried_day(row["date"])
        ]
        digits = Decimal("0.0001")  # the history gives four digits of a card's share
        assert Decimal(row["usd_per_gpu_h"]).quantize(digits) in {each.quantize(digits) for each in held}, row
    assert len(asked) == 36


def test_the_yearly_switch_is_the_median_of_three_vendors(shared):
    first, last = "2024-11-28", "2026-11-12"
    years = (date.fromisoformat(last) - date.fromisoformat(first)).days / 365.25
    floor = {
        (row["provider"], row["snapshot_date"]): float(row["blended_3to1"])
        for row in rows(shared, "floor_price_history.csv")
    }
    vendors = ("anthropic", "gemini", "openai")
    ratios = sorted(round((floor[vendor, last] / floor[vendor, first]) ** (1 / years), 2) for vendor in vendors)
    assert ratios == [float(SWITCH_RATIO_LOW), float(SWITCH_RATIO), float(SWITCH_RATIO_HIGH)]
