"""The doors `advise vram|train|serve`: words of other tools, tables of thousands of rows, faults that stop nothing."""

import csv
import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from advisor.cli_sizing import add_sizing, table_text
from advisor.columns import RowFault, training_setup
from advisor.memory_setup import Method
from advisor.sizing import DOORS, answer_row

ROW = {"model": "meta-llama/Llama-2-7b-hf", "method": "qlora", "seq_len": "512", "gpu": "RTX-4090"}


def app() -> typer.Typer:
    made = typer.Typer()
    add_sizing(made)
    return made


def run(*words: str) -> tuple[int, str, str]:
    got = CliRunner().invoke(app(), list(words))
    return got.exit_code, got.stdout, got.stderr


@pytest.mark.parametrize(
    ("columns", "field", "expected"),
    [
        ({"quant": "bnb-nf4"}, "weight_format", "nf4-double"),
        ({"quant": "bnb-nf4", "double_quant": "False"}, "weight_format", "nf4"),
        ({"quant": "gptq-int4"}, "weight_format", "int4"),
        ({"method": "lora", "quant": "int8"}, "method", Method.LORA8),
        ({"method": "full", "weights_dtype": "bfloat16"}, "master_weights", False),
        ({"method": "full"}, "master_weights", True),
        ({"method": "full", "weights_dtype": "bfloat16", "n_gpus": "2", "autocast": "bf16"}, "master_weights", True),
        ({"optimizer": "adamw_torch (HF default)"}, "optimizer", "adamw"),
        ({"optimizer": "adamw_torch_fused"}, "optimizer", "adamw_fused"),
        ({"optimizer": "paged_adamw_8bit"}, "optimizer", "paged_adamw_8bit"),
        ({"loss_impl": "liger fused CE"}, "loss", "fused"),
        ({"loss_impl": "fast CE kernel"}, "loss", "fast"),
        ({"loss_impl": "transformers default (full logits)"}, "loss", "full"),
        ({"attn_impl": "eager/no flash"}, "materialised_attention", True),
        ({"lora_r": "64.0"}, "lora_rank", 64),
        ({"grad_ckpt": "False"}, "checkpointing", False),
        ({"autocast": "off (bf16 params)"}, "autocast", False),
        ({"adapter_dtype": "float32"}, "adapter_bytes", 4),
        ({"parallelism": "DeepSpeed ZeRO2 (data parallel)", "n_gpus": "2"}, "shards", 1),
    ],
)
def test_words_of_other_tools_are_understood(columns: dict[str, str], field: str, expected: object) -> None:
    assert getattr(training_setup(ROW | columns), field) == expected


def test_all_faults_of_a_row_come_at_once() -> None:
    with pytest.raises(
        RowFault, match=r"method is 'magic'.*seq_len is 'long'.*micro_batch is '0'.*grad_ckpt is 'maybe'"
    ):
        training_setup({"method": "magic", "seq_len": "long", "micro_batch": "0", "grad_ckpt": "maybe"})


@pytest.mark.parametrize("door", sorted(DOORS))
@pytest.mark.parametrize(
    "row",
    [
        {},
        {"model": "no-such-model", "method": "qlora", "seq_len": "1", "gpu": "H100", "isl": "1", "osl": "1"},
        {"model": "llama-3-8b", "method": "qlora", "seq_len": "1", "gpu": "no-such-card", "isl": "1", "osl": "1"},
        {"model": "llama-3-8b", "method": "dora", "seq_len": "", "gpu": "H100", "isl": "-1", "osl": "x"},
        {"model": "llama-3-8b", "method": "lora", "seq_len": "nan", "lora_targets": "w9", "gpu": "H100", "isl": "inf"},
    ],
)
def test_a_row_without_an_answer_says_why_and_keeps_its_columns(door: str, row: dict[str, str]) -> None:
    got = answer_row(door, row)
    assert got["error"]
    assert {name: got[name] for name in row} == row
    assert [got[name] for name in DOORS[door][1]] == [""] * len(DOORS[door][1])


def test_ten_thousand_rows_take_seconds() -> None:
    begin = time.perf_counter()
    rows = [answer_row("vram", ROW | {"seq_len": str(1 + i % 4096)}) for i in range(5_000)]
    served = {"model": "llama-3-8b", "gpu": "L4", "quant": "fp8", "osl": "100"}
    rows += [answer_row("serve", served | {"isl": str(i)}) for i in range(5_000)]
    assert not any(row["error"] for row in rows)
    assert time.perf_counter() - begin < 10


def test_one_answer_as_text_shows_components_and_the_peak() -> None:
    code, out, err = run("vram", "llama-2-7b", "--method", "qlora", "--seq-len", "512")
    assert (code, err) == (0, "")
    assert "recommended_gib" in out
    assert "weights" in out
    assert "the peak is at the" in out


def test_json_is_json_and_nothing_else() -> None:
    code, out, _ = run("train", "llama-3-8b", "--gpu", "H100", "--set", "lora_r=32", "--format", "json")
    assert code == 0
    assert json.loads(out)[0]["lora_r"] == "32"
    assert json.loads(out)[0]["tokens_per_s"] > 0


def test_serving_in_one_line() -> None:
    code, out, _ = run(
        "serve", "llama-3-8b", "--gpu", "L4", "--quant", "fp8", "--tpot-limit-ms", "80", "--format", "csv"
    )
    row = next(csv.DictReader(out.splitlines()))
    assert code == 0
    assert 0 < float(row["tpot_ms"]) <= 80
    assert float(row["low"]) < float(row["output_tokens_per_s"]) < float(row["high"])


def test_a_table_passes_other_columns_through(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,method,seq_len,note\nllama-3-8b,lora,512,mine\nllama-9,lora,512,\n", encoding="utf-8")
    code, out, _ = run("vram", "--table", str(path), "--format", "csv")
    first, second = csv.DictReader(out.splitlines())
    assert code == 0
    assert first["note"] == "mine"
    assert float(first["allocated_gib"]) > 16
    assert first["error"] == ""
    assert "llama-9" in second["error"]
    assert second["allocated_gib"] == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["vram"], 2, "found neither"),
        (["vram", "llama-3-8b", "--table", "x.csv"], 2, "found both"),
        (["vram", "llama-3-8b", "--set", "rank"], 2, "wanted NAME=VALUE"),
        (["vram", "llama-3-9b"], 1, "did you mean"),
        (["serve", "llama-3-70b", "--gpu", "T4"], 1, "does not fit"),
        (["serve", "--table", "no-such-file.csv"], 1, "no-such-file.csv"),
    ],
)
def test_exit_codes_and_messages(words: list[str], code: int, message: str) -> None:
    got = run(*words)
    assert got[0] == code
    assert message in got[2]
    assert got[1] == ""


def test_an_empty_table_is_a_header() -> None:
    assert table_text([]) == "error"


@pytest.mark.real
@pytest.mark.parametrize(
    ("door", "file", "answered"),
    [
        ("vram", "memory/vram_truth.csv", 650),
        ("train", "memory/traintime_truth.csv", 620),
        ("serve", "serving/serving_truth.csv", 3800),
    ],
)
def test_reference_tables_go_through(shared: Path, door: str, file: str, answered: int) -> None:
    text = (shared / "reference" / file).read_text(encoding="utf-8")
    rows = [answer_row(door, row) for row in csv.DictReader(text.splitlines())]
    assert sum(row["error"] == "" for row in rows) >= answered
    assert all(row["error"] or all(row[name] != "" for name in DOORS[door][1][:3]) for row in rows)
