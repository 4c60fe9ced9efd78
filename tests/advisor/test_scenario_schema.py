"""The published schema says what the reader says, as far as a schema can."""

import json
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.scenario_file import ScenarioFaultsError, judge
from advisor.scenario_schema import json_schema, published
from advisor.scenario_tree import parse

SCHEMA = json_schema()
SILENT = {"$schema", "$defs", "description", "default", "x-unit", "x-because"}
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": (int, float),
}  # fmt: skip


def is_type(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name]) and not (name == "integer" and value % 1)


def is_number(value: Any) -> bool:
    return is_type(value, "number")


RULES: dict[str, Callable[[dict[str, Any], Any, Any], bool]] = {
    "$ref": lambda schema, said, value: accepts(SCHEMA["$defs"][said.removeprefix("#/$defs/")], value),
    "type": lambda schema, said, value: is_type(value, said),
    "anyOf": lambda schema, said, value: any(accepts(choice, value) for choice in said),
    "enum": lambda schema, said, value: value in said,
    "properties": lambda schema, said, value: (
        not isinstance(value, dict) or all(accepts(said[k], v) for k, v in value.items() if k in said)
    ),
    "required": lambda schema, said, value: not isinstance(value, dict) or value.keys() >= set(said),
    "additionalProperties": lambda schema, said, value: (
        said or not isinstance(value, dict) or value.keys() <= schema["properties"].keys()
    ),
    "items": lambda schema, said, value: not isinstance(value, list) or all(accepts(said, item) for item in value),
    "minItems": lambda schema, said, value: not isinstance(value, list) or len(value) >= said,
    "pattern": lambda schema, said, value: not isinstance(value, str) or re.search(said, value, re.ASCII) is not None,
    "minLength": lambda schema, said, value: not isinstance(value, str) or len(value) >= said,
    "maxLength": lambda schema, said, value: not isinstance(value, str) or len(value) <= said,
    "minimum": lambda schema, said, value: not is_number(value) or value >= said,
    "exclusiveMinimum": lambda schema, said, value: not is_number(value) or value > said,
    "maximum": lambda schema, said, value: not is_number(value) or value <= said,
}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """Return whether the schema accepts the value; a keyword that this checker does not know is a KeyError."""
    return all(RULES[key](schema, said, value) for key, said in schema.items() if key not in SILENT)


def reads(document: dict[str, Any], folder: Path) -> str:
    """Return the reader's faults with a document, as text; empty if it reads."""
    try:
        judge(parse(json.dumps(document), "scenario.yaml"), folder)  # JSON is YAML
    except ScenarioFaultsError as error:
        return str(error)
    return ""


def test_the_published_schema_is_the_models_own(repo: Path) -> None:
    text = (repo / "advisor" / "schema" / "scenario.schema.json").read_text(encoding="utf-8")
    assert text == published(), "write it again: advisor.scenario_schema.published()"


def plain(node: Any) -> Any:
    """Return ruamel's values as an editor's YAML 1.2 reader sees them: numbers, text, true and false."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return float(node) if isinstance(node, float) and not isinstance(node, bool) else node


def test_every_shipped_scenario_is_accepted_by_the_schema(repo: Path) -> None:
    from ruamel.yaml import YAML

    paths = sorted((repo / "scenarios").glob("*/scenario.yaml"))
    assert len(paths) >= 4
    refused = [p.parent.name for p in paths if not accepts(SCHEMA, plain(YAML(typ="safe", pure=True).load(p)))]
    assert refused == []


NUMBERS = st.one_of(st.integers(-3, 10**6), st.floats(-2, 2, allow_nan=False).map(lambda x: round(x, 4)))
PLAIN_WORDS = ["unknown", "none", "yes", "daily", "cost", "x/y", "", "a"]
WORDS = ["12k", "3", "1..2", "2..1", "0.1..0.2..0.3", *PLAIN_WORDS]


def leaves(words: list[str]) -> st.SearchStrategy[Any]:
    word = st.sampled_from(words)
    return st.one_of(NUMBERS, st.booleans(), word, st.lists(word, max_size=2))


RIGHT = {
    "name": "a",
    "task": {"kind": "chat", "role": "outer"},
    "volume": {"tasks_per_month": 5},
    "tokens": {"input": 9, "output": 1},
    "today": {"model": "a/b"},
}


def sections(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of each section of the schema by its name."""
    found: dict[str, dict[str, Any]] = {}
    for name, said in schema["properties"].items():
        refs = [choice["$ref"] for choice in [said, *said.get("anyOf", [])] if "$ref" in choice]
        if refs:
            found[name] = SCHEMA["$defs"][refs[0].removeprefix("#/$defs/")]["properties"]
    return found


SECTIONS = sections(SCHEMA)


@st.composite
def documents(draw: st.DrawFn, words: list[str]) -> dict[str, Any]:
    """Draw the minimum with up to three fields set to something, right or wrong."""
    document = json.loads(json.dumps(RIGHT))
    for _ in range(draw(st.integers(0, 3))):
        section = draw(st.sampled_from(sorted(SECTIONS)))
        field = draw(st.sampled_from([*sorted(SECTIONS[section]), "nonsense"]))
        document.setdefault(section, {})[field] = draw(leaves(words))
    return document


BEYOND_A_SCHEMA = ("is not there", "relative path below", "usd_rate", "cached_input", "cacheable_input", "residual_usd",
                   "gate.target is")  # fmt: skip
"""Faults no schema sees: files, and fields that contradict their neighbours. (Numbers as text are left out below.)"""


@given(documents(WORDS))
def test_what_the_reader_accepts_the_schema_accepts(document: dict[str, Any]) -> None:
    if not reads(document, Path()):
        assert accepts(SCHEMA, document)


@given(documents(PLAIN_WORDS))
def test_what_the_schema_accepts_the_reader_refuses_only_for_what_no_schema_sees(document: dict[str, Any]) -> None:
    if accepts(SCHEMA, document):
        faults = reads(document, Path()).splitlines()
        assert [fault for fault in faults if not any(word in fault for word in BEYOND_A_SCHEMA)] == []


@pytest.mark.parametrize(
    ("document", "right"),
    [
        (RIGHT, True),
        (RIGHT | {"nonsense": 1}, False),
        (RIGHT | {"quality": {"target": 2}}, False),
        (RIGHT | {"quality": {"target": None}}, False),
        (RIGHT | {"task": {"kind": "chat"}}, False),
        (RIGHT | {"evidence": {"tuned": [{"variant": "a", "n": 3, "successes": 2}]}}, True),
        (RIGHT | {"training": {"lora": {"targets": []}}}, False),
        (RIGHT | {"candidates": {"owned_card": "none"}}, True),
    ],
)
def test_reader_and_schema_agree_on_plain_cases(document: dict[str, Any], right: bool) -> None:
    assert accepts(SCHEMA, document) is right
    assert (reads(document, Path()) == "") is right


def test_every_default_in_the_schema_is_one_the_schema_accepts() -> None:
    wrong: list[str] = []
    for section, fields in SECTIONS.items():
        for name, said in fields.items():
            if "default" in said and not accepts(said, said["default"]):
                wrong.append(f"{section}.{name}")
    assert wrong == []


def test_the_schema_never_says_null() -> None:
    assert "null" not in {word.strip(string.punctuation) for word in published().split()}
