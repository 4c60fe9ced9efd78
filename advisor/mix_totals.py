"""Sums of a mix over its tasks: what each way costs, when it has repaid itself, how many answers are wrong. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from advisor.advice import PricesPart
from advisor.balance import number
from advisor.mix_money import cents, summed
from advisor.mix_records import MixCostRecord, MixErrorsRecord, MixTaskRecord, MixTotalRecord
from advisor.mix_roads import Judged, ways_of
from advisor.mix_sharing import Months, monthly
from advisor.options import Option
from advisor.results import finite
from advisor.returns import payback_months

WAYS: Final = {
    "today": "As it is today",
    "recommended": "This mix",
    "all_hosted": "All hosted, levers used",
    "all_tuned": "All tuned",
}


class Shared(NamedTuple):
    """A task on shared cards in the place of its own: the road, its lifetime cost in cents, its cost by month."""

    road: Option
    lifetime: Decimal
    running: Months


def months_to_repay(key: str, judged: Sequence[Judged], shared: Mapping[str, Shared]) -> float | None:
    """Return the months until one way's lower bills have repaid its up-front money; None: nothing spent, or never."""
    todays, roads = ([ways_of(one)[way] for one in judged] for way in ("today", key))
    before = [road for road in todays if road is not None]
    after = [road for road in roads if road is not None]
    if len(before) + len(after) < 2 * len(judged) or not (upfront := sum(number(road.upfront) for road in after)):
        return None
    bills = [
        shared[one.part.name].running if key == "recommended" and one.part.name in shared else monthly(road.running)
        for one, road in zip(judged, after, strict=True)
    ]
    saved = np.sum([monthly(road.running) for road in before], axis=0) - np.sum(bills, axis=0)
    return finite(float(payback_months(saved, upfront)))


def total(
    key: str, tasks: Sequence[MixTaskRecord], months: float, requests: float | None, repaid_months: float | None
) -> MixTotalRecord:
    """Return the sum of one way over all tasks; `repaid_months` is the months until its up-front money is back."""
    ways: list[MixCostRecord] = [getattr(task, key) for task in tasks]
    whole = summed([None if way.lifetime_usd is None else cents(way.lifetime_usd) for way in ways])
    upfront = summed([None if way.upfront_usd is None else cents(way.upfront_usd) for way in ways])
    today = summed([None if task.today.lifetime_usd is None else cents(task.today.lifetime_usd) for task in tasks])
    missing = [f"{task.name}: {way.why}" for task, way in zip(tasks, ways, strict=True) if way.lifetime_usd is None]
    return MixTotalRecord(
        key=key,
        title=WAYS[key],
        lifetime_usd=None if whole is None else float(whole),
        upfront_usd=None if upfront is None else float(upfront),
        average_usd_per_month=None if whole is None else float(whole) / months,
        usd_per_request=None if whole is None or not requests else float(whole) / requests,
        saving_share=None if whole is None or not today else float(1 - whole / today),
        payback_months=repaid_months,
        missing=tuple(missing),
    )


def errors(tasks: Sequence[MixTaskRecord], requests: float | None) -> MixErrorsRecord | None:
    """Return wrong answers per 1,000 requests, over tasks scored on both sides; None without requests or scores."""
    scored = [t for t in tasks if None not in (t.errors_today_per_month, t.errors_recommended_per_month)]
    if not requests or not scored:
        return None
    return MixErrorsRecord(
        today_per_thousand=1000 * sum(task.errors_today_per_month or 0.0 for task in scored) / requests,
        recommended_per_thousand=1000 * sum(task.errors_recommended_per_month or 0.0 for task in scored) / requests,
        scored=tuple(task.name for task in scored),
        unscored=tuple(task.name for task in tasks if task not in scored),
    )


def lifetime_requests(judged: Sequence[Judged], requests: float | None) -> float | None:
    """Return the requests of the whole horizon, or None where none are stated or the tasks grow apart."""
    lengths = {round(number(o.made.ground.tasks) / number(o.made.ground["volume.tasks_per_month"]), 9) for o in judged}
    return requests * lengths.pop() if requests and len(lengths) == 1 else None


def prices_of(parts: Sequence[PricesPart]) -> PricesPart:
    """Return the ages of all prices in use, from each task's own."""
    days = [day for part in parts for day in (part.oldest, part.newest) if day is not None]
    return PricesPart(
        digest=parts[0].digest,
        oldest=min(days, default=None),
        newest=max(days, default=None),
        stale=tuple(sorted({name for part in parts for name in part.stale})),
    )
