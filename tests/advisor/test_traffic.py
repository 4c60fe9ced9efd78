"""Demand to replicas to what is billed: hand-worked loads, the laws of the four ways of scaling, and own logs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import traffic
from advisor.economics import staircase_replicas
from advisor.option_costs import shared_usd_per_month
from advisor.scenario_file import ScenarioFaultsError
from advisor.traffic_file import read_log

SHARES = np.array([share for _, share in traffic.LEVELS])
loads = st.floats(0.001, 500)
peaks = st.floats(1, 40)
headrooms = st.floats(1, 2)
reactions = st.floats(1, 3)
waits = st.floats(0, 1)


def static(load, peak, headroom=1.2, floor=1, waiting=0.0):
    urgent = traffic.urgent_tasks_per_hour(load * peak, peak, waiting)
    return staircase_replicas(urgent, 1.0, headroom, floor, 1.0)


def follow(load, peak, headroom=1.2, reaction=1.26, floor=1, waiting=0.0):
    curve = traffic.lognormal_curve_ratio(peak)
    most = static(load, peak, headroom, max(floor, 1), waiting)
    return traffic.following_replicas(load, most, curve, SHARES, headroom, reaction, floor, waiting, 1.0)


def sleep(load, peak, arrivals, headroom=1.2, reaction=1.26, idle=60.0, start=60.0):
    curve = traffic.lognormal_curve_ratio(peak)
    zero = follow(load, peak, headroom, reaction, floor=0)
    return traffic.sleeping_replicas(zero, load, curve, SHARES, arrivals, idle, start)


@pytest.mark.parametrize(
    ("ratios", "shares", "load", "floor", "most", "replicas"),
    [
        ((0.5, 3.0), (0.8, 0.2), 1.0, 1, 99, 1.6),  # ceil(0.6) = 1 for 0.8, ceil(3.6) = 4 for 0.2: 0.8 + 0.8
        ((0.5, 3.0), (0.8, 0.2), 1.0, 2, 99, 2.4),  # the floor of 2 for 0.8, 4 for 0.2: 1.6 + 0.8
        ((0.5, 3.0), (0.8, 0.2), 1.0, 1, 3, 1.4),  # never over the static 3: 0.8 + 0.6
        ((0.5, 3.0), (0.8, 0.2), 10.0, 1, 99, 12.0),  # ceil(6) for 0.8, ceil(36) for 0.2: 4.8 + 7.2
        ((0.0, 2.0), (0.5, 0.5), 0.1, 0, 99, 0.5),  # nothing in half the hours, one replica in the other
    ],
)
def test_replicas_over_a_curve(ratios, shares, load, floor, most, replicas):
    found = traffic.following_replicas(load, most, np.array(ratios), np.array(shares), 1.2, 1.0, floor, 0.0, 1.0)
    assert found == pytest.approx(replicas, rel=1e-12)


@pytest.mark.parametrize(
    ("load", "peak", "waiting", "replicas"),
    [
        (1.0, 4.0, 0.0, 5),  # ceil(4 x 1.2)
        (1.0, 4.0, 0.5, 3),  # half waits: ceil(2 x 1.2)
        (1.0, 4.0, 1.0, 2),  # all waits: the work itself with its headroom, ceil(1 x 1.2)
    ],
)
def test_work_that_can_wait_fills_the_trough(load, peak, waiting, replicas):
    assert static(load, peak, waiting=waiting) == replicas


@pytest.mark.parametrize(
    ("arrivals", "idle", "start", "awake"),
    [
        (0.0, 60, 60, 0.0),  # nobody asks
        (1 / 60, 60, 0, 1 - np.exp(-1)),  # one a minute, kept for a minute: asleep with probability 1/e
        (1 / 60, 0, 60, 0.5),  # each of them starts anew for a minute, then waits a minute for the next
        (10.0, 60, 60, 1.0),
    ],
)
def test_how_much_of_the_time_anything_is_awake(arrivals, idle, start, awake):
    assert traffic.awake_share(arrivals, idle, start) == pytest.approx(awake, abs=1e-9)


def test_a_start_pays_half_a_step_and_the_minimum():
    assert traffic.start_seconds(30.0, 60.0, 0.0) == 60  # 30 s of loading, and a minute begun is half unused
    assert traffic.start_seconds(1.0, 1.0, 100.0) == 100


@given(loads, peaks, headrooms, reactions, st.integers(0, 3), waits)
def test_replicas_are_never_below_the_work_and_never_above_static(load, peak, headroom, reaction, floor, waiting):
    following = follow(load, peak, headroom, reaction, floor, waiting)
    assert load <= following * (1 + 1e-12)
    assert following <= static(load, peak, headroom, max(floor, 1), waiting) * (1 + 1e-12)


@given(loads, peaks, headrooms, reactions, st.floats(0, 10))
def test_scale_to_zero_bills_no_more_than_autoscale_and_that_no_more_than_static(load, peak, headroom, reaction, rate):
    asleep = sleep(load, peak, rate, headroom, reaction)
    following = follow(load, peak, headroom, reaction)
    assert load * (1 - 1e-12) <= asleep <= following * (1 + 1e-12)
    assert following <= static(load, peak, headroom) * (1 + 1e-12)


@given(st.lists(loads, min_size=1, max_size=24), peaks)
def test_utilisation_is_above_nothing_and_at_most_all(months, peak):
    load = np.array(months)
    use = traffic.utilisation_share(load, follow(load, peak), np.ones(load.size))
    assert 0 < use <= 1 + 1e-12


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=6), st.floats(0, 1e6))
def test_what_sharers_pay_adds_up_to_the_whole(tasks, whole):
    everyone = sum(tasks)
    parts = [shared_usd_per_month(whole, own, everyone) for own in tasks]
    assert sum(parts) == pytest.approx(whole if everyone else 0.0, rel=1e-12)


@given(peaks)
def test_a_curve_has_a_mean_of_one_and_ends_at_its_peak(peak):
    curve = traffic.lognormal_curve_ratio(peak)
    assert SHARES.sum() == pytest.approx(1)
    assert float((curve * SHARES).sum()) == pytest.approx(1, rel=1e-9)
    assert np.all(np.diff(curve) >= 0)
    assert curve[-1] <= peak


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=400).filter(lambda values: sum(values) > 0))
def test_a_curve_of_loads_keeps_their_time_and_cuts_only_above_its_peak(values):
    curve = traffic.curve_of_loads(values)
    assert sum(curve.time_share) == pytest.approx(1)
    assert sum(r * s for r, s in zip(curve.load_ratio, curve.time_share, strict=True)) <= 1 + 1e-9
    assert len(curve.load_ratio) <= traffic.CURVE_POINTS + 1
    assert max(curve.load_ratio) <= curve.peak_ratio * (1 + 1e-9)


def test_numbers_and_arrays_of_draws_give_the_same_replicas():
    peaks_drawn = np.array([2.0, 5.0, 12.0]).reshape(-1, 1)
    load = np.array([[0.3, 4.0], [0.3, 4.0], [0.3, 4.0]])
    drawn = follow(load, peaks_drawn)
    alone = [[float(follow(one, float(peak))) for one in (0.3, 4.0)] for peak in peaks_drawn[:, 0]]
    assert drawn == pytest.approx(np.array(alone), rel=1e-12)


@pytest.mark.parametrize(("load", "words"), [(0.1, "floor decides"), (1.0, "share the decision"), (7.0, "one for one")])
def test_the_regime_and_both_prices_are_said(load, words):
    told = traffic.regime(load, 0.25, 0.5)
    assert words in told
    assert "25% in use (USD 2 to serve a million tokens, 0.5 if always full)" in told


def test_office_hours_carry_nine_tenths_of_the_business_week():
    week = np.array(traffic.business_week())
    assert week.size == 168
    assert week[week > 0.05].sum() / week.sum() == pytest.approx(49 / 54.9)  # five days of 9.8, and 118 hours of 0.05
    assert traffic.curve_of_loads(week).peak_ratio == pytest.approx(
        1.2 / (54.9 / 168)
    )  # the busiest hour over the mean


def hours(count, load):
    start = datetime(2026, 11, 2, tzinfo=UTC)
    return [(start + timedelta(hours=hour), load(hour)) for hour in range(count)]


def test_a_log_of_requests_and_one_of_hours_say_the_same_of_the_hours(tmp_path: Path):
    table = hours(48, lambda hour: 60 if 8 <= hour % 24 < 18 else 6)
    requests = [at + timedelta(seconds=3600 * n / count) for at, count in table for n in range(count)]
    (tmp_path / "requests.jsonl").write_text(
        "".join(json.dumps({"timestamp": at.isoformat()}) + "\n" for at in requests)
    )
    rows = "".join(f"{at.isoformat()},{count}\n" for at, count in table)
    (tmp_path / "hours.csv").write_text(f"hour,count\n{rows}")
    by_request, by_hour = read_log(tmp_path / "requests.jsonl"), read_log(tmp_path / "hours.csv")
    assert by_request.curve == by_hour.curve
    assert by_hour.curve.load_ratio == pytest.approx((6 / 28.5, 60 / 28.5))  # mean (10 x 60 + 14 x 6) / 24 = 28.5
    assert by_hour.curve.time_share == pytest.approx((14 / 24, 10 / 24))
    assert by_hour.held_ratio is None
    assert by_request.held_ratio == pytest.approx(
        1 + 2 * 9 / (48 * 28.5), rel=1e-9
    )  # two falls, each held a window long


def test_silent_hours_are_hours_too(tmp_path: Path):
    (tmp_path / "log.csv").write_text("timestamp\n0\n3600\n356400\n")  # hours 0, 1 and 99
    assert read_log(tmp_path / "log.csv").curve.time_share[0] == pytest.approx(0.97)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "a.csv",
            "timestamp\n2026-11-02T00:00:00\nyesterday\nnever\n",
            ['a.csv:3  timestamp is "yesterday"', "a.csv:4"],
        ),
        ("a.csv", "when\n2026-11-02\n", ["names no time and no count"]),
        ("a.csv", "", ["names no time and no count"]),
        ("a.csv", "timestamp\n0\n60\n", ["spans 1.0 hours", "24 to"]),
        ("a.csv", "timestamp\n1700000000000\n1700900000000\n", ["check the unit"]),
        ("a.jsonl", '{"count": 5}\n' * 3, ["has 3 hours"]),
        ("a.jsonl", '{"count": -5}\n' * 30, ["a count of at least 0", "and 25 more lines"]),
        ("a.jsonl", "nonsense\n", ["names no time and no count"]),
    ],
)
def test_a_log_that_cannot_be_used_says_where_and_why(tmp_path: Path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ScenarioFaultsError) as told:
        read_log(tmp_path / name)
    assert all(word in str(told.value) for word in words), told.value
