"""What a test in production says so far: the difference with its interval, the guardrails, and one decision. Pure.

Rule 1  The rules are those of the plan, asked in its order; the first that applies decides.
Rule 2  Everything here may be read after every task: split, success and guardrails are confidence sequences.
Rule 3  What was not measured is not assessed, is said to be so, and does not stand in the way of shipping.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from runner.ab_plan import GUARDRAILS, SPLIT_ALPHA_SHARE, TUNED_SPLIT_SHARE, Guardrail, guardrail_alpha_share
from runner.ab_results import Arm, Tally
from runner.ab_size import (
    ALPHA_SHARE,
    arm_variance_share,
    radius_share,
    sequence_tasks,
    split_radius_tasks,
    target_information,
)

Decision = Literal["void", "stop for harm", "ship", "keep", "go on"]
BAD_NEWS: Final = ("void", "stop for harm")
LEAST_TASKS: Final = 100  # judged tasks an arm: below it a share is not near enough to normal to be judged


class Terms(NamedTuple):
    """What was agreed before the first task."""

    margin_share: float
    tasks_per_arm: int
    tuned_split_share: float = TUNED_SPLIT_SHARE
    latency_limit_ms: float | None = None


class Effect(NamedTuple):
    """Tuned minus control with its interval, valid at every look; the arms' own values; `information` so far."""

    control: float
    tuned: float
    value: float
    low: float
    high: float
    information: float


class Watched(NamedTuple):
    """One guardrail: clear, open, harm or not assessed, and why; `effect` None where nothing was measured."""

    name: str
    state: Literal["clear", "open", "harm", "not assessed"]
    effect: Effect | None
    allowed_share: float
    why: str


class Reading(NamedTuple):
    """All that one look at the results says."""

    decision: Decision
    why: str
    primary: Effect | None
    guardrails: tuple[Watched, ...]
    split: dict[str, Any]
    judged: dict[str, int]


def terms_of(document: Mapping[str, Any]) -> Terms:
    """Return the terms of a test's plan. Raises KeyError, TypeError or ValueError where it is none."""
    limits = [line.get("limit_ms") for line in document["guardrails"] if line["field"] == "latency_ms"]
    limit = limits[0] if limits else None
    return Terms(
        float(document["primary"]["margin"]),
        int(document["tasks_per_arm"]),
        float(document["arms"]["tuned"]["share"]),
        None if limit is None else float(limit),
    )


def default_terms(arms: Mapping[str, Arm], margin_share: float) -> Terms:
    """Return terms for a test that nobody planned: equal arms, sized by the control arm's own success."""
    share = arms["control"].tally("success").mean
    return Terms(margin_share, math.ceil(sequence_tasks(margin_share, arm_variance_share(share, share))))


def share_variance(tally: Tally) -> float:
    """Return a share's variance with one more task of either kind: 0 of 200 is not known to be 0."""
    share = (tally.total + 1) / (tally.count + 2)
    return share * (1 - share)


def with_interval(
    control: float, tuned: float, value: float, variance: float, target: float, alpha_share: float
) -> Effect:
    """Return an effect whose estimate has this variance, with the sequence tuned to `target`."""
    information = 1 / variance if variance > 0 else math.inf
    radius = radius_share(information, target, alpha_share)
    return Effect(control, tuned, value, value - radius, value + radius, information)


def share_effect(control: Tally, tuned: Tally, room_share: float, alpha_share: float) -> Effect:
    """Return the difference of two shares."""
    variance = share_variance(control) / control.count + share_variance(tuned) / tuned.count
    value = tuned.mean - control.mean
    target = target_information(room_share, alpha_share)
    return with_interval(control.mean, tuned.mean, value, variance, target, alpha_share)


def cost_effect(control: Tally, tuned: Tally, room_share: float, alpha_share: float) -> Effect:
    """Return by what share of the control's mean the tuned mean is dearer; variance by the delta method."""
    base, ratio = control.mean, tuned.mean / control.mean
    own = tuned.variance / tuned.count / base**2
    theirs = control.variance / control.count * ratio**2 / base**2
    target = target_information(room_share, alpha_share)
    return with_interval(base, tuned.mean, ratio - 1, own + theirs, target, alpha_share)


def slow_tally(arm: Arm, limit_ms: float) -> Tally:
    """Return how many answers took longer than the limit."""
    tally = Tally()
    for latency_ms in arm.latencies_ms:
        tally.add(float(latency_ms > limit_ms))
    return tally


def unmeasured(rail: Guardrail, pair: tuple[Tally, Tally], terms: Terms) -> str:
    """Return why a guardrail cannot be assessed; empty if it can."""
    if rail.field == "latency_ms" and terms.latency_limit_ms is None:
        return "no limit is stated; give --slow-ms, or constraints.latency_tpot_ms in the scenario"
    if min(tally.count for tally in pair) < LEAST_TASKS:
        return f"fewer than {LEAST_TASKS} tasks an arm have {rail.field}; write it into the results"
    if rail.field == "usd" and pair[0].mean == 0:
        return "the control arm cost nothing; check its usd"
    return ""


def watch(rail: Guardrail, arms: Mapping[str, Arm], terms: Terms) -> Watched:
    """Return one guardrail's state."""
    control, tuned = arms["control"], arms["tuned"]
    if rail.field == "latency_ms":
        limit = terms.latency_limit_ms or 0.0
        pair = slow_tally(control, limit), slow_tally(tuned, limit)
    else:
        pair = control.tally(rail.field), tuned.tally(rail.field)
    absent = unmeasured(rail, pair, terms)
    if absent:
        return Watched(rail.name, "not assessed", None, rail.allowed_share, absent)
    effect_of = cost_effect if rail.field == "usd" else share_effect
    effect = effect_of(*pair, rail.allowed_share, guardrail_alpha_share())
    if effect.low > rail.allowed_share:
        return Watched(rail.name, "harm", effect, rail.allowed_share, "has risen by more than it may")
    if effect.high <= rail.allowed_share:
        return Watched(rail.name, "clear", effect, rail.allowed_share, "has not risen by more than it may")
    return Watched(rail.name, "open", effect, rail.allowed_share, "needs more tasks to be clear")


def split_part(arms: Mapping[str, Arm], terms: Terms) -> dict[str, Any]:
    """Return whether the tuned arm got the share of tasks it was planned for (sample-ratio mismatch)."""
    tasks = arms["control"].tasks + arms["tuned"].tasks
    wanted = tasks * terms.tuned_split_share
    radius = split_radius_tasks(tasks, 2 * terms.tasks_per_arm, terms.tuned_split_share, SPLIT_ALPHA_SHARE)
    return {
        "control_tasks": arms["control"].tasks,
        "tuned_tasks": arms["tuned"].tasks,
        "tuned_share": arms["tuned"].tasks / tasks,
        "planned_share": terms.tuned_split_share,
        "allowed_tasks": radius,
        "off": abs(arms["tuned"].tasks - wanted) > radius,
    }


def judge(arms: Mapping[str, Arm], terms: Terms) -> Reading:
    """Return the decision by the plan's rules, in their order."""
    pair = arms["control"].tally("success"), arms["tuned"].tally("success")
    judged = {"control": pair[0].count, "tuned": pair[1].count, "planned": terms.tasks_per_arm}
    enough = min(pair[0].count, pair[1].count) >= LEAST_TASKS
    primary = share_effect(*pair, terms.margin_share, ALPHA_SHARE) if enough else None
    rails = tuple(watch(rail, arms, terms) for rail in GUARDRAILS)
    split = split_part(arms, terms)
    decision, why = decide(primary, rails, split, judged, terms)
    return Reading(decision, why, primary, rails, split, judged)


def decide(
    primary: Effect | None,
    rails: tuple[Watched, ...],
    split: Mapping[str, Any],
    judged: Mapping[str, int],
    terms: Terms,
) -> tuple[Decision, str]:
    """Return the first rule that applies, with its reason."""
    harmed = ", ".join(rail.name for rail in rails if rail.state == "harm")
    unclear = ", ".join(rail.name for rail in rails if rail.state == "open")
    margin = f"{100 * terms.margin_share:.1f} points"
    no_worse = primary is not None and primary.low > -terms.margin_share
    fewest = min(judged["control"], judged["tuned"])
    better = "better than today's" if primary and primary.low > 0 else f"no worse than today's by more than {margin}"
    rows: tuple[tuple[bool, Decision, str], ...] = (
        (bool(split["off"]), "void",
         f"the tuned arm got {split['tuned_share']:.1%} of the tasks, planned {split['planned_share']:.1%}: whatever "
         "sorts tasks into arms is broken, and the two arms cannot be compared; find the cause and start again"),
        (bool(harmed), "stop for harm", f"{harmed}: risen by more than it may; roll back"),
        (primary is not None and primary.high < -terms.margin_share, "stop for harm",
         f"success is lower by more than the margin of {margin}; roll back"),
        (no_worse and not unclear, "ship", f"the tuned model is {better}, and no guardrail says otherwise"),
        (fewest >= terms.tasks_per_arm, "keep",
         f"the planned {terms.tasks_per_arm:,} tasks an arm are used up, and "
         + (f"{unclear} is still open" if no_worse else f"it is not shown to be within {margin} of today's")),
        (no_worse, "go on", f"success is shown; {unclear} needs more tasks"),
    )  # fmt: skip
    for applies, decision, why in rows:
        if applies:
            return decision, why
    left = max(0, terms.tasks_per_arm - fewest)
    return "go on", f"nothing is shown yet; up to {left:,} more judged tasks in the smaller arm"
