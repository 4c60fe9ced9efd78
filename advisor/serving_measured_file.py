"""Reads a benchmark file from disk. Edge file."""

import json
from pathlib import Path

from advisor.serving_measured import MeasuredFault, Run, runs_of


def read_runs(path: Path) -> list[Run]:
    """Return the runs in a JSON file of vLLM, GuideLLM or AIPerf. Raises MeasuredFault with the file's name."""
    try:
        return runs_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise MeasuredFault(f"{path}: {fault}; wanted the JSON result of a benchmark") from fault
    except MeasuredFault as fault:
        raise MeasuredFault(f"{path}: {fault}") from None
