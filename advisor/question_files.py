"""Edge: everything an advice needs from disk, read once: scenario, data findings, model shape, price book."""

import hashlib
from datetime import date
from pathlib import Path

from advisor.advise import Question
from advisor.catalog import find_model
from advisor.choice import choose_cards
from advisor.estimates import LocalSpeed
from advisor.readiness import judge_files
from advisor.scenario import Scenario
from advisor.scenario_file import read_scenario
from advisor.shape import ModelShape
from pricing.book import load_book

ASSUMED_MODEL = "meta-llama/Llama-3.1-8B"
"""Where no base model is named: the field's usual starting size, 7 to 13 billion parameters (R060)."""


def base_shape(scenario: Scenario, folder: Path) -> ModelShape:
    """Return the base model's shape: a folder beside the scenario, or a name of the catalogue."""
    name = scenario.candidates.base_model
    if name is None:
        return find_model(ASSUMED_MODEL)
    beside = folder / name
    return find_model(str(beside) if beside.exists() else name)


def read_question(path: Path, as_of: date, speed: LocalSpeed) -> Question:
    """Return the whole question of a scenario file; raises ScenarioFaultsError, UnknownModelError, BookFaultsError."""
    scenario = read_scenario(path)
    shape = base_shape(scenario, path.parent)
    book = load_book()
    return Question(
        scenario=scenario,
        scenario_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        shape=shape,
        readiness=judge_files(scenario, path.parent),
        book=book,
        as_of=as_of,
        speed=speed,
        cards=choose_cards(scenario, shape, book, as_of),
    )
