"""Cards that serve an own model: rented by the hour, a local machine at an hourly figure, or bought."""

from typing import NamedTuple

from advisor import economics as eco
from advisor import traffic
from advisor.ground import Ground
from advisor.options import Hosting
from pricing.figure import Figure, assumed, derive

ONE_CARD = assumed("cards_per_replica", 1, "count", "one card holds a whole replica")
NO_FLOOR = assumed("serving.no_floor", 0, "replicas", "traffic.scaling is scale_to_zero: the last replica stops too")
NOTHING_WAITS = assumed("traffic.nothing_waits", 0, "share", "what can wait is on spot cards, not on these")


class Fleet(NamedTuple):
    """Replicas by month: the work in whole capacities (fluid), and the mean number that is billed."""

    fluid: Figure
    billed: Figure


def peak(ground: Ground, key: str, demand: Figure, *, waits: bool) -> Figure:
    """Return the load that capacity is bought for: the busiest hour, less the work that waits for the trough."""
    busiest = derive(
        f"{key}.peak",
        eco.peak_tasks_per_hour,
        demand_tasks_per_month=demand,
        busy_hours_per_month=ground["serving.hours_per_month"],
        peak_to_mean_ratio=ground["volume.peak_to_mean"],
        calendar_share=ground.calendar,
    )
    if not waits or not ground["traffic.batchable_share"].value:
        return busiest
    return derive(
        f"{key}.urgent_peak",
        traffic.urgent_tasks_per_hour,
        peak_tasks_per_hour=busiest,
        peak_to_mean_ratio=ground["volume.peak_to_mean"],
        batchable_share=ground["traffic.batchable_share"],
    )


def fleet(ground: Ground, key: str, capacity: Figure, demand: Figure | None = None, *, fixed: bool = False) -> Fleet:
    """Return the replicas of a demand (the ground's own if None) under the scenario's scaling; `fixed`: static."""
    demand = demand or ground.demand
    waits = ground.batchable_on == "trough"
    scaling = "static" if fixed else ground.scaling
    fluid = derive(
        f"{key}.load",
        traffic.fluid_replicas,
        demand_tasks_per_month=demand,
        busy_hours_per_month=ground["serving.hours_per_month"],
        capacity_tasks_per_hour=capacity,
        calendar_share=ground.calendar,
    )
    static = derive(
        f"{key}.replicas",
        eco.staircase_replicas,
        peak_tasks_per_hour=peak(ground, key, demand, waits=waits),
        capacity_tasks_per_hour=capacity,
        headroom_ratio=ground["serving.headroom"],
        floor_replicas=ground["serving.floor_replicas"],
        calendar_share=ground.calendar,
    )
    if scaling == "static":
        return Fleet(fluid, static)
    shape = {"curve_ratio": ground.curve[0], "curve_share": ground.curve[1]}
    following = derive(
        f"{key}.following",
        traffic.following_replicas,
        fluid_replicas=fluid,
        static_replicas=static,
        **shape,
        headroom_ratio=ground["serving.headroom"],
        reaction_ratio=ground["traffic.reaction"],
        floor_replicas=NO_FLOOR if scaling == "scale_to_zero" else ground["serving.floor_replicas"],
        batchable_share=ground["traffic.batchable_share"] if waits else NOTHING_WAITS,
        calendar_share=ground.calendar,
    )
    if scaling != "scale_to_zero":
        return Fleet(fluid, following)
    sleeping = derive(
        f"{key}.sleeping",
        traffic.sleeping_replicas,
        following_replicas=following,
        fluid_replicas=fluid,
        **shape,
        arrivals_tasks_per_second=arrivals(ground, key, demand),
        idle_seconds=ground["traffic.idle_seconds"],
        start_seconds=ground["traffic.start_seconds"],
    )
    return Fleet(fluid, sleeping)


def arrivals(ground: Ground, key: str, demand: Figure) -> Figure:
    """Return requests a second at the mean load."""
    return derive(
        f"{key}.arrivals",
        traffic.mean_tasks_per_second,
        demand_tasks_per_month=demand,
        busy_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )


def card_bill(ground: Ground, name: str, replicas: Figure, rent: Figure, cards: Figure = ONE_CARD) -> Figure:
    """Return the month's rent of so many replicas; `rent` in usd_per_gpu_hour."""
    return derive(
        name,
        eco.rent_usd_per_month,
        staircase_replicas=replicas,
        cards_per_replica_count=cards,
        rent_usd_per_gpu_hour=rent,
        billed_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )


def rented(
    ground: Ground,
    key: str,
    capacity: Figure,
    rent: Figure,
    spot: Figure | None = None,
    *,
    demand: Figure | None = None,
    fixed: bool = False,
) -> Hosting:
    """Return rented cards, billed while they run; `rent` in usd_per_gpu_hour.

    `spot` (with its interruptions) bills the work that can wait, where the scenario puts it on spot cards.
    """
    whole = demand or ground.demand
    kept = whole
    share = ground["traffic.batchable_share"]
    if spot is not None and share.value:
        kept = derive(f"{key}.urgent", traffic.remaining_tasks_per_month, demand_tasks_per_month=whole,
                      batchable_share=share)  # fmt: skip
    made = fleet(ground, key, capacity, kept, fixed=fixed)
    bill = card_bill(ground, f"{key}.rent", made.billed, rent)
    if spot is None or kept is whole:
        return Hosting(None, bill, made.fluid, made.billed)
    later = derive(
        f"{key}.waiting_load",
        traffic.waiting_replicas,
        demand_tasks_per_month=whole,
        busy_hours_per_month=ground["serving.hours_per_month"],
        capacity_tasks_per_hour=capacity,
        batchable_share=share,
        calendar_share=ground.calendar,
    )
    waiting = card_bill(ground, f"{key}.waiting", later, spot)
    both = derive(f"{key}.cards", eco.total_usd_per_month, rent_usd_per_month=bill, waiting_usd_per_month=waiting)
    return Hosting(None, both, made.fluid, made.billed)


def serverless(ground: Ground, key: str, capacity: Figure, rent: Figure, idle: Figure, start: Figure) -> Hosting:
    """Return cards billed by use: work with its headroom, cold starts and idle waits; `rent` in usd_per_gpu_hour."""
    fluid = fleet(ground, key, capacity, fixed=True).fluid
    billed = derive(
        f"{key}.workers",
        traffic.serverless_replicas,
        fluid_replicas=fluid,
        headroom_ratio=ground["serving.headroom"],
        arrivals_tasks_per_second=arrivals(ground, key, ground.demand),
        idle_seconds=idle,
        start_seconds=start,
        calendar_share=ground.calendar,
    )
    return Hosting(None, card_bill(ground, f"{key}.rent", billed, rent), fluid, billed)


def local(ground: Ground, key: str, capacity: Figure) -> Hosting:
    """Return machines at the scenario's own hourly figure (power and depreciation)."""
    made = fleet(ground, key, capacity, fixed=True)
    monthly = derive(
        f"{key}.machines",
        eco.machine_usd_per_month,
        staircase_replicas=made.billed,
        machine_usd_per_hour=ground["local_machine.usd_per_hour"],
        billed_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )
    return Hosting(None, monthly, made.fluid, made.billed)


def owned(ground: Ground, key: str, capacity: Figure, capex: Figure, watts: Figure) -> Hosting:
    """Return bought cards: purchase less residual, then power and space; raises UnknownQuantityError."""
    made = fleet(ground, key, capacity, fixed=True)
    steps = made.billed
    purchase = derive(
        f"{key}.purchase",
        eco.purchase_usd,
        staircase_replicas=steps,
        capex_usd=capex,
        residual_usd=ground["candidates.owned_card.residual_usd"],
        lifetime_months=ground.horizon,
        card_life_months=ground["candidates.owned_card.life_months"],
    )
    power = derive(
        f"{key}.power",
        eco.power_usd_per_month,
        staircase_replicas=steps,
        card_watts=derive(f"{key}.watts", traffic.site_watts, card_watts=watts,
                          pue_ratio=ground["candidates.owned_card.pue"]),
        power_usd_per_kwh=ground["candidates.owned_card.usd_per_kwh"],
        billed_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )  # fmt: skip
    space = derive(
        f"{key}.space",
        eco.space_cost_usd_per_month,
        staircase_replicas=steps,
        space_usd_per_month=ground["candidates.owned_card.space_usd_per_month"],
        calendar_share=ground.calendar,
    )
    monthly = derive(f"{key}.upkeep", eco.total_usd_per_month, power_usd_per_month=power, space_usd_per_month=space)
    return Hosting(purchase, monthly, made.fluid, made.billed)
