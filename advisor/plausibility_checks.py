"""Every number of a question that can be checked against something else, and the findings for the report.

Rule 1  What is usual comes from the price book or the catalogue where they know it, else from a stated reason.
Rule 2  A default is never suspected; only what the scenario or the user's own prices state.
Rule 3  What the price book does not know is not checked here; the road that needs it says so itself.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from advisor import economics as eco
from advisor.catalog import UnknownCardError, find_card
from advisor.map import LOCAL, RULED_OUT
from advisor.plausibility import (
    SLIPS,
    Band,
    Slip,
    Suspicion,
    bill_suspicion,
    gib_suspicion,
    growth_suspicion,
    implied_tokens_per_second,
    implied_usd_per_hour,
    percent_suspicion,
    sum_suspicion,
    usual,
)
from advisor.quantity import Quantity
from advisor.scenario import Scenario
from pricing.entries import ApiEntry, Entry, GpuEntry, Layer
from pricing.names import PriceError
from pricing.prices import ApiPrice
from pricing.table import PriceBook

MACHINE: Final = Band(0.005, 150, "a small computer's power, to the dearest instance of the price book, eight B300")
WAGE: Final = Band(5, 500, "10,000 to 1,000,000 USD a year over 2,080 hours")
POWER_PRICE: Final = Band(0.01, 1, "assumed: surplus power of a dam, to three times a household's tariff in Europe")
WATTS: Final = Band(10, 2000, "assumed: a laptop's accelerator, to the largest card with its share of a server")
TOKEN_TIME: Final = Band(0.1, 6500, "measured: 0.12 to 6,244 ms in the serving rows, advisor/data")
REPLICA_SPEED: Final = Band(0.5, 1_000_000, "assumed: one slow stream; measured: 918,000 tokens/s of two GB200")
GROWTH: Final = Band(-0.2, 0.25, "assumed: from a fifteenth to fifteen times in a year")
DISCOUNT: Final = Band(0.01, 0.5, "assumed: from a state's loan to a venture's hurdle")
RUN_HOURS: Final = Band(0.005, 2000, "assumed: a test of twenty seconds, to twelve weeks")
MARGIN: Final = Band(0.03, 0.95, "assumed: below it is within the error of any price list")
LOSS: Final = Band(0.001, 0.25, "assumed: from one answer in a thousand to one in four")
CEILING: Final = Band(0, 10_000_000, "assumed: one task that costs a hundred million a year has been noticed")
CARD_SPREAD: Final = 4.0  # assumed: a card's draw or price and what is stated of it differ by less
CHEAP_RENT: Final = 0.2  # assumed: neither a term nor a friend lets a card below a fifth of the cheapest offer
DEAR_RENT: Final = 2.0  # assumed: no contract is above twice the dearest list price
DISCOUNTED: Final = 0.03  # assumed: no vendor gives more than 97 % off its own list


class Asked(NamedTuple):
    """What is checked: the scenario, the prices of the day, and the card that serves."""

    scenario: Scenario
    book: PriceBook
    as_of: date
    serving_card: str


def stated(quantity: Quantity) -> float | None:
    """Return what the scenario states, or None for a default and for unknown."""
    return None if quantity.value is None or not quantity.stated else float(quantity.value)


def today_price(asked: Asked) -> ApiPrice | None:
    """Return today's price, or None where the book has none."""
    try:
        return asked.book.api(asked.scenario.today.model, asked.as_of)
    except PriceError:
        return None


def token_usd_per_month(asked: Asked, price: ApiPrice) -> float | None:
    """Return tokens times price of the first month, or None where volume or tokens are unknown."""
    tokens, volume = asked.scenario.tokens, asked.scenario.volume.tasks_per_month.value
    if volume is None or tokens.input.value is None or tokens.output.value is None:
        return None
    cached = price.cached_input_usd_per_million_tokens or price.input_usd_per_million_tokens
    each = eco.token_cost_usd_per_task(
        float(tokens.input.value),
        float(tokens.cached_input.value or 0),
        float(tokens.output.value),
        float(price.input_usd_per_million_tokens.value),
        float(cached.value),
        float(price.output_usd_per_million_tokens.value),
    )
    return float(eco.token_bill_usd_per_month(each, float(volume)))


def bill(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield what the stated bill, or tokens times price alone, says about volume, tokens and prices."""
    price, tokens = today_price(asked), asked.scenario.tokens
    month = None if price is None else token_usd_per_month(asked, price)
    if price is None or month is None:
        return
    volume = float(asked.scenario.volume.tasks_per_month.known_value("volume.tasks_per_month"))
    paid = stated(asked.scenario.today.monthly_bill_usd)
    if paid is not None:
        yield bill_suspicion(paid, month, volume, f"tasks x tokens x price of {price.name}")
    else:
        slips = (Slip(1 / 1000, "single tasks where thousands were meant"),)
        yield usual("volume.tasks_per_month", volume, "tasks_per_month", CEILING, slips, month,
                    "USD a month of tokens times price")  # fmt: skip
    window = price.context_window_tokens
    if window:
        read = float(tokens.input.known_value("tokens.input"))
        yield usual("tokens.input", read, "tokens_per_task", Band(0, window, f"the context window of {price.name}"),
                    (), read + float(tokens.output.known_value("tokens.output")), "tokens with the answer")  # fmt: skip


def rents(asked: Asked, card: str) -> Band | None:
    """Return what an hour of a card goes for, cheapest to dearest offer in the book; None where it has none."""
    if card in (LOCAL, RULED_OUT):
        return None
    found: list[float] = []
    for spot in (False, True):
        try:
            offers = asked.book.gpu_offers(card, asked.as_of, spot=spot)
        except PriceError:
            continue
        found += [float(offer.usd_per_gpu_hour.value) for offer in offers]
    return Band(min(found), max(found), f"{len(found)} offers of {card} in the price book") if found else None


def claimed_band(asked: Asked) -> Band | None:
    """Return what an hour of the serving machine costs: as stated for a local one, else as the book lets the card."""
    machine = asked.scenario.local_machine
    if asked.serving_card != LOCAL:
        return rents(asked, asked.serving_card)
    rate = None if machine is None else stated(machine.usd_per_hour)
    return None if not rate else Band(rate, rate, "local_machine.usd_per_hour, as stated")


def serving(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield what a claimed bill, a reserved rent and a capacity imply."""
    scenario, chosen = asked.scenario, asked.scenario.serving
    claimed, hours = stated(chosen.claimed_usd_per_month), chosen.hours_per_month.value
    band = claimed_band(asked) if claimed else None
    if claimed and band and hours:
        wide = band._replace(high=band.high * CARD_SPREAD * DEAR_RENT)  # a claim may cover a node of eight
        found = usual("serving.claimed_usd_per_month", claimed, "usd_per_month", wide, (),
                      implied_usd_per_hour(claimed, 1, float(hours)), "USD an hour of the serving machine")  # fmt: skip
        yield found and found._replace(usual=band, refused=False, next_step="ask for the bill, and count its hours")
    reserved = stated(chosen.reserved_usd_per_gpu_hour)
    band = rents(asked, asked.serving_card) if reserved else None
    if reserved and band:
        usual_rent = Band(band.low * CHEAP_RENT, band.high * DEAR_RENT, f"from {band.source}")
        yield usual("serving.reserved_usd_per_gpu_hour", reserved, "usd_per_gpu_hour", usual_rent,
                    SLIPS["usd_per_hour"])  # fmt: skip
    capacity = stated(chosen.capacity_tasks_per_hour)
    size = (scenario.tokens.input_after_tuning.value or 0) + (scenario.tokens.output.value or 0)
    if capacity and size:
        yield usual("serving.capacity_tasks_per_hour", capacity, "tasks_per_hour", REPLICA_SPEED,
                    SLIPS["tasks_per_hour"], implied_tokens_per_second(capacity, float(size)),
                    "tokens a second, read and written")  # fmt: skip


def owned(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield what is odd about a card that is bought: its price, draw and power."""
    card = asked.scenario.candidates.owned_card
    if card is None:
        return
    place = "candidates.owned_card"
    try:
        draw = find_card(card.card).watts
        watts = Band(draw / CARD_SPREAD, draw * CARD_SPREAD, f"{draw:g} W of a {card.card}, give or take")
    except UnknownCardError:
        watts = WATTS
    rows = [(f"{place}.watts", card.watts, "watts", watts), (f"{place}.usd_per_kwh", card.usd_per_kwh, "usd_per_kwh",
                                                             POWER_PRICE)]  # fmt: skip
    try:
        price = float(asked.book.purchase(card.card).capex_usd.value)
        rows.append((f"{place}.capex_usd", card.capex_usd, "usd",
                     Band(price / CARD_SPREAD**2, price * CARD_SPREAD, f"{price:,.0f} USD in the book")))  # fmt: skip
    except PriceError:
        pass
    for path, quantity, unit, band in rows:
        found = stated(quantity)
        if found is not None:
            yield usual(path, found, unit, band, SLIPS[unit])


def settings(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield what is odd about rates, shares and limits, each against its own band."""
    scenario = asked.scenario
    growth = stated(scenario.volume.growth_per_month)
    if growth is not None:
        yield growth_suspicion("volume.growth_per_month", growth, GROWTH)
    finance, machine = scenario.finance, scenario.local_machine
    rows = (
        ("people.usd_per_hour", scenario.people.usd_per_hour, "usd_per_hour", WAGE, "wage"),
        ("constraints.latency_tpot_ms", scenario.constraints.latency_tpot_ms, "milliseconds", TOKEN_TIME,
         "milliseconds"),
        ("limits.hours", scenario.limits.hours, "hours", RUN_HOURS, "hours"),
        ("finance.annual_discount_rate", finance.annual_discount_rate, "share", DISCOUNT, "annual_share"),
        ("finance.meaningful_margin", finance.meaningful_margin, "share", MARGIN, "share"),
        ("finance.cost_only_margin", finance.cost_only_margin, "share", MARGIN, "share"),
        ("quality.non_inferiority_margin", scenario.quality.non_inferiority_margin, "share", LOSS, "share"),
    )  # fmt: skip
    if machine is not None:
        rows = (*rows, ("local_machine.usd_per_hour", machine.usd_per_hour, "usd_per_hour", MACHINE, "usd_per_hour"))
    for place, quantity, unit, band, slips in rows:
        found = stated(quantity)
        if found is not None:
            yield usual(place, found, unit, band, SLIPS[slips])


def claims(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield what is wrong in the sums of somebody's claims."""
    for claim in asked.scenario.claims:
        place = f"claims, {claim.what}"
        if claim.before_usd is not None and claim.after_usd is not None and claim.saving_share is not None:
            yield percent_suspicion(place, claim.before_usd, claim.after_usd, claim.saving_share)
        if claim.parts_usd and claim.total_usd is not None:
            yield sum_suspicion(place, claim.parts_usd, claim.total_usd, "usd")


def listed_beside(lines: Iterable[Entry], own: Entry) -> Iterator[Entry]:
    """Yield the lines of the same name that are not the user's own."""
    return (line for line in lines if line.layer is not Layer.OWN and line.name == own.name)


def own_tokens(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield the user's own token prices that are far from the list they replace."""
    lines = asked.book.of(ApiEntry)
    for own in [line for line in lines if line.layer is Layer.OWN and line.own]:
        for listed in listed_beside(lines, own):
            for column in own.own.columns if own.own else ():
                ours, theirs = getattr(own, column), getattr(listed, column, None)
                if isinstance(ours, Decimal) and isinstance(theirs, Decimal) and theirs:
                    band = Band(float(theirs) * DISCOUNTED, float(theirs) * CARD_SPREAD,
                                f"{theirs} on the list of {listed.name}")  # fmt: skip
                    yield usual(f"{own.place} {column}", float(ours), "usd_per_million_tokens", band,
                                SLIPS["usd_per_million_tokens"])  # fmt: skip


def own_cards(asked: Asked) -> Iterator[Suspicion | None]:
    """Yield the user's own card rents that are far from every offer of that card, and GiB that stand for GB."""
    lines = asked.book.of(GpuEntry)
    for own in [line for line in lines if line.layer is Layer.OWN and line.own]:
        others = [line for line in lines if line.layer is not Layer.OWN and line.card == own.card]
        if not others:
            continue
        each = [float(line.usd_per_hour / line.count) for line in others]
        band = Band(min(each) * CHEAP_RENT, max(each) * DEAR_RENT, f"from {len(each)} lines of {own.card} in the book")
        node = (Slip(1 / 8, "the price of a node of eight"),)
        yield usual(f"{own.place} usd_per_hour", float(own.usd_per_hour / own.count), "usd_per_gpu_hour", band,
                    (*node, *SLIPS["usd_per_hour"]))  # fmt: skip
        yield gib_suspicion(f"{own.place} memory_gb", float(own.memory_gb), float(others[0].memory_gb), "the book")


CHECKS: Final[tuple[Callable[[Asked], Iterator[Suspicion | None]], ...]] = (bill, serving, owned, settings, claims)
"""What every scenario is checked for; own prices are looked at only where there are any."""


def suspicions(asked: Asked) -> tuple[Suspicion, ...]:
    """Return every number that looks wrong; one that the scenario names in `unusual` is told and not refused."""
    checks = (*CHECKS, own_tokens, own_cards) if asked.book.own_file else CHECKS
    found = [one for check in checks for one in check(asked) if one is not None]
    right = set(asked.scenario.unusual)
    return tuple(
        one._replace(refused=one.refused and one.place not in right, confirmed=one.place in right) for one in found
    )
