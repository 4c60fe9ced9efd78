"""A scenario's record files, read and judged."""

from pathlib import Path

from advisor.checks.records import read_records
from advisor.findings import Readiness
from advisor.readiness import Records, assess
from advisor.scenario import Scenario


def judge(scenario: Scenario, folder: Path) -> Readiness:
    """Return what the data files named in the scenario, or its stated rows, are good for."""
    stated = scenario.data
    train, test = read_file(folder, stated.train), read_file(folder, stated.test)
    return assess(stated, scenario.task.goal, train, test, wants_json=scenario.quality.metric == "json_match")


def read_file(folder: Path, name: str | None) -> Records | None:
    """Return the rows and faults of a record file beside the scenario, or None where none is named."""
    return None if name is None else Records(*read_records(folder / name))
