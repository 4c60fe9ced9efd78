"""The shape of a decoder-only model, and exact counts from it: parameters, active parameters, adapter parameters.

Rule 1  A model is its list of linear maps, plus embeddings, norms and a few named extras; every count is a sum over it.
Rule 2  Counts are exact integers; a family whose sum does not reproduce the real model is not in the catalogue.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

ALL_LINEAR = "all-linear"


class Part(StrEnum):
    """Which part of the model a linear map belongs to."""

    ATTENTION = "attention"
    MLP = "mlp"
    EXPERT = "expert"
    ROUTER = "router"


class QkNorm(StrEnum):
    """How queries and keys are normalised: not at all, per head, or over their full width."""

    NONE = "none"
    HEAD = "head"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Linear:
    """One kind of linear map: `count` copies in the whole model, `active` of them used by each token."""

    name: str
    part: Part
    in_features: int
    out_features: int
    bias: bool
    count: int
    active: int

    @property
    def parameters(self) -> int:
        """Weights and biases of one copy."""
        return self.in_features * self.out_features + (self.out_features if self.bias else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleNames:
    """What a family calls its linear maps; equal names mean one fused map."""

    q: str = "q_proj"
    k: str = "k_proj"
    v: str = "v_proj"
    o: str = "o_proj"
    gate: str = "gate_proj"
    up: str = "up_proj"
    down: str = "down_proj"
    expert_gate: str = "experts.gate_proj"
    expert_up: str = "experts.up_proj"
    expert_down: str = "experts.down_proj"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Everything the formulas need to know of a model; widths in elements, `intermediate` 0 where no layer is dense.

    `q_latent`, `kv_latent`, `rope_dim` and `value_dim` are those of latent attention (MLA), 0 where a model has none.
    """

    name: str
    family: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool
    names: ModuleNames = ModuleNames()
    gated_mlp: bool = True
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    norms_per_layer: int = 2
    norm_biases: bool = False
    qk_norm: QkNorm = QkNorm.NONE
    attention_sinks: bool = False
    learned_positions: int = 0
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    expert_bias: bool = False
    dense_layers: int = 0
    shared_intermediate: int = 0
    shared_gate: bool = False
    wraps_experts: bool = False
    max_positions: int = 0
    sliding_window: int = 0
    sliding_layers: int = 0
    norm_weights: bool = True
    q_latent: int = 0
    kv_latent: int = 0
    rope_dim: int = 0
    value_dim: int = 0

    @property
    def expert_layers(self) -> int:
        """Layers whose feed-forward part is a mixture of experts."""
        return self.layers - self.dense_layers if self.experts else 0

    @property
    def query_width(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of all key heads together (values are as wide)."""
        return self.kv_heads * self.head_dim

    @property
    def value_width(self) -> int:
        """Width of the attention's output: all query heads' values."""
        return self.heads * (self.value_dim or self.head_dim)

    @property
    def cached_width(self) -> int:
        """Elements a layer caches of each token: keys and values, or the latent they are made from."""
        return self.kv_latent + self.rope_dim if self.kv_latent else 2 * self.kv_width

    @property
    def active_intermediate(self) -> int:
        """Feed-forward width one token passes through in a layer: dense, or chosen experts plus shared."""
        if self.experts:
            return self.experts_per_token * self.expert_intermediate + self.shared_intermediate
        return self.intermediate


@cache
def linears(shape: ModelShape) -> tuple[Linear, ...]:
    """Return every kind of linear map in the layers; the language-model head is not among them."""
    return (*_attention(shape), *_dense_mlp(shape), *_expert_mlp(shape))


def _attention(shape: ModelShape) -> list[Linear]:
    names, h, q, kv, n = shape.names, shape.hidden, shape.query_width, shape.kv_width, shape.layers
    if shape.kv_latent:
        return _latent_attention(shape)
    if names.q == names.v:
        maps = [Linear(names.q, Part.ATTENTION, h, q + 2 * kv, shape.qkv_bias, n, n)]
    else:
        widths = ((names.q, q), (names.k, kv), (names.v, kv))
        maps = [Linear(name, Part.ATTENTION, h, width, shape.qkv_bias, n, n) for name, width in widths]
    return [*maps, Linear(names.o, Part.ATTENTION, q, h, shape.output_bias, n, n)]


def _latent_attention(shape: ModelShape) -> list[Linear]:
    """Down to a latent and up again: queries (where they have one), keys and values together (arXiv 2405.04434)."""
    h, q, bias = shape.hidden, shape.query_width, shape.qkv_bias
    unrotated = shape.heads * (shape.head_dim - shape.rope_dim)
    maps = [("q_proj", h, q, False)]
    if shape.q_latent:
        maps = [("q_a_proj", h, shape.q_latent, bias), ("q_b_proj", shape.q_latent, q, False)]
    maps += [
        ("kv_a_proj_with_mqa", h, shape.kv_latent + shape.rope_dim, bias),
        ("kv_b_proj", shape.kv_latent, unrotated + shape.value_width, False),
        ("o_proj", shape.value_width, h, shape.output_bias),
    ]
    return [Linear(name, Part.ATTENTION, i, o, b, shape.layers, shape.layers) for name, i, o, b in maps]


def _mlp(
    shape: ModelShape, names: tuple[str, str, str], width: int, copies: tuple[int, int], part: Part
) -> list[Linear]:
    gate, up, down = names
    bias = shape.expert_bias if part is Part.EXPERT else shape.mlp_bias
    h, (count, active) = shape.hidden, copies
    if shape.gated_mlp and gate == up:
        inner = [Linear(up, part, h, 2 * width, bias, count, active)]
    else:
        used = (gate, up) if shape.gated_mlp else (up,)
        inner = [Linear(name, part, h, width, bias, count, active) for name in used]
    return [*inner, Linear(down, part, width, h, bias, count, active)]


def _dense_mlp(shape: ModelShape) -> list[Linear]:
    copies = shape.dense_layers if shape.experts else shape.layers
    if copies == 0:
        return []
    names = (shape.names.gate, shape.names.up, shape.names.down)
    return _mlp(shape, names, shape.intermediate, (copies, copies), Part.MLP)


def _expert_mlp(shape: ModelShape) -> list[Linear]:
    if not shape.experts:
        return []
    n = shape.expert_layers
    names = (shape.names.expert_gate, shape.names.expert_up, shape.names.expert_down)
    copies = (n * shape.experts, n * shape.experts_per_token)
    maps = _mlp(shape, names, shape.expert_intermediate, copies, Part.EXPERT)
    maps.append(Linear("router", Part.ROUTER, shape.hidden, shape.experts, shape.expert_bias, n, n))
    if shape.shared_intermediate:
        shared = ("shared_expert.gate_proj", "shared_expert.up_proj", "shared_expert.down_proj")
        maps += _mlp(shape, shared, shape.shared_intermediate, (n, n), Part.MLP)
    if shape.shared_gate:
        maps.append(Linear("shared_expert_gate", Part.MLP, shape.hidden, 1, False, n, n))
    return maps


def embedding_parameters(shape: ModelShape) -> int:
    """Token and learned position embeddings; the head is counted apart unless it is tied to them."""
    return (shape.vocab + shape.learned_positions) * shape.hidden


def head_parameters(shape: ModelShape) -> int:
    """The language-model head as stored: 0 weights where it is tied to the embeddings."""
    return (0 if shape.tied else shape.vocab * shape.hidden) + (shape.vocab if shape.head_bias else 0)


def norm_parameters(shape: ModelShape) -> int:
    """Norm weights and biases, query and key norms, and attention sinks."""
    per_vector = (2 if shape.norm_biases else 1) if shape.norm_weights else 0
    total = (shape.norms_per_layer * shape.layers + 1) * shape.hidden * per_vector
    if shape.qk_norm is QkNorm.HEAD:
        total += shape.layers * 2 * shape.head_dim
    elif shape.qk_norm is QkNorm.FULL:
        total += shape.layers * (shape.query_width + shape.kv_width)
    total += shape.layers * (shape.q_latent + shape.kv_latent)  # the norms of the latents
    return total + (shape.layers * shape.heads if shape.attention_sinks else 0)


def linear_parameters(shape: ModelShape, *parts: Part) -> int:
    """Weights and biases of the layers' linear maps, of the named parts only where any are named."""
    return sum(m.parameters * m.count for m in linears(shape) if not parts or m.part in parts)


def parameters(shape: ModelShape) -> int:
    """Return the exact number of parameters, norms and biases included, a tied head counted once."""
    return embedding_parameters(shape) + linear_parameters(shape) + norm_parameters(shape) + head_parameters(shape)


def matmul_parameters(shape: ModelShape) -> int:
    """Weights that every token is multiplied by: active linear maps and the head (tied or not), no embeddings."""
    inside = sum(m.in_features * m.out_features * m.active for m in linears(shape))
    return inside + shape.vocab * shape.hidden


class UnknownTargetError(ValueError):
    """LoRA targets that select no linear map of the model; the message lists those it has."""


def lora_modules(shape: ModelShape, targets: str | Iterable[str]) -> tuple[Linear, ...]:
    """Return the linear maps that LoRA targets select, by PEFT's rule: a name or its last part; strangers do nothing.

    `all-linear` takes every linear map but the head. Experts and their router are three-dimensional parameters in
    current Transformers: PEFT wraps them in some families (`wraps_experts`) and leaves them alone in the others.
    """
    wanted = targets.replace("|", " ").replace(",", " ").split() if isinstance(targets, str) else list(targets)
    return _selected(shape, tuple(wanted))


@cache
def _selected(shape: ModelShape, targets: tuple[str, ...]) -> tuple[Linear, ...]:
    wanted, maps = list(targets), linears(shape)
    if wanted == [ALL_LINEAR]:
        return tuple(m for m in maps if shape.wraps_experts or m.part in {Part.ATTENTION, Part.MLP})
    chosen = tuple(m for m in maps if any(m.name == t or m.name.endswith(f".{t}") for t in wanted))
    if not chosen:
        known = sorted({m.name.rpartition(".")[2] for m in maps})
        message = (
            f"{shape.name}: LoRA targets {wanted} select nothing; it has {', '.join(known)}; or use {ALL_LINEAR!r}"
        )
        raise UnknownTargetError(message)
    return chosen


def lora_parameters(shape: ModelShape, rank: int, targets: str | Iterable[str]) -> int:
    """Return the exact number of adapter parameters: rank x (in + out) for every map that the targets select."""
    return sum(_adapter_parameters(shape, m, rank) * m.count for m in lora_modules(shape, targets))


def _adapter_parameters(shape: ModelShape, chosen: Linear, rank: int) -> int:
    """One map's adapter; an expert's gate and up are stored as one, so the pair gets one of twice the rank."""
    if shape.wraps_experts and chosen.name == shape.names.expert_gate:
        return 2 * rank * (chosen.in_features + 2 * chosen.out_features)
    if shape.wraps_experts and chosen.name == shape.names.expert_up:
        return 0
    return rank * (chosen.in_features + chosen.out_features)
