"""What fits a card, and which library version a row ran on."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog import find_card, find_model
from advisor.library_versions import CURRENT, RELEASES, library_version, loss_name, transformers_version
from advisor.memory import training_memory
from advisor.memory_fit import LARGEST, Rent, cheapest_rents, largest, room_on
from advisor.memory_setup import LOSSES, Method, TrainingSetup

LLAMA = find_model("meta-llama/Llama-3.1-8B")
QLORA = TrainingSetup(method=Method.QLORA, sequence_tokens=2048, weight_format="nf4-double", adapter_bytes=2)


@given(st.integers(0, LARGEST - 1))
def test_the_largest_that_holds_is_found(limit: int) -> None:
    assert largest(lambda n: n <= limit) == limit


@pytest.mark.parametrize("card", ["RTX-4090", "A100-SXM-80", "T4"])
def test_one_more_row_or_token_than_fits_does_not_fit(card: str) -> None:
    usable = find_card(card).usable_bytes
    room = room_on(LLAMA, QLORA, usable)
    assert room.fits is (room.largest_batch >= 1)

    def needs(batch: int, tokens: int) -> float:
        setup = TrainingSetup(
            method=Method.QLORA, sequence_tokens=tokens, micro_batch=batch, weight_format="nf4-double", adapter_bytes=2
        )
        return training_memory(LLAMA, setup).recommended.value

    assert needs(room.largest_batch, 2048) <= usable < needs(room.largest_batch + 1, 2048)
    assert needs(1, room.longest_sequence_tokens) <= usable < needs(1, room.longest_sequence_tokens + 1)


def test_nothing_fits_a_card_smaller_than_the_weights() -> None:
    assert room_on(LLAMA, QLORA, 4e9) == (False, 0, 0)


def test_the_cheapest_rent_of_each_card_that_holds_it() -> None:
    need = training_memory(LLAMA, QLORA)
    large, small = find_card("A100-SXM-80"), find_card("RTX-3080-10")
    rents = [Rent(large, 2.0, "a"), Rent(large, 1.5, "b"), Rent(small, 0.1, "c"), Rent(find_card("L4"), 0.7, "d")]
    assert [rent.offer for rent in cheapest_rents(need, rents)] == ["d", "b"]


@pytest.mark.parametrize(
    ("row", "version"),
    [
        ({"versions": "torch 2.4.1; transformers 4.48.1; trl 0.13.0"}, (4, 48)),
        ({}, CURRENT),
        ({"measured_date": "2024-10-18"}, (4, 30)),  # 4.45 of 25 September was not two months old
        ({"measured_date": "2024-12-03"}, (4, 45)),  # 4.46 of 24 October neither
        ({"measured_date": "2025-02-07"}, (4, 46)),
        ({"measured_date": "2023-12..2024-07"}, (4, 30)),
        ({"measured_date": "soon"}, CURRENT),
    ],
)
def test_the_version_is_stated_or_two_months_old(row: dict[str, str], version: tuple[int, int]) -> None:
    assert transformers_version(row) == version


def test_releases_are_in_order_and_a_library_not_stated_is_unknown() -> None:
    assert list(RELEASES) == sorted(RELEASES)
    assert all(day <= date(2026, 11, 21) for _, day in RELEASES)
    assert library_version({"versions": "peft 0.18.1"}, "trl") is None


@pytest.mark.parametrize(
    ("kind", "version", "family", "autocast", "name"),
    [
        ("full", (5, 0), "llama", True, "full"),
        ("full", (4, 45), "llama", False, "shifted"),
        ("fast", (4, 48), "llama", False, "fast"),
        ("fast", (4, 45), "granite", False, "fast_shifted"),
        ("full", (4, 48), "gpt_bigcode", False, "plain"),
        ("full", (4, 48), "gpt_bigcode", True, "plain_autocast"),
        ("fast", (4, 48), "gpt_bigcode", True, "fast_plain_autocast"),
        ("full", (5, 0), "gpt_bigcode", True, "full"),
        ("full", (5, 0), "qwen", False, "plain"),  # its own code, in every version
        ("fused", (4, 45), "qwen", False, "fused"),
        ("engine", (5, 0), "llama", False, "engine"),
    ],
)
def test_a_loss_is_keyed_by_version_family_and_autocast(
    kind: str, version: tuple[int, int], family: str, autocast: bool, name: str
) -> None:
    assert loss_name(kind, version, family, autocast=autocast) == name
    assert name in LOSSES
