"""Counts agree with the real modules, built without memory on the meta device, for a tiny model of every family."""

import pytest

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
CONFIGS = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "smollm3"), SIZES),
    **dict.fromkeys(("olmo2", "granite", "phi", "phi3"), SIZES),
    "mixtral": SIZES | EXPERTS,
    "granitemoe": SIZES | EXPERTS,
    "gpt_oss": SIZES | EXPERTS,
    "qwen3_moe": SIZES | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    "qwen2_moe": SIZES
    | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48},
    "gpt2": GPT,
    "gpt_bigcode": GPT,
    "gptj": GPT | {"rotary_dim": 8},
    "mpt": {"n_layers": 3, "d_model": 64, "n_heads": 4, "vocab_size": 200, "max_seq_len": 128},
}
DENSE = ("llama", "qwen3", "phi3", "phi")
NOT_IN_TRANSFORMERS = {"qwen", "baichuan"}  # their code came with the weights; their rows state a published count


def build(kind: str):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(kind, **CONFIGS[kind])
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    return config, model


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_a_familys_count_is_that_of_its_modules(kind: str) -> None:
    config, model = build(kind)
    shape = shape_from_config(config.to_dict() | {"model_type": kind}, kind)
    assert parameters(shape) == sum(p.numel() for p in model.parameters())


def test_every_family_is_checked() -> None:
    assert set(CONFIGS) == set(FAMILIES) - NOT_IN_TRANSFORMERS


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
