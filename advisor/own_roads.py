"""Roads on cards of one's own or rented: tuned or as the model comes, and at a cost that somebody claims."""

from dataclasses import replace

from advisor import economics as eco
from advisor import hosting as places
from advisor.answer import Answer
from advisor.hosted_roads import overlap
from advisor.map import LOCAL, RULED_OUT, Map, NotAssessedError, known, leaf
from advisor.options import Hosting, Learning, Option, own
from pricing.figure import Figure, derive
from pricing.names import PriceError
from pricing.prices import GpuPrice


def rent(map_: Map, card: str) -> GpuPrice:
    """Return the cheapest firm offer of one card, of the scenario's providers where it names any.

    Where the data may not leave, a rented card counts only if the scenario says that it may hold the data.
    """
    constraints = map_.scenario.constraints
    if constraints.data_may_leave is Answer.NO and constraints.rented_may_hold_data is not Answer.YES:
        message = "the data may not leave, and nobody says that a rented card may hold it; see constraints"
        raise NotAssessedError(message)
    if card == RULED_OUT:
        message = "the card is ruled out in candidates"
        raise NotAssessedError(message)
    offers: list[GpuPrice] = []
    reasons: list[str] = []
    for provider in constraints.providers or (None,):
        try:
            offers.append(map_.book.gpu(card, map_.as_of, provider=provider, cards=1))
        except PriceError as reason:
            reasons.append(str(reason))
    if not offers:
        raise NotAssessedError("; ".join(reasons))
    return min(offers, key=lambda offer: offer.usd_per_gpu_hour.value)


def training_rate(map_: Map) -> Figure:
    """Return USD per hour of the training machine: the local figure, or the cheapest firm offer of the card."""
    if map_.physics.training_card == LOCAL:
        return leaf(map_.ground, "local_machine.usd_per_hour")
    return rent(map_, map_.physics.training_card).usd_per_hour


def learning(map_: Map) -> Learning:
    """Return what one training run on an own or rented machine costs."""
    run = derive(
        "training.run",
        eco.training_run_usd,
        run_hours=known(map_.physics.run_hours),
        machine_usd_per_hour=training_rate(map_),
    )
    return Learning(run, overlap(map_))


def tuned_rented(map_: Map) -> Option:
    """Return a tuned model on rented cards."""
    if map_.physics.serving_card == LOCAL:
        message = "serving on the local machine is asked for; name a card in candidates.serving_card to compare"
        raise NotAssessedError(message)
    offer = rent(map_, map_.physics.serving_card)
    capacity = known(map_.physics.rented_capacity)
    place = places.rented(map_.ground, "tuned_rented", capacity, offer.usd_per_gpu_hour)
    title = f"Own tuned model, rented {offer.card} ({offer.provider})"
    return own(map_.ground, "tuned_rented", title, place, learning(map_), map_.success.tuned)


def tuned_local(map_: Map) -> Option:
    """Return a tuned model on the local machine at its hourly figure."""
    leaf(map_.ground, "local_machine.usd_per_hour")
    place = places.local(map_.ground, "tuned_local", known(map_.physics.local_capacity))
    return own(map_.ground, "tuned_local", "Own tuned model, local machine", place, learning(map_), map_.success.tuned)


def tuned_owned(map_: Map) -> Option:
    """Return a tuned model on bought cards."""
    card = map_.scenario.candidates.owned_card
    if card is None:
        message = "no card to buy is named; set candidates.owned_card"
        raise NotAssessedError(message)
    for path in ("watts", "usd_per_kwh"):
        leaf(map_.ground, f"candidates.owned_card.{path}")
    place = places.owned(map_.ground, "tuned_owned", known(map_.physics.owned_capacity))
    title = f"Own tuned model, bought {card.card}"
    return own(map_.ground, "tuned_owned", title, place, learning(map_), map_.success.tuned)


def tuned_claimed(map_: Map) -> Option:
    """Return the road at the monthly cost somebody claims: shown beside the priced ones, never used for a verdict."""
    claimed = leaf(map_.ground, "serving.claimed_usd_per_month")
    monthly = derive("tuned_claimed.rent", eco.claimed_cost_usd_per_month, claimed_usd_per_month=claimed,
                     calendar_share=map_.ground.calendar)  # fmt: skip
    place = Hosting(None, monthly)
    made = own(map_.ground, "tuned_claimed", "As claimed: own tuned model", place, learning(map_), map_.success.tuned)
    return replace(made, trains=False, notes=(premise(map_, float(claimed.value)),))


def premise(map_: Map, claimed_usd: float) -> str:
    """Return how many hours of the serving machine the claim buys, against the hours of a month."""
    hours = float(map_.ground["serving.hours_per_month"].value)
    if map_.physics.serving_card == LOCAL:
        rate, who = float(leaf(map_.ground, "local_machine.usd_per_hour").value), "the stated machine"
    else:
        offer = rent(map_, map_.physics.serving_card)
        rate, who = float(offer.usd_per_gpu_hour.value), f"{offer.card} from {offer.provider}"
    if rate == 0:
        return f"{who} is said to cost nothing, so the claim cannot be checked"
    bought = claimed_usd / rate
    told = f"{claimed_usd:g} USD buys {bought:.0f} h of {who} at {rate:g} USD/h, and a month has {hours:g} h"
    return f"premise fails: {told} ({hours * rate:.0f} USD)" if bought < hours else f"premise holds: {told}"


def base_rented(map_: Map) -> Option:
    """Return the open base model as it comes, on rented cards, with the prompt of today."""
    if map_.physics.serving_card == LOCAL:
        message = "serving on the local machine is asked for; name a card in candidates.serving_card to compare"
        raise NotAssessedError(message)
    offer = rent(map_, map_.physics.serving_card)
    place = places.rented(map_.ground, "base_rented", known(map_.physics.base_capacity), offer.usd_per_gpu_hour)
    made = own(map_.ground, "base_rented", f"Open base model, rented {offer.card}", place, None, None)
    return replace(made, notes=("its quality on this task is not measured",))
