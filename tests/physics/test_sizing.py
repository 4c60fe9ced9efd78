"""The doors `advise vram|train|serve`: words of other tools, tables of thousands of rows, faults that stop nothing."""

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from advisor.cli_serve import add_serve
from advisor.cli_table import table_text
from advisor.cli_train import add_train
from advisor.cli_vram import add_vram
from advisor.columns import RowFault, training_setup
from advisor.memory_setup import Method
from advisor.sizing import DOORS, answer_row

ROW = {"model": "meta-llama/Llama-2-7b-hf", "method": "qlora", "seq_len": "512", "gpu": "RTX-4090"}


def app() -> typer.Typer:
    made = typer.Typer()
    add_vram(made)
    add_serve(made)
    add_train(made)
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
        ({"method": "full", "weights_dtype": "bfloat16"}, "precision", "half"),
        ({"method": "full"}, "precision", "full"),
        ({"method": "full", "precision": "fp32 master"}, "precision", "master"),
        ({"method": "full", "framework": "HF Trainer+deepspeed", "weights_dtype": "bfloat16"}, "precision", "master"),
        ({"method": "dora"}, "dora", True),
        ({"method": "lora+emb"}, "embeddings_trained", True),
        ({"lora_targets": "ALL (all linear)"}, "lora_targets", "all-linear"),
        ({"optimizer": "lora-fa"}, "halves_trained", True),
        ({"framework": "TRL SFTTrainer", "versions": "trl 0.13.0"}, "kbit_prepared", True),
        ({"framework": "TRL SFTTrainer", "versions": "trl 1.16.0"}, "kbit_prepared", False),
        ({"framework": "TRL SFTTrainer", "notes": "framework_config=accelerated-peft-bnb"}, "kbit_prepared", False),
        ({}, "kbit_prepared", False),
        ({}, "loss", "engine"),
        ({"framework": "HF Trainer"}, "loss", "full"),
        ({"packing": "False"}, "lengths", "unknown"),
        ({"packing": "False", "max_tokens": "100"}, "lengths", "varied"),
        ({"packing": "False", "max_tokens": "100"}, "sequence_tokens", 100),
        ({"packing": "False", "row_tokens": "40 90 60"}, "sequence_tokens", 90),
        ({"packing": "True", "max_tokens": "100"}, "sequence_tokens", 512),
        ({"packing": "False", "notes": "empty_cache every 10 steps"}, "lengths", "emptied"),
        ({"packing": "False", "padding_free": "True", "mean_tokens": "90"}, "row_tokens", 90),
        ({"objective": "dpo"}, "reference", "adapter"),
        ({"objective": "dpo", "method": "full"}, "reference", "copy"),
        ({"offload": "cpu"}, "states_offloaded", True),
        ({"offload": "params"}, "weights_offloaded", True),
        ({"method": "full", "weights_dtype": "bfloat16", "n_gpus": "2", "autocast": "bf16"}, "precision", "full"),
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


def test_any_length_is_answered() -> None:
    rows = [answer_row("vram", ROW | {"seq_len": str(1 + i)}) for i in range(0, 4096, 20)]
    served = {"model": "llama-3-8b", "gpu": "L4", "quant": "fp8", "osl": "100"}
    rows += [answer_row("serve", served | {"isl": str(i)}) for i in range(0, 5_000, 25)]
    assert not any(row["error"] for row in rows)


def test_one_answer_as_text_shows_components_and_the_peak() -> None:
    code, out, err = run("vram", "llama-2-7b", "--method", "qlora", "--seq-len", "512")
    assert (code, err) == (0, "")
    assert "recommended" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "weights" in out
    assert "the peak is at the" in out
    assert "Cheapest cards that hold it" in out


def test_a_named_card_is_asked_what_it_holds() -> None:
    code, out, _ = run("vram", "llama-3.1-8b", "--fit-card", "4090", "--as-of", "2026-11-21")
    assert code == 0
    assert "On 1 x RTX-4090 (23.04 GiB usable each): it fits." in out
    assert "largest batch at this length" in out
    short = run("vram", "llama-3.1-8b", "--method", "full", "--gpu", "T4", "--as-of", "2026-11-21")[1]
    assert "it does not fit" in short
    assert "not one sequence fits" in short


def test_a_model_that_no_card_holds_says_what_to_do() -> None:
    code, out, _ = run("vram", "meta-llama/Llama-3.1-70B", "--method", "full", "--as-of", "2026-11-21")
    assert code == 0
    assert "spread it over more cards (--cards)" in out


def test_the_longest_row_and_not_the_cap_sets_the_peak(tmp_path: Path) -> None:
    rows = tmp_path / "train.jsonl"
    rows.write_text("".join(json.dumps({"prompt": "why " * n, "completion": "so"}) + "\n" for n in (5, 90)))
    words = ("llama-3.1-8b", "--seq-len", "4096", "--as-of", "2026-11-21", "--format", "json")
    code, out, err = run("vram", *words, "--data", str(rows))
    told, capped = json.loads(out)[0], json.loads(run("vram", *words)[1])[0]
    assert code == 0
    assert "2 rows, longest" in err
    assert 90 <= int(told["max_tokens"]) < 130  # ninety words and the answer, by proxy
    assert told["phases_gib"]["backward"] < capped["phases_gib"]["backward"]
    assert run("vram", *words, "--data", str(tmp_path / "none.jsonl"))[0] == 1


def test_serving_memory_has_a_cache_and_no_moments() -> None:
    code, out, _ = run("vram", "llama-3-8b", "--method", "inference", "--gpu", "L4", "--set", "kv_quant=fp8")
    assert code == 0
    assert "kv_cache" in out
    assert "moment" not in out


def test_one_answer_as_json_has_everything_of_the_page() -> None:
    words = ("--gpu", "A100-SXM-80", "--as-of", "2026-11-21", "--format", "json")
    answer = json.loads(run("vram", "llama-3.1-8b", *words)[1])[0]
    assert sum(answer["components_gib"].values()) == pytest.approx(answer["recommended_gib"], abs=0.001)
    assert max(answer["phases_gib"].values()) == answer["allocated_gib"]
    assert answer["allocated_gib"] <= answer["reserved_gib"] <= answer["recommended_gib"]
    assert answer["allocated_low_gib"] == answer["low_gib"]
    assert answer["on_card"]["fits"]
    prices = [offer["usd_per_hour"] for offer in answer["cheapest_cards"]]
    assert prices == sorted(prices)
    assert answer["prices_as_of"] == "2026-11-21"


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [("", "allocated_low", "allocated_high"), ("torch max_memory_reserved", "reserved_low", "reserved_high")],
)
def test_the_interval_is_of_what_the_row_says_was_measured(metric: str, low: str, high: str) -> None:
    words = ("--set", f"mem_metric={metric}", "--format", "json", "--as-of", "2026-11-21")
    answer = json.loads(run("vram", "llama-3.1-8b", *words)[1])[0]
    assert (answer["low_gib"], answer["high_gib"]) == (answer[f"{low}_gib"], answer[f"{high}_gib"])


@pytest.mark.parametrize(
    ("column", "value"),
    [("optimizer", "muon"), ("loss_impl", "hinge"), ("quant", "q1"), ("attn_impl", "linear"), ("precision", "fp6")],
)
def test_a_word_nobody_knows_is_a_fault_and_no_default(column: str, value: str) -> None:
    got = answer_row("vram", ROW | {column: value})
    assert f"{column} is '{value}', wanted one of" in str(got["error"])


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
    code, out, _ = run("vram", "--table", str(path))
    first, second = csv.DictReader(out.splitlines())
    assert code == 0
    assert first["note"] == "mine"
    assert float(first["allocated_gib"]) > 15  # 16-bit weights alone are 14.96 GiB
    assert first["error"] == ""
    assert "llama-9" in second["error"]
    assert second["allocated_gib"] == ""


def test_questions_about_serving_come_back_as_csv_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,gpu,quant,isl,osl,concurrency,note\nllama-3-8b,L4,fp8,1000,200,4,mine\n", encoding="utf-8")
    code, out, _ = run("serve", "--table", str(path))
    (row,) = csv.DictReader(out.splitlines())
    assert (code, row["note"], row["error"]) == (0, "mine", "")
    assert float(row["low"]) < float(row["output_tokens_per_s"]) < float(row["high"])


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
