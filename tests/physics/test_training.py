"""Training time: FLOPs by hand, hours and dollars by hand, laws of speed, accuracy on published rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import cards, find_card, find_model
from advisor.data_files import constants
from advisor.machine import measure_matmul_flops_per_second
from advisor.memory_setup import Method, TrainingSetup
from advisor.shape import matmul_parameters
from advisor.training import (
    link_bytes_per_second,
    local_training_hours,
    side_by_side_seconds,
    training_flops,
    training_hours,
    training_speed,
    training_usd,
)
from advisor.training_fill import Fill, unpacked_fill
from advisor.training_work import (
    Kernels,
    attention_flops_per_token,
    elementwise_bytes_per_token,
    matmul_flops_per_token,
    passes_flops_per_parameter,
    score_bytes_per_token,
    step_work,
)
from pricing.figure import Kind, assumed, derive

LLAMA = find_model("meta-llama/Llama-2-7b-hf")
A100 = find_card("A100-SXM-80")
PACKED_QLORA = TrainingSetup(method=Method.QLORA, sequence_tokens=4096, micro_batch=4, weight_format="nf4-double")


@pytest.mark.parametrize(
    ("full", "checkpointing", "expected"), [(True, False, 6), (True, True, 8), (False, False, 4), (False, True, 6)]
)
def test_flops_of_the_methods(full: bool, checkpointing: bool, expected: int) -> None:
    assert passes_flops_per_parameter(full, checkpointing) == expected


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (matmul_flops_per_token(7e9, 6), 42e9),
        (attention_flops_per_token(32, 4096, 2048, 6), 32 * 4096 * 2048 * 6),
        (training_flops(1e6, 42e9), 42e15),
        (training_hours(7_200_000, 1000), 2),  # 7.2 million tokens at a thousand a second
        (training_hours(7_200_000, 1000, 0.5), 2.5),
        (training_usd(2.5, 2.0, 4), 20),
        (local_training_hours(100, 3600, 1e9, 2e10, 0.5, 0.0), 10),  # 3.6e12 FLOP at 1e10 a second is 360 s a step
        (local_training_hours(3600, 1, 0.0, 1e9, 0.5, 2.0), 2),  # overhead alone: 3600 steps of 2 s
        (local_training_hours(3600, 1, 0.0, 1e9, 0.5, 0.5, 4), 2),  # 4 parts of a step, half a second each
        (elementwise_bytes_per_token(2, 10, 2, 30, 40), 2 * 2 * (11 * 2 * 10 + 4 * 30 + 5 * 40)),  # 2160
        (score_bytes_per_token(2, 4, 100), 22 * 800),  # 800 scores a token
        (side_by_side_seconds(3.0, 0.0), 3),
        (side_by_side_seconds(1.0, 1.0), 2**0.25),  # two alike: a fifth longer than either
    ],
)
def test_formulas_by_hand(got: float, expected: float) -> None:
    assert got == pytest.approx(expected)


def test_hours_and_dollars_work_as_derived_figures() -> None:
    hours = derive(
        "hours",
        training_hours,
        training_tokens=assumed("tokens", 3_600_000, "tokens", "a test"),
        tokens_per_second=assumed("speed", 1000.0, "tokens_per_second", "a test"),
    )
    dollars = derive(
        "dollars",
        training_usd,
        run_hours=hours,
        usd_per_gpu_hour=assumed("price", 1.5, "usd_per_gpu_hour", "a test"),
    )
    assert (hours.value, dollars.value, dollars.unit) == (1.0, 1.5, "usd")


@pytest.mark.parametrize("card", sorted(cards()))
@pytest.mark.parametrize("method", [Method.FULL, Method.LORA, Method.QLORA])
def test_no_card_is_faster_than_its_stated_rate(card: str, method: Method) -> None:
    setup = TrainingSetup(method=method, sequence_tokens=2048, micro_batch=2)
    got = training_speed(LLAMA, find_card(card), setup)
    assert 0 < got.hardware_flops_share < 1
    assert got.low < got.tokens_per_second < got.high


@given(st.integers(1, 32), st.integers(64, 4096))
def test_a_larger_batch_is_never_slower_per_token(batch: int, tokens: int) -> None:
    def speed(n: int) -> float:
        setup = TrainingSetup(method=Method.LORA, sequence_tokens=tokens, micro_batch=n)
        return training_speed(LLAMA, A100, setup).tokens_per_second

    assert speed(batch + 1) >= speed(batch) * 0.999999


def test_causes_add_up_to_the_step() -> None:
    got = training_speed(LLAMA, A100, PACKED_QLORA)
    assert sum(got.seconds_by_cause.values()) == pytest.approx(got.micro_step_seconds)
    assert 4 * 4096 / got.micro_step_seconds == pytest.approx(got.tokens_per_second)


def test_padding_is_computed_but_not_counted() -> None:
    packed = training_speed(LLAMA, A100, PACKED_QLORA).tokens_per_second
    half = training_speed(LLAMA, A100, PACKED_QLORA, Fill(real_share=0.5, padded_share=1.0)).tokens_per_second
    assert half == pytest.approx(packed / 2)
    assert training_speed(LLAMA, A100, PACKED_QLORA, unpacked_fill(4096, 4)).tokens_per_second < packed


def test_recomputation_costs_time() -> None:
    kept = TrainingSetup(method=Method.LORA, sequence_tokens=2048, checkpointing=False)
    again = TrainingSetup(method=Method.LORA, sequence_tokens=2048, checkpointing=True)
    assert training_speed(LLAMA, A100, kept).tokens_per_second > training_speed(LLAMA, A100, again).tokens_per_second


def speed(**changed: object) -> float:
    """Return tokens a second of QLoRA on Llama-2-7B and an A100, with settings changed."""
    return training_speed(LLAMA, A100, replace(PACKED_QLORA, **changed)).tokens_per_second


def test_fused_kernels_are_no_slower_and_eager_attention_no_faster() -> None:
    plain = training_speed(LLAMA, A100, PACKED_QLORA)
    fused = training_speed(LLAMA, A100, PACKED_QLORA, kernels=Kernels(fused=True))
    assert fused.tokens_per_second > plain.tokens_per_second
    assert speed(attention="eager") < plain.tokens_per_second


def test_a_loop_over_experts_waits_for_launches() -> None:
    mixtral = find_model("mistralai/Mixtral-8x7B-v0.1")
    looped = training_speed(mixtral, A100, replace(PACKED_QLORA, sequence_tokens=256, micro_batch=1))
    grouped = training_speed(
        mixtral, A100, replace(PACKED_QLORA, sequence_tokens=256, micro_batch=1), kernels=Kernels(grouped=True)
    )
    assert looped.seconds_by_cause["launch"] > 1.5 * grouped.seconds_by_cause["launch"]


def test_short_micro_batches_wait_for_launches_and_long_ones_do_not() -> None:
    assert speed(sequence_tokens=128, micro_batch=1) < speed(sequence_tokens=4096, micro_batch=1) / 3
    short = training_speed(LLAMA, A100, replace(PACKED_QLORA, sequence_tokens=128, micro_batch=1))
    assert max(short.seconds_by_cause, key=short.seconds_by_cause.__getitem__) == "launch"


@given(st.integers(2, 7), st.integers(1, 4096))
def test_another_card_of_the_node_adds_speed_and_none_is_faster_than_a_card_alone(cards: int, tokens: int) -> None:
    def each(n: int) -> float:
        setup = TrainingSetup(method=Method.LORA, sequence_tokens=tokens, cards=n)
        return training_speed(LLAMA, A100, setup).tokens_per_second

    assert each(cards + 1) * (cards + 1) > each(cards) * cards
    assert each(cards) <= each(1)


def test_a_node_is_as_wide_as_its_network() -> None:
    pcie = find_card("A100-PCIe-80")
    assert link_bytes_per_second(A100, 8) == A100.link_bytes_per_second == 300e9
    assert link_bytes_per_second(A100, 16) == 200e9  # 8 x 200 Gbit/s
    assert link_bytes_per_second(find_card("H100-SXM"), 16) == 400e9
    assert link_bytes_per_second(pcie, 16) == pcie.link_bytes_per_second  # its own link is the narrower


def test_bytes_between_cards_by_hand() -> None:
    count = 6_738_415_616  # parameters of Llama-2-7B
    full = TrainingSetup(method=Method.FULL, sequence_tokens=512, cards=2)
    assert step_work(LLAMA, full).communicated_bytes == 3 * 2 * count / 2  # three trips of 16 bits, half from the other
    lora = TrainingSetup(method=Method.LORA, sequence_tokens=512, cards=4)
    assert step_work(LLAMA, lora).communicated_bytes == 2 * 2 * count * 3 / 4
    assert step_work(LLAMA, replace(full, cards=1)).communicated_bytes == 0


def test_preference_pairs_are_two_rows_and_a_reference() -> None:
    alone = step_work(LLAMA, PACKED_QLORA)
    pairs = step_work(LLAMA, replace(PACKED_QLORA, reference="adapter"))
    assert pairs.tokens == 2 * alone.tokens
    assert pairs.matmul_flops == alone.matmul_flops * 2 * (4 + 2 + 2) / (4 + 2)  # a forward pass more, twice the rows


# Published speeds, packed to 4096, batch of 4 (R072): traintime rows T0417, T0420, T0430, T0357
RUNS = [
    ("mistralai/Mistral-7B-v0.1", Method.FULL, "bf16", 3417.1),
    ("mistralai/Mistral-7B-v0.1", Method.LORA, "bf16", 3896.4),
    ("mistralai/Mistral-7B-v0.1", Method.QLORA, "nf4-double", 4077.1),
    ("meta-llama/Meta-Llama-3-8B", Method.FULL, "bf16", 3299.9),
]


@pytest.mark.parametrize(("model", "method", "weights", "tokens_per_second"), RUNS)
def test_published_speeds_lie_in_the_interval(
    model: str, method: Method, weights: str, tokens_per_second: float
) -> None:
    setup = TrainingSetup(method=method, sequence_tokens=4096, micro_batch=4, weight_format=weights)
    got = training_speed(find_model(model), A100, setup)
    assert got.low < tokens_per_second < got.high
    assert got.tokens_per_second == pytest.approx(tokens_per_second, rel=0.25)


def test_every_constant_is_inside_its_own_bounds_and_has_a_source() -> None:
    for figure in constants("training_efficiency.csv").values():
        assert figure.low <= figure.value <= figure.high, figure.name
        assert figure.origin.note
        assert figure.kind in {Kind.MEASURED, Kind.ASSUMED}


@pytest.mark.real
def test_held_out_sources_are_predicted_within_the_target(shared: Path) -> None:
    """PHYSICS.md section 2: at most 20 % at the median, 50 % at the ninth decile; intervals that cover 85 to 95 %."""
    from benchmarks.fit_traintime import held_out, model_of, rows_of
    from benchmarks.traintime import covered_by_others, source_weighted
    from benchmarks.traintime_rows import read_cases

    cases, left = read_cases(shared / "reference" / "memory" / "traintime_truth.csv")
    ratio, fits = held_out(model_of(cases), cases)
    errors = np.abs(1 / ratio - 1)
    assert len(cases) + sum(left.values()) == 894
    assert len(errors) > 600
    assert len(fits) == 5
    assert np.median(errors) <= 0.20
    assert np.quantile(errors, 0.9) <= 0.50
    assert source_weighted(ratio, cases)[0] <= 0.20
    assert 0.85 <= covered_by_others(ratio, cases).mean() <= 0.95
    made = {row[0]: float(row[1]) for row in rows_of(model_of(cases), cases, (ratio, fits), "a day")}
    shipped = {name: float(figure.value) for name, figure in constants("training_efficiency.csv").items()}
    assert shipped == {name: pytest.approx(value, rel=0.03) for name, value in made.items()}


def test_this_machine_is_measured() -> None:
    got = measure_matmul_flops_per_second(find_model("HuggingFaceTB/SmolLM2-135M"), step_tokens=64, seconds=0.05)
    assert got.kind is Kind.MEASURED
    assert got.unit == "flops_per_second"
    assert 1e6 < got.low <= got.value <= got.high < 1e15


def test_the_head_counts_as_a_product_and_the_embedding_does_not() -> None:
    # Llama-2-7B: 6,738,415,616 in all, less the embedding 32000*4096 and 65 norms of 4096
    assert matmul_parameters(LLAMA) == 6_738_415_616 - 131_072_000 - 65 * 4096
