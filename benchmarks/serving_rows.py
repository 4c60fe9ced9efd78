"""The published serving rows as cases: what was asked, on what, what came; and why other rows cannot be asked."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor import serving
from advisor.catalog import UnknownCardError, UnknownModelError, find_card
from advisor.columns import Reader
from advisor.replica import ServingFault, age_exponents, plain_replica, ratio_names
from advisor.serving_formats import batch_limit
from advisor.serving_shapes import find_served
from advisor.sizing_serve import layout_of, lengths_of

Array = NDArray[np.float64]


class Case(NamedTuple):
    """One measured row. `truth` is output tokens a second; `tpot_seconds` is nan where it was not measured."""

    row: dict[str, str]
    source: str
    engine: str
    card: str
    model: str
    load: str
    replica: serving.Replica
    ratios: dict[str, tuple[str, ...]]
    age: tuple[float, float]
    concurrency: float
    requests: float
    input_tokens: float
    output_tokens: float
    truth: float
    tpot_seconds: float


def read_cases(path: Path) -> tuple[list[Case], Counter[str]]:
    """Return the rows that can be asked, and why the others cannot."""
    cases: list[Case] = []
    left: Counter[str] = Counter()
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        try:
            cases.append(case_of(row))
        except UnknownModelError:
            left["model not in the catalogue"] += 1
        except UnknownCardError:
            left["card not in the catalogue"] += 1
        except ServingFault as fault:
            left[str(fault)] += 1
    return cases, left


def truth_of(row: dict[str, str]) -> float:
    """Return the output tokens a second of a row, from its total where only that was measured."""
    out = row["out_tok_s"] or row["derived_out_tok_s"]
    if not out and row["total_tok_s"] and row["isl"] and row["osl"]:
        return float(row["total_tok_s"]) * float(row["osl"]) / (float(row["isl"]) + float(row["osl"]))
    if not out or float(out) <= 0:
        raise ServingFault("no throughput of decoding")
    return float(out)


def case_of(row: dict[str, str]) -> Case:
    """Return a row as a case. Raises ServingFault, UnknownModelError or UnknownCardError with the reason."""
    truth = truth_of(row)
    if not row["isl"] or not row["osl"] or not float(row["osl"]):
        raise ServingFault("lengths not stated")
    served, card, layout = find_served(row["model"]), find_card(row["gpu"]), layout_of(row)
    copies = 2 if row["note"].startswith("dp2;") else 1
    replica = plain_replica(served, card, layout)
    lengths = lengths_of(Reader(row))
    held = lengths[0] + lengths[1] * (0.5 if layout.load == "offline_max" else 1)
    room = max(1.0, float(serving.max_concurrency(replica, held)))
    most = min(room, batch_limit(layout.engine, layout.year, card))
    asked = float(row["concurrency"] or most)
    return Case(
        row, row["source"], layout.engine, card.name, row["model"], layout.load, replica,
        ratio_names(served, card, layout), age_exponents(layout), max(1.0, min(asked / copies, most)),
        float(row["n_requests"] or "inf"), *lengths, truth / copies, float(row["tpot_ms"] or "nan") / 1000,
    )  # fmt: skip


def plain_cases(cases: Sequence[Case]) -> list[Case]:
    """Return the cases a fit may learn from: speculative decoding is not modelled, so its rows would pass for speed."""
    return [case for case in cases if "SPECULATIVE" not in case.row["note"]]


class Columns(NamedTuple):
    """Cases as arrays: the replica's fields, what was asked, and powers of the two age ratios."""

    replica: serving.Replica
    concurrency: Array
    requests: Array
    input_tokens: Array
    output_tokens: Array
    age: Array
    overhead_age: Array
    truth: Array
    tpot_seconds: Array


def columns_of(cases: Sequence[Case]) -> Columns:
    """Return the cases as arrays, one element a case."""
    fields = [np.array([float(case.replica[i]) for case in cases]) for i in range(len(serving.Replica._fields))]
    names = ("concurrency", "requests", "input_tokens", "output_tokens")
    asked = [np.array([float(getattr(case, name)) for case in cases]) for name in names]
    ages = [np.array([case.age[i] for case in cases]) for i in (0, 1)]
    ends = [np.array([getattr(case, name) for case in cases]) for name in ("truth", "tpot_seconds")]
    return Columns(serving.Replica(*fields), *asked, *ages, *ends)
