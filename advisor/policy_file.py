"""Edge: a policy file on disk to its rules, or every fault in it at once with line, finding, wish and next step."""

import difflib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from advisor.policy import BY_NAME, LEAST_AND_MOST, Limit, Rule, Stated
from advisor.quantity import as_decimal, spelling_hint
from advisor.scenario_file import NEAR, ScenarioFaultsError, read_tree, shown
from advisor.scenario_tree import Tree, quote

EXAMPLE: Final = "max_upfront_usd: 5_000"


def read_policy(path: Path) -> tuple[Stated, ...]:
    """Return the rules that a policy file states; raises ScenarioFaultsError with every fault, a missing file too."""
    tree = read_tree(path)
    stated: list[Stated] = []
    if isinstance(tree.values, dict):
        for name, raw in cast("dict[str, Any]", tree.values).items():
            rule = BY_NAME.get(name)
            if rule is None:
                tree.fault((name,), "is no rule", "one of " + ", ".join(BY_NAME), meant(name, list(BY_NAME)))
            elif (limit := limit_of(tree, rule, raw)) is not None:
                text = ", ".join(limit) if isinstance(limit, tuple) else tree.texts.get((name,), str(limit))
                stated.append(Stated(rule, limit, text, tree.lines[name,]))
        if not stated and not tree.faults:
            tree.fault((), "states no rule", "at least one rule", f"write for example {EXAMPLE}")
    if tree.faults:
        raise ScenarioFaultsError([replace(fault, **OF_A_POLICY.get(fault.wanted, {})) for fault in tree.faults])
    return tuple(stated)


OF_A_POLICY: Final[dict[str, dict[str, str]]] = {
    "a scenario": {"wanted": "a policy", "next_step": f"write rules such as {EXAMPLE}"},
    "a scenario file": {"wanted": "a policy file"},
    "fields such as name: and task:": {"wanted": f"rules such as {EXAMPLE}", "next_step": "write one rule a line"},
}
"""What the reader of YAML says of scenarios, said of policies."""


def meant(name: str, known: list[str]) -> str:
    """Return the next step for a name that is not known."""
    near = difflib.get_close_matches(name, known, n=2, cutoff=NEAR)
    return f"did you mean {' or '.join(near)}?" if near else "remove it"


def limit_of(tree: Tree, rule: Rule, raw: object) -> Limit | None:
    """Return a rule's limit, or None after noting why it is none."""
    if rule.kind == "flag":
        if isinstance(raw, bool):
            return raw
        tree.fault((rule.name,), f"is {shown(tree, (rule.name,))}", "true or false", "write it without quotes")
        return None
    return names_of(tree, rule, raw) if rule.kind == "names" else number_of(tree, rule, raw)


def number_of(tree: Tree, rule: Rule, raw: object) -> Limit | None:
    """Return a limit that is a number within the bounds of its kind."""
    least, most = LEAST_AND_MOST[rule.kind]
    number = as_decimal(raw)
    if number is not None and least <= number <= most:
        return number
    wanted = f"a number from {least} to {most:,}"
    hint = spelling_hint(raw) if isinstance(raw, str) else "check the unit, which is " + rule.kind
    tree.fault((rule.name,), f"is {shown(tree, (rule.name,))}", wanted, hint)
    return None


def names_of(tree: Tree, rule: Rule, raw: object) -> Limit | None:
    """Return a limit that is a list of names, each one of the rule's choices where it has any."""
    names = cast("list[object]", raw) if isinstance(raw, list) else None
    if not names:
        tree.fault((rule.name,), f"is {shown(tree, (rule.name,))}", "a list of names", "write [one, two]")
        return None
    before = len(tree.faults)
    for place, name in enumerate(names):
        if not isinstance(name, str):
            tree.fault((rule.name, place), f"is {shown(tree, (rule.name, place))}", "a name", "put it in quotes")
        elif rule.choices and name not in rule.choices:
            wanted = "one of " + ", ".join(rule.choices)
            tree.fault((rule.name, place), f"is {quote(name)}", wanted, meant(name, list(rule.choices)))
    return tuple(str(name) for name in names) if len(tree.faults) == before else None
