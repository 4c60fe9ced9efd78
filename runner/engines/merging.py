"""Merging on the dequantised base: the very weights the adapter was trained against (RUNNER.md 9 and 15).

merged = dequantised(W) + alpha / r * B A, in float32, then rounded once to the dtype the model is saved in. The other
ways are there to be compared with it: without the rounding, or into the base as it lies on disk.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Params4bit
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM

from runner.engine import MergeResult, MergeWay, Message, ModelRef
from runner.engines.checkpoints import publish, weights_sha256
from runner.engines.loading import DTYPES, device, load_base, load_model, load_tokenizer
from runner.engines.template import end_of_turn_ids, token_ids

ADAPTER = "default"
NO_THINKING = "{%- set enable_thinking = false -%}\n"
WRAPPING = ("base_model.model.", ".base_layer")
"""What peft adds before and inside a parameter's name."""


def merge(
    ref: ModelRef, samples: Sequence[Sequence[Message]], output: Path, way: MergeWay = "dequantised"
) -> MergeResult:
    """Write the merged model to `output` at once, reload it, and compare it with base + adapter on `samples`.

    Raises ValueError without an adapter or samples.
    """
    if ref.adapter is None or not samples:
        message = f"merging wants an adapter and samples to compare on, found {ref.adapter} and {len(samples)} samples"
        raise ValueError(message)
    tuned = load_model(ref).eval()
    tokenizer = load_tokenizer(ref.directory)
    temporary = output.with_name(f".{output.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    source = load_model(replace(ref, quantisation=None)).eval() if way == "reloaded" else tuned
    dtype = "float32" if way == "dequantised_float32" else ref.compute_dtype
    save_merged(source, dtype, tokenizer, temporary)
    del source
    merged = load_base(ModelRef(temporary, None, False, dtype)).eval()
    conversations = [token_ids(tokenizer, turns) for turns in samples]
    mean_kl_nats, agreement_share = compare(tuned, merged, conversations)
    publish(temporary, output)
    return MergeResult(output, weights_sha256(output), mean_kl_nats, agreement_share)


def save_merged(tuned: Any, dtype_name: str, tokenizer: Any, directory: Path) -> None:
    """Save base plus adapter as a plain model, with tokenizer, chat template, and the ends that a server stops at."""
    dtype = DTYPES[dtype_name]
    config = tuned.get_base_model().config.to_dict()
    for name in ("quantization_config", "_name_or_path"):
        config.pop(name, None)
    plain_config = type(tuned.get_base_model().config).from_dict(config)
    plain = AutoModelForCausalLM.from_config(plain_config, dtype=dtype, trust_remote_code=False)
    result = plain.load_state_dict({name: value.to(dtype) for name, value in merged_state(tuned).items()}, strict=False)
    tied = set(getattr(plain, "_tied_weights_keys", None) or ())
    missing = [name for name in result.missing_keys if name not in tied]
    if missing or result.unexpected_keys:
        message = f"the merged weights do not fit the model: missing {missing}, unexpected {result.unexpected_keys}"
        raise ValueError(message)
    plain.generation_config.eos_token_id = sorted(end_of_turn_ids(tokenizer))
    plain.generation_config.pad_token_id = tokenizer.pad_token_id
    plain.save_pretrained(directory)
    tokenizer.chat_template = quiet_template(tokenizer.chat_template)
    tokenizer.save_pretrained(directory)


def quiet_template(template: str | None) -> str | None:
    """Return a template that asks for no thinking aloud by itself: servers do not know the switch training used."""
    return NO_THINKING + template if template and "enable_thinking" in template else template


def merged_state(tuned: Any) -> dict[str, torch.Tensor]:
    """Return every weight of the plain model by its own name, dequantised, adapters added, on the CPU."""
    state: dict[str, torch.Tensor] = {}
    for name, module in tuned.named_modules():
        if isinstance(module, LoraLayer):
            state[_plain_name(f"{name}.weight")] = merged_weight(module).cpu()
    for name, module in tuned.named_modules():
        for own, tensor in module.named_parameters(recurse=False):
            plain = _plain_name(f"{name}.{own}")
            if "lora_" not in plain and plain not in state:
                state[plain] = (base_weight(module) if own == "weight" else tensor).detach().float().cpu()
    return state


def _plain_name(name: str) -> str:
    for part in WRAPPING:
        name = name.replace(part, "")
    return name


def base_weight(module: Any) -> torch.Tensor:
    """Return a layer's weight in float32, dequantised if it is stored in 4 bits."""
    layer = module.get_base_layer() if isinstance(module, LoraLayer) else module
    weight = layer.weight
    stored: Any = dequantize_4bit(weight.data, weight.quant_state) if isinstance(weight, Params4bit) else weight
    return stored.detach().to(torch.float32)


def merged_weight(module: Any) -> torch.Tensor:
    """Return W + alpha / r * B A in float32; of DoRA each output's weights scaled to their trained magnitude."""
    weight = base_weight(module) + adapter_delta(module)
    if ADAPTER not in module.lora_magnitude_vector:
        return weight
    magnitude = module.lora_magnitude_vector[ADAPTER].weight.detach().float()
    return weight * (magnitude / weight.norm(dim=1))[:, None]


def adapter_delta(module: Any) -> torch.Tensor:
    """Return alpha / r * B A in float32."""
    up, down = module.lora_B[ADAPTER].weight, module.lora_A[ADAPTER].weight
    return (up.detach().float() @ down.detach().float()) * module.scaling[ADAPTER]


def compare(tuned: Any, merged: Any, conversations: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Return mean KL(tuned || merged) in nats per token, and the share of tokens whose most likely next is the same."""
    kl_sum, same, tokens = 0.0, 0, 0
    for ids in conversations:
        batch = torch.tensor([list(ids)], device=device())
        with torch.inference_mode():
            wanted = torch.log_softmax(tuned(input_ids=batch).logits[0].float(), dim=-1)
            got = torch.log_softmax(merged(input_ids=batch).logits[0].float(), dim=-1)
        kl_sum += float((wanted.exp() * (wanted - got)).sum())
        same += int((wanted.argmax(-1) == got.argmax(-1)).sum())
        tokens += len(ids)
    return kl_sum / tokens, same / tokens
