"""Serving: step time and capacity by hand, bounds of physics, latency limits kept."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import serving
from advisor.catalog import cards, find_card, find_model
from advisor.data_files import constants
from advisor.replica import SERVING_FORMATS, ServingFault, replica_capacity, replica_of
from advisor.shape import parameters

LLAMA = find_model("llama-3-8b")
H100 = find_card("H100-SXM")

IDEAL = {
    "bandwidth_share": 1.0, "decode_share": 1.0, "cache_share": 1.0, "prefill_share": 1.0, "step_seconds": 0.0,
    "layer_seconds": 0.0, "sequence_seconds": 0.0, "hop_seconds": 0.0, "hop_sequence_seconds": 0.0,
    "prompt_seconds": 0.0,
}  # fmt: skip
"""Constants of a machine that wastes nothing."""

TOY = serving.Replica(
    dense_weight_bytes=1000, expert_weight_bytes=0, experts=0, experts_per_token=0, matmul_parameters=500, layers=2,
    query_width=10, kv_bytes_per_token=4, cards=1, bandwidth_bytes_per_second=100, flops_per_second=1000,
    memory_bytes=10 * 1024**3,
)  # fmt: skip


@pytest.mark.parametrize(
    ("batch", "context", "expected"),
    [
        (1, 0, 10),  # weights: 1000 bytes at 100 a second; compute would take 1 s
        (20, 0, 20),  # compute: 2 * 500 * 20 / 1000
        (1, 50, 12),  # and 200 bytes of cache
        (20, 50, 60),  # and 4000 bytes of cache
    ],
)
def test_a_step_by_hand(batch: int, context: int, expected: float) -> None:
    assert serving.decode_step_seconds(TOY, batch, context, IDEAL) == pytest.approx(expected)


def test_a_prefill_by_hand() -> None:
    # products 2*500*10 = 10,000; attention 2 * 2 layers * 10 wide * 100 = 4,000; at 1000 a second
    assert serving.prefill_seconds(TOY, 10, IDEAL) == pytest.approx(14)


def test_throughput_by_hand() -> None:
    # prefill 14 s; 5 tokens at 20 sequences: a step reads 20 * 12.5 * 4 / 100 = 10 s of cache after 20 s of compute
    seconds = 14 + 5 * 30 / 20
    assert serving.output_tokens_per_second(TOY, 20, 10, 5, IDEAL) == pytest.approx(5 / seconds)
    assert serving.capacity_tasks_per_hour(TOY, 20, 10, 5, IDEAL) == pytest.approx(3600 / seconds)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [(1, 0.25), (2, 1 - 0.75**2), (1000, 1.0)],  # two of eight a token: one token touches a quarter
)
def test_experts_that_a_batch_touches(batch: int, expected: float) -> None:
    assert serving.touched_share(8, 2, batch) == pytest.approx(expected)
    assert serving.touched_share(0, 0, batch) == 1


def test_formulas_take_arrays() -> None:
    batch = np.array([1.0, 20.0])
    together = serving.decode_step_seconds(TOY, batch, 50.0, IDEAL)
    assert together.tolist() == pytest.approx([12, 60])


def test_concurrency_is_what_memory_leaves() -> None:
    replica = replica_of(LLAMA, H100, "bf16")
    # usable 80 GiB * 0.96, nine tenths, less 2 GiB of work space and 16.06 GB of weights; 131,072 bytes a token
    free = 80 * 1024**3 * 0.96 * 0.9 - 2 * 1024**3 - 2 * parameters(LLAMA)
    assert serving.max_concurrency(replica, 2048) == pytest.approx(free / (131_072 * 2048))


@given(st.integers(1, 512), st.integers(1, 4000), st.integers(1, 2000))
def test_no_throughput_is_above_what_bandwidth_allows(concurrency: int, prompt: int, output: int) -> None:
    got = replica_capacity(
        LLAMA, H100, input_tokens_per_task=prompt, output_tokens_per_task=output, concurrency=concurrency
    )
    floor = 2 * (parameters(LLAMA) - LLAMA.vocab * LLAMA.hidden) / H100.bandwidth_bytes_per_second
    assert got.output_tokens_per_second <= got.concurrency / (floor * 0.5)
    assert got.tasks_per_hour * output / 3600 == pytest.approx(got.output_tokens_per_second)
    assert got.low <= got.output_tokens_per_second <= got.high


@given(st.integers(8, 200))
def test_a_latency_limit_is_kept_and_one_more_request_would_break_it(milliseconds: int) -> None:
    limit = milliseconds / 1000
    task = {"input_tokens_per_task": 1000, "output_tokens_per_task": 200}
    got = replica_capacity(LLAMA, H100, **task, tpot_limit_seconds=limit)
    assert got.tpot_seconds <= limit
    if got.concurrency < got.max_concurrency:
        more = replica_capacity(LLAMA, H100, **task, concurrency=got.concurrency + 1)
        assert more.tpot_seconds > limit


@pytest.mark.parametrize(
    ("model", "card", "options", "message"),
    [
        ("llama-3-70b", "T4", {}, "does not fit 1 x T4: weights 131"),
        ("llama-3-8b", "H100-SXM", {"quant": "fp3"}, "'fp3' is not known; known: fp16"),
        ("llama-3-8b", "T4", {"quant": "fp8", "tpot_limit_seconds": 1e-4}, "even one sequence takes longer"),
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


def test_a_pipeline_adds_memory_but_no_speed() -> None:
    options = {"input_tokens_per_task": 100, "output_tokens_per_task": 100, "quant": "q4_k_m", "concurrency": 1}
    card = find_card("A100-SXM-80")
    one = replica_capacity(find_model("llama-3-70b"), card, **options)
    two = replica_capacity(find_model("llama-3-70b"), card, pipeline=2, **options)
    assert two.output_tokens_per_second == one.output_tokens_per_second
    assert two.max_concurrency > one.max_concurrency


def test_formats_weigh_no_more_than_sixteen_bits() -> None:
    assert all(0.4 < form.bytes_per_parameter <= 2 for form in SERVING_FORMATS.values())


def test_every_constant_is_inside_its_own_bounds_and_has_a_source() -> None:
    for figure in constants("serving_efficiency.csv").values():
        assert figure.low <= figure.value <= figure.high, figure.name
        assert figure.origin.note
