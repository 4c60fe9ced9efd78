"""From a scenario, a price book and the physics to every road: each priced, or not priced with its reason.

A missing price or an unknown quantity ends its own road only; the reason it gives is what the report prints.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from advisor import economics as eco
from advisor import hosting as places
from advisor.answer import Answer
from advisor.ground import Ground
from advisor.options import Hosting, Learning, Option, TokenPrices, Unpriced, hosted, hosted_tuned, own
from advisor.quantity import UnknownQuantityError
from advisor.scenario import Scenario
from pricing.entries import Crosscheck
from pricing.figure import Figure, assumed, derive
from pricing.names import PriceError
from pricing.prices import ApiPrice, GpuPrice, TuningPrice, required
from pricing.table import PriceBook

LOCAL = "local"
RULED_OUT = "none"
DAYS_PER_MONTH = 365.25 / 12  # mean month of the Gregorian calendar


class NotAssessedError(LookupError):
    """A road that cannot be priced; the message is the reason with its remedy."""


@dataclass(frozen=True, slots=True)
class Physics:
    """What the machines do: hours of one training run, and tasks per hour of a replica by where it stands.

    Each is a figure, or the reason why there is none.
    """

    run_hours: Figure | str
    base_capacity: Figure | str
    rented_capacity: Figure | str
    local_capacity: Figure | str
    owned_capacity: Figure | str
    training_card: str
    serving_card: str


@dataclass(frozen=True, slots=True)
class Success:
    """Measured success shares, where there are trials: today's road, a smaller hosted model, and a tuned pilot."""

    hosted: Figure | None
    smaller: Figure | None
    tuned: Figure | None


@dataclass(frozen=True, slots=True)
class Map:
    """Everything a road is made from."""

    scenario: Scenario
    ground: Ground
    book: PriceBook
    as_of: date
    physics: Physics
    success: Success


def known(figure: Figure | str) -> Figure:
    """Return the figure; raise NotAssessedError with the reason where there is none."""
    if isinstance(figure, str):
        raise NotAssessedError(figure)
    return figure


def leaf(ground: Ground, path: str) -> Figure:
    """Return a scenario figure; raise NotAssessedError naming the field where it is unknown."""
    if path not in ground.leaves:
        message = f"{path} is not stated; state it in the scenario"
        raise NotAssessedError(message)
    return ground[path]


def token_prices(ground: Ground, price: ApiPrice) -> TokenPrices:
    """Return the prices one task meets: the long-context tier where its input is over the threshold."""
    long = price.long_context_over_tokens
    over = long is not None and float(ground["tokens.input"].value) > long
    prefix = "long_" if over else ""
    fresh = required(price, f"{prefix}input_usd_per_million_tokens")
    cached = fresh  # no long-context price of cached tokens is published: the dearer one
    if ground["tokens.cached_input"].value and not over:
        cached = required(price, "cached_input_usd_per_million_tokens")
    return TokenPrices(fresh, cached, required(price, f"{prefix}output_usd_per_million_tokens"))


def end_of_horizon_month(map_: Map, end: date) -> float:
    """Return how many months of the horizon pass before `end`."""
    return (end - map_.as_of).days / DAYS_PER_MONTH


def hosted_today(map_: Map) -> Option:
    """Return the road of changing nothing; a shutdown inside the horizon is noted, because it forces a move."""
    price = map_.book.api(map_.scenario.today.model, map_.as_of)
    made = hosted(map_.ground, "hosted_today", f"Hosted today: {price.model}", token_prices(map_.ground, price),
                  map_.success.hosted)  # fmt: skip
    notes = ["a second price list differs from this one"] if price.crosscheck is Crosscheck.DIFFER else []
    if price.shutdown:
        notes.append(f"the vendor switches this model off on {price.shutdown}")
    return replace(made, ends_on=price.shutdown, notes=tuple(notes))


def hosted_batch(map_: Map) -> Option:
    """Return the same model at batch prices, where answers may take a day."""
    if map_.scenario.constraints.delay_tolerant is not Answer.YES:
        message = "answers are not said to tolerate delay; set constraints.delay_tolerant: true if they do"
        raise NotAssessedError(message)
    price = map_.book.api(map_.scenario.today.model, map_.as_of)
    if price.long_context_over_tokens and float(map_.ground["tokens.input"].value) > price.long_context_over_tokens:
        message = f"{price.name} publishes no batch price for over {price.long_context_over_tokens:,} input tokens"
        raise NotAssessedError(message)
    fresh = required(price, "batch_input_usd_per_million_tokens")
    prices = TokenPrices(fresh, fresh, required(price, "batch_output_usd_per_million_tokens"))
    return hosted(map_.ground, "hosted_batch", "Hosted, batch prices", prices, map_.success.hosted)


def hosted_smaller(map_: Map) -> Option:
    """Return a smaller hosted model; a note says where its quality on this task is not measured."""
    name = map_.scenario.candidates.smaller_hosted
    if name in (None, RULED_OUT):
        message = "no smaller hosted model is named; set candidates.smaller_hosted"
        raise NotAssessedError(message)
    price = map_.book.api(str(name), map_.as_of)
    prices, success = token_prices(map_.ground, price), map_.success.smaller
    made = hosted(map_.ground, "hosted_smaller", f"Smaller hosted: {price.model}", prices, success)
    return made if success else replace(made, notes=("its quality on this task is not measured",))


def overlap(map_: Map) -> Figure:
    """Return today's hosted cost per task, paid twice over in the A/B period."""
    return hosted_today(map_).running.inputs["cost_usd_per_task"]


def tuned_inference(map_: Map, price: TuningPrice) -> TokenPrices:
    """Return a tuned model's token prices, through the base model's own where the vendor says they are the same."""
    if price.inference_input_usd_per_million_tokens is None and price.inference_same_as:
        same = map_.book.api(price.inference_same_as, map_.as_of)
        return token_prices(map_.ground, same)
    fresh = required(price, "inference_input_usd_per_million_tokens")
    cached = fresh
    if map_.ground["tokens.cached_input"].value:
        cached = required(price, "inference_cached_input_usd_per_million_tokens")
    return TokenPrices(fresh, cached, required(price, "inference_output_usd_per_million_tokens"))


def hosted_tuning(map_: Map) -> Option:
    """Return tuning and serving at a vendor; refused where new jobs are closed or it ends inside the horizon."""
    name = map_.scenario.candidates.hosted_tuning
    if name in (None, RULED_OUT):
        message = "no vendor model is named to tune; set candidates.hosted_tuning"
        raise NotAssessedError(message)
    price = map_.book.tuning(str(name), map_.as_of)
    if price.new_jobs_until and price.new_jobs_until < map_.as_of:
        message = f"{price.name} takes no new tuning jobs since {price.new_jobs_until}"
        raise NotAssessedError(message)
    horizon = float(map_.ground.horizon.value)
    if price.inference_until and end_of_horizon_month(map_, price.inference_until) < horizon:
        message = f"{price.name} is switched off on {price.inference_until}, inside the {horizon:g} months"
        raise NotAssessedError(message)
    tokens = derive(
        "hosted_tuning.tokens",
        eco.training_tokens,
        rows_examples=leaf(map_.ground, "data.rows"),
        input_tokens_per_task=map_.ground.leaves.get("tokens.tuned_input", map_.ground["tokens.input"]),
        output_tokens_per_task=map_.ground["tokens.output"],
    )
    run = derive(
        "hosted_tuning.run",
        eco.hosted_training_usd,
        train_tokens=tokens,
        epochs_count=assumed("training.epochs", map_.scenario.training.epochs, "count", "the scenario's settings"),
        training_usd_per_million_tokens=required(price, "training_usd_per_million_tokens"),
    )
    learning = Learning(run, overlap(map_))
    title = f"Hosted fine-tune: {price.name}"
    fee = price.hosting_usd_per_hour
    charged = fee if fee is not None and fee.value else None
    prices = tuned_inference(map_, price)
    made = hosted_tuned(map_.ground, title, prices, charged, learning, map_.success.tuned)
    return replace(made, ends_on=price.inference_until, notes=tuple(tuning_notes(price)))


def tuning_notes(price: TuningPrice) -> list[str]:
    """Return the terms that the numbers leave out, and until when the model can be tuned again."""
    notes = [terms for terms in (price.hosting_terms, price.fee_terms) if terms]
    if price.new_jobs_until:
        notes.append(f"no retraining after {price.new_jobs_until}: the vendor takes no new jobs")
    return notes


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


ROADS: tuple[tuple[str, str, Callable[[Map], Option]], ...] = (
    ("hosted_today", "Hosted today", hosted_today),
    ("hosted_batch", "Hosted, batch prices", hosted_batch),
    ("hosted_smaller", "A smaller hosted model", hosted_smaller),
    ("hosted_tuning", "Hosted fine-tune", hosted_tuning),
    ("base_rented", "Open base model on rented cards", base_rented),
    ("tuned_rented", "Own tuned model on rented cards", tuned_rented),
    ("tuned_local", "Own tuned model on the local machine", tuned_local),
    ("tuned_owned", "Own tuned model on bought cards", tuned_owned),
    ("tuned_claimed", "Own tuned model at a claimed monthly cost", tuned_claimed),
)


LEAVE_THE_HOUSE = frozenset({"hosted_batch", "hosted_smaller", "hosted_tuning"})
"""Roads that hand the data to a model vendor; hosted_today stays in the table for comparison only."""
FOR_COMPARISON = "for comparison only: the data may not leave"


def survey(map_: Map) -> tuple[list[Option], list[Unpriced]]:
    """Return every road, priced where it can be."""
    priced: list[Option] = []
    left_out: list[Unpriced] = []
    stays = map_.scenario.constraints.data_may_leave is Answer.NO
    for key, title, road in ROADS:
        if stays and key in LEAVE_THE_HOUSE:
            left_out.append(Unpriced(key, title, "the data may not leave"))
            continue
        try:
            made = road(map_)
            barred = stays and key == "hosted_today"
            priced.append(replace(made, notes=(*made.notes, FOR_COMPARISON)) if barred else made)
        except (NotAssessedError, PriceError, UnknownQuantityError) as reason:
            left_out.append(Unpriced(key, title, str(reason)))
    return priced, left_out
