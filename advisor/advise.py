"""The one composition: (scenario, shape, readiness, prices, day) to Advice. Pure: every edge hands in what it read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from advisor.advice import (
    FORMAT_VERSION,
    Advice,
    GateRecord,
    PricesPart,
    ReadinessRecord,
    SuspicionRecord,
    UnpricedRecord,
    VerdictPart,
)
from advisor.advice import ScenarioPart as ScenarioRecord
from advisor.advice_drawn import UncertaintyRecord
from advisor.answer import Answer
from advisor.balance import Balance, regret, weigh
from advisor.estimates import Estimates, LocalSpeed, estimate
from advisor.facts import facts, margin_in_force, motives, need_gates, next_measurement, smaller_finding, untested
from advisor.findings import Readiness
from advisor.ground import Ground, lay_ground
from advisor.map import Map, NotAssessedError, Success
from advisor.need import Gate, all_at_once, five_questions
from advisor.options import Option, Unpriced
from advisor.outcomes import model_part
from advisor.own_roads import training_rate
from advisor.plausibility import Suspicion
from advisor.plausibility_checks import Asked, suspicions
from advisor.quality import success_share
from advisor.quality_part import quality_part
from advisor.records import figure_records
from advisor.remarks import NOT_ASSESSED, own_prices, rejected, report_currency, warnings
from advisor.results import crossovers, flips, option_records
from advisor.roads import survey
from advisor.scenario import Scenario
from advisor.shape import ModelShape
from advisor.shape_of_demand import Log
from advisor.uncertainty_draws import limits_of
from advisor.uncertainty_sure import Case, doubt, how_sure, means_of
from advisor.verdict import TRAINING_VERDICTS, Facts, Rung, decide
from pricing.figure import Figure, Kind, leaves, measured
from pricing.names import PriceError
from pricing.table import PriceBook

if TYPE_CHECKING:
    from advisor.calibration import Calibration

STALE_DAYS = 90
"""A price nobody looked at for longer is marked (DESIGN 2)."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything an advice is made from; `cards` are the training and the serving card, `local` for this machine.

    `calibration` is what earlier runs here measured; `serving_ratio` is measured time over the formula's, where the
    user measured the serving card.
    """

    scenario: Scenario
    scenario_sha256: str
    shape: ModelShape
    readiness: Readiness
    book: PriceBook
    as_of: date
    speed: LocalSpeed
    cards: tuple[str, str]
    log: Log | None = None
    serving_ratio: float | None = None
    calibration: "Calibration | None" = None


@dataclass(frozen=True, slots=True)
class Result:
    """The advice, and the live figures and physics that the plan is made from."""

    advice: Advice
    question: Question
    estimates: Estimates
    ground: Ground
    roots: tuple[Figure, ...]
    rate: Figure | str


def with_rows(ground: Ground, readiness: Readiness, *, from_file: bool) -> Ground:
    """Return the ground with the usable rows that were counted in the file, in place of any stated number."""
    if readiness.usable_rows is None or not from_file:
        return ground
    rows = measured("data.rows", readiness.usable_rows, "examples", "usable rows counted in data.train")
    return replace(ground, leaves={**ground.leaves, "data.rows": rows})


def machine_rate(map_: Map) -> Figure | str:
    """Return the training machine's hourly rate, or the reason why there is none."""
    try:
        return training_rate(map_)
    except (NotAssessedError, PriceError) as reason:
        return str(reason)


def record(gate: Gate) -> GateRecord:
    """Return the gate as data."""
    return GateRecord(
        name=gate.name, question=gate.question, answer=gate.answer.value, why=gate.why, closes_with=gate.closes_with
    )


def price_dates(figures: Sequence[Figure], book: PriceBook, as_of: date) -> PricesPart:
    """Return the ages of the quoted figures in use."""
    quotes = {leaf.name: leaf.origin.on for figure in figures for leaf in leaves(figure) if leaf.kind is Kind.QUOTED}
    days = [day for day in quotes.values() if day is not None]
    stale = tuple(sorted(name for name, day in quotes.items() if day is None or (as_of - day).days > STALE_DAYS))
    return PricesPart(digest=book.digest, oldest=min(days, default=None), newest=max(days, default=None), stale=stale)


def verdict_part(rung: Rung, doubt: str) -> VerdictPart:
    """Return the rung as data; a verdict that flips within the ranges says so."""
    because = f"{rung.because} {doubt}".strip()
    return VerdictPart(code=rung.code, title=rung.title, road=rung.road, justified=rung.justified, because=because)


class Considered(NamedTuple):
    """Everything an advice rests on, before it is put into words: figures, roads, what they weigh, and the verdict."""

    ground: Ground
    estimates: Estimates
    options: Sequence[Option]
    unpriced: Sequence[Unpriced]
    balance: Balance | None
    gates: tuple[Gate, Gate, Gate]
    facts: Facts
    rung: Rung
    rate: Figure | str


def lay_map(question: Question) -> tuple[Map, Estimates]:
    """Return what every road is made from; raises UnknownQuantityError where volume or tokens are unknown."""
    scenario = question.scenario
    ground = lay_ground(scenario, question.log)
    ground = with_rows(ground, question.readiness, from_file=scenario.data.train is not None)
    measured = question.serving_ratio, question.calibration
    estimates = estimate(scenario, ground, question.shape, question.speed, question.cards, *measured)
    evidence = scenario.evidence
    success = Success(
        success_share("success.hosted", evidence.hosted.trials or evidence.prompting.trials),
        success_share("success.smaller", evidence.smaller_hosted.trials),
        success_share("success.tuned", evidence.tuned.trials),
    )
    return Map(scenario, ground, question.book, question.as_of, estimates.physics, success), estimates


def consider(question: Question) -> Considered:
    """Return the roads and the verdict; raises UnknownQuantityError where volume or tokens are unknown."""
    scenario = question.scenario
    map_, estimates = lay_map(question)
    options, unpriced = survey(map_)
    balance = weigh(map_.ground, options, scenario, smaller_finding(scenario).answer is Answer.NO)
    gates = need_gates(scenario, balance)
    known = facts(scenario, question.readiness, gates, balance, estimates.compute_fits)
    return Considered(
        map_.ground, estimates, options, unpriced, balance, gates, known, decide(known), machine_rate(map_)
    )


def sureness(scenario: Scenario, made: Considered) -> UncertaintyRecord | None:
    """Return what the draws say, or None where there is nothing to weigh."""
    if made.balance is None:
        return None
    case = Case(made.ground, made.options, made.balance, made.facts, made.rung, untested(scenario))
    return how_sure(case, limits_of(scenario), means_of(made.ground, made.balance, made.rate))


def roots_of(made: Considered) -> list[Figure]:
    """Return the figures that a reader may ask the origin of."""
    roots = [figure for option in made.options for figure in (option.lifetime, option.upfront)]
    roots += [option.full_price for option in made.options if option.full_price is not None]
    roots += [] if made.balance is None else [made.balance.saving]
    hours = made.estimates.physics.run_hours
    return roots + ([hours] if isinstance(hours, Figure) else [])


def advise(question: Question) -> Result:
    """Return the advice; raises UnknownQuantityError where volume or tokens are unknown."""
    scenario = question.scenario
    made = consider(question)
    ground, balance, gates, roots = made.ground, made.balance, made.gates, roots_of(made)
    doubts = suspicions(Asked(scenario, question.book, question.as_of, question.cards[1]))
    sure = sureness(scenario, made)
    questions, end = five_questions(
        gates[0].answer, question.readiness.answer, motives(scenario), made.estimates.compute_fits
    )
    advice = Advice(
        format_version=FORMAT_VERSION,
        scenario=ScenarioRecord(name=scenario.name, sha256=question.scenario_sha256),
        as_of=question.as_of,
        currency=scenario.finance.currency,
        usd_rate=float(scenario.finance.usd_rate.known_value("finance.usd_rate")),
        horizon_months=float(np.asarray(ground.horizon.value, dtype=float)),
        prices=price_dates(roots, question.book, question.as_of),
        verdict=verdict_part(made.rung, doubt(sure, made.rung)),
        at_stake_usd=0.0 if balance is None else balance.saving_usd,
        gates=tuple(record(gate) for gate in gates),
        three_at_once=all_at_once(gates).value,
        questions=tuple(record(gate) for gate in questions),
        questions_end=end,
        frameworks_agree=(end == "fine-tune") == (made.rung.code in TRAINING_VERDICTS),
        options=option_records(ground, made.options),
        unpriced=tuple(UnpricedRecord(key=u.key, title=u.title, why=u.why) for u in made.unpriced),
        crossovers=() if balance is None else crossovers(ground, made.options),
        flips=() if balance is None else flips(balance, margin_in_force(gates[0].answer, balance), limits_of(scenario)),
        regret=None if balance is None else regret(ground, balance),
        measure_next=next_measurement(scenario, balance),
        uncertainty=sure,
        quality=quality_part(scenario, ground, made.options),
        readiness=readiness_record(question.readiness),
        rejected=rejected(scenario),
        warnings=(
            *warnings(scenario, question.readiness, made.options, made.estimates.misfits, doubts),
            *own_prices(roots, question.book.own_file),
            *report_currency(scenario.finance),
            *((question.calibration.sentence,) if question.calibration else ()),
        ),
        plausibility=tuple(suspicion_record(one) for one in doubts),
        not_assessed=NOT_ASSESSED,
        figures=figure_records(roots),
        model=model_part(ground, balance, made.facts, untested(scenario)),
    )
    return Result(advice, question, made.estimates, ground, tuple(roots), made.rate)


def suspicion_record(one: Suspicion) -> SuspicionRecord:
    """Return a number that looks wrong as data."""
    return SuspicionRecord(
        place=one.place,
        found=one.found,
        unit=one.unit,
        implies=one.implies,
        usual_low=one.usual.low,
        usual_high=one.usual.high,
        source=one.usual.source,
        likely=one.likely,
        next_step=one.next_step,
        confirmed=one.confirmed,
    )


def readiness_record(readiness: Readiness) -> ReadinessRecord:
    """Return the readiness as data."""
    return ReadinessRecord(
        answer=readiness.answer.value,
        tier=readiness.tier,
        usable_rows=readiness.usable_rows,
        findings=tuple(f"{finding.why}; {finding.remedy}" for finding in readiness.findings),
    )
