"""What looking things up costs, on every road that still does: tuning shapes how a model answers, not what it knows.

Rule 1  Retrieval or tools that are paid for today are paid for on every road with today's prompt (R011).
Rule 2  A tuned model keeps them too, unless the scenario says that it needs them no more.
"""

from dataclasses import replace

from advisor import economics as eco
from advisor.answer import Answer
from advisor.ground import Ground
from advisor.options import Option
from pricing.figure import derive

PER_TASK, PER_MONTH = "retrieval.usd_per_task", "retrieval.usd_per_month"
KEPT = "retrieval is counted as staying; set retrieval.stays_after_tuning: false if the tuned model needs none"


def with_retrieval(ground: Ground, made: Option, stays: Answer) -> Option:
    """Return the road with its lookups and its store, where they are paid for; unchanged where nothing is."""
    if not (ground[PER_TASK].value or ground[PER_MONTH].value) or (made.trains and stays is Answer.NO):
        return made
    looked_up = derive(
        f"{made.key}.lookups",
        eco.token_bill_usd_per_month,
        cost_usd_per_task=ground[PER_TASK],
        demand_tasks_per_month=ground.demand,
    )
    stored = derive(
        f"{made.key}.store",
        eco.claimed_cost_usd_per_month,
        claimed_usd_per_month=ground[PER_MONTH],
        calendar_share=ground.calendar,
    )
    running = derive(
        f"{made.key}.with_retrieval",
        eco.total_usd_per_month,
        road_usd_per_month=made.running,
        lookups_usd_per_month=looked_up,
        store_usd_per_month=stored,
    )
    lifetime = derive(
        f"{made.key}.lifetime", eco.lifetime_cost_usd, upfront_usd=made.upfront, running_usd_per_month=running
    )
    notes = (*made.notes, KEPT) if made.trains and stays is Answer.UNKNOWN else made.notes
    return replace(made, running=running, lifetime=lifetime, notes=notes)
