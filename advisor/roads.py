"""Every road, in the order a report shows them: each priced, or not priced with its reason.

A missing price or an unknown quantity ends its own road only; the reason it gives is what the report prints.
"""

from collections.abc import Callable
from dataclasses import replace

from advisor.answer import Answer
from advisor.hosted_roads import (
    hosted_batch,
    hosted_levers,
    hosted_open,
    hosted_short,
    hosted_smaller,
    hosted_today,
)
from advisor.map import Map, NotAssessedError
from advisor.options import Option, Unpriced
from advisor.own_roads import (
    base_rented,
    tuned_claimed,
    tuned_local,
    tuned_owned,
    tuned_rented,
    tuned_reserved,
    tuned_spot,
)
from advisor.quantity import UnknownQuantityError
from advisor.retrieval import with_retrieval
from advisor.shared_roads import tuned_adapter, tuned_serverless
from advisor.vendor_tuning import hosted_tuning
from pricing.names import PriceError

ROADS: tuple[tuple[str, str, Callable[[Map], Option]], ...] = (
    ("hosted_today", "Hosted today", hosted_today),
    ("hosted_batch", "Hosted, batch prices", hosted_batch),
    ("hosted_levers", "Hosted with caching and a batch share", hosted_levers),
    ("hosted_short", "Hosted, shorter prompt", hosted_short),
    ("hosted_smaller", "A smaller hosted model", hosted_smaller),
    ("hosted_open", "The same open weights, hosted", hosted_open),
    ("hosted_tuning", "Hosted fine-tune", hosted_tuning),
    ("base_rented", "Open base model on rented cards", base_rented),
    ("tuned_rented", "Own tuned model on rented cards", tuned_rented),
    ("tuned_spot", "Own tuned model on spot cards", tuned_spot),
    ("tuned_reserved", "Own tuned model on reserved cards", tuned_reserved),
    ("tuned_serverless", "Own tuned model on serverless cards", tuned_serverless),
    ("tuned_adapter", "Own adapter on a shared base replica", tuned_adapter),
    ("tuned_local", "Own tuned model on the local machine", tuned_local),
    ("tuned_owned", "Own tuned model on bought cards", tuned_owned),
    ("tuned_claimed", "Own tuned model at a claimed monthly cost", tuned_claimed),
)


LEAVE_THE_HOUSE = frozenset(
    {"hosted_batch", "hosted_levers", "hosted_short", "hosted_smaller", "hosted_open",
     "hosted_tuning"}
)  # fmt: skip
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
            made = with_retrieval(map_.ground, road(map_), map_.scenario.retrieval.stays_after_tuning)
            barred = stays and key == "hosted_today"
            priced.append(replace(made, notes=(*made.notes, FOR_COMPARISON)) if barred else made)
        except (NotAssessedError, PriceError, UnknownQuantityError) as reason:
            left_out.append(Unpriced(key, title, str(reason)))
    return with_quality(map_, priced, left_out)


def with_quality(map_: Map, priced: list[Option], left_out: list[Unpriced]) -> tuple[list[Option], list[Unpriced]]:
    """Return the roads with the cascade that the scenario asks for, and with the price of errors where it counts."""
    if map_.scenario.handover.first != "none":
        from advisor.quality_cascade import TITLES, cascade  # noqa: PLC0415  few scenarios hand over

        word = map_.scenario.handover.first
        try:
            priced.append(cascade(map_, priced))
        except (NotAssessedError, PriceError, UnknownQuantityError) as reason:
            left_out.append(Unpriced(f"cascade_{word}", TITLES[word], str(reason)))
    if map_.scenario.quality.error_usd.known:
        from advisor.quality_roads import counts_errors, price_errors  # noqa: PLC0415  few scenarios price errors

        if counts_errors(map_):
            priced, unscored = price_errors(map_, priced)
            left_out += unscored
    return priced, left_out
