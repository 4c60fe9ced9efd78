"""Roads on cards of one's own or rented: tuned or as the model comes, and at a cost that somebody claims."""

from dataclasses import replace

from advisor import economics as eco
from advisor import hosting as places
from advisor import option_costs as costs
from advisor.answer import Answer
from advisor.hosted_roads import overlap
from advisor.map import LOCAL, RULED_OUT, Map, NotAssessedError, known, leaf
from advisor.options import Hosting, Learning, Option, own
from advisor.price_paths import card_rent, path_note
from pricing.figure import Figure, assumed, derive
from pricing.names import PriceError
from pricing.prices import GpuPrice, required


def may_rent(map_: Map) -> None:
    """Raise NotAssessedError where the data may not leave, and nobody says that a rented card may hold it."""
    constraints = map_.scenario.constraints
    if constraints.data_may_leave is Answer.NO and constraints.rented_may_hold_data is not Answer.YES:
        message = "the data may not leave, and nobody says that a rented card may hold it; see constraints"
        raise NotAssessedError(message)


def rent(map_: Map, card: str, *, spot: bool = False) -> GpuPrice:
    """Return the cheapest firm offer of one card, of the scenario's providers where it names any."""
    may_rent(map_)
    if card == RULED_OUT:
        message = "the card is ruled out in candidates"
        raise NotAssessedError(message)
    offers: list[GpuPrice] = []
    reasons: list[str] = []
    for provider in map_.scenario.constraints.providers or (None,):
        try:
            offers.append(map_.book.gpu(card, map_.as_of, provider=provider, spot=spot, cards=1))
        except PriceError as reason:
            reasons.append(str(reason))
    if not offers:
        raise NotAssessedError("; ".join(reasons))
    return min(offers, key=lambda offer: offer.usd_per_gpu_hour.value)


def training_rate(map_: Map) -> Figure:
    """Return USD per hour of the training machine: the local figure, or the cheapest firm offer of the card."""
    if map_.physics.training_card == LOCAL:
        return leaf(map_.ground, "local_machine.usd_per_hour")
    return card_rent(map_, rent(map_, map_.physics.training_card).usd_per_hour)


def learning(map_: Map) -> Learning:
    """Return what one training run on an own or rented machine costs."""
    run = derive(
        "training.run",
        eco.training_run_usd,
        run_hours=known(map_.physics.run_hours),
        machine_usd_per_hour=training_rate(map_),
    )
    return Learning(run, overlap(map_))


def serving_card(map_: Map) -> str:
    """Return the card to rent; raise NotAssessedError where the local machine is asked for."""
    if map_.physics.serving_card == LOCAL:
        message = "serving on the local machine is asked for; name a card in candidates.serving_card to compare"
        raise NotAssessedError(message)
    return map_.physics.serving_card


def interrupted(map_: Map, key: str, rate: Figure) -> Figure:
    """Return a spot card's rent with the work that interruptions undo."""
    return derive(f"{key}.rate", costs.interrupted_usd_per_gpu_hour, rent_usd_per_gpu_hour=card_rent(map_, rate),
                  interruption_ratio=map_.ground["serving.interruption"])  # fmt: skip


def waiting_rate(map_: Map, key: str) -> Figure | None:
    """Return the spot rent for work that can wait, or None where the scenario leaves it on the same cards."""
    if map_.ground.batchable_on != "spot" or not map_.ground["traffic.batchable_share"].value:
        return None
    try:
        offer = rent(map_, serving_card(map_), spot=True)
    except NotAssessedError as reason:
        message = f"{reason}; or set traffic.batchable_on: trough"
        raise NotAssessedError(message) from None
    return interrupted(map_, f"{key}.spot", offer.usd_per_gpu_hour)


def tuned_rented(map_: Map) -> Option:
    """Return a tuned model on rented cards, on demand."""
    offer = rent(map_, serving_card(map_))
    if map_.ground.scaling == "serverless":
        message = "traffic.scaling asks for serverless cards: see that road, or set autoscale"
        raise NotAssessedError(message)
    capacity = known(map_.physics.rented_capacity)
    rate = card_rent(map_, offer.usd_per_gpu_hour)
    place = places.rented(map_.ground, "tuned_rented", capacity, rate, waiting_rate(map_, "tuned_rented"))
    title = f"Own tuned model, rented {offer.card} ({offer.provider})"
    made = own(map_.ground, "tuned_rented", title, place, learning(map_), map_.success.tuned)
    return replace(made, notes=(*made.notes, *chosen(map_), *path_note(map_)))


def chosen(map_: Map) -> tuple[str, ...]:
    """Return the note on cards that the scenario leaves open and the advisor chose."""
    named = map_.scenario.candidates
    left_open = [
        f"{card} to {work}"
        for card, stated, work in (
            (map_.physics.training_card, named.training_card, "train"),
            (map_.physics.serving_card, named.serving_card, "serve"),
        )
        if stated is None
    ]
    return (f"chosen here as the cheapest that fits: {', '.join(left_open)}",) if left_open else ()


def tuned_spot(map_: Map) -> Option:
    """Return a tuned model on spot cards, where the scenario says that cards may be taken away."""
    card = serving_card(map_)
    if map_.scenario.traffic.interruptible is not Answer.YES:
        message = (
            "nobody says that cards may be taken away while they work; set traffic.interruptible: true if they may"
        )
        raise NotAssessedError(message)
    offer = rent(map_, card, spot=True)
    rate = interrupted(map_, "tuned_spot", offer.usd_per_gpu_hour)
    place = places.rented(map_.ground, "tuned_spot", known(map_.physics.rented_capacity), rate)
    title = f"Own tuned model, spot {offer.card} ({offer.provider})"
    made = own(map_.ground, "tuned_spot", title, place, learning(map_), map_.success.tuned)
    kept = "spot: answers wait while a card is replaced, and a training run there needs its checkpoints"
    return replace(made, notes=(*made.notes, kept, *path_note(map_)))


def tuned_reserved(map_: Map) -> Option:
    """Return a tuned model on cards reserved for a term, which is paid to its end even where the task ends sooner."""
    serving_card(map_)
    may_rent(map_)
    rate, term, notes = reserved(map_)
    place = places.rented(map_.ground, "tuned_reserved", known(map_.physics.rented_capacity), rate, fixed=True)
    rest = derive(
        "tuned_reserved.purchase",
        costs.unexpired_usd,
        rent_usd_per_month=place.monthly,
        lifetime_months=map_.ground.horizon,
        commitment_months=term,
    )
    place = place._replace(purchase=rest)
    title = f"Own tuned model, reserved {map_.physics.serving_card}"
    made = own(map_.ground, "tuned_reserved", title, place, learning(map_), map_.success.tuned)
    return replace(made, notes=(*made.notes, f"paid for {float(term.value):g} months, used or not", *notes))


def reserved(map_: Map) -> tuple[Figure, Figure, tuple[str, ...]]:
    """Return rent, term and a note of a reserved card: as the scenario states it, else what the price book knows."""
    stated = map_.ground.leaves.get("serving.reserved_usd_per_gpu_hour")
    if stated is not None:
        return stated, leaf(map_.ground, "serving.commitment_months"), ()
    offers = map_.book.gpu_offers(map_.physics.serving_card, map_.as_of)
    known_offers = [offer for offer in offers if offer.term_months]
    if not known_offers:
        message = f"no reserved price of {map_.physics.serving_card} is known; ask for an offer and state "
        raise NotAssessedError(message + "serving.reserved_usd_per_gpu_hour")
    best = known_offers[0]
    term = assumed(f"{best.name}.term", best.term_months, "months", "the term of that price")
    return best.usd_per_gpu_hour, term, (f"{best.name}: what such contracts go for, not an offer to this team",)


def tuned_local(map_: Map) -> Option:
    """Return a tuned model on the local machine at its hourly figure."""
    leaf(map_.ground, "local_machine.usd_per_hour")
    place = places.local(map_.ground, "tuned_local", known(map_.physics.local_capacity))
    return own(map_.ground, "tuned_local", "Own tuned model, local machine", place, learning(map_), map_.success.tuned)


def tuned_owned(map_: Map) -> Option:
    """Return a tuned model on bought cards; price and draw are the book's where the scenario states none."""
    card = map_.scenario.candidates.owned_card
    if card is None:
        message = "no card to buy is named; set candidates.owned_card"
        raise NotAssessedError(message)
    path = "candidates.owned_card"
    notes: tuple[str, ...] = ()
    capex, watts = (map_.ground.leaves.get(f"{path}.{name}") for name in ("capex_usd", "watts"))
    if capex is None or watts is None:
        price = map_.book.purchase(card.card)
        capex = capex or price.capex_usd
        watts = watts or required(price, "power_watts")
        notes = (f"price or draw of the card from the price book ({price.price_kind}); the server around it is extra",)
    leaf(map_.ground, f"{path}.usd_per_kwh")
    place = places.owned(map_.ground, "tuned_owned", known(map_.physics.owned_capacity), capex, watts)
    title = f"Own tuned model, bought {card.card}"
    made = own(map_.ground, "tuned_owned", title, place, learning(map_), map_.success.tuned)
    return replace(made, notes=(*made.notes, *notes))


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
    offer = rent(map_, serving_card(map_))
    rate = card_rent(map_, offer.usd_per_gpu_hour)
    place = places.rented(map_.ground, "base_rented", known(map_.physics.base_capacity), rate,
                          waiting_rate(map_, "base_rented"))  # fmt: skip
    made = own(map_.ground, "base_rented", f"Open base model, rented {offer.card}", place, None, None)
    return replace(made, notes=("its quality on this task is not measured", *made.notes))
