"""Scenarios of the product as questions, advised as they are and with some of their numbers set to other values."""

from datetime import date
from functools import cache
from pathlib import Path

from advisor.advise import advise, consider
from advisor.balance import number
from advisor.question_files import read_question
from advisor.sweep import at_point

AS_OF = date(2026, 11, 21)
SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
SPECIAL = Path(__file__).parent / "scenarios"


@cache
def question(name):
    folder = SPECIAL if (SPECIAL / name).exists() else SCENARIOS
    return read_question(folder / name / "scenario.yaml", AS_OF, measure=False)


@cache
def advised(name):
    return advise(question(name)).advice


def considered(name, **point):
    """Return title of the verdict and lifetime cost by road, of the scenario with these numbers set."""
    made = consider(at_point(question(name), point))
    return made.rung.title, {option.key: number(option.lifetime) for option in made.options}
