"""What a road is made from, and how it says that it cannot be priced."""

from datetime import date
from typing import NamedTuple

from advisor.ground import Ground
from advisor.scenario import Scenario
from pricing.figure import Figure
from pricing.table import PriceBook

LOCAL = "local"
RULED_OUT = "none"
ASSUMED_MODEL = "meta-llama/Llama-3.1-8B"
"""Where no base model is named: the field's usual starting size, 7 to 13 billion parameters (R060)."""


class NotAssessedError(LookupError):
    """A road that cannot be priced; the message is the reason with its remedy."""


class Physics(NamedTuple):
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


class Success(NamedTuple):
    """Measured success shares, where there are trials: today's road, a smaller hosted model, and a tuned pilot."""

    hosted: Figure | None
    smaller: Figure | None
    tuned: Figure | None


class Map(NamedTuple):
    """Everything a road is made from."""

    scenario: Scenario
    ground: Ground
    book: PriceBook
    as_of: date
    physics: Physics
    success: Success


def base_name(map_: Map) -> str:
    """Return the base model's name as the scenario gives it, or the one that is assumed."""
    return map_.scenario.candidates.base_model or ASSUMED_MODEL


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
