"""The supervised loss over supervised positions only, through the public parts of a model.

TRL 1.16 scores every position of a batch wherever Triton is absent, so on a processor most of the head's work is
thrown away: a fifth to a third of a step of the default run. The value is the same sum of -log p over the same tokens;
only what is multiplied by zero is left out.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from runner.engines.data import IGNORED

UNLIKE_LOGITS = ("final_logit_softcapping", "logit_scale", "logits_scaling", "output_router_logits")
"""What makes a loss more than the cross-entropy of the head's output (Gemma 2, Cohere, Granite, experts)."""


def has_plain_head(model: Any) -> bool:
    """Return whether logits are the output embedding of the decoder's last hidden state, and nothing is added."""
    config = model.config.get_text_config()
    return not any(getattr(config, name, None) for name in UNLIKE_LOGITS)


def supervised_loss(model: Any, inputs: Mapping[str, Any], items: torch.Tensor | int | None) -> torch.Tensor:
    """Return the sum of -log p over supervised tokens in nats, divided by `items` (the step's tokens; None: these).

    `model` is unwrapped (peft or plain); inputs hold input_ids and labels of (rows, tokens), and mask or positions.
    """
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    rest = {name: value for name, value in inputs.items() if name != "labels"}
    hidden = bare.get_decoder()(**rest, use_cache=False).last_hidden_state[:, :-1]
    wanted = inputs["labels"][:, 1:]
    learned = wanted != IGNORED
    logits = bare.get_output_embeddings()(hidden[learned])
    summed = cross_entropy(logits.float(), wanted[learned], reduction="sum")
    count = learned.sum() if items is None else torch.as_tensor(items)
    return summed / count.clamp(min=1)
