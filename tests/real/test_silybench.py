"""A published answer key of break-evens, every row to a thousandth, through the product's own functions."""

import csv
from pathlib import Path

import numpy as np
import pytest

from advisor import economics as eco
from advisor import traffic
from pricing.units import SECONDS_PER_HOUR

pytestmark = pytest.mark.real
HOURS_PER_DAY = 24
REL = 1e-3


def answers(row: dict[str, str]) -> dict[str, float]:
    """Return a row's columns: one card that serves so many tokens a second, against a price list by the token."""
    inputs, outputs = float(row["input_len"]), float(row["output_len"])
    rent = float(row["gpu_usd_per_h"])
    input_usd, output_usd = float(row["api_in_usd_per_1m"]), float(row["api_out_usd_per_1m"])
    hosted = eco.token_cost_usd_per_task(inputs, 0, outputs, input_usd, input_usd, output_usd)
    capacity = float(row["measured_output_tok_per_s_at_slo"]) * SECONDS_PER_HOUR / outputs
    day = eco.rent_usd_per_month(1, 1, rent, HOURS_PER_DAY, 1.0)
    even = eco.break_even_tasks_per_month(0, day, hosted, 0, 1)
    assert even is not None
    load = traffic.fluid_replicas(even, HOURS_PER_DAY, capacity, np.ones(1))
    return {
        "expected_hosted_usd_per_1k_requests": 1000 * eco.unit_cost_usd_per_task(day, capacity * HOURS_PER_DAY),
        "expected_api_usd_per_1k_requests": 1000 * hosted,
        "expected_breakeven_requests_per_day": even,
        "expected_breakeven_utilization": traffic.utilisation_share(load, np.ones(1), np.ones(1)),
    }


def test_every_row_of_the_answer_key_is_met(shared: Path) -> None:
    with (shared / "reference/pricing/breakeven_check_silybench.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    for row in rows:
        told = answers(row)
        assert told == pytest.approx({name: float(row[name]) for name in told}, rel=REL), row["workload"]
