"""The last stage: judge what was answered, and leave what is needed to serve it, check it and take it back."""

import json

from advisor.plan import Stage
from runner.disk import write_atomic
from runner.models import Run
from runner.ship_files import lay_out
from runner.stage_parts import Done
from runner.verdict import evidence_of, verdict_of


def do_account(run: Run, stage: Stage) -> Done:
    """Judge: scores, paired comparison, gates and guards, and whether it ships; then lay out what ships."""
    del stage
    found = evidence_of(run)
    result = verdict_of(run, found)
    run.meter.record("verdict", ships=result["ships"], checks=result["checks"])
    result["ship"], outputs = lay_out(run, result, found)
    path = run.folder.stage("account") / "verdict.json"
    write_atomic(path, json.dumps(result, indent=1).encode())
    return Done(result, (path, *outputs))
