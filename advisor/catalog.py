"""The models and cards we know, and how to find one by name, directory or config.json. Edge file: reads the disk.

Model and card facts lie in `advisor/data/models.csv` and `cards.csv`, a source on every row; this file only looks up.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from advisor.data_files import rows
from advisor.hf_config import ConfigError, shape_from_config, text_config
from advisor.shape import ModelShape, lora_parameters, parameters
from pricing.units import GIB

__all__ = [
    "Card",
    "ModelShape",
    "UnknownCardError",
    "UnknownModelError",
    "find_card",
    "find_model",
    "lora_parameters",
    "parameters",
]

GIGA: Final = 10**9
TERA: Final = 10**12

USABLE_SHARE: Final = 0.96
"""Assumed share of a card's nominal memory that a process can have: an L40S shows 46,068 of 49,152 MiB (0.937, error
correction on; row L40S of cards.csv), data-centre cards with stacked memory about 0.99 (from memory, unchecked)."""


class UnknownModelError(LookupError):
    """A model name that is in no catalogue row and on no disk path; the message offers near names."""


class UnknownCardError(LookupError):
    """A card name that no row or alias has; the message offers near names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One accelerator as its vendor states it: dense rates (no sparsity), nominal memory, one-way link bandwidth."""

    name: str
    aliases: tuple[str, ...]
    vendor: str
    architecture: str
    memory_bytes: int
    bandwidth_bytes_per_second: float
    bf16_flops_per_second: float
    fp8_flops_per_second: float | None
    watts: float
    native_bf16: bool
    native_fp8: bool
    link_bytes_per_second: float
    compute_capability: str
    source: str

    @property
    def usable_bytes(self) -> float:
        """Memory a process can have, see USABLE_SHARE."""
        return self.memory_bytes * USABLE_SHARE


def model_key(name: str) -> str:
    """Reduce a model name to what tells shapes apart: no organisation, no `-instruct`, `-chat`, `-GPTQ`, `-hf`."""
    base = name.rstrip("/").rpartition("/")[2].lower().replace("_", "-").replace("meta-llama", "llama")
    words = base.split("-")
    return "-".join(w for w in words if w not in _VARIANT_WORDS)


_VARIANT_WORDS: Final = frozenset(
    {"instruct", "chat", "it", "hf", "base", "thinking", "gptq", "awq", "gguf", "bnb"}
    | {"int4", "int8", "4bit", "nf4", "fp8", "fp16", "bf16", "nvfp4"}
)


def card_key(name: str) -> str:
    """Reduce a card name to letters and digits without the vendor: `NVIDIA GeForce RTX 4090` is `rtx4090`."""
    return re.sub(r"nvidia|amd|geforce|instinct|tesla|[^a-z0-9]", "", name.lower())


_MODEL_FIELDS: Final = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "intermediate": "intermediate_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "vocab": "vocab_size",
    "experts": "num_experts",
    "experts_per_token": "num_experts_per_tok",
    "expert_intermediate": "moe_intermediate_size",
    "shared_intermediate": "shared_expert_intermediate_size",
    "max_positions": "max_position_embeddings",
}
"""Column of models.csv to the word config.json uses, so that both doors go through one reader."""


_DERIVED_HEADS: Final = frozenset({"falcon", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "mpt", "opt"})
"""Families whose config.json has no head width: it is the hidden size over the heads."""


_EXPERT_WIDTHS: Final = frozenset({"mixtral", "gpt_oss", "granitemoe", "olmoe"})
"""Families whose `intermediate_size` is the width of one expert."""


def _config_of_row(row: Mapping[str, str]) -> dict[str, object]:
    config: dict[str, object] = {word: int(row[column]) for column, word in _MODEL_FIELDS.items() if row[column]}
    if row["model_type"] in _DERIVED_HEADS:
        del config["head_dim"]
    return config | {"model_type": row["model_type"], "tie_word_embeddings": row["tied"] == "true"}


def _shape_of_row(row: Mapping[str, str]) -> ModelShape:
    return shape_from_config(_config_of_row(row), row["name"])


@cache
def models() -> dict[str, ModelShape]:
    """Return every catalogue model by its full name."""
    return {row["name"]: _shape_of_row(row) for row in rows("models.csv")}


@cache
def _models_by_key() -> dict[str, ModelShape]:
    shapes = models()
    found: dict[str, ModelShape] = {}
    for row in rows("models.csv"):
        for name in (row["name"], *filter(None, row["aliases"].split("|"))):
            found.setdefault(model_key(name), shapes[row["name"]])
    return found


def find_model(name_or_path: str) -> ModelShape:
    """Return the shape of a catalogue model, or of a directory or config.json on disk.

    Raises UnknownModelError (with near names) or ConfigError (with every missing field).
    """
    shape = models().get(name_or_path) or _models_by_key().get(model_key(name_or_path))
    path = Path(name_or_path)
    if path.is_file() or (path.is_dir() and (shape is None or (path / "config.json").is_file())):
        return _shape_on_disk(path)
    if shape is None:
        raise UnknownModelError(_unknown("model", name_or_path, model_key(name_or_path), _models_by_key()))
    return shape


def find_config(name_or_path: str) -> dict[str, object]:
    """Return the config.json of a model on disk, or one that says what the catalogue knows of it. Raises as above."""
    shape, path = find_model(name_or_path), Path(name_or_path)
    row = next((row for row in rows("models.csv") if row["name"] == shape.name), None)
    if row is not None and not path.is_file() and not (path / "config.json").is_file():
        config = _config_of_row(row)
        return config | ({"intermediate_size": shape.expert_intermediate} if shape.family in _EXPERT_WIDTHS else {})
    return text_config(_config_on_disk(path))


def _config_on_disk(path: Path) -> dict[str, object]:
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise ConfigError(f"{file}: {fault}; wanted a Hugging Face config.json") from fault
    if not isinstance(config, dict):
        raise ConfigError(f"{file}: found {type(config).__name__}; wanted an object, as Hugging Face's config.json has")
    return config  # pyright: ignore[reportUnknownVariableType]


def _shape_on_disk(path: Path) -> ModelShape:
    folder = path if path.is_dir() else path.parent
    return shape_from_config(_config_on_disk(path), folder.resolve().name)


@cache
def cards() -> dict[str, Card]:
    """Return every card by its name."""
    return {row["name"]: _card(row) for row in rows("cards.csv")}


def _card(row: Mapping[str, str]) -> Card:
    return Card(
        name=row["name"],
        aliases=tuple(filter(None, row["aliases"].split("|"))),
        vendor=row["vendor"],
        architecture=row["architecture"],
        memory_bytes=int(float(row["memory_gib"]) * GIB),
        bandwidth_bytes_per_second=float(row["bandwidth_gb_per_second"]) * GIGA,
        bf16_flops_per_second=float(row["bf16_tflops"]) * TERA,
        fp8_flops_per_second=float(row["fp8_tflops"]) * TERA if row["fp8_tflops"] else None,
        watts=float(row["watts"]),
        native_bf16=row["native_bf16"] == "yes",
        native_fp8=row["native_fp8"] == "yes",
        link_bytes_per_second=float(row["link_gb_per_second"]) * GIGA,
        compute_capability=row["compute_capability"],
        source=f"{row['source']} ({row['confidence']})",
    )


@cache
def _cards_by_key() -> dict[str, Card]:
    found: dict[str, Card] = {}
    for card in cards().values():
        for name in (card.name, *card.aliases):
            found.setdefault(card_key(name), card)
    return found


def find_card(name: str) -> Card:
    """Return a card by its name or an alias (`NVIDIA A100 80GB`, `4090`). Raises UnknownCardError with near names."""
    key = card_key(name)
    known = _cards_by_key()
    card = known.get(key) or known.get(f"rtx{key}") or known.get(key.removesuffix("gb"))
    if card is None:
        raise UnknownCardError(_unknown("card", name, key, known))
    return card


def _unknown(what: str, name: str, key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "nothing in the catalogue is near it"
    remedy = "; or pass a directory or config.json" if what == "model" else ""
    return f"{what} {name!r} is not in the catalogue; {hint}{remedy}"
