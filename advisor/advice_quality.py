"""The part of the advice on quality: is the tuned model as good as today's, and what do wrong answers cost."""

from typing import Literal

from advisor.advice_record import AdviceRecord

Compared = Literal["in pairs", "two trials", "not yet"]


class RoadErrorsRecord(AdviceRecord):
    """One scored road at the first month's volume: its success share with its 95 % interval, wrong answers, their cost.

    `loss_usd_per_month` is None where nobody has priced a wrong answer.
    """

    key: str
    title: str
    success_share: float
    low_share: float | None
    high_share: float | None
    wrong_per_month: float
    loss_usd_per_month: float | None


class QualityRecord(AdviceRecord):
    """Whether the tuned model is as good as today's within the margin, by which comparison, and what would settle it.

    `errors_counted`: the expected loss of wrong answers is inside every cost; `errors_why` says why it is not.
    """

    as_good: Literal["yes", "no", "unknown"]
    compared: Compared
    why: str
    closes_with: str | None
    error_usd: float | None
    errors_counted: bool
    errors_why: str
    roads: tuple[RoadErrorsRecord, ...]
