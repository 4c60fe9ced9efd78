"""The published serving rows through the door: what is answered, how near, and that the scorer scores the product."""

import csv
from pathlib import Path

import numpy as np
import pytest

from advisor.replica import fitted
from advisor.sizing import answer_row
from benchmarks.fit_serving import Predictor
from benchmarks.serving import NAIVE, TEXTBOOK, baseline
from benchmarks.serving_rows import Case, case_of, read_cases

pytestmark = pytest.mark.real
ROWS = "reference/serving/serving_truth.csv"


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    return read_cases(shared / ROWS)[0]


def test_rows_are_answered_and_near(cases: list[Case]) -> None:
    answers = [answer_row("serve", case.row) for case in cases]
    answered = [(case, got) for case, got in zip(cases, answers, strict=True) if not got["error"]]
    truth = np.array([case.truth for case, _ in answered])
    got = np.array([[float(found[name]) for name in ("output_tokens_per_s", "low", "high")] for _, found in answered])
    error = np.abs(got[:, 0] / truth - 1)
    inside = (got[:, 1] <= truth) & (truth <= got[:, 2])
    assert len(answered) >= 6300
    assert np.median(error) < 0.16  # the figure with the source held out stands in benchmarks/results
    assert 0.75 < inside.mean() < 0.95
    assert 0.95 < np.median(got[:, 0] / truth) < 1.05


def test_fixed_efficiencies_do_as_the_field_reports(cases: list[Case]) -> None:
    # published medians over the same table: 142 % for the peak-spec roofline, 88 % for textbook efficiencies
    roofline, textbook = (np.median(np.abs(1 / baseline(cases, k) - 1)) for k in (NAIVE, TEXTBOOK))
    assert roofline == pytest.approx(1.42, abs=0.05)
    assert textbook == pytest.approx(0.88, abs=0.05)


def test_the_scorer_predicts_what_the_door_answers(shared: Path, cases: list[Case]) -> None:
    chosen = [case for case in cases[::40] if case.load == "closed_concurrency"]
    names = [name for name in fitted() if not name.startswith("interval")]
    values = np.array([fitted()[name] for name in names])
    scored = Predictor(chosen, names, nuisance=False).throughput(values)
    for case, expected in zip(chosen, scored, strict=True):
        got = answer_row("serve", case.row)
        whole = round(case.concurrency) == case.concurrency  # the door runs whole sequences
        if not got["error"] and whole:
            assert float(got["output_tokens_per_s"]) == pytest.approx(float(expected), rel=1e-3)


def test_a_row_that_says_too_little_is_told_why(shared: Path) -> None:
    rows = csv.DictReader((shared / ROWS).read_text(encoding="utf-8").splitlines())
    blank = next(row for row in rows if not row["isl"] and row["out_tok_s"])
    with pytest.raises(ValueError, match="lengths not stated"):
        case_of(blank)
