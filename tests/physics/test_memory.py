"""Memory: each component by hand, the published rules of thumb, and laws that no setting may break."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import memory_parts as parts
from advisor.catalog import find_card, find_model
from advisor.memory import training_memory, weight_bytes
from advisor.memory_intervals import total_bytes
from advisor.memory_layers import stream_bytes
from advisor.memory_serving import inference_memory
from advisor.memory_setup import (
    ATTENTIONS,
    FORMATS,
    LENGTHS,
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    Component,
    Method,
    Phase,
    TrainingSetup,
)
from advisor.shape import lora_parameters, parameters
from advisor.sizing import answer_row
from pricing.units import GIB

LLAMA = find_model("meta-llama/Llama-2-7b-hf")
SMALL = find_model("HuggingFaceTB/SmolLM2-135M")
QLORA = TrainingSetup(method=Method.QLORA, sequence_tokens=512, weight_format="nf4-double", adapter_bytes=2)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (parts.quantised_weight_bytes(64, parts.NF4_BYTES_PER_PARAMETER), 36),  # 32 of codes, one fp32 constant
        # 4096 weights: 2048 of codes, 64 one-byte constants, 64/256 of a second-level fp32
        (parts.quantised_weight_bytes(4096, parts.NF4_DOUBLE_BYTES_PER_PARAMETER), 2048 + 64 + 1),
        (parts.quantised_weight_bytes(128, parts.INT4_GROUP_BYTES_PER_PARAMETER), 64 + 2.5),
        (parts.checkpoint_bytes(10, 3, 8, 2), 10 * 3 * 8 * 2),
        (parts.norm_saved_bytes_per_token(2, 8, trained=False), 2 * 8 * 4),
        (parts.norm_saved_bytes_per_token(2, 8, trained=True), 2 * 8 * 6),
        (parts.attention_saved_bytes_per_token(8, 4, 2, 5, materialised=False, element_bytes=2), (16 + 8) * 2),
        (parts.attention_saved_bytes_per_token(8, 4, 2, 5, materialised=True, element_bytes=2), 48 + 2 * 5 * 6),
        (parts.mlp_saved_bytes_per_token(16, gated=True, element_bytes=2), 96),
        (parts.mlp_saved_bytes_per_token(16, gated=False, element_bytes=2), 64),
        (parts.loss_bytes(10, 100, 14), 14_000),
        (parts.kv_cache_bytes(32, 2048, 100, 2, 2), 32 * 2048 * 100 * 2 * 2),
        (parts.rotary_table_bytes(2, 10, 4), 2 * 2 * 10 * 4 * 2),  # sine and cosine, two layers
        (parts.gather_bytes(100, 2, 30), 230),  # one layer and the root
        (parts.adapter_output_bytes_per_token(8, 4), 8 * 6),
        (parts.reserved_bytes(10, 4, 0.5), 13),  # half of the six that come and go
        # 8,192 tokens: a tile of 4,096 by 32,768; 8 wide hidden states copied, their gradient in 32 bits and in 16
        (parts.tiled_loss_bytes(8192, 100_000, 8, 2, trained_head=False), 4096 * 32_768 * 2 + 8192 * 8 * (2 + 4 + 2)),
        # in 32 bits: copy and gradient; the head's gradient; 16-bit parts, 4,096 hidden states and twice 32,768 rows
        (
            parts.tiled_loss_bytes(8192, 100_000, 8, 4, trained_head=True),
            4096 * 32_768 * 2 + 8192 * 8 * (4 + 4) + 100_000 * 8 * 4 + (4096 + 2 * 32_768) * 8 * 2,
        ),
        # a small head is one part, and the next tile's copy of it is made before it is dropped
        (
            parts.tiled_loss_bytes(8192, 1000, 8, 4, trained_head=False)
            - parts.tiled_loss_bytes(8192, 0, 8, 4, trained_head=False),
            2 * 1000 * 8 * 2,
        ),
        (parts.mask_bytes(3, 10, 2), 3 * 100 * 2),
        (parts.dequantisation_bytes(1000, 1500), 500),  # of 2,000 bytes, beyond what is there once it is gone
        (parts.dequantisation_bytes(1000, 2500), 0),
    ],
)
def test_components_by_hand(got: float, expected: float) -> None:
    assert got == expected


@pytest.mark.parametrize(
    ("precision", "bytes_per_parameter"),
    # weights, gradients, two states, the step's temporary: 2+2+4+2, 4+4+8+4, and with a 32-bit master 2+2+4+8 and 4
    [("half", 10), ("full", 20), ("master", 20)],
)
def test_full_training_peaks_in_the_step_at_ten_or_twenty_bytes_a_parameter(
    precision: str, bytes_per_parameter: int
) -> None:
    setup = TrainingSetup(method=Method.FULL, sequence_tokens=512, loss="fused", precision=precision)
    got = training_memory(LLAMA, setup)
    assert got.peak_phase is Phase.STEP
    assert got.allocated.value == bytes_per_parameter * parameters(LLAMA)


@pytest.mark.parametrize(
    ("precision", "bytes_per_parameter"),
    [("half", 8), ("full", 16)],  # R049: 8 in pure bf16, 16 in mixed precision, without the step's temporary
)
def test_a_fused_optimizer_has_no_temporary(precision: str, bytes_per_parameter: int) -> None:
    setup = TrainingSetup(
        method=Method.FULL, sequence_tokens=1, optimizer="adamw_fused", loss="fused", precision=precision
    )
    assert training_memory(LLAMA, setup).phases[Phase.STEP] == bytes_per_parameter * parameters(LLAMA)


@pytest.mark.parametrize("tokens", [1, 512])
def test_batch_does_not_move_a_peak_that_is_in_the_step(tokens: int) -> None:
    small = TrainingSetup(method=Method.FULL, sequence_tokens=tokens)
    assert training_memory(LLAMA, small).allocated.value == 10 * parameters(LLAMA)


# (card, method, model, tokens, micro batch, fits): R052, R055, R056, R058, R059
FITS = [
    ("RTX-A6000", Method.QLORA, "meta-llama/Llama-2-70b-hf", 512, 1, True),
    ("RTX-A6000", Method.QLORA, "meta-llama/Llama-2-70b-hf", 4096, 8, False),
    ("T4", Method.LORA8, "meta-llama/Llama-2-7b-hf", 512, 1, True),
    ("RTX-4090", Method.QLORA, "meta-llama/Llama-2-7b-hf", 2048, 1, True),
    ("RTX-4090", Method.LORA, "meta-llama/Llama-2-7b-hf", 512, 1, True),
    ("RTX-4090", Method.FULL, "meta-llama/Llama-2-7b-hf", 512, 1, False),
    ("RTX-3080-10", Method.QLORA, "meta-llama/Llama-3.2-3B", 1024, 1, True),
    ("A100-SXM-80", Method.QLORA, "meta-llama/Llama-2-70b-hf", 2048, 1, True),
    ("A100-SXM-80", Method.LORA, "meta-llama/Llama-2-70b-hf", 512, 1, False),
]
FORMAT_OF = {Method.QLORA: "nf4-double", Method.LORA8: "int8", Method.LORA: "bf16", Method.FULL: "bf16"}


@pytest.mark.parametrize(("card", "method", "model", "tokens", "batch", "fits"), FITS)
def test_what_fits_which_card(card: str, method: Method, model: str, tokens: int, batch: int, fits: bool) -> None:
    setup = TrainingSetup(
        method=method, sequence_tokens=tokens, micro_batch=batch, weight_format=FORMAT_OF[method], autocast=True
    )
    assert (training_memory(find_model(model), setup).recommended.value <= find_card(card).usable_bytes) is fits


def test_qlora_of_seven_billion_holds_about_four_gigabytes_of_weights() -> None:
    got = training_memory(LLAMA, QLORA)  # R056: 6.48e9 * 0.516 + 0.26e9 * 2 = 3.87e9
    assert got.components[Component.WEIGHTS] == pytest.approx(3.866e9, rel=0.001)


def test_components_add_up_to_what_is_recommended() -> None:
    for method in (Method.FULL, Method.LORA, Method.QLORA):
        got = training_memory(LLAMA, replace(QLORA, method=method))
        assert total_bytes(got.components) == pytest.approx(got.recommended.value)
        assert got.allocated.value == max(got.phases.values())
    served = inference_memory(LLAMA, weight_format="bf16", context_tokens=4096, concurrency=8)
    assert total_bytes(served.components) == pytest.approx(served.recommended.value)


setups = st.builds(
    TrainingSetup,
    method=st.sampled_from([Method.FULL, Method.LORA, Method.QLORA, Method.LORA8]),
    sequence_tokens=st.integers(1, 8192),
    micro_batch=st.integers(1, 16),
    gradient_accumulation=st.integers(1, 4),
    checkpointing=st.booleans(),
    weight_format=st.sampled_from(sorted(FORMATS)),
    precision=st.sampled_from(sorted(PRECISIONS)),
    dora=st.booleans(),
    kbit_prepared=st.booleans(),
    fused_norms=st.booleans(),
    lengths=st.sampled_from(LENGTHS),
    zero_stage=st.integers(0, 3),
    autocast=st.booleans(),
    lora_rank=st.integers(1, 256),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    loss=st.sampled_from(sorted(set(LOSSES) - {"engine"})),  # its head gradient is there for any batch
    attention=st.sampled_from(ATTENTIONS),
    cards=st.integers(1, 8),
)


@given(setups)
def test_more_of_anything_never_needs_less(setup: TrainingSetup) -> None:
    base = training_memory(SMALL, setup).allocated.value
    more = {
        "sequence_tokens": setup.sequence_tokens + 512,
        "micro_batch": setup.micro_batch + 1,
        "lora_rank": setup.lora_rank + 8,
        "gradient_accumulation": 2,
        "attention": "eager",
        "reference": setup.reference or "adapter",
        "loss": "plain_autocast",
    }
    for name, value in more.items():
        assert training_memory(SMALL, replace(setup, **{name: value})).allocated.value >= base, name


@given(setups)
def test_checkpointing_and_a_fused_loss_never_need_more(setup: TrainingSetup) -> None:
    plain = replace(setup, checkpointing=False, loss="full", cards=1)
    base = training_memory(SMALL, plain).allocated.value
    # the layer at work is kept twice: its input, as wide as the stream, and itself
    one_input = plain.step_tokens * SMALL.hidden * stream_bytes(SMALL, plain)
    assert training_memory(SMALL, replace(plain, checkpointing=True)).allocated.value <= base + one_input
    assert training_memory(SMALL, replace(plain, loss="fused")).allocated.value <= base


@given(setups)
def test_every_component_is_at_least_zero_and_intervals_are_ordered(setup: TrainingSetup) -> None:
    got = training_memory(SMALL, setup)
    assert min(got.components.values()) >= 0
    for size in (got.allocated, got.reserved, got.recommended):
        assert size.low <= size.value <= size.high
    assert got.allocated.value <= got.reserved.value <= got.recommended.value


@given(st.integers(1, 256))
def test_memory_is_linear_in_rank_where_only_the_adapters_grow(rank: int) -> None:
    def static(r: int) -> float:
        return training_memory(SMALL, replace(QLORA, lora_rank=r)).phases[Phase.STEP]

    a = lora_parameters(SMALL, 1, "all-linear")
    # weight 2, gradient 2, two states 4, temporary 2
    assert static(rank + 1) - static(rank) == pytest.approx(10 * a)


@given(st.integers(1, 64), st.integers(1, 8192))
def test_the_cache_is_linear_in_requests_and_in_context(requests: int, context: int) -> None:
    def cache(n: float, c: float) -> float:
        return inference_memory(LLAMA, weight_format="bf16", context_tokens=c, concurrency=n).components[
            Component.KV_CACHE
        ]

    assert cache(2 * requests, context) == 2 * cache(requests, context)
    assert cache(requests, 2 * context) == 2 * cache(requests, context)
    # Llama-2-7B: two tensors, 32 layers, 4096 wide, 2 bytes = 0.5 MiB a token
    assert cache(1, 1) == 524_288


@pytest.mark.parametrize(("rank", "bytes_"), [(16, 2 * 8_388_608)])  # R063: two bytes a parameter
def test_an_adapter_file_is_megabytes(rank: int, bytes_: int) -> None:
    assert lora_parameters(LLAMA, rank, "q_proj v_proj") * parts.HALF_BYTES == bytes_


def test_formats_are_ordered_by_size() -> None:
    sizes = [weight_bytes(LLAMA, name) for name in ("nf4-double", "nf4", "int8", "bf16", "fp32")]
    assert sizes == sorted(sizes)


@pytest.mark.real
def test_the_formula_keeps_its_accuracy_on_published_rows(shared: Path) -> None:
    text = (shared / "reference" / "memory" / "vram_truth.csv").read_text(encoding="utf-8")
    ratios: list[float] = []
    covered: list[bool] = []
    for row in csv.DictReader(text.splitlines()):
        if row["task"] != "train" or row["quality"] != "A" or not row["peak_mem_gib"]:
            continue
        got = answer_row("vram", row)
        if not got["error"]:
            column = "reserved_gib" if "reserved" in row["mem_metric"] else "allocated_gib"
            truth = float(row["peak_mem_gib"])
            ratios.append(float(got[column]) / truth)
            covered.append(float(got["low_gib"]) <= truth <= float(got["high_gib"]))
    errors = np.abs(np.array(ratios) - 1)
    assert len(errors) >= 200
    assert np.median(errors) <= 0.02  # the target of a formula without torch is 0.10 and 0.25
    assert np.quantile(errors, 0.9) <= 0.05
    assert np.mean(covered) >= 0.85


def test_gib_is_binary() -> None:
    assert GIB == 1_073_741_824
