"""Every way to get the task done, as one cost model over months: up-front, then a running cost for each month.

Rule 1  An option that cannot be priced is `Unpriced`, with its reason and remedy; it is shown, and never guessed.
Rule 2  Hosted and own options share the same calendar, demand and day of prices (R016).
Rule 3  Serving is part of every own option; so are operation, retraining, failed attempts and the A/B overlap.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from advisor import economics as eco
from advisor import option_costs as costs
from advisor import traffic
from advisor.ground import Ground
from pricing.figure import Figure, assumed, derive


@dataclass(frozen=True)
class Option:
    """One priced road. `upfront` and `lifetime` in usd, `running` in usd_per_month (one value a month).

    Where cards serve it: their utilisation over the lifetime, and the usd_per_million_tokens of a full replica.
    `proven`: a road of other models whose own trials reach the target, so that it counts as equal to today's.
    """

    key: str
    title: str
    trains: bool
    hosted: bool
    upfront: Figure
    running: Figure
    lifetime: Figure
    success: Figure | None = None
    ends_on: date | None = None
    notes: tuple[str, ...] = ()
    utilisation: Figure | None = None
    full_price: Figure | None = None
    proven: bool = False


class Unpriced(NamedTuple):
    """A road that is not assessed, why, and what would let it be."""

    key: str
    title: str
    why: str


class TokenPrices(NamedTuple):
    """Prices of one model by the token, all in usd_per_million_tokens."""

    input: Figure
    cached: Figure
    output: Figure


class Hosting(NamedTuple):
    """How an own model is served: bought up front (or None), what it costs each month, its load and billed replicas."""

    purchase: Figure | None
    monthly: Figure
    fluid: Figure | None = None
    billed: Figure | None = None


class Learning(NamedTuple):
    """What training costs: one run's machine or vendor bill, and today's hosted cost per task for the A/B overlap."""

    run_usd: Figure
    overlap_usd_per_task: Figure


NOTHING = assumed("nothing_upfront", 0, "usd", "nothing is spent before the first task")


def finish(
    key: str, title: str, upfront: Figure, running: Figure, *, trains: bool, hosted: bool, success: Figure | None
) -> Option:
    """Return the option with its lifetime cost derived."""
    lifetime = derive(f"{key}.lifetime", eco.lifetime_cost_usd, upfront_usd=upfront, running_usd_per_month=running)
    return Option(key, title, trains, hosted, upfront, running, lifetime, success)


def per_task(ground: Ground, key: str, prices: TokenPrices, input_tokens: Figure) -> Figure:
    """Return what one task costs at these token prices."""
    return derive(
        f"{key}.per_task",
        eco.token_cost_usd_per_task,
        input_tokens_per_task=input_tokens,
        cached_tokens_per_task=ground["tokens.cached_input"],
        output_tokens_per_task=ground["tokens.output"],
        input_usd_per_million_tokens=prices.input,
        cached_usd_per_million_tokens=prices.cached,
        output_usd_per_million_tokens=prices.output,
    )


def token_bill(ground: Ground, key: str, cost: Figure) -> Figure:
    """Return the monthly bill of tasks at a cost each."""
    return derive(
        f"{key}.bill", eco.token_bill_usd_per_month, cost_usd_per_task=cost, demand_tasks_per_month=ground.demand
    )


def hosted(
    ground: Ground,
    key: str,
    title: str,
    prices: TokenPrices,
    success: Figure | None,
    input_tokens: Figure | None = None,
) -> Option:
    """Return an option paid by the token, with nothing up front; today's whole prompt where no other is given."""
    bill = token_bill(ground, key, per_task(ground, key, prices, input_tokens or ground["tokens.input"]))
    return finish(key, title, NOTHING, bill, trains=False, hosted=True, success=success)


def build_cost(ground: Ground, key: str, learning: Learning | None, purchase: Figure | None) -> Figure:
    """Return the up-front money: build labour; with training also data, evaluation, all attempts, the A/B overlap."""
    parts: dict[str, Figure] = {
        "build_usd": derive(
            f"{key}.build",
            eco.labour_usd,
            work_hours=ground["people.build_hours"],
            wage_usd_per_hour=ground["people.usd_per_hour"],
        )
    }
    if learning is not None:
        attempts = ground["training.attempts"]
        for part in ("label_usd", "synthetic_usd", "evaluate_usd", "safety_usd"):
            parts[part.replace("label_", "labels_")] = ground[f"people.{part}"]
        parts["attempts_usd"] = derive(
            f"{key}.attempts", eco.attempts_usd, training_usd=learning.run_usd, attempts_count=attempts
        )
        parts["overlap_usd"] = derive(
            f"{key}.overlap",
            eco.overlap_usd,
            cost_usd_per_task=learning.overlap_usd_per_task,
            start_tasks_per_month=ground["volume.tasks_per_month"],
            overlap_months=ground["serving.ab_months"],
        )
    if purchase is not None:
        parts["purchase_usd"] = purchase
    return derive(f"{key}.upfront", eco.total_usd, **parts)


def running_cost(ground: Ground, key: str, serving: Figure, learning: Learning | None) -> Figure:
    """Return serving, operation and retraining by month."""
    wage = ground["people.usd_per_hour"]
    parts = {
        "serving_usd_per_month": serving,
        "operation_usd_per_month": derive(
            f"{key}.operation",
            eco.operation_usd_per_month,
            work_hours_per_month=ground["people.operate_hours_per_month"],
            wage_usd_per_hour=wage,
            calendar_share=ground.calendar,
        ),
    }
    if learning is not None:
        work = derive(
            f"{key}.retrain_work",
            costs.retraining_work_usd,
            work_hours=ground["people.retrain_hours"],
            wage_usd_per_hour=wage,
            labels_usd=ground["people.label_usd"],
            relabel_share=ground["people.relabel_share"],
        )
        parts["retraining_usd_per_month"] = derive(
            f"{key}.retraining",
            eco.retrainings_usd_per_month,
            retrain_every_months=ground["people.retrain_every_months"],
            work_usd=work,
            training_usd=learning.run_usd,
            calendar_share=ground.calendar,
        )
    return derive(f"{key}.running", eco.total_usd_per_month, **parts)


def own(
    ground: Ground, key: str, title: str, hosting: Hosting, learning: Learning | None, success: Figure | None
) -> Option:
    """Return an option served on cards of one's own or rented, trained or as it comes."""
    upfront = build_cost(ground, key, learning, hosting.purchase)
    serving = hosting.monthly
    if ground["serving.storage_usd_per_month"].value:
        stored = derive(f"{key}.storage", eco.claimed_cost_usd_per_month, calendar_share=ground.calendar,
                        claimed_usd_per_month=ground["serving.storage_usd_per_month"])  # fmt: skip
        serving = derive(f"{key}.held", eco.total_usd_per_month, cards_usd_per_month=serving,
                         storage_usd_per_month=stored)  # fmt: skip
    running = running_cost(ground, key, serving, learning)
    made = finish(key, title, upfront, running, trains=learning is not None, hosted=False, success=success)
    return made if hosting.fluid is None or hosting.billed is None else with_use(ground, made, hosting)


def with_use(ground: Ground, made: Option, hosting: Hosting) -> Option:
    """Return the option with its utilisation, the price of a full replica, and what decides its bill."""
    if hosting.fluid is None or hosting.billed is None:
        return made
    key = made.key
    use = derive(f"{key}.utilisation", traffic.utilisation_share, fluid_replicas=hosting.fluid,
                 billed_replicas=hosting.billed, calendar_share=ground.calendar)  # fmt: skip
    bought = NOTHING if hosting.purchase is None else hosting.purchase
    spent = derive(f"{key}.serving", eco.lifetime_cost_usd, upfront_usd=bought, running_usd_per_month=hosting.monthly)
    each = derive(
        f"{key}.serving_per_task", eco.unit_cost_usd_per_task, lifetime_cost_usd=spent, lifetime_tasks=ground.tasks
    )
    full = derive(
        f"{key}.full_price",
        traffic.usage_price_usd_per_million_tokens,
        serving_usd_per_task=each,
        utilisation_share=use,
        input_tokens_per_task=ground.tuned_input if made.trains else ground["tokens.input"],
        output_tokens_per_task=ground["tokens.output"],
    )
    load = float(np.asarray(hosting.fluid.value, dtype=float)[0])
    used, price = (float(np.asarray(figure.value, dtype=float).reshape(-1)[0]) for figure in (use, full))
    note = traffic.regime(load, used, price)
    return replace(made, utilisation=use, full_price=full, notes=(*made.notes, note))
