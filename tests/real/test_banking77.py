"""Banking77, real questions that nobody here wrote: the whole thread on a few intents, through the command lines.

The full run on 77 intents is made by hand with the same functions; its dated result is in benchmarks/results.
"""

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.banking77 import OVERRIDE, Settings, advise, build, chosen, held_out, read_csv, run

FEW = Settings(intents=3, adapt_steps=10, steps=80)
ROWS = 30  # test rows an intent: answered in seconds
Thread = tuple[int, dict[str, Any], Path]

pytestmark = pytest.mark.real
needs_torch = pytest.mark.skipif(find_spec("trl") is None, reason="needs the [run] extra: pip install '.[run]'")


@pytest.fixture(scope="module")
def source(shared: Path) -> Path:
    return shared / "reference" / "datasets"


def thread(source: Path, folder: Path, settings: Settings) -> Thread:
    """Return the exit code of `run`, its report and the run's folder."""
    plan = folder / "plan" / "plan.json"
    assert advise(build(source, folder, settings, "test", ROWS), plan) == 0
    code, report = run(plan, folder / "run")
    return code, report, folder / "run"


@pytest.fixture(scope="module")
def tuned(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Thread:
    return thread(source, tmp_path_factory.mktemp("tuned"), FEW)


@pytest.fixture(scope="module")
def barely(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Thread:
    return thread(source, tmp_path_factory.mktemp("barely"), replace(FEW, adapt_steps=1, steps=2))


def macro_f1(pairs: list[tuple[str, str]]) -> float:
    """Return macro F1 of (expected, answered), worked out the long way; capitals do not count."""
    pairs = [(expected.casefold(), answer.strip().casefold()) for expected, answer in pairs]
    scores: list[float] = []
    for label in sorted({expected for expected, _ in pairs}):
        hits = sum(expected == answer == label for expected, answer in pairs)
        recall = hits / sum(expected == label for expected, _ in pairs)
        precision = hits / max(1, sum(answer == label for _, answer in pairs))
        scores.append(2 * precision * recall / (precision + recall) if hits else 0.0)
    return sum(scores) / len(scores)


def test_the_reference_files_are_what_they_are_said_to_be(source: Path) -> None:
    train, test = (read_csv(source / f"banking77_{part}.csv") for part in ("train", "test"))
    assert (len(train), len(test)) == (10_003, 3_080)
    assert set(Counter(row["category"] for row in test).values()) == {40}
    assert {row["category"] for row in train} == {row["category"] for row in test}
    assert len({row["category"] for row in train}) == 77


def test_settings_are_chosen_without_a_look_at_the_test_file(source: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "banking77_train.csv").write_bytes((source / "banking77_train.csv").read_bytes())
    build(tmp_path / "source", tmp_path / "chosen", Settings(), "valid")  # there is no test file here to read
    train, valid = (read_csv(tmp_path / "chosen" / f"{part}.csv") for part in ("train", "test"))
    assert len(train) + len(valid) == 10_003
    assert 900 < len(valid) < 1_100
    assert all(map(held_out, valid))
    assert not {row["text"] for row in train} & {row["text"] for row in valid}
    assert list(read_csv(tmp_path / "chosen" / "texts.csv")[0]) == ["text"], "no intent beside it"


@pytest.mark.torch
@pytest.mark.slow
@needs_torch
class TestFromScenarioToAccount:
    """One run that learns, one that does not, each made once."""

    def test_the_better_model_ships(self, tuned: Thread) -> None:
        code, report, _ = tuned
        assert (code, report["ships"], report["state"]) == (0, True, "finished")
        assert report["quality"]["metric"] == "macro_f1"
        assert report["quality"]["rows"] == 90, "3 intents, 30 rows each"
        base, best = (report["quality"]["scores"][name] for name in ("base", "tuned"))
        assert base["low"] <= base["value"] <= base["high"] < best["low"] <= best["value"] <= best["high"] <= 1
        assert best["value"] >= 0.85
        gain = report["quality"]["paired"]["difference"]
        assert 0.1 < gain["low"] <= gain["value"] == pytest.approx(best["value"] - base["value"])

    def test_a_model_that_is_no_better_does_not_ship(self, barely: Thread) -> None:
        code, report, _ = barely
        assert (code, report["ships"], report["state"]) == (3, False, "finished")
        checks = {check["name"]: check for check in report["quality"]["checks"]}
        assert [checks[name]["passed"] for name in ("target", "gain", "merge")] == [False, False, None]
        assert "misses the target of 85.0 %" in checks["target"]["why"]
        assert "is not above 10.0" in checks["gain"]["why"]
        assert report["verdict"]["override_reason"] == OVERRIDE

    def test_the_scores_are_those_of_the_answers(self, source: Path, tuned: Thread) -> None:
        _, report, folder = tuned
        test = chosen(read_csv(source / "banking77_test.csv"), FEW.intents)
        for name in ("base", "tuned"):
            path = next(one["path"] for one in report["artefacts"] if f"evaluate/{name}-" in one["path"])
            lines = [json.loads(line) for line in (folder / path).read_text(encoding="utf-8").splitlines()]
            assert Counter(line["expected"] for line in lines) == {row["category"]: 30 for row in test}
            f1 = macro_f1([(line["expected"], line["answer"]) for line in lines])
            assert report["quality"]["scores"][name]["value"] == pytest.approx(f1)

    def test_nothing_asked_in_the_test_was_learned(self, source: Path, tuned: Thread) -> None:
        _, report, folder = tuned
        asked = {" ".join(row["text"].casefold().split()) for row in read_csv(folder.parent / "test.csv")}
        learned = (folder / "curate" / "train.jsonl").read_text(encoding="utf-8").splitlines()
        texts = (folder / "curate" / "adapt.jsonl").read_text(encoding="utf-8").splitlines()
        prompts = [json.loads(line)["messages"][0]["content"] for line in learned]
        prompts += [json.loads(line)["text"] for line in texts]
        assert not asked & {" ".join(prompt.casefold().split()) for prompt in prompts}
        rows = len(chosen(read_csv(source / "banking77_train.csv"), FEW.intents))
        assert report["data"]["rows"] == rows == report["data"]["kept"] + sum(report["data"]["dropped"].values())

    @pytest.mark.parametrize("which", ["tuned", "barely"])
    def test_the_account_sums_exactly(self, which: str, request: pytest.FixtureRequest) -> None:
        report = request.getfixturevalue(which)[1]
        money = report["money"]
        difference = Decimal(money["actual_usd"]) - Decimal(money["predicted_usd"])
        assert difference == Decimal(money["difference_usd"])
        assert sum(Decimal(line["usd"]) for line in money["lines"]) == difference
        assert sum(map(Decimal, money["by_cause"].values())) == difference
        assert Decimal(money["actual_usd"]) == sum(Decimal(one["usd"]) for one in report["attempts"]) > 0

    def test_every_forecast_of_the_run_has_its_actual(self, tuned: Thread) -> None:
        lines = {line["name"]: line for line in tuned[1]["comparisons"] if line["where"] == "run"}
        assert set(lines) == {"seconds", "usd", "tokens", "steps", "peak_bytes"}
        assert all(line["predicted"] > 0 and line["actual"] > 0 for line in lines.values())
        assert lines["steps"]["actual"] == FEW.adapt_steps + FEW.steps == 90
