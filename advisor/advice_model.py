"""What lets a report compute the advice again: which roads are weighed, and every verdict that money leads to.

With `figures`, which hold each number's formula and inputs, it is all that sliders or a spreadsheet need.
"""

from typing import Literal

from advisor.advice_record import AdviceRecord


class OutcomeRecord(AdviceRecord):
    """One verdict that the ladder may end in, with its road and whether it justifies a plan."""

    code: str
    title: str
    road: Literal["strict", "cost_only", "constraint", "none"]
    justified: bool
    because: str


class ModelPart(AdviceRecord):
    """How money decides, everything else as it is: keys of the roads compared, the margins, the ladder as a table.

    `ladder[i]` is a place in `outcomes`; i = 32 x volume (0 no, 1 unknown, 2 yes) + 16 x training saves the stricter
    margin + 8 x a hosted lever saves the margin + 4 x the cheapest lever is the smaller model + 2 x an untested
    smaller model would save the margin + 1 x the cheapest road that trains is a vendor's.
    `volume` and `horizon` name the inputs that set the tasks a month and the months.
    """

    today: str
    equal: tuple[str, ...]
    trained: tuple[str, ...]
    vendor: tuple[str, ...]
    smaller: str | None
    smaller_untested: bool
    margin_share: float
    strict_margin_share: float
    annual_discount_share: float
    volume: str
    horizon: str
    outcomes: tuple[OutcomeRecord, ...]
    ladder: tuple[int, ...]
