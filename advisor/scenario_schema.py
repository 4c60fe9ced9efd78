"""The JSON Schema of a scenario file, which editors complete and check with; the reader stays the judge."""

import json
from typing import Any, cast

from advisor.quantity import UNKNOWN_WORD
from advisor.scenario import Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"


OF_THE_WHOLE = ("name", "task", "finance", "claims")
"""Words of a scenario that one task of several may not say for itself; its own name stands among its links."""
PARTLY_INHERITED = ("volume", "today")
"""Sections that a task completes from the top, so that nothing in them is required below it."""


def json_schema() -> dict[str, Any]:
    """Return the schema as published in schema/scenario.schema.json: a scenario of one task, or of several."""
    whole = cast("dict[str, Any]", trimmed(Scenario.model_json_schema()))
    required: list[str] = whole.pop("required")
    several = {"type": "array", "minItems": 1, "items": one_of_several(whole)}
    whole["properties"]["tasks"] = several
    whole["anyOf"] = [{"required": required}, {"required": ["name", "tasks"]}]
    return {"$schema": DIALECT} | whole


def one_of_several(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one task among several: its links, the words of its task, and sections of its own."""
    parts, sections = whole["$defs"], whole["properties"]
    bare = {name: {k: v for k, v in parts[name.title()].items() if k != "required"} for name in PARTLY_INHERITED}
    own = {name: bare.get(name, said) for name, said in sections.items() if name not in OF_THE_WHOLE}
    links = {
        "name": sections["name"],
        "after": {"type": "array", "items": sections["name"], "description": "tasks whose answers it takes"},
        "calls_per_request": {"description": "calls of this task per request of the top's volume, 1.8 or 1.5..2.2"},
        "volume_share": {"description": "its share of the top's volume; the shares of all tasks sum to 1"},
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "kind", "role"],
        "properties": links | parts["Task"]["properties"] | own,
    }


def published() -> str:
    """Return the text of schema/scenario.schema.json."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def trimmed(schema: Any) -> Any:
    """Return the schema without titles, and without null: a file leaves a line out, or writes unknown."""
    if isinstance(schema, list):
        return [trimmed(item) for item in cast("list[Any]", schema) if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    items = cast("dict[str, Any]", schema).items()
    kept = {key: trimmed(value) for key, value in items if key not in ("title", "default")}
    return kept | spelt(cast("dict[str, Any]", schema).get("default"))


def spelt(default: Any) -> dict[str, Any]:
    """Return a default as a file would spell it, with its reason; a section's default stands at its own fields."""
    if not isinstance(default, dict):
        return {} if default is None else {"default": default}
    quantity = cast("dict[str, Any]", default)
    if "because" not in quantity:
        return {}
    bounds = [quantity[name] for name in ("low", "value", "high") if quantity[name] is not None]
    return {"default": "..".join(bounds) or UNKNOWN_WORD, "x-because": quantity["because"]}
