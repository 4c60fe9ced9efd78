"""A Hugging Face `config.json`, as a dictionary, to a ModelShape. Pure: the dictionary is read elsewhere.

Rule 1  A family is a row of FAMILIES: what its code adds to the sizes that config.json states.
Rule 2  A family or a size that is not known is an error that says what is missing; nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from advisor.shape import ModelShape, ModuleNames, QkNorm

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
    multi_query_flag: bool = False


_FUSED = ModuleNames(q="qkv_proj", k="qkv_proj", v="qkv_proj", gate="gate_up_proj", up="gate_up_proj")
_MIXTRAL = ModuleNames(expert_gate="experts.w1", expert_up="experts.w3", expert_down="experts.w2")
_PHI = ModuleNames(o="dense", gate="fc1", up="fc1", down="fc2")
_GPT = ModuleNames(q="c_attn", k="c_attn", v="c_attn", o="attn.c_proj", gate="c_fc", up="c_fc", down="mlp.c_proj")
_QWEN = ModuleNames(q="c_attn", k="c_attn", v="c_attn", o="attn.c_proj", gate="w2", up="w1", down="mlp.c_proj")
_MPT = ModuleNames(q="Wqkv", k="Wqkv", v="Wqkv", o="out_proj", gate="up_proj", up="up_proj", down="down_proj")
_GPTJ = ModuleNames(o="out_proj", gate="fc_in", up="fc_in", down="fc_out")
_BAICHUAN = ModuleNames(q="W_pack", k="W_pack", v="W_pack")
_GRANITE_MOE = ModuleNames(expert_gate="input_linear", expert_up="input_linear", expert_down="output_linear")
_GPT_FAMILY = Family(
    names=_GPT, tied=True, gated_mlp=False, biases="qkv output mlp", layer_norm=True, learned_positions=True
)

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
    "gemma3_text": Family(tied=True, norms_per_layer=4, qk_norm=QkNorm.HEAD),
    "smollm3": Family(tied=True),
    "olmo2": Family(qk_norm=QkNorm.FULL),
    "granite": Family(),
    "granitemoe": Family(names=_GRANITE_MOE, experts=True),
    "gpt_oss": Family(biases="qkv output experts", attention_sinks=True, experts=True),
    "gpt2": _GPT_FAMILY,
    "gpt_bigcode": Family(
        names=_GPT,
        tied=True,
        gated_mlp=False,
        biases="qkv output mlp",
        layer_norm=True,
        learned_positions=True,
        multi_query_flag=True,
    ),
    "gptj": Family(names=_GPTJ, gated_mlp=False, biases="mlp head", norms_per_layer=1, layer_norm=True),
    "mpt": Family(names=_MPT, tied=True, gated_mlp=False),
    "baichuan": Family(names=_BAICHUAN),
}
"""model_type to what its code adds; each row is checked against the real modules on the meta device by a test."""

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "vocab": ("vocab_size",),
    "max_positions": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    "intermediate": ("intermediate_size", "n_inner"),
    "experts": ("num_local_experts", "num_experts"),
    "experts_per_token": ("num_experts_per_tok",),
}
"""Our word to the words that families use for it, in the order they are tried."""

GPT_MLP_FACTOR = 4  # GPT-2, GPTBigCode and MPT: the feed-forward part is four times the hidden size unless stated


def _look(config: Config, word: str) -> Any:
    return next((config[key] for key in KEYS[word] if config.get(key) is not None), None)


def shape_from_config(config: Config, name: str) -> ModelShape:
    """Return the shape that a config.json describes. Raises ConfigError with every fault at once."""
    kind = config.get("model_type")
    if kind not in FAMILIES:
        nested = (
            " (a text_config is nested in it: save that part as its own config.json)" if "text_config" in config else ""
        )
        message = f"{name}: model_type {kind!r} is not known{nested}; known: {', '.join(sorted(FAMILIES))}"
        raise ConfigError(message)
    family = FAMILIES[kind]
    sizes = _sizes(config, family, name)
    attention_bias, mlp_bias = bool(config.get("attention_bias")), bool(config.get("mlp_bias"))
    return ModelShape(
        name=name,
        family=kind,
        tied=bool(config.get("tie_word_embeddings", family.tied)),
        names=family.names,
        gated_mlp=family.gated_mlp,
        qkv_bias="qkv" in family.biases or attention_bias,
        output_bias="output" in family.biases or attention_bias,
        mlp_bias="mlp" in family.biases or mlp_bias,
        head_bias="head" in family.biases,
        norms_per_layer=family.norms_per_layer,
        norm_biases=family.layer_norm,
        qk_norm=family.qk_norm,
        attention_sinks=family.attention_sinks,
        learned_positions=sizes["max_positions"] if family.learned_positions else 0,
        expert_bias="experts" in family.biases,
        shared_gate=family.shared_gate,
        wraps_experts=family.wraps_experts,
        sliding_window=_sliding_window(config),
        sliding_layers=_sliding_layers(config, sizes["layers"]),
        **sizes,
    )


def _sizes(config: Config, family: Family, name: str) -> dict[str, int]:
    wanted = ["layers", "hidden", "heads", "vocab"]
    wanted += ["experts", "experts_per_token"] if family.experts else []
    found = {word: _look(config, word) for word in wanted}
    faults = [f"{' or '.join(KEYS[w])} is {v!r}, wanted a whole number > 0" for w, v in found.items() if not _whole(v)]
    if faults:
        raise ConfigError(f"{name}: config.json: " + "; ".join(faults))
    heads, hidden = found["heads"], found["hidden"]
    sizes = {
        **found,
        "kv_heads": _kv_heads(config, family, heads),
        "head_dim": config.get("head_dim") or config.get("kv_channels") or hidden // heads,
        "max_positions": _look(config, "max_positions") or 0,
    }
    return sizes | _widths(config, family, name, sizes)


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _kv_heads(config: Config, family: Family, heads: int) -> int:
    if family.multi_query_flag:
        return 1 if config.get("multi_query", True) else heads
    return config.get("num_key_value_heads") or heads


def _widths(config: Config, family: Family, name: str, sizes: Mapping[str, int]) -> dict[str, int]:
    width: Any = _look(config, "intermediate")
    if width is None and not family.gated_mlp:
        width = GPT_MLP_FACTOR * sizes["hidden"]
    expert_width: Any = config.get("moe_intermediate_size") or width
    wanted, word = (expert_width, "moe_intermediate_size") if family.experts else (width, "intermediate_size")
    if not _whole(wanted):
        raise ConfigError(f"{name}: config.json: {word} is {wanted!r}, wanted a whole number > 0")
    if not family.experts:
        return {"intermediate": int(wanted * family.mlp_width_factor)}
    return {
        "intermediate": int(width or 0),
        "expert_intermediate": int(expert_width),
        "shared_intermediate": int(config.get("shared_expert_intermediate_size") or 0),
        "dense_layers": _dense_layers(config, sizes["layers"]),
    }


def _dense_layers(config: Config, layers: int) -> int:
    step = config.get("decoder_sparse_step") or 1
    listed: list[int] = list(config.get("mlp_only_layers") or ())
    return sum(1 for layer in range(layers) if layer in listed or (layer + 1) % step)


def _sliding_window(config: Config) -> int:
    return (config.get("sliding_window") or 0) if config.get("use_sliding_window", True) else 0


def _sliding_layers(config: Config, layers: int) -> int:
    if not _sliding_window(config):
        return 0
    kinds = config.get("layer_types")
    return sum(1 for kind in kinds if kind == "sliding_attention") if kinds else layers
