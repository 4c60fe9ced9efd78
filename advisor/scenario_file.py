"""Edge: a scenario file on disk to a Scenario, or every fault in it at once with line, finding, wish and next step."""

import difflib
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Final, cast, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from advisor.quantity import Measure, Setting
from advisor.scenario import Scenario
from advisor.scenario_tree import LARGEST_BYTES, Fault, Path, Tree, parse, quote
from advisor.settings import Part

DATA_FILES: Final = (
    "train", "valid", "test", "unlabelled", "preferences", "prompt", "hosted", "safety", "general"
)  # fmt: skip
FILES: Final = (
    *(("data", name) for name in DATA_FILES), ("traffic", "log"), ("tokens", "samples")
)  # fmt: skip
SEVERAL: Final = "tasks"  # stands in place of `task` in a scenario of several, which advisor.mix_file reads
NEAR: Final = 0.6  # difflib's own default: about three letters in five agree

WANTED: Final = {
    "string_type": ("text", "put it in quotes"),
    "bool_type": ("true or false", "write true or false without quotes"),
    "tuple_type": ("a list", "write [one, two]"),
    "model_type": ("fields below it", "indent them, or write {name: value}"),
    "string_too_short": ("text", "fill it in, or leave the line out"),
    "string_too_long": ("a shorter text", "keep to a few sentences"),
    "too_short": ("at least one entry", "fill it in, or leave the line out"),
}
"""Pydantic's error type to (what was wanted, next step), where the field itself says no more."""


class ScenarioFaultsError(ValueError):
    """The file cannot be used; `faults` holds all that is wrong with it, in the order of its lines."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def read_scenario(path: FilePath) -> Scenario:
    """Return the scenario in a YAML file; raises ScenarioFaultsError with every fault, a missing file included."""
    return judge(read_tree(path), path.parent)


def judge(tree: Tree, folder: FilePath) -> Scenario:
    """Return the scenario a tree says, its files looked for in `folder`; raises ScenarioFaultsError."""
    scenario: Scenario | None = None
    stated = cast("dict[str, Any]", tree.values) if isinstance(tree.values, dict) else None
    if stated is not None and SEVERAL in stated:
        tree.fault(
            (SEVERAL,), "holds several tasks", "one task here", "take one by --task NAME, or all by `advise FILE`"
        )
    elif stated is not None:
        count_results(tree, folder)
        try:
            scenario = Scenario.model_validate(stated)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                note(tree, cast("dict[str, Any]", detail))
        check_files(tree, folder)
    if tree.faults or scenario is None:
        raise ScenarioFaultsError(tree.faults)
    return scenario


def count_results(tree: Tree, folder: FilePath) -> None:
    """Count the result files that the evidence names, if it names any."""
    if any(path[0] == "evidence" and path[-1] in ("results", "file") for path in tree.lines if path):
        from advisor.quality_file import fill  # noqa: PLC0415  few scenarios have result files, and all pay the start

        fill(tree, folder)


def read_tree(path: FilePath) -> Tree:
    """Return the tree of the file; a file that is missing, too large or not UTF-8 is a fault of an empty tree."""
    tree = Tree(path.name)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        tree.fault((), f"cannot be read ({error.strerror})", "a scenario file", "check the path")
        return tree
    if len(content) > LARGEST_BYTES:
        tree.fault((), f"is over {LARGEST_BYTES:_} bytes", "a scenario", "keep records in files of their own")
        return tree
    try:
        return parse(content.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        tree.fault((), "is not UTF-8", "UTF-8 text", "save the file as UTF-8", line)
        return tree


def note(tree: Tree, detail: dict[str, Any]) -> None:
    """Turn one pydantic error into a fault of the tree, unless its place is known to be at fault already."""
    location: Path = detail["loc"]
    context: dict[str, Any] = detail.get("ctx", {})
    if context.get("field"):
        location = (*location, context["field"])
    path = place(tree.values, location, missing=detail["type"] == "missing" or "field" in context)
    if any(path[: len(faulty)] == faulty for faulty in tree.faulty if faulty):
        return
    if detail["type"] == "extra_forbidden":
        tree.fault(path, "is no field of a scenario", *instead_of(location))
        return
    found = f"is {shown(tree, path)}" if path in tree.lines else "is missing"
    tree.fault(path, found, *wish(location, detail["type"], context, str(tree.texts.get(path, ""))))


def place(values: Any, location: Path, missing: bool) -> Path:
    """Return the part of pydantic's location that exists in the file; `missing` keeps a last name that does not."""
    path: Path = ()
    for depth, part in enumerate(location):
        inside = part in values if isinstance(values, dict) else isinstance(values, list) and isinstance(part, int)
        if inside:
            path, values = (*path, part), cast("Any", values)[part]
        elif missing and part and depth == len(location) - 1:
            path = (*path, part)
    return path


def shown(tree: Tree, path: Path) -> str:
    """Return the value at `path` as a fault repeats it: its own text, or what it is made of."""
    if path in tree.texts:
        return quote(tree.texts[path])
    values = tree.values
    for part in path:
        values = values[part]
    return "a list" if isinstance(values, list) else "a mapping"


def wish(location: Path, kind: str, context: dict[str, Any], text: str) -> tuple[str, str]:
    """Return what was wanted at a place and the next step: from the validator, the field's own words, or the table."""
    if context.get("wanted"):
        return context["wanted"], context["next_step"]
    if kind in ("literal_error", "enum"):
        choices = choices_at(location)
        near = difflib.get_close_matches(text, choices, n=1, cutoff=NEAR)
        return "one of " + ", ".join(choices), f"write {near[0]}" if near else "choose one"
    wanted, next_step = WANTED.get(
        kind, ("a value for it", "add the line" if kind == "missing" else "check it against an example in scenarios/")
    )
    field = field_at(location)
    return (field_wish(field) if field else "") or wanted, next_step


def field_wish(field: FieldInfo) -> str:
    """Return what a field says it wants: its measure, its description, or the names it must hold."""
    for rule in field.metadata:
        if isinstance(rule, (Measure, Setting)):
            return rule.wanted
    if field.description:
        return field.description
    part = part_in(field.annotation)
    needed = [name for name, below in part.model_fields.items() if below.is_required()] if part else []
    return f"a section with {', '.join(needed)}" if needed else ""


def part_in(annotation: Any) -> type[Part] | None:
    """Return the section type inside an annotation, through optional, tuple and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next((found for inner in get_args(annotation) if (found := part_in(inner))), None)


def field_at(location: Path) -> FieldInfo | None:
    """Return the field at pydantic's location, or None where the location ends in a list or in no field."""
    part: type[Part] | None = Scenario
    field: FieldInfo | None = None
    for step in location:
        if part is not None and isinstance(step, str) and step in part.model_fields:
            field = part.model_fields[step]
            part = part_in(field.annotation)
    return field


def choices_at(location: Path) -> list[str]:
    """Return the words a field may be; booleans are written as words too."""
    field = field_at(location)
    if field is None:
        return []
    if "Answer" in str(field.annotation):
        return ["true", "false", "unknown"]
    return [str(word) for word in words_in(field.annotation)]


def words_in(annotation: Any) -> Iterator[str]:
    """Yield the literal words inside an annotation."""
    for inner in get_args(annotation):
        if isinstance(inner, str):
            yield inner
        yield from words_in(inner)


def instead_of(location: Path) -> tuple[str, str]:
    """Return what could be meant by an unknown name: the names of its section, and the nearest name anywhere."""
    name = str(location[-1])
    above = field_at(location[:-1]) if len(location) > 1 else None
    part = part_in(above.annotation) if above else Scenario
    siblings = list(part.model_fields) if part else []
    near = difflib.get_close_matches(name, siblings, n=1, cutoff=NEAR)
    if near:
        return f"one of {', '.join(siblings)}", f"did you mean {near[0]}?"
    elsewhere = dict(paths(Scenario, ""))
    far = difflib.get_close_matches(name, elsewhere, n=1, cutoff=0.85)
    return f"one of {', '.join(siblings)}", f"did you mean {elsewhere[far[0]]}?" if far else "remove it"


def paths(part: type[Part], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield each field's name and dotted path, section by section."""
    for name, field in part.model_fields.items():
        yield name, f"{prefix}{name}"
        below = part_in(field.annotation)
        if below is not None:
            yield from paths(below, f"{prefix}{name}.")


def check_files(tree: Tree, folder: FilePath) -> None:
    """Note each file that does not exist, is no file, or is reached through a link out of the folder."""
    for path in FILES:
        section: Any = tree.values.get(path[0])
        named = cast("dict[str, Any]", section).get(path[1]) if isinstance(section, dict) else None
        if not isinstance(named, str) or path in tree.faulty:
            continue
        file = (folder / named).resolve()
        if not file.is_relative_to(folder.resolve()):
            tree.fault(path, f"is {quote(named)}", "a file below the scenario's folder", "move it there")
        elif not file.is_file():
            found = f"is {quote(named)}, which is not there"
            tree.fault(path, found, "a file below the scenario's folder", "check the name, or leave the line out")
