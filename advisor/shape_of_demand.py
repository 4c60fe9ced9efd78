"""Which load-duration curve a scenario stands on: its own log, a preset, or the peak it states."""

from typing import NamedTuple

import numpy as np

from advisor.scenario import Scenario
from advisor.traffic import LEVELS, PRESETS, Curve, curve_of_loads, lognormal_curve_ratio
from pricing.figure import Figure, assumed, derive, measured

PEAK = "volume.peak_to_mean"
REACTION = "traffic.reaction"


class Log(NamedTuple):
    """What a traffic log says: its curve, what a late scaler holds over the load (None: too coarse), and its note."""

    curve: Curve
    held_ratio: float | None
    note: str


def fixed(curve: Curve, note: str, *, logged: bool) -> tuple[Figure, Figure]:
    """Return a curve as two figures with the levels as first axis: loads over the mean, shares of the time."""
    make = measured if logged else assumed
    return (
        make("traffic.curve", np.array(curve.load_ratio), "ratio", note),
        make("traffic.curve_share", np.array(curve.time_share), "share", note),
    )


def curve_of(scenario: Scenario, leaves: dict[str, Figure], log: Log | None) -> tuple[Figure, Figure]:
    """Return the curve; what a log or a preset says about the peak and the reaction is put into `leaves`.

    Without either the curve is lognormal, and follows volume.peak_to_mean wherever that goes.
    """
    if log is not None:
        leaves[PEAK] = measured(PEAK, log.curve.peak_ratio, "ratio", f"p99 over mean of {log.note}")
        if log.held_ratio is not None:
            leaves[REACTION] = measured(REACTION, log.held_ratio, "ratio", f"neighbours' larger one in {log.note}")
        return fixed(log.curve, log.note, logged=True)
    preset = PRESETS.get(scenario.traffic.preset or "")
    if preset is not None:
        why = f"preset {scenario.traffic.preset}: {preset.because}"
        if preset.week:
            curve = curve_of_loads(preset.week)
            leaves[PEAK] = assumed(PEAK, curve.peak_ratio, "ratio", why, preset.low, preset.high)
            return fixed(curve, why, logged=False)
        leaves[PEAK] = assumed(PEAK, preset.peak_ratio, "ratio", why, preset.low, preset.high)
    shares = np.array([share for _, share in LEVELS])
    slices = assumed("traffic.curve_share", shares, "share", "slices of the year, the busiest 1 % last")
    peak = leaves.get(PEAK) or assumed(PEAK, 1, "ratio", "unknown: roads that need it say so")
    return derive("traffic.curve", lognormal_curve_ratio, peak_to_mean_ratio=peak), slices
