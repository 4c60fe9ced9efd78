"""Law: the text that a spreadsheet and a browser compute is the Python formula of the same name, for every formula."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import (
    calibration,
    economics,
    estimates,
    option_costs,
    price_paths,
    quality,
    quality_cascade,
    traffic,
    training,
)
from advisor.report.expressions import EXPRESSIONS, FUNCTIONS, LEVEL_EXPRESSIONS
from tests.report.sheet_words import LANGUAGE, Value, compute

MODULES = (economics, option_costs, price_paths, traffic, estimates, training, quality, quality_cascade, calibration)
ADVISOR = Path(economics.__file__).parent
MONTHS = 5
BY_MONTH = {
    "calendar_share", "demand_tasks_per_month", "running_usd_per_month", "staircase_replicas", "peak_tasks_per_hour",
    "fluid_replicas", "static_replicas", "following_replicas", "billed_replicas", "before_usd_per_month",
    "after_usd_per_month", "open_share", "rent_usd_per_month", "own_tasks_per_month", "all_tasks_per_month",
    "whole_usd_per_month", "first_usd_per_month", "arrivals_tasks_per_second", "serving_usd_per_month",
    "operation_usd_per_month",
}  # fmt: skip
SUMS = {
    "total_usd": ("build_usd", "labels_usd", "purchase_usd"),
    "total_usd_per_month": ("serving_usd_per_month", "operation_usd_per_month"),
    "cheapest_usd": ("one_usd", "other_usd", "third_usd"),
}
OF_PLANS_ONLY = {
    # formulas of forecasts and of what a result gives back: derived, but never below a figure of the advice
    "decoded_seconds", "evaluated_seconds", "held_bytes", "overhead_hours", "payback_months", "rated_usd",
    "saved_usd_per_month", "started_seconds", "trained_seconds", "training_usd",
}  # fmt: skip


def formula(name):
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


def parameters(name):
    return SUMS.get(name) or tuple(inspect.signature(formula(name)).parameters)


@st.composite
def inputs_of(draw, name):
    """Positive numbers; shares within 0 and 1; the last month of the calendar is a part, or lies beyond the end."""
    found = {}
    for parameter in parameters(name):
        top = 1.0 if parameter.endswith("_share") else 40.0
        if parameter == "calendar_share":
            found[parameter] = np.array([1.0, 1.0, 1.0, draw(st.sampled_from([1.0, 0.25])), 0.0])
        elif parameter in ("curve_ratio", "curve_share"):
            found[parameter] = np.array([0.2, 1.0, 2.5]) if parameter == "curve_ratio" else np.array([0.3, 0.6, 0.1])
        elif parameter in BY_MONTH:
            found[parameter] = np.array(draw(st.lists(st.floats(0.01, top), min_size=MONTHS, max_size=MONTHS)))
        else:
            found[parameter] = draw(st.floats(0.01, top))
    return found


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_text_is_the_formula(name, data):
    given_inputs = data.draw(inputs_of(name))
    wanted = np.atleast_1d(formula(name)(**given_inputs))
    made = EXPRESSIONS[name]
    for month, value in enumerate(wanted):
        words = {parameter: Value(value, month) for parameter, value in given_inputs.items()}
        text = made(words) if callable(made) else made.format_map({**words, "m": month})
        assert compute(text) == pytest.approx(float(value), rel=1e-12, abs=1e-12), text


@settings(max_examples=20, deadline=None)
@given(st.floats(1.0, 14.0))
def test_the_levels_of_a_lognormal_year(peak_ratio):
    wanted = traffic.lognormal_curve_ratio(peak_ratio)
    texts = LEVEL_EXPRESSIONS["lognormal_curve_ratio"]
    assert len(texts) == len(wanted)
    for text, value in zip(texts, wanted, strict=True):
        assert compute(text.format(peak_to_mean_ratio=Value(peak_ratio))) == pytest.approx(float(value), rel=1e-9)


def derived_formulas():
    """Return the names of all formulas that the advisor hands to `derive`."""
    names = set()
    for path in ADVISOR.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "derive"
            if called and len(node.args) > 1:
                names.add(ast.unparse(node.args[1]).rpartition(".")[2])
    return names


def test_every_formula_of_the_advice_has_a_text():
    texts = {*EXPRESSIONS, *LEVEL_EXPRESSIONS}
    missing = derived_formulas() - texts - OF_PLANS_ONLY
    assert not missing, f"add to advisor/report/expressions.py: {sorted(missing)}"


def test_the_texts_use_the_shared_language_only():
    for name, made in EXPRESSIONS.items():
        if not callable(made):
            words = set(re.findall(r"\b[A-Z]+\b", re.sub(r"\{[^}]*\}", "", made)))
            assert words <= set(FUNCTIONS), name
    assert set(LANGUAGE) == set(FUNCTIONS)
