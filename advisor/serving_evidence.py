"""Measured rows that are nearest to a question, shown beside the estimate so that a reader can judge it."""

from functools import cache
from math import log
from typing import Final, NamedTuple

from advisor.catalog import Card, UnknownCardError, UnknownModelError, find_card
from advisor.data_files import rows
from advisor.replica import Layout
from advisor.serving_formats import FORMATS, format_name
from advisor.serving_shapes import Served, find_served

CITED: Final = {
    "aibrix-2026": "aibrix.github.io batch cost study, 2026-06",
    "aiconfigurator-silicon-sample": "InferenceX and NVIDIA runs, aiconfigurator-core 0.12.0 silicon_sample.csv",
    "argonne-llm-inference-bench": "argonne-lcf/LLM-Inference-Bench, 2024",
    "gpustack-perf-lab": "gpustack/gpustack docs/performance-lab, 2025-26",
    "johnmusgrave-a100": "johnmusgrave.com vLLM sweep on an A100",
    "lmdeploy-docs-0.2.0": "InternLM/lmdeploy docs, a100_fp16, 0.2.0",
    "mlc-llm-perf-bench-2023": "mlc-ai/llm-perf-bench, 2023-11",
    "ninehills-2023": "ninehills/llm-inference-benchmark, 2023-12",
    "premai-2024": "premAI-io/benchmarks, 2024-04",
    "reddit-2x3090-qwen3": "r/LocalLLaMA, two 3090s, 2025-05",
    "trtllm-docs-0.12.0": "NVIDIA/TensorRT-LLM perf-overview, 0.12.0",
    "trtllm-docs-0.6.1": "NVIDIA/TensorRT-LLM performance.md, 0.6.1",
    "xiongjiedai-llamacpp-2024": "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 2024-05",
}
"""Source key of serving_evidence.csv to what a reader can look up."""

FAR_MODEL, FAR_ENGINE, FAR_CARD = 0.7, 0.4, 0.5
"""Distance, in the same unit as the log of a ratio, of another model, engine or card of equal size; assumed."""


class Evidence(NamedTuple):
    """One measured row and how far it lies from the question (0: the same; 0.7: a factor 2 in one respect)."""

    distance: float
    source: str
    model: str
    quant: str
    gpu: str
    cards: int
    engine: str
    input_tokens: float
    output_tokens: float
    concurrency: float
    output_tokens_per_second: float
    tpot_ms: float | None


class _Row(NamedTuple):
    evidence: Evidence
    served: Served
    card: Card


@cache
def _rows() -> list[_Row]:
    found: list[_Row] = []
    for row in rows("serving_evidence.csv"):
        try:
            served, card = find_served(row["model"]), find_card(row["gpu"])
        except (UnknownModelError, UnknownCardError):
            continue
        isl, osl, width, speed = (float(row[name]) for name in ("isl", "osl", "concurrency", "output_tokens_per_s"))
        quant = format_name(row["quant"], served.native)
        evidence = Evidence(
            0.0, CITED[row["source"]], row["model"], quant, row["gpu"], int(row["cards"]), row["engine"],
            isl, osl, width, speed,
            float(row["tpot_ms"]) if row["tpot_ms"] else None,
        )  # fmt: skip
        found.append(_Row(evidence, served, card))
    return found


def _ratio(one: float, other: float) -> float:
    return abs(log((one + 1) / (other + 1)))


def nearest(
    served: Served, card: Card, layout: Layout, lengths: tuple[float, float], concurrency: float, most: int = 3
) -> list[Evidence]:
    """Return the measured rows nearest to a question, at most one of each source and model, nearest first."""
    form = FORMATS[format_name(layout.quant, served.native)]
    found: list[Evidence] = []
    for row, model, other in _rows():
        steps = (
            (model.name != served.name) * FAR_MODEL + _ratio(model.active_parameters, served.active_parameters),
            _ratio(FORMATS[row.quant].bytes_per_parameter, form.bytes_per_parameter),
            (other.name != card.name) * FAR_CARD
            + _ratio(other.bandwidth_bytes_per_second, card.bandwidth_bytes_per_second),
            _ratio(row.cards, layout.cards * layout.stages),
            (row.engine != layout.engine) * FAR_ENGINE,
            _ratio(row.concurrency, concurrency),
            _ratio(row.input_tokens, lengths[0]) / 2,  # lengths act through the cache and prefill: by half
            _ratio(row.output_tokens, lengths[1]) / 2,
        )
        found.append(row._replace(distance=sum(step * step for step in steps) ** 0.5))
    return _one_of_each(sorted(found, key=lambda row: row.distance), most)


def _one_of_each(ordered: list[Evidence], most: int) -> list[Evidence]:
    seen: dict[tuple[str, str, str], Evidence] = {}
    for row in ordered:
        seen.setdefault((row.source, row.model, row.gpu), row)
        if len(seen) == most:
            break
    return list(seen.values())
