"""The JSON Schema of a scenario file, which editors complete and check with; the reader stays the judge."""

import json
from typing import Any, cast

from advisor.quantity import UNKNOWN_WORD
from advisor.scenario import Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema as published in schema/scenario.schema.json."""
    return {"$schema": DIALECT} | cast("dict[str, Any]", trimmed(Scenario.model_json_schema()))


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
