"""Capacity under a limit on the time between tokens: measured by interpolation, against what the formulas allow."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from advisor import serving
from benchmarks.fitting import Array
from benchmarks.serving_rows import Case

LIMITS_SECONDS: Final = (0.01, 0.015, 0.02, 0.03, 0.05)  # usual limits of interactive use: 20 to 100 tokens a second
GRID: Final = np.geomspace(1, 4096, 97)  # concurrency
SAME: Final = (
    "model", "quant", "gpu", "n_gpu", "tp", "pp", "engine", "engine_version", "isl", "osl", "load", "note",
)  # fmt: skip
FEWEST: Final = 3  # points of a measured curve
NOTHING: Final = 1e-9  # tokens a second where even one sequence breaks the limit


class Question(NamedTuple):
    """One measured curve crossed by one limit: where in the cases, and the output tokens a second at the limit."""

    case: int
    limit_seconds: float
    measured: float


class Capacities(NamedTuple):
    """Measured capacity over predicted, where the limit crosses the curve and at the best measured point within it.

    `limit_seconds` is the limit of each entry of `best`.
    """

    crossing: Array
    best: Array
    limit_seconds: Array

    @classmethod
    def joined(cls, parts: Sequence["Capacities"]) -> "Capacities":
        """Return all parts as one."""
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def curves_of(cases: Sequence[Case]) -> list[dict[float, list[int]]]:
    """Return cases that differ in concurrency alone, by concurrency; curves of fewer than FEWEST points left out."""
    curves: dict[tuple[object, ...], dict[float, list[int]]] = {}
    for i, case in enumerate(cases):
        if not np.isnan(case.tpot_seconds):
            points = curves.setdefault((case.source, *(case.row[name] for name in SAME)), {})
            points.setdefault(float(case.row["concurrency"]), []).append(i)
    return [points for points in curves.values() if len(points) >= FEWEST]


def questions_of(cases: Sequence[Case]) -> list[Question]:
    """Return where a limit crosses a measured curve of throughput over concurrency."""
    found: list[Question] = []
    for points in curves_of(cases):
        levels = sorted(points)
        times = [float(np.median([cases[i].tpot_seconds for i in points[level]])) for level in levels]
        speeds = [float(np.median([cases[i].truth for i in points[level]])) for level in levels]
        if all(a < b for a, b in pairwise(times)):
            for limit in LIMITS_SECONDS:
                if times[0] <= limit <= times[-1]:
                    measured = float(np.exp(np.interp(limit, times, np.log(speeds))))
                    found.append(Question(points[levels[0]][0], limit, measured))
    return found


def best_within(cases: Sequence[Case], tpot_seconds: Array, tokens_per_second: Array) -> tuple[Array, Array]:
    """Return measured over predicted capacity of each curve and limit, of the points that were measured; and limits.

    Measured: the most tokens a second of a point whose measured time keeps the limit. Predicted: the most predicted of
    a point whose predicted time keeps it; next to nothing where none does.
    """
    found: list[tuple[float, float]] = []
    for points in curves_of(cases):
        members = [i for level in points.values() for i in level]
        for limit in LIMITS_SECONDS:
            measured = [cases[i].truth for i in members if cases[i].tpot_seconds <= limit]
            allowed = [float(tokens_per_second[i]) for i in members if tpot_seconds[i] <= limit]
            if measured:
                found.append((max(measured) / max(allowed, default=NOTHING), limit))
    ratio, limits = np.array(found).reshape(-1, 2).T
    return ratio, limits


def capacities(
    cases: Sequence[Case], replica: serving.Replica, asked: Sequence[Array], k: Mapping[str, Any]
) -> Capacities:
    """Return measured over predicted capacity; `asked` are concurrency and lengths of the cases."""
    width, prompt, answer = asked
    times = serving.output_token_seconds(replica, width, prompt, answer, k)
    speeds = serving.output_tokens_per_second(replica, width, prompt, answer, k)
    crossing = [
        q.measured / _predicted(cases[q.case], _one(replica, q.case), k, q.limit_seconds) for q in questions_of(cases)
    ]
    return Capacities(np.array(crossing), *best_within(cases, times, speeds))


def _one(replica: serving.Replica, i: int) -> serving.Replica:
    return serving.Replica(*(field[i] if np.ndim(field) else field for field in replica))


def _predicted(case: Case, replica: serving.Replica, k: Mapping[str, Any], limit_seconds: float) -> float:
    """Return throughput at the most sequences that keep the limit and fit the memory, between whole numbers too."""
    lengths = (case.input_tokens, case.output_tokens)
    room = max(1.0, float(serving.max_concurrency(replica, sum(lengths))))
    times = serving.output_token_seconds(replica, GRID, *lengths, k)
    if times[0] > limit_seconds:
        return NOTHING
    most = min(room, float(np.exp(np.interp(limit_seconds, times, np.log(GRID)))))
    return float(serving.output_tokens_per_second(replica, most, *lengths, k))
