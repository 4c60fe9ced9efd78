"""Which library version a row ran on, and what that version's code holds in memory; pure.

Rule 1  A stated version decides; else the newest release that was two months old when the row was measured.
Rule 2  A row that states neither is taken to run on current versions.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

Version = tuple[int, int]

CURRENT: Final[Version] = (5, 0)
LAG: Final = timedelta(days=60)  # assumed: what a published benchmark's pinned requirements lag behind releases
RELEASES: Final[tuple[tuple[Version, date], ...]] = (
    ((4, 30), date(2023, 6, 8)),
    ((4, 45), date(2024, 9, 25)),
    ((4, 46), date(2024, 10, 24)),
    ((4, 50), date(2025, 3, 21)),
    ((5, 0), date(2026, 1, 26)),
)
"""Days on which the Transformers releases appeared at which memory changed (GitHub releases of the project)."""

LAST_LOGITS: Final[Version] = (4, 45)  # generation makes logits of the last prompt token only; one rotary table
LOSS_OUTSIDE: Final[Version] = (4, 46)  # the loss upcasts; before, the model did and its 16-bit logits were gone
LOSS_SHARED: Final[Version] = (4, 50)  # every family goes through one upcasting loss function
GROUPED_EXPERTS: Final[Version] = (5, 0)  # experts are one product for all tokens; before, a loop over experts

PLAIN_FAMILIES: Final = frozenset({"gpt2", "gpt_bigcode", "mpt"})
"""Families whose code never upcast its logits before LOSS_SHARED."""
OWN_CODE_FAMILIES: Final = frozenset({"qwen"})
"""Families that run their repository's own modelling code, which never upcasts."""


def library_version(row: Mapping[str, str], library: str) -> Version | None:
    """Return the stated (major, minor) of a library in column `versions`, or None."""
    found = re.search(rf"{library} (\d+)\.(\d+)", row.get("versions") or "")
    return (int(found[1]), int(found[2])) if found else None


def transformers_version(row: Mapping[str, str]) -> Version:
    """Return the Transformers version that a row ran on, by rules 1 and 2."""
    stated = library_version(row, "transformers")
    if stated:
        return stated
    days = re.findall(r"(\d{4})-(\d{2})(?:-(\d{2}))?", row.get("measured_date") or "")
    if not days:
        return CURRENT
    year, month, day = days[-1]
    known = date(int(year), max(1, min(12, int(month))), min(28, int(day or 1) or 1)) - LAG
    return max((version for version, released in RELEASES if released <= known), default=RELEASES[0][0])


def loss_name(kind: str, version: Version, family: str, *, autocast: bool) -> str:
    """Return the row of `memory_setup.LOSSES` for a loss that is `full` or `fast`; other names stand."""
    if kind not in {"full", "fast"}:
        return kind
    plain = family in OWN_CODE_FAMILIES or (family in PLAIN_FAMILIES and version < LOSS_SHARED)
    upcast = "shifted" if version < LOSS_OUTSIDE else "full"
    never = "plain_autocast" if autocast else "plain"
    name = never if plain else upcast
    return name if kind == "full" else f"fast_{name}".removesuffix("_full")
