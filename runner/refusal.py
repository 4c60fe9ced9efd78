"""A reason not to go on, with its next step: what the gate and the stages say when they refuse."""

from collections.abc import Sequence
from dataclasses import dataclass

MAKE_AGAIN = "make the plan again: advise SCENARIO --plan FILE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to run: the rule's name, what was found, and the next step."""

    rule: str
    found: str
    remedy: str

    def __str__(self) -> str:
        """Return the line a reader gets."""
        return f"{self.rule}: {self.found}; {self.remedy}"


class RefusedError(RuntimeError):
    """The gate refused; `refusals` has every reason."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("\n".join(str(refusal) for refusal in refusals))
