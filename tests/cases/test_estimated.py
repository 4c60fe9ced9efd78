"""Published runs through the estimators: memory within a tenth, speed within a factor of two, misses named as such."""

import pytest

from advisor.catalog import find_model
from advisor.shape import lora_parameters
from advisor.sizing import answer_row
from pricing.units import GIB

GB = 10**9
MEMORY_REL = 0.10
SPEED_FACTOR = 2.0

LLAMA_2 = {"model": "meta-llama/Llama-2-7b-hf"}
RECIPES = LLAMA_2 | {
    "method": "lora", "quant": "int8", "micro_batch": "2", "grad_accum": "4", "seq_len": "4096", "lora_r": "32",
    "lora_targets": "all-linear", "packing": "True", "kbit_prepared": "True", "attn_impl": "flash_attention_2",
}  # fmt: skip
FINANCE = {
    "model": "meta-llama/Llama-3.1-8B", "micro_batch": "4", "lora_r": "8", "seq_len": "512",
    "lora_targets": "q_proj k_proj v_proj",
}  # fmt: skip
"""Its sequence length is not published; 512 is what its short texts fit into."""
SEVENTY = {
    "model": "meta-llama/Meta-Llama-3-70B", "method": "qlora", "n_gpus": "4", "seq_len": "3072", "micro_batch": "1",
    "grad_accum": "2", "parallelism": "fsdp", "offload": "all", "gpu": "A10G",
}  # fmt: skip
BENCHMARK = LLAMA_2 | {"micro_batch": "2", "seq_len": "512", "lora_r": "16"}


def miss(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason=reason)


# columns, the estimate that the tool's reading is of, and the published bytes
MEMORY = [
    # 7.107 and 10.436 of cache as the allocator counts them, in units of 1024^3
    pytest.param(RECIPES, "reserved_gib", 17.543 * GIB, id="D01"),
    pytest.param(FINANCE | {"method": "qlora", "quant": "bnb-nf4"}, "recommended_gib", 8.26 * GB, id="D14-4bit"),
    pytest.param(FINANCE | {"method": "lora", "quant": "int8"}, "recommended_gib", 11.41 * GB, id="D14-8bit"),
    pytest.param(
        FINANCE | {"method": "lora"}, "recommended_gib", 30.91 * GB, id="D14-16bit",
        marks=miss("19.2 GB: its 16-bit row lies where weights held in 32 bits would (29.9 GiB), not in 16 (15)"),
    ),
    pytest.param(
        SEVENTY, "recommended_gib", 22 * GB, id="D15-70b-a10g",
        marks=miss("17.3 GB: what an offloaded run of 2024 keeps in flight beside its shards is not modelled"),
    ),
    pytest.param(
        BENCHMARK | {"method": "qlora"}, "recommended_gib", 7 * GB, id="D16-qlora",
        marks=miss("5.8 GB against 'about 7': no optimizer, length of rows or tool is published"),
    ),
    pytest.param(
        BENCHMARK | {"method": "lora"}, "recommended_gib", 28 * GB, id="D16-lora",
        marks=miss("16.3 GB: 6.7 billion weights in 32 bits are 27 GB, in 16 bits 13.5"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "column", "published_bytes"), MEMORY)
def test_published_memory_is_met_within_a_tenth(row: dict[str, str], column: str, published_bytes: float) -> None:
    told = answer_row("vram", row)
    assert told["error"] == ""
    assert float(told[column]) * GIB == pytest.approx(published_bytes, rel=MEMORY_REL)


# columns and the published tokens a second of all cards
SPEED = [
    # 230 steps of 18.8 s, 1,514,815 tokens five times; its card is not named: that of its own benchmark is taken
    pytest.param(RECIPES | {"gpu": "L40"}, 1_514_815 * 5 / (230 * 18.8), id="D01"),
    pytest.param(BENCHMARK | {"method": "lora", "gpu": "A100-40GB"}, 5 * 512, id="D16-lora"),  # 5 rows a second
    pytest.param(BENCHMARK | {"method": "qlora", "gpu": "A100-40GB"}, 3 * 512, id="D16-qlora"),
    pytest.param(
        SEVENTY, 80 * 3072 / 3600, id="D15-70b-a10g",  # 80 packed rows in about an hour
        marks=miss("386 against 68 tokens/s: weights that come from the host's memory every step are not modelled"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "published_tokens_per_second"), SPEED)
def test_published_speed_is_met_within_a_factor_of_two(row: dict[str, str], published_tokens_per_second: float) -> None:
    told = answer_row("train", row)
    assert told["error"] == ""
    ratio = float(told["tokens_per_s"]) * int(row.get("n_gpus", "1")) / published_tokens_per_second
    assert 1 / SPEED_FACTOR < ratio < SPEED_FACTOR


def test_four_bits_are_the_choice_for_memory_and_not_for_speed() -> None:
    # the same benchmark: 4 bits need a quarter of the memory, and 16 bits train faster (5 against 3 rows a second)
    small, large = (answer_row("train", BENCHMARK | {"method": m, "gpu": "A100-40GB"}) for m in ("qlora", "lora"))
    assert float(small["allocated_gib"]) < float(large["allocated_gib"])
    assert float(small["tokens_per_s"]) < float(large["tokens_per_s"])


@pytest.mark.parametrize(
    ("model", "rank", "targets", "published"),
    [
        ("meta-llama/Llama-2-7b-hf", 32, "all-linear", 79_953_920),  # D01
        ("meta-llama/Llama-3.1-8B", 8, "q_proj,k_proj,v_proj", 4_718_592),  # D14: 4.72 million
        ("meta-llama/Llama-3.1-8B", 4, "q_proj,k_proj,v_proj", 2_359_296),  # D14: 2.36 million
        ("meta-llama/Llama-2-7b-hf", 8, "q_proj,v_proj", 4_194_304),  # the material's count for all four: wrong
        ("meta-llama/Llama-2-7b-hf", 8, "q_proj,k_proj,v_proj,o_proj", 8_388_608),
    ],
)
def test_published_parameter_counts_are_exact(model: str, rank: int, targets: str, published: int) -> None:
    assert lora_parameters(find_model(model), rank, targets) == published
