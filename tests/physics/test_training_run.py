"""Hours and dollars of a run, and the door `advise train`."""

import csv
import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from advisor.catalog import find_card, find_model
from advisor.cli_train import add_train
from advisor.memory_setup import Method, TrainingSetup
from advisor.sizing_train import Offer, answer_row, cheapest_first, tokens_of
from advisor.training import training_speed
from advisor.training_columns import fill_of, kernels_of
from advisor.training_fill import PACKED
from advisor.training_run import (
    Extra,
    billed_cards,
    evaluated_seconds,
    overhead_hours,
    run_hours,
    run_tokens,
    run_usd,
    saved_bytes,
    whole_speed,
    with_interval,
)
from pricing.figure import assumed, measured

LLAMA, A100 = find_model("meta-llama/Llama-2-7b-hf"), find_card("A100-SXM-80")
SETUP = TrainingSetup(method=Method.QLORA, sequence_tokens=2048, micro_batch=4, weight_format="nf4-double")
ROW = {
    "model": "meta-llama/Llama-2-7b-hf", "method": "qlora", "gpu": "A100-SXM-80", "seq_len": "2048",
    "micro_batch": "4", "usd_per_gpu_hour": "2",
}  # fmt: skip


def offer(cards: int, usd: float) -> Offer:
    return Offer(f"{cards} cards", "", cards, assumed("price", usd, "usd_per_gpu_hour", "a test"))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (run_tokens(10_000, 3, 350), 10_500_000),
        (overhead_hours(1200, 14e9, 1e9, 5e8, 5e8, 585), 0.5),  # 1200 + 14 + 1 + 585 = 1800 s
        (evaluated_seconds(6000, 1000, 1 / 3), 2),  # forward only: a third of a recomputed adapter step
        (billed_cards(2, 8), 8),
        (billed_cards(9, 8), 16),
        (billed_cards(3, 1), 3),
        (saved_bytes(LLAMA, TrainingSetup(method=Method.FULL, sequence_tokens=1), 2), 2 * 10 * 6_738_415_616),
    ],
)
def test_formulas_by_hand(got: float, expected: float) -> None:
    assert got == pytest.approx(expected)


def test_a_measured_speed_replaces_the_forecast_and_narrows_the_interval() -> None:
    speed = training_speed(LLAMA, A100, SETUP)
    own = measured("probe", speed.tokens_per_second, "tokens_per_second", "a test", low=0.95 * speed.tokens_per_second,
                   high=1.05 * speed.tokens_per_second)  # fmt: skip
    told = with_interval(run_hours(LLAMA, SETUP, whole_speed(speed, 1), 1e9))
    known = with_interval(run_hours(LLAMA, SETUP, whole_speed(speed, 1, own), 1e9))
    assert told[0] == known[0]
    assert known[2] - known[1] < (told[2] - told[1]) / 3
    assert known[2] / known[0] == pytest.approx(1 / 0.95, rel=0.01)  # a billion tokens: starting up hardly shows


def test_hours_grow_with_evaluation_and_checkpoints() -> None:
    speed = whole_speed(training_speed(LLAMA, A100, SETUP), 1)
    plain = float(run_hours(LLAMA, SETUP, speed, 1e7).value)
    assert float(run_hours(LLAMA, SETUP, speed, 1e7, Extra(eval_tokens=1e6)).value) > plain
    assert float(run_hours(LLAMA, SETUP, speed, 1e7, Extra(checkpoints=50)).value) > plain


def test_dollars_are_hours_times_cards_times_price() -> None:
    hours = assumed("hours", 3.0, "hours", "a test", low=2.0, high=5.0)
    usd = run_usd(hours, assumed("price", 1.5, "usd_per_gpu_hour", "a test"), 8)
    assert with_interval(usd) == pytest.approx((36, 24, 60))


def test_an_instance_is_billed_as_a_whole() -> None:
    # two cards: 2 x 3.00 an hour in small instances, 8 x 1.00 in a big one
    assert [o.cards for o in cheapest_first([offer(8, 1.0), offer(1, 3.0)], 2)] == [1, 8]
    assert [o.cards for o in cheapest_first([offer(8, 1.0), offer(1, 3.0)], 8)] == [8, 1]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [({}, None), ({"tokens": "5e6"}, 5e6), ({"rows": "100", "mean_tokens": "50", "epochs": "2"}, 10_000)],
)
def test_tokens_of_a_row(columns: dict[str, str], expected: float | None) -> None:
    assert tokens_of(columns) == expected


@pytest.mark.parametrize(
    ("columns", "fused", "grouped"),
    [
        ({}, False, False),
        ({"kernels": "Liger"}, True, False),
        ({"loss_impl": "liger fused CE"}, True, False),
        ({"notes": "framework_config=accelerated-peft-bnb-foak; peak=3"}, True, False),
        ({"notes": "we tried liger"}, False, False),  # only a stated configuration counts
        ({"kernels": "unsloth"}, True, False),
        ({"notes": "framework_config=moe-scattermoe-granite-ep2"}, False, True),
    ],
)
def test_words_of_kernels(columns: dict[str, str], fused: bool, grouped: bool) -> None:
    assert kernels_of(columns) == (fused, grouped)


@pytest.mark.parametrize(
    ("columns", "real", "padded"),
    [
        ({}, 1, 1),
        ({"packing": "False", "seq_len_kind": "padded to model_max_length"}, 1, 1),
        ({"packing": "False", "mean_tokens": "512", "padded_tokens": "1024"}, 0.25, 0.5),
        ({"packing": "False", "row_tokens": "1024 2048"}, 0.75, 0.96875),  # of 4 the longest: (1024 + 15 x 2048) / 16
        ({"packing": "False", "row_tokens": "1024, 2048", "kernels": "padding-free"}, 0.75, 0.75),
    ],
)
def test_fill_of_a_row(columns: dict[str, str], real: float, padded: float) -> None:
    got = fill_of(columns, SETUP)
    assert (got.real_share, got.padded_share) == pytest.approx((real, padded))
    assert (got == PACKED) == (padded == 1)


def test_a_row_has_speed_hours_and_dollars() -> None:
    got = answer_row(ROW | {"tokens": "1e8"}, lambda _: [])
    assert got["error"] == ""
    hours = 1e8 / float(got["tokens_per_s"]) / 3600
    assert hours < float(got["hours"]) < hours + 0.1  # and some minutes of starting up
    assert float(got["usd"]) == pytest.approx(2 * float(got["hours"]), rel=1e-3)
    assert float(got["hours_low"]) < float(got["hours"]) < float(got["hours_high"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"gpu": ""}, "gpu is ''"),
        ({"gpu": "no-such-card"}, "no-such-card"),
        ({"rows": "10"}, "rows is given without mean_tokens"),
        ({"method": "magic", "seq_len": "long"}, "method is 'magic'"),
        ({"method": "inference"}, "advise serve"),
    ],
)
def test_a_row_without_an_answer_says_why(columns: dict[str, str], message: str) -> None:
    got = answer_row(ROW | columns, lambda _: [])
    assert message in str(got["error"])
    assert got["tokens_per_s"] == got["usd"] == ""


def test_a_row_without_tokens_or_price_leaves_those_columns_blank() -> None:
    assert answer_row(ROW, lambda _: [])["hours"] == ""
    priceless = {name: text for name, text in ROW.items() if name != "usd_per_gpu_hour"} | {"tokens": "1e6"}
    got = answer_row(priceless, lambda _: [])
    assert (got["usd"], got["error"]) == ("", "")
    assert float(got["hours"]) > 0


def run(*words: str) -> tuple[int, str, str]:
    made = typer.Typer()
    add_train(made)
    got = CliRunner().invoke(made, list(words))
    return got.exit_code, got.stdout, got.stderr


def test_the_page_fits_a_terminal_and_names_offers() -> None:
    code, out, err = run(
        "llama-3.1-8b", "--gpu", "A100", "--gpus", "2", "--rows", "10000", "--epochs", "3", "--mean-tokens", "350",
        "--no-packing", "--as-of", "2026-11-21",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "10,500,000 tokens" in out
    assert "USD / GPU-hour, seen 2026-" in out
    assert "of the tokens computed are text" in out


def test_json_is_json_and_nothing_else() -> None:
    code, out, _ = run("llama-3.1-8b", "--tokens", "1e7", "--format", "json", "--as-of", "2026-11-21")
    got = json.loads(out)[0]
    assert code == 0
    assert got["usd_low"] < got["usd"] < got["usd_high"]


def test_a_table_passes_other_columns_through(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,method,seq_len,gpu,tokens,note\nllama-3-8b,lora,512,H100,1e6,mine\nllama-9,lora,512,H100,,\n",
                    encoding="utf-8")  # fmt: skip
    code, out, _ = run("--table", str(path), "--as-of", "2026-11-21")
    first, second = csv.DictReader(out.splitlines())
    assert (code, first["note"], first["error"]) == (0, "mine", "")
    assert float(first["usd"]) > 0
    assert "llama-9" in second["error"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "found neither"),
        (["llama-3-8b", "--table", "x.csv"], 2, "found both"),
        (["llama-3-8b", "--set", "rank"], 2, "wanted NAME=VALUE"),
        (["llama-3-9b"], 1, "did you mean"),
        (["llama-3-8b", "--rows", "5"], 1, "without mean_tokens"),
        (["--table", "no-such-file.csv"], 1, "no-such-file.csv"),
    ],
)
def test_exit_codes_and_messages(words: list[str], code: int, message: str) -> None:
    got = run(*words)
    assert got[0] == code
    assert message in got[2]
    assert got[1] == ""


def test_a_thousand_rows_take_two_seconds_of_the_processor_at_most() -> None:
    begin = time.process_time()  # ten thousand in ten seconds leaves half for a busy machine
    rows = [answer_row(ROW | {"seq_len": str(1 + i % 4096), "tokens": "1e8"}, lambda _: []) for i in range(1_000)]
    assert not any(row["error"] for row in rows)
    assert time.process_time() - begin < 2


@pytest.mark.real
def test_the_reference_table_goes_through(shared: Path) -> None:
    text = (shared / "reference" / "memory" / "traintime_truth.csv").read_text(encoding="utf-8")
    rows = [answer_row(row, lambda _: []) for row in csv.DictReader(text.splitlines())]
    assert sum(row["error"] == "" for row in rows) >= 650
    assert all(row["error"] or row["tokens_per_s"] != "" for row in rows)
