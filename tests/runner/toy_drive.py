"""`python toy_drive.py PLAN [--dir DIR] ...`: the real program with the toy engine in the place of the torch one.

Only what runner.cli would import late is put beside it, so arguments, exit codes, locks and signals are the real ones.
"""

import sys
import types
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

import toy_engine  # noqa: E402

import runner.clock  # noqa: E402
import runner.engines  # noqa: E402
import runner.gate  # noqa: E402
from runner.cli import main  # noqa: E402

module = types.ModuleType("runner.engines.trl")
module.TrlEngine = toy_engine.ToyEngine  # type: ignore[attr-defined]
sys.modules["runner.engines.trl"] = module
runner.gate.RUN_PACKAGES = ()  # type: ignore[assignment]
if toy_engine.OWN_CLOCK:
    runner.clock.now_seconds = toy_engine.now_seconds
    runner.clock.process_start_seconds = toy_engine.now_seconds
main()
