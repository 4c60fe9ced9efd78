"""What looks wrong in a mix: told once where all tasks share it, by task where one has it, and the bill of them all."""

from datetime import date
from pathlib import Path

import pytest

from advisor.advise import advise
from advisor.mix import advise_mix
from advisor.mix_file import MixQuestion, read_mix, read_task
from advisor.scenario_file import ScenarioFaultsError

AS_OF = date(2026, 11, 21)
SHIPPED = Path(__file__).resolve().parents[2] / "scenarios" / "support_assistant_mix" / "mix.yaml"
MODEL = "today: {model: openai/gpt-6-sol}"
SEARCH = "tokens: {input: 500, output: 25}"
CLAIM = "claims: [{what: a slide, before_usd: 200, after_usd: 50, saving_share: 0.5}]\n"
"""200 falling to 50 saves three quarters, not a half."""
BILL = 983_424 / 24  # tokens times price of the four tasks, as the shipped page has it


def written(folder: Path, *changes: tuple[str, str], top: str = "") -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mix.yaml"
    path.write_text(text.replace("tasks:\n", f"{top}tasks:\n", 1), encoding="utf-8")
    return path


def with_bill(folder: Path, bill: float, top: str = "") -> MixQuestion:
    stated = MODEL.replace("}", f", monthly_bill_usd: {bill:.0f}}}")
    return read_mix(written(folder, (MODEL, stated), top=top), AS_OF)


def test_a_claim_at_the_top_is_taken_apart_once(tmp_path: Path) -> None:
    (doubt,) = read_mix(written(tmp_path, top=CLAIM), AS_OF).doubts
    assert doubt.startswith("claims, a slide: 200 falling to 50 saves 75% of it, and 50% is stated")


def test_every_task_alone_inherits_the_claim(tmp_path: Path) -> None:
    alone = advise(read_task(written(tmp_path, top=CLAIM), "search-query", AS_OF)).advice
    assert [one.place for one in alone.plausibility] == ["claims, a slide"]


def test_what_is_odd_in_one_task_names_it_and_reaches_the_page(tmp_path: Path) -> None:
    question = read_mix(written(tmp_path, (SEARCH, "tokens: {input: 3_000_000, output: 25}")), AS_OF)
    (doubt,) = question.doubts
    assert doubt.startswith("search-query: tokens.input: 3,000,000 ")
    assert doubt in advise_mix(question).advice.warnings


def test_unusual_at_the_top_is_for_the_task_it_concerns(tmp_path: Path) -> None:
    long = (SEARCH, "tokens: {input: 3_000_000, output: 25}")
    path = written(tmp_path, long, top="unusual: [tokens.input]\n")
    question = read_mix(path, AS_OF)
    assert [part.question.scenario.unusual for part in question.parts] == [(), (), ("tokens.input",), ()]
    (doubt,) = question.doubts
    assert doubt.endswith("Said to be right.")
    assert not any("unusual" in line for line in advise(read_task(path, "router", AS_OF)).advice.warnings)


def test_unusual_that_concerns_no_task_is_told_once(tmp_path: Path) -> None:
    question = read_mix(written(tmp_path, top="unusual: [tokens.input, today.monthly_bill_usd]\n"), AS_OF)
    assert question.doubts == (
        "unusual names tokens.input, and nothing is odd about it: delete the line",
        "unusual names today.monthly_bill_usd, and nothing is odd about it: delete the line",
    )


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (BILL, ""),
        (BILL * 1.1, ""),  # within 15 %
        (BILL * 2, "the stated bill is USD 81,952 a month"),
        (BILL / 30.42, "a day's bill: then write today.monthly_bill_usd: 40,9"),  # 730 h / 24 h
        (BILL * 12, "a year's bill: then write today.monthly_bill_usd: 40,976"),
    ],
)
def test_the_bill_is_held_against_the_sum_of_all_tasks(tmp_path: Path, bill: float, said: str) -> None:
    doubts = with_bill(tmp_path, bill).doubts
    assert (len(doubts), said in "".join(doubts)) == (1 if said else 0, True)


def test_a_bill_a_thousand_times_off_is_refused_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFaultsError, match=r"mix\.yaml:7  today\.monthly_bill_usd looks like a slip of unit"):
        with_bill(tmp_path, BILL / 1000)


def test_a_bill_that_is_said_to_be_right_is_told_and_computed_with(tmp_path: Path) -> None:
    (doubt,) = with_bill(tmp_path, BILL / 1000, top="unusual: [today.monthly_bill_usd]\n").doubts
    assert doubt.endswith("Said to be right.")
