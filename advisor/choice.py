"""Which card, where the scenario names none: the cheapest firm offer of a card that the run, or the replica, fits."""

from collections.abc import Callable
from datetime import date

from advisor.catalog import Card, cards
from advisor.estimates import fits, setup_of
from advisor.memory import training_memory
from advisor.replica import ServingFault, replica_capacity
from advisor.scenario import Scenario
from advisor.shape import ModelShape
from pricing.names import PriceError
from pricing.table import PriceBook

LARGEST_CARD = "H200"
"""Taken where nothing fits: the report then says what does not fit, instead of nothing at all."""


def cheapest_card(book: PriceBook, as_of: date, suits: Callable[[Card], bool]) -> str:
    """Return the name of the cheapest single card on offer that suits, or LARGEST_CARD if none does."""
    offers: list[tuple[float, str]] = []
    for card in cards().values():
        if suits(card):
            try:
                price = book.gpu(card.name, as_of, cards=1).usd_per_gpu_hour.value
            except PriceError:
                continue
            offers.append((float(price), card.name))
    return min(offers, default=(0.0, LARGEST_CARD))[1]


def serves(scenario: Scenario, shape: ModelShape, card: Card) -> bool:
    """Say whether one card holds the model and a request."""
    tokens = scenario.tokens.input.value, scenario.tokens.output.value
    if None in tokens:
        return False
    try:
        replica_capacity(
            shape, card, input_tokens_per_task=float(tokens[0] or 0), output_tokens_per_task=float(tokens[1] or 0)
        )
    except ServingFault:
        return False
    return True


def choose_cards(scenario: Scenario, shape: ModelShape, book: PriceBook, as_of: date) -> tuple[str, str]:
    """Return the training and the serving card: as named, else the cheapest that fits; `run` trains in bfloat16."""
    chosen = scenario.candidates
    training, serving = chosen.training_card, chosen.serving_card
    if training is None:
        memory = training_memory(shape, setup_of(scenario))
        training = cheapest_card(book, as_of, lambda card: card.native_bf16 and fits(memory, card) is None)
    if serving is None:
        serving = cheapest_card(book, as_of, lambda card: serves(scenario, shape, card))
    return training, serving
