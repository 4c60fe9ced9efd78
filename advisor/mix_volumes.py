"""How often each task of a mix runs, from one statement, and the faults where the statements do not add up. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from advisor.mix_tree import CALLS, PER_MONTH, REQUESTS, SHARE, TASKS, read, times
from advisor.quantity import Quantity
from advisor.scenario_tree import Path, Tree

WAYS: Final = {
    "calls_per_request": "calls of this task per request; the top's volume counts requests",
    "volume_share": "this task's share of the top's volume, which counts calls; the shares sum to 1",
    "volume.tasks_per_month": "this task's own calls a month",
}


class Share(NamedTuple):
    """A task's volume: the quantity to put into its scenario (None: it states its own), and how it was come by."""

    per_month: Quantity | None
    said: str


def way_of(task: Mapping[str, Any]) -> list[str]:
    """Return the ways in which a task states its volume."""
    volume: Any = task.get("volume")
    own = isinstance(volume, dict) and "tasks_per_month" in volume
    return [*(way for way in ("calls_per_request", "volume_share") if way in task), *([list(WAYS)[2]] if own else [])]


def requests_of(tree: Tree) -> Quantity | None:
    """Return the top's monthly volume, or None where it states none (noted where it is no number)."""
    volume: Any = tree.values.get("volume")
    stated = cast("dict[str, Any]", volume) if isinstance(volume, dict) else {}
    return read(tree, REQUESTS, stated[REQUESTS[1]], PER_MONTH) if REQUESTS[1] in stated else None


def share_of(tree: Tree, place: int, task: Mapping[str, Any], requests: Quantity | None) -> Share | None:
    """Return one task's volume; notes where it is stated twice, not at all, or without what it is a part of."""
    ways, here = way_of(task), (TASKS, place)
    if len(ways) != 1:
        found = f"states its volume {len(ways)} times ({', '.join(ways)})" if ways else "states no volume"
        wanted = "one of " + ", ".join(WAYS)
        tree.fault(here, found, wanted, "write calls_per_request: 1 for once a request", line_at(tree, place))
        return None
    way = ways[0]
    if way not in task:
        return Share(None, WAYS[way])
    if requests is None:
        if REQUESTS not in tree.faulty:
            tree.fault(REQUESTS, "is missing", PER_MONTH.wanted, f"state it: {TASKS}[{place}].{way} is a part of it")
        return None
    part = read(tree, (*here, way), task[way], CALLS if way == "calls_per_request" else SHARE)
    if part is None:
        return None
    said = f"{part} calls a request" if way == "calls_per_request" else f"{part} of all calls"
    return Share(times(part, requests, f"{said}, of volume.tasks_per_month {requests}"), said)


def line_at(tree: Tree, place: int) -> int:
    """Return the first line of a task."""
    return min((line for path, line in tree.lines.items() if path[:2] == (TASKS, place)), default=1)


def volumes(tree: Tree, tasks: Sequence[Mapping[str, Any]]) -> list[Share | None]:
    """Return every task's volume; notes shares that do not sum to 1, and own volumes that do not sum to the top's."""
    requests = requests_of(tree)
    found = [share_of(tree, place, task, requests) for place, task in enumerate(tasks)]
    ways = [way_of(task) for task in tasks]
    if any(way == ["volume_share"] for way in ways):
        whole(tree, tasks, ways, "volume_share", Decimal(1))
    elif requests is not None and all(way == [list(WAYS)[2]] for way in ways):
        whole(tree, tasks, ways, list(WAYS)[2], requests.known_value("volume.tasks_per_month"))
    return found


def stated(task: Mapping[str, Any], way: str) -> Decimal | None:
    """Return the middle of what a task states, or None where that cannot be read (noted elsewhere)."""
    raw = task.get(way) if way in task else task.get("volume", {}).get("tasks_per_month")
    try:
        return (SHARE if way == "volume_share" else PER_MONTH).read(raw).value
    except ValueError:
        return None


def whole(tree: Tree, tasks: Sequence[Mapping[str, Any]], ways: Sequence[list[str]], way: str, want: Decimal) -> None:
    """Note where the tasks' parts do not add up to the whole, exactly."""
    path: Path = (TASKS,)
    if any(mine != [way] for mine in ways):
        tree.fault(path, f"mixes {way} with other ways to state a volume", f"{way} in every task", "choose one way")
        return
    parts = [stated(task, way) for task in tasks]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts) and sum(known) != want:
        found = f"adds up to {sum(known):f} by {way}, and the whole is {want:f}"
        tree.fault(path, found, f"parts that sum to {want:f}", "correct a part, or leave the whole out")
