"""Losses of other libraries and versions, by what they hold; the engine's own needs no stand-in, it is run as it is.

`full`     logits upcast to 32 bits, log-probabilities beside them (transformers 4.50 and later)
`held`     the same in a loop that keeps the model's outputs, and so its logits, until the step is over
`shifted`  the same with a contiguous copy of the shifted 32-bit logits first (transformers before 4.50)
`plain`    never upcast: a contiguous copy of the shifted 16-bit logits (GPTBigCode before transformers 4.50)
`fast`     upcast logits, whose gradient a kernel writes in their place, the 16-bit ones kept (fms-acceleration; that
           they are kept is inferred: rows with vocabularies of 49 and 128 thousand hold 1.9 and 2.0 bytes more)
`fast_plain` the same kernel on a contiguous copy of 16-bit logits never upcast (GPTBigCode), but by autocast
`fused`    logits made in chunks, gradients computed on the way (Liger)
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

IGNORED = -100  # torch's cross-entropy ignores this label


def full(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of upcast logits; the labels are shifted, the logits not."""
    out = model(**inputs)
    logits = out.logits.float()
    shifted = functional.pad(labels, (0, 1), value=IGNORED)[..., 1:].contiguous()
    return functional.cross_entropy(logits.view(-1, logits.shape[-1]), shifted.view(-1), ignore_index=IGNORED)


def held(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of upcast logits, the 16-bit ones kept by the loss's own graph."""
    out = model(**inputs)
    logits = Held.apply(out.logits)
    shifted = functional.pad(labels, (0, 1), value=IGNORED)[..., 1:].contiguous()
    return functional.cross_entropy(logits.view(-1, logits.shape[-1]), shifted.view(-1), ignore_index=IGNORED)


class Held(torch.autograd.Function):
    """An upcast whose input stays alive as long as somebody's `outputs` would."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits in 32 bits."""
        ctx.save_for_backward(logits)
        ctx.kept = logits.dtype
        return logits.float()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the gradient in the logits' own width."""
        return gradients[0].to(ctx.kept)


def plain(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of a contiguous copy of 16-bit logits."""
    kept = shifted_beside_outputs(model(**inputs).logits)
    return functional.cross_entropy(kept.view(-1, kept.shape[-1]), labels[..., 1:].contiguous().view(-1))


class Beside(torch.autograd.Function):
    """A tensor as it is, and another that stays alive until its backward pass."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Return the first."""
        ctx.save_for_backward(other)
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return its gradient."""
        return gradients[0], None


def shifted_beside_outputs(logits: torch.Tensor) -> torch.Tensor:
    """Return a contiguous copy of the shifted logits; the model's outputs, 32-bit under autocast, stay beside it."""
    outputs = logits.detach().float() if torch.is_autocast_enabled("cpu") else logits.detach()
    return Beside.apply(logits, outputs)[..., :-1, :].contiguous()


def shifted(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of a contiguous copy of the upcast logits."""
    out = model(**inputs)
    logits = out.logits.float()
    kept = logits[..., :-1, :].contiguous()
    return functional.cross_entropy(kept.view(-1, kept.shape[-1]), labels[..., 1:].contiguous().view(-1))


class InPlaceCrossEntropy(torch.autograd.Function):
    """A kernel that keeps the logits and turns them into their own gradient."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return a loss a row."""
        losses = torch.empty(labels.shape, dtype=torch.float32)
        ctx.save_for_backward(logits, torch.empty(labels.shape, dtype=torch.float32), labels)
        return losses

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the logits, which now hold the gradient."""
        del gradients
        return ctx.saved_tensors[0], None


def fast(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy by a kernel that works in place on upcast logits."""
    out = model(**inputs)
    logits = Held.apply(out.logits)
    return InPlaceCrossEntropy.apply(logits.view(-1, logits.shape[-1]), labels.view(-1)).mean()


def fast_plain(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy by a kernel that works in place on a contiguous copy of 16-bit logits."""
    kept = shifted_beside_outputs(model(**inputs).logits)
    if torch.is_autocast_enabled("cpu"):
        kept = Held.apply(kept)
    return InPlaceCrossEntropy.apply(kept.view(-1, kept.shape[-1]), labels[..., 1:].contiguous().view(-1)).mean()


def chunk_rows(rows: int, vocab: int, hidden: int) -> int:
    """Return the rows of one of Liger's chunks: rows over vocab / hidden, up to the next power of two."""
    wanted = -(-rows // -(-vocab // hidden))
    return 1 << (wanted - 1).bit_length()


class FusedLinearCrossEntropy(torch.autograd.Function):
    """Head and loss together, chunk by chunk; the gradient of the hidden states is made in the forward pass."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the loss; rows by width, vocabulary by width."""
        rows, step = hidden.shape[0], chunk_rows(hidden.shape[0], weight.shape[0], weight.shape[1])
        gradient = torch.zeros_like(hidden)
        weight_gradient = torch.zeros_like(weight) if weight.requires_grad else None
        losses = torch.zeros((rows,), dtype=torch.float32)
        for start in range(0, rows, step):
            logits = hidden[start : start + step] @ weight.t()
            gradient[start : start + step] = logits @ weight
            if weight_gradient is not None:
                weight_gradient += logits.t() @ hidden[start : start + step]
            del logits
        ctx.save_for_backward(gradient, weight_gradient)
        return losses.sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return what the forward pass has made."""
        del gradients
        return tuple(ctx.saved_tensors)


def fused(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """Head and loss by Liger's fused kernel."""
    del labels
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = getattr(whole, whole.base_model_prefix)(**inputs).last_hidden_state
    return FusedLinearCrossEntropy.apply(hidden.reshape(-1, hidden.shape[-1]), whole.get_output_embeddings().weight)


LOSSES: dict[str, Callable[[Any, Mapping[str, Any], torch.Tensor], torch.Tensor]] = {
    "full": full,
    "held": held,
    "plain": plain,
    "shifted": shifted,
    "fast": fast,
    "fast_plain": fast_plain,
    "fused": fused,
}
