"""Measured rows beside an estimate: every one cited, the nearest first, the same question at no distance."""

from pathlib import Path

import pytest

import advisor
from advisor.catalog import find_card
from advisor.data_files import rows
from advisor.replica import Layout
from advisor.serving_evidence import CITED, nearest
from advisor.serving_shapes import find_served

TABLE = rows("serving_evidence.csv")
MOST_BYTES = 300_000


def test_the_table_is_compact_and_every_row_is_cited() -> None:
    path = Path(advisor.__file__).parent / "data" / "serving_evidence.csv"
    assert path.stat().st_size < MOST_BYTES
    assert {row["source"] for row in TABLE} == set(CITED)
    assert len({row["row"] for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("i", [0, len(TABLE) // 3, len(TABLE) // 2, len(TABLE) - 1])
def test_a_row_is_nearest_to_itself(i: int) -> None:
    row = TABLE[i]
    served, cards = find_served(row["model"]), int(row["cards"])
    layout = Layout(row["quant"], cards=cards, engine=row["engine"])
    found = nearest(
        served, find_card(row["gpu"]), layout, (float(row["isl"]), float(row["osl"])), float(row["concurrency"])
    )
    assert found[0].distance == pytest.approx(0, abs=1e-9)
    assert [near.distance for near in found] == sorted(near.distance for near in found)


def test_three_different_rows_for_a_card_that_was_never_measured() -> None:
    found = nearest(find_served("llama-3-8b"), find_card("L4"), Layout("fp8"), (1000, 200), 16)
    assert len({(near.source, near.model, near.gpu) for near in found}) == 3
    assert all(near.distance > 0.5 for near in found)  # another card is never near
