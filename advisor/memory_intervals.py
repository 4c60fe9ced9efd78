"""The three sizes of a peak, each with its 90 % interval; pure.

Rule 1  Allocated (tensors), reserved (what the caching allocator holds) and recommended (what a card must have) are
        told apart. Factors are measured residuals: `data/memory_intervals.csv`, made by `benchmarks/memory.py`.
Rule 2  An interval is as wide as what was not said: narrow where framework, version, tool and batch lengths are known.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from advisor import memory_parts as parts
from advisor.data_files import constants
from advisor.memory_setup import Component, Phase, TrainingSetup
from pricing.units import GIB

Bytes = Mapping[Component, float]

CONTEXT_BYTES: Final = 0.6 * GIB
"""Assumed: CUDA context, cuBLAS workspaces and kernels of one process; 0.4 to 0.9 GiB between driver versions."""

RECOMMENDED_FACTOR: Final = 1.08
"""Card memory over allocated, before the context: what keeps the allocator from thrashing at its own peak."""


LENGTH_FLOOR: Final = 0.5
"""Assumed: where only the cap on lengths is known, the longest row is at least half of it, or a lower cap would do."""


class Spread(NamedTuple):
    """Rows of the intervals: truth over the allocated size, truth over the reserved size, and the cache's share."""

    allocated: str = "training_ratio"
    reserved: str = "training_ratio"
    cached: str = "cached_share"


def spread_of(setup: TrainingSetup) -> Spread:
    """Return the rows for a run: wider where tool, versions or lengths are unknown, and for a cache of many lengths."""
    loose, many = not setup.stated or setup.lengths == "unknown", setup.lengths in {"varied", "unknown"}
    return Spread(
        "loose_ratio" if loose else "training_ratio",
        "loose_ratio" if loose or many else "training_ratio",
        "varied_cached_share" if many else "cached_share",
    )


class Interval(NamedTuple):
    """A best value in bytes with its 90 % interval."""

    low: float
    value: float
    high: float

    def times(self, factor: float, plus: float = 0.0) -> "Interval":
        """Return the interval scaled and shifted."""
        return Interval(self.low * factor + plus, self.value * factor + plus, self.high * factor + plus)


class MemoryEstimate(NamedTuple):
    """Bytes on the fullest card. `components` add up to `recommended.value`; `phases` are allocated totals."""

    allocated: Interval
    reserved: Interval
    recommended: Interval
    components: Bytes
    peak_phase: Phase | None
    phases: Mapping[Phase, float]


def total_bytes(components: Bytes) -> float:
    """Return the sum of the components."""
    return sum(components.values())


def estimate(
    components: Bytes,
    peak: Phase | None,
    phases: Mapping[Phase, float],
    static_bytes: float,
    spread: Spread,
    least_share: float = 1.0,
) -> MemoryEstimate:
    """Return the three sizes of a peak; `static_bytes` stays between steps, low ends count only `least_share` of it.

    Reserved is what the allocator holds on a card of the recommended size; its high end is a card with room to spare.
    """
    value, table = total_bytes(components), constants("memory_intervals.csv")
    ratio, held_ratio, cached = (table[name] for name in spread)
    allocated = Interval(value * least_share * ratio.low, value, value * ratio.high)
    held = min(parts.reserved_bytes(value, static_bytes, cached.value), value * RECOMMENDED_FACTOR)
    most = max(parts.reserved_bytes(value, static_bytes, cached.high), held, allocated.high)
    if spread.reserved == "loose_ratio":
        most = max(held * held_ratio.high, allocated.high)
    slack = value * (RECOMMENDED_FACTOR - 1)
    return MemoryEstimate(
        allocated=allocated,
        reserved=Interval(min(allocated.low, held * least_share * held_ratio.low), held, most),
        recommended=allocated.times(RECOMMENDED_FACTOR, CONTEXT_BYTES),
        components={
            **components,
            Component.ALLOCATOR: components.get(Component.ALLOCATOR, 0.0) + slack,
            Component.CONTEXT: CONTEXT_BYTES,
        },
        peak_phase=peak,
        phases=phases,
    )
