"""Every way to get the task done, as one cost model over months: up-front, then a running cost for each month.

Rule 1  An option that cannot be priced is `Unpriced`, with its reason and remedy; it is shown, and never guessed.
Rule 2  Hosted and own options share the same calendar, demand and day of prices (R016).
Rule 3  Serving is part of every own option; so are operation, retraining, failed attempts and the A/B overlap.
"""

from dataclasses import dataclass
from datetime import date

from advisor import economics as eco
from advisor.ground import Ground
from pricing.figure import Figure, assumed, derive


@dataclass(frozen=True, slots=True)
class Option:
    """One priced road. `upfront` and `lifetime` in usd, `running` in usd_per_month (one value a month)."""

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


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A road that is not assessed, why, and what would let it be."""

    key: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Prices of one model by the token, all in usd_per_million_tokens."""

    input: Figure
    cached: Figure
    output: Figure


@dataclass(frozen=True, slots=True)
class Hosting:
    """How an own model is served: bought up front (or None), and what it costs each month."""

    purchase: Figure | None
    monthly: Figure


@dataclass(frozen=True, slots=True)
class Learning:
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


def hosted(ground: Ground, key: str, title: str, prices: TokenPrices, success: Figure | None) -> Option:
    """Return an option paid by the token, with nothing up front."""
    cost = per_task(ground, key, prices, ground["tokens.input"])
    bill = derive(
        f"{key}.bill", eco.token_bill_usd_per_month, cost_usd_per_task=cost, demand_tasks_per_month=ground.demand
    )
    return finish(key, title, NOTHING, bill, trains=False, hosted=True, success=success)


def build_cost(ground: Ground, key: str, learning: Learning | None, purchase: Figure | None) -> Figure:
    """Return the up-front money: build labour; with training also labels, every attempt and the A/B overlap."""
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
        parts["labels_usd"] = ground["people.label_usd"]
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
            f"{key}.retrain_work", eco.labour_usd, work_hours=ground["people.retrain_hours"], wage_usd_per_hour=wage
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
    running = running_cost(ground, key, hosting.monthly, learning)
    return finish(key, title, upfront, running, trains=learning is not None, hosted=False, success=success)


def hosted_tuned(
    ground: Ground, title: str, prices: TokenPrices, fee: Figure | None, learning: Learning, success: Figure | None
) -> Option:
    """Return a model tuned and served by a vendor: paid by the token and for being deployed, with labour like any own.

    `fee` is the vendor's usd_per_hour for one deployed model, or None where it bills none.
    """
    key = "hosted_tuning"
    input_tokens = ground.leaves.get("tokens.tuned_input", ground["tokens.input"])
    cost = per_task(ground, key, prices, input_tokens)
    bill = derive(
        f"{key}.bill", eco.token_bill_usd_per_month, cost_usd_per_task=cost, demand_tasks_per_month=ground.demand
    )
    if fee is not None:
        deployed = derive(
            f"{key}.hosting",
            eco.hosting_fee_usd_per_month,
            fee_usd_per_hour=fee,
            billed_hours_per_month=ground["serving.hours_per_month"],
            calendar_share=ground.calendar,
        )
        bill = derive(
            f"{key}.served", eco.total_usd_per_month, tokens_usd_per_month=bill, hosting_usd_per_month=deployed
        )
    upfront = build_cost(ground, key, learning, None)
    return finish(
        key, title, upfront, running_cost(ground, key, bill, learning), trains=True, hosted=True, success=success
    )
