"""`advise data`: planted faults are found through the real program, in JSON and on a page of 80 columns."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from advisor.checks.records import read_records
from advisor.cli import app
from advisor.data_check import Asked, RecordFile, check, numbered
from advisor.scenario import Data

KEY = "ghp_" + "a1B2" * 9
STATED = ("--licence", "own", "--consent", "contract")
Lines = list[dict[str, Any]]


def ask(*arguments: str | Path) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["data", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def different(count: int, seed: int, **more: Any) -> Lines:
    rng = random.Random(seed)
    return [
        {"text": "".join(rng.choices("abcdefghijklmnop ", k=40)), "label": f"label {n % 4}", **more}
        for n in range(count)
    ]


def write(path: Path, records: Lines, *raw: str) -> Path:
    path.write_text("".join(f"{json.dumps(one)}\n" for one in records) + "".join(raw), encoding="utf-8")
    return path


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Path, Path]:
    """200 clean rows; then one each of: leak, conflict with row 1, repeat of row 2, mail, key, and a torn line."""
    test = different(120, seed=2)
    train = different(200, seed=1)
    train += [{**test[0]}, {**train[0], "label": "label 1"}, {**train[1]}]
    train += [
        {"text": "write to ann@example.org about it", "label": "label 1"},
        {"text": f"use {KEY}", "label": "label 2"},
    ]
    return write(tmp_path / "train.jsonl", train, '{"text": "torn'), write(tmp_path / "test.jsonl", test)


def test_every_planted_fault_is_found(planted: tuple[Path, Path]) -> None:
    train, test = planted
    code, out, err = ask(train, "--test", test, *STATED, "--kind", "classification", "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert report["ready"] == "yes"
    # 206 lines: 1 torn, 1 leak, 2 in conflict, 1 repeat, 1 with a key
    assert (report["rows"], report["usable_rows"], report["tier"]) == (206, 200, "minimum")
    assert report["reasons"] == {"conflict": 2, "leak": 1, "duplicate": 1, "secret": 1, "unreadable": 1}
    assert {one["code"]: one["lines"] for one in report["findings"]} == {
        "unreadable": [206],
        "leak": [201],
        "conflict": [1, 202],
        "duplicate": [203],
        "secret": [205],
        "personal": [204],
    }
    assert [one["line"] for one in report["dropped"]] == [1, 201, 202, 203, 205]
    assert report["test_rows_asked_in_train"] == 1
    assert [(one["label"], one["test"]) for one in report["labels"]] == [(f"label {n}", 30) for n in (0, 2, 3, 1)]
    assert err == f"{train}:206  is cut off at the end of the file; write the row again\n"
    assert KEY not in out
    assert "ann@" not in out


def test_the_page_fits_80_columns_and_says_what_to_do(
    planted: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = planted
    monkeypatch.chdir(train.parent)
    code, out, _ = ask(train.name, "--test", test.name, "--kind", "routing")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "Open: not all that matters is known. 200 of 206 rows count (97.1%): tier\nminimum." in out
    assert "          2  conflict       ask the same as another and answer differently\n" in out
    assert "  1. state data.licence (licence)" in out
    assert "800 more different rows reach the tier 'typical'" in out
    assert "Test set: 120 rows; training rows ask what 1 of them ask" in out
    assert KEY not in out


def test_rows_again_raise_nothing(planted: tuple[Path, Path]) -> None:
    train, test = planted
    once, twice = (
        json.loads(ask(*files, "--test", test, "--format", "json")[1]) for files in ((train,), (train, train))
    )
    assert twice["rows"] == 2 * once["rows"]
    assert (twice["usable_rows"], twice["tier"]) == (once["usable_rows"], once["tier"])
    assert twice["files"][1]["lines_after"] == 206


def test_lines_count_on_from_file_to_file(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.jsonl", different(3, seed)) for seed, name in enumerate("abc")]
    files = numbered([RecordFile(path.name, *read_records(path)) for path in paths])
    assert [[row.line for row in one.rows] for one in files] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_split_by_group_leaks_nothing_and_is_not_made_twice(tmp_path: Path) -> None:
    train = write(tmp_path / "all.jsonl", [{**one, "customer_id": n % 60} for n, one in enumerate(different(600, 1))])
    code, _, err = ask(train, "--split", tmp_path / "out")
    assert code == 0
    sides = {name: read_records(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "valid", "test")}
    groups = {name: {row.about.group for row in rows} for name, (rows, _) in sides.items()}
    assert not groups["train"] & (groups["valid"] | groups["test"])
    assert not groups["valid"] & groups["test"]
    assert sum(len(rows) for rows, _ in sides.values()) == 600
    assert all(rows and not faults for rows, faults in sides.values())
    again, _, why = ask(
        tmp_path / "out" / "train.jsonl",
        "--test",
        tmp_path / "out" / "test.jsonl",
        *STATED,
        "--split",
        tmp_path / "out",
    )
    assert again == 1
    assert why.endswith("name another folder: a split is not made twice\n")
    assert err.startswith(f"written to {tmp_path / 'out'}: ")


def test_preference_pairs_are_judged_as_pairs(tmp_path: Path, planted: tuple[Path, Path]) -> None:
    train, test = planted
    asked = json.loads(test.read_text(encoding="utf-8").splitlines()[0])["text"]
    pairs = [{"prompt": "q", "chosen": "long one", "rejected": "b"}, {"prompt": asked, "chosen": "a", "rejected": "bb"}]
    path = write(tmp_path / "pairs.jsonl", [*pairs, {"prompt": "q", "chosen": "a", "rejected": "a"}])
    report = json.loads(ask(train, path, "--test", test, "--format", "json")[1])
    (found,) = report["preferences"]
    assert (found["pairs"], found["different_prompts"], found["asked_in_test"]) == (2, 2, 1)
    assert found["chosen_longer_share"] == 0.5
    assert [fault["line"] for fault in found["faults"]] == [3]
    assert report["rows"] == 206


@pytest.mark.parametrize(
    ("records", "kind", "code"),
    [
        ([{"text": f"a text about thing number {n} of {n * n}"} for n in range(150)], None, "no_answers"),
        (
            [{"prompt": f"ask {n} about {n * n}", "completion": f"say {n}"} for n in range(150)],
            "routing",
            "no_label_set",
        ),
    ],
)
def test_answers_that_do_not_suit_the_task_leave_it_open(
    records: Lines, kind: str | None, code: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.jsonl", records)
    question = Asked(Data(licence="own", consent="given"), kind)
    report = check([RecordFile("x", *read_records(path))], question).report
    assert code in {one["code"] for one in report["findings"]}
    assert report["ready"] == "unknown"


def test_where_json_is_wanted_other_answers_make_it_not_ready(tmp_path: Path) -> None:
    rows = [{**one, "label": '{"queue": 1}' if n < 60 else "queue 1"} for n, one in enumerate(different(200, 1))]
    report = json.loads(ask(write(tmp_path / "x.jsonl", rows), "--answers", "json", "--format", "json")[1])
    assert report["ready"] == "no"
    assert report["reasons"] == {"invalid_json": 140}  # 70 % (R048)
    assert report["json_share"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("nowhere.jsonl",), 1, "nowhere.jsonl: No such file or directory; wanted a file that can be read"),
        (("x.jsonl", "--answers", "xml"), 2, "--answers is 'xml'; wanted text or json"),
        (("x.jsonl", "--base-model", "nobody/nothing"), 1, "--base-model: "),
        (("x.jsonl", "--max-length", "9"), 2, "--max-length counts tokens: name the model"),
    ],
)
def test_what_cannot_be_done_says_why(
    arguments: tuple[str, ...], code: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.jsonl", different(3, 1))
    found, _, err = ask(*arguments)
    assert found == code
    assert why in err


def test_tokens_are_counted_and_long_rows_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [*different(5, 1), {"text": "word " * 500, "label": "label 1"}])
    report = json.loads(ask(path, "--base-model", "openai/gpt-6-sol", "--max-length", "400", "--format", "json")[1])
    assert (report["tokens"]["over_max_length"], report["tokens"]["over_lines"]) == (1, [6])
    assert report["tokens"]["a_row"]["longest"] >= 450
    assert report["tokens"]["total"] >= report["tokens"]["a_row"]["longest"] + 5 * 10


@pytest.mark.real
def test_banking77_as_its_publishers_left_it(shared: Path) -> None:
    folder = shared / "reference" / "datasets"
    train, test = folder / "banking77_train.csv", folder / "banking77_test.csv"
    report = json.loads(ask(train, "--test", test, "--kind", "classification", *STATED, "--format", "json")[1])
    assert (report["ready"], report["tier"], len(report["labels"])) == ("yes", "typical", 77)
    assert report["rows"] == 10_003 == report["usable_rows"] + sum(report["reasons"].values())
    assert report["reasons"]["duplicate"] == 4
    assert report["reasons"]["leak"] == 11
    assert 50 <= report["reasons"]["near_leak"] <= 150
    assert all(one["severity"] == "warns" for one in report["findings"])
