"""What each stage does. Every body may be started again after a kill at any point and goes on, or begins anew.

A body returns what it found and the paths it stands for; the loop in runner.stages commits them.
"""

import json
from collections.abc import Callable

from advisor.plan import Stage, StageName
from runner.ab_page import plan_sections
from runner.ab_plan import plan_test
from runner.disk import write_atomic
from runner.evaluate_stage import do_evaluate, do_merge
from runner.metrics import score
from runner.models import Run, tuned_sha256
from runner.preflight import do_first
from runner.probe_stage import do_probe
from runner.render import markdown_of
from runner.ship_stage import do_account
from runner.stage_parts import Done, locked_tests, read_given, result_of
from runner.train_stage import do_adapt, do_dpo, do_sft

NO_TRIAL = "no margin is known; state quality.non_inferiority_margin above 0 in the scenario and make the plan again"


def do_abplan(run: Run, stage: Stage) -> Done:
    """Plan the test in production that comes after this run, as data and as a page."""
    del stage
    trial = run.plan.trial
    if trial is None:
        return Done({"planned": False, "why": NO_TRIAL}, ())
    given = read_given(run.folder.path / str(result_of(run, "evaluate")["tuned"]))
    offline = score(run.plan.gate.metric, [row.expected for row in locked_tests(run)], given)
    test = plan_test(run.plan, trial, offline, tuned_sha256(run))
    home = run.folder.stage("abplan")
    write_atomic(home / "abplan.json", json.dumps(test, indent=1, ensure_ascii=False).encode())
    write_atomic(home / "abplan.md", markdown_of(plan_sections(test)).encode())
    days = test["duration"]["ramp_days"] + test["duration"]["test_days"]
    result = {"planned": True, "question": test["question"], "tasks_per_arm": test["tasks_per_arm"], "days": days}
    return Done(result, (home / "abplan.json", home / "abplan.md"))


BODIES: dict[StageName, Callable[[Run, Stage], Done]] = {
    "curate": do_first,
    "probe": do_probe,
    "adapt": do_adapt,
    "sft": do_sft,
    "dpo": do_dpo,
    "evaluate": do_evaluate,
    "merge": do_merge,
    "abplan": do_abplan,
    "account": do_account,
}
