"""Published peaks, one row of a benchmark each, and laws between runs that differ in one thing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import find_model
from advisor.memory import training_memory, weight_bytes
from advisor.memory_layers import backward_activations, stream_bytes
from advisor.memory_serving import cached_bytes, engine_room_sequences, inference_memory
from advisor.memory_setup import Component, Method, Phase, TrainingSetup
from advisor.shape import lora_parameters, parameters
from advisor.sizing import answer_row
from pricing.units import GIB

LLAMA = find_model("meta-llama/Llama-2-7b-hf")
LLAMA_3 = find_model("meta-llama/Meta-Llama-3-8B")
MISTRAL = find_model("mistralai/Mistral-7B-v0.1")
FULL = TrainingSetup(method=Method.FULL, sequence_tokens=512, loss="fused")
LORA = TrainingSetup(method=Method.LORA, sequence_tokens=512, loss="fused")
QLORA = replace(LORA, method=Method.QLORA, weight_format="nf4-double", adapter_bytes=2)

FMS = {
    "seq_len": "4096", "grad_ckpt": "True", "attn_impl": "flash_attention_2", "packing": "True", "lora_r": "16",
    "lora_targets": "q_proj k_proj v_proj o_proj", "weights_dtype": "bfloat16", "autocast": "bf16",
    "framework": "fms-hf-tuning/TRL SFTTrainer", "versions": "transformers 4.48.1; trl 0.13.0",
}  # fmt: skip
PEFT = {
    "seq_len": "731", "micro_batch": "4", "grad_ckpt": "False", "packing": "False", "max_tokens": "731",
    "weights_dtype": "bfloat16", "autocast": "False", "adapter_dtype": "float32", "lora_targets": "q_proj v_proj",
    "attn_impl": "sdpa", "versions": "transformers 4.57.1; peft 0.18.1", "loss_impl": "transformers default",
    "model": "meta-llama/Llama-3.2-3B",
}  # fmt: skip
MISTRAL_ROW = FMS | {"model": "mistralai/Mistral-7B-v0.1"}
NF4 = {"method": "qlora", "quant": "bnb-nf4"}
# columns and the measured peak in GiB: fms-acceleration refs (A100 80GB) and PEFT method comparison (L40S, longest
# batch of 731 tokens); tokens a step, states, and losses differ, nothing is fitted
PUBLISHED = [
    (MISTRAL_ROW | {"method": "full", "micro_batch": "8", "autocast": "off"}, 67.4606),
    (MISTRAL_ROW | {"method": "lora", "micro_batch": "8", "autocast": "off", "loss_impl": "default"}, 36.0821),
    (MISTRAL_ROW | NF4 | {"micro_batch": "8", "loss_impl": "default", "kbit_prepared": "False"}, 26.4609),
    (MISTRAL_ROW | NF4 | {"micro_batch": "8", "loss_impl": "default"}, 34.4614),  # 32-bit norms: a 32-bit stream
    (MISTRAL_ROW | NF4 | {"micro_batch": "8", "loss_impl": "fast", "kbit_prepared": "False"}, 22.2795),
    (MISTRAL_ROW | NF4 | {"micro_batch": "8", "loss_impl": "liger", "n_gpus": "4"}, 25.5488),
    (FMS | NF4 | {"model": "meta-llama/Meta-Llama-3-8B", "micro_batch": "8", "loss_impl": "liger", "n_gpus": "4"},
     27.0134),
    (FMS | {"model": "meta-llama/Meta-Llama-3-8B", "method": "lora", "micro_batch": "16", "loss_impl": "liger",
            "n_gpus": "4"}, 53.4400),
    (PEFT | {"method": "lora", "lora_r": "32"}, 20.7559),
    (PEFT | {"method": "dora", "lora_r": "32"}, 22.8555),
    (PEFT | {"method": "lora", "lora_r": "32", "optimizer": "lora-fa"}, 18.8184),
    (PEFT | {"method": "full"}, 35.9023),
]  # fmt: skip


@pytest.mark.parametrize(("row", "measured_gib"), PUBLISHED)
def test_published_peaks_are_met_within_seven_per_cent(row: dict[str, str], measured_gib: float) -> None:
    got = answer_row("vram", row)
    assert got["error"] == ""
    assert float(got["allocated_gib"]) == pytest.approx(measured_gib, rel=0.07)


# (columns, measured GiB): Qwen speed benchmark, A100 80GB, 2,048 tokens generated after the prompt
SERVED = [
    ({"model": "Qwen/Qwen2.5-7B-Instruct", "seq_len": "30720", "versions": "transformers 4.46.0"}, 19.97),
    ({"model": "Qwen/Qwen2.5-7B-Instruct", "seq_len": "14336", "quant": "awq",
      "versions": "transformers 4.46.0"}, 7.92),
    ({"model": "Qwen/Qwen2-7B-Instruct", "seq_len": "30720", "versions": "transformers 4.38.2"}, 42.62),
    ({"model": "Qwen/Qwen2-1.5B-Instruct", "seq_len": "1", "versions": "transformers 4.38.2"}, 3.44),
    ({"model": "Qwen/Qwen2.5-32B-Instruct", "seq_len": "6144", "quant": "gptq-int8",
      "versions": "transformers 4.46.0"}, 35.86),
]  # fmt: skip


@pytest.mark.parametrize(("row", "measured_gib"), SERVED)
def test_published_serving_peaks_are_met_within_three_per_cent(row: dict[str, str], measured_gib: float) -> None:
    got = answer_row("vram", row | {"method": "inference", "new_tokens": "2048"})
    assert float(got["allocated_gib"]) == pytest.approx(measured_gib, rel=0.03)


def test_weights_shrink_from_full_to_lora_to_qlora() -> None:
    full, lora, qlora = (training_memory(LLAMA, s).components[Component.WEIGHTS] for s in (FULL, LORA, QLORA))
    assert full == lora == 2 * parameters(LLAMA)
    assert qlora < lora


@given(st.integers(2, 64), st.sampled_from([FULL, LORA, QLORA]), st.integers(1, 4096))
def test_sharding_never_keeps_more_on_a_card(cards: int, setup: TrainingSetup, tokens: int) -> None:
    one = replace(setup, sequence_tokens=tokens)
    for stage in (1, 2, 3):
        many = training_memory(LLAMA, replace(one, cards=cards, zero_stage=stage))
        single = training_memory(LLAMA, one)
        assert many.components[Component.WEIGHTS] <= single.components[Component.WEIGHTS]
        assert many.components[Component.OPTIMIZER] < single.components[Component.OPTIMIZER]
    assert training_memory(LLAMA, replace(one, cards=cards)).phases[Phase.STEP] < single.phases[Phase.STEP]


@given(st.integers(2, 64))
def test_each_stage_of_zero_holds_no_more_in_the_step(cards: int) -> None:
    step = [training_memory(LLAMA, replace(FULL, cards=cards, zero_stage=s)).phases[Phase.STEP] for s in range(4)]
    assert step == sorted(step, reverse=True)


def test_zero_by_hand() -> None:
    # 4 cards, half precision: weights 2, gradients 2 (twice in buckets below stage 2), states 4, temporary 2
    n = parameters(LLAMA)
    expected = {0: 2 + 4 + 4 + 2, 1: 2 + 4 + 6 / 4, 2: 2 + 2 / 4 + 6 / 4, 3: 10 / 4}
    for stage, bytes_per_parameter in expected.items():
        got = training_memory(LLAMA, replace(FULL, cards=4, zero_stage=stage)).phases[Phase.STEP]
        assert got == pytest.approx(bytes_per_parameter * n)


def test_hooks_keep_gradients_of_frozen_layers_only() -> None:
    # one hidden vector a layer and token: 4,096 tokens x 32 layers x 4,096 wide x 2 bytes = 1 GiB
    def grows(setup: TrainingSetup) -> float:
        many = replace(setup, sequence_tokens=4096, cards=2)
        gathered = training_memory(MISTRAL, many).phases[Phase.BACKWARD]
        single = replace(many, cards=1)
        return gathered - training_memory(MISTRAL, single).phases[Phase.BACKWARD]

    root, layer = 2 * 32_000 * 4096 * 2, 218_103_808 * 2  # embeddings and head; the linear maps of one layer
    adapters = lora_parameters(MISTRAL, 16, "all-linear")
    kept = parameters(MISTRAL) * 2 + adapters * (4 + 8)
    assert grows(LORA) == pytest.approx(4096 * 32 * 4096 * 2 + root + layer - kept / 2)
    whole = parameters(MISTRAL) * 6 / 2 + root / 2  # half of weights and states, and the head's gradient
    assert grows(FULL) == pytest.approx(root + 2 * layer - whole)  # gathered, and its gradients


def test_a_prepared_four_bit_base_doubles_the_stream_and_nothing_else_does() -> None:
    assert stream_bytes(MISTRAL, replace(QLORA, kbit_prepared=True)) == 4
    assert stream_bytes(MISTRAL, QLORA) == stream_bytes(MISTRAL, replace(LORA, kbit_prepared=True)) == 2
    santa = find_model("bigcode/gpt_bigcode-santacoder")
    assert stream_bytes(santa, replace(QLORA, autocast=True)) == 4  # autocast runs LayerNorm in 32 bits


def test_an_optimizer_in_the_backward_pass_holds_one_layers_gradients() -> None:
    within = training_memory(LLAMA, replace(FULL, optimizer="adamw_in_backward")).phases
    after = training_memory(LLAMA, replace(FULL, optimizer="adamw_fused")).phases
    layer = 202_375_168 * 2  # 4 x 4096^2 + 3 x 4096 x 11008, 16-bit
    assert within[Phase.STEP] == 6 * parameters(LLAMA)  # weights and two states
    # after: all gradients, and the stream's own at the very end; within: one layer's, and all that it works with
    assert after[Phase.BACKWARD_END] == 8 * parameters(LLAMA) + 512 * 4096 * 2
    work = 512 * 4096 * 2 + backward_activations(LLAMA, FULL)
    assert within[Phase.BACKWARD_END] == 6 * parameters(LLAMA) + layer + work


def test_modules_trained_beside_adapters_keep_the_models_width() -> None:
    # embeddings and head, 2 x 32,000 x 4,096: weight, gradient, two states and the temporary of one, 16 bits each
    more = training_memory(LLAMA, replace(LORA, embeddings_trained=True)).phases[Phase.STEP]
    assert more - training_memory(LLAMA, LORA).phases[Phase.STEP] == 2 * 32_000 * 4096 * 10


def test_half_trained_adapters_have_whole_weights_and_half_the_rest() -> None:
    # rank 16, all maps: weights of A and B; gradient, two states, temporary of B alone, 32 bits each
    whole = lora_parameters(LLAMA, 16, "all-linear")
    outs = (4 * 4096 + 2 * 11008 + 4096) * 16 * 32
    got = training_memory(LLAMA, replace(LORA, halves_trained=True))
    assert got.components[Component.ADAPTERS] == whole * 4
    assert got.phases[Phase.STEP] == 2 * parameters(LLAMA) + whole * 4 + outs * 16


def test_offloading_takes_states_off_the_card() -> None:
    assert training_memory(LLAMA, replace(FULL, states_offloaded=True)).components[Component.OPTIMIZER] == 0
    assert training_memory(LLAMA, replace(FULL, weights_offloaded=True)).components[Component.WEIGHTS] == 0


def test_a_preference_pair_is_two_sequences_and_a_copied_reference_a_second_model() -> None:
    pair = replace(LORA, reference="adapter")
    assert pair.step_tokens == 2 * LORA.step_tokens
    more = training_memory(LLAMA, replace(pair, reference="copy")).components[Component.WEIGHTS]
    assert more == 2 * training_memory(LLAMA, pair).components[Component.WEIGHTS]


def test_rows_end_to_end_hold_their_sum() -> None:
    assert replace(LORA, sequence_tokens=4096, micro_batch=4, row_tokens=300).step_tokens == 4096 + 3 * 300
    assert replace(LORA, sequence_tokens=200, micro_batch=4, row_tokens=300).step_tokens == 4 * 200


def test_a_sliding_window_bounds_the_cache() -> None:
    windowed = replace(MISTRAL, sliding_window=1024, sliding_layers=32)
    assert cached_bytes(windowed, 1024, 1, 2) == cached_bytes(windowed, 8192, 1, 2) == 32 * 2048 * 1024 * 2
    half = replace(MISTRAL, sliding_window=1024, sliding_layers=16)
    assert cached_bytes(half, 8192, 1, 2) == 16 * 2048 * 2 * (1024 + 8192)


def test_an_engine_gives_its_cache_what_weights_and_a_prefill_leave() -> None:
    one = inference_memory(LLAMA_3, weight_format="bf16", context_tokens=8192)
    room = engine_room_sequences(
        LLAMA_3, one, card_bytes=80 * GIB, utilisation_share=0.9, context_tokens=8192, kv_element_bytes=2
    )
    assert 52 < room < 57  # 72 - 14.96 of weights - 0.7 of a prefill, at 1 GiB a sequence of 8,192 tokens
    assert engine_room_sequences(LLAMA_3, one, card_bytes=8 * GIB, utilisation_share=0.9, context_tokens=8192) == 0


@pytest.mark.parametrize(
    ("level", "bits"), [("q8_0", 8.5008), ("q4_k_m", 4.8944), ("q2_k", 3.1593)]
)  # llama.cpp's table for Llama-3.1-8B
def test_gguf_levels_weigh_what_their_tool_says(level: str, bits: float) -> None:
    assert weight_bytes(LLAMA_3, level) == pytest.approx(parameters(LLAMA_3) * bits / 8)
