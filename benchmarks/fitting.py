"""Robust least squares on log residuals, for the scripts that fit a table of physical constants from measured rows.

Gauss-Newton on the logarithms of positive parameters, with a numerical Jacobian, Huber weights and a ridge towards a
prior: enough for ten parameters and some thousand rows, and no dependency but numpy.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HUBER = 0.25  # log units: residuals beyond a factor 1.28 count linearly, so one odd source cannot pull the fit
STEP = 1e-4  # log units, for the numerical derivative
ROUNDS = 60


def fit(predict: Callable[[Array], Array], truth: Array, prior: Array, spread: Array, weights: Array) -> Array:
    """Return parameters minimising weighted Huber loss of log(predict / truth) plus (log(p / prior) / spread)^2."""
    logs, damping = np.log(prior), 1.0
    best = _loss(predict, truth, prior, spread, weights, logs)
    for _ in range(ROUNDS):
        residual = np.log(predict(np.exp(logs)) / truth)
        jacobian = np.stack([_derivative(predict, logs, i) for i in range(len(logs))], axis=1)
        w = weights * np.minimum(1.0, HUBER / np.maximum(np.abs(residual), 1e-12))
        ridge = 1 / spread**2
        curvature = jacobian.T @ (w[:, None] * jacobian) + np.diag(ridge)
        slope = jacobian.T @ (w * residual) + ridge * (logs - np.log(prior))
        move = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), slope)
        trial = logs - np.clip(move, -1.0, 1.0)
        loss = _loss(predict, truth, prior, spread, weights, trial)
        if loss < best:
            logs, best, damping = trial, loss, damping / 3
        else:
            damping = min(damping * 4, 1e9)
    return np.exp(logs)


def _derivative(predict: Callable[[Array], Array], logs: Array, index: int) -> Array:
    up, down = logs.copy(), logs.copy()
    up[index] += STEP
    down[index] -= STEP
    return (np.log(predict(np.exp(up))) - np.log(predict(np.exp(down)))) / (2 * STEP)


def _loss(
    predict: Callable[[Array], Array], truth: Array, prior: Array, spread: Array, weights: Array, logs: Array
) -> float:
    size = np.abs(np.log(predict(np.exp(logs)) / truth))
    huber = np.where(size < HUBER, size**2 / 2, HUBER * (size - HUBER / 2))
    return float((weights * huber).sum() + (((logs - np.log(prior)) / spread) ** 2).sum() / 2)


def source_weights(sources: list[str]) -> Array:
    """Return weights that let a source count by the square root of its rows, scaled to the number of rows."""
    names, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    raw = 1 / np.sqrt(counts[inverse])
    return raw * len(sources) / raw.sum() if len(names) else raw
