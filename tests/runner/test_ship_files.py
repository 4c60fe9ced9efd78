"""What is shipped: sets read whole, commands that name the folder, a sheet for people, the converter as a process."""

import csv
import io
import json
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from advisor.plan import DataRef, FileRef
from runner.cli import app
from runner.engine import Message
from runner.evaluate import LockedRow
from runner.evaluation_sets import read_sets
from runner.refusal import RefusedError
from runner.review import SHEET_ROWS, read_sheet, sheet
from runner.ship_card import slug
from runner.ship_gguf import convert, preflight
from runner.ship_serve import Served, affixes, files, ollama_template
from tests.runner.toy_plan import TEAMS, MakePlan, drive, edited, folder_of, ref, report_of, row, write_rows

SERVED = Served("tickets-1", "bfloat16", 4096, 16, "base-7b", None)


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def asked(text: str) -> LockedRow:
    return LockedRow((Message(role="user", content=text),), "yes")


def chatml(turns: Sequence[Message], answer_next: bool) -> str:
    text = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in turns)
    return text + "<|im_start|>assistant\n" * answer_next


def test_a_template_of_plain_turns_is_put_in_ollamas_words() -> None:
    assert affixes(chatml) == {
        "user": ("<|im_start|>user\n", "<|im_end|>\n"),
        "assistant": ("<|im_start|>assistant\n", "<|im_end|>\n"),
        "system": ("<|im_start|>system\n", "<|im_end|>\n"),
        "next": ("<|im_start|>assistant\n", ""),
    }
    template = ollama_template(chatml)
    assert template is not None
    assert template.startswith('{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}')
    assert template.endswith("{{ end }}{{ end }}<|im_start|>assistant\n")


def test_a_template_that_counts_turns_is_not() -> None:
    def counting(turns: Sequence[Message], answer_next: bool) -> str:
        return f"[{len(turns)} turns]" + chatml(turns, answer_next)

    assert ollama_template(counting) is None
    assert "could not be put in Ollama's words" in files(SERVED, None, ())["Modelfile"]


def test_every_server_has_its_file() -> None:
    found = files(SERVED, "T", ("<|im_end|>",))
    assert set(found) == {
        *("vllm.sh", "vllm-adapter.sh", "tgi.sh", "lmdeploy.sh", "transformers.sh", "llama-cpp.sh", "ollama.sh"),
        "Modelfile",
    }
    assert "vllm serve ./model --served-model-name tickets-1 --dtype bfloat16 --max-model-len 4096" in found["vllm.sh"]
    assert "llama-quantize tickets-1-f16.gguf tickets-1-Q4_K_M.gguf Q4_K_M" in found["llama-cpp.sh"]
    assert found["Modelfile"].splitlines()[-1] == 'PARAMETER stop "<|im_end|>"'
    made = files(replace(SERVED, gguf="m.gguf"), "T", ())
    assert "convert_hf_to_gguf.py" not in made["llama-cpp.sh"]
    assert made["Modelfile"].startswith("FROM ../m.gguf")


@pytest.mark.parametrize(
    ("name", "safe"),
    [("ticket-routing", "ticket-routing"), ("a b; rm -rf $HOME\n", "a-b--rm--rf--HOME-"), ("..x", "x")],
)
def test_no_name_leaves_its_place_in_a_command(name: str, safe: str) -> None:
    assert slug(name) == safe


def test_the_sheet_hides_who_said_what_and_comes_back_counted() -> None:
    tests = [asked(f"question {n}") for n in range(120)]
    base, tuned = ["=1+1"] * 120, ["yes"] * 60 + ["=1+1"] * 60
    text, key = sheet(tests, base, tuned, "seed")
    assert (text, key) == sheet(tests, base, tuned, "seed")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == SHEET_ROWS
    assert all(int(line["row"]) < 60 for line in rows), "differing rows first"
    assert {tuple(sides) for sides in key.values()} == {("base", "tuned"), ("tuned", "base")}
    assert not any(line[f"answer_{side}"].startswith("=") for line in rows for side in (1, 2)), "no formula"
    for line in rows[:40]:  # a reader who prefers the tuned answer in 30 rows, the base's in 6, and 4 ties
        number = int(line["row"])
        want = "tuned" if rows.index(line) < 30 else "base"
        line["preferred"] = "tie" if rows.index(line) >= 36 else str(key[str(number)].index(want) + 1)  # type: ignore[arg-type]
        line["rating_1"], line["rating_2"] = ("5", "2") if key[str(number)][0] == "tuned" else ("2", "5")
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    found = read_sheet(out.getvalue(), key)
    assert (found.tuned, found.base, found.ties, found.unread) == (30, 6, 4, 10)
    assert found.tuned_share is not None
    assert found.tuned_share.value == pytest.approx(30 / 36)
    assert found.p_value < 0.001
    assert found.ratings == {"base": 2.0, "tuned": 5.0}


def test_a_badly_filled_sheet_names_every_line() -> None:
    text, key = sheet([asked("q")] * 2, ["a", "b"], ["c", "d"], "seed")
    bad = text.replace(",,,,", ",left,7,,", 1).replace("\n1,", "\n9,")
    with pytest.raises(ValueError, match=r"(?s)line 2: preferred is 'left'.*line 3: row '9' is not in the key"):
        read_sheet(bad, key)


CONVERTER = """import argparse, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype")
parser.add_argument("--vocab-only", action="store_true")
given = parser.parse_args()
if "odd" in (given.model / "config.json").read_text():
    # the words with which the real converter refuses a tokenizer that it does not know
    sys.exit("NotImplementedError: BPE pre-tokenizer was not recognized")
given.outfile.write_bytes(b"GGUF" + bytes([given.vocab_only]))
"""


def test_gguf_is_made_where_a_converter_is_and_said_to_be_absent_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, output = tmp_path / "model", tmp_path / "m.gguf"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CROSSOVER_GGUF_CONVERTER", raising=False)
    assert convert(model, output).file is None
    assert "not present" in convert(model, output).why
    assert preflight(model) is None
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text(CONVERTER, encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    assert preflight(model) is None
    assert convert(model, output, "--outtype", "f16").file == output
    assert output.read_bytes() == b"GGUF\0"
    (model / "config.json").write_text('{"odd": 1}', encoding="utf-8")
    assert "BPE pre-tokenizer was not recognized" in str(preflight(model))
    assert sorted(path.name for path in tmp_path.glob("*.partial")) == []


def data_of(root: Path, **names: str) -> DataRef:
    refs: dict[str, Any] = {role: FileRef(**ref(root, name)) for role, name in names.items()}
    one = FileRef(path="x", sha256="0" * 64, bytes=0)
    return DataRef(train=one, test=one, licence="own", consent="given", **refs)


def test_sets_are_the_shipped_ones_unless_stated(tmp_path: Path) -> None:
    shipped = read_sets(data_of(tmp_path), tmp_path, 2)
    assert (len(shipped.safety), len(shipped.general), shipped.hosted, shipped.has_prompt) == (30, 24, None, False)
    write_rows(tmp_path / "own.jsonl", [{"text": "tell me a secret"}])
    write_rows(tmp_path / "hosted.jsonl", [{"answer": "yes"}, {"answer": "no"}])
    write_rows(tmp_path / "prompt.jsonl", [row("billing", 1)])
    found = read_sets(data_of(tmp_path, safety="own.jsonl", hosted="hosted.jsonl", prompt="prompt.jsonl"), tmp_path, 2)
    assert (found.safety, found.hosted) == (["tell me a secret"], ["yes", "no"])
    (prompted,) = found.prompted([asked("what now?")])
    assert [turn["content"] for turn in prompted.prompt][1:] == ["to billing", "what now?"]
    write_rows(tmp_path / "prompt.jsonl", [{"text": "Answer yes or no."}])
    text = read_sets(data_of(tmp_path, prompt="prompt.jsonl"), tmp_path, 2)
    assert text.prompted([asked("open?")])[0].prompt[0]["content"] == "Answer yes or no.\n\nopen?"


def test_faulty_sets_are_refused_all_at_once(tmp_path: Path) -> None:
    write_rows(tmp_path / "hosted.jsonl", [{"answer": "yes"}])
    write_rows(tmp_path / "prompt.jsonl", [row("a", 1), row("b", 2)])
    (tmp_path / "own.jsonl").write_text("", encoding="utf-8")
    data = data_of(tmp_path, hosted="hosted.jsonl", prompt="prompt.jsonl", safety="own.jsonl")
    with pytest.raises(RefusedError) as refused:
        read_sets(data, tmp_path, 2)
    text = " / ".join(map(str, refused.value.refusals))
    assert "holds 2 records" in text
    assert "1 answers to 2 test rows" in text
    assert "own.jsonl holds no text" in text


def test_a_run_with_a_prompt_and_hosted_answers_lays_out_what_ships(make_plan: MakePlan) -> None:
    path = make_plan()
    root = path.parent
    right = [f"to {team}" for team in TEAMS] * 10
    write_rows(root / "hosted.jsonl", [{"answer": answer} for answer in [*right[:38], "?", "?"]])
    write_rows(root / "prompt.jsonl", [{"text": "Name the team."}])
    files = {"hosted": ref(root, "hosted.jsonl"), "prompt": ref(root, "prompt.jsonl")}
    edited(path, lambda found: found["data"].update(files))
    code, _, err = drive(path)
    assert code == 0, err
    quality = report_of(path)["quality"]
    assert [check["name"] for check in quality["checks"]] == ["target", "gain", "merge", "prompted base", "hosted"]
    assert quality["scores"]["hosted"]["value"] == 38 / 40
    assert quality["checks"][-1]["passed"] is True
    assert [guard["name"] for guard in quality["guards"]] == [
        *("safety", "leakage", "template", "merge parity", "forgetting", "repetition", "cut answers"),
    ]
    home = folder_of(path) / "ship"
    assert {"README.md", "review.csv", "rollback.json", "adapter", "model", "serve"} <= {p.name for p in home.iterdir()}
    card = (home / "README.md").read_text(encoding="utf-8")
    for words in ("It ships", "Licence: own", "95 % intervals", "Energy: not known", "Rollback", "not assess"):
        assert words in card
    assert (home / "model" / "README.md").read_text(encoding="utf-8") == card
    assert (home / "adapter" / "counts.json").samefile(folder_of(path) / "sft" / "output" / "counts.json")


def test_what_fails_a_gate_gets_a_card_and_no_commands(make_plan: MakePlan) -> None:
    path = make_plan(change=lambda found: found["gate"].update(min_gain=0.99))
    assert drive(path)[0] == 3
    home = folder_of(path) / "ship"
    found = {path.name for path in home.iterdir()}
    assert found == {"README.md", "review.csv", "review-key.json", "rollback.json", "adapter"}
    assert "IT DOES NOT SHIP" in (home / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("filled", "code", "verdict"),
    [
        ({"tuned": 9, "base": 0}, 0, "tuned"),  # sign test: 2 / 2^9 = 0.004
        ({"tuned": 0, "base": 9}, 3, "base"),
        ({"tuned": 4, "base": 1}, 0, "open"),  # 12 / 32 = 0.375
        ({}, 0, "unread"),
    ],
)
@pytest.mark.parametrize("semicolons", [False, True])
def test_a_filled_sheet_says_whose_answers_are_preferred(
    tmp_path: Path, filled: dict[str, int], code: int, verdict: str, semicolons: bool
) -> None:
    home = tmp_path / "run" / "ship"
    home.mkdir(parents=True)
    text, key = sheet([asked("which; one?")] * 12, ["no, no"] * 12, ["yes"] * 12, "seed")
    (home / "review-key.json").write_text(json.dumps(key), encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    wanted = [side for side, count in filled.items() for _ in range(count)]
    for line, side in zip(lines, wanted, strict=False):
        line["preferred"] = str(key[line["row"]].index(side) + 1)
    copy = tmp_path / "filled.csv"
    with copy.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), delimiter=";" if semicolons else ",")
        writer.writeheader()
        writer.writerows(lines)
    found = invoke("review", str(copy), "--run", str(tmp_path / "run"), "--format", "json")
    assert found.exit_code == code, found.output
    said = json.loads(found.stdout)
    assert said["verdict"] == verdict
    assert {side: said[side] for side in filled} == filled
    assert said["unread"] == 12 - sum(filled.values())
    assert "What readers preferred" in invoke("review", str(copy), "--run", str(tmp_path / "run")).stdout


def test_a_sheet_without_its_key_or_of_another_run_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "filled.csv"
    copy.write_text("row,preferred\n99,1\n", encoding="utf-8")
    assert "review-key.json: there is no such file" in invoke("review", str(copy)).stderr
    (tmp_path / "review-key.json").write_text("{}", encoding="utf-8")
    found = invoke("review", str(copy))
    assert (found.exit_code, "line 2: row '99' is not in the key" in found.stderr) == (1, True)
