"""A scenario of several tasks: what is inherited, the graph, volumes that add up, and every fault at its line, once."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from advisor.mix_file import MixQuestion, UnknownTaskError, read_mix, read_task
from advisor.scenario_file import ScenarioFaultsError, read_scenario

AS_OF = date(2026, 11, 21)
TOP = """name: desk
volume: {tasks_per_month: 10_000..20_000..40_000, lifetime_months: 12, peak_to_mean: 2}
today: {model: openai/gpt-6-sol, monthly_bill_usd: 500}
quality: {target: 0.9}
tasks:
"""
ROUTER = """  - name: router
    kind: routing
    role: inner
    tokens: {input: 500, output: 10}
    calls_per_request: 1
"""
FIELDS = """  - name: fields
    kind: extraction
    role: inner
    after: [router]
    tokens: {input: 900, output: 60}
    quality: {target: 0.8}
    calls_per_request: 0.5
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mix.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def asked(folder: Path, text: str) -> MixQuestion:
    return read_mix(written(folder, text), AS_OF)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioFaultsError) as caught:
        asked(folder, text)
    return str(caught.value).splitlines()


def test_a_task_inherits_field_by_field_and_its_own_words_win(tmp_path: Path) -> None:
    router, fields = (part.question.scenario for part in asked(tmp_path, TOP + ROUTER + FIELDS).parts)
    assert (router.name, fields.name) == ("desk.router", "desk.fields")
    assert (router.quality.target.value, fields.quality.target.value) == (Decimal("0.9"), Decimal("0.8"))
    assert fields.volume.lifetime_months.value == 12
    assert fields.task.kind == "extraction"
    assert not router.today.monthly_bill_usd.known  # the bill is that of all tasks together


def test_calls_per_request_multiply_both_ends_of_the_requests(tmp_path: Path) -> None:
    ranged = FIELDS.replace("0.5", "0.4..0.5..0.8")
    volume = asked(tmp_path, TOP + ROUTER + ranged).parts[1].question.scenario.volume.tasks_per_month
    # 0.4 * 10_000, 0.5 * 20_000, 0.8 * 40_000
    assert (volume.low, volume.value, volume.high) == (4_000, 10_000, 32_000)


def test_tasks_stand_behind_what_they_come_after(tmp_path: Path) -> None:
    assert [part.name for part in asked(tmp_path, TOP + FIELDS + ROUTER).parts] == ["router", "fields"]


def test_shares_of_the_volume(tmp_path: Path) -> None:
    text = (TOP + ROUTER + FIELDS).replace("calls_per_request: 1", "volume_share: 0.7")
    parts = asked(tmp_path, text.replace("calls_per_request: 0.5", "volume_share: 0.3")).parts
    assert [part.question.scenario.volume.tasks_per_month.value for part in parts] == [14_000, 6_000]
    told = faults(tmp_path, text.replace("calls_per_request: 0.5", "volume_share: 0.2"))
    assert told == ["mix.yaml:5  tasks adds up to 0.9 by volume_share, and the whole is 1; wanted parts that sum to 1; "
                    "correct a part, or leave the whole out"]  # fmt: skip


def test_own_volumes_sum_to_the_stated_whole(tmp_path: Path) -> None:
    text = (TOP + ROUTER + FIELDS).replace("calls_per_request: 1", "volume: {tasks_per_month: 15_000}")
    whole = text.replace("calls_per_request: 0.5", "volume: {tasks_per_month: 5_000}")
    assert len(asked(tmp_path, whole).parts) == 2
    told = faults(tmp_path, whole.replace("5_000}", "6_000}", 2))
    assert "adds up to 22000 by volume.tasks_per_month, and the whole is 20000" in told[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("after: [router]", "after: [rooter]", 'mix.yaml:14  tasks[1].after names "rooter", which is no task; wanted'),
        ("after: [router]", "after: [fields]", 'mix.yaml:14  tasks[1].after leads back to "fields"'),
        ("name: fields", "name: router", 'mix.yaml:11  tasks[1].name is "router", which stands twice'),
        ("    calls_per_request: 0.5\n", "", "mix.yaml:11  tasks[1] states no volume; wanted one of calls_per_request"),
        ("0.5\n", "0.5\n    volume_share: 1\n", "mix.yaml:11  tasks[1] states its volume 2 times"),
        ("calls_per_request: 0.5", "calls_per_request: 0", 'tasks[1].calls_per_request is "0"; wanted a number above'),
        ("calls_per_request: 0.5", "calls_per_request: unknown", "tasks[1].calls_per_request is unknown"),
        ("input: 900", "input: 9k", 'mix.yaml:15  tasks[1].tokens.input is "9k"'),
        ("kind: extraction", "kind: extract", 'mix.yaml:12  tasks[1].kind is "extract"; wanted one of'),
        ("    role: inner\n    after", "    after", "tasks[1].role is missing"),
        ("tokens: {input: 900, output: 60}", "tokns: {input: 900}", "tasks[1].tokns is no field of a scenario"),
        ("quality: {target: 0.8}", "finance: {annual_discount_rate: 0.1}", "tasks[1].finance is stated for one task"),
        ("calls_per_request: 0.5", "calls_per_request: 0.5\n    volume: {lifetime_months: 6}",
         "tasks[1].volume.lifetime_months is stated for one task"),
        ("name: desk", "name: desk\nevidence: {}", "evidence stands at the top; trials, tokens and records of one"),
        ("name: desk", "name: desk\ntask: {kind: routing, role: inner}", "task stands beside tasks"),
        ("target: 0.9", "target: 90", 'mix.yaml:4  quality.target is "90"'),
        ("monthly_bill_usd: 500", "monthly_bill_usd: lots", 'mix.yaml:3  today.monthly_bill_usd is "lots"'),
    ],
)  # fmt: skip
def test_a_fault_names_its_line_and_its_task(tmp_path: Path, old: str, new: str, told: str) -> None:
    found = faults(tmp_path, (TOP + ROUTER + FIELDS).replace(old, new))
    assert [line for line in found if told in line], found


def test_a_circle_of_two_is_told_at_both_ends(tmp_path: Path) -> None:
    both = (TOP + ROUTER + FIELDS).replace("calls_per_request: 1\n", "calls_per_request: 1\n    after: [fields]\n")
    assert [line.partition(" leads")[0] for line in faults(tmp_path, both)] == [
        "mix.yaml:11  tasks[0].after",
        "mix.yaml:15  tasks[1].after",
    ]


def test_faults_of_the_top_come_once_and_those_of_every_task_together(tmp_path: Path) -> None:
    text = (TOP + ROUTER + FIELDS).replace("target: 0.9", "target: 9").replace("input: 500", "input: 0")
    told = faults(tmp_path, text.replace("input: 900", "input: -1"))
    assert [line.split()[1] for line in told] == ["quality.target", "tasks[0].tokens.input", "tasks[1].tokens.input"]


def test_requests_that_are_not_stated_are_asked_for(tmp_path: Path) -> None:
    told = faults(tmp_path, (TOP + ROUTER + FIELDS).replace("tasks_per_month: 10_000..20_000..40_000, ", ""))
    assert len([line for line in told if "volume.tasks_per_month is missing" in line]) == 1


def test_other_doors_say_how_to_take_one_task(tmp_path: Path) -> None:
    path = written(tmp_path, TOP + ROUTER + FIELDS)
    with pytest.raises(ScenarioFaultsError, match=r"mix\.yaml:5  tasks holds several tasks.*--task NAME"):
        read_scenario(path)
    assert read_task(path, "fields", AS_OF).scenario.name == "desk.fields"
    with pytest.raises(UnknownTaskError, match="no task 'sums'; there are: router, fields"):
        read_task(path, "sums", AS_OF)


def test_a_list_of_tasks_is_wanted(tmp_path: Path) -> None:
    assert "tasks is no list of tasks" in faults(tmp_path, TOP.replace("tasks:\n", "tasks: []\n"))[0]
    assert "tasks[0] is no task" in faults(tmp_path, TOP + "  - router\n")[0]
