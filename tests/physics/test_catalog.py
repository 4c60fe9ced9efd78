"""Models are counted to the last digit, adapters too, and every name a user may type is found or nearly found."""

import csv
import json
from pathlib import Path

import pytest

from advisor.catalog import UnknownCardError, UnknownModelError, cards, find_card, find_model, models
from advisor.data_files import rows
from advisor.hf_config import ConfigError, shape_from_config
from advisor.shape import (
    Part,
    UnknownTargetError,
    linear_parameters,
    lora_modules,
    lora_parameters,
    matmul_parameters,
    parameters,
)

ATTENTION = "q_proj k_proj v_proj o_proj"

TINY = {
    "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 16,
    "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 10, "tie_word_embeddings": False,
}  # fmt: skip


def test_a_tiny_llama_is_counted_by_hand() -> None:
    # embeddings 10*8=80, head 80; a layer: q 64, k 8*4=32, v 32, o 64, gate+up+down 3*128=384, norms 16 -> 592
    assert parameters(shape_from_config(TINY, "tiny")) == 80 + 80 + 2 * 592 + 8


def test_tying_the_head_saves_one_embedding() -> None:
    assert parameters(shape_from_config(TINY | {"tie_word_embeddings": True}, "tiny")) == 80 + 2 * 592 + 8


def test_a_tiny_mixture_is_counted_by_hand() -> None:
    config = TINY | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
    shape = shape_from_config(config, "tiny")
    assert linear_parameters(shape, Part.EXPERT) == 2 * 4 * 384  # 2 layers, 4 experts
    # active: attention 2*192, two experts of four 2*2*384, router 2*8*4, head 80
    assert matmul_parameters(shape) == 2 * 192 + 2 * 2 * 384 + 64 + 80


@pytest.mark.parametrize(
    ("model", "rank", "targets", "expected"),
    [
        # rank * (in + out) * layers, Llama-2-7B: 4096 wide, 32 layers, feed-forward 11008
        ("meta-llama/Llama-2-7b-hf", 16, "q_proj v_proj", 8_388_608),  # 16 * 8192 * 2 * 32
        ("meta-llama/Llama-2-7b-hf", 8, "q_proj v_proj", 4_194_304),  # 8 * 8192 * 2 * 32
        ("meta-llama/Llama-2-7b-hf", 8, ATTENTION, 8_388_608),  # 8 * 8192 * 4 * 32
        # OpenPipe's published count: 32 * (4 * 8192 + 3 * 15104) * 32
        ("meta-llama/Llama-2-7b-hf", 32, "all-linear", 79_953_920),
        # FinLoRA's published count, grouped queries: 8 * (8192 + 2 * (4096 + 1024)) * 32
        ("meta-llama/Llama-3.1-8B", 8, "q_proj k_proj v_proj", 4_718_592),
    ],
)
def test_adapters_are_counted_exactly(model: str, rank: int, targets: str, expected: int) -> None:
    assert lora_parameters(find_model(model), rank, targets) == expected


def test_targets_that_select_nothing_are_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownTargetError, match="q_proj"):
        lora_modules(find_model("llama-3-8b"), "query_key_value")


def test_all_linear_takes_experts_only_where_peft_can() -> None:
    assert {m.part for m in lora_modules(find_model("openai/gpt-oss-20b"), "all-linear")} == {Part.ATTENTION}
    wrapped = {m.part for m in lora_modules(find_model("Qwen/Qwen3-30B-A3B"), "all-linear")}
    assert wrapped == {Part.ATTENTION, Part.EXPERT, Part.ROUTER}


def test_adapters_of_experts_by_hand() -> None:
    config = TINY | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
    # 2 layers of 4 experts: down 3 * (16 + 8) = 72; gate and up together 2 * 3 * (8 + 2 * 16) = 240
    assert lora_parameters(shape_from_config(config, "tiny"), 3, "w1 w2 w3") == 2 * 4 * (72 + 240)


@pytest.mark.parametrize("row", rows("models.csv"), ids=lambda row: row["name"])
def test_every_catalogue_model_has_the_parameters_its_row_states(row: dict[str, str]) -> None:
    assert parameters(models()[row["name"]]) == int(row["parameters"])
    assert row["source"]


@pytest.mark.real
def test_counts_agree_with_the_reference_to_the_last_digit(shared: Path) -> None:
    text = (shared / "reference" / "memory" / "architectures.csv").read_text(encoding="utf-8")
    stated = {r["model"]: r["params_exact_meta"] for r in csv.DictReader(text.splitlines())}
    exact = {name: int(float(count)) for name, count in stated.items() if count}
    found = {name: parameters(shape) for name, shape in models().items() if name in exact}
    assert found == {name: exact[name] for name in found}
    assert len(found) >= 50


@pytest.mark.real
def test_every_reference_card_is_found(shared: Path) -> None:
    text = (shared / "reference" / "serving" / "gpus.csv").read_text(encoding="utf-8")
    missing = []
    for row in csv.DictReader(text.splitlines()):
        name = row["gpu"].replace("16/32", "32").replace("V100-PCIe", "V100-PCIe-32")
        card = find_card(name)
        if card.bandwidth_bytes_per_second != float(row["mem_bw_gb_s"]) * 1e9:
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("meta-llama/Meta-Llama-3-8B-Instruct", "meta-llama/Meta-Llama-3-8B"),
        ("TheBloke/Mistral-7B-v0.1-GPTQ", "mistralai/Mistral-7B-v0.1"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B"),
        ("llama-2-70b", "meta-llama/Llama-2-70b-hf"),
    ],
)
def test_variants_of_a_model_have_its_shape(typed: str, name: str) -> None:
    assert find_model(typed).name == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("NVIDIA A100 80GB", "A100-SXM-80"), ("NVIDIA A100 80GB PCIe", "A100-PCIe-80"), ("4090", "RTX-4090"),
        ("h100", "H100-SXM"), ("NVIDIA GeForce RTX 4090", "RTX-4090"), ("t4", "T4"), ("RTX 3080", "RTX-3080-10"),
    ],
)  # fmt: skip
def test_cards_are_found_by_the_names_people_use(typed: str, name: str) -> None:
    assert find_card(typed).name == name


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownModelError, match="llama-3-8b"):
        find_model("llama-3-9b")
    with pytest.raises(UnknownCardError, match="a100"):
        find_card("A101-SXM-80")


def test_a_directory_and_a_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    assert find_model(str(tmp_path)).hidden == 8
    assert find_model(str(tmp_path / "config.json")).layers == 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "mamba"}, "'mamba' is not known; known: .*llama"),
        ({"model_type": "llava", "text_config": {"model_type": "mamba"}}, "'mamba' is not known"),
        (TINY | {"model_type": "deepseek_v3", "n_routed_experts": 4, "num_experts_per_tok": 2}, "kv_lora_rank"),
        (TINY | {"model_type": "opt", "word_embed_proj_dim": 4}, "opt-350m"),
        ({"model_type": "llama", "hidden_size": 8}, "num_hidden_layers.*num_attention_heads.*vocab_size"),
        (TINY | {"intermediate_size": None}, "intermediate_size"),
        (TINY | {"vocab_size": "many"}, "'many', wanted a whole number"),
    ],
)
def test_a_config_that_says_too_little_is_refused_with_all_that_is_missing(config: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        shape_from_config(config, "x")


def test_a_broken_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[1]")
    with pytest.raises(ConfigError, match="found list"):
        find_model(str(path))
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json"):
        find_model(str(path))


def test_cards_have_a_source_and_positive_rates() -> None:
    bad = [c.name for c in cards().values() if not (c.source and c.memory_bytes > 0 and c.bf16_flops_per_second > 0)]
    assert bad == []
    assert len(cards()) >= 28
