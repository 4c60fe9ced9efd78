"""From evidence and money to what the ladder and the two frameworks may look at, and the first thing to measure."""

from advisor.advice import MeasurementRecord
from advisor.answer import Answer
from advisor.balance import Balance, MoneySays, money_says
from advisor.evidence import Finding, failure_answer
from advisor.findings import Readiness
from advisor.map import RULED_OUT
from advisor.need import Gate, Motives, volume_answer
from advisor.quality import Pairs, as_good
from advisor.scenario import Scenario
from advisor.verdict import Facts

PRIORITIES = ("cost", "privacy", "control")


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


def said_by_money(scenario: Scenario, balance: Balance | None) -> MoneySays:
    """Return what the money says to the ladder; nothing is cheaper where nothing is priced."""
    if balance is None:
        return MoneySays(*[False] * len(MoneySays._fields))
    return money_says(balance.standing, balance.margin_share, balance.strict_margin_share, untested(scenario))


def untested(scenario: Scenario) -> bool:
    """Say whether nobody has scored the smaller hosted model."""
    return not scenario.evidence.smaller_hosted.trials


def pairs_of(scenario: Scenario) -> Pairs | None:
    """Return the questions that both the tuned model and today's answered, or None where there are none."""
    paired = scenario.evidence.paired
    return None if paired is None else Pairs(paired.both, paired.only_tuned, paired.only_hosted, paired.neither)


def as_good_as_today(scenario: Scenario) -> Finding:
    """Return whether the tuned pilot is as good as today's answer, in pairs where there are any."""
    evidence = scenario.evidence
    margin = float(scenario.quality.non_inferiority_margin.known_value("quality.non_inferiority_margin"))
    hosted = evidence.hosted.trials or evidence.prompting.trials
    return as_good(evidence.tuned.trials, hosted, pairs_of(scenario), margin)


def facts(
    scenario: Scenario, readiness: Readiness, gates: tuple[Gate, Gate, Gate], balance: Balance | None, fits: Answer
) -> Facts:
    """Return what the ladder may look at."""
    evidence = scenario.evidence
    pilot = failure_answer(evidence.tuned.trials, wanted_share(scenario), least_variants=1)
    inferior = as_good_as_today(scenario)
    money = said_by_money(scenario, balance)
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
        data_ready=readiness.answer,
        compute_fits=fits,
        road_priced=balance is not None,
        pilot_disappoints=pilot.answer is Answer.YES or inferior.answer is Answer.NO,
        much_cheaper=Answer.UNKNOWN if balance is None else (Answer.YES if money.much_cheaper else Answer.NO),
        lever_saves=bool(money.lever_saves),
        smaller_is_lever=bool(money.smaller_is_lever),
        smaller_untested=bool(money.smaller_untested),
        best_road="hosted_tuning" if money.vendor_is_best else "self_host",
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
    return pilot_measurement(scenario, balance)


def pilot_measurement(scenario: Scenario, balance: Balance | None) -> MeasurementRecord | None:
    """Return how many more answers would show whether a scored pilot is as good as today's, or None if that is shown.

    The same questions for both: pairs need the fewest.
    """
    finding = as_good_as_today(scenario)
    if finding.answer is not Answer.UNKNOWN or not finding.further_n or not scenario.evidence.tuned.trials:
        return None
    cost = None if balance is None else finding.further_n * balance.hosted_usd_per_task
    what = f"score {finding.further_n:,} more answers of the pilot and of today's model, to the same questions"
    return MeasurementRecord(gate="tuned pilot", what=what, examples=finding.further_n, cost_usd=cost)
