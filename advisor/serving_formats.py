"""Weight formats and engines of serving, as data: bytes a weight, the rate that computes, what an engine allows."""

import re
from typing import Final, NamedTuple

from advisor import memory_parts as parts
from advisor.catalog import Card
from pricing.units import GIB


class Format(NamedTuple):
    """Bytes a weight, and the bits of the rate that computes with it; `whole_file`: head and embeddings are too."""

    bytes_per_parameter: float
    bits: int
    whole_file: bool = False


_FP4: Final = 0.5 + 1 / 16  # 4-bit floats and one 8-bit scale for 16 (NVFP4)
_MXFP4: Final = 0.5 + 1 / 32  # and one for 32
_Q4: Final = 4.85 / 8  # llama.cpp Q4_K_M, bits a weight by its own table
_HALF: Final = Format(parts.HALF_BYTES, 16)  # 16 bits each, by definition
_INT4: Final = Format(parts.INT4_GROUP_BYTES_PER_PARAMETER, 16)  # unpacked and multiplied in 16 bits

FORMATS: Final = {
    "fp16": _HALF, "bf16": _HALF, "fp8": Format(parts.FP8_BYTES_PER_PARAMETER, 8),
    "w8a8-int8": Format(parts.INT8_BYTES_PER_PARAMETER, 8), "eetq-int8": Format(parts.INT8_BYTES_PER_PARAMETER, 16),
    "int8": Format(parts.INT8_BYTES_PER_PARAMETER, 16), "fp4": Format(_FP4, 4), "nvfp4": Format(_FP4, 4),
    "mxfp4": Format(_MXFP4, 4), "int4": _INT4, "awq-int4": _INT4, "awq": _INT4, "gptq-int4": _INT4, "gptq": _INT4,
    "w4a16-int4": _INT4, "nf4": Format(parts.NF4_DOUBLE_BYTES_PER_PARAMETER, 16), "q4": Format(_Q4, 16, True),
    "q4_k_m": Format(_Q4, 16, True),
}  # fmt: skip
"""How weights are stored for serving."""

NOT_STATED: Final = frozenset({"", "?", "none"})
"""Words for a format that was not stated: the model's own."""


def format_name(word: str, native: str) -> str:
    """Return the format a word means for a model published as `native`: wider words cannot widen published weights."""
    low = word.strip().lower()
    if low in NOT_STATED or (FORMATS.get(low) is _HALF and native != "bf16"):
        return native
    return "mxfp4" if low == "fp4" and native == "mxfp4" else low


class Engine(NamedTuple):
    """What an engine is: compiled or scheduled in Python; its batch limit; whether low formats get an 8-bit cache."""

    compiled: bool
    max_sequences: int
    eight_bit_cache: bool = False
    whole_file: bool = False


ENGINES: Final = {
    "vllm": Engine(False, 1024),  # default of 2025 on cards of 70 GB and more, see `batch_limit`
    "sglang": Engine(False, 2048),
    "tgi": Engine(False, 256),
    "transformers": Engine(False, 256),
    "autoawq": Engine(False, 256),
    "deepspeed": Engine(False, 256),
    "tensorrt-llm": Engine(True, 2048, eight_bit_cache=True),
    "llama.cpp": Engine(True, 256),
    "lmdeploy-turbomind": Engine(True, 256),
    "mlc-llm": Engine(True, 256, whole_file=True),
    "exllamav2": Engine(True, 256, whole_file=True),
}
"""Engines whose rows were fitted; batch limits are their documented defaults, 256 where none is known."""

SMALL_BATCH: Final = 256  # vLLM's default before 2025, and since on cards below 70 GB
SMALL_CARD_GIB: Final = 70
NEWEST_YEAR: Final = 2026.0
"""Overheads of newer versions than this are taken as of this date: nothing is extrapolated."""
FIRST_V1_YEAR: Final = 2025.0  # vLLM's rewritten engine (V1) came out in January 2025

_RELEASES: Final = {
    "vllm": {"0.2": 2023.8, "0.3": 2024.1, "0.4": 2024.3, "0.5": 2024.5, "0.6": 2024.7, "0.7": 2025.1, "0.8": 2025.2,
             "0.9": 2025.4, "0.10": 2025.6, "0.11": 2025.8},
    "tensorrt-llm": {"0.5": 2023.8, "0.6": 2023.9, "0.7": 2024.0, "0.8": 2024.2, "0.9": 2024.3, "0.10": 2024.4,
                     "0.11": 2024.5, "0.12": 2024.7, "0.16": 2025.0, "0.20": 2025.5, "1.0": 2025.7, "1.1": 2025.8},
    "sglang": {"0.1": 2024.2, "0.2": 2024.6, "0.3": 2024.7, "0.4": 2025.0, "0.5": 2025.7},
    "tgi": {"0.9": 2023.6, "1.0": 2023.7, "1.1": 2023.8, "1.4": 2024.1, "2.0": 2024.3, "3.0": 2024.9},
    "lmdeploy-turbomind": {"0.2": 2024.0, "0.4": 2024.4, "0.6": 2024.7},
}  # fmt: skip
"""When a minor version came out, years; from the projects' release pages (general knowledge, to a month or two)."""

_ALIASES: Final = {"trtllm": "tensorrt-llm", "tensorrt_llm": "tensorrt-llm", "llamacpp": "llama.cpp",
                   "lmdeploy": "lmdeploy-turbomind",
                   "text-generation-inference": "tgi", "hf": "transformers"}  # fmt: skip


def engine_name(word: str) -> str:
    """Return an engine's name as the table has it; blank is vLLM."""
    low = word.strip().lower()
    return _ALIASES.get(low, low) or "vllm"


def release_year(engine: str, version: str) -> float:
    """Return when a version came out, in years: from `2024-05` or its number; NEWEST_YEAR where it is not known."""
    dated = re.match(r"(20\d\d)(?:-(\d\d))?$", version)
    if dated:
        return min(NEWEST_YEAR, int(dated[1]) + ((int(dated[2]) - 0.5) / 12 if dated[2] else 0.5))
    spoken = engine.replace("-", "").replace("turbomind", "")
    among = re.search(rf"'{spoken}': '([^']*)'", version.lower().replace("-", ""))
    number = re.match(r"v?(\d+\.\d+)", among[1] if among else version)
    return _RELEASES.get(engine, {}).get(number[1], NEWEST_YEAR) if number else NEWEST_YEAR


def batch_limit(engine: str, year: float, card: Card) -> int:
    """Return the most sequences an engine runs at a time by default on a card."""
    if engine == "vllm" and (year < FIRST_V1_YEAR or card.memory_bytes < SMALL_CARD_GIB * GIB):
        return SMALL_BATCH
    return ENGINES[engine].max_sequences
