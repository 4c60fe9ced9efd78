"""A Hugging Face `config.json`, as a dictionary, to a ModelShape. Pure: the dictionary is read elsewhere.

Rule 1  A family is a row of advisor.families: what its code adds to the sizes that config.json states.
Rule 2  A family or a size that is not known is an error that says what is missing; nothing is guessed.
"""

from collections.abc import Mapping
from typing import Any, Final

from advisor.families import FAMILIES, KEYS, Config, ConfigError, Family, look, whole
from advisor.shape import ModelShape

__all__ = ["FAMILIES", "ConfigError", "shape_from_config", "text_config"]

GPT_MLP_FACTOR = 4  # GPT-2, GPTBigCode and MPT: the feed-forward part is four times the hidden size unless stated

NESTED: Final[dict[str, str]] = {
    "gemma3": "gemma3_text",
    "mistral3": "mistral",
    "qwen2_vl": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen3_vl": "qwen3",
    "qwen3_vl_text": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "qwen3_vl_moe_text": "qwen3_moe",
    "kimi_k2": "deepseek_v3",
}
"""A model_type to that of the language model in it; what sees and hears is not counted."""


def text_config(config: Config) -> dict[str, Any]:
    """Return the part that describes the language model: the nested one of a multimodal model, else the whole."""
    inner: Mapping[str, Any] = config.get("text_config") or {}
    kind = inner.get("model_type") or config.get("model_type")
    outer = {name: config[name] for name in ("tie_word_embeddings",) if name in config}
    return {**(outer | dict(inner) if inner else config), "model_type": NESTED.get(str(kind), kind)}


def shape_from_config(config: Config, name: str) -> ModelShape:
    """Return the shape that a config.json describes, a multimodal one's language model. Raises ConfigError."""
    config = text_config(config)
    kind = config["model_type"]
    if kind not in FAMILIES:
        message = f"{name}: model_type {kind!r} is not known; known: {', '.join(sorted(FAMILIES))}"
        raise ConfigError(message)
    family = FAMILIES[kind]
    config = {**dict(family.defaults), **config}
    sizes = _sizes(config, family, name)
    attention_bias, mlp_bias = bool(config.get("attention_bias")), bool(config.get("mlp_bias"))
    found: dict[str, Any] = {
        "tied": bool(config.get("tie_word_embeddings", family.tied)),
        "gated_mlp": family.gated_mlp,
        "qkv_bias": "qkv" in family.biases or attention_bias,
        "output_bias": "output" in family.biases or attention_bias,
        "mlp_bias": "mlp" in family.biases or mlp_bias,
        "head_bias": "head" in family.biases,
        "norms_per_layer": family.norms_per_layer,
        "norm_biases": family.layer_norm,
        "norm_weights": family.norm_weights,
        "qk_norm": family.qk_norm,
        "attention_sinks": family.attention_sinks,
        "learned_positions": sizes["max_positions"] if family.learned_positions else 0,
        "expert_bias": "experts" in family.biases,
        "shared_gate": family.shared_gate,
        "wraps_experts": family.wraps_experts,
        "sliding_window": _sliding_window(config),
        "sliding_layers": _sliding_layers(config, sizes["layers"]),
        **sizes,
    }
    return ModelShape(name=name, family=kind, names=family.names, **(found | _read(config, family, name)))


def _read(config: Config, family: Family, name: str) -> dict[str, Any]:
    """Return what only this family's configs say, and how."""
    try:
        return family.reads(config) if family.reads else {}
    except ConfigError as fault:
        raise ConfigError(f"{name}: config.json: {fault}") from None


def _sizes(config: Config, family: Family, name: str) -> dict[str, int]:
    wanted = ["layers", "hidden", "heads", "vocab"]
    wanted += ["experts", "experts_per_token"] if family.experts else []
    found = {word: look(config, word) for word in wanted}
    faults = [f"{' or '.join(KEYS[w])} is {v!r}, wanted a whole number > 0" for w, v in found.items() if not whole(v)]
    if faults:
        raise ConfigError(f"{name}: config.json: " + "; ".join(faults))
    heads, hidden = found["heads"], found["hidden"]
    sizes = {
        **found,
        "kv_heads": config.get("num_key_value_heads") or heads,
        "head_dim": config.get("head_dim") or config.get("kv_channels") or hidden // heads,
        "max_positions": look(config, "max_positions") or 0,
    }
    return sizes | _widths(config, family, name, sizes)


def _widths(config: Config, family: Family, name: str, sizes: Mapping[str, int]) -> dict[str, int]:
    width: Any = look(config, "intermediate")
    if width is None and not family.gated_mlp:
        width = GPT_MLP_FACTOR * sizes["hidden"]
    expert_width: Any = config.get("moe_intermediate_size") or width
    wanted, word = (expert_width, "moe_intermediate_size") if family.experts else (width, "intermediate_size")
    if not whole(wanted):
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
