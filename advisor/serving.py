"""What a replica can serve: step time of decoding, prefill, concurrency, throughput and latency. Formulas only.

Rule 1  A decode step reads the weights once or computes once for every sequence, whichever takes longer; then reads the
        KV cache; then pays overheads a step, a layer, a sequence and a tensor-parallel hop.
Rule 2  A replica that is never idle spends its time on prefill and decode in turn: for each request one prefill, and a
        share of `output_tokens` decode steps.
Rule 3  Concurrency is bounded by the memory that weights leave for the KV cache.
Rule 4  Only unloaded time to first token is claimed; nobody predicts it well under load.

Every formula takes numbers or numpy arrays; `k` holds the fitted constants of `data/serving_efficiency.csv` by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pricing.figure import Number
from pricing.units import SECONDS_PER_HOUR

FLOPS_PER_PARAMETER: Final = 2  # one multiplication and one addition a weight and token
CAUSAL_FLOPS_PER_CONTEXT: Final = 2  # scores and values, 4 x width, halved by the mask
MEMORY_SHARE: Final = 0.9  # vLLM's default share of a card's memory for weights, activations and cache
PREFILL_RESERVE_BYTES: Final = 2 * 1024**3  # assumed: activations of one prefill chunk and graphs, 1 to 4 GiB

Constants = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A model on its cards, as numbers (or arrays of them): what decode and prefill formulas need and no more."""

    dense_weight_bytes: Number
    expert_weight_bytes: Number
    experts: Number
    experts_per_token: Number
    matmul_parameters: Number
    layers: Number
    query_width: Number
    kv_bytes_per_token: Number
    cards: Number
    bandwidth_bytes_per_second: Number
    flops_per_second: Number
    memory_bytes: Number
    slowdown_ratio: Number = 1.0


def touched_share(experts: Number, experts_per_token: Number, batch_sequences: Number) -> Number:
    """Return the share of experts that a batch touches, if each token chooses evenly and alone; 1 without experts."""
    missed = 1 - experts_per_token / (experts + (experts == 0))
    return 1 - (experts > 0) * missed**batch_sequences


def decode_step_seconds(replica: Replica, batch_sequences: Number, context_tokens: Number, k: Constants) -> Number:
    """Return the time of one decode step for a batch whose sequences hold `context_tokens` each."""
    share = touched_share(replica.experts, replica.experts_per_token, batch_sequences)
    weight_bytes = replica.dense_weight_bytes + share * replica.expert_weight_bytes
    memory = weight_bytes / (replica.bandwidth_bytes_per_second * replica.cards * k["bandwidth_share"])
    flops = FLOPS_PER_PARAMETER * replica.matmul_parameters * batch_sequences
    compute = flops / (replica.flops_per_second * replica.cards * k["decode_share"])
    kv_bytes = replica.kv_bytes_per_token * batch_sequences * context_tokens
    cache = kv_bytes / (replica.bandwidth_bytes_per_second * replica.cards * k["cache_share"])
    hops = (replica.cards > 1) * replica.layers * (k["hop_seconds"] + k["hop_sequence_seconds"] * batch_sequences)
    overhead = k["step_seconds"] + k["layer_seconds"] * replica.layers + k["sequence_seconds"] * batch_sequences
    longer = (memory + compute + abs(memory - compute)) / 2
    return (longer + cache + overhead + hops) * replica.slowdown_ratio


def prefill_seconds(replica: Replica, input_tokens: Number, k: Constants) -> Number:
    """Return the time to read one prompt: products with the weights and causal attention, from its own efficiency."""
    products = FLOPS_PER_PARAMETER * replica.matmul_parameters * input_tokens
    attention = CAUSAL_FLOPS_PER_CONTEXT * replica.layers * replica.query_width * input_tokens**2
    rate = replica.flops_per_second * replica.cards * k["prefill_share"]
    return ((products + attention) / rate + k["prompt_seconds"]) * replica.slowdown_ratio


def max_concurrency(replica: Replica, held_tokens: Number) -> Number:
    """Return how many sequences of `held_tokens` (input and output) the memory left for the cache can hold."""
    left = replica.memory_bytes * replica.cards * MEMORY_SHARE - PREFILL_RESERVE_BYTES * replica.cards
    free = left - replica.dense_weight_bytes - replica.expert_weight_bytes
    return free / (replica.kv_bytes_per_token * held_tokens)


def request_seconds(
    replica: Replica, concurrency: Number, input_tokens: Number, output_tokens: Number, k: Constants
) -> Number:
    """Return the replica's own time for one request when `concurrency` share it: one prefill, its share of decoding."""
    step = decode_step_seconds(replica, concurrency, input_tokens + output_tokens / 2, k)
    return prefill_seconds(replica, input_tokens, k) + output_tokens * step / concurrency


def output_tokens_per_second(
    replica: Replica, concurrency: Number, input_tokens: Number, output_tokens: Number, k: Constants
) -> Number:
    """Return the tokens a busy replica writes each second, all sequences together."""
    return output_tokens / request_seconds(replica, concurrency, input_tokens, output_tokens, k)


def output_token_seconds(
    replica: Replica, concurrency: Number, input_tokens: Number, output_tokens: Number, k: Constants
) -> Number:
    """Return the mean time between two tokens of one sequence (TPOT): a decode step and the prefills of others."""
    step = decode_step_seconds(replica, concurrency, input_tokens + output_tokens / 2, k)
    return step + prefill_seconds(replica, input_tokens, k) * (concurrency - 1) / output_tokens


def capacity_tasks_per_hour(
    replica: Replica, concurrency: Number, input_tokens_per_task: Number, output_tokens_per_task: Number, k: Constants
) -> Number:
    """Return the tasks a replica finishes in an hour when it is never idle."""
    seconds = request_seconds(replica, concurrency, input_tokens_per_task, output_tokens_per_task, k)
    return SECONDS_PER_HOUR / seconds


def concurrency_within(
    replica: Replica, input_tokens: float, output_tokens: float, tpot_limit_seconds: float, ceiling: int, k: Constants
) -> int:
    """Return the largest concurrency up to `ceiling` whose TPOT keeps the limit; 0 if one sequence breaks it."""
    low, high = 0, ceiling
    while low < high:
        middle = (low + high + 1) // 2
        if output_token_seconds(replica, middle, input_tokens, output_tokens, k) <= tpot_limit_seconds:
            low = middle
        else:
            high = middle - 1
    return low
