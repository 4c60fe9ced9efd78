"""Folders to models and tokenizers: never remote code, never pickle, never a download, dtype always said."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GenerationConfig
from transformers.utils import logging as transformers_logging

from runner.engine import ModelRef

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


@contextmanager
def known_noise() -> Generator[None]:
    """Silence the library warnings that are known and answered here; any other stays visible."""
    with warnings.catch_warnings():
        # asked for with warn_only: an operation without a deterministic form is still the best there is
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*")
        # paged optimizers have nothing to page on a CPU; the watcher is told once, in words
        warnings.filterwarnings("ignore", message=".*[Pp]aged optimizers.*")
        # peft still asks transformers by the old name
        warnings.filterwarnings(
            "ignore", message=r"`\w*gradient_checkpointing\w*` is deprecated", category=FutureWarning
        )
        yield


def device() -> str:
    """Return the device everything runs on: the first card, else the CPU."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def device_name() -> str:
    """Return the card's or the processor's own name."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "CPU"


def load_tokenizer(directory: Path) -> Any:
    """Return the tokenizer of a model folder; padding uses the eos where the model names no pad token."""
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def quantisation_config(ref: ModelRef) -> BitsAndBytesConfig | None:
    """Return the NF4 configuration of a quantised reference, None for a plain one."""
    if ref.quantisation is None:
        return None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=ref.quantisation,
        bnb_4bit_use_double_quant=ref.double_quantisation,
        bnb_4bit_compute_dtype=DTYPES[ref.compute_dtype],
    )


def load_base(ref: ModelRef, dtype: torch.dtype | None = None) -> Any:
    """Return the base model without its adapter, in `dtype` or the reference's compute dtype, greedy by default."""
    model = AutoModelForCausalLM.from_pretrained(
        ref.directory,
        dtype=dtype or DTYPES[ref.compute_dtype],
        quantization_config=quantisation_config(ref),
        device_map={"": device()},
        attn_implementation="sdpa",
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    model.generation_config = GenerationConfig(do_sample=False)
    keep_gradients(model)
    return model


def keep_gradients(model: torch.nn.Module) -> int:
    """Forbid bitsandbytes to repack weights at evaluation, which cuts them from autograd (RUNNER.md 14); count them."""
    repacking = [module for module in model.modules() if hasattr(module, "support_avx512bf16_for_cpu")]
    for module in repacking:
        vars(module)["support_avx512bf16_for_cpu"] = False
    return len(repacking)


def load_model(ref: ModelRef, *, trainable: bool = False) -> Any:
    """Return the model with its adapter if it has one."""
    base = load_base(ref)
    if ref.adapter is None:
        return base
    model = PeftModel.from_pretrained(base, ref.adapter, is_trainable=trainable, local_files_only=True)
    for config in model.peft_config.values():  # a name that is no folder here makes peft ask the hub when it saves
        config.base_model_name_or_path = str(ref.directory)
    keep_gradients(model)
    return model


def versions() -> dict[str, str]:
    """Return the versions of every package that shapes the numbers."""
    from importlib.metadata import version

    names = ("trl", "peft", "bitsandbytes", "accelerate", "tokenizers", "safetensors")
    return {"torch": torch.__version__, "transformers": transformers.__version__} | {n: version(n) for n in names}
