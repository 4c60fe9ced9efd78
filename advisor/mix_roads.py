"""What a verdict costs from now on: the road that each rung takes, and the ways it is compared with. Pure.

Rule 1  A verdict costs the cheapest road that it allows; what must first be measured or collected costs today's road.
Rule 2  A road that is barred or not priced is none: its cost is not known, never nought.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from advisor.advise import Considered, Result
from advisor.balance import LEVERS, SMALLER, TODAY, number
from advisor.mix_file import Part
from advisor.options import Option


def cheapest(options: Iterable[Option]) -> Option | None:
    """Return the road with the least lifetime cost, or None where there is none."""
    return min(options, key=lambda option: number(option.lifetime), default=None)


def by_key(made: Considered, *keys: str) -> Option | None:
    """Return the cheapest of the roads with these keys."""
    return cheapest(option for option in made.options if option.key in keys)


def hosted_of_equal_quality(made: Considered) -> Option | None:
    """Return the cheapest hosted road whose answers are as good as today's."""
    return by_key(made, TODAY, *LEVERS) if made.balance is None else by_key(made, *made.balance.roles.equal)


def own_tuned(made: Considered) -> Option | None:
    """Return the cheapest road that trains and is served on cards of one's own or rented."""
    return cheapest(option for option in made.options if option.trains and not option.hosted)


def any_tuned(made: Considered) -> Option | None:
    """Return the cheapest road that trains."""
    return cheapest(option for option in made.options if option.trains)


def as_today(made: Considered) -> Option | None:
    """Return today's road."""
    return by_key(made, TODAY)


def levers(made: Considered) -> Option | None:
    """Return the lever: a smaller model whose trials reach the target, or a cheaper way of buying the same."""
    return by_key(made, SMALLER) if made.facts.smaller_is_lever else hosted_of_equal_quality(made)


ROADS: Final[Mapping[str, Callable[[Considered], Option | None]]] = {
    "fine_tune_self_host": own_tuned,
    "hosted_fine_tune": lambda made: cheapest(o for o in made.options if o.trains and o.hosted),
    "use_levers": levers,
    "self_host_base": lambda made: by_key(made, "base_rented"),
    "add_retrieval": as_today,
    "stay_hosted": as_today,
    "improve_prompt": as_today,
    "measure_first": as_today,
    "collect_data": as_today,
}
"""What a verdict costs from now on, by its code: what must first be measured or collected costs today's road."""


def road_of(made: Considered) -> Option | None:
    """Return the road that the verdict takes; today's hosted one is none where the data may not leave."""
    if made.rung.code == "add_retrieval" and made.facts.must_stay_inside:
        return by_key(made, "base_rented")
    found = ROADS[made.rung.code](made)
    barred = found is not None and found.key == TODAY and made.facts.must_stay_inside
    return None if barred else found


class Judged(NamedTuple):
    """One task with its whole advice, the roads behind it, and the road that its verdict takes (None: not priced)."""

    part: Part
    result: Result
    made: Considered
    road: Option | None


def ways_of(one: Judged) -> dict[str, Option | None]:
    """Return the road that each way takes for a task; None where it is barred or not priced."""
    inside = one.made.facts.must_stay_inside
    return {
        "today": as_today(one.made),
        "recommended": one.road,
        "all_hosted": None if inside else hosted_of_equal_quality(one.made),
        "all_tuned": any_tuned(one.made),
    }
