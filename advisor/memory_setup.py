"""What a training run is, as far as its memory goes: methods, weight formats, optimizers, losses, each a table row."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from advisor import memory_parts as parts


class Component(StrEnum):
    """Where bytes go; the formula, the dry run and every report use these words."""

    WEIGHTS = "weights"
    ADAPTERS = "adapters"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer"
    ACTIVATIONS = "activations"
    LOGITS = "logits"
    DEQUANT = "dequant"
    KV_CACHE = "kv_cache"
    CONTEXT = "context"
    ALLOCATOR = "allocator"


class Method(StrEnum):
    """How the model is used or trained."""

    FULL = "full"
    LORA = "lora"
    LORA8 = "lora8"
    QLORA = "qlora"
    INFERENCE = "inference"


class Phase(StrEnum):
    """A moment of a training step that can hold the peak."""

    LOSS = "loss"
    BACKWARD = "backward"
    BACKWARD_END = "end of backward"
    STEP = "optimizer step"


@dataclass(frozen=True, slots=True)
class WeightFormat:
    """Bytes a parameter for the layers' linear maps and for everything else, and whether a product dequantises."""

    name: str
    linear_bytes_per_parameter: float
    other_bytes_per_parameter: float
    quantised: bool


def _format(name: str, linear: float, other: float = parts.HALF_BYTES, quantised: bool = True) -> WeightFormat:
    return WeightFormat(name, linear, other, quantised)


FORMATS: Final[Mapping[str, WeightFormat]] = MappingProxyType(
    {
        row.name: row
        for row in (
            _format("bf16", parts.HALF_BYTES, quantised=False),
            _format("fp32", parts.FULL_BYTES, parts.FULL_BYTES, quantised=False),
            _format("nf4", parts.NF4_BYTES_PER_PARAMETER),
            _format("nf4-double", parts.NF4_DOUBLE_BYTES_PER_PARAMETER),
            _format("int4", parts.INT4_GROUP_BYTES_PER_PARAMETER),
            _format("int8", parts.INT8_BYTES_PER_PARAMETER),
            _format("fp8", parts.FP8_BYTES_PER_PARAMETER),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """States kept for 32-bit or 16-bit parameters: `states` tensors of the parameter's own width, or fixed bytes."""

    name: str
    states: int
    fixed_bytes_per_parameter: float | None
    foreach: bool


OPTIMIZERS: Final[Mapping[str, Optimizer]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Optimizer("adamw", states=2, fixed_bytes_per_parameter=None, foreach=True),
            Optimizer("adamw_fused", states=2, fixed_bytes_per_parameter=None, foreach=False),
            Optimizer("adamw_8bit", states=2, fixed_bytes_per_parameter=2 + 8 / 256, foreach=False),  # fp32 a block
            Optimizer("paged_adamw_8bit", states=2, fixed_bytes_per_parameter=2 + 8 / 256, foreach=False),
            Optimizer("paged_adamw_32bit", states=2, fixed_bytes_per_parameter=8, foreach=False),
            Optimizer("lion", states=1, fixed_bytes_per_parameter=None, foreach=True),
            Optimizer("sgd", states=0, fixed_bytes_per_parameter=None, foreach=False),
            Optimizer("adafactor", states=0, fixed_bytes_per_parameter=0.01, foreach=False),  # rows and columns only
        )
    }
)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the loss holds at its own peak, in bytes for each logit, and why."""

    name: str
    bytes_per_logit: float
    because: str


LOSSES: Final[Mapping[str, Loss]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Loss(
                "full", 14, "16-bit logits, and 32-bit log-probabilities, their gradient and that of the upcast logits"
            ),
            Loss("fast", 8, "16-bit logits, their 32-bit copy, and a 16-bit gradient written by a fused kernel"),
            Loss("fused", 0.25, "logits are made in chunks and never stored whole (Liger, cut cross-entropy)"),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetup:
    """One training run. `sequence_tokens` is the longest sequence that a batch holds, not the cap, where known."""

    method: Method
    sequence_tokens: int
    micro_batch: int = 1
    gradient_accumulation: int = 1
    checkpointing: bool = True
    weight_format: str = "bf16"
    master_weights: bool = False
    autocast: bool = False
    lora_rank: int = 16
    lora_targets: str = "all-linear"
    adapter_bytes: int = parts.FULL_BYTES
    optimizer: str = "adamw"
    loss: str = "full"
    materialised_attention: bool = False
    cards: int = 1
    sharded: bool = True

    @property
    def shards(self) -> int:
        """Over how many cards weights, gradients and states are spread (FSDP, ZeRO-3); 1 where each holds all."""
        return self.cards if self.sharded else 1

    @property
    def step_tokens(self) -> int:
        """Tokens of one micro-batch on one card, padding included."""
        return self.sequence_tokens * self.micro_batch
