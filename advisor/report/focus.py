"""The forecast of one road as FOCUS rows: what its bills would say, marked as an estimate, never as billed.

Which road: the one that the verdict takes. Where it trains, the cheapest that does; else today's.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from advisor.advice import Advice, FigureRecord
from advisor.report.months import bill_name, by_month
from advisor.verdict import TRAINING_VERDICTS
from pricing.focus import Charge, to_csv
from pricing.paths import month_start
from pricing.units import TOKENS_PER_PRICE_UNIT

OURSELVES = "own organisation"
TOKENS = ("AI and Machine Learning", "Generative AI")
CARDS = ("Compute", "Virtual Machines")
PEOPLE = ("Other", "Other (Other)")


class Line(NamedTuple):
    """One kind of charge over the months: `quantity` in `unit`, `price` in usd for one unit, each one a month."""

    what: str
    provider: str
    kind: tuple[str, str]
    unit: str
    quantity: list[float]
    price: list[float]


Figures = Mapping[str, FigureRecord]


def of(figures: Figures, figure: FigureRecord, parameter: str, months: int) -> list[float]:
    """Return an input's values by month; a single number is the same in every month."""
    values = by_month(figures[figure.inputs[parameter]])
    return values if len(values) == months else values * months


def provider(name: str) -> str:
    """Return the vendor in a price's name (`price.api.openai/gpt.input_usd...`), or ourselves."""
    return name.split(".")[2].partition("/")[0] if name.startswith("price.") else OURSELVES


def priced_by(figures: Figures, name: str) -> str:
    """Return the vendor of the first quoted price at or below a figure."""
    if name.startswith("price.") or not figures[name].inputs:
        return provider(name)
    found = (priced_by(figures, below) for below in figures[name].inputs.values())
    return next((one for one in found if one != OURSELVES), OURSELVES)


def token_lines(figures: Figures, name: str) -> Iterator[Line]:
    """Yield input, cached and output tokens of a bill by the token; one line of tasks where it is put together."""
    bill = figures[name]
    months = len(by_month(bill))
    tasks = of(figures, bill, "demand_tasks_per_month", months)
    each = figures[bill.inputs["cost_usd_per_task"]]
    seller = priced_by(figures, bill.inputs["cost_usd_per_task"])
    if each.note != "token_cost_usd_per_task":
        yield Line(name, seller, TOKENS, "Tasks", tasks, of(figures, bill, "cost_usd_per_task", months))
        return
    sent, cached, answered = (of(figures, each, f"{part}_tokens_per_task", months) for part in PARTS)
    held = [min(pair) for pair in zip(cached, sent, strict=True)]
    fresh = [a - b for a, b in zip(sent, held, strict=True)]
    for part, tokens in zip(PARTS, (fresh, held, answered), strict=True):
        price = of(figures, each, f"{part}_usd_per_million_tokens", months)
        quantity = [a * b / TOKENS_PER_PRICE_UNIT for a, b in zip(tasks, tokens, strict=True)]
        yield Line(f"{name}: {part} tokens", seller, TOKENS, f"{TOKENS_PER_PRICE_UNIT} Tokens", quantity, price)


PARTS = ("input", "cached", "output")


def product(*quantities: list[float]) -> list[float]:
    """Return rows of numbers multiplied month by month."""
    total = [1.0] * len(quantities[0])
    for row in quantities:
        total = [a * b for a, b in zip(total, row, strict=True)]
    return total


def hour_lines(unit: str, kind: tuple[str, str], price: str, *counts: str) -> Callable[[Figures, str], Iterator[Line]]:
    """Return what reads a bill by the hour: the inputs that multiply to hours, and the one that is their price."""

    def read(figures: Figures, name: str) -> Iterator[Line]:
        figure = figures[name]
        months = len(by_month(figure))
        hours = product(*(of(figures, figure, count, months) for count in counts))
        seller = priced_by(figures, figure.inputs[price])
        yield Line(name, seller, kind, unit, hours, of(figures, figure, price, months))

    return read


def sum_lines(figures: Figures, name: str) -> Iterator[Line]:
    """Yield the lines of every part of a sum."""
    for below in figures[name].inputs.values():
        yield from lines_of(figures, below)


BILLED = ("billed_hours_per_month", "calendar_share")
READERS: Mapping[str, Callable[[Figures, str], Iterator[Line]]] = {
    "total_usd": sum_lines,
    "total_usd_per_month": sum_lines,
    "token_bill_usd_per_month": token_lines,
    "labour_usd": hour_lines("Hours", PEOPLE, "wage_usd_per_hour", "work_hours"),
    "operation_usd_per_month": hour_lines(
        "Hours", PEOPLE, "wage_usd_per_hour", "work_hours_per_month", "calendar_share"
    ),
    "rent_usd_per_month": hour_lines(
        "GPU-Hours", CARDS, "rent_usd_per_gpu_hour", "staircase_replicas", "cards_per_replica_count", *BILLED
    ),
    "machine_usd_per_month": hour_lines("Hours", CARDS, "machine_usd_per_hour", "staircase_replicas", *BILLED),
}
"""Formula of a figure to what takes it apart; anything else is one line of money."""
NOT_BILLED = {"error_loss_usd_per_month"}
"""Formulas of losses that nobody sends a bill for."""
BOUGHT = {"overlap_usd": TOKENS, "attempts_usd": CARDS, "training_run_usd": CARDS}
"""Formulas of money that goes to one vendor whole."""


def lines_of(figures: Figures, name: str) -> Iterator[Line]:
    """Yield the charges that a figure is made of."""
    figure = figures[name]
    if figure.note in NOT_BILLED:
        return
    if figure.note in READERS and figure.inputs:
        yield from READERS[figure.note](figures, name)
        return
    amounts = by_month(figure)
    kind = BOUGHT.get(figure.note, PEOPLE)
    seller = priced_by(figures, name) if figure.note in BOUGHT else OURSELVES
    yield Line(name, seller, kind, "Units", [1.0] * len(amounts), amounts)


def taken(advice: Advice) -> str:
    """Return the key of the road that the verdict takes; raises ValueError where no road is priced."""
    if not advice.options:
        message = "no road is priced, so there is no forecast; see what is not priced"
        raise ValueError(message)
    trained = [option for option in advice.options if option.trains]
    if advice.verdict.code in TRAINING_VERDICTS and trained:
        return min(trained, key=lambda option: option.lifetime_usd).key
    return advice.options[0].key


def moment(day: date) -> datetime:
    """Return the day's first second, UTC."""
    return datetime.combine(day, time(), UTC)


def charges(advice: Advice) -> Iterator[Charge]:
    """Yield every charge that is not nought: up-front money in the first month, then month by month."""
    key = taken(advice)
    figures = advice.figures
    upfront = figures[f"{key}.lifetime"].inputs["upfront_usd"]
    for line in lines_of(figures, upfront):
        yield from placed(advice, key, line, purchase=True)
    for line in lines_of(figures, bill_name(advice, key)):
        yield from placed(advice, key, line, purchase=False)


def placed(advice: Advice, key: str, line: Line, *, purchase: bool) -> Iterator[Charge]:
    """Yield one line's charges, each in its month."""
    for month, (quantity, price) in enumerate(zip(line.quantity, line.price, strict=True)):
        if not quantity * price:
            continue
        span = moment(month_start(advice.as_of, month)), moment(month_start(advice.as_of, month + 1))
        amount = Decimal(repr(quantity))
        tokens = line.unit == f"{TOKENS_PER_PRICE_UNIT} Tokens"
        yield Charge(
            description=f"Forecast: {line.what}",
            provider=line.provider,
            service="LLM API" if line.kind == TOKENS else ("GPU rental" if line.kind == CARDS else "Own work"),
            category=line.kind[0],
            subcategory=line.kind[1],
            quantity=amount,
            unit=line.unit,
            unit_price=Decimal(repr(price)),
            starts=span[0],
            ends=span[1],
            period=span,
            sku=line.what,
            meter=line.unit,
            purchase=purchase,
            consumed=amount * TOKENS_PER_PRICE_UNIT if tokens else None,
            consumed_unit="Tokens" if tokens else "",
            estimate=True,
            scenario=advice.scenario.name,
            road=key,
        )


def render(advice: Advice) -> str:
    """Return the forecast as a FOCUS file; raises ValueError where no road is priced."""
    return to_csv(charges(advice))
