"""From a justified advice to the plan document: settings, forecasts with intervals, limits and gates. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_UP, Decimal
from typing import Any, cast

import numpy as np

from advisor.advise import Question, Result
from advisor.catalog import find_card
from advisor.forecasts import forecast, forecast_setup, forecast_stages, total
from advisor.map import LOCAL
from advisor.plan import (
    FORMAT_VERSION,
    BaseModelRef,
    DataRef,
    FileRef,
    Forecast,
    Machine,
    PriceLine,
    QualityGate,
    ScenarioRef,
    Trial,
    VerdictRecord,
    seal,
)
from advisor.plan_settings import adapt_settings, dpo_settings, method_of, stages_of, train_settings
from advisor.quality import success_share
from advisor.scenario import Scenario
from advisor.spread import interval
from pricing.figure import Figure, Kind, leaves
from pricing.units import SECONDS_PER_HOUR

VALID_DAYS = 30
"""A plan older than a month meets other prices and other packages; make it again."""
CENT = Decimal("0.01")
"""The smallest limit anybody sets."""
BUDGET_RATIO = 3
"""Where no limit is stated: three times the forecast's high end, so that a surprise stops and a slow day does not."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The plan's own copies of what it needs, by digest; made by the edge that laid them beside the plan."""

    scenario: FileRef
    base_model: BaseModelRef
    data: DataRef
    prices_sha256: str


def machine_of(question: Question, rate: Figure) -> Machine:
    """Return where the run happens and its hourly rate; a card without bfloat16 computes in float16 (R093).

    A processor computes in float32: it emulates bfloat16, and a step took five times as long (measured, two cores).
    """
    card = question.cards[0]
    if card == LOCAL:
        flops = question.speed.flops
        known = float(flops.value) if flops.kind is Kind.MEASURED else None
        return Machine(
            name="local machine",
            kind="local",
            usd_per_hour=Decimal(str(rate.value)),
            rate_source=f"{rate.name}: {rate.origin.note}",
            matmul_flops_per_second=known,
            compute_dtype="float32",
            watts=question.scenario.local_machine.watts if question.scenario.local_machine else None,
        )
    known_card = find_card(card)
    return Machine(
        name=f"rented {card}",
        kind="rented",
        card=card,
        usd_per_hour=Decimal(str(rate.value)),
        rate_source=f"{rate.name}: {rate.origin.note}",
        compute_dtype="bfloat16" if known_card.native_bf16 else "float16",
        watts=known_card.watts,
    )


def price_lines(result: Result) -> tuple[PriceLine, ...]:
    """Return every quoted or assumed price and rate that the advice used, frozen with its source."""
    seen: dict[str, Figure] = {}
    for root in result.roots:
        for leaf in leaves(root):
            if leaf.unit.startswith("usd") or leaf.name.startswith("price."):  # what is off a list price, or not in USD
                seen.setdefault(leaf.name, leaf)
    seen = {name: leaf for name, leaf in seen.items() if not np.ndim(leaf.value)}
    return tuple(
        PriceLine(name=f.name, amount=Decimal(str(f.value)), unit=f.unit, letter=f.kind.value, source=f.origin.note,
                  checked=f.origin.on)
        for f in seen.values()
    )  # fmt: skip


def gate_of(scenario: Scenario) -> QualityGate:
    """Return what the result must reach: the scenario's own score and target on the locked test."""
    chosen, quality = scenario.gate, scenario.quality
    return QualityGate(
        metric=chosen.metric or quality.metric,
        target=float(quality.target.known_value("quality.target")) if chosen.target is None else chosen.target,
        min_gain=chosen.min_gain,
        max_merge_drop=chosen.max_merge_drop,
        max_new_tokens=chosen.max_new_tokens,
        max_dropped_share=chosen.max_dropped_share,
        max_truncated_share=chosen.max_truncated_share,
    )


def whole_cents(usd: float) -> Decimal:
    """Return an amount rounded up to a cent, at least one."""
    return max(CENT, Decimal(str(usd)).quantize(CENT, ROUND_UP))


def limits_of(scenario: Scenario, totals: Mapping[str, Forecast]) -> dict[str, Any]:
    """Return the hard stops: as stated, else a multiple of the forecast's high end."""
    usd, hours = scenario.limits.usd.value, scenario.limits.hours.value
    return {
        "usd": str(usd if usd is not None else whole_cents(totals["usd"].high * BUDGET_RATIO)),
        "hours": float(hours) if hours is not None else totals["seconds"].high / SECONDS_PER_HOUR * BUDGET_RATIO,
    }


def verdict_of(result: Result, override: str | None) -> VerdictRecord:
    """Return the verdict as the runner must show it, with the override if there is one."""
    verdict = result.advice.verdict
    return VerdictRecord(
        code=verdict.code,
        title=verdict.title,
        road=verdict.road,
        justified=verdict.justified,
        override_reason=None if verdict.justified else override,
        reason=verdict.because,
        answers={gate.name: gate.answer for gate in result.advice.gates},
    )


def usd_per_task(result: Result, *, trains: bool) -> float | None:
    """Return what a task costs over the lifetime: today, or on the cheapest road that trains; None if neither."""
    found = [option for option in result.advice.options if (option.trains if trains else option.key == "hosted_today")]
    return min((option.usd_per_task for option in found), default=None)


def stated(figure: Figure) -> Forecast:
    """Return a figure of the scenario as a forecast: its own range, and where it is from."""
    low, high = interval(figure)
    return forecast(figure, figure.unit, figure.origin.note).model_copy(update={"low": low, "high": high})


def trial_of(result: Result) -> Trial | None:
    """Return what the test in production is planned from, None without a margin; an answer's limit is its tokens'."""
    scenario, ground = result.question.scenario, result.ground
    margin = scenario.quality.non_inferiority_margin.value
    if not margin:
        return None
    token_ms = scenario.constraints.latency_tpot_ms.value
    success = success_share("success.hosted", scenario.evidence.hosted.trials or scenario.evidence.prompting.trials)
    return Trial(
        incumbent=scenario.today.model,
        tasks_per_month=stated(ground["volume.tasks_per_month"]),
        incumbent_success=None if success is None else stated(success),
        margin=float(margin),
        latency_limit_ms=None if token_ms is None else float(token_ms) * float(ground["tokens.output"].value),
        incumbent_usd_per_task=usd_per_task(result, trains=False),
        tuned_usd_per_task=usd_per_task(result, trains=True),
    )


def totals_of(stages: Sequence[Mapping[str, Forecast]]) -> dict[str, Forecast]:
    """Return the whole run's forecast: sums over set-up and stages, and the highest peak."""
    totals = {
        key: total(key, [stage[key] for stage in stages if key in stage])
        for key in ("seconds", "usd", "tokens", "steps")
    }
    peaks = [stage["peak_bytes"] for stage in stages if "peak_bytes" in stage]
    return {**totals, "peak_bytes": max(peaks, key=lambda peak: peak.value)}


def make_plan(
    question: Question, result: Result, inputs: Inputs, run: tuple[Figure, Figure], override: str | None
) -> dict[str, Any]:
    """Return the sealed plan document as plain JSON; `run` is the run's steps and its machine's rate."""
    scenario, made_on = question.scenario, question.as_of
    steps, rate = int(float(run[0].value)), run[1]
    pairs = inputs.data.preferences
    settings = {
        "adapt": adapt_settings(scenario),
        "sft": train_settings(scenario, steps),
        "dpo": None if pairs is None else dpo_settings(scenario, pairs.rows or 0),
    }
    machine = machine_of(question, rate)
    forecasts = forecast_stages(question, result, inputs.data, settings, rate)
    stages = stages_of(scenario, settings, forecasts)
    setup = forecast_setup(question, rate)
    totals = totals_of([setup, *forecasts.values()])
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "made_on": made_on.isoformat(),
        "expires_on": (made_on + timedelta(days=VALID_DAYS)).isoformat(),
        "scenario": ScenarioRef(name=scenario.name, sha256=question.scenario_sha256, file=inputs.scenario),
        "verdict": verdict_of(result, override),
        "prices_sha256": inputs.prices_sha256,
        "prices": price_lines(result),
        "base_model": inputs.base_model,
        "data": inputs.data,
        "machine": machine,
        "method": method_of(scenario),
        "stages": stages,
        "setup": setup,
        "forecast": totals,
        "limits": limits_of(scenario, totals),
        "gate": gate_of(scenario),
        "trial": trial_of(result),
    }
    return seal(plain_json(document))


def plain_json(part: Any) -> Any:
    """Return models, tuples and decimals as the JSON a file would hold, so that the digest is of the file."""
    if hasattr(part, "model_dump"):
        return part.model_dump(mode="json")
    if isinstance(part, dict):
        return {key: plain_json(value) for key, value in cast("dict[str, Any]", part).items()}
    if isinstance(part, (list, tuple)):
        return [plain_json(value) for value in cast("Sequence[Any]", part)]
    return part
