"""A model of any size without its weights: fake tensors in the places, shapes and dtypes that loading would fill.

Rule 1  The modules are the real ones, made by transformers from a config.json; 4-bit maps are bitsandbytes' Linear4bit,
        chosen by the same function that loading uses. Only the numbers are missing.
Rule 2  What CUDA does otherwise than the CPU is said here: fused attention and fused dropout.
"""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from bitsandbytes.functional import QuantState
from bitsandbytes.nn.modules import Linear4bit
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig
from transformers.integrations.bitsandbytes import replace_with_bnb_linear
from transformers.quantizers.auto import AutoHfQuantizer

NF4_BLOCK = 64  # weights that share a scale (QLoRA, arXiv 2305.14314)
NF4_CODES = 16  # four bits
SCALE_BLOCK = 256  # scales that share a scale, where they are quantised again
SCALE_CODES = 256  # eight bits
QUERY_ROUND = 128  # flash attention's backward rounds rows up to this (pytorch flash_api.cpp)
HEAD_ROUND = 32  # and heads up to this
FLASH_HEAD_LIMIT = 256  # wider heads than this go to the memory-efficient kernel


def quantisation(dtype: torch.dtype, double: bool) -> BitsAndBytesConfig:
    """Return how a QLoRA base is stored."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=dtype,
    )


def bare_model(
    config: Mapping[str, Any], dtype: torch.dtype, attention: str, nf4: BitsAndBytesConfig | None
) -> tuple[Any, int]:
    """Return the model on the meta device, its maps replaced where it is quantised, and its parameters as published.

    Raises ValueError where transformers does not know the family.
    """
    sizes = {name: value for name, value in config.items() if name not in {"model_type", "quantization_config"}}
    asked = AutoConfig.for_model(config["model_type"], **sizes)
    asked.dtype = dtype
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(asked, dtype=dtype, attn_implementation=attention)
    model.tie_weights()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if nf4 is not None:
        quantizer: Any = AutoHfQuantizer.from_config(nf4)
        kept = quantizer.get_modules_to_not_convert(model)
        model = replace_with_bnb_linear(model, modules_to_not_convert=kept, quantization_config=nf4)
        model.is_loaded_in_4bit = model.is_quantized = True
        model.hf_quantizer, model.quantization_method = quantizer, nf4.quant_method
    return model, parameters


def fill(model: nn.Module) -> None:
    """Put a fake tensor in every place of a model on the meta device; shared places stay shared."""
    made: dict[int, Any] = {}
    for module in model.modules():
        if isinstance(module, Linear4bit):
            _fill_4bit(module)
        for name, parameter in list(module._parameters.items()):
            if parameter is not None and parameter.is_meta:
                fresh = made.get(id(parameter))
                if fresh is None:
                    fresh = nn.Parameter(empty_like(parameter), requires_grad=parameter.requires_grad)
                    made[id(parameter)] = fresh
                module._parameters[name] = fresh
        for name, buffer in list(module._buffers.items()):
            if buffer is not None and buffer.is_meta:
                module._buffers[name] = empty_like(buffer)


def empty_like(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of that shape and dtype, on the CPU as far as anybody can tell."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")


def _fill_4bit(module: Any) -> None:
    """Give a Linear4bit its codes and scales. A Params4bit cannot hold a fake tensor; a plain parameter can."""
    weight = module.weight
    count = module.out_features * module.in_features
    codes = nn.Parameter(torch.empty((-(-count // 2), 1), dtype=torch.uint8), requires_grad=False)
    state = _quant_state((module.out_features, module.in_features), module.compute_dtype, weight.compress_statistics)
    marks = {
        "quant_state": state,
        "compress_statistics": weight.compress_statistics,
        "quant_type": weight.quant_type,
        "quant_storage": weight.quant_storage,
        "blocksize": NF4_BLOCK,
        "bnb_quantized": True,
    }
    for name, value in marks.items():
        setattr(codes, name, value)
    module._parameters["weight"] = codes
    module.quant_state = state
    module.support_avx512bf16_for_cpu = False


def _quant_state(shape: tuple[int, int], dtype: torch.dtype, double: bool) -> QuantState:
    blocks = -(-shape[0] * shape[1] // NF4_BLOCK)
    nested = None
    if double:
        outer = torch.empty((-(-blocks // SCALE_BLOCK),), dtype=torch.float32)
        code = torch.empty((SCALE_CODES,), dtype=torch.float32)
        nested = QuantState(absmax=outer, blocksize=SCALE_BLOCK, code=code, dtype=torch.float32)
    return QuantState(
        absmax=torch.empty((blocks,), dtype=torch.uint8 if double else torch.float32),
        shape=torch.Size(shape),
        code=torch.empty((NF4_CODES,), dtype=torch.float32),
        blocksize=NF4_BLOCK,
        quant_type="nf4",
        dtype=dtype,
        offset=torch.empty((), dtype=torch.float32) if double else None,
        state2=nested,
    )


def rounded(count: int, step: int) -> int:
    """Return the count rounded up to a whole step."""
    return -(-count // step) * step


class FusedAttention(torch.autograd.Function):
    """Memory of PyTorch's fused attention on a card: no scores; what is kept is q, k, v, the output and a row's sum."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return the output, laid out as the kernel does: batch, token, head, width."""
        batch, heads, rows, _ = q.shape
        out = q.new_empty((batch, rows, heads, v.shape[-1])).transpose(1, 2)
        sums = q.new_empty((batch, heads, rows), dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, sums, mask)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the gradients; in between there is a 32-bit sum for q's, and k's and v's for every query head."""
        q, k, v, *_ = ctx.saved_tensors
        batch, heads, rows, width = q.shape
        sums = q.new_empty((batch, heads, rounded(rows, QUERY_ROUND)), dtype=torch.float32)
        shape = (batch, heads, rounded(rows, QUERY_ROUND), rounded(width, HEAD_ROUND))
        total = q.new_empty(shape, dtype=torch.float32)
        dq = q.new_empty(q.transpose(1, 2).shape).transpose(1, 2)
        dk, dv = (one.new_empty((batch, one.shape[2], heads, one.shape[3])).transpose(1, 2) for one in (k, v))
        del sums, total, gradients
        if k.shape[1] != heads:
            dk, dv = (_summed(one, k.shape[1]) for one in (dk, dv))
        return dq, dk, dv, None


def _summed(gradient: torch.Tensor, kv_heads: int) -> torch.Tensor:
    """Add up the gradients of the query heads that share a key head."""
    batch, heads, rows, width = gradient.shape
    parts = gradient.transpose(1, 2).view(batch, rows, kv_heads, heads // kv_heads, width)
    return parts.sum(dim=3).transpose(1, 2)


def fused_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, *_: Any, **__: Any) -> torch.Tensor:
    """Stand in for torch's scaled_dot_product_attention: narrow under autocast; a mask of yes or no becomes numbers."""
    if torch.is_autocast_enabled("cpu"):
        query, key, value = (one.to(torch.get_autocast_dtype("cpu")) for one in (query, key, value))
    if attn_mask is not None and attn_mask.dtype is torch.bool:
        attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill_(attn_mask, 0.0)
    return FusedAttention.apply(query, key, value, attn_mask)


def fused_dropout(x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """Stand in for dropout as a card does it: the mask is one byte a number."""
    del inplace
    return torch.native_dropout(x, p, True)[0] if training and p > 0 else x


def wide_layer_norm(x: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
    """Stand in for layer_norm, which autocast runs in 32 bits on a card and leaves alone on the CPU."""
    if not torch.is_autocast_enabled("cpu"):
        return torch.layer_norm(x, *_flat(*rest, **named))
    with torch.autocast("cpu", enabled=False):
        shape, weight, bias, eps = _flat(*rest, **named)
        weight, bias = (None if one is None else one.float() for one in (weight, bias))
        return torch.layer_norm(x.float(), shape, weight, bias, eps)


def _flat(shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> tuple[Any, Any, Any, float]:
    return shape, weight, bias, eps


def converted(self: Any, fn: Any, recurse: bool = True) -> Any:
    """Stand in for Module._apply, which swaps fake tensors whole and fails; real ones get new data, as here."""
    for child in self.children() if recurse else ():
        child._apply(fn)
    with torch.no_grad():
        for parameter in self._parameters.values():
            if parameter is not None and (fresh := fn(parameter)) is not parameter:
                parameter.data = fresh
        for name, buffer in self._buffers.items():
            self._buffers[name] = None if buffer is None else fn(buffer)
    return self


@contextmanager
def as_on_a_card() -> Generator[None]:
    """Let torch's fused operations and TRL's kernels hold what they hold on a card while this is open."""
    import transformers.masking_utils as masks
    import trl.kernels.chunked_logprob as tiles
    import trl.trainer.utils as trl_utils

    changes: list[tuple[Any, str, Any]] = [
        (nn.Module, "_apply", converted),
        (nn.functional, "scaled_dot_product_attention", fused_attention),
        (nn.functional, "dropout", fused_dropout),
        (nn.functional, "layer_norm", wide_layer_norm),
        (tiles, "_forward_tile", nothing),
        (tiles, "_backward_tile", nothing),
        (tiles, "_addmm_fp32", nothing),
        (trl_utils, "_use_triton", lambda device: True),
        (masks, "is_tracing", lambda *_: False),  # a fake tensor would be given a mask that a full batch does without
    ]
    with ExitStack() as stack:
        for place, name, stand_in in changes:
            stack.enter_context(patch.object(place, name, stand_in))
        yield


def nothing(*_: Any, **__: Any) -> None:
    """Stand in for a kernel that works in place."""
