"""Cards that serve an own model: rented by the hour, a local machine at an hourly figure, or bought."""

from advisor import economics as eco
from advisor.ground import Ground
from advisor.options import Hosting
from pricing.figure import Figure, assumed, derive

ONE_CARD = assumed("cards_per_replica", 1, "count", "one card holds a whole replica")


def replicas(ground: Ground, key: str, capacity: Figure) -> Figure:
    """Return whole replicas by month: the staircase over the demand of the busiest hour."""
    busiest = derive(
        f"{key}.peak",
        eco.peak_tasks_per_hour,
        demand_tasks_per_month=ground.demand,
        busy_hours_per_month=ground["serving.hours_per_month"],
        peak_to_mean_ratio=ground["volume.peak_to_mean"],
        calendar_share=ground.calendar,
    )
    return derive(
        f"{key}.replicas",
        eco.staircase_replicas,
        peak_tasks_per_hour=busiest,
        capacity_tasks_per_hour=capacity,
        headroom_ratio=ground["serving.headroom"],
        floor_replicas=ground["serving.floor_replicas"],
        calendar_share=ground.calendar,
    )


def rented(ground: Ground, key: str, capacity: Figure, rent: Figure, cards: Figure = ONE_CARD) -> Hosting:
    """Return rented cards, billed around the clock; `rent` in usd_per_gpu_hour."""
    monthly = derive(
        f"{key}.rent",
        eco.rent_usd_per_month,
        staircase_replicas=replicas(ground, key, capacity),
        cards_per_replica_count=cards,
        rent_usd_per_gpu_hour=rent,
        billed_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )
    return Hosting(None, monthly)


def local(ground: Ground, key: str, capacity: Figure) -> Hosting:
    """Return machines at the scenario's own hourly figure (power and depreciation)."""
    monthly = derive(
        f"{key}.machines",
        eco.machine_usd_per_month,
        staircase_replicas=replicas(ground, key, capacity),
        machine_usd_per_hour=ground["local_machine.usd_per_hour"],
        billed_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )
    return Hosting(None, monthly)


def owned(ground: Ground, key: str, capacity: Figure) -> Hosting:
    """Return bought cards: purchase less residual, then power and space; raises UnknownQuantityError."""
    steps = replicas(ground, key, capacity)
    purchase = derive(
        f"{key}.purchase",
        eco.purchase_usd,
        staircase_replicas=steps,
        capex_usd=ground["candidates.owned_card.capex_usd"],
        residual_usd=ground["candidates.owned_card.residual_usd"],
        lifetime_months=ground.horizon,
        card_life_months=ground["candidates.owned_card.life_months"],
    )
    power = derive(
        f"{key}.power",
        eco.power_usd_per_month,
        staircase_replicas=steps,
        card_watts=ground["candidates.owned_card.watts"],
        power_usd_per_kwh=ground["candidates.owned_card.usd_per_kwh"],
        billed_hours_per_month=ground["serving.hours_per_month"],
        calendar_share=ground.calendar,
    )
    space = derive(
        f"{key}.space",
        eco.space_cost_usd_per_month,
        staircase_replicas=steps,
        space_usd_per_month=ground["candidates.owned_card.space_usd_per_month"],
        calendar_share=ground.calendar,
    )
    monthly = derive(f"{key}.upkeep", eco.total_usd_per_month, power_usd_per_month=power, space_usd_per_month=space)
    return Hosting(purchase, monthly)
