"""The rules by which a list is believed, at their borders: bounds, jumps, shrinking, a slip of unit, age."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.refresh_rows import RefusedError, current, judged, jumps, key_of, outside, stale
from pricing.sources.answer import Row, Taken

DAY = date(2026, 11, 21)
INPUT, OUTPUT = "input_usd_per_million_tokens", "output_usd_per_million_tokens"


def model(name: str, usd: str, **more: str) -> Row:
    return Row("api", "openai", {"model": name, INPUT: usd, OUTPUT: usd, **more})


def rent(usd: str, count: str, **more: str) -> Row:
    return Row("gpu", "aws", {"instance": "i", "card": "H100-SXM", "count": count, "usd_per_hour": usd, **more})


@pytest.mark.parametrize(
    ("row", "faults"),
    [
        (model("m", "0.005"), 0),  # the bounds belong to what is allowed
        (model("m", "1000"), 0),
        (model("m", "0.0049"), 2),
        (model("m", "1000.1"), 2),
        (rent("480", "8"), 0),  # 60 a card
        (rent("480.8", "8"), 1),
        (rent("0.4", "8"), 0),  # 0.05 a card
        (rent("0.39", "8"), 1),
        (rent("80", "8", spot_usd_per_hour="0.3"), 1),  # a spot price is judged by the card too
    ],
)
def test_bounds(row: Row, faults: int) -> None:
    assert len(list(outside(row, ()))) == faults


def test_a_figure_that_exceptions_csv_explains_is_within_bounds() -> None:
    explained = {f"price.api.openai/m.{INPUT}"}
    assert list(outside(model("m", "0.003"), explained)) == [
        f"{OUTPUT} 0.003 is outside 0.005..1000 usd_per_million_tokens"
    ]


@pytest.mark.parametrize(
    ("now", "before", "jumped"),
    [("3", "2", False), ("3.001", "2", True), ("1", "2", False), ("0.999", "2", True), ("9", "", False)],
)
def test_more_than_half_away_is_a_jump(now: str, before: str, jumped: bool) -> None:
    held = {INPUT: before, "second_" + INPUT: "99"}
    assert [INPUT in each for each in jumps(model("m", now), held)] == ([True] if jumped else [])


def verdict(prices: list[str], held: str, rows_before: int = 0) -> tuple[int, int] | str:
    rows = [model(f"m{number}", usd) for number, usd in enumerate(prices)]
    line = {INPUT: held, OUTPUT: held} if held else {}
    try:
        good, waiting = judged(Taken(rows, Counter(), None), lambda _: line, rows_before)
    except RefusedError as refused:
        return refused.why
    return len(good), len(waiting)


@pytest.mark.parametrize(
    ("prices", "held", "rows_before", "wanted"),
    [
        (["2", "2"], "2", 4, (2, 0)),  # half of four is enough
        (["2", "2"], "2", 5, "2 rows, and it had 5: under half"),
        (["2", "9"], "2", 0, (1, 1)),  # one of two: it waits
        (["2", "9", "9"], "2", 0, "2 of 3 rows that can be judged are out of bounds or moved by over 50 %"),
        (["9", "9", "9"], "", 0, (3, 0)),  # nothing is held: only the bounds can judge
        (["2", "2000", "2000"], "", 0, "2 of 2 rows that can be judged are out of bounds or moved by over 50 %"),
        ([], "2", 0, "no usable row"),
    ],
)
def test_a_list_as_a_whole(prices: list[str], held: str, rows_before: int, wanted: tuple[int, int] | str) -> None:
    assert verdict(prices, held, rows_before) == wanted


USD = st.decimals("0.001", "2000", places=3).map(str)


def named(rows: Iterable[Row]) -> list[str]:
    return sorted(row.columns["model"] for row in rows)


@given(st.lists(USD, max_size=8), USD)
def test_nothing_is_taken_that_is_out_of_bounds_or_has_jumped(prices: list[str], held: str) -> None:
    """Law: every row is taken or waits, also in a refused list; what is taken is in bounds and within half of ours."""
    rows = [model(f"m{number}", usd) for number, usd in enumerate(prices)]
    good: list[Row] = []
    try:
        good, waiting = judged(Taken(rows, Counter(), None), lambda _: {INPUT: held}, 0)
    except RefusedError as refused:
        waiting = list(refused.waiting)
    assert named([*good, *(each.row for each in waiting)]) == named(rows)
    for row in good:
        usd = Decimal(row.columns[INPUT])
        assert Decimal("0.005") <= usd <= 1000
        assert Decimal("0.5") * Decimal(held) <= usd <= Decimal("1.5") * Decimal(held)


def test_of_dated_rows_the_one_in_force_and_the_announced_ones() -> None:
    days = ["", "2026-01-01", "2026-11-21", "2026-12-01", "2027-01-01"]
    rows = [model("m", "2", **({"from": day} if day else {})) for day in days]
    assert [row.columns.get("from") for row in current(rows, DAY)] == ["2026-11-21", "2026-12-01", "2027-01-01"]
    assert current(rows[:1], DAY) == rows[:1]
    assert key_of(*rows[0]) == ("api", "openai", "m")


@pytest.mark.parametrize(
    ("day", "held", "refused"),
    [
        (date(2026, 11, 20), date(2026, 11, 21), True),
        (date(2026, 11, 21), date(2026, 11, 21), False),
        (None, date(2026, 11, 21), False),
        (date(2026, 11, 20), None, False),
    ],
)
def test_an_older_list_is_refused(day: date | None, held: date | None, refused: bool) -> None:
    if refused:
        with pytest.raises(RefusedError, match="the list is of 2026-11-20, and the book holds the one of 2026-11-21"):
            stale(day, held)
    else:
        stale(day, held)
