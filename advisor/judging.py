"""A scenario's record files, read and judged."""

from pathlib import Path

from advisor.checks.records import read_records
from advisor.findings import Readiness
from advisor.readiness import assess
from advisor.row_findings import Records
from advisor.scenario import Scenario


def judge(scenario: Scenario, folder: Path) -> Readiness:
    """Return what the data files named in the scenario, or its stated rows, are good for."""
    stated = scenario.data
    train, test, valid = (read_file(folder, name) for name in (stated.train, stated.test, stated.valid))
    wants_json = scenario.quality.metric == "json_match"
    return assess(stated, scenario.task.goal, train, test, wants_json, valid)


def read_file(folder: Path, name: str | None) -> Records | None:
    """Return the rows and faults of a record file beside the scenario, or None where none is named."""
    return None if name is None else Records(*read_records(folder / name))
