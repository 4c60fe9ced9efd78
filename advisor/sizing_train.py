"""One row of a training question to one row of an answer: memory, speed, and hours and dollars of so many tokens.

Columns are those of the reference tables, and `tokens`, or `rows`, `epochs` and `mean_tokens`; `measured_tokens_per_s`
(all cards together) replaces the forecast speed. A row that cannot be answered says why in `error`.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from advisor import sizing
from advisor.catalog import Card
from advisor.columns import Reader, Row, RowFault, training_setup
from advisor.memory import training_memory
from advisor.memory_intervals import MemoryEstimate
from advisor.memory_setup import Method, TrainingSetup
from advisor.shape import ModelShape
from advisor.training import TrainingSpeed, training_speed, training_usd
from advisor.training_columns import fill_of, kernels_of
from advisor.training_run import Extra, billed_cards, run_hours, run_tokens, run_usd, whole_speed, with_interval
from pricing.figure import Figure, assumed, measured

RUN_COLUMNS: Final = ("run_tokens", "hours", "hours_low", "hours_high", "usd", "usd_low", "usd_high", "offer")
MEASURED_SPREAD: Final = 0.05
"""Of a measured speed, where no interval is stated: the same step repeats within some per cent on the same machine."""


class Offer(NamedTuple):
    """Cards let by the hour: who, which instance, how many cards it has, and the price of one."""

    provider: str
    instance: str
    cards: int
    usd_per_gpu_hour: Figure

    @property
    def text(self) -> str:
        """Return who lets it, at what price, checked when."""
        on = self.usd_per_gpu_hour.origin.on
        seen = f", seen {on}" if on else ""
        return f"{self.provider} {self.instance} {float(self.usd_per_gpu_hour.value):.2f} USD / GPU-hour{seen}"


Offers = Callable[[str], Sequence[Offer]]
"""Card name to its firm offers, the cheapest first; empty where none is known."""


def tokens_of(row: Row) -> float | None:
    """Return the tokens of a row's run: stated, or rows times epochs times mean tokens; None where nothing is said."""
    reader = Reader(row)
    stated, rows = reader.number("tokens", 0, least=0), reader.number("rows", 0, least=0)
    epochs, mean = reader.number("epochs", 1, least=0), reader.number("mean_tokens", 0, least=0)
    if rows and not mean and not stated:
        reader.faults.append("rows is given without mean_tokens, wanted both, or tokens")
    reader.done()
    return stated or run_tokens(rows, epochs, mean) or None


def measured_speed(row: Row) -> Figure | None:
    """Return the measured speed a row states for all its cards together, with its interval."""
    reader = Reader(row)
    value = reader.number("measured_tokens_per_s", 0, least=0)
    low = reader.number("measured_low", value * (1 - MEASURED_SPREAD), least=0)
    high = reader.number("measured_high", value * (1 + MEASURED_SPREAD), least=0)
    reader.done()
    if not value:
        return None
    return measured("run.speed", value, "tokens_per_second", "as measured by the asker", low=low, high=high)


def cheapest_first(offers: Sequence[Offer], cards: int) -> list[Offer]:
    """Return offers by what an hour of so many cards costs in whole instances, the cheapest first."""
    return sorted(offers, key=lambda offer: float(offer.usd_per_gpu_hour.value) * billed_cards(cards, offer.cards))


def usd_of(hours: Figure, offer: Offer, cards: int) -> Figure:
    """Return what a run costs on an offer, in whole instances."""
    return run_usd(hours, offer.usd_per_gpu_hour, billed_cards(cards, offer.cards))


def offers_for(row: Row, card: Card, offers: Offers) -> Sequence[Offer]:
    """Return the price a row states, or the offers of the price book."""
    stated = Reader(row).number("usd_per_gpu_hour", 0, least=0)
    if not stated:
        return offers(card.name)
    return [Offer("stated", "", 1, assumed("run.price", stated, "usd_per_gpu_hour", "stated in the question"))]


class Training(NamedTuple):
    """One answered question: what is trained where, its speed and memory, and hours where tokens are known."""

    shape: ModelShape
    card: Card
    setup: TrainingSetup
    speed: TrainingSpeed
    memory: MemoryEstimate
    tokens: float | None
    hours: Figure | None
    measured: bool


def training_of(row: Row) -> Training:
    """Return the answer to a row that names a model and a card; raises one of sizing.FAULTS."""
    reader = Reader(row)
    shape = sizing.model_of(reader.text("model"))
    card = sizing.card_of(reader.text("gpu"))
    extra = Extra(reader.number("eval_tokens", 0, least=0), int(reader.number("checkpoints", 1, least=0)))
    reader.done()
    setup = training_setup(row, shape.family)
    if setup.method is Method.INFERENCE:
        raise RowFault("method is inference, wanted a training method; use `advise serve` for speed of inference")
    speed = training_speed(shape, card, setup, fill_of(row, setup), kernels_of(row))
    tokens, known = tokens_of(row), measured_speed(row)
    hours = None if tokens is None else run_hours(shape, setup, whole_speed(speed, setup.cards, known), tokens, extra)
    return Training(shape, card, setup, speed, training_memory(shape, setup), tokens, hours, known is not None)


def run_answer(found: Training, offers: Sequence[Offer]) -> dict[str, str | float]:
    """Return the run columns; none where no tokens were given, no usd where there is no price."""
    if found.hours is None or found.tokens is None:
        return {}
    hours = with_interval(found.hours)
    answer: dict[str, str | float] = {"run_tokens": found.tokens} | _three("hours", hours)
    for offer in cheapest_first(offers, found.setup.cards)[:1]:
        price, billed = float(offer.usd_per_gpu_hour.value), billed_cards(found.setup.cards, offer.cards)
        answer |= _three("usd", [training_usd(number, price, billed) for number in hours]) | {"offer": offer.text}
    return answer


def _three(name: str, numbers: Sequence[float]) -> dict[str, str | float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), (float(f"{n:.4g}") for n in numbers), strict=True))


def answer_row(row: Row, offers: Offers) -> dict[str, str | float]:
    """Return the row with memory, speed, run columns and `error` added; blank where there is no answer."""
    blank: dict[str, str | float] = dict.fromkeys((*sizing.MEMORY_COLUMNS, *sizing.SPEED_COLUMNS, *RUN_COLUMNS), "")
    try:
        if not Reader(row).text("gpu"):
            raise RowFault("gpu is '', wanted a card, for example A100-SXM-80")
        found = training_of(row)
        more = run_answer(found, offers_for(row, found.card, offers))
    except sizing.FAULTS as fault:
        return {**row, **blank, "error": str(fault)}
    return {
        **row,
        **blank,
        **sizing.memory_answer(found.memory),
        **sizing.speed_answer(found.speed),
        **more,
        "error": "",
    }
