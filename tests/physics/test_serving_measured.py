"""A user's own benchmark files, in the shapes that three tools write: read, faults named, and what they do."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from advisor import serving
from advisor.catalog import find_card
from advisor.cli import app
from advisor.replica import Layout, fitted, replica_capacity, replica_of
from advisor.serving_measured import MeasuredFault, Run, runs_of, time_ratio
from advisor.serving_measured_file import read_runs
from advisor.serving_shapes import find_served

VLLM = {
    "date": "20261101-120000", "endpoint_type": "openai", "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "num_prompts": 1000, "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 32, "duration": 128.0,
    "completed": 1000, "total_input_tokens": 1_024_000, "total_output_tokens": 256_000, "request_throughput": 7.8125,
    "output_throughput": 2000.0, "total_token_throughput": 10_000.0, "mean_ttft_ms": 120.0, "mean_tpot_ms": 15.6,
}  # fmt: skip
GUIDELLM = {
    "metadata": {"guidellm_version": "0.6.0"},
    "args": {"target": "http://localhost:8000", "model": "meta-llama/Llama-3.1-8B-Instruct"},
    "benchmarks": [
        {
            "config": {"strategy": {"type_": "concurrent", "streams": 16}},
            "metrics": {
                "request_totals": {"successful": 300, "errored": 0, "incomplete": 4, "total": 304},
                "request_concurrency": {"successful": {"mean": 15.9}},
                "prompt_token_count": {"successful": {"mean": 1024.0}},
                "output_token_count": {"successful": {"mean": 256.0}},
                "output_tokens_per_second": {"successful": {"mean": 1200.0}},
                "time_to_first_token_ms": {"successful": {"mean": 90.0}},
                "inter_token_latency_ms": {"successful": {"mean": 12.9}},
            },
        },
        {
            "config": {"strategy": {"type_": "concurrent", "streams": 64}},
            "metrics": {
                "request_totals": {"successful": 900, "errored": 0, "incomplete": 9, "total": 909},
                "prompt_token_count": {"successful": {"mean": 1024.0}},
                "output_token_count": {"successful": {"mean": 256.0}},
                "output_tokens_per_second": {"successful": {"mean": 3100.0}},
            },
        },
    ],
}
AIPERF = {
    "schema_version": "1.3",
    "request_throughput": {"unit": "requests/sec", "avg": 8.0},
    "request_latency": {"unit": "ms", "avg": 4000.0, "p99": 5000.0},
    "request_count": {"unit": "requests", "avg": 640.0},
    "time_to_first_token": {"unit": "ms", "avg": 110.0},
    "inter_token_latency": {"unit": "ms", "avg": 15.2},
    "output_token_throughput": {"unit": "tokens/sec", "avg": 2048.0},
    "input_sequence_length": {"unit": "tokens", "avg": 1024.0},
    "output_sequence_length": {"unit": "tokens", "avg": 256.0},
    "input_config": {"endpoint": {"model_names": ["llama-3-8b"]}, "loadgen": {"concurrency": 32}},
}


def test_vllm() -> None:
    assert runs_of(VLLM) == [Run("vLLM bench serve", "meta-llama/Llama-3.1-8B-Instruct", 32, 1000, 1024, 256, 2000)]


def test_a_rate_gives_requests_at_a_time_by_littles_law() -> None:
    # 7.8125 requests a second, each there for 120 + 15.6 * 255 = 4098 ms
    (run,) = runs_of(VLLM | {"max_concurrency": None, "request_rate": 8.0})
    assert run.concurrency == pytest.approx(7.8125 * 4.098)
    loadgen = {"endpoint": {"model_names": ["llama-3-8b"]}, "loadgen": {"request_rate": 8.0}}
    (run,) = runs_of(AIPERF | {"input_config": loadgen})
    assert run.concurrency == pytest.approx(32)  # 8 a second, 4 s each


def test_guidellm_holds_a_run_for_each_level() -> None:
    first, second = runs_of(GUIDELLM)
    assert first == Run("GuideLLM", "meta-llama/Llama-3.1-8B-Instruct", 15.9, 300, 1024, 256, 1200)
    assert (second.concurrency, second.requests, second.output_tokens_per_second) == (64, 900, 3100)


def test_aiperf() -> None:
    assert runs_of(AIPERF) == [Run("AIPerf", "llama-3-8b", 32, 640, 1024, 256, 2048)]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "no result of a known tool; wanted the JSON of `vllm bench serve"),
        ({"tokens": 1}, "no result of a known tool"),
        ({"benchmarks": []}, "holds no benchmark"),
        ({"output_throughput": "fast", "completed": 0}, "wanted completed; total_input_tokens; total_output_tokens; "
                                                        "output_throughput; request_throughput"),
        ({"benchmarks": [{"metrics": {}}]}, r"benchmarks\[0\]: wanted metrics.request_concurrency.successful.mean or"),
        ({"output_token_throughput": {"avg": True}}, "wanted request_count.avg; input_sequence_length.avg"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_names_every_field(document: object, message: str) -> None:
    with pytest.raises(MeasuredFault, match=message):
        runs_of(document)


def test_files_that_are_no_json_name_themselves(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(MeasuredFault, match=r"run\.json.*wanted the JSON result"):
        read_runs(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(MeasuredFault, match=r"run\.json.*wanted the JSON result"):
        read_runs(path)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(MeasuredFault, match=r"run\.json: found no result"):
        read_runs(path)


def test_the_ratio_is_measured_time_over_the_formulas_time() -> None:
    served, card, layout = find_served("llama-3-8b"), find_card("H100-SXM"), Layout()
    k = fitted()
    width = serving.running_sequences(32, 1e9, k)
    expected = serving.output_tokens_per_second(replica_of(served, card, layout), width, 1024, 256, k)
    twice, half = (Run("own", "", 32, 1e9, 1024, 256, expected * factor) for factor in (0.5, 2.0))
    assert time_ratio([twice], served, card, layout) == pytest.approx(2)
    assert time_ratio([twice, half], served, card, layout) == pytest.approx(1)  # the geometric mean


def test_a_measured_point_is_reproduced_exactly() -> None:
    served, card, layout = find_served("llama-3-8b"), find_card("L40S"), Layout()
    run = Run("own", "", 32, 1e12, 1024, 256, 777.0)
    got = replica_capacity(
        served, card, input_tokens_per_task=1024, output_tokens_per_task=256, layout=layout, concurrency=32,
        measured_ratio=time_ratio([run], served, card, layout),
    )  # fmt: skip
    assert got.output_tokens_per_second == pytest.approx(777)


def ask(*words: str) -> tuple[int, str, str]:
    got = CliRunner().invoke(app, ["serve", *words])
    return got.exit_code, got.stdout, got.stderr


@pytest.mark.parametrize("document", [VLLM, GUIDELLM, AIPERF])
def test_the_door_takes_a_file_and_says_what_it_did(tmp_path: Path, document: dict) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    words = ["llama-3-8b", "--gpu", "A100", "--concurrency", "32", "--format", "json"]
    code, out, _ = ask(*words)
    before = json.loads(out)[0]
    assert code == 0
    code, out, _ = ask(*words, "--measured", str(path))
    after = json.loads(out)[0]
    assert code == 0
    assert "times the formula's time" in after["interval"]
    assert after["high"] / after["low"] < before["high"] / before["low"]


def test_the_page_shows_evidence_memory_and_why_no_loaded_latency() -> None:
    code, out, err = ask("llama-3-8b", "--gpu", "H100", "--gpus", "1", "--engine", "vllm", "--tpot-ms", "20")
    assert (code, err) == (0, "")
    for words in ("output tokens/s", "unloaded", "no tool predicts well", "GiB weights", "Nearest measured rows"):
        assert words in out
    assert all(len(line) <= 120 for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["llama-3-8b", "--measured", "no-such.json"], 1, "no-such.json"),
        (["llama-3-8b", "--engine", "mine"], 1, "engine 'mine' is not known"),
        (["llama-3-8b", "--set", "pp"], 2, "wanted NAME=VALUE"),
        (["llama-3-8b", "--quant", "fp3"], 1, "'fp3' is not known"),
        ([], 2, "found neither"),
    ],
)
def test_faults_at_the_door(words: list[str], code: int, message: str) -> None:
    got = ask(*words)
    assert got[0] == code
    assert message in got[2]
    assert got[1] == ""


def advice_of(folder: Path, extra: str) -> tuple[int, str, str]:
    """Advise on a self-hosted task, the scenario's last lines given."""
    text = f"""
name: own-benchmark
task: {{kind: extraction, role: inner}}
volume: {{tasks_per_month: 6_000_000, lifetime_months: 24}}
tokens: {{input: 1024, output: 256}}
today: {{model: openai/gpt-6-sol}}
candidates: {{base_model: meta-llama/Llama-3.1-8B, training_card: A100-80GB, serving_card: A100-80GB}}
{extra}
"""
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    got = CliRunner().invoke(app, ["scenario", str(path), "--as-of", "2026-11-21", "--format", "json"])
    return got.exit_code, got.stdout, got.stderr


def capacity_in(out: str) -> dict:
    """Return the figure of the rented replica's capacity from an advice."""
    return json.loads(out)["figures"]["capacity.A100-80GB.base"]


def test_a_scenario_takes_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps(VLLM), encoding="utf-8")
    code, before, _ = advice_of(tmp_path, "")
    assert code == 0
    code, after, err = advice_of(tmp_path, "serving: {measured: bench.json}")
    assert (code, err) == (0, "")
    plain, own = capacity_in(before), capacity_in(after)
    assert (plain["letter"], own["letter"]) == ("a", "m")
    assert "times its time by bench.json" in own["note"]
    assert own["high"] / own["low"] < plain["high"] / plain["low"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "bench.json.*serving.measured.*no result of a known tool"), (None, "serving.measured")],
)
def test_a_scenario_whose_file_cannot_be_used_says_why(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "bench.json").write_text(text, encoding="utf-8")
    code, out, err = advice_of(tmp_path, "serving: {measured: bench.json}")
    assert (code, out) == (1, "")
    assert re.search(message, err)
