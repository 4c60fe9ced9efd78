"""Edge: everything an advice needs from disk, read once: scenario, data findings, model shape, price book."""

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.advise import Question
from advisor.catalog import find_model
from advisor.choice import choose_cards
from advisor.estimates import LocalSpeed
from advisor.findings import Readiness
from advisor.machine import EFFICIENCY, STEP_OVERHEAD, UNMEASURED, measure_matmul_flops_per_second
from advisor.map import ASSUMED_MODEL, LOCAL
from advisor.plausibility import Suspicion, spoken
from advisor.plausibility_checks import Asked, suspicions
from advisor.recall_files import RULES, recall, remember
from advisor.scenario import Scenario
from advisor.scenario_file import ScenarioFaultsError, read_scenario, read_tree
from advisor.scenario_tree import Tree
from advisor.shape import ModelShape, parameters
from advisor.shape_of_demand import Log
from pricing.book_files import open_book
from pricing.places import calibration_file
from pricing.table import PriceBook

if TYPE_CHECKING:
    from advisor.calibration import Calibration


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
    names = [name for name in (stated.train, stated.test, stated.valid) if name] if stated.train else []
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


def traffic_log(scenario: Scenario, folder: Path) -> Log | None:
    """Return what the scenario's traffic log says, or None where it names none."""
    if scenario.traffic.log is None:
        return None
    from advisor.traffic_file import read_log  # noqa: PLC0415  few scenarios have a log, and all pay for the start

    return read_log(folder / scenario.traffic.log)


def serving_ratio(scenario: Scenario, folder: Path, shape: ModelShape, card: str) -> float | None:
    """Return the user's own time on the serving card over the formula's, or None where they measured nothing."""
    if scenario.serving.measured is None:
        return None
    from advisor.serving_scenario_file import scenario_ratio  # noqa: PLC0415  few scenarios have a benchmark

    return scenario_ratio(folder / scenario.serving.measured, shape, card)


def measured_before(scenario: Scenario, shape: ModelShape, card: str) -> "Calibration | None":
    """Return what earlier runs on this machine or card measured, or None where there were none."""
    path = calibration_file()
    if path is None or not path.is_file():
        return None
    from advisor.calibration_file import recalled  # noqa: PLC0415  few machines have run anything before

    return recalled(path, card, scenario.training.method, parameters(shape))


def with_counted_tokens(scenario: Scenario, folder: Path) -> Scenario:
    """Return the scenario with tokens that were not stated counted in its samples; UnknownQuantityError."""
    stated = scenario.tokens
    if stated.samples is None or (stated.input.known and stated.output.known):
        return scenario
    from advisor.token_count_files import counted_samples  # noqa: PLC0415  counting needs what few scenarios do

    sent, got = counted_samples(folder / stated.samples, scenario.today.model)
    filled = {
        "input": stated.input if stated.input.known else sent,
        "output": stated.output if stated.output.known else got,
    }
    return scenario.model_copy(update={"tokens": stated.model_copy(update=filled)})


def refuse_slips(path: Path, asked: Asked) -> None:
    """Raise ScenarioFaultsError for every number that looks like a slip of a thousand or more: nothing is computed."""
    refused = [one for one in suspicions(asked) if one.refused]
    if refused:
        tree = read_tree(path)
        note_slips(tree, refused)
        raise ScenarioFaultsError(tree.faults)


def note_slips(tree: Tree, refused: Sequence[Suspicion]) -> None:
    """Note each slip at the line that states the number."""
    for one in refused:
        told = f"looks like a slip of unit: {one.implies}"
        meant = f"{' or '.join(one.likely)}; {one.next_step}" if one.likely else one.next_step
        tree.fault(tuple(one.place.split(".")), told, spoken(one.usual), meant)


def pose(scenario: Scenario, path: Path, book: PriceBook, as_of: date, *, measure: bool = False) -> Question:
    """Return the whole question of a scenario that was read from `path`; raises UnknownModelError and the like."""
    scenario = with_counted_tokens(scenario, path.parent)
    shape = base_shape(scenario, path.parent)
    cards = choose_cards(scenario, shape, book, as_of)
    refuse_slips(path, Asked(scenario, book, as_of, cards[1]))
    return Question(
        scenario=scenario,
        scenario_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        shape=shape,
        readiness=read_readiness(scenario, path.parent),
        book=book,
        as_of=as_of,
        speed=local_speed(scenario, shape, measure),
        cards=cards,
        log=traffic_log(scenario, path.parent),
        calibration=measured_before(scenario, shape, cards[0]),
        serving_ratio=serving_ratio(scenario, path.parent, shape, cards[1]),
    )


def read_question(path: Path, as_of: date, *, measure: bool = False, prices: Path | None = None) -> Question:
    """Return the whole question of a scenario file; raises ScenarioFaultsError, UnknownModelError, BookFaultsError."""
    return pose(read_scenario(path), path, open_book(prices, path.parent), as_of, measure=measure)
