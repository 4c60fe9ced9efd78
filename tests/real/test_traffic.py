"""The utilisation of production clients by scaling policy, reproduced from their statistics."""

from pathlib import Path

import pytest

from benchmarks.traffic import POLICIES, TOLERANCE, read_clients, score

pytestmark = pytest.mark.real


def test_every_cell_of_the_policy_table_is_met_within_fifteen_percent(shared: Path) -> None:
    cells = score(shared / "reference" / "traffic")
    assert {cell.name for cell in cells} >= set(POLICIES)
    assert len(cells) == 9 * 11  # nine loads, five medians and six quartiles
    missed = [cell for cell in cells if abs(cell.error) > TOLERANCE]
    assert not missed, missed


def test_the_clients_left_out_are_the_nearly_silent_ones(shared: Path) -> None:
    assert len(read_clients(shared / "reference" / "traffic" / "traffic_clients.csv")) == 395  # of 421
