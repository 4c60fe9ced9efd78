"""Edge: everything an advice needs from disk, read once: scenario, data findings, model shape, price book."""

import hashlib
from datetime import date
from pathlib import Path

from advisor.advise import Question
from advisor.catalog import find_model
from advisor.choice import choose_cards
from advisor.estimates import LocalSpeed
from advisor.findings import Readiness
from advisor.machine import EFFICIENCY, STEP_OVERHEAD, UNMEASURED, measure_matmul_flops_per_second
from advisor.map import LOCAL
from advisor.recall_files import RULES, recall, remember
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


def read_readiness(scenario: Scenario, folder: Path) -> Readiness:
    """Return what the scenario's data files, or its stated rows, are good for; remembered by their bytes."""
    stated, wants_json = scenario.data, scenario.quality.metric == "json_match"
    names = [name for name in (stated.train, stated.test) if name] if stated.train else []
    asked = f"{stated.model_dump_json()}{scenario.task.goal}{wants_json}"
    contents = [(folder / name).read_bytes() for name in names]
    key = hashlib.sha256(b"\0".join([RULES, asked.encode(), *contents])).hexdigest()
    found = recall(key)
    if found is None:
        from advisor.judging import judge  # noqa: PLC0415  the checks are needed only for data not seen before

        found = judge(scenario, folder)
        remember(key, found)
    return found


def local_speed(scenario: Scenario, shape: ModelShape, measure: bool) -> LocalSpeed:
    """Return this machine's speed: measured for two seconds at the run's own shapes if asked, else assumed."""
    efficiency = EFFICIENCY[scenario.training.method]
    if not measure or scenario.candidates.training_card != LOCAL:
        return LocalSpeed(UNMEASURED, efficiency, STEP_OVERHEAD)
    rows = scenario.training.micro_batch
    tokens = int(rows * scenario.tokens.input_after_tuning.known_value("tokens.input"))
    return LocalSpeed(measure_matmul_flops_per_second(shape, tokens), efficiency, STEP_OVERHEAD)


def read_question(path: Path, as_of: date, *, measure: bool = False) -> Question:
    """Return the whole question of a scenario file; raises ScenarioFaultsError, UnknownModelError, BookFaultsError."""
    scenario = read_scenario(path)
    shape = base_shape(scenario, path.parent)
    book = load_book()
    return Question(
        scenario=scenario,
        scenario_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        shape=shape,
        readiness=read_readiness(scenario, path.parent),
        book=book,
        as_of=as_of,
        speed=local_speed(scenario, shape, measure),
        cards=choose_cards(scenario, shape, book, as_of),
    )
