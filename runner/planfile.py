"""Read plan.json: bytes -> document -> Plan. What cannot be read is a fault; what may not run is the gate's."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from pydantic import ValidationError

from advisor.plan import FORMAT_MAJOR, Plan, canonical_json

MAX_PLAN_BYTES = 16 * 1024 * 1024  # a plan is a few kilobytes; anything near this is not one
ESCAPE_WORDS = "leaves the plan's folder"
VERSION_FORM = re.compile(r"([0-9]{1,9})\.[0-9]{1,9}", re.ASCII)  # major.minor, in plain digits


class PlanFaultsError(ValueError):
    """The plan cannot be read; one sentence a fault, each with its place."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan as read: its JSON, the model of it, and paths in it that climb out.

    `plan` is None where `version` is none of ours or a path climbs out: then the gate has its refusals.
    """

    document: dict[str, Any]
    plan: Plan | None
    version: str
    escapes: tuple[str, ...]


def read_plan(content: bytes, name: str = "plan.json") -> PlanFile:
    """Return what the bytes say. Raises PlanFaultsError with every fault at once."""
    document = parse(content, name)
    stated = document.get("format_version")
    version = "no format_version" if stated is None else f"format_version {str(stated)[:40]!r}"
    found = VERSION_FORM.fullmatch(stated) if isinstance(stated, str) else None
    if found is None or int(found[1]) != FORMAT_MAJOR:
        return PlanFile(document, None, version, ())
    try:
        return PlanFile(document, Plan.model_validate_json(json.dumps(document)), version, ())
    except ValidationError as error:
        escapes, faults = split_faults(error, name)
        if faults:
            raise PlanFaultsError(escapes + faults) from None
        return PlanFile(document, None, version, tuple(escapes))


def parse(content: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object; duplicate names, NaN, absurd depth and size are faults, not surprises."""
    if len(content) > MAX_PLAN_BYTES:
        raise PlanFaultsError([f"{name} is {len(content)} bytes; wanted a plan of at most {MAX_PLAN_BYTES}"])
    try:
        document = json.loads(content, object_pairs_hook=no_duplicates, parse_constant=no_constant)
        canonical_json(document)  # also refuses 1e999 and lone surrogates, which have no canonical form
    except (ValueError, RecursionError) as error:
        raise PlanFaultsError(
            [f"{name} is not a plan: {error}; make it again: advise SCENARIO --plan {name}"]
        ) from None
    if not isinstance(document, dict):
        raise PlanFaultsError([f"{name} holds a {type(document).__name__}; wanted a JSON object"])
    return cast("dict[str, Any]", document)


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as a dict; a name given twice has no one meaning."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            message = f"the name {key!r} is given twice in one object"
            raise ValueError(message)
        found[key] = value
    return found


def no_constant(word: str) -> NoReturn:
    """Refuse NaN and Infinity, which are not JSON."""
    message = f"{word} is not a JSON number"
    raise ValueError(message)


def split_faults(error: ValidationError, name: str) -> tuple[list[str], list[str]]:
    """Return the paths that climb out, and the other faults, one sentence each."""
    escapes: list[str] = []
    faults: list[str] = []
    for found in error.errors(include_url=False):
        place = ".".join(str(part) for part in found["loc"])
        wanted = found["msg"].removeprefix("Value error, ")
        if ESCAPE_WORDS in wanted:
            escapes.append(f"{place}: {wanted}")
        else:
            value = "absent" if found["type"] == "missing" else repr(found["input"])[:80]
            faults.append(f"{name}  {place} is {value}; wanted: {wanted}")
    return escapes, faults
