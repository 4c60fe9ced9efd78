"""A scenario's own benchmark of its serving card, from disk to one ratio. Edge file."""

from pathlib import Path

from advisor.catalog import UnknownCardError, find_card
from advisor.replica import Layout
from advisor.scenario_file import ScenarioFaultsError
from advisor.scenario_tree import Fault
from advisor.serving_measured import MeasuredFault, time_ratio
from advisor.serving_measured_file import read_runs
from advisor.serving_shapes import served_of
from advisor.shape import ModelShape


def scenario_ratio(path: Path, shape: ModelShape, card: str) -> float:
    """Return measured time over the formula's for a scenario's benchmark. Raises ScenarioFaultsError."""
    field = "serving.measured"
    try:
        return time_ratio(read_runs(path), served_of(shape), find_card(card), Layout())
    except MeasuredFault as fault:
        step = "run the benchmark again, or leave serving.measured out"
        raise ScenarioFaultsError([Fault(1, field, str(fault), "a benchmark result", step, path.name)]) from None
    except UnknownCardError:
        wanted, step = "the card it was measured on", "name candidates.serving_card, or state capacity_tasks_per_hour"
        raise ScenarioFaultsError([Fault(1, field, f"a file for {card!r}", wanted, step, path.name)]) from None
