"""Roads on cards that others use too: billed by the second, or one base replica with many adapters on it."""

from dataclasses import replace
from typing import Final

from advisor import hosting as places
from advisor import option_costs as costs
from advisor import traffic
from advisor.map import Map, NotAssessedError, known, leaf
from advisor.options import Hosting, Option, own
from advisor.own_roads import learning, may_rent, rent, serving_card
from advisor.price_paths import card_rent
from pricing.entries import ColdStart
from pricing.figure import Figure, assumed, derive
from pricing.lookup import is_firm
from pricing.prices import ServerlessPrice

APART: Final = assumed(
    "serving.adapter_slowdown", 1.15, "ratio", "adapters kept apart from the weights add two thin products a layer; "
    "merged they add none (R062)", 1.02, 1.5,
)  # fmt: skip
NO_START: Final = assumed("serverless.free_start", 0, "seconds", "the vendor does not bill the start")
NO_MINIMUM: Final = assumed("serverless.no_minimum", 0, "seconds", "no least bill of one start is published")


def sleeping_offer(map_: Map, card: str) -> ServerlessPrice:
    """Return the cheapest firm offer of a card whose vendor says that it stops billing when idle."""
    offers = map_.book.serverless_offers(card, map_.as_of)
    sleeping = [offer for offer in offers if offer.scale_to_zero and offer.count == 1 and is_firm(offer)]
    if not sleeping:
        message = f"no vendor in the price book serves one {card} by use and says that it stops billing when idle"
        raise NotAssessedError(f"{message}; name another card in candidates.serving_card")
    return sleeping[0]


def tuned_serverless(map_: Map) -> Option:
    """Return a tuned model on cards billed by use: cold starts, idle waits and the vendor's billing step counted."""
    card = serving_card(map_)
    may_rent(map_)
    price = sleeping_offer(map_, card)
    idle, start = waits(map_, price)
    place = places.serverless(map_.ground, "tuned_serverless", known(map_.physics.rented_capacity),
                              card_rent(map_, price.usd_per_gpu_hour), idle, start)  # fmt: skip
    title = f"Own tuned model, serverless {card} ({price.provider})"
    made = own(map_.ground, "tuned_serverless", title, place, learning(map_), map_.success.tuned)
    seconds = float(map_.ground["traffic.start_seconds"].value)
    note = f"the first answer after a pause waits about {seconds:.0f} s for a card"
    return replace(made, notes=(*made.notes, note))


def waits(map_: Map, price: ServerlessPrice) -> tuple[Figure, Figure]:
    """Return how long an idle worker is billed, and what a start adds: the vendor's terms where the book has them."""
    idle = price.idle_timeout_seconds or map_.ground["traffic.idle_seconds"]
    start = derive(
        "tuned_serverless.start",
        traffic.start_seconds,
        loading_seconds=NO_START if price.cold_start is ColdStart.FREE else map_.ground["traffic.start_seconds"],
        step_seconds=price.billed_seconds,
        minimum_seconds=price.minimum_seconds or NO_MINIMUM,
    )
    return idle, start


def tuned_adapter(map_: Map) -> Option:
    """Return the tuned model as an adapter on a base replica that other tasks' adapters use: its share of the load."""
    ground, key = map_.ground, "tuned_adapter"
    offer = rent(map_, serving_card(map_))
    others = leaf(ground, "serving.shared_tasks_per_month")
    everyone = derive(
        f"{key}.everyone",
        costs.everyones_tasks_per_month,
        own_tasks_per_month=ground.demand,
        other_tasks_per_month=others,
        calendar_share=ground.calendar,
    )
    capacity = derive(f"{key}.capacity", costs.slowed_tasks_per_hour, slowdown_ratio=APART,
                      capacity_tasks_per_hour=known(map_.physics.rented_capacity))  # fmt: skip
    whole = places.rented(ground, key, capacity, card_rent(map_, offer.usd_per_gpu_hour), demand=everyone)
    share = derive(f"{key}.share", costs.shared_usd_per_month, whole_usd_per_month=whole.monthly,
                   own_tasks_per_month=ground.demand, all_tasks_per_month=everyone)  # fmt: skip
    title = f"Own adapter on a shared {offer.card} ({offer.provider})"
    place = Hosting(None, share, whole.fluid, whole.billed)
    made = own(ground, key, title, place, learning(map_), map_.success.tuned)
    note = f"its share of the load of a base model that {float(others.value):,.0f} other tasks a month use too"
    return replace(made, notes=(*made.notes, note))
