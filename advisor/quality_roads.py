"""What wrong answers are expected to cost, on every road whose success was scored: beside its cost, or inside it.

Rule 1  An error's price enters the comparison only where both sides were scored: else the unscored side would look free
        of errors. It is then in the cost of every road, and a road that nobody scored has no price.
Rule 2  Otherwise the expected loss is shown beside the cost, and says why it is not inside.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from advisor import economics as eco
from advisor.ground import Ground
from advisor.map import Map
from advisor.options import Option, Unpriced
from advisor.quality import error_loss_usd_per_month
from pricing.figure import Figure, derive

ERROR: Final = "quality.error_usd"


def counts_errors(map_: Map) -> bool:
    """Say whether an error's price is inside the costs: it is above nought, and both sides were scored."""
    scored = map_.success.hosted is not None and map_.success.tuned is not None
    price = map_.ground.leaves.get(ERROR)
    return scored and price is not None and price.value > 0


def loss(ground: Ground, option: Option, success: Figure) -> Figure:
    """Return the expected loss of a road by month."""
    return derive(
        f"{option.key}.errors",
        error_loss_usd_per_month,
        error_usd=ground[ERROR],
        success_share=success,
        demand_tasks_per_month=ground.demand,
    )


def with_loss(ground: Ground, option: Option, success: Figure) -> Option:
    """Return the road with the expected loss in its monthly cost."""
    running = derive(
        f"{option.key}.with_errors",
        eco.total_usd_per_month,
        paid_usd_per_month=option.running,
        errors_usd_per_month=loss(ground, option, success),
    )
    lifetime = derive(
        f"{option.key}.lifetime", eco.lifetime_cost_usd, upfront_usd=option.upfront, running_usd_per_month=running
    )
    return replace(option, running=running, lifetime=lifetime)


def price_errors(map_: Map, options: Sequence[Option]) -> tuple[list[Option], list[Unpriced]]:
    """Return every road with its errors in its cost, and those that nobody scored as not priced."""
    scored = [(option, option.success) for option in options if option.success is not None]
    why = "its answers were not scored, and errors have a price here; score them against the target"
    left_out = [Unpriced(option.key, option.title, why) for option in options if option.success is None]
    return [with_loss(map_.ground, option, success) for option, success in scored], left_out
