"""What `advise vram --exact` asks of the dry run, and what it does not ask."""

import pytest

from advisor.catalog import find_model
from advisor.columns import RowFault
from advisor.exact import exact_columns, exact_text, question

ROW = {"model": "Qwen/Qwen3-8B", "method": "qlora", "seq_len": "1024", "micro_batch": "2"}


def test_a_row_is_asked_as_the_engine_runs_it() -> None:
    asked = question(ROW, find_model(ROW["model"]))
    assert asked["config"]["model_type"] == "qwen3"
    assert asked["config"]["num_hidden_layers"] == 36
    assert asked["method"]["quantisation"] == "nf4"
    assert asked["method"]["lora"] == {"rank": 16, "targets": ["all-linear"]}
    assert (asked["settings"]["max_length"], asked["settings"]["micro_batch"]) == (1024, 2)
    assert asked["loss"] == "engine"
    assert question(ROW | {"loss_impl": "liger"}, find_model(ROW["model"]))["loss"] == "fused"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"n_gpus": "2"}, "2 cards"),
        ({"method": "lora8"}, "lora8"),
        ({"optimizer": "lion"}, "lion"),
        ({"n_gpus": "4", "optimizer": "lion"}, "4 cards; it runs one; optimizer lion"),
    ],
)
def test_what_the_engine_does_not_run_is_said(more: dict[str, str], said: str) -> None:
    with pytest.raises(RowFault, match=said):
        question(ROW | more, find_model(ROW["model"]))


def test_an_answer_in_columns_and_words() -> None:
    found = {
        "allocated_bytes": 8 * 2**30, "reserved_bytes": 9 * 2**30, "peak_phase": "backward", "paged_bytes": 0,
        "components": {"weights": 5 * 2**30, "activations": 3 * 2**30},
    }  # fmt: skip
    assert exact_columns(found)["exact_allocated_gib"] == 8.0
    assert exact_columns(found)["exact_components_gib"] == {"weights": 5.0, "activations": 3.0}
    assert "10.000 (+25.0%)" in exact_text(found, 10 * 2**30)
