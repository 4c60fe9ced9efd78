"""What somebody claims about a task's money: a saving on a slide, rows under a total. Checked, never computed with."""

from typing import Annotated, Final, Self, TypeAlias

from pydantic import model_validator

from advisor.quantity import Setting, refuse
from advisor.settings import Line, Part

LARGEST: Final = "1000"  # shares claimed of the wrong base exceed 1: a tenth of the cost is nine times the new one

Amount: TypeAlias = Annotated[float, Setting("0", "1e15", whole=False)]
Saving: TypeAlias = Annotated[float, Setting(f"-{LARGEST}", LARGEST, whole=False)]


class Claim(Part):
    """One claim: a cost before and after with the share saved of it, or parts in USD with their total, or both."""

    what: Line
    before_usd: Amount | None = None
    after_usd: Amount | None = None
    saving_share: Saving | None = None
    parts_usd: tuple[Amount, ...] = ()
    total_usd: Amount | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        """Refuse a claim in which there is nothing to check."""
        saving = None not in (self.before_usd, self.after_usd, self.saving_share)
        if not saving and not (self.parts_usd and self.total_usd is not None):
            raise refuse(
                "before_usd, after_usd and saving_share, or parts_usd and total_usd", "add the missing one", "what"
            )
        return self
