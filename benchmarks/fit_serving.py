"""Fits the constants of serving from published rows: priors of physics, factors shrunk to 1, sources as random effects.

`python -m benchmarks.serving ... --write` runs it and writes the table.

A factor of a card, an architecture, an engine or a kind of load stays in the product; a factor of a source, or of an
engine or card inside one source, only keeps that source's habits out of the others: a new source counts as 1.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from advisor import serving
from advisor.replica import age_factors
from benchmarks.fitting import Array, source_weights
from benchmarks.serving_rows import Case, Columns, columns_of, plain_cases

PRIORS: Final = {  # name: value before any row is seen, spread in log units, unit, why
    "bandwidth_share": (0.75, 0.15, "share", "weights stream at 70-85 % of the stated bandwidth"),
    "compute_share": (0.55, 0.25, "share", "products of matrices, decoding and prefill alike"),
    "cache_share": (0.75, 0.15, "share", "attention kernels of today stream the cache about as well as weights"),
    "cache_age_ratio": (1.15, 0.1, "ratio", "cache reads, each year before 2026: paged kernels learned to split"),
    "rate_8bit_ratio": (0.9, 0.2, "ratio", "share of the 8-bit rate, beside that of the 16-bit rate"),
    "rate_4bit_ratio": (0.75, 0.3, "ratio", "share of the 4-bit rate, beside that of the 16-bit rate"),
    "overlap_ratio": (1.0, 0.01, "ratio", "streaming and multiplying add up: kernels follow each other"),
    "step_seconds": (1.5e-3, 0.7, "seconds", "scheduling and sampling a step"),
    "layer_seconds": (3e-5, 0.7, "seconds", "about 8 kernels a layer under a graph"),
    "expert_layer_seconds": (2e-5, 0.7, "seconds", "routing and sorting tokens to experts, a layer"),
    "sequence_seconds": (1e-5, 0.4, "seconds", "sampling and detokenising a sequence, scheduling beside the card"),
    "sequence_age_ratio": (2.0, 0.3, "ratio", "beside overhead_age_ratio: vLLM 0.5 spent 62 % of a step on its CPU"),
    "hop_seconds": (1.2e-5, 0.7, "seconds", "latency of one all-reduce over NVLink"),
    "link_share": (0.5, 0.5, "share", "of one direction's bandwidth, for payloads"),
    "prompt_seconds": (5e-3, 1.0, "seconds", "admission of one request"),
    "mixture_ratio": (1.2, 0.2, "ratio", "grouped products of experts stream less evenly"),
    "unpack_ratio": (0.8, 0.2, "ratio", "4-bit weights are unpacked on the way: share of the streaming rate"),
    "slow_link_ratio": (3.0, 0.5, "ratio", "latency of an all-reduce over PCIe beside NVLink"),
    "age_ratio": (1.08, 0.05, "ratio", "all but streaming weights, each year before 2026: kernels got better"),
    "overhead_age_ratio": (1.25, 0.15, "ratio", "overheads of Python engines, each year before 2026"),
    "tail_ratio": (2.0, 0.5, "ratio", "longest answer over mean, less 1, as steps get faster while a run thins out"),
}
CENTRES: Final = {"architecture_CDNA3": 1.53}
"""A card of this kind is slower than its paper before any row is seen: dense products of late 2024 reached 620 of 1307
TFLOPS on MI300X and 720 of 989 on H100 (public GEMM comparison, general knowledge): 0.728 / 0.474 = 1.53."""

SPREADS: Final = {
    "engine": 0.15, "overhead": 0.2, "overhead_compiled": 0.5, "overhead_scheduled": 0.5, "architecture": 0.15,
    "card": 0.06, "load": 0.15, "source": 0.25, "sourceengine": 0.25, "sourcecard": 0.15,
}  # fmt: skip
"""Spread in log units of each kind of factor before any row is seen; assumed (a kind of load differs as engines do)."""

NUISANCE: Final = ("source", "sourceengine", "sourcecard")
RATIOS: Final = ("slow_ratio", "overhead_ratio", "stream_ratio", "rate_ratio", "hop_ratio")
HUBER: Final = 0.15  # log units: beyond it a residual counts linearly, so that one odd source cannot pull the fit
NOISE: Final = 0.25  # log units: how far rows of one source scatter around any such formula
WORTH: Final = 600  # rows of one source are alike: all of them together count as so many independent ones
STEP: Final = 1e-4
ROUNDS: Final = 30
ENOUGH: Final = 1e-4  # stop when a round improves the loss by less than this share of it


class Names(NamedTuple):
    """Parameter names with their centre and spread; `first` is where factors begin."""

    names: list[str]
    prior: Array
    spread: Array
    first: int


def case_factors(case: Case, nuisance: bool) -> dict[str, tuple[str, ...]]:
    """Return the factor names of a case by the ratio they belong to; those of its source only where asked."""
    own = (
        f"source_{case.source}",
        f"sourceengine_{case.engine}@{case.source}",
        f"sourcecard_{case.card}@{case.source}",
    )
    return case.ratios | {"slow_ratio": case.ratios["slow_ratio"] + (own if nuisance else ())}


def names_of(cases: Sequence[Case]) -> Names:
    """Return the parameters that these cases can speak about."""
    seen = {name for case in cases for names in case_factors(case, True).values() for name in names}
    factors = sorted(seen - set(PRIORS))
    names = [*PRIORS, *factors]
    centre = [row[0] for row in PRIORS.values()] + [CENTRES.get(name, 1.0) for name in factors]
    spread = [row[1] for row in PRIORS.values()] + [
        SPREADS[name if name in SPREADS else name.split("_")[0]] for name in factors
    ]
    return Names(names, np.array(centre), np.array(spread), len(PRIORS))


class Predictor:
    """Cases bound to parameter names: from parameters to output tokens a second and time between tokens."""

    def __init__(self, cases: Sequence[Case], names: Sequence[str], nuisance: bool) -> None:
        """Stack the cases; a factor that has no parameter counts as its centre."""
        self.columns: Columns = columns_of(cases)
        self.names = list(names)
        where = {name: i for i, name in enumerate(self.names)}
        self.extra = np.array([1.0, *CENTRES.values()])
        absent = {name: len(names) + 1 + i for i, name in enumerate(CENTRES)}
        factors = [case_factors(case, nuisance) for case in cases]
        self.picks = {ratio: _picks([f[ratio] for f in factors], where, absent, len(names)) for ratio in RATIOS}

    def arguments(self, values: Array) -> tuple[serving.Replica, Array, Array, Array, dict[str, float]]:
        """Return what the product's formulas take, with every ratio as these parameters have it."""
        asked, k = self.columns, dict(zip(self.names, values.tolist(), strict=True))
        full = np.append(values, self.extra)
        ratios = {ratio: full[pick].prod(axis=1) for ratio, pick in self.picks.items()}
        for ratio, factor in age_factors(asked.age, asked.overhead_age, k).items():
            ratios[ratio] = ratios.get(ratio, 1.0) * factor
        thinned = 1 / (1 + k["tail_ratio"] * asked.concurrency / asked.requests)
        running = np.maximum(1.0, asked.concurrency * thinned)
        return asked.replica._replace(**ratios), running, asked.input_tokens, asked.output_tokens, k

    def throughput(self, values: Array) -> Array:
        """Return output tokens a second."""
        return serving.output_tokens_per_second(*self.arguments(values))

    def tpot_seconds(self, values: Array) -> Array:
        """Return the mean time between tokens of one sequence."""
        return serving.output_token_seconds(*self.arguments(values))


def _picks(rows: Sequence[Sequence[str]], where: dict[str, int], absent: dict[str, int], one: int) -> np.ndarray:
    widest = max(map(len, rows))
    index = [[where.get(name, absent.get(name, one)) for name in row] + [one] * (widest - len(row)) for row in rows]
    return np.array(index, int).reshape(len(rows), widest)


def solve(cases: Sequence[Case]) -> tuple[Names, Array]:
    """Return the parameters that fit the plain cases best, sources weighed by the square root of their rows."""
    cases = plain_cases(cases)
    names = names_of(cases)
    bound = Predictor(cases, names.names, nuisance=True)
    weights = source_weights([case.source for case in cases]) * WORTH / len(cases) / NOISE**2
    logs = _descend(bound, np.log(bound.columns.truth), names, weights)
    return names, np.exp(logs)


def _descend(bound: Predictor, truth_logs: Array, names: Names, weights: Array) -> Array:
    """Gauss-Newton on log parameters with Huber weights and a ridge to the priors, damped until a move helps."""
    centre: Array = np.asarray(np.log(names.prior), np.float64)
    ridge = 1 / names.spread**2
    constant = _constant_slopes(bound, names)

    def residual(logs: Array) -> Array:
        return np.log(bound.throughput(np.exp(logs))) - truth_logs

    def loss(errors: Array, logs: Array) -> float:
        size = np.abs(errors)
        huber = np.where(size < HUBER, size**2 / 2, HUBER * (size - HUBER / 2))
        return float((weights * huber).sum() + (ridge * (logs - centre) ** 2).sum() / 2)

    logs: Array = centre.copy()
    damping = 0.1
    errors = residual(logs)
    best = loss(errors, logs)
    for _ in range(ROUNDS):
        slopes = _slopes(residual, logs, errors, constant)
        w = weights * np.minimum(1.0, HUBER / np.maximum(np.abs(errors), 1e-12))
        curvature = slopes.T @ (w[:, None] * slopes) + np.diag(ridge)
        slope = slopes.T @ (w * errors) + ridge * (logs - centre)
        before = best
        while damping < 1e6:
            move = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), slope)
            trial: Array = np.asarray(logs - np.clip(move, -0.7, 0.7), np.float64)
            found = residual(trial)
            if loss(found, trial) < best:
                logs, errors, best, damping = trial, found, loss(found, trial), max(damping / 5, 1e-4)
                break
            damping *= 4
        if before - best < ENOUGH * best:
            break
    return logs


def _constant_slopes(bound: Predictor, names: Names) -> dict[int, Array]:
    """Return slopes that never change: a factor of the whole time lowers the throughput's log one for one."""
    picks, slopes = bound.picks["slow_ratio"], dict[int, Array]()
    for i in range(names.first, len(names.names)):
        if not names.names[i].startswith("overhead_"):
            slopes[i] = -(picks == i).sum(axis=1).astype(float)
    return slopes


def _slopes(residual: Callable[[Array], Array], logs: Array, errors: Array, constant: dict[int, Array]) -> Array:
    columns: list[Array] = []
    for i in range(len(logs)):
        if i in constant:
            columns.append(constant[i])
            continue
        moved = logs.copy()
        moved[i] += STEP
        columns.append((residual(moved) - errors) / STEP)
    return np.stack(columns, axis=1)
