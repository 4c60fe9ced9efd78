"""The restated cases are those of the reference: every id, the same numbers, tolerances and verdicts."""

import json
from pathlib import Path

import pytest

from tests.cases.published import CASES

pytestmark = pytest.mark.real


def test_every_case_is_restated_with_the_same_numbers(shared: Path) -> None:
    published = {row["id"]: row for row in json.loads((shared / "reference/cases/acceptance.json").read_text())}
    restated = {case.id: case for case in CASES}
    assert restated.keys() == published.keys()
    for name, row in published.items():
        case = restated[name]
        ours = (case.kind, case.inputs, case.expected, case.rel, case.verdict, case.must_not)
        theirs = tuple(row[key] for key in ("kind", "inputs", "expected", "rel_tol", "verdict", "must_not_return"))
        assert ours == theirs, name
