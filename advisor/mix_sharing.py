"""Adapters of one base model on one set of replicas: what it bills, and each task's part of it.

Rule 1  The peaks are added, in replicas: tasks of one conversation are busy in the same hour.
Rule 2  Adapters are kept apart from the weights, which slows every token a little; merged they could not share.
Rule 3  Each month's bill is divided by that month's load; the parts sum to the whole to the cent.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor import economics as eco
from advisor import option_costs as costs
from advisor.advise import Considered
from advisor.balance import number
from advisor.mix_money import apportioned, cents
from advisor.options import Option
from advisor.shared_roads import APART
from pricing.figure import Figure, recompute, walk

SHAREABLE: Final = {"tuned_rented": "rent", "tuned_local": "machines"}
"""Roads whose replicas can hold several adapters, and the name of the bill below them."""

Months = NDArray[np.float64]


class Sharer(NamedTuple):
    """One task that could share: its road on cards of its own, and below it the bill, the replicas and the load."""

    task: str
    chosen: Option
    road: Option
    bill: Figure
    replicas: Figure
    load: Figure
    base: str
    where: str


class Sharing(NamedTuple):
    """A group's shared replicas: the whole bill, each sharer's part and its cost with it, and the cost apart.

    `running` is each sharer's monthly cost with its part of the shared bill.
    """

    sharers: tuple[Sharer, ...]
    replicas: float
    whole: Decimal
    parts: tuple[Decimal, ...]
    load_shares: tuple[float, ...]
    apart: Decimal
    lifetimes: tuple[Decimal, ...]
    running: tuple[Months, ...]

    @property
    def together(self) -> Decimal:
        """What the sharers cost over the horizon on the shared replicas."""
        return sum(self.lifetimes, Decimal(0))

    @property
    def used(self) -> bool:
        """True where sharing is the cheaper way."""
        return self.together < self.apart


def below(root: Figure | None, name: str) -> Figure | None:
    """Return the figure of that name below a root, or None."""
    return None if root is None else next((figure for _, figure in walk(root) if figure.name == name), None)


def monthly(figure: Figure) -> Months:
    """Return a monthly figure as an array."""
    return np.asarray(figure.value, dtype=np.float64)


def sharer(task: str, chosen: Option, made: Considered, base: str) -> Sharer | None:
    """Return how a task whose model is tuned could share, or None where its replicas follow the load or are others'."""
    for road in made.options:
        bill_name = SHAREABLE.get(road.key)
        if bill_name is None or not road.trains:
            continue
        bill = below(road.running, f"{road.key}.{bill_name}")
        load = below(road.utilisation, f"{road.key}.load")
        replicas = None if bill is None else bill.inputs.get("staircase_replicas")
        if bill is None or load is None or replicas is None or replicas.formula is not eco.staircase_replicas:
            continue
        return Sharer(task, chosen, road, bill, replicas, load, base, road.title)
    return None


def terms(one: Sharer) -> tuple[object, ...]:
    """Return what sharers must have in common: base model, machine, its prices and hours, the calendar."""
    prices = [f.value for p, f in one.bill.inputs.items() if p not in ("staircase_replicas", "calendar_share")]
    calendar = one.bill.inputs["calendar_share"]
    settled = [np.asarray(value, dtype=np.float64).tobytes() for value in prices]
    return (one.road.key, one.base, one.where, *settled, monthly(calendar).tobytes())


def groups(sharers: Sequence[Sharer]) -> list[tuple[Sharer, ...]]:
    """Return the sharers by what they have in common; a group has two or more."""
    found: dict[tuple[object, ...], list[Sharer]] = {}
    for one in sharers:
        found.setdefault(terms(one), []).append(one)
    return [tuple(group) for group in found.values() if len(group) > 1]


def peak_replicas(one: Sharer) -> Months:
    """Return a task's busiest hour in capacities of one replica, by month."""
    inputs = one.replicas.inputs
    return monthly(inputs["peak_tasks_per_hour"]) / number(inputs["capacity_tasks_per_hour"])


def shared_replicas(sharers: Sequence[Sharer]) -> Months:
    """Return whole replicas by month for all sharers: the strictest headroom and floor among them hold."""
    first = sharers[0].replicas.inputs
    return eco.staircase_replicas(
        peak_tasks_per_hour=sum(peak_replicas(one) for one in sharers) * float(APART.value),
        capacity_tasks_per_hour=1.0,
        headroom_ratio=max(number(one.replicas.inputs["headroom_ratio"]) for one in sharers),
        floor_replicas=max(number(one.replicas.inputs["floor_replicas"]) for one in sharers),
        calendar_share=monthly(first["calendar_share"]),
    )


def share(sharers: tuple[Sharer, ...]) -> Sharing:
    """Return the group on one set of replicas."""
    replicas = shared_replicas(sharers)
    bill = monthly_bill(sharers[0], replicas)
    loads = [monthly(one.load) for one in sharers]
    all_loads = np.sum(loads, axis=0)
    each = [np.asarray(costs.shared_usd_per_month(bill, load, all_loads), dtype=np.float64) for load in loads]
    weights = [float(part.sum()) for part in each]
    whole = cents(float(bill.sum()))
    parts = tuple(apportioned(whole, weights))
    rest = [cents(number(one.road.lifetime) - float(monthly(one.bill).sum())) for one in sharers]
    return Sharing(
        sharers=sharers,
        replicas=float(replicas.max()),
        whole=whole,
        parts=parts,
        load_shares=tuple(float(load.sum() / all_loads.sum()) for load in loads),
        apart=sum((cents(number(one.chosen.lifetime)) for one in sharers), Decimal(0)),
        lifetimes=tuple(part + other for part, other in zip(parts, rest, strict=True)),
        running=tuple(
            monthly(one.road.running) - monthly(one.bill) + part for one, part in zip(sharers, each, strict=True)
        ),
    )


def monthly_bill(one: Sharer, replicas: Months) -> Months:
    """Return what so many replicas bill by month at a sharer's own terms."""
    return np.asarray(recompute(one.bill, {one.replicas.name: replicas}), dtype=np.float64)
