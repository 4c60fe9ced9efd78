"""A plan's training stages: each is sized and timed by its own settings, not by another stage's."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from advisor.advise import Result, advise
from advisor.question_files import read_question
from pricing.figure import assumed


@pytest.fixture(scope="module")
def result(repo: Path) -> Result:
    return advise(read_question(repo / "scenarios" / "ticket_routing" / "scenario.yaml", date(2026, 11, 21)))


def test_a_stage_of_longer_rows_holds_more(result: Result) -> None:
    estimates = result.estimates
    longer = replace(estimates.setup, sequence_tokens=2 * estimates.setup.sequence_tokens)
    assert estimates.memory_of(estimates.setup).allocated.value == estimates.memory.allocated.value
    assert estimates.memory_of(longer).allocated.value > estimates.memory.allocated.value


def test_every_part_of_a_step_pays_the_overhead(result: Result) -> None:
    estimates = result.estimates
    steps, tokens = assumed("steps", 900, "steps", "a test"), estimates.tokens_of(16, "sft")
    whole = estimates.hours(steps, tokens, replace(estimates.setup, micro_batch=16, gradient_accumulation=1))
    parts = estimates.hours(steps, tokens, replace(estimates.setup, micro_batch=4, gradient_accumulation=4))
    overhead = float(whole.inputs["overhead_seconds_per_step"].value)
    assert float(parts.value) - float(whole.value) == pytest.approx(900 * 3 * overhead / 3600)  # three parts more
