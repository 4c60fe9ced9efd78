"""What is found about training data, as data; the checks that find it are in advisor.readiness."""

from dataclasses import dataclass
from enum import StrEnum

from advisor.answer import Answer


class Severity(StrEnum):
    """What a finding does to the answer (Rule 3)."""

    BLOCKS = "blocks"
    OPEN = "open"
    WARNS = "warns"


@dataclass(frozen=True, slots=True)
class DataFinding:
    """One thing found about the data: `rows` are concerned, the first few by their `lines`, and what cures it."""

    code: str
    severity: Severity
    why: str
    remedy: str
    rows: int = 0
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return `blocks: 3 of 40 rows cannot be read (lines 7, 9, 12); mend or remove these rows`."""
        dots = ", ..." if self.rows > len(self.lines) else ""
        lines = f" (line{'s' if self.rows > 1 else ''} {', '.join(map(str, self.lines))}{dots})" if self.lines else ""
        return f"{self.severity.value}: {self.why}{lines}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the data may be trained on, its tier, its usable rows (None: unknown), and all findings."""

    answer: Answer
    tier: str
    usable_rows: int | None
    findings: tuple[DataFinding, ...]
