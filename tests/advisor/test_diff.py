"""`advise diff`: what changed, what each change does alone, and that the lines sum to the difference."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from itertools import groupby

import pytest
from pydantic import TypeAdapter

from advisor import diff_figures
from advisor.advice import to_json
from advisor.advise import advise
from advisor.diff import DiffRecord, compare
from advisor.diff_fields import changes, effects
from advisor.diff_markdown import MARK, render
from advisor.mix import advise_mix
from advisor.mix_file import read_mix
from advisor.mix_records import to_json as mix_json
from advisor.question_files import read_question

AS_OF = date(2026, 11, 21)
EDITS = [
    # text of worked_example's scenario, another text, the field, what it does alone to the money at stake in USD
    ("monthly_bill_usd: 200", "monthly_bill_usd: 190", "today.monthly_bill_usd", 0.0),
    # 40,000 tasks more at 0.005 USD, 12 months; the one machine (400 an hour) still holds 80,000 / 730 x 3 x 1.2 = 395
    ("tasks_per_month: 40_000", "tasks_per_month: 80_000", "volume.tasks_per_month", 2_400.0),
    ("build_hours: 0,", "build_hours: 10,", "people.build_hours", -950.0),  # ten hours at the default 95 USD
    ("claimed_usd_per_month: 50", "claimed_usd_per_month: 60", "serving.claimed_usd_per_month", 0.0),
]


@pytest.fixture(scope="module")
def worked(repo):
    return (repo / "scenarios" / "worked_example" / "scenario.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def asked(repo):
    return read_question(repo / "scenarios" / "worked_example" / "scenario.yaml", AS_OF)


def question(tmp_path, text, name="new.yaml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_question(tmp_path / name, AS_OF)


def run(repo, *arguments):
    command = [sys.executable, "-m", "advisor.cli", "diff", *map(str, arguments)]
    return subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, timeout=60)


def both(old, new):
    return compare(advise(old).advice, advise(new).advice, effects(old, new), "scenarios")


def test_a_scenario_differs_from_itself_in_nothing(asked):
    made = both(asked, asked)
    assert (made.verdict_changed, made.at_stake_change_usd, made.together_usd) == (False, 0.0, 0.0)
    assert made.changes == ()
    assert made.answers == ()
    assert {road.lifetime_change_usd for road in made.roads} == {0.0}


def test_comments_order_and_spelling_are_no_changes(tmp_path, worked, asked):
    respelled = (
        worked.replace("40_000", "40000")
        .replace("usd_per_hour: 0.30", "usd_per_hour: 0.3")
        .replace("input: 1_000", "input: 1e3")
    )
    assert respelled != worked
    assert changes(asked, question(tmp_path, f"# another comment\n{respelled}")) == []


@pytest.mark.parametrize(("text", "other", "field", "alone_usd"), EDITS)
def test_one_change_is_named_and_does_all_of_the_difference(tmp_path, worked, asked, text, other, field, alone_usd):
    made = both(asked, question(tmp_path, worked.replace(text, other)))
    (change,) = made.changes
    assert change.input == field
    assert change.effect_usd == pytest.approx(alone_usd, abs=0.01)
    assert made.at_stake_change_usd == pytest.approx(alone_usd, abs=0.01)


def test_alone_and_together_sum_to_the_difference(tmp_path, worked, asked):
    text = worked
    for old, new, _, _ in EDITS:
        assert text.count(old) == 1
        text = text.replace(old, new)
    made = both(asked, question(tmp_path, text))
    assert {change.input for change in made.changes} == {field for _, _, field, _ in EDITS}
    whole = sum(change.effect_usd or 0 for change in made.changes) + (made.together_usd or 0)
    assert whole == pytest.approx(made.at_stake_change_usd)
    sizes = [abs(change.effect_usd or 0) for change in made.changes]
    assert sizes == sorted(sizes, reverse=True)


def test_another_day_is_a_change_of_prices_not_of_fields(repo, asked):
    earlier = replace(asked, as_of=date(2026, 11, 20))
    (change,) = changes(earlier, asked)
    assert change.name == "prices and day"
    assert change.old.endswith("on 2026-11-20")


def test_a_file_whose_content_changed_is_named_though_its_field_did_not(tmp_path, repo):
    folder = repo / "scenarios" / "ticket_routing"
    old = read_question(folder / "scenario.yaml", AS_OF)
    (tmp_path / "base_model").symlink_to(folder / "base_model")
    for name in ("scenario.yaml", "valid.jsonl", "test.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    rows = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()[:30]
    (tmp_path / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (change,) = effects(old, read_question(tmp_path / "scenario.yaml", AS_OF))
    assert change.input == "data (content)"
    assert change.verdict == "Collect data first"


def test_a_change_that_cannot_stand_alone_says_so_and_has_no_effect(tmp_path, worked, asked):
    unpriced = worked.replace("training_card: A100-80GB", "training_card: A100-80GB, smaller_hosted: openai/no-such")
    (change,) = effects(asked, question(tmp_path, unpriced))
    assert change.input == "candidates.smaller_hosted"
    assert change.effect_usd == 0  # a smaller model without a price is a road less, not an unknown at stake
    unknown = question(tmp_path, worked.replace("tasks_per_month: 40_000", "tasks_per_month: unknown"))
    (change,) = effects(asked, unknown)
    assert change.effect_usd is None
    assert "volume.tasks_per_month is unknown" in (change.unknown_because or "")


def test_two_advices_tell_the_same_money_as_their_scenarios(tmp_path, worked, asked):
    new = question(tmp_path, worked.replace(EDITS[2][0], EDITS[2][1]).replace(EDITS[1][0], EDITS[1][1]))
    before, after = advise(asked).advice, advise(new).advice
    by_field = {change.input: change.effect_usd for change in effects(asked, new)}
    by_figure = {change.input: change.effect_usd for change in diff_figures.effects(before, after)}
    assert set(by_figure) == set(by_field)
    for name, amount in by_field.items():
        assert by_figure[name] == pytest.approx(amount)


def test_an_advice_of_other_formulas_is_not_computed_with(asked):
    advice = advise(asked).advice
    figures = {**advice.figures, "people.usd_per_hour": advice.figures["people.usd_per_hour"].with_(value=77.0)}
    odd = advice.with_(at_stake_usd=advice.at_stake_usd + 1)
    (change,) = diff_figures.effects(odd, advice.with_(figures=figures))
    assert change.effect_usd is None
    assert "other formulas" in (change.unknown_because or "")


def test_every_formula_of_the_shipped_scenarios_is_found(repo):
    for name in ("cost_only_distillation", "privacy_gate", "ticket_routing", "worked_example"):  # every kind of road
        path = repo / "scenarios" / name / "scenario.yaml"
        advice = advise(read_question(path, AS_OF)).advice
        notes = {figure.note for figure in advice.figures.values() if figure.inputs}
        assert [note for note in notes if diff_figures.formula(note) is None] == [], path.parent.name
        if advice.model is not None:
            diff_figures.check(advice)


def test_the_comment_keeps_its_tables_whatever_a_scenario_says(tmp_path, worked, asked):
    new = question(tmp_path, worked.replace("the cheapest card", "the | cheapest || card"))
    made = both(asked, new)
    text = render(made)
    assert text.startswith(MARK)
    assert "the \\| cheapest" in text
    tables = [list(rows) for inside, rows in groupby(text.splitlines(), lambda line: line.startswith("|")) if inside]
    assert tables
    for rows in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, rows


def test_the_command_compares_scenarios_days_and_advices(repo, tmp_path, worked, asked):
    old = tmp_path / "old.json"
    old.write_text(to_json(advise(asked).advice), encoding="utf-8")
    new = tmp_path / "new.yaml"
    new.write_text(worked.replace(EDITS[2][0], EDITS[2][1]), encoding="utf-8")
    first = "scenarios/worked_example/scenario.yaml"
    table = run(repo, first, new, "--as-of", AS_OF)
    assert table.returncode == 0, table.stderr
    assert "Stay hosted, as before" in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80
    days = run(repo, first, first, "--old-as-of", "2026-11-12", "--as-of", AS_OF, "--format", "json")
    assert [change["input"] for change in json.loads(days.stdout)["changes"]] == ["prices and day"]
    told = json.loads(run(repo, old, new, "--as-of", AS_OF, "--format", "json").stdout)
    assert told["changes_from"] == "figures"
    (change,) = told["changes"]
    assert change["effect_usd"] == pytest.approx(-950)


def test_the_published_schema_is_the_records_own(repo):
    path = repo / "advisor" / "schema" / "diff.schema.json"
    wanted = {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(DiffRecord).json_schema()}
    if os.environ.get("CROSSOVER_WRITE_SCHEMAS"):
        path.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == wanted


@pytest.mark.parametrize(
    ("name", "content", "code", "said"),
    [
        ("gone.yaml", None, 1, "cannot be read"),
        ("several.yaml", "name: a\ntasks: []\n", 1, "take one by --task NAME"),
        ("half.json", '{"format_version": "1.0"}', 1, "make it again"),
    ],
)
def test_a_side_that_cannot_be_read_ends_with_its_faults(repo, tmp_path, name, content, code, said):
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    done = run(repo, path, "scenarios/worked_example/scenario.yaml")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_one_task_of_several_can_be_compared(repo, tmp_path):
    mix = "scenarios/support_assistant_mix/mix.yaml"
    (tmp_path / "mix.json").write_text(mix_json(advise_mix(read_mix(repo / mix, AS_OF)).advice), encoding="utf-8")
    whole = run(repo, tmp_path / "mix.json", tmp_path / "mix.json")
    assert whole.returncode == 1
    assert "--task NAME" in whole.stderr
    name = re.search(r"^ *- *\{?name: ([\w-]+)", (repo / mix).read_text(encoding="utf-8"), re.M)
    assert name is not None
    one = run(repo, mix, mix, "--task", name.group(1), "--as-of", AS_OF, "--format", "json")
    assert one.returncode == 0, one.stderr
    assert json.loads(one.stdout)["changes"] == []
