"""What a training run is, as far as its memory goes: methods, weight formats, precisions, optimizers, losses, each a
table row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

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


class WeightFormat(NamedTuple):
    """Bytes a parameter for the layers' linear maps and for everything else, and whether a product dequantises."""

    name: str
    linear_bytes_per_parameter: float
    other_bytes_per_parameter: float
    quantised: bool


def _format(name: str, linear: float, other: float = parts.HALF_BYTES, quantised: bool = True) -> WeightFormat:
    return WeightFormat(name, linear, other, quantised)


def _gguf(name: str, bits: float) -> WeightFormat:
    """A GGUF level quantises the embeddings and the head too, and its kernels never make a whole 16-bit weight."""
    return WeightFormat(name, bits / parts.BYTE_BITS, bits / parts.BYTE_BITS, quantised=False)


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
            _format("gptq-int8", parts.INT8_GROUP_BYTES_PER_PARAMETER),
            _format("fp8", parts.FP8_BYTES_PER_PARAMETER, quantised=False),
            # bits a weight as llama.cpp's quantize tool lists them for Llama-3.1-8B (tools/quantize/README.md)
            _gguf("q8_0", 8.5008),
            _gguf("q6_k", 6.5633),
            _gguf("q5_k_m", 5.7036),
            _gguf("q4_k_m", 4.8944),
            _gguf("q3_k_m", 3.9960),
            _gguf("q2_k", 3.1593),
        )
    }
)


class Precision(NamedTuple):
    """Bytes a trained parameter of each copy: weight, gradient, 32-bit master, one state, and made within the step."""

    weight_bytes: int
    gradient_bytes: int
    master_bytes: int
    state_bytes: int
    step_bytes: int


PRECISIONS: Final[Mapping[str, Precision]] = MappingProxyType(
    {
        "half": Precision(2, 2, 0, 2, 0),  # weights, gradients and states in 16 bits
        "full": Precision(4, 4, 0, 4, 0),  # 32-bit weights; autocast computes in 16 bits
        "master": Precision(2, 2, 4, 4, 4),  # DeepSpeed, Megatron: 16-bit model, 32-bit master and gradient at the step
    }
)
"""Recipe of a full run; adapters have the width of `adapter_bytes` in all their copies."""


class Optimizer(NamedTuple):
    """`states` tensors of the state's width, or fixed bytes; `foreach` makes one more of them inside the step."""

    name: str
    states: int
    fixed_bytes_per_parameter: float | None = None
    foreach: bool = False
    in_backward: bool = False


BLOCKWISE: Final = 1 + 4 / 256  # one byte a number, one fp32 constant for 256 (8-bit optimizers, arXiv 2110.02861)

OPTIMIZERS: Final[Mapping[str, Optimizer]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Optimizer("adamw", 2, foreach=True),
            Optimizer("adamw_fused", 2),
            Optimizer("adamw_8bit", 2, 2 * BLOCKWISE),
            Optimizer("paged_adamw_8bit", 2, 2 * BLOCKWISE),
            Optimizer("paged_adamw_32bit", 2, 8),
            Optimizer("adamw_in_backward", 2, in_backward=True),
            Optimizer("lion", 1, foreach=True),
            Optimizer("lion_8bit", 1, BLOCKWISE),
            Optimizer("rmsprop", 1, foreach=True),
            Optimizer("adagrad", 1, foreach=True),
            Optimizer("sgd", 0),
            Optimizer("sgd_momentum", 1),
            Optimizer("lomo", 0, in_backward=True),
            Optimizer("adafactor", 0, 0.01),  # a row and a column for each matrix: thousandths of it
        )
    }
)
"""`in_backward`: a weight is updated as soon as its gradient is there, so one layer's gradients live at a time. Paged
states are counted: they move to the host only under pressure."""


class Loss(NamedTuple):
    """What the loss holds at its own peak, in bytes for each logit, and why."""

    name: str
    bytes_per_logit: float
    because: str


LOSSES: Final[Mapping[str, Loss]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Loss("full", 14, "16-bit logits, their 32-bit upcast, log-probabilities and a 32-bit copy or gradient"),
            Loss("shifted", 12, "logits upcast in the model, a shifted copy, log-probabilities; the 16-bit ones gone"),
            Loss("plain", 8, "never upcast: 16-bit logits, shifted copy, log-probabilities, gradient"),
            Loss("plain_autocast", 16, "autocast runs the loss in 32 bits: copy, log-probabilities, two gradients"),
            Loss("fast", 10, "as full, without log-probabilities: a kernel writes the gradient in place"),
            Loss("fast_shifted", 8, "as shifted, without log-probabilities"),
            Loss("fast_plain", 6, "as plain, without log-probabilities"),
            Loss("fast_plain_autocast", 12, "as plain_autocast, without log-probabilities"),
            Loss("preference", 10, "16-bit logits, shifted copy, log-probabilities row by row, two gradients"),
            Loss("fused", 0.25, "logits are made in chunks and never stored whole (Liger, cut cross-entropy)"),
            Loss("engine", 0.25, "TRL 1.x: tiles of at most 4,096 tokens (trl/kernels/chunked_logprob.py)"),
        )
    }
)
"""Counted tensor by tensor; which library version holds which is in `advisor.columns`."""

REFERENCES: Final = ("", "adapter", "copy", "precomputed")
"""Preference training's reference model: none (not preference training), the base under the adapter, a second copy of
the weights, or log-probabilities computed before."""

ATTENTIONS: Final = ("flash", "sdpa", "eager")
"""Flash reads grouped keys as they are; PyTorch's fused attention gets them repeated for every head and hands on a
copy of its output; eager also writes every score."""

LENGTHS: Final = ("steady", "varied", "unknown", "emptied")
"""Batches have one length; many, the longest of them known; many, of which only the cap is known; or many, with the
allocator's cache emptied every few steps. What tools report spreads accordingly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetup:
    """One training run. `sequence_tokens` is the longest sequence that a batch holds, not the cap, where known.

    `row_tokens`: mean row of a batch whose rows lie end to end without padding; 0 where rows are padded or packed.
    `zero_stage`: 0 every card holds all (DDP), 1 states, 2 also gradients, 3 also weights are sharded (FSDP).
    `kbit_prepared`: norms in 32 bits, so that 4-bit maps hand 32-bit values on (TRL before 1.0 on one card).
    `halves_trained`: only the second half of each adapter is trained (LoRA-FA).
    `stated`: framework, versions and measuring tool are known; what `run` does is.
    `inputs_shared`: no dropout, so maps that read one tensor keep it once, where it has the adapters' width.
    `masked`: a batch holds padding or several pieces, so that attention is given a mask (transformers 5).
    """

    method: Method
    sequence_tokens: int
    micro_batch: int = 1
    row_tokens: int = 0
    gradient_accumulation: int = 1
    checkpointing: bool = True
    weight_format: str = "bf16"
    precision: str = "half"
    autocast: bool = False
    lora_rank: int = 16
    lora_targets: str = "all-linear"
    dora: bool = False
    halves_trained: bool = False
    inputs_kept: bool = True
    inputs_shared: bool = False
    embeddings_trained: bool = False
    adapter_bytes: int = parts.FULL_BYTES
    kbit_prepared: bool = False
    optimizer: str = "adamw"
    loss: str = "full"
    attention: str = "sdpa"
    masked: bool = False
    fused_norms: bool = False
    looped_experts: bool = False
    reference: str = ""
    cards: int = 1
    zero_stage: int = 3
    states_offloaded: bool = False
    weights_offloaded: bool = False
    lengths: str = "steady"
    stated: bool = True

    @property
    def materialised_attention(self) -> bool:
        """Whether attention writes its scores."""
        return self.attention == "eager"

    @property
    def casts_weights(self) -> bool:
        """Whether autocast copies 32-bit weights to 16 bits for each product; sharded runs cast as they gather."""
        return self.method is Method.FULL and self.precision == "full" and self.autocast and self.shards == 1

    @property
    def sharded(self) -> bool:
        """Whether weights are spread over the cards, where there are several."""
        return self.zero_stage >= ZERO_WEIGHTS

    @property
    def shards(self) -> int:
        """Over how many cards the weights are spread (FSDP, ZeRO-3); 1 where each holds all."""
        return self.cards if self.sharded else 1

    @property
    def gradient_shards(self) -> int:
        """Over how many cards the gradients are spread."""
        return self.cards if self.zero_stage >= ZERO_GRADIENTS else 1

    @property
    def state_shards(self) -> int:
        """Over how many cards the optimizer's states are spread."""
        return self.cards if self.zero_stage >= ZERO_STATES else 1

    @property
    def step_tokens(self) -> int:
        """Tokens of one micro-batch on one card, padding included; a preference pair is two sequences."""
        others = min(self.row_tokens, self.sequence_tokens) if self.row_tokens else self.sequence_tokens
        return (self.sequence_tokens + (self.micro_batch - 1) * others) * (2 if self.reference else 1)


ZERO_STATES, ZERO_GRADIENTS, ZERO_WEIGHTS = 1, 2, 3  # the stages of ZeRO (arXiv 1910.02054); FSDP's full shard is 3
