"""How full a batch is: tokens of text in it, and tokens computed because rows are padded to the longest of a batch.

Rule 1  Known lengths decide: the longest of a random batch is an exact sum over the sorted lengths, nothing is drawn.
Rule 2  Where lengths are unknown, rows of instruction data are assumed, not a share of the cap: a cap says little.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from pricing.figure import assumed

MEAN_ROW_TOKENS: Final = assumed(
    "row_tokens",
    300,
    "tokens",
    "instruction rows by their tokenizers: MetaMathQA 210, Orca-Math 285 (traintime rows T0002, T0533: tokens a second "
    "times seconds a step over rows a step)",
    low=120,
    high=900,
)
"""Mean tokens of a row of instruction data, where nothing is known about the data."""

STEEPNESS: Final = 3.3
"""Of log-logistic row lengths: longest of 2, 4, 8 rows over the mean is 1.31, 1.71, 2.2; seen 1.27, 1.54, 1.81 (T0529
to T0536) in short mathematics; chats spread wider."""
QUANTILES: Final = 64  # an assumed distribution stands as so many equally likely lengths


class Fill(NamedTuple):
    """Tokens a row holds and tokens a row costs, as shares of the sequence cap; `known` if from data or packed."""

    real_share: float
    padded_share: float
    known: bool = True


PACKED: Final = Fill(real_share=1.0, padded_share=1.0)


def longest_of_batch_tokens(lengths_tokens: Sequence[float], batch_rows: int) -> float:
    """Return the expected longest of `batch_rows` rows drawn at random (with replacement) from these lengths.

    Exact: the i-th of n sorted lengths is the longest with probability (i/n)^b - ((i-1)/n)^b.
    """
    count = len(lengths_tokens)
    below = [(i / count) ** batch_rows for i in range(count + 1)]
    return sum(length * (below[i + 1] - below[i]) for i, length in enumerate(sorted(lengths_tokens)))


def padding_efficiency_share(lengths_tokens: Sequence[float], batch_rows: int) -> float:
    """Return tokens of text over tokens computed, for rows padded to the longest of each batch."""
    return sum(lengths_tokens) / len(lengths_tokens) / longest_of_batch_tokens(lengths_tokens, batch_rows)


def fill_of_lengths(
    lengths_tokens: Sequence[float], cap_tokens: float, batch_rows: int, *, padding_free: bool = False
) -> Fill:
    """Return the fill of batches of rows with these lengths, cut at the cap; `padding_free` computes no padding."""
    cut = [min(length, cap_tokens) for length in lengths_tokens]
    real = sum(cut) / len(cut)
    computed = real if padding_free else longest_of_batch_tokens(cut, batch_rows)
    return Fill(real_share=real / cap_tokens, padded_share=computed / cap_tokens)


@cache
def spread_lengths_tokens(mean_tokens: float) -> tuple[float, ...]:
    """Return equally likely row lengths with this mean, spread as instruction data is (log-logistic)."""
    middles = [(i + 0.5) / QUANTILES for i in range(QUANTILES)]
    raw = [(q / (1 - q)) ** (1 / STEEPNESS) for q in middles]
    scale = mean_tokens * QUANTILES / sum(raw)
    return tuple(scale * value for value in raw)


@cache
def unpacked_fill(
    cap_tokens: float, batch_rows: int, mean_tokens: float | None = None, padding_free: bool = False
) -> Fill:
    """Return the fill of rows that are not packed: of the stated mean length, or of an assumed one (then not known)."""
    mean = float(MEAN_ROW_TOKENS.value) if mean_tokens is None else mean_tokens
    fill = fill_of_lengths(spread_lengths_tokens(mean), cap_tokens, batch_rows, padding_free=padding_free)
    return fill if mean_tokens is not None else fill._replace(known=False)
