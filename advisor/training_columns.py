"""Reads the columns of one training question that only its speed depends on: fill of batches, kernels, harness words.

Words of measured tables are understood: `padding-free`, `liger`, `foak`, `scattermoe` in `kernels` or in the notes.
"""

import re
from typing import Final

from advisor.columns import Reader, Row
from advisor.memory_setup import TrainingSetup
from advisor.training_fill import PACKED, Fill, fill_of_lengths, unpacked_fill
from advisor.training_work import Kernels

FUSED_WORDS: Final = ("liger", "unsloth", "foak", "fused", "triton", "transformer engine")
"""Kernels that do norms, rotations, activations and losses in one pass each."""
GROUPED_WORDS: Final = ("scattermoe", "megablocks", "grouped")
"""Kernels that multiply the rows of all experts in one launch."""
PADDING_FREE_WORDS: Final = ("padding-free", "padding_free", "varlen")


def words_of(row: Row) -> str:
    """Return the words that say whose kernels run: `kernels`, else what a measured table notes as its framework."""
    reader = Reader(row)
    noted = re.search(r"framework_config=([\w.-]+)|TE\+triton", reader.text("notes"))
    return " ".join((reader.text("kernels"), reader.text("loss_impl"), noted[0] if noted else "")).lower()


def kernels_of(row: Row) -> Kernels:
    """Return whose kernels a row's run uses; PyTorch's own where it does not say."""
    words = words_of(row)
    return Kernels(any(word in words for word in FUSED_WORDS), any(word in words for word in GROUPED_WORDS))


def fill_of(row: Row, setup: TrainingSetup) -> Fill:
    """Return how full a row's batches are: packed or padded to the cap, of stated lengths, or assumed.

    `row_tokens` lists lengths (`120 340 80`); `mean_tokens` states their mean, `padded_tokens` what is computed.
    """
    reader = Reader(row)
    packed = reader.flag("packing", True)
    mean, computed = reader.number("mean_tokens", 0, least=0), reader.number("padded_tokens", 0, least=0)
    lengths = [float(word) for word in reader.text("row_tokens").replace(",", " ").split() if word.isdigit()]
    reader.done()
    cap, free = setup.sequence_tokens, any(word in words_of(row) for word in PADDING_FREE_WORDS)
    if packed or "padded to model_max_length" in reader.text("seq_len_kind"):
        return PACKED
    if lengths:
        return fill_of_lengths(lengths, cap, setup.micro_batch, padding_free=free)
    if mean and computed:
        return Fill(real_share=min(1.0, mean / cap), padded_share=min(1.0, max(mean, computed) / cap))
    return unpacked_fill(cap, setup.micro_batch, mean or None, free)
