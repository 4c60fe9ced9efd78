"""What a replica can serve: step time of decoding, prefill, concurrency, throughput and latency. Formulas only.

Rule 1  A decode step reads the weights it touches and multiplies by them, one after the other (`overlap_ratio` 1; large
        is wholly beside each other). Then it reads the KV cache, and pays overheads a step, a layer, a sequence and a
        hop between cards.
Rule 2  A replica that is never idle spends its time on prefill and decode in turn: for each request one prefill, and a
        share of `output_tokens` decode steps.
Rule 3  Concurrency is bounded by the memory that weights leave for the KV cache.
Rule 4  In a closed loop requests keep coming in convoys: half of what they wait for each other's prefill comes before
        their first token (`CONVOY_SHARE`), the rest between tokens.
Rule 5  Only unloaded time to first token is claimed; nobody predicts it well under load.

Every formula takes numbers or numpy arrays; `k` holds the fitted constants of `data/serving_efficiency.csv` by name.
What is special about a format, an engine or a card stands in the Replica as ratios (see `advisor.replica`).
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pricing.figure import Number
from pricing.units import SECONDS_PER_HOUR

FLOPS_PER_PARAMETER: Final = 2  # one multiplication and one addition a weight and token
CAUSAL_FLOPS_PER_CONTEXT: Final = 2  # scores and values, 4 x width, halved by the mask
REDUCTIONS_PER_LAYER: Final = 2  # tensor parallel: one all-reduce after attention, one after the feed-forward part
HALF_BYTES: Final = 2  # activations between cards are 16-bit
STATE_PASSES: Final = 2  # a linear-attention state is read and written in each step
MEMORY_SHARE: Final = 0.93  # assumed: engines take 0.9 of all a card shows, and cards show up to 0.99 of nominal
WORK_BYTES: Final = 1024**3  # assumed: activations of one prefill chunk and graphs, 0.5 to 4 GiB a card
CONVOY_SHARE: Final = 0.5
"""Assumed: of requests that share a replica, half come together and half evenly spread.

Measured loads start all at once with answers of like length: 0 (all spread) to 1 (all together), 0.3 to 0.9 by engine.
"""

Constants = Mapping[str, Any]


class Replica(NamedTuple):
    """A model on its cards, as numbers (or arrays of them): what decode and prefill formulas need and no more.

    `resident_bytes` is all weights in memory, `dense_weight_bytes` those that every step reads. The cache of one token
    is `kv_bytes_per_token` in layers that keep everything, and `window_bytes_per_token` in layers that keep the last
    `window_tokens`; `cache_shards` is over how many cards it is split (the others hold copies).
    `rounds` is how many messages follow each other in a reduction over all cards: log2 of their number.
    Ratios named for a rate (stream, cache, rate) multiply it; the others multiply a time.
    """

    resident_bytes: Number
    dense_weight_bytes: Number
    expert_weight_bytes: Number
    experts: Number
    experts_per_token: Number
    active_parameters: Number
    layers: Number
    hidden_size: Number
    query_width: Number
    kv_bytes_per_token: Number
    window_bytes_per_token: Number
    window_tokens: Number
    state_bytes: Number
    cache_shards: Number
    cards: Number
    rounds: Number
    stages: Number
    bandwidth_bytes_per_second: Number
    flops_per_second: Number
    half_flops_per_second: Number
    link_bytes_per_second: Number
    memory_bytes: Number
    slow_ratio: Number = 1.0
    overhead_ratio: Number = 1.0
    stream_ratio: Number = 1.0
    rate_ratio: Number = 1.0
    hop_ratio: Number = 1.0
    cache_ratio: Number = 1.0
    sequence_ratio: Number = 1.0


def touched_share(experts: Number, experts_per_token: Number, batch_sequences: Number) -> Number:
    """Return the share of experts that a batch touches, if each token chooses evenly and alone; 1 without experts."""
    missed = 1 - experts_per_token / (experts + (experts == 0))
    return 1 - (experts > 0) * missed**batch_sequences


def cache_bytes(replica: Replica, context_tokens: Number) -> Number:
    """Return the cache that one sequence of `context_tokens` holds, windows and states included, one copy."""
    over = context_tokens - replica.window_tokens
    in_window = context_tokens - (over > 0) * over
    return (
        replica.kv_bytes_per_token * context_tokens + replica.window_bytes_per_token * in_window + replica.state_bytes
    )


def product_seconds(replica: Replica, batch_sequences: Number, k: Constants) -> Number:
    """Return the time a step takes to read the weights that a batch touches and to multiply by them."""
    mixture = 1 + (replica.experts > 0) * (k["mixture_ratio"] - 1)
    share = touched_share(replica.experts, replica.experts_per_token, batch_sequences)
    weight_bytes = replica.dense_weight_bytes + share * replica.expert_weight_bytes
    stream = replica.bandwidth_bytes_per_second * replica.cards * k["bandwidth_share"] * replica.stream_ratio
    flops = FLOPS_PER_PARAMETER * replica.active_parameters * batch_sequences
    rate = replica.flops_per_second * replica.cards * k["compute_share"] * replica.rate_ratio
    power = k["overlap_ratio"]
    return ((mixture * weight_bytes / stream) ** power + (flops / rate) ** power) ** (1 / power)


def cache_seconds(replica: Replica, batch_sequences: Number, context_tokens: Number, k: Constants) -> Number:
    """Return the time a step takes to read the cache of a batch whose sequences hold `context_tokens` each."""
    held = cache_bytes(replica, context_tokens) + (STATE_PASSES - 1) * replica.state_bytes
    stream = replica.bandwidth_bytes_per_second * replica.cache_shards * k["cache_share"] * replica.cache_ratio
    return held * batch_sequences / stream


def hop_seconds(replica: Replica, tokens: Number, k: Constants) -> Number:
    """Return the time cards spend on reducing activations of `tokens` with each other, all layers; 0 on one card."""
    payload = HALF_BYTES * tokens * replica.hidden_size / (replica.link_bytes_per_second * k["link_share"])
    passes = 2 * (replica.cards - 1) / replica.cards  # of a ring: each card sends so often what it holds
    latency = k["hop_seconds"] * replica.hop_ratio * replica.rounds
    return REDUCTIONS_PER_LAYER * replica.layers * (latency + passes * payload)


def overhead_seconds(replica: Replica, batch_sequences: Number, k: Constants) -> Number:
    """Return what a step costs besides the work: scheduling and sampling, launches of each layer, each sequence."""
    layer = k["layer_seconds"] + (replica.experts > 0) * k["expert_layer_seconds"]
    fixed = k["step_seconds"] + layer * replica.layers
    sequences = k["sequence_seconds"] * replica.sequence_ratio * batch_sequences
    return (fixed + sequences) * replica.overhead_ratio


def decode_step_seconds(replica: Replica, batch_sequences: Number, context_tokens: Number, k: Constants) -> Number:
    """Return the time of one decode step for a batch whose sequences hold `context_tokens` each."""
    work = product_seconds(replica, batch_sequences, k) + cache_seconds(replica, batch_sequences, context_tokens, k)
    waits = hop_seconds(replica, batch_sequences, k) + overhead_seconds(replica, batch_sequences, k)
    return (work + waits) * replica.slow_ratio


def prefill_seconds(replica: Replica, input_tokens: Number, k: Constants) -> Number:
    """Return the time to read one prompt: products with the weights and causal attention."""
    products = FLOPS_PER_PARAMETER * replica.active_parameters * input_tokens
    attention = CAUSAL_FLOPS_PER_CONTEXT * replica.layers * replica.query_width * input_tokens**2
    reach = replica.cards * k["compute_share"]
    work = products / (replica.flops_per_second * replica.rate_ratio * reach)
    work = work + attention / (replica.half_flops_per_second * reach)
    hops = hop_seconds(replica, input_tokens, k)
    return (work + hops + k["prompt_seconds"] * replica.overhead_ratio) * replica.slow_ratio


def max_concurrency(replica: Replica, held_tokens: Number) -> Number:
    """Return how many sequences of `held_tokens` (input and output) the memory left for the cache can hold."""
    cards = replica.cards * replica.stages
    free = (replica.memory_bytes * MEMORY_SHARE - WORK_BYTES) * cards - replica.resident_bytes
    return free / (cache_bytes(replica, held_tokens) * replica.cards / replica.cache_shards)


def running_sequences(concurrency: Number, requests: Number, k: Constants) -> Number:
    """Return how many sequences run on average while `requests` are worked off: a short run ends in a thinning tail."""
    return concurrency * requests / (requests + k["tail_ratio"] * concurrency)


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
    """Return the mean time between two tokens of one sequence (TPOT): a decode step and the prefills of others.

    Prefills of its own convoy (see CONVOY_SHARE) delay a sequence's first token, not those after it.
    """
    step = decode_step_seconds(replica, concurrency, input_tokens + output_tokens / 2, k)
    prefills = (1 - CONVOY_SHARE / 2) * (concurrency - 1)  # a convoy's middle request waits for half of it
    return step + prefill_seconds(replica, input_tokens, k) * prefills / output_tokens


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
