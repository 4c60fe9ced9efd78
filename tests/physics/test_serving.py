"""Serving: step time and capacity by hand, bounds of physics, latency limits kept, laws over the whole range."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import serving
from advisor.catalog import cards, find_card, find_model
from advisor.data_files import constants
from advisor.replica import Layout, ServingFault, fitted, plain_replica, replica_capacity, replica_of
from advisor.serving_shapes import served_of
from advisor.shape import parameters

LLAMA = find_model("llama-3-8b")
SERVED = served_of(LLAMA)
H100 = find_card("H100-SXM")

IDEAL = {
    "bandwidth_share": 1.0, "compute_share": 1.0, "cache_share": 1.0, "overlap_ratio": 1.0, "step_seconds": 0.0,
    "layer_seconds": 0.0, "expert_layer_seconds": 0.0, "sequence_seconds": 0.0, "hop_seconds": 0.0, "link_share": 1.0,
    "prompt_seconds": 0.0, "mixture_ratio": 1.0, "tail_ratio": 2.0,
}  # fmt: skip
"""Constants of a machine that wastes nothing, and does one thing after the other."""

TOY = serving.Replica(
    resident_bytes=1000, dense_weight_bytes=1000, expert_weight_bytes=0, experts=0, experts_per_token=0,
    active_parameters=500, layers=2, hidden_size=10, query_width=10, kv_bytes_per_token=4, window_bytes_per_token=0,
    window_tokens=0, state_bytes=0, cache_shards=1, cards=1, rounds=0, stages=1, bandwidth_bytes_per_second=100,
    flops_per_second=1000, half_flops_per_second=1000, link_bytes_per_second=50, memory_bytes=10 * 1024**3,
)  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "context", "expected"),
    [
        (1, 0, 11),  # 1000 bytes at 100 a second, then 2 * 500 * 1 operations at 1000
        (20, 0, 30),  # 10 s of weights, 20 s of products
        (1, 50, 13),  # and 200 bytes of cache
        (20, 50, 70),  # and 4000 bytes of cache
    ],
)
def test_a_step_by_hand(batch: int, context: int, expected: float) -> None:
    assert serving.decode_step_seconds(TOY, batch, context, IDEAL) == pytest.approx(expected)


def test_two_cards_halve_the_work_and_pay_for_their_hops() -> None:
    two = TOY._replace(cards=2, rounds=1, cache_shards=2)
    k = IDEAL | {"hop_seconds": 0.25}
    # half of 11 s; 2 reductions in 2 layers: 0.25 s of latency each, 2 * 1/2 passes of 2 * 10 bytes at 50
    assert serving.decode_step_seconds(two, 1, 0, k) == pytest.approx(5.5 + 4 * (0.25 + 20 / 50))


def test_overheads_by_hand() -> None:
    k = IDEAL | {"step_seconds": 1.0, "layer_seconds": 2.0, "sequence_seconds": 0.5, "expert_layer_seconds": 9.0}
    assert serving.overhead_seconds(TOY._replace(overhead_ratio=3), 4, k) == pytest.approx(3 * (1 + 2 * 2 + 0.5 * 4))
    assert serving.overhead_seconds(TOY._replace(experts=8, experts_per_token=2), 4, k) == pytest.approx(25)
    assert serving.overhead_seconds(TOY._replace(sequence_ratio=3), 4, k) == pytest.approx(1 + 2 * 2 + 3 * 0.5 * 4)


def test_cache_reads_have_their_own_ratio() -> None:
    # 50 tokens of 4 bytes at half of 100 bytes a second
    assert serving.cache_seconds(TOY._replace(cache_ratio=0.5), 1, 50, IDEAL) == pytest.approx(4)


def test_time_between_tokens_by_hand() -> None:
    # a step of 20 sequences that hold 10 + 5 / 2 tokens: 10 + 20 + 10 s; each waits for 3/4 of 19 prefills of 14 s,
    # a quarter came before its own first token
    expected = 40 + 0.75 * 19 * 14 / 5
    assert serving.output_token_seconds(TOY, 20, 10, 5, IDEAL) == pytest.approx(expected)
    assert serving.output_token_seconds(TOY, 1, 10, 5, IDEAL) == pytest.approx(10 + 1 + 12.5 * 4 / 100)


def test_a_prefill_by_hand() -> None:
    # products 2*500*10 = 10,000; attention 2 * 2 layers * 10 wide * 100 = 4,000; at 1000 a second
    assert serving.prefill_seconds(TOY, 10, IDEAL) == pytest.approx(14)


def test_throughput_by_hand() -> None:
    # prefill 14 s; 5 tokens at 20 sequences: 10 s of weights, 20 of products, 20 * 12.5 * 4 / 100 = 10 of cache
    seconds = 14 + 5 * 40 / 20
    assert serving.output_tokens_per_second(TOY, 20, 10, 5, IDEAL) == pytest.approx(5 / seconds)
    assert serving.capacity_tasks_per_hour(TOY, 20, 10, 5, IDEAL) == pytest.approx(3600 / seconds)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [(1, 0.25), (2, 1 - 0.75**2), (1000, 1.0)],  # two of eight a token: one token touches a quarter
)
def test_experts_that_a_batch_touches(batch: int, expected: float) -> None:
    assert serving.touched_share(8, 2, batch) == pytest.approx(expected)
    assert serving.touched_share(0, 0, batch) == 1


@pytest.mark.parametrize(
    ("context", "expected"),
    [(10, 10 * 4 + 10 * 3 + 7), (50, 50 * 4 + 20 * 3 + 7)],  # a window of 20 keeps no more; the state is always there
)
def test_windows_and_states_in_the_cache(context: int, expected: int) -> None:
    toy = TOY._replace(window_bytes_per_token=3, window_tokens=20, state_bytes=7)
    assert serving.cache_bytes(toy, context) == expected


def test_a_short_run_ends_in_a_tail() -> None:
    # 100 clients, 100 requests, longest answer three times the mean: a third runs on average
    assert serving.running_sequences(100, 100, IDEAL) == pytest.approx(100 / 3)
    assert serving.running_sequences(100, 1e9, IDEAL) == pytest.approx(100)


def test_formulas_take_arrays() -> None:
    batch = np.array([1.0, 20.0])
    together = serving.decode_step_seconds(TOY, batch, 50.0, IDEAL)
    assert together.tolist() == pytest.approx([13, 70])


def test_concurrency_is_what_memory_leaves() -> None:
    replica = replica_of(SERVED, H100, Layout("bf16"))
    # usable 80 GiB * 0.96, of which 0.93, less 1 GiB of work space and 16.06 GB of weights; 131,072 bytes a token
    free = 80 * 1024**3 * 0.96 * 0.93 - 1024**3 - 2 * parameters(LLAMA)
    assert serving.max_concurrency(replica, 2048) == pytest.approx(free / (131_072 * 2048))


def test_key_heads_are_not_split_further_than_they_go() -> None:
    one, eight, sixteen = (
        replica_of(SERVED, H100, Layout("bf16", cards=n)) for n in (1, 8, 16)
    )  # 8 key heads: 16 cards hold two copies
    assert (one.cache_shards, eight.cache_shards, sixteen.cache_shards) == (1, 8, 8)
    assert replica_of(SERVED, H100, Layout("bf16", cards=16, split_cache=True)).cache_shards == 16


WIDTHS = st.integers(1, 512)
PROMPTS, ANSWERS = st.integers(1, 8000), st.integers(1, 2000)


@given(WIDTHS, PROMPTS, ANSWERS)
def test_no_throughput_is_above_what_bandwidth_allows(concurrency: int, prompt: int, output: int) -> None:
    got = replica_capacity(
        LLAMA, H100, input_tokens_per_task=prompt, output_tokens_per_task=output, concurrency=concurrency
    )
    floor = 2 * (parameters(LLAMA) - LLAMA.vocab * LLAMA.hidden) / H100.bandwidth_bytes_per_second
    assert got.output_tokens_per_second <= got.concurrency / floor
    assert got.tasks_per_hour * output / 3600 == pytest.approx(got.output_tokens_per_second)
    assert got.tasks_per_hour_low < got.tasks_per_hour < got.tasks_per_hour_high
    assert got.low <= got.output_tokens_per_second <= got.high


@given(WIDTHS, PROMPTS, ANSWERS, st.floats(1.01, 4))
def test_more_bandwidth_compute_or_link_is_never_slower(width: int, prompt: int, output: int, times: float) -> None:
    replica, k = replica_of(SERVED, H100, Layout("bf16", cards=2)), fitted()
    before = serving.output_tokens_per_second(replica, width, prompt, output, k)
    for name in ("bandwidth_bytes_per_second", "flops_per_second", "half_flops_per_second", "link_bytes_per_second"):
        faster = replica._replace(**{name: getattr(replica, name) * times})
        assert serving.output_tokens_per_second(faster, width, prompt, output, k) >= before


@given(WIDTHS, PROMPTS, ANSWERS, st.sampled_from(["llama-3-8b", "mixtral-8x7b", "openai/gpt-oss-20b"]))
def test_more_requests_at_a_time_never_lower_the_total(width: int, prompt: int, output: int, name: str) -> None:
    # each costs what the others cost, and shares the weights: in a mixture the new experts it touches are fewer
    replica, k = replica_of(served_of(find_model(name)), H100, Layout()), fitted()
    one, more = (serving.output_tokens_per_second(replica, w, prompt, output, k) for w in (width, width + 1))
    assert more >= one * (1 - 1e-12)
    assert serving.output_token_seconds(replica, width + 1, prompt, output, k) >= serving.output_token_seconds(
        replica, width, prompt, output, k
    )


@given(st.integers(8, 200), st.integers(1, 200))
def test_a_laxer_latency_limit_never_lowers_the_capacity(milliseconds: int, more: int) -> None:
    task = {"input_tokens_per_task": 1000, "output_tokens_per_task": 200}
    limits = (milliseconds / 1000, (milliseconds + more) / 1000)
    tight, lax = (replica_capacity(LLAMA, H100, **task, tpot_limit_seconds=limit) for limit in limits)
    assert lax.tasks_per_hour >= tight.tasks_per_hour
    assert tight.tpot_seconds <= limits[0]


@given(st.integers(8, 200))
def test_a_latency_limit_is_kept_and_one_more_request_would_break_it(milliseconds: int) -> None:
    limit = milliseconds / 1000
    task = {"input_tokens_per_task": 1000, "output_tokens_per_task": 200}
    got = replica_capacity(LLAMA, H100, **task, tpot_limit_seconds=limit)
    assert got.tpot_seconds <= limit
    most = replica_capacity(LLAMA, H100, **task).concurrency
    if got.concurrency < most:
        more = replica_capacity(LLAMA, H100, **task, concurrency=got.concurrency + 1)
        assert more.tpot_seconds > limit


@given(st.sampled_from(sorted(cards())), st.integers(1, 8), st.integers(1, 4), PROMPTS, ANSWERS)
@settings(max_examples=60)
def test_memory_never_exceeds_the_card(name: str, side: int, stages: int, prompt: int, output: int) -> None:
    card = find_card(name)
    layout = Layout("bf16", cards=side, stages=stages)
    try:
        got = replica_capacity(LLAMA, card, input_tokens_per_task=prompt, output_tokens_per_task=output, layout=layout)
    except ServingFault as fault:
        assert "does not fit" in str(fault)  # noqa: PT017  either answer is right, both are checked
        return
    assert got.weight_gib_per_card + got.cache_gib_per_card <= card.usable_bytes / 1024**3
    assert got.concurrency <= got.max_concurrency


@pytest.mark.parametrize(
    ("model", "card", "options", "message"),
    [
        ("llama-3-70b", "T4", {}, "does not fit 1 x T4: weights 131"),
        ("llama-3-8b", "H100-SXM", {"layout": Layout("fp3")}, "'fp3' is not known; known: fp16"),
        ("llama-3-8b", "H100-SXM", {"layout": Layout(engine="mine")}, "engine 'mine' is not known; known: vllm"),
        ("llama-3-8b", "T4", {"layout": Layout("fp8"), "tpot_limit_seconds": 1e-4}, "even one sequence takes longer"),
    ],
)
def test_what_cannot_be_served_says_why(model: str, card: str, options: dict, message: str) -> None:
    with pytest.raises(ServingFault, match=message):
        replica_capacity(
            find_model(model), find_card(card), input_tokens_per_task=100, output_tokens_per_task=100, **options
        )


@pytest.mark.parametrize("card", sorted(cards()))
def test_every_card_answers_for_a_small_model(card: str) -> None:
    got = replica_capacity(
        find_model("Qwen/Qwen2.5-1.5B"), find_card(card), input_tokens_per_task=500, output_tokens_per_task=100
    )
    assert got.tasks_per_hour > 0
    assert math.isfinite(got.ttft_unloaded_seconds)


def test_stages_add_memory_but_no_speed() -> None:
    options = {"input_tokens_per_task": 100, "output_tokens_per_task": 100, "concurrency": 1}
    card, large = find_card("A100-SXM-80"), find_model("llama-3-70b")
    one = replica_capacity(large, card, layout=Layout("q4_k_m"), **options)
    two = replica_capacity(large, card, layout=Layout("q4_k_m", stages=2), **options)
    assert two.output_tokens_per_second == one.output_tokens_per_second
    assert two.max_concurrency > one.max_concurrency


def test_a_card_that_no_row_was_measured_on_has_the_wider_interval() -> None:
    options = {"input_tokens_per_task": 500, "output_tokens_per_task": 100}
    known, unknown = (replica_capacity(LLAMA, find_card(name), **options) for name in ("RTX-4090", "L4"))
    widths = [got.high / got.low for got in (known, unknown)]
    assert widths[1] > widths[0]


def test_a_measured_ratio_moves_the_estimate_and_narrows_the_interval() -> None:
    options = {"input_tokens_per_task": 500, "output_tokens_per_task": 100, "concurrency": 8}
    before = replica_capacity(LLAMA, H100, **options)
    after = replica_capacity(LLAMA, H100, measured_ratio=2.0, **options)
    assert after.output_tokens_per_second == pytest.approx(before.output_tokens_per_second / 2)
    assert after.tpot_seconds == pytest.approx(before.tpot_seconds * 2)
    assert after.high / after.low < before.high / before.low


def test_every_constant_is_inside_its_own_bounds_and_has_a_source() -> None:
    table = constants("serving_efficiency.csv")
    for figure in table.values():
        assert figure.low <= figure.value <= figure.high, figure.name
        assert "published rows" in figure.origin.note
    shares = [figure for figure in table.values() if figure.unit == "share"]
    assert all(0 < figure.value <= 1 for figure in shares)
    assert len(shares) == 4


def test_plain_physics_holds_no_fitted_ratio() -> None:
    plain = plain_replica(SERVED, H100, Layout("int4"))
    assert (plain.slow_ratio, plain.overhead_ratio, plain.stream_ratio, plain.rate_ratio, plain.hop_ratio) == (1,) * 5
    assert (plain.cache_ratio, plain.sequence_ratio) == (1, 1)
