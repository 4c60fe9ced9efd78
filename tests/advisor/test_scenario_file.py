"""A scenario file: every fault at once, each with line, finding, wish and next step; nothing crashes the reader."""

from pathlib import Path

import pytest

from advisor.scenario_file import ScenarioFaultsError, read_scenario

MINIMUM = """\
name: ticket-routing
task: {kind: routing, role: inner}
volume: {tasks_per_month: 300_000..420_000..600_000}
tokens: {input: 420, output: 28}
today: {model: vendor/model}
"""

FULL = """\
name: ticket-routing
task: {kind: classification, role: inner, description: "Route: 77 classes", diverse: false, goal: [cost, format]}
volume: {tasks_per_month: 4e5, growth_per_month: 0.01, lifetime_months: 18, peak_to_mean: 3}
tokens: {input: 420, cached_input: 100, output: 28, tuned_input: 120}
quality: {metric: json_match, target: 0.90, non_inferiority_margin: 0.02, error_usd: unknown}
evidence:
  prompting: [{variant: zero-shot, n: 200, successes: 61}, {variant: few-shot, n: 1_000, successes: 402}]
  retrieval: {not_tried: "nothing to look up"}
  tuned: {trials: [{variant: pilot, n: 200, successes: 190}]}
data: {train: train.jsonl, licence: CC-BY-4.0, consent: own records, synthetic_share: 0.2}
today: {model: vendor/model, monthly_bill_usd: 900}
constraints: {data_may_leave: true, delay_tolerant: no, regions: [eu], latency_tpot_ms: 50}
candidates:
  base_model: base_model
  owned_card: {card: RTX-4090, capex_usd: 1800, life_months: 36, residual_usd: 300, watts: 450, usd_per_kwh: 0.30}
local_machine: {usd_per_hour: 0.06, because: "90 W at 0.30 USD/kWh and depreciation"}
training: {method: qlora, epochs: 3, learning_rate: 5e-3, lora: {rank: 16, targets: [q_proj, v_proj]}, adapt: none}
finance: {currency: EUR, usd_rate: 0.92, usd_rate_on: 2026-11-20, annual_discount_rate: 0.08}
limits: {usd: 5, hours: 2}
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "scenario.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def faults(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ScenarioFaultsError) as caught:
        read_scenario(write(folder, text))
    assert list(caught.value.faults) == sorted(caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


def test_the_minimum_reads(tmp_path: Path) -> None:
    asked = read_scenario(write(tmp_path, MINIMUM))
    assert str(asked.volume.tasks_per_month) == "300000..420000..600000"


def test_the_full_form_reads(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("")
    asked = read_scenario(write(tmp_path, FULL))
    assert str(asked.quality.target) == "0.90"  # exact: the last zero is kept
    assert asked.evidence.prompting.trials[1].n == 1000
    assert asked.evidence.retrieval.not_tried == "nothing to look up"
    assert asked.training.learning_rate == 5e-3
    assert asked.training.adapt is None
    assert asked.candidates.owned_card is not None
    assert str(asked.volume.tasks_per_month) == "400000"


@pytest.mark.parametrize("spelling", ["\ufeff{}", "{}\n", "# a comment\n{}"])
def test_byte_order_mark_line_ends_and_comments_change_nothing(tmp_path: Path, spelling: str) -> None:
    plain = read_scenario(write(tmp_path, MINIMUM))
    assert read_scenario(write(tmp_path, spelling.format(MINIMUM))) == plain
    assert read_scenario(write(tmp_path, spelling.format(MINIMUM).replace("\n", "\r\n"))) == plain


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "300_000..420_000..600_000",
            "12k",
            'scenario.yaml:3  volume.tasks_per_month is "12k"; wanted a number above 0 and at most 1e12, or a range, '
            "for example 12000 or 10_000..14_000; write 12_000",
        ),
        ("input: 420", "input: -1", 'scenario.yaml:4  tokens.input is "-1"; wanted a number above 0'),
        ("420_000..600_000", "9..1", "write 1..9..300000"),
        ("input: 420, ", "", "scenario.yaml:4  tokens.input is missing; wanted a number above 0"),
        ("today: {model: vendor/model}\n", "", "scenario.yaml:1  today is missing; wanted a section with model; add"),
        ("inner", "iner", 'scenario.yaml:2  task.role is "iner"; wanted one of inner, outer; write inner'),
        ("ticket-routing", "a b", 'scenario.yaml:1  name is "a b"; wanted a name of letters'),
        ("ticket-routing", "12", 'scenario.yaml:1  name is "12"; wanted a name of letters'),
        ("vendor/model", "model", 'scenario.yaml:5  today.model is "model"; wanted vendor/model as `prices list`'),
        ("role: inner", "role: inner, roll: 1", "scenario.yaml:2  task.roll is no field of a scenario; wanted one of"),
        ("role: inner", "role: inner, descripton: x", "did you mean description?"),
        ("today:", "tasks_per_month: 3\ntoday:", "did you mean volume.tasks_per_month?"),
        ("role: inner", "role: inner, role: inner", "task.role stands twice, first on line 2"),
        ("output: 28", "output: ", "scenario.yaml:4  tokens.output is empty; wanted a value; write unknown"),
        ("role: inner", "role: inner, prototype: yes", 'task.prototype is "yes"; wanted true or false'),
        ("role: inner", "role: inner, diverse: maybe", "wanted one of true, false, unknown"),
        ("role: inner", "role: inner, goal: cost", 'task.goal is "cost"; wanted a list'),
        ("role: inner", "role: inner, goal: [cots]", 'task.goal[0] is "cots"'),
        ("role: inner", "role: !!str inner", "task.role has the tag"),
        ("role: inner", "role: !!python/object:x inner", "task.role has the tag"),
        ("{model: vendor/model}", "vendor/model", 'today is "vendor/model"; wanted'),
        ("{model: vendor/model}", "[1]", "today is a list; wanted"),
        ("output: 28", "output: 28, cached_input: 500", 'tokens.cached_input is "500"; wanted at most input'),
        ("today:", "finance: {currency: EUR}\ntoday:", "scenario.yaml:5  finance.usd_rate is missing; wanted the EUR"),
        ("today:", "gate: {metric: rouge_l}\ntoday:", "scenario.yaml:5  gate.target is missing; wanted the score"),
        (
            "today:",
            "gate: {target: 0.4}\ntoday:",
            'gate.target is "0.4"; wanted none without gate.metric',
        ),
        ("today:", "gate: {metric: rouge, target: 0.4}\ntoday:", "wanted one of exact_match"),
        ("today:", "quality: {target: 90%}\ntoday:", "write 0.9; shares run from 0 to 1"),
        ("today:", "quality: {target: 1.2}\ntoday:", 'quality.target is "1.2"; wanted a number of at least 0 and at m'),
        ("today:", "training: {epochs: x}\ntoday:", 'training.epochs is "x"; wanted a number from 0.01 to 1000'),
        ("today:", "training: {seed: 1.5}\ntoday:", 'training.seed is "1.5"; wanted a whole number'),
        ("today:", "evidence: {hosted: [{variant: a, n: 2, successes: 3}]}\ntoday:", "evidence.hosted[0].successes is"),
        ("today:", "data: {train: gone.jsonl}\ntoday:", 'data.train is "gone.jsonl", which is not there'),
        ("today:", "data: {train: ../x.jsonl}\ntoday:", "wanted a relative path below the scenario's folder"),
        ("today:", "data: {train: /etc/passwd}\ntoday:", "wanted a relative path below the scenario's folder"),
        ("today:", "data: {train: C:/x}\ntoday:", "wanted a relative path below the scenario's folder"),
        ("today:", "data: {train: a\\..\\..\\x}\ntoday:", "wanted a relative path below the scenario's folder"),
        ("today:", "candidates: {base_model: ../../models}\ntoday:", "candidates.base_model is"),
        ("today:", "task: [\ntoday:", "is not YAML"),
        ("today:", "\tquality: {}\ntoday:", "scenario.yaml:5  the file is indented with a tab; wanted spaces"),
        ("name: ticket", "name: a: ticket", "scenario.yaml:1  the file has a second colon in one value"),
        ("today:", "? [a]\n: 1\ntoday:", "has a name that is no word"),
        ("today:", "<<: {a: 1}\ntoday:", "<< is no field of a scenario"),
        ("today:", "---\ntoday:", "is not YAML here"),
    ],
)
def test_a_fault_names_place_finding_wish_and_next_step(tmp_path: Path, old: str, new: str, fault: str) -> None:
    text = MINIMUM.replace(old, new)
    assert text != MINIMUM
    found = faults(tmp_path, text)
    assert len(found) == 1, found
    assert fault in found[0]


def test_all_faults_come_at_once_and_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """\
name: a b
task: {kind: routin, role: inner, goal: [cost, acuracy]}
volume:
  tasks_per_month: 12k
  lifetime_months: 30..12
  lifetime_months: 12
tokens: {input: 420, output: "28%", tuned: 120}
evidence:
  prompting: [{variant: zero, n: 200, successes: 261}, {variant: two, n: 20.5, successes: 1}]
data: {train: gone.jsonl}
today: {model: , monthly_bill_usd: lots}
"""
    places = [fault.split(" is ")[0].split(" stands ")[0] for fault in faults(tmp_path, text)]
    assert places == [
        "scenario.yaml:1  name",
        "scenario.yaml:2  task.goal[1]",
        "scenario.yaml:2  task.kind",
        "scenario.yaml:4  volume.tasks_per_month",
        "scenario.yaml:5  volume.lifetime_months",
        "scenario.yaml:6  volume.lifetime_months",
        "scenario.yaml:7  tokens.output",
        "scenario.yaml:7  tokens.tuned",
        "scenario.yaml:9  evidence.prompting[0].successes",
        "scenario.yaml:9  evidence.prompting[1].n",
        "scenario.yaml:10  data.train",
        "scenario.yaml:11  today.model",
        "scenario.yaml:11  today.monthly_bill_usd",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "scenario.yaml:1  the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"- 1\n- 2\n", "the file is no mapping"),
        (b"name: a\nx: \x00\n", "scenario.yaml:2  the file holds the control character 0x00"),
        (b"name: a\nx: \x1b[31m\n", "scenario.yaml:2  the file holds the control character 0x1b"),
        (b"name: a\nx: \xff\xfe\n", "scenario.yaml:2  the file is not UTF-8"),
        ("name: x".encode("utf-16"), "the file is not UTF-8"),
        (b"x: " + b"a" * 300_000, "the file is over 262_144 bytes"),
        (b"x: " + b"[" * 5_000, "the file is nested too deep"),
        (b"x: " + b"[" * 50 + b"]" * 50, "lies deeper than 12 levels"),
        (b"x: &x [*x]", "lies deeper than 12 levels"),
        (b"a: &x 1\nb: &x 2\n", "is not YAML"),
        (b"x: *nowhere", "is not YAML"),
        (b"x: {a", "is not YAML"),
        (b"%YAML 9.9\n---\nx: 1\n", "is not YAML"),
    ],
)
def test_no_file_crashes_the_reader(tmp_path: Path, content: bytes, fault: str) -> None:
    assert fault in "\n".join(faults(tmp_path, content))


def test_an_alias_bomb_stops_at_a_bound(tmp_path: Path) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]  # 10**8 values if expanded
    found = faults(tmp_path, "a0: &a0 x\n" + "\n".join(levels))
    assert found[-1].startswith("scenario.yaml:1  the file holds more than 20_000 values")


def test_a_data_file_behind_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.jsonl").write_text("{}")
    (inside / "train.jsonl").symlink_to(tmp_path / "secret.jsonl")
    found = faults(inside, MINIMUM + "data: {train: train.jsonl}\n")
    assert found == [
        'scenario.yaml:6  data.train is "train.jsonl"; wanted a file below the scenario\'s folder; move it there'
    ]


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFaultsError, match=r"gone\.yaml:1  the file cannot be read \(No such file"):
        read_scenario(tmp_path / "gone.yaml")


def test_every_shipped_scenario_reads(repo: Path) -> None:
    paths = sorted((repo / "scenarios").glob("*/scenario.yaml"))
    assert len(paths) >= 4  # R029 asks for four decisions
    assert [read_scenario(path).name for path in paths] != []
