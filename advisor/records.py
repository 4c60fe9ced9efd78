"""Live figures to records: every number below the roots once, by name, with the names of its inputs."""

from collections.abc import Iterable
from typing import cast

import numpy as np

from advisor.advice import FigureRecord
from pricing.figure import Figure, Number, walk


def as_json_number(value: Number) -> float | list[float]:
    """Return a figure's value as plain JSON: a number, or one a month."""
    array = np.asarray(value, dtype=float)
    return float(array) if array.ndim == 0 else cast("list[float]", array.tolist())


def bound(value: Number) -> float | None:
    """Return an interval's end as a float, None where there is none."""
    return None if value is None else float(value)


def figure_record(figure: Figure) -> FigureRecord:
    """Return one figure as data."""
    return FigureRecord(
        value=as_json_number(figure.value),
        unit=figure.unit,
        letter=figure.kind.value,
        grade=figure.grade.value,
        note=figure.origin.note,
        on=figure.origin.on,
        low=bound(figure.low),
        high=bound(figure.high),
        inputs={parameter: below.name for parameter, below in figure.inputs.items()},
    )


def figure_records(roots: Iterable[Figure]) -> dict[str, FigureRecord]:
    """Return every figure below the roots by name, roots first."""
    found: dict[str, FigureRecord] = {}
    for root in roots:
        for _, figure in walk(root):
            if figure.name not in found:
                found[figure.name] = figure_record(figure)
    return found
