"""Counting files: records by side, samples of a scenario, the command, and a machine without ranks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from advisor import token_ranks_files as files
from advisor.quantity import UnknownQuantityError
from advisor.question_files import with_counted_tokens
from advisor.scenario_file import ScenarioFaultsError, read_scenario
from advisor.token_count_files import Counter, count_file, counted_samples
from advisor.tokens import Label

HOUSE = Path(__file__).resolve().parents[2]
PROSE = "The quick brown fox jumps over the lazy dog, and it is not the first time that it does this. "
ranks_needed = pytest.mark.skipif(
    find_spec("tiktoken") is None or files.read_ranks(files.known_ranks()["o200k"]) is None,
    reason="needs pip install 'crossover[tokens]'",
)


def nowhere(_: files.Ranks) -> Iterator[Path]:
    """Stand for a machine without any ranks."""
    return iter(())


def test_without_ranks_a_count_is_an_estimate_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It never says exact, its range holds the exact figure, and it says what to install."""
    monkeypatch.setattr(files, "places", nowhere)
    files.encoding.cache_clear()
    try:
        (tmp_path / "prose.txt").write_text(PROSE * 40, encoding="utf-8")
        found = count_file(tmp_path / "prose.txt", Counter("openai/gpt-5")).whole
    finally:
        files.encoding.cache_clear()
    assert found.label is Label.ESTIMATE
    assert "crossover[tokens]" in found.why
    assert found.low <= 40 * 22 + 1 <= found.high  # 20 words and 2 marks a sentence, each one token, and the last space


def test_bytes_that_are_no_utf8_are_counted_and_told(tmp_path: Path) -> None:
    """Two stray bytes become two replacement marks; one that the text holds by right is not among them."""
    path = tmp_path / "odd.txt"
    path.write_bytes("right \ufffd ".encode() + b"wrong \xff\xfe end")
    found = count_file(path, Counter("openai/gpt-5"))
    assert found.replaced == 2
    assert found.whole.tokens > 0


def test_records_are_counted_by_side(tmp_path: Path) -> None:
    """Input is all but the last answer; faults are named by line and left out."""
    path = tmp_path / "rows.jsonl"
    row = {"messages": [{"role": "user", "content": PROSE}, {"role": "assistant", "content": "ok"}]}
    path.write_text(f"{json.dumps(row)}\nnot json\n{json.dumps(row)}\n", encoding="utf-8")
    found = count_file(path, Counter("openai/gpt-5"))
    assert (found.records, [fault.line for fault in found.faults]) == (2, [2])
    assert found.inputs is not None
    assert found.outputs is not None
    assert found.outputs.longest == 1
    assert found.whole.tokens == 2 * (found.inputs.p50 + 1)


def test_the_command_prints_json_and_nothing_else(tmp_path: Path) -> None:
    """A model's own folder is counted with its own tokenizer where the package is there; a missing file is told."""
    path = tmp_path / "a.txt"
    path.write_text(PROSE, encoding="utf-8")
    command = [sys.executable, "-m", "advisor.cli", "tokens"]
    done = subprocess.run(
        [*command, str(path), "--model", "mistral/mistral-large-4", "--format", "json"],
        capture_output=True, text=True, check=True, cwd=HOUSE,
    )  # fmt: skip
    (one,) = json.loads(done.stdout)["files"]
    assert one["tokenizer"] == "tekken"
    assert one["low"] < one["tokens"] < one["high"]
    missing = subprocess.run(
        [*command, "absent.txt", "--model", "x/gpt-5"], capture_output=True, text=True, cwd=HOUSE, check=False
    )
    assert missing.returncode == 1
    assert "absent.txt" in missing.stderr


def rows_of(folder: Path, prompts: list[str]) -> Path:
    """Write prompts with a one-word answer each."""
    path = folder / "samples.jsonl"
    rows = ({"prompt": prompt, "completion": "billing"} for prompt in prompts)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@ranks_needed
def test_samples_state_tokens_with_the_range_of_few_records(tmp_path: Path) -> None:
    """Three prompts of 2, 4 and 6 tokens: mean 4, 1.645 x 2 / sqrt(3) = 1.89948 on either side; the answer is 1."""
    path = rows_of(tmp_path, ["hello world", "hello world hello world", "hello world hello world hello world"])
    sent, got = counted_samples(path, "openai/gpt-4o")
    assert (float(sent.value or 0), float(sent.low or 0), float(sent.high or 0)) == pytest.approx((4, 2.10052, 5.89948))
    assert (got.value, got.low, got.high) == (1, 1, 1)
    assert sent.because == "counted in samples.jsonl: 3 records, exact by o200k"


def test_samples_that_cannot_be_counted_say_what_to_do(tmp_path: Path) -> None:
    """No record, or a model of no known family: the message names the field and the way out."""
    empty = tmp_path / "empty.jsonl"
    empty.write_text("no json\n", encoding="utf-8")
    with pytest.raises(UnknownQuantityError, match=r"tokens\.samples: empty\.jsonl holds no record"):
        counted_samples(empty, "openai/gpt-4o")
    with pytest.raises(UnknownQuantityError, match=r"tokens\.samples: .* or state tokens\.input and tokens\.output"):
        counted_samples(rows_of(tmp_path, ["a"]), "acme/nonsense")


def test_a_scenario_may_name_samples_instead_of_tokens(tmp_path: Path) -> None:
    """What is stated stands; what is not is counted; neither is a fault."""
    rows_of(tmp_path, [PROSE] * 5)
    text = "name: a\ntask: {kind: routing, role: inner}\nvolume: {tasks_per_month: 9}\ntoday: {model: openai/gpt-4o}\n"
    path = tmp_path / "scenario.yaml"
    path.write_text(text + "tokens: {samples: samples.jsonl, output: 7}\n", encoding="utf-8")
    counted = with_counted_tokens(read_scenario(path), tmp_path).tokens
    assert counted.output.value == 7
    assert 18 <= (counted.input.value or 0) <= 26  # PROSE: 20 words and 2 marks
    path.write_text(text + "tokens: {cached_input: 1}\n", encoding="utf-8")
    with pytest.raises(ScenarioFaultsError) as faults:
        read_scenario(path)
    assert [str(fault).partition(" is ")[0] for fault in faults.value.faults] == [
        "scenario.yaml:5  tokens.input",
        "scenario.yaml:5  tokens.output",
    ]
