"""Every scenario folder tells a story and holds the page it ends in: `expected.txt`, 80 columns, no colour.

Write them anew with CROSSOVER_WRITE_GOLDENS=1 after a change that is meant, and read the difference before committing.
"""

import io
import os
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from advisor.advise import advise
from advisor.mix import advise_mix
from advisor.mix_file import read_mix
from advisor.question_files import read_question
from advisor.report.mix import show as show_mix
from advisor.report.terminal import show

AS_OF = date(2026, 11, 21)
SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
FOLDERS = sorted(path.parent for path in SCENARIOS.glob("*/scenario.yaml"))
MIXES = {
    # folder: what each task's verdict is
    "support_assistant_mix": {
        "router": "fine_tune_self_host",
        "order-fields": "fine_tune_self_host",
        "search-query": "stay_hosted",
        "answer": "stay_hosted",
    },
}
VERDICTS = {
    # folder: (code, road, prompting fails, retrieval fails, volume justifies)
    "cost_only_distillation": ("fine_tune_self_host", "cost_only", "no", "unknown", "yes"),
    "data_not_ready": ("collect_data", "none", "yes", "yes", "yes"),
    "evidence_unknown": ("measure_first", "none", "unknown", "unknown", "unknown"),
    "privacy_gate": ("fine_tune_self_host", "constraint", "yes", "yes", "no"),
    "prompting_fixes_it": ("stay_hosted", "none", "no", "unknown", "no"),
    "retrieval_fixes_it": ("add_retrieval", "none", "yes", "no", "no"),
    "ticket_routing": ("fine_tune_self_host", "strict", "yes", "yes", "yes"),
    "volume_too_small": ("stay_hosted", "none", "yes", "yes", "no"),
    "worked_example": ("stay_hosted", "none", "unknown", "unknown", "no"),
}


def page(shown, advice) -> str:
    screen = io.StringIO()
    shown(advice, Console(file=screen, width=80, no_color=True, highlight=False, force_terminal=False))
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines()) + "\n"


def golden(folder, text) -> str:
    path = folder / "expected.txt"
    if os.environ.get("CROSSOVER_WRITE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def test_every_folder_has_a_story_here():
    assert {folder.name for folder in FOLDERS} == set(VERDICTS)
    assert {path.parent.name for path in SCENARIOS.glob("*/mix.yaml")} == set(MIXES)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_verdict_is_the_one_the_story_ends_in(folder):
    advice = advise(read_question(folder / "scenario.yaml", AS_OF)).advice
    answers = tuple(gate.answer for gate in advice.gates)
    assert (advice.verdict.code, advice.verdict.road, *answers) == VERDICTS[folder.name]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_page_is_the_golden_one(folder):
    text = page(show, advise(read_question(folder / "scenario.yaml", AS_OF)).advice)
    assert text == golden(folder, text)


@pytest.mark.parametrize("name", MIXES)
def test_the_page_of_a_mix_is_the_golden_one(name):
    advice = advise_mix(read_mix(SCENARIOS / name / "mix.yaml", AS_OF)).advice
    assert {task.name: task.verdict.code for task in advice.tasks} == MIXES[name]
    text = page(show_mix, advice)
    assert text == golden(SCENARIOS / name, text)
