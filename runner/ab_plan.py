"""The plan of a test in production: today's way against the tuned model, and when to stop. Pure.

Rule 1  The question is non-inferiority: is the tuned model worse than today's by more than the margin? A tuned model is
        bought for its price; that it is better as well is shown where it is, and is not needed.
Rule 2  Every sample size is for intervals that may be read at any time; the fixed size beside it is what looking costs.
Rule 3  A guardrail is a share of tasks (or a cost) that may rise by so much; all of them split one `alpha`.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from advisor.plan import Plan, Trial
from pricing.units import HOURS_PER_MONTH
from runner.ab_size import (
    ALPHA_SHARE,
    POWER_SHARE,
    arm_variance_share,
    non_inferiority_tasks,
    sequence_tasks,
    superiority_tasks,
    target_information,
)
from runner.metrics import Interval

FORMAT_VERSION: Final = "1.0"
HOURS_PER_DAY: Final = 24  # by definition
DAYS_PER_WEEK: Final = 7  # by definition
TUNED_SPLIT_SHARE: Final = 0.5  # equal arms need the fewest tasks
LONGEST_DAYS: Final = 56  # eight weeks: past it, the traffic and the vendor's model have both moved on
WORST_SHARE: Final = 0.5  # the share whose variance is largest: no unknown rate needs a larger sample
SPLIT_ALPHA_SHARE: Final = 0.001  # a split alarm voids a test, so it must be rare; experiment platforms use the same


class Guardrail(NamedTuple):
    """One harm that is watched: by how much it may rise, the share it is planned for, and where both are from."""

    name: str
    field: str
    what: str
    allowed_share: float
    planned_share: float
    why: str


GUARDRAILS: Final = (
    Guardrail("errors", "error", "tasks that ended in an error", 0.01, 0.02, "one more in a hundred wakes somebody"),
    Guardrail("slow answers", "latency_ms", "answers slower than the limit", 0.02, 0.05,
              "a limit that is met by 95 % today, as service levels are commonly set"),
    Guardrail("safety flags", "unsafe", "answers flagged as unsafe", 0.005, 0.005,
              "tuning can remove guardrails; half a point is the least a test of this size sees"),
    Guardrail("cost", "usd", "mean USD of a task, relative to the control arm's", 0.05, 0.0,
              "the model is bought for its price; five percent is the invoice's own noise"),
)  # fmt: skip
ASSIGNED_BY: Final = "a hash of the customer, who stays in one arm; judge one task of each, since theirs are alike"
RAMP: Final = (
    (0.01, 1, "one day and night: crashes, empty and endless answers, wrong endpoint"),
    (0.10, 2, "load, latency and cost at a tenth of the traffic"),
)
"""Share of traffic on the tuned model, days, and what each step is for; then the test itself."""


def guardrail_alpha_share(guardrails: int = len(GUARDRAILS)) -> float:
    """Return what each guardrail may err by, so that all together err by no more than ALPHA_SHARE (Bonferroni)."""
    return ALPHA_SHARE / guardrails


def tasks_per_day(tasks_per_month: float) -> float:
    """Return a month's tasks by day."""
    return tasks_per_month * HOURS_PER_DAY / HOURS_PER_MONTH


def whole_weeks_days(tasks: float, tasks_per_month: float) -> int:
    """Return the days that so many tasks take, in whole weeks: working days and Sundays ask different things."""
    return DAYS_PER_WEEK * math.ceil(tasks / tasks_per_day(tasks_per_month) / DAYS_PER_WEEK)


def primary_part(trial: Trial) -> dict[str, Any]:
    """Return the question of Rule 1 with its size; equal true shares are planned for, the usual careful choice."""
    known = trial.incumbent_success
    share = WORST_SHARE if known is None else known.value
    basis = "not known; planned for the share that needs the most tasks" if known is None else known.basis
    return {
        "metric": "success",
        "margin": trial.margin,
        "control_share": share,
        "control_basis": basis,
        "alpha": ALPHA_SHARE,
        "power": POWER_SHARE,
        "target_information": target_information(trial.margin),
        "tasks_per_arm": math.ceil(sequence_tasks(trial.margin, arm_variance_share(share, share))),
        "fixed_tasks_per_arm": math.ceil(non_inferiority_tasks(share, share, trial.margin)),
    }


def superiority_part(trial: Trial, tuned: Interval) -> dict[str, Any] | None:
    """Return what it would take to show that the tuned model is better, if its gain on the locked test is real."""
    known = trial.incumbent_success
    if known is None or tuned.value <= known.value:
        return None
    gain = tuned.value - known.value
    return {
        "control_share": known.value,
        "tuned_share": tuned.value,
        "tasks_per_arm": math.ceil(sequence_tasks(gain, arm_variance_share(known.value, tuned.value))),
        "fixed_tasks_per_arm": math.ceil(superiority_tasks(known.value, tuned.value)),
    }


def guardrail_part(trial: Trial) -> list[dict[str, Any]]:
    """Return the guardrails with their sizes; a cost's spread is not known before the test."""
    alpha = guardrail_alpha_share()
    found: list[dict[str, Any]] = []
    for one in GUARDRAILS:
        variance = arm_variance_share(one.planned_share, one.planned_share)
        tasks = math.ceil(sequence_tasks(one.allowed_share, variance, alpha)) if one.planned_share else None
        line: dict[str, Any] = {**one._asdict(), "alpha": alpha, "tasks_per_arm": tasks}
        if one.field == "latency_ms":
            line["limit_ms"] = trial.latency_limit_ms
        found.append(line)
    return found


def duration_part(trial: Trial, tasks: int) -> dict[str, Any]:
    """Return how long the test takes at the scenario's traffic, and what share of its answers must be judged."""
    month = trial.tasks_per_month
    days = whole_weeks_days(tasks, month.value)
    offered = tasks_per_day(month.value) * days
    ramp = sum(length for _, length, _ in RAMP)
    note = (
        "" if days <= LONGEST_DAYS else
        f"longer than {LONGEST_DAYS} days: accept a wider margin, or have both models answer the same recorded tasks"
    )  # fmt: skip
    return {
        "tasks_per_day": tasks_per_day(month.value),
        "ramp_days": ramp,
        "test_days": days,
        "test_days_low": whole_weeks_days(tasks, month.high),
        "test_days_high": whole_weeks_days(tasks, month.low),
        "offered_tasks": round(offered),
        "judged_share": min(1.0, tasks / offered),
        "basis": f"{month.value:,.0f} tasks a month: {month.basis}",
        "note": note,
    }


def stop_rules() -> list[dict[str, str]]:
    """Return the rules in the order they are asked; `run ab` asks the same ones."""
    return [
        {"when": "the split is not the planned one", "then": "void: find the cause, start again"},
        {"when": "a guardrail has risen by more than it may, its interval says", "then": "stop for harm: roll back"},
        {"when": "the whole interval lies below minus the margin", "then": "stop for harm: roll back"},
        {"when": "the interval lies above minus the margin, and every guardrail that was measured is clear",
         "then": "ship"},
        {"when": "the planned tasks are used up and none of this has happened", "then": "keep today's way"},
        {"when": "otherwise", "then": "go on"},
    ]  # fmt: skip


def rollback_steps(trial: Trial) -> list[str]:
    """Return how to go back, which is decided before the first task."""
    return [
        f"one switch routes every task to {trial.incumbent}; try it before the ramp, and time it",
        "keep the vendor's key, prompt and quota alive until a month after shipping",
        "the adapter stays apart from the base (sft/output), so an earlier one can be put back without a new base",
        "roll back first, look for the cause afterwards; keep the tuned arm's answers of the last hour for that",
        "after shipping, watch the same guardrails by week: inputs drift, and a tuned model knows only its own",
    ]


def plan_test(plan: Plan, trial: Trial, tuned: Interval, tuned_sha256: str) -> dict[str, Any]:
    """Return the test's plan as plain JSON; `tuned` is the tuned model's score on the locked test."""
    primary, guards = primary_part(trial), guardrail_part(trial)
    per_arm = max(primary["tasks_per_arm"], *(line["tasks_per_arm"] or 0 for line in guards))
    return {
        "format_version": FORMAT_VERSION,
        "plan_id": plan.plan_id,
        "scenario": plan.scenario.name,
        "question": f"is the tuned model no worse than {trial.incumbent} by more than {100 * trial.margin:.1f} points?",
        "precondition": "every gate of this run passed (account/verdict.json says ships)",
        "arms": {
            "control": {"name": trial.incumbent, "share": 1 - TUNED_SPLIT_SHARE},
            "tuned": {"name": f"tuned {plan.base_model.name} {tuned_sha256[:12]}", "share": TUNED_SPLIT_SHARE},
        },
        "assigned_by": ASSIGNED_BY,
        "primary": primary,
        "superiority": superiority_part(trial, tuned),
        "offline": {"value": tuned.value, "low": tuned.low, "high": tuned.high, "metric": plan.gate.metric},
        "guardrails": guards,
        "tasks_per_arm": per_arm,
        "duration": duration_part(trial, 2 * per_arm),
        "ramp": [{"tuned_share": share, "days": days, "what": what} for share, days, what in RAMP],
        "split_alpha": SPLIT_ALPHA_SHARE,
        "usd_per_task": {"control": trial.incumbent_usd_per_task, "tuned": trial.tuned_usd_per_task},
        "stop_rules": stop_rules(),
        "rollback": rollback_steps(trial),
        "results": results_form(),
    }


def results_form() -> Mapping[str, str]:
    """Return what a line of the results file holds; only `arm`, and `success` on judged tasks, are needed."""
    return {
        "arm": "control or tuned",
        "success": "true or false, as judged; left out where nobody judged the task",
        "error": "true or false: no usable answer came",
        "latency_ms": "milliseconds until the whole answer",
        "usd": "what the task cost",
        "unsafe": "true or false: flagged as unsafe",
        "id": "the task's own name, so that none is counted twice",
    }
