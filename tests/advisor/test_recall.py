"""What is remembered about data is what would be found again, and a changed byte is another question."""

import pytest

from advisor.question_files import read_readiness
from advisor.recall_files import place, recall, remember
from advisor.scenario_file import read_scenario


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [f'{{"prompt": "question number {n}", "completion": "answer {n * n}"}}' for n in range(120)]
    (tmp_path / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(
        "name: x\ntask: {kind: routing, role: inner}\nvolume: {tasks_per_month: 10}\ntokens: {input: 5, output: 1}\n"
        "today: {model: openai/gpt-6-sol}\ndata: {train: train.jsonl}\n",
        encoding="utf-8",
    )
    return tmp_path


def kept(folder):
    return sorted((folder / "cache").rglob("*.json"))


def test_the_second_answer_is_the_first(folder):
    scenario = read_scenario(folder / "scenario.yaml")
    first = read_readiness(scenario, folder)
    assert len(kept(folder)) == 1
    assert read_readiness(scenario, folder) == first


def test_another_row_is_another_question(folder):
    scenario = read_scenario(folder / "scenario.yaml")
    first = read_readiness(scenario, folder)
    with (folder / "train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"prompt": "one more thing entirely", "completion": "yes"}\n')
    assert read_readiness(scenario, folder).usable_rows == first.usable_rows + 1
    assert len(kept(folder)) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"answer": "perhaps"}', "\x00"])
def test_what_cannot_be_read_is_forgotten(folder, content):
    scenario = read_scenario(folder / "scenario.yaml")
    first = read_readiness(scenario, folder)
    (path,) = kept(folder)
    path.write_text(content, encoding="utf-8")
    assert recall(path.stem) is None
    assert read_readiness(scenario, folder) == first


def test_a_home_that_cannot_be_written_to_is_no_fault(folder, monkeypatch):
    scenario = read_scenario(folder / "scenario.yaml")
    found = read_readiness(scenario, folder)
    blocked = folder / "file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    remember("key", found)
    assert not place("key").exists()
