"""A small model first, and what it declines to today's model or to a person: its cost and its quality.

Rule 1  The first model is paid for every task, the second answer for the share that is declined.
Rule 2  Scored end to end (evidence.cascade), its success is measured. Else it is put together from the two models'
        own, as if what is declined were no harder than the rest; a note gives the bounds that hold in any case.
Rule 3  It is weighed as a hosted lever only once it was scored end to end and reaches the target.
"""

from dataclasses import replace
from typing import Final

from advisor import economics as eco
from advisor.answer import Answer
from advisor.evidence import best_trial, failure_answer, wilson
from advisor.hosted_roads import overlap
from advisor.map import Map, NotAssessedError, leaf
from advisor.options import Option
from advisor.quality import success_share
from pricing.figure import Figure, Number, derive, measured

TITLES: Final = {"smaller_hosted": "Smaller model first", "tuned": "Own tuned model first"}
FIRST: Final = {"smaller_hosted": ("hosted_smaller",), "tuned": ("tuned_rented", "tuned_serverless", "tuned_local")}
"""By the word in handover.first: the roads that may come first, the cheapest of them is taken."""


def cascade_usd_per_month(
    first_usd_per_month: Number, next_usd_per_task: Number, demand_tasks_per_month: Number, declined_share: Number
) -> Number:
    """Return what a cascade costs: the first model for all, the second answer for those it declines."""
    return first_usd_per_month + declined_share * demand_tasks_per_month * next_usd_per_task


def cascade_success_share(kept_success_share: Number, declined_share: Number, next_success_share: Number) -> Number:
    """Return the share right in the end; `kept_success_share` is of all tasks, those declined counted as not right."""
    return kept_success_share + declined_share * next_success_share


def success_bounds(kept_share: float, declined_share: float, next_share: float) -> tuple[float, float]:
    """Return the least and the most that can be right in the end, whichever tasks the first model declines."""
    return kept_share + max(0.0, next_share + declined_share - 1), kept_share + min(declined_share, next_share)


def declined(map_: Map, word: str) -> Figure:
    """Return the share that the first model declines: as stated, or as its best trial counted it."""
    if "handover.declined_share" in map_.ground.leaves:
        return map_.ground["handover.declined_share"]
    evidence = map_.scenario.evidence
    arm = evidence.tuned if word == "tuned" else evidence.smaller_hosted
    counted = [trial for trial in arm.trials if trial.declined]
    if not counted:
        message = f"how many answers the first model declines is not known; count `declined` in evidence.{word}, "
        raise NotAssessedError(message + "or state handover.declined_share")
    best = best_trial(counted)
    rate = wilson(next(trial.declined for trial in counted if trial is best), best.n)
    note = f"{best.variant}: declined of {best.n}"
    return measured("handover.declined", rate.value, "share", note, low=rate.low, high=rate.high)


def second(map_: Map) -> tuple[Figure, Figure | None, str]:
    """Return what a second answer costs, how often it is right (None: not known), and who gives it."""
    if map_.scenario.handover.to == "person":
        return leaf(map_.ground, "handover.usd_per_task"), map_.ground.leaves.get("handover.success_share"), "a person"
    stated = map_.ground.leaves.get("handover.success_share")
    return overlap(map_), stated or map_.success.hosted, "today's model"


def success_of(map_: Map, key: str, word: str, share: Figure) -> tuple[Figure | None, tuple[str, ...]]:
    """Return how often the whole is right, and what a reader must know about that number."""
    trials = map_.scenario.evidence.cascade.trials
    if trials:
        return success_share(f"success.{key}", trials), ()
    kept = map_.success.tuned if word == "tuned" else map_.success.smaller
    after = second(map_)[1]
    if kept is None or after is None:
        return None, ("its quality is not known: score it end to end in evidence.cascade",)
    made = derive(f"success.{key}", cascade_success_share, kept_success_share=kept, declined_share=share,
                  next_success_share=after)  # fmt: skip
    low, high = success_bounds(*(float(figure.value) for figure in (kept, share, after)))
    told = f"right in {made.value:.1%} if what is declined is no harder than the rest, {low:.1%} to {high:.1%} whatever"
    return made, (f"{told} it is; score it end to end in evidence.cascade to decide on it",)


def cascade(map_: Map, options: list[Option]) -> Option:
    """Return the road; raises NotAssessedError where a part of it is not known."""
    word = map_.scenario.handover.first
    firsts = [option for option in options if option.key in FIRST[word]]
    if not firsts:
        message = f"the model that would answer first is not priced: {', '.join(FIRST[word])}"
        raise NotAssessedError(message)
    first = min(firsts, key=lambda option: float(option.lifetime.value))
    key, share = f"cascade_{word}", declined(map_, word)
    cost, _, who = second(map_)
    running = derive(
        f"{key}.running",
        cascade_usd_per_month,
        first_usd_per_month=first.running,
        next_usd_per_task=cost,
        demand_tasks_per_month=map_.ground.demand,
        declined_share=share,
    )
    lifetime = derive(
        f"{key}.lifetime", eco.lifetime_cost_usd, upfront_usd=first.upfront, running_usd_per_month=running
    )
    success, notes = success_of(map_, key, word, share)
    target = map_.scenario.quality.target.value
    wanted = None if target is None else float(target)
    shown = failure_answer(map_.scenario.evidence.cascade.trials, wanted, least_variants=1).answer is Answer.NO
    title = f"{TITLES[word]}, {float(share.value):.0%} to {who}"
    return replace(
        first, key=key, title=title, trains=False, running=running, lifetime=lifetime, success=success,
        proven=shown and word == "smaller_hosted", ends_on=first.ends_on, notes=notes, utilisation=None,
        full_price=None,
    )  # fmt: skip
