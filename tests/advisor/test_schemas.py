"""The published schemas are the models' own: a changed model without a changed schema fails here."""

import json
import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from advisor.advice import Advice
from advisor.mix_records import MixAdvice
from advisor.plan import Plan

SCHEMAS = Path(__file__).resolve().parents[2] / "advisor" / "schema"


@pytest.mark.parametrize(("name", "model"), [("plan", Plan), ("advice", Advice), ("mix", MixAdvice)])
def test_the_published_schema_is_the_models_own(name, model):
    path = SCHEMAS / f"{name}.schema.json"
    wanted = {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(model).json_schema()}
    if os.environ.get("CROSSOVER_WRITE_SCHEMAS"):
        path.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == wanted
