"""The part of the advice that says how sure it is: all ranges drawn at once, as data."""

from typing import Literal

from advisor.advice_record import AdviceRecord


class PaybackShareRecord(AdviceRecord):
    """The share of draws in which a road has repaid itself within so many months."""

    within_months: float
    share: float


class DrawnOptionRecord(AdviceRecord):
    """One road over all draws: share in which it is cheaper than today, quantiles of cost and of saving on today."""

    key: str
    title: str
    cheaper_share: float
    lifetime_p10_usd: float
    lifetime_p50_usd: float
    lifetime_p90_usd: float
    saving_p10_usd: float
    saving_p50_usd: float
    saving_p90_usd: float
    paid_back: tuple[PaybackShareRecord, ...]


class DrawnInputRecord(AdviceRecord):
    """One input that is drawn: its range, the saving (best road that trains on best hosted) at either end alone,
    what knowing it would be worth, and the chance of a wrong verdict that would then be left.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    saving_at_low_usd: float
    saving_at_high_usd: float
    information_usd: float
    wrong_share_if_known: float


class VerdictShareRecord(AdviceRecord):
    """A verdict, and the share of draws that end in it."""

    code: str
    title: str
    road: Literal["strict", "cost_only", "constraint", "none"]
    share: float


class WorthRecord(AdviceRecord):
    """The one measurement that most lowers the chance of a wrong verdict: its cost, and what it is worth, in USD."""

    name: str
    what: str
    cost_usd: float | None
    worth_usd: float
    wrong_share_before: float
    wrong_share_after: float


class UncertaintyRecord(AdviceRecord):
    """All ranges drawn at once; `same_verdict_share` is the share of draws that end in the verdict given.

    `perfect_information_usd` is what knowing every input beforehand would be worth; `inputs` the tornado, widest first.
    """

    draws: int
    seed: int
    same_verdict_share: float
    verdicts: tuple[VerdictShareRecord, ...]
    options: tuple[DrawnOptionRecord, ...]
    inputs: tuple[DrawnInputRecord, ...]
    perfect_information_usd: float
    measure: WorthRecord | None
