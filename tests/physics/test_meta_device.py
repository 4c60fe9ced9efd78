"""Counts agree with the real modules, built without memory on the meta device, for a tiny model of every family."""

import csv
from pathlib import Path

import pytest

from advisor.catalog import find_config, find_model, model_key
from advisor.data_files import rows
from advisor.hf_config import FAMILIES, shape_from_config
from advisor.shape import lora_parameters, parameters

pytestmark = pytest.mark.torch

SIZES = {
    "num_hidden_layers": 3, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 200, "max_position_embeddings": 128, "pad_token_id": None,
    "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
GPT = {
    "n_layer": 3,
    "n_embd": 64,
    "n_head": 4,
    "vocab_size": 200,
    "n_positions": 128,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
OLD = {
    name: size for name, size in SIZES.items() if name not in {"intermediate_size", "head_dim", "num_key_value_heads"}
}
LATENT = SIZES | {
    "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 2, "moe_intermediate_size": 32,
    "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "num_key_value_heads": 4,
}  # fmt: skip
CONFIGS = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "smollm3"), SIZES),
    **dict.fromkeys(("olmo2", "granite", "phi", "phi3"), SIZES),
    **dict.fromkeys(("starcoder2", "cohere2", "olmo"), SIZES),
    "mixtral": SIZES | EXPERTS,
    "granitemoe": SIZES | EXPERTS,
    "gpt_oss": SIZES | EXPERTS,
    "qwen3_moe": SIZES | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    "qwen2_moe": SIZES
    | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48},
    "gpt2": GPT,
    "gpt_bigcode": GPT,
    "gptj": GPT | {"rotary_dim": 8},
    "gpt_neo": {
        "num_layers": 2,
        "hidden_size": 64,
        "num_heads": 4,
        "vocab_size": 200,
        "max_position_embeddings": 128,
        "attention_types": [[["global", "local"], 1]],
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "opt": OLD | {"ffn_dim": 96, "word_embed_proj_dim": 64},
    "falcon": OLD | {"new_decoder_architecture": True, "num_kv_heads": 2, "ffn_hidden_size": 96},
    "gpt_neox": OLD | {"intermediate_size": 96},
    "stablelm": SIZES | {"use_qkv_bias": True},
    "cohere": SIZES | {"use_qk_norm": True},
    "olmoe": SIZES | {"num_experts": 4, "num_experts_per_tok": 2},
    **dict.fromkeys(("deepseek_v2", "deepseek_v3"), LATENT),
    "mpt": {"n_layers": 3, "d_model": 64, "n_heads": 4, "vocab_size": 200, "max_seq_len": 128},
}
DENSE = ("llama", "qwen3", "phi3", "phi")
NOT_IN_TRANSFORMERS = {"qwen", "baichuan"}  # their code came with the weights; their rows state a published count


def build(kind: str, sizes: dict[str, object] | None = None):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(kind, **(sizes or CONFIGS[kind]))
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    return config, model


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_a_familys_count_is_that_of_its_modules(kind: str) -> None:
    config, model = build(kind)
    shape = shape_from_config(config.to_diff_dict() | {"model_type": kind}, kind)  # what a config.json holds
    assert parameters(shape) == sum(p.numel() for p in model.parameters())


VARIANTS = [
    ("falcon", {"new_decoder_architecture": False}),  # 7B
    ("falcon", {"new_decoder_architecture": False, "multi_query": False, "parallel_attn": False, "bias": True}),  # 1B
    ("gpt_bigcode", {"multi_query": False}),
    ("gpt_neox", {"attention_bias": False}),
    ("stablelm", {"use_parallel_residual": True}),
    ("llama", {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True}),
    ("deepseek_v2", LATENT | {"q_lora_rank": None}),
    ("qwen3_moe", {"decoder_sparse_step": 2, "mlp_only_layers": [1]}),
]


@pytest.mark.parametrize(("kind", "settings"), VARIANTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_variants_count_is_that_of_its_modules(kind: str, settings: dict[str, object]) -> None:
    config, model = build(kind, CONFIGS[kind] | settings)
    shape = shape_from_config(config.to_diff_dict() | {"model_type": kind}, kind)
    assert parameters(shape) == sum(p.numel() for p in model.parameters())


def test_every_family_is_checked() -> None:
    assert set(CONFIGS) == set(FAMILIES) - NOT_IN_TRANSFORMERS


def modules_count(config: dict[str, object], layers: int) -> int:
    """Parameters of a model of that depth; every layer is like the next in these families."""
    kind = config["model_type"]
    sizes = {name: size for name, size in config.items() if name != "model_type"}
    _, model = build(kind, sizes | {"num_hidden_layers": layers, "pad_token_id": None})
    return sum(p.numel() for p in model.parameters())


def keys() -> set[str]:
    return {model_key(name) for row in rows("models.csv") for name in (row["name"], *row["aliases"].split("|"))}


@pytest.mark.real
def test_every_reference_row_has_the_parameters_of_its_modules(shared: Path) -> None:
    text = (shared / "reference" / "memory" / "architectures.csv").read_text(encoding="utf-8")
    stated = {row["model"]: row["params_exact_meta"] for row in csv.DictReader(text.splitlines())}
    wrong, checked = list[str](), 0
    known = {name for name in stated if model_key(name) in keys()}
    assert {name for name, count in stated.items() if count} <= known
    for name in sorted(known):
        config, count = find_config(name), stated[name]
        if config["model_type"] in NOT_IN_TRANSFORMERS:
            continue
        one, two = (modules_count(config, layers) for layers in (1, 2))
        whole = one + (find_model(name).layers - 1) * (two - one)
        checked += 1
        if whole != parameters(find_model(name)) or (count and whole != int(float(count))):
            wrong.append(f"{name}: modules {whole}, ours {parameters(find_model(name))}, stated {count}")
    assert wrong == []
    assert checked >= 60


@pytest.mark.parametrize(
    "row", [row for row in rows("models.csv") if "defaults" in row["source"]], ids=lambda r: r["name"]
)
def test_a_row_made_of_defaults_is_the_default(row: dict[str, str]) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(row["model_type"]).to_dict()
    assert parameters(shape_from_config(config, row["name"])) == int(row["parameters"])


@pytest.mark.filterwarnings("ignore:The following .*_pattern keys:RuntimeWarning")  # experts it could have wrapped
@pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT still asks Transformers by a name that is going away
@pytest.mark.parametrize(
    "kind", ["llama", "qwen3", "phi3", "phi", "qwen3_moe", "qwen2_moe", "mixtral", "granitemoe", "gpt_oss"]
)
def test_all_linear_adapters_are_those_that_peft_makes(kind: str) -> None:
    peft = pytest.importorskip("peft")
    config, model = build(kind)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    shape = shape_from_config(config.to_dict() | {"model_type": kind}, kind)
    made = sum(p.numel() for name, p in wrapped.named_parameters() if "lora_" in name)
    assert lora_parameters(shape, 4, "all-linear") == made
