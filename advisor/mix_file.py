"""Edge: a scenario file with `tasks:` to one whole question a task, or every fault in it at once."""

from dataclasses import replace
from datetime import date
from pathlib import Path as FilePath
from typing import Any, NamedTuple, cast

from advisor.advise import Question
from advisor.mix_doubts import BILL_PLACE, bill_doubt, concerned, told_once
from advisor.mix_tree import BILL, TASKS, Node, edges, in_order, listed, names_of, read, told, tree_of
from advisor.mix_volumes import requests_of, volumes
from advisor.quantity import Measure, Quantity
from advisor.question_files import note_slips, pose
from advisor.scenario import Scenario
from advisor.scenario_file import ScenarioFaultsError, judge, read_tree
from advisor.scenario_tree import Fault, Tree, dotted
from pricing.book_files import open_book
from pricing.table import PriceBook

__all__ = ["MixQuestion", "Part", "UnknownTaskError", "read_mix", "read_task"]

USD_PER_MONTH = Measure("usd_per_month")


class UnknownTaskError(LookupError):
    """A task that the file does not name; the message lists those it does."""


class Part(NamedTuple):
    """One task of the mix: its short name, what it comes after, how its volume was come by, and its whole question."""

    name: str
    after: tuple[str, ...]
    volume_said: str
    question: Question


class MixQuestion(NamedTuple):
    """The whole graph, in an order in which each task stands behind what it comes after.

    `requests` a month is None where the file states none; `doubts` are numbers that look wrong, as sentences.
    """

    name: str
    parts: tuple[Part, ...]
    requests: Quantity | None
    doubts: tuple[str, ...]
    as_of: date


def read_mix(path: FilePath, as_of: date, *, measure: bool = False, prices: FilePath | None = None) -> MixQuestion:
    """Return every task's question; raises ScenarioFaultsError with every fault of every task, once."""
    tree = read_tree(path)
    nodes = nodes_of(tree)
    scenarios = judged(tree, nodes, path.parent)
    book = open_book(prices, path.parent)
    questions = posed(tree, path, nodes, scenarios, book, as_of, measure)
    parts = tuple(
        Part(node.name, node.after, node.volume_said, question) for node, question in zip(nodes, questions, strict=True)
    )
    requests = requests_of(tree)
    return MixQuestion(str(tree.values["name"]), parts, requests, doubts_of(tree, nodes, questions, requests), as_of)


def doubts_of(tree: Tree, nodes: list[Node], questions: list[Question], requests: Quantity | None) -> tuple[str, ...]:
    """Return what looks wrong, as sentences; raises ScenarioFaultsError for a bill that looks like a slip of unit."""
    stated: Any = tree.values.get("unusual", [])
    unusual = tuple(str(name) for name in cast("list[Any]", stated))
    bill = bill_doubt(questions, bill_of(tree), requests, unusual)
    if bill is not None and bill.refused:
        note_slips(tree, [bill])
        raise ScenarioFaultsError(tree.faults)
    idle = bill is None and BILL_PLACE in unusual
    told = told_once([node.name for node in nodes], questions, unusual)
    beside = (f"unusual names {BILL_PLACE}, and nothing is odd about it: delete the line",) if idle else ()
    return (*(() if bill is None else (str(bill),)), *told, *beside)


def posed(
    tree: Tree, path: FilePath, nodes: list[Node], scenarios: list[Scenario], book: PriceBook, as_of: date,
    measure: bool,
) -> list[Question]:  # fmt: skip
    """Return every task's question; raises ScenarioFaultsError with what looks like a slip of unit in any of them."""
    questions: list[Question] = []
    faults: list[Fault] = []
    for node, scenario in zip(nodes, scenarios, strict=True):
        try:
            question = pose(scenario, path, book, as_of, measure=measure)
            inherits = "unusual" not in tree.values[TASKS][node.place]
            questions.append(concerned(question) if inherits else question)
        except ScenarioFaultsError as error:
            lines = {dotted(here): line for here, line in node.tree.lines.items()}
            found = [replace(fault, line=lines.get(fault.path, node.tree.line_of(()))) for fault in error.faults]
            faults += [told(fault, tree, node.place) for fault in found]
    if faults:
        raise ScenarioFaultsError(list(dict.fromkeys(faults)))
    return questions


def read_task(
    path: FilePath, name: str, as_of: date, *, measure: bool = False, prices: FilePath | None = None
) -> Question:
    """Return the question of one task of the mix; the whole file must be sound. Raises UnknownTaskError."""
    tree = read_tree(path)
    nodes = nodes_of(tree)
    for node, scenario in zip(nodes, judged(tree, nodes, path.parent), strict=True):
        if node.name == name:
            return posed(tree, path, [node], [scenario], open_book(prices, path.parent), as_of, measure)[0]
    message = f"{path.name} has no task {name!r}; there are: {', '.join(node.name for node in nodes)}"
    raise UnknownTaskError(message)


def nodes_of(tree: Tree) -> list[Node]:
    """Return the tasks of a tree in order; faults of the graph are noted in it, and no task is returned with them."""
    values: Any = tree.values
    if not isinstance(values, dict) or TASKS not in values:
        if not tree.faults:
            tree.fault((), "names no tasks", "a list under tasks:", "see scenarios/support_assistant_mix/mix.yaml")
        return []
    tasks = listed(tree)
    if not tasks:
        return []
    names = names_of(tree, tasks)
    after = edges(tree, tasks, names)
    found = volumes(tree, tasks)
    made = [
        Node(name, tree_of(tree, place, task, share and share.per_month), above, share.said if share else "", place)
        for place, (name, task, above, share) in enumerate(zip(names, tasks, after, found, strict=True))
    ]
    return made if tree.faults else [made[place] for place in in_order(names, after)]


def judged(tree: Tree, nodes: list[Node], folder: FilePath) -> list[Scenario]:
    """Return every task's scenario; raises ScenarioFaultsError with the faults of the graph and of all tasks."""
    scenarios: list[Scenario] = []
    faults: list[Fault] = []
    bill_of(tree)
    for node in nodes:
        try:
            scenarios.append(judge(node.tree, folder))
        except ScenarioFaultsError as error:
            faults += [told(fault, tree, node.place) for fault in error.faults if not known(tree, fault.path)]
    if tree.faults or faults:
        raise ScenarioFaultsError(list(dict.fromkeys([*tree.faults, *faults])))
    return scenarios


def known(tree: Tree, path: str) -> bool:
    """Say whether a fault of a task's scenario only repeats that its volume could not be read."""
    return bool(tree.faults) and path.startswith("volume.tasks_per_month")


def bill_of(tree: Tree) -> Quantity | None:
    """Return the stated bill of all tasks together, or None."""
    values = cast("dict[str, Any]", tree.values) if isinstance(tree.values, dict) else {}
    section: Any = values.get(BILL[0])
    raw: Any = cast("dict[str, Any]", section).get(BILL[1]) if isinstance(section, dict) else None
    return None if raw is None or BILL in tree.faulty else read(tree, BILL, raw, USD_PER_MONTH)
