"""Before the first stage: what evaluate and export will need is looked at while nothing has been spent on training."""

from advisor.plan import Stage
from runner.curate_stage import do_curate, locked_rows
from runner.evaluation_sets import read_sets
from runner.models import Run, base_model
from runner.ship_gguf import preflight
from runner.stage_parts import Done


def do_first(run: Run, stage: Stage) -> Done:
    """Read the evaluation's own files and ask the GGUF converter, then curate. Raises RefusedError."""
    read_sets(run.plan.data, run.root, len(locked_rows(run)))
    if rejected := preflight(base_model(run).directory):
        run.meter.note("gguf", f"{rejected}; there will be no GGUF file")
    return do_curate(run, stage)
