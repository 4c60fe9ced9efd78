"""Which side of a split a row is on: by a hash of its group, else of what it asks. Pure, and the same on every machine.

Rule 1  The side depends on the row alone: more rows, or another order, move no row to the other side.
Rule 2  Rows of one group, or that ask the same, are on one side.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from advisor.checks.records import Row
from advisor.checks.sieve import normalised, prompt_key

HASH_BYTES: Final = 8  # of sha256: 2**64 places on the line from 0 to 1


def place_of(row: Row) -> float:
    """Return where between 0 and 1 a row lies; the same for all rows of its group."""
    key = row.about.group or prompt_key(row, normalised)
    return int.from_bytes(sha256(key.encode(errors="surrogatepass")).digest()[:HASH_BYTES], "big") / 256**HASH_BYTES


def split(rows: Sequence[Row], shares: Mapping[str, float]) -> dict[str, list[int]]:
    """Return the places of the rows on each side; `shares` in order from 0, and the last side takes the rest."""
    sides: dict[str, list[int]] = {name: [] for name in shares}
    *names, last = shares
    for place, row in enumerate(rows):
        lies, start, side = place_of(row), 0.0, last
        for name in names:
            start += shares[name]
            if lies < start:
                side = name
                break
        sides[side].append(place)
    return sides
