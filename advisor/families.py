"""What each model family's code adds to the sizes that its config.json states: a row of FAMILIES. Pure.

Rule 1  A row says names, biases and norms; what a family's config.json spells in its own words is read by its own
        function. Each row is checked against the real modules, built without memory, by a test.
Rule 2  What is not counted is refused with its reason, never approximated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeGuard

from advisor.shape import ModuleNames, QkNorm

Config = Mapping[str, Any]


class ConfigError(ValueError):
    """A config.json that cannot be turned into a shape; the message names every missing or odd field at once."""


_LLAMA = ModuleNames()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a model family's code fixes: names, biases, norms, and whether the head is tied unless config.json says."""

    names: ModuleNames = _LLAMA
    tied: bool = False
    gated_mlp: bool = True
    biases: str = ""
    norms_per_layer: int = 2
    layer_norm: bool = False
    qk_norm: QkNorm = QkNorm.NONE
    attention_sinks: bool = False
    learned_positions: bool = False
    mlp_width_factor: float = 1.0
    experts: bool = False
    shared_gate: bool = False
    wraps_experts: bool = False
    norm_weights: bool = True
    defaults: tuple[tuple[str, int], ...] = ()
    reads: Callable[[Config], dict[str, Any]] | None = None


def _bigcode(config: Config) -> dict[str, Any]:
    return {"kv_heads": 1 if config.get("multi_query", True) else look(config, "heads")}


def _neox(config: Config) -> dict[str, Any]:
    bias = bool(config.get("attention_bias", True))
    return {"qkv_bias": bias, "output_bias": bias, "kv_heads": look(config, "heads")}


def _falcon(config: Config) -> dict[str, Any]:
    """7B: one key head and one norm; 40B and 180B: grouped keys and two norms; 1B: as many keys as queries."""
    new, heads = bool(config.get("new_decoder_architecture")), look(config, "heads")
    grouped = (config.get("num_kv_heads") or heads) if new else 1 if config.get("multi_query", True) else heads
    parallel_norms = config.get("num_ln_in_parallel_attn") or (2 if new else 1)
    norms = parallel_norms if new or config.get("parallel_attn", True) else 2
    bias = bool(config.get("bias"))
    return {"kv_heads": grouped, "norms_per_layer": norms, "qkv_bias": bias, "output_bias": bias, "mlp_bias": bias}


def _opt(config: Config) -> dict[str, Any]:
    narrow = config.get("word_embed_proj_dim")
    if narrow not in (None, look(config, "hidden")) or not config.get("do_layer_norm_before", True):
        raise ConfigError("OPT with projected embeddings or norms after (opt-350m) is not counted; wanted another size")
    positions = (look(config, "max_positions") or 0) + OPT_SPARE_POSITIONS
    return {"learned_positions": positions, "kv_heads": look(config, "heads")}


def _stablelm(config: Config) -> dict[str, Any]:
    norms = 1 if config.get("use_parallel_residual") else 2
    if config.get("qk_layernorm"):
        raise ConfigError("StableLM with qk_layernorm (a norm for every head) is not counted; wanted one without")
    return {"qkv_bias": bool(config.get("use_qkv_bias")), "norms_per_layer": norms}


def _cohere(config: Config) -> dict[str, Any]:
    return {"qk_norm": QkNorm.FULL if config.get("use_qk_norm") else QkNorm.NONE}


def _starcoder2(config: Config) -> dict[str, Any]:
    bias = bool(config.get("use_bias", True))
    return {"qkv_bias": bias, "output_bias": bias, "mlp_bias": bias}


def _deepseek(config: Config) -> dict[str, Any]:
    wanted = ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "moe_intermediate_size")
    missing = [word for word in wanted if not whole(config.get(word))]
    if missing:
        raise ConfigError(f"latent attention wants {', '.join(missing)} as whole numbers > 0")
    shared = (config.get("n_shared_experts") or 0) * config["moe_intermediate_size"]
    return {
        "kv_heads": look(config, "heads"),
        "head_dim": config["qk_nope_head_dim"] + config["qk_rope_head_dim"],
        "q_latent": config.get("q_lora_rank") or 0,
        "kv_latent": config["kv_lora_rank"],
        "rope_dim": config["qk_rope_head_dim"],
        "value_dim": config["v_head_dim"],
        "shared_intermediate": shared,
        "dense_layers": config.get("first_k_dense_replace") or 0,
    }


_FUSED = ModuleNames(q="qkv_proj", k="qkv_proj", v="qkv_proj", gate="gate_up_proj", up="gate_up_proj")
_MIXTRAL = ModuleNames(expert_gate="experts.w1", expert_up="experts.w3", expert_down="experts.w2")
_PHI = ModuleNames(o="dense", gate="fc1", up="fc1", down="fc2")
_GPT = ModuleNames(q="c_attn", k="c_attn", v="c_attn", o="attn.c_proj", gate="c_fc", up="c_fc", down="mlp.c_proj")
_QWEN = ModuleNames(q="c_attn", k="c_attn", v="c_attn", o="attn.c_proj", gate="w2", up="w1", down="mlp.c_proj")
_MPT = ModuleNames(q="Wqkv", k="Wqkv", v="Wqkv", o="out_proj", gate="up_proj", up="up_proj", down="down_proj")
_GPTJ = ModuleNames(o="out_proj", gate="fc_in", up="fc_in", down="fc_out")
_BAICHUAN = ModuleNames(q="W_pack", k="W_pack", v="W_pack")
_NEOX = ModuleNames(
    q="query_key_value", k="query_key_value", v="query_key_value", o="attention.dense", gate="dense_h_to_4h",
    up="dense_h_to_4h", down="dense_4h_to_h",
)  # fmt: skip
_FALCON = ModuleNames(
    q="query_key_value", k="query_key_value", v="query_key_value", o="self_attention.dense", gate="dense_h_to_4h",
    up="dense_h_to_4h", down="dense_4h_to_h",
)  # fmt: skip
_OPT = ModuleNames(o="out_proj", gate="fc1", up="fc1", down="fc2")
_NEO = ModuleNames(o="out_proj", gate="c_fc", up="c_fc", down="c_proj")
_STARCODER = ModuleNames(gate="c_fc", up="c_fc", down="c_proj")
_GRANITE_MOE = ModuleNames(expert_gate="input_linear", expert_up="input_linear", expert_down="output_linear")
_GPT_FAMILY = Family(
    names=_GPT, tied=True, gated_mlp=False, biases="qkv output mlp", layer_norm=True, learned_positions=True
)

OPT_SPARE_POSITIONS = 2  # OPT's table of positions starts at 2 (transformers OPTLearnedPositionalEmbedding)
GEMMA3_DEFAULTS: Final = (
    ("vocab_size", 262208),
    ("num_attention_heads", 8),
    ("num_key_value_heads", 4),
    ("head_dim", 256),
)
"""What the 4B model's published text_config leaves out (transformers Gemma3TextConfig)."""

FAMILIES: Final[dict[str, Family]] = {
    "llama": Family(),
    "mistral": Family(),
    "mixtral": Family(names=_MIXTRAL, experts=True, wraps_experts=True),
    "qwen2": Family(biases="qkv"),
    "qwen2_moe": Family(biases="qkv", experts=True, shared_gate=True),
    "qwen3": Family(qk_norm=QkNorm.HEAD),
    "qwen3_moe": Family(qk_norm=QkNorm.HEAD, experts=True, wraps_experts=True),
    "qwen": Family(names=_QWEN, biases="qkv", mlp_width_factor=0.5),
    "phi": Family(names=_PHI, gated_mlp=False, biases="qkv output mlp head", norms_per_layer=1, layer_norm=True),
    "phi3": Family(names=_FUSED),
    "gemma": Family(tied=True),
    "gemma2": Family(tied=True, norms_per_layer=4),
    "gemma3_text": Family(tied=True, norms_per_layer=4, qk_norm=QkNorm.HEAD, defaults=GEMMA3_DEFAULTS),
    "smollm3": Family(tied=True),
    "olmo2": Family(qk_norm=QkNorm.FULL),
    "granite": Family(),
    "granitemoe": Family(names=_GRANITE_MOE, experts=True),
    "gpt_oss": Family(biases="qkv output experts", attention_sinks=True, experts=True),
    "gpt2": _GPT_FAMILY,
    "gpt_bigcode": replace(_GPT_FAMILY, reads=_bigcode),
    "gpt_neo": replace(_GPT_FAMILY, names=_NEO, biases="output mlp"),
    "gpt_neox": Family(names=_NEOX, gated_mlp=False, biases="mlp", layer_norm=True, reads=_neox),
    "opt": replace(_GPT_FAMILY, names=_OPT, reads=_opt),
    "falcon": Family(names=_FALCON, tied=True, gated_mlp=False, layer_norm=True, reads=_falcon),
    "stablelm": Family(layer_norm=True, reads=_stablelm),
    "starcoder2": Family(names=_STARCODER, tied=True, gated_mlp=False, layer_norm=True, reads=_starcoder2),
    "cohere": Family(tied=True, norms_per_layer=1, reads=_cohere),
    "cohere2": Family(tied=True, norms_per_layer=1),
    "olmo": Family(norm_weights=False),
    "olmoe": Family(qk_norm=QkNorm.FULL, experts=True),
    "deepseek_v2": Family(experts=True, reads=_deepseek),
    "deepseek_v3": Family(experts=True, reads=_deepseek),
    "gptj": Family(names=_GPTJ, gated_mlp=False, biases="mlp head", norms_per_layer=1, layer_norm=True),
    "mpt": Family(names=_MPT, tied=True, gated_mlp=False),
    "baichuan": Family(names=_BAICHUAN),
}
"""model_type to what its code adds; each row is checked against the real modules on the meta device by a test."""

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "vocab": ("vocab_size",),
    "max_positions": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    "intermediate": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "experts_per_token": ("num_experts_per_tok",),
}
"""Our word to the words that families use for it, in the order they are tried."""


def look(config: Config, word: str) -> Any:
    """Return what a config.json states for one of our words, None where it states nothing."""
    return next((config[key] for key in KEYS[word] if config.get(key) is not None), None)


def whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
