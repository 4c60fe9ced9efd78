"""A scenario with `tasks:` to one ordinary scenario tree a task, and the faults of the graph they form. Pure.

Rule 1  A task inherits what is stated at the top, field by field, and its own words win.
Rule 2  What describes one task (tokens, evidence, data, retrieval) stands with that task only: trials of one say
        nothing of another. What both sides must share (finance, lifetime) stands at the top only.
Rule 3  A fault names the line it stands on and the path as the file has it, once, however many tasks inherit it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from pydantic_core import PydanticCustomError

from advisor.quantity import Measure, Quantity
from advisor.scenario import Task
from advisor.scenario_tree import Fault, Path, Tree, dotted, quote

TASKS: Final = "tasks"
OWN_ONLY: Final = ("tokens", "evidence", "data", "retrieval")
TOP_ONLY: Final = (("finance",), ("volume", "lifetime_months"))
LINKS: Final = ("name", "after", "calls_per_request", "volume_share")
"""Words of a task that are about its place in the graph; its other words are those of a scenario and of its task."""
MOST_TASKS: Final = 50
"""More is no graph that anybody has drawn; the reader's own bound on values comes soon after."""
REQUESTS: Final = ("volume", "tasks_per_month")
BILL: Final = ("today", "monthly_bill_usd")
CALLS: Final = Measure("ratio", most="1000", above=True, example="1.8 or 1.5..2.2")
SHARE: Final = Measure("share", most="1", above=True, example="0.6")
PER_MONTH: Final = Measure("tasks_per_month", most="1e12", above=True, example="12000 or 10_000..14_000")


class Node(NamedTuple):
    """One task of the graph: its scenario's tree, what it comes after, and how its volume was come by."""

    name: str
    tree: Tree
    after: tuple[str, ...]
    volume_said: str
    place: int


def overlaid(below: Any, above: Any) -> Any:
    """Return `above` over `below`: mappings name by name, anything else as a whole."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    under, over = cast("dict[str, Any]", below), cast("dict[str, Any]", above)
    return under | {name: overlaid(under[name], value) if name in under else value for name, value in over.items()}


def as_section(name: str) -> Path:
    """Return where a word of a task stands in an ordinary scenario."""
    return ("task", name) if name in Task.model_fields else (name,)


def first_line(tree: Tree, path: Path) -> int:
    """Return the first line on which something below `path` stands."""
    lines = [line for here, line in tree.lines.items() if here[: len(path)] == path]
    return min(lines, default=tree.line_of(path))


def origins(tree: Tree, place: int) -> dict[Path, Path]:
    """Return for each path of a task's own scenario the path of the file that it comes from; the task's own last."""
    here = (TASKS, place)
    top = {path: path for path in tree.lines if path[:1] != (TASKS,) and path not in (REQUESTS, BILL)}
    own = {(*as_section(str(p[2])), *p[3:]): p for p in tree.lines if p[:2] == here and len(p) > 2}
    return top | {path: origin for path, origin in own.items() if path[0] not in LINKS or path == ("name",)}


def values_of(tree: Tree, task: Mapping[str, Any], per_month: object) -> dict[str, Any]:
    """Return the plain values of one task's scenario; `per_month` is its volume, or None where it states its own."""
    top = {name: value for name, value in tree.values.items() if name not in (TASKS, "name")}
    for section, field in (REQUESTS, BILL):
        if isinstance(top.get(section), dict):
            top[section] = {name: value for name, value in top[section].items() if name != field}
    own: dict[str, Any] = {}
    for name, value in task.items():
        if name not in LINKS:
            section = as_section(name)
            own = overlaid(own, {"task": {name: value}} if section[0] == "task" else {name: value})
    made = overlaid(top, own)
    if per_month is not None:
        made = overlaid(made, {"volume": {"tasks_per_month": per_month}})
    return made | {"name": f"{tree.values.get('name', '')}.{task.get('name', '')}"}


def tree_of(tree: Tree, place: int, task: Mapping[str, Any], per_month: object) -> Tree:
    """Return one task's scenario as a tree of its own, with the file's lines."""
    made = Tree(tree.file, values_of(tree, task, per_month))
    for path, origin in origins(tree, place).items():
        made.lines[path] = tree.lines[origin]
        if origin in tree.texts:
            made.texts[path] = tree.texts[origin]
        if origin in tree.faulty:
            made.faulty.add(path)
    made.lines[()] = first_line(tree, (TASKS, place))
    return made


def told(fault: Fault, tree: Tree, place: int) -> Fault:
    """Return a fault of one task's scenario with the path that the file has for it."""
    names = {dotted(path): dotted(origin) for path, origin in origins(tree, place).items()}
    head, tail = fault.path, ""
    while head and head not in names:
        head, dot, last = head.rpartition(".")
        tail = f"{dot}{last}{tail}"
    bare = fault.path.removeprefix("task.")
    return replace(fault, path=f"{names[head]}{tail}" if head in names else f"{TASKS}[{place}].{bare}")


def read(tree: Tree, path: Path, raw: object, measure: Measure) -> Quantity | None:
    """Return the quantity at a path, or None after noting why it is none."""
    try:
        found = measure.read(raw)
    except PydanticCustomError as error:
        said = error.context or {}
        tree.fault(path, f"is {quote(tree.texts.get(path, str(raw)))}", said["wanted"], said["next_step"])
        return None
    if not found.known:
        tree.fault(path, "is unknown", measure.wanted, "count it: totals rest on it")
        return None
    return found


def times(per_request: Quantity, requests: Quantity, because: str) -> Quantity:
    """Return the calls of a task: both intervals end to end, so wide rather than narrow where both are ranges."""
    value = per_request.known_value("calls") * requests.known_value("requests")
    ends = [
        (part.value if end is None else end) or Decimal(0)
        for part in (per_request, requests)
        for end in (part.low, part.high)
    ]
    exact = per_request.low is None and requests.low is None
    return Quantity(value, None if exact else ends[0] * ends[2], None if exact else ends[1] * ends[3], because=because)


def listed(tree: Tree) -> list[dict[str, Any]]:
    """Return the tasks that are mappings; notes what is none, and sections that stand on the wrong floor."""
    raw: Any = tree.values[TASKS]
    if not isinstance(raw, list) or not 1 <= len(cast("list[Any]", raw)) <= MOST_TASKS:
        tree.fault((TASKS,), "is no list of tasks", f"1 to {MOST_TASKS} tasks", "write - name: router, and so on")
        return []
    tasks = cast("list[Any]", raw)
    for place, task in enumerate(tasks):
        if not isinstance(task, dict):
            tree.fault((TASKS, place), "is no task", "a mapping with name, kind and role", "write - name: router")
    misplaced(tree, tasks)
    return [task if isinstance(task, dict) else {} for task in tasks]


def misplaced(tree: Tree, tasks: Sequence[Any]) -> None:
    """Note sections that stand at the top and describe one task, and those of a task that all must share."""
    if "task" in tree.values:
        tree.fault(("task",), "stands beside tasks", "one of the two", "move its words into the tasks")
    for section in OWN_ONLY:
        if section in tree.values:
            told_why = "trials, tokens and records of one task say nothing of another"
            tree.fault((section,), f"stands at the top; {told_why}", "it below each task", f"move it into {TASKS}")
    for place in range(len(tasks)):
        for path in TOP_ONLY:
            here = (TASKS, place, *path)
            if here in tree.lines:
                tree.fault(here, "is stated for one task", "one period and one currency for all", "move it to the top")


def names_of(tree: Tree, tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the tasks' names; notes those that stand twice. A name that is missing or odd is the reader's to note."""
    names = [str(task.get("name", "")) for task in tasks]
    for place, name in enumerate(names):
        if name and name in names[:place]:
            tree.fault(
                (TASKS, place, "name"), f"is {quote(name)}, which stands twice", "a name of its own", "rename it"
            )
    return names


def edges(tree: Tree, tasks: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what each task comes after; notes unknown names and circles."""
    found: list[tuple[str, ...]] = []
    for place, task in enumerate(tasks):
        raw: Any = task.get("after", [])
        said = [raw] if isinstance(raw, str) else raw
        path = (TASKS, place, "after")
        if not isinstance(said, list):
            tree.fault(path, "is no list", "names of tasks", "write [router]")
            said = []
        after = tuple(str(name) for name in cast("list[Any]", said))
        for name in after:
            if name not in names:
                tree.fault(path, f"names {quote(name)}, which is no task", f"one of {', '.join(names)}", "correct it")
        found.append(tuple(name for name in after if name in names))
    for place in in_circles(names, found):
        shown = quote(names[place])
        tree.fault((TASKS, place, "after"), f"leads back to {shown}", "a graph without circles", "remove one edge")
    return found


def in_circles(names: Sequence[str], after: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the places of tasks that come after themselves, through however many others."""
    direct = {name: set(above) for name, above in zip(names, after, strict=True)}

    def reached(name: str) -> set[str]:
        seen: set[str] = set()
        ahead = set(direct[name])
        while ahead:
            here = ahead.pop()
            if here not in seen:
                seen.add(here)
                ahead |= direct.get(here, set())
        return seen

    return [place for place, name in enumerate(names) if name in reached(name)]


def in_order(names: Sequence[str], after: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the places so that each task stands behind what it comes after, else as the file has them; no circles."""
    done: list[int] = []
    while len(done) < len(names):
        ready = {names[place] for place in done}
        done.append(next(i for i in range(len(names)) if i not in done and set(after[i]) <= ready))
    return done
