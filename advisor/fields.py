"""Kinds of field that several sections share: yes, no or unknown, and a file below the scenario's folder."""

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from advisor.answer import Answer
from advisor.quantity import refuse
from advisor.settings import read_text


def read_answer(raw: object) -> object:
    """Return true and false as yes and no; anything else is left for the enumeration to judge."""
    if isinstance(raw, bool):
        return Answer.YES if raw else Answer.NO
    return raw


def inside_folder(raw: object) -> object:
    """Return a path that stays below the scenario's folder; raise where it is absolute or climbs out."""
    if not isinstance(raw, str):
        return raw
    parts = raw.replace("\\", "/").split("/")
    if not parts[0] or ".." in parts or ":" in parts[0]:
        raise refuse("a relative path below the scenario's folder", "move the file there and name it from there")
    return raw


YesNoUnknown: TypeAlias = Annotated[
    Answer,
    BeforeValidator(read_answer),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "unknown"]}]}),
]
PathBelow: TypeAlias = Annotated[str, StringConstraints(strict=True, min_length=1), BeforeValidator(inside_folder)]
FileBelow: TypeAlias = Annotated[PathBelow | None, BeforeValidator(read_text, json_schema_input_type=PathBelow | None)]
