"""The one composition: (scenario, shape, readiness, prices, day) to Advice. Pure: every edge hands in what it read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from advisor.advice import (
    FORMAT_VERSION,
    Advice,
    GateRecord,
    MeasurementRecord,
    PricesPart,
    ReadinessRecord,
    UnpricedRecord,
    VerdictPart,
)
from advisor.advice import ScenarioPart as ScenarioRecord
from advisor.answer import Answer
from advisor.balance import Balance, crossovers, flips, option_records, regret, weigh
from advisor.estimates import Estimates, LocalSpeed, estimate
from advisor.evidence import Finding, ScoredTrial, best_trial, failure_answer, non_inferiority_answer, wilson
from advisor.findings import Readiness
from advisor.ground import Ground, lay_ground
from advisor.map import RULED_OUT, Map, NotAssessedError, Success
from advisor.need import Gate, Motives, all_at_once, five_questions, volume_answer
from advisor.own_roads import training_rate
from advisor.records import figure_records
from advisor.remarks import NOT_ASSESSED, rejected, warnings
from advisor.roads import survey
from advisor.scenario import Scenario
from advisor.shape import ModelShape
from advisor.verdict import Facts, Rung, decide
from pricing.figure import Figure, Kind, leaves, measured
from pricing.names import PriceError
from pricing.table import PriceBook

STALE_DAYS = 90
"""A price nobody looked at for longer is marked (DESIGN 2)."""
PRIORITIES = ("cost", "privacy", "control")


@dataclass(frozen=True, slots=True)
class Question:
    """Everything an advice is made from; `cards` are the training and the serving card, `local` for this machine."""

    scenario: Scenario
    scenario_sha256: str
    shape: ModelShape
    readiness: Readiness
    book: PriceBook
    as_of: date
    speed: LocalSpeed
    cards: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """The advice, and the live figures and physics that the plan is made from."""

    advice: Advice
    question: Question
    estimates: Estimates
    ground: Ground
    roots: tuple[Figure, ...]
    rate: Figure | str


def success_share(name: str, trials: Sequence[ScoredTrial]) -> Figure | None:
    """Return the best trial's success share as a measured figure with its Wilson interval, or None without trials."""
    if not trials:
        return None
    best = best_trial(trials)
    rate = wilson(best.successes, best.n)
    note = f"{best.variant}: {best.successes} of {best.n}"
    return measured(name, rate.value, "share", note, low=rate.low, high=rate.high)


def with_rows(ground: Ground, readiness: Readiness, *, from_file: bool) -> Ground:
    """Return the ground with the usable rows that were counted in the file, in place of any stated number."""
    if readiness.usable_rows is None or not from_file:
        return ground
    rows = measured("data.rows", readiness.usable_rows, "examples", "usable rows counted in data.train")
    return replace(ground, leaves={**ground.leaves, "data.rows": rows})


def wanted_share(scenario: Scenario) -> float | None:
    """Return the stated target, or None."""
    target = scenario.quality.target.value
    return None if target is None else float(target)


def smaller_finding(scenario: Scenario) -> Finding:
    """Return whether a smaller hosted model fails the target; its `no` makes it a lever."""
    return failure_answer(scenario.evidence.smaller_hosted.trials, wanted_share(scenario), least_variants=1)


def closing(finding: Finding) -> str | None:
    """Return what would close an open gate, in answers still to be scored."""
    return f"score {finding.further_n:,} more answers" if finding.further_n else None


def need_gates(scenario: Scenario, balance: Balance | None) -> tuple[Gate, Gate, Gate]:
    """Return the three things, each with its evidence."""
    wanted = wanted_share(scenario)
    prompting = failure_answer(scenario.evidence.prompting.trials, wanted)
    retrieval = failure_answer(scenario.evidence.retrieval.trials, wanted, least_variants=1)
    if balance is None:
        volume, why = Answer.UNKNOWN, "no road that trains can be priced; see what is not priced"
    else:
        volume, why = volume_answer(balance.saving_share, balance.saving_share_low_volume, balance.margin_share)
    return (
        Gate("prompting", "Does prompting fail consistently?", prompting.answer, prompting.why, closing(prompting)),
        Gate(
            "retrieval", "Do retrieval and tools fail to fix it?", retrieval.answer, retrieval.why, closing(retrieval)
        ),
        Gate("volume", "Does the volume justify the up-front cost?", volume, why),
    )


def facts(question: Question, gates: tuple[Gate, Gate, Gate], balance: Balance | None, fits: Answer) -> Facts:
    """Return what the ladder may look at."""
    scenario = question.scenario
    evidence = scenario.evidence
    pilot = failure_answer(evidence.tuned.trials, wanted_share(scenario), least_variants=1)
    inferior = non_inferiority_answer(
        evidence.tuned.trials,
        evidence.hosted.trials or evidence.prompting.trials,
        float(scenario.quality.non_inferiority_margin.known_value("quality.non_inferiority_margin")),
    )
    cheaper = Answer.UNKNOWN
    if balance is not None:
        cheaper = Answer.YES if balance.saving_share >= balance.strict_margin_share else Answer.NO
    return Facts(
        must_stay_inside=scenario.constraints.data_may_leave is Answer.NO,
        prototype=scenario.task.prototype,
        open_ended=scenario.task.role == "outer"
        or (scenario.task.kind == "chat" and scenario.task.diverse is not Answer.NO),
        facts_change=scenario.task.knowledge_changes in ("weekly", "daily"),
        prompting_fails=gates[0].answer,
        prompt_variants=len(scenario.evidence.prompting.trials),
        retrieval_fails=gates[1].answer,
        volume_justifies=gates[2].answer,
        data_ready=question.readiness.answer,
        compute_fits=fits,
        road_priced=balance is not None,
        pilot_disappoints=pilot.answer is Answer.YES or inferior.answer is Answer.NO,
        much_cheaper=cheaper,
        lever_saves=balance is not None and balance.lever_saving_share >= balance.margin_share,
        smaller_is_lever=balance is not None and balance.smaller_is_lever,
        smaller_untested=balance is not None
        and not scenario.evidence.smaller_hosted.trials
        and (balance.smaller_saving_share or 0.0) >= balance.margin_share,
        best_road="hosted_tuning" if balance is not None and balance.best.hosted else "self_host",
    )


def margin_in_force(prompting_fails: Answer, balance: Balance) -> float:
    """Return the margin that the saving is held against: the stricter one where prompting works."""
    return balance.strict_margin_share if prompting_fails is Answer.NO else balance.margin_share


def motives(scenario: Scenario) -> Motives:
    """Return which of cost, privacy and control the team names; data that may not leave is privacy."""
    named = [goal for goal in PRIORITIES if goal in scenario.task.goal]
    if scenario.constraints.data_may_leave is Answer.NO and "privacy" not in named:
        named.append("privacy")
    return Motives(tuple(named))


def machine_rate(map_: Map) -> Figure | str:
    """Return the training machine's hourly rate, or the reason why there is none."""
    try:
        return training_rate(map_)
    except (NotAssessedError, PriceError) as reason:
        return str(reason)


def next_measurement(scenario: Scenario, balance: Balance | None) -> MeasurementRecord | None:
    """Return the first measurement, from the cheapest road up, that would close what is open."""
    wanted = wanted_share(scenario)
    evidence = scenario.evidence
    works = failure_answer(evidence.prompting.trials, wanted).answer is Answer.NO
    arms = [] if works else [("prompting", evidence.prompting, 2), ("retrieval", evidence.retrieval, 1)]
    if scenario.candidates.smaller_hosted not in (None, RULED_OUT):
        arms.append(("smaller hosted model", evidence.smaller_hosted, 1))
    for name, arm, least in arms:
        finding = failure_answer(arm.trials, wanted, least)
        if finding.answer is Answer.UNKNOWN and finding.further_n:
            cost = None if balance is None else finding.further_n * balance.hosted_usd_per_task
            what = f"score {finding.further_n:,} answers of {name} against the target"
            return MeasurementRecord(gate=name, what=what, examples=finding.further_n, cost_usd=cost)
    return None


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


def verdict_part(rung: Rung) -> VerdictPart:
    """Return the rung as data."""
    return VerdictPart(code=rung.code, title=rung.title, road=rung.road, justified=rung.justified, because=rung.because)


def advise(question: Question) -> Result:
    """Return the advice; raises UnknownQuantityError where volume or tokens are unknown."""
    scenario = question.scenario
    ground = with_rows(lay_ground(scenario), question.readiness, from_file=scenario.data.train is not None)
    estimates = estimate(scenario, ground, question.shape, question.speed, question.cards)
    success = Success(
        success_share("success.hosted", scenario.evidence.hosted.trials or scenario.evidence.prompting.trials),
        success_share("success.smaller", scenario.evidence.smaller_hosted.trials),
        success_share("success.tuned", scenario.evidence.tuned.trials),
    )
    map_ = Map(scenario, ground, question.book, question.as_of, estimates.physics, success)
    options, unpriced = survey(map_)
    balance = weigh(ground, options, scenario, smaller_finding(scenario).answer is Answer.NO)
    gates = need_gates(scenario, balance)
    rung = decide(facts(question, gates, balance, estimates.compute_fits))
    questions, end = five_questions(
        gates[0].answer, question.readiness.answer, motives(scenario), estimates.compute_fits
    )
    roots = [figure for option in options for figure in (option.lifetime, option.upfront)]
    roots += [] if balance is None else [balance.saving]
    roots += [estimates.physics.run_hours] if isinstance(estimates.physics.run_hours, Figure) else []
    advice = Advice(
        format_version=FORMAT_VERSION,
        scenario=ScenarioRecord(name=scenario.name, sha256=question.scenario_sha256),
        as_of=question.as_of,
        currency=scenario.finance.currency,
        usd_rate=float(scenario.finance.usd_rate.known_value("finance.usd_rate")),
        horizon_months=float(np.asarray(ground.horizon.value, dtype=float)),
        prices=price_dates(roots, question.book, question.as_of),
        verdict=verdict_part(rung),
        at_stake_usd=0.0 if balance is None else balance.saving_usd,
        gates=tuple(record(gate) for gate in gates),
        three_at_once=all_at_once(gates).value,
        questions=tuple(record(gate) for gate in questions),
        questions_end=end,
        frameworks_agree=(end == "fine-tune") == (rung.code in {"fine_tune_self_host", "hosted_fine_tune"}),
        options=option_records(ground, options),
        unpriced=tuple(UnpricedRecord(key=u.key, title=u.title, why=u.why) for u in unpriced),
        crossovers=() if balance is None else crossovers(ground, options),
        flips=() if balance is None else flips(balance, margin_in_force(gates[0].answer, balance)),
        regret=None if balance is None else regret(ground, balance),
        measure_next=next_measurement(scenario, balance),
        readiness=readiness_record(question.readiness),
        rejected=rejected(scenario),
        warnings=warnings(scenario, question.readiness, options, estimates.misfits, balance),
        not_assessed=NOT_ASSESSED,
        figures=figure_records(roots),
    )
    return Result(advice, question, estimates, ground, tuple(roots), machine_rate(map_))


def readiness_record(readiness: Readiness) -> ReadinessRecord:
    """Return the readiness as data."""
    return ReadinessRecord(
        answer=readiness.answer.value,
        tier=readiness.tier,
        usable_rows=readiness.usable_rows,
        findings=tuple(f"{finding.why}; {finding.remedy}" for finding in readiness.findings),
    )
