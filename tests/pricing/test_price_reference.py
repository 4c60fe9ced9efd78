"""Every row of the reference price files stands in the book, with its numbers unchanged."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pricing.entries import UNVERIFIED, ApiEntry, GpuEntry, PurchaseEntry, ServerlessEntry, TuningEntry

pytestmark = pytest.mark.real
PROVIDERS = {
    "google vertex ai": "google-vertex",
    "google (gemini enterprise agent platform)": "google-agent-platform",
    "thinking machines (tinker)": "tinker",
    "prime intellect": "prime-intellect",
    "ori (OGC)": "ori",
    "aws bedrock": "aws-bedrock",
    "anyscale endpoints": "anyscale",
    "aws sagemaker": "aws-sagemaker",
}
"""Names of the reference files that are no file name here."""


def rows(shared: Path, name: str) -> Iterator[dict[str, str]]:
    with (shared / "reference" / "pricing" / name).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def provider(row: dict[str, str]) -> str:
    return PROVIDERS.get(row["provider"], row["provider"])


def test_every_hosted_model(shared, whole_book):
    found = set()
    for row in rows(shared, "llm_api_prices.csv"):
        wanted = (
            provider(row),
            row["model"],
            date.fromisoformat(row["as_of"]),
            *(
                amount(row[f"{tier}_usd_per_1m"])
                for tier in (
                    "input",
                    "cached_input",
                    "output",
                    "batch_input",
                    "batch_output",
                    "long_input",
                    "long_output",
                )
            ),
            row["long_context_over_tokens"],
            day(row["shutdown_date"]),
        )
        held = [
            line.place
            for line in whole_book.of(ApiEntry)
            if (
                line.provider,
                line.model,
                line.starts,
                line.input_usd_per_million_tokens,
                line.cached_input_usd_per_million_tokens,
                line.output_usd_per_million_tokens,
                line.batch_input_usd_per_million_tokens,
                line.batch_output_usd_per_million_tokens,
                line.long_input_usd_per_million_tokens,
                line.long_output_usd_per_million_tokens,
                str(line.long_context_over_tokens or ""),
                line.shutdown,
            )
            == wanted
        ]
        assert len(held) == 1, wanted
        found |= set(held)
    assert len(found) == 68


def test_every_rented_card(shared, whole_book):
    found = set()
    for row in rows(shared, "gpu_prices.csv"):
        wanted = (
            provider(row),
            whole_book.cards.canonical(row["gpu"]),
            row["count"],
            row["region"],
            amount(row["gpu_mem_gb"]),
            amount(row["on_demand_usd_per_h"]),
            amount(row["spot_usd_per_h"]),
        )
        held = [
            line.place
            for line in whole_book.of(GpuEntry)
            if (
                line.provider,
                line.card,
                str(line.count),
                line.region,
                line.memory_gb,
                line.usd_per_hour,
                line.spot_usd_per_hour,
            )
            == wanted
        ]
        assert held, wanted
        found |= set(held)
    assert len(found) == 214


def test_every_tuning_price(shared, whole_book):
    found = set()
    for row in rows(shared, "finetune_prices.csv"):
        base = re.sub(r" \(.*\)$", "", row["base_model_or_class"])
        tuned = {"same as base": None, "0.0": None}
        wanted = (
            provider(row),
            base,
            amount(row["training_usd_per_1m_tokens"]),
            amount(row["training_usd_per_h"]),
            *(
                tuned[row[column]] if row[column] in tuned else amount(row[column])
                for column in ("ft_infer_input_usd_per_1m", "ft_infer_cached_usd_per_1m", "ft_infer_output_usd_per_1m")
            ),
            row["confidence"] == "memory",
        )
        held = [
            line.place
            for line in whole_book.of(TuningEntry)
            if (
                line.provider,
                line.base_model,
                line.training_usd_per_million_tokens,
                line.training_usd_per_hour,
                line.inference_input_usd_per_million_tokens,
                line.inference_cached_input_usd_per_million_tokens,
                line.inference_output_usd_per_million_tokens,
                line.confidence == "memory",
            )
            == wanted
        ]
        assert held, wanted
        found |= set(held)
    assert len(found) == 75


def test_every_end_of_tuning(shared, whole_book):
    ends = {
        (line.provider, line.base_model): (line.new_jobs_until, line.inference_until)
        for line in whole_book.of(TuningEntry)
    }
    for row in rows(shared, "finetune_prices.csv"):
        jobs, inference = ends[provider(row), re.sub(r" \(.*\)$", "", row["base_model_or_class"])]
        said = re.search(r"\d{4}-\d\d-\d\d", row["new_jobs_until"])
        assert jobs == (day(said[0]) if said else None)
        assert inference == day(row["inference_until"])


def test_every_serverless_card_and_every_job_machine(shared, whole_book):
    found = set()
    lines = whole_book.of(ServerlessEntry)
    for row in rows(shared, "serverless_gpu_prices.csv"):
        held = [
            line.place
            for line in lines
            if (line.provider, str(line.count), line.usd_per_hour)
            == (provider(row), row["count"], amount(row["usd_per_h"]))
            and (line.memory_gb == amount(row["gpu_mem_gb"]) and line.region in (row["region_or_cloud"], ""))
        ]
        assert held, row
        found |= set(held)
    for row in rows(shared, "hf_jobs_hardware_prices.csv"):
        held = [line for line in lines if (line.product, line.instance) == ("jobs", row["flavor"])]
        assert [line.usd_per_hour for line in held] == [amount(row["usd_per_hour"])]
        found |= {line.place for line in held}
    earlier = {line.place for line in lines if line.note.endswith("earlier price")}
    assert {line.place for line in lines} - found <= earlier


def test_every_purchase_price(shared, whole_book):
    found = set()
    for row in rows(shared, "gpu_purchase.csv"):
        low, _, high = row["launch_or_street_price_usd"].partition("-")
        value = (Decimal(low) + Decimal(high)) / 2 if high else Decimal(low)
        held = [
            line.place
            for line in whole_book.of(PurchaseEntry)
            if (line.memory_gb, line.power_watts, line.capex_usd)
            == (amount(row["mem_gb"]), amount(row["power_w"]), value)
        ]
        assert held, row
        found |= set(held)
    assert len(found) == 56


def test_what_is_from_memory_there_is_unverified_here(shared, whole_book):
    recalled = sum(row["confidence"] == "memory" for row in rows(shared, "finetune_prices.csv"))
    recalled += sum(row["confidence"] == "memory" for row in rows(shared, "serverless_gpu_prices.csv"))
    assert recalled == 9
    undated = 2  # ori's billing page and the Nova page have no day
    assert sum(line.confidence in UNVERIFIED for line in whole_book.entries) == recalled + undated
