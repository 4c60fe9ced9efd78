"""A user's own benchmark of a replica, read from what vLLM `bench serve`, GuideLLM or AIPerf wrote.

One run is one point: so many requests at a time, so long, so fast. Against the formula at the same point it gives a
ratio of times, which then stands in for everything that was fitted about engine, card and era.
Where a tool was driven by a rate and not by a number of clients, requests at a time follow from Little's law.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from typing import Any, Final, NamedTuple

from advisor import serving
from advisor.catalog import Card
from advisor.replica import Layout, fitted, replica_of
from advisor.serving_shapes import Served
from pricing.units import MILLISECONDS_PER_SECOND

Document = Mapping[str, Any]


class MeasuredFault(ValueError):
    """A benchmark file that cannot be used; the message names each field that is missing."""


class Run(NamedTuple):
    """One measured point; `requests` is how many were answered."""

    tool: str
    model: str
    concurrency: float
    requests: float
    input_tokens: float
    output_tokens: float
    output_tokens_per_second: float


class _Fields:
    """Looks numbers up by path and collects what is missing."""

    def __init__(self, document: Document, place: str) -> None:
        self.document, self.place, self.missing = document, place, list[str]()

    def find(self, path: str) -> float | None:
        """Return a number by its dotted path, or None."""
        value = _inside(self.document, *path.split("."))
        known = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
        return float(value) if known else None

    def number(self, *paths: str) -> float:
        """Return the first of these that is a number above 0; else note that all are missing."""
        found = next((value for path in paths if (value := self.find(path)) is not None), None)
        if found is None:
            self.missing.append(" or ".join(paths))
        return found or 1.0

    def done(self) -> None:
        """Raise MeasuredFault if anything was missing."""
        if self.missing:
            wanted = "; ".join(self.missing)
            raise MeasuredFault(f"{self.place}: wanted {wanted} as a number above 0; run the benchmark to its end")


def _vllm(document: Document) -> list[Run]:
    fields = _Fields(document, "vLLM bench serve result")
    requests = fields.number("completed")
    prompts, answers = fields.number("total_input_tokens"), fields.number("total_output_tokens")
    speed = fields.number("output_throughput")
    width = fields.find("max_concurrency")
    if width is None:
        rate, first, between = (fields.number(n) for n in ("request_throughput", "mean_ttft_ms", "mean_tpot_ms"))
        held = first + between * (answers / requests - 1)
        width = rate * held / MILLISECONDS_PER_SECOND
    fields.done()
    return [_run("vLLM bench serve", str(document.get("model_id", "")), width, requests,
                 (prompts / requests, answers / requests), speed)]  # fmt: skip


def _guidellm(document: Document) -> list[Run]:
    return [_guidellm_run(part, i, document) for i, part in enumerate(document["benchmarks"])]


def _guidellm_run(part: Document, i: int, document: Document) -> Run:
    fields = _Fields(part, f"GuideLLM benchmarks[{i}]")
    mean = "metrics.{}.successful.mean".format
    width = fields.number(mean("request_concurrency"), "config.strategy.max_concurrency", "config.strategy.streams")
    requests = fields.number("metrics.request_totals.successful", "request_totals.successful")
    lengths = fields.number(mean("prompt_token_count")), fields.number(mean("output_token_count"))
    speed = fields.number(mean("output_tokens_per_second"))
    fields.done()
    model = str(_inside(document, "args", "model") or _inside(part, "config", "backend", "model") or "")
    return _run("GuideLLM", model, width, requests, lengths, speed)


def _aiperf(document: Document) -> list[Run]:
    fields = _Fields(document, "AIPerf profile export")
    requests = fields.number("request_count.avg")
    lengths = fields.number("input_sequence_length.avg"), fields.number("output_sequence_length.avg")
    speed = fields.number("output_token_throughput.avg")
    width = fields.find("input_config.loadgen.concurrency")
    if width is None:
        held = fields.number("request_latency.avg") / MILLISECONDS_PER_SECOND
        width = fields.number("request_throughput.avg") * held
    fields.done()
    names = _inside(document, "input_config", "endpoint", "model_names") or [""]
    return [_run("AIPerf", str(names[0]), width, requests, lengths, speed)]


def _inside(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return document  # pyright: ignore[reportUnknownVariableType]


def _run(
    tool: str, model: str, width: float, requests: float, lengths: tuple[float, float], output_tokens_per_second: float
) -> Run:
    return Run(tool, model, max(1.0, width), requests, *lengths, output_tokens_per_second)


TOOLS: Final[Mapping[str, Callable[[Document], list[Run]]]] = {
    "output_throughput": _vllm,
    "benchmarks": _guidellm,
    "output_token_throughput": _aiperf,
}
"""The field that only one tool writes, and its reader."""


def runs_of(document: object) -> list[Run]:
    """Return the runs that a benchmark file holds. Raises MeasuredFault with every field that is missing."""
    reader = next((TOOLS[key] for key in TOOLS if isinstance(document, Mapping) and key in document), None)
    if reader is None:
        raise MeasuredFault(
            "found no result of a known tool; wanted the JSON of `vllm bench serve --save-result`, of `guidellm "
            "benchmark`, or AIPerf's profile_export_aiperf.json"
        )
    runs = reader(document)  # pyright: ignore[reportArgumentType]
    if not runs:
        raise MeasuredFault("the file holds no benchmark; run one to its end")
    return runs


def time_ratio(runs: Sequence[Run], served: Served, card: Card, layout: Layout) -> float:
    """Return measured time over the formula's time at the same points: the geometric mean over runs."""
    replica, k = replica_of(served, card, layout), fitted()
    logs: list[float] = []
    for run in runs:
        width = max(1.0, serving.running_sequences(run.concurrency, run.requests, k))
        expected = serving.output_tokens_per_second(replica, width, run.input_tokens, run.output_tokens, k)
        logs.append(log(expected / run.output_tokens_per_second))
    return exp(sum(logs) / len(logs))
