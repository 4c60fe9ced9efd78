"""Words of formats, engines, versions and layouts, as tables; models whose shape the catalogue does not spell out."""

import pytest

from advisor.catalog import find_card, find_model
from advisor.replica import Layout, plain_replica, rate_of
from advisor.serving_formats import ENGINES, FORMATS, batch_limit, engine_name, format_name, release_year
from advisor.serving_shapes import find_served, served_of
from advisor.shape import head_parameters, parameters
from advisor.sizing_serve import layout_of


def test_formats_weigh_no_more_than_sixteen_bits() -> None:
    assert all(0.4 < form.bytes_per_parameter <= 2 for form in FORMATS.values())


@pytest.mark.parametrize(
    ("word", "native", "expected"),
    [
        ("FP8", "bf16", "fp8"),
        ("", "bf16", "bf16"),
        ("?", "fp8", "fp8"),
        ("bf16", "fp8", "fp8"),  # published in 8 bits: no wider weights exist
        ("fp4", "mxfp4", "mxfp4"),
        ("fp4", "bf16", "fp4"),
        ("fp8", "mxfp4", "fp8"),
    ],
)
def test_what_a_format_word_means(word: str, native: str, expected: str) -> None:
    assert format_name(word, native) == expected


@pytest.mark.parametrize(
    ("engine", "version", "expected"),
    [
        ("vllm", "2024", 2024.5),  # the middle of the year
        ("llama.cpp", "2024-05", 2024 + 4.5 / 12),
        ("vllm", "0.5", 2024.5),
        ("tensorrt-llm", "0.12.0", 2024.7),
        ("vllm", "v0.5.3.post1", 2024.5),
        ("sglang", "{'vLLM': 'v0.11.0', 'SGLang': 'v0.4.5'}", 2025.0),
        ("tensorrt-llm", "{'vLLM': 'v0.11.0', 'TensorRT-LLM': 'v1.0.0'}", 2025.7),
        ("vllm", "0.99", 2026.0),  # not listed: as of today
        ("vllm", "", 2026.0),
        ("vllm", "2030-01", 2026.0),  # nothing is extrapolated
    ],
)
def test_when_a_version_came_out(engine: str, version: str, expected: float) -> None:
    assert release_year(engine, version) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("engine", "year", "card", "expected"),
    [
        ("vllm", 2024.5, "H100-SXM", 256),
        ("vllm", 2026.0, "H100-SXM", 1024),
        ("vllm", 2026.0, "L4", 256),
        ("tensorrt-llm", 2024.0, "L4", 2048),
    ],
)
def test_how_many_sequences_an_engine_runs(engine: str, year: float, card: str, expected: int) -> None:
    assert batch_limit(engine, year, find_card(card)) == expected


def test_other_names_of_engines() -> None:
    assert engine_name(" TRTLLM ") == "tensorrt-llm"
    assert engine_name("") == "vllm"
    assert all(engine_name(name) == name for name in ENGINES)


@pytest.mark.parametrize(
    ("row", "cards", "split"),
    [
        ({"n_gpu": "8", "tp": "4", "pp": "2"}, 4, False),
        ({"tp": "4", "pp": "2"}, 4, False),
        ({"n_gpu": "0", "tp": "2"}, 2, False),
        ({}, 1, False),
        ({"n_gpu": "64", "tp": "64", "note": "ep=8.0 dp=1; dump"}, 8, False),  # 8 x 8 counted twice
        ({"n_gpu": "16", "tp": "1", "note": "ep=4.0 dp=16; dump"}, 4, True),
        ({"n_gpu": "4", "tp": "2", "note": "ep=4.0 dp=2; dump"}, 2, False),
        ({"n_gpu": "8", "tp": "8", "note": "ep=8.0 dp=1; dump"}, 8, False),
        ({"n_gpu": "64", "tp": "8", "note": " | cmd: --tp-size 8 --dp-size 8"}, 8, True),
    ],
)
def test_layouts_of_rows(row: dict[str, str], cards: int, split: bool) -> None:
    layout = layout_of({"model": "llama-3-8b", **row})
    assert (layout.cards, layout.split_cache) == (cards, split)


def test_latent_attention_on_many_cards_is_data_parallel() -> None:
    row = {"model": "deepseek-r1", "tp": "16", "n_gpu": "16"}
    assert layout_of(row).split_cache
    assert not layout_of(row | {"tp": "8", "n_gpu": "8"}).split_cache


def test_a_four_bit_mixture_keeps_all_but_its_experts_in_sixteen_bits() -> None:
    served = find_served("mixtral-8x7b")
    replica = plain_replica(served, find_card("H100-SXM"), Layout("int4"))
    assert replica.dense_weight_bytes == pytest.approx(2 * (served.inner_parameters + served.outer_parameters))
    assert replica.expert_weight_bytes == pytest.approx(served.expert_parameters * FORMATS["int4"].bytes_per_parameter)


def test_a_whole_file_format_shrinks_the_head_too() -> None:
    served, card = find_served("llama-3-8b"), find_card("RTX-4090")
    whole, part = (plain_replica(served, card, Layout(quant)) for quant in ("q4_k_m", "awq"))
    assert whole.resident_bytes == pytest.approx(parameters(find_model("llama-3-8b")) * 4.85 / 8)
    assert part.resident_bytes - part.dense_weight_bytes == 2 * served.lookup_parameters


def test_parts_of_a_shape_add_up() -> None:
    for name in ("llama-3-8b", "mixtral-8x7b", "Qwen/Qwen2.5-1.5B"):
        shape = find_model(name)
        served = served_of(shape)
        parts = served.inner_parameters + served.outer_parameters + served.lookup_parameters + served.expert_parameters
        assert parts == parameters(shape)
        assert served.lookup_parameters == (0 if shape.tied else head_parameters(shape))


@pytest.mark.parametrize(
    ("name", "billion", "kv_bytes"),
    [
        ("deepseek-ai/DeepSeek-R1", 671, 61 * 576 * 2),  # 61 layers of a latent of 512 and 64 rotated
        ("moonshotai/Kimi-K2.5", 1026, 61 * 576 * 2),
        ("MiniMax-M2.5", 228.7, 62 * 2 * 8 * 128 * 2),
        ("Qwen/Qwen3.5-397B-A17B", 397, 15 * 2 * 2 * 256 * 2),  # every fourth of 60 layers keeps a cache
        ("zai-org/GLM-4.5-Air-FP8", 106, 46 * 2 * 8 * 128 * 2),
    ],
)
def test_listed_models(name: str, billion: float, kv_bytes: int) -> None:
    served = find_served(name)
    assert served.inner_parameters + served.expert_parameters == pytest.approx(billion * 1e9)
    assert served.kv_bytes_per_token == kv_bytes
    assert served.active_parameters < served.inner_parameters + served.expert_parameters


@pytest.mark.parametrize(
    ("card", "bits", "expected"),
    [
        ("H100-SXM", 8, 1978e12),
        ("A100-SXM-80", 8, 312e12),  # no 8-bit floats: computes in 16
        ("B200", 4, 9000e12),  # twice the 8-bit rate
        ("H100-SXM", 4, 989e12),
    ],
)
def test_which_rate_computes(card: str, bits: int, expected: float) -> None:
    assert rate_of(find_card(card), bits) == pytest.approx(expected)
