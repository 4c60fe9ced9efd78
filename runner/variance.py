"""Predicted against actual, and why the money differs: price, quantity, efficiency, scope. Exact, and pure.

With R the planned rate, t the planned and u the productive seconds of a stage, q its planned and n its unique units of
work (steps; without steps n / q is 1):

    price       actual money - R x actual seconds                    an hour cost more or less than planned
    quantity    R x (n / q - 1) x t                                  more or less work, at the planned speed
    efficiency  R x (u - n / q x t)                                  the same work, slower or faster than planned
    scope       R x (all other seconds) - planned seconds not used   redone work, restarts, idle, start-up past what
                                                                     was planned for it, stages that were not planned,
                                                                     or planned and not reached

They sum to actual - predicted by algebra. Every line is computed as a fraction and booked as the difference of rounded
running totals, so the booked lines sum exactly too and none of them is a plug.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from pricing.units import SECONDS_PER_HOUR
from runner.replay import NANO_USD

Cause = Literal["price", "quantity", "efficiency", "scope"]
CAUSES: tuple[Cause, ...] = ("price", "quantity", "efficiency", "scope")
ESCALATION_SHARE = 0.15  # the finance partner's threshold: past 15 % a difference is explained to somebody


@dataclass(frozen=True, slots=True)
class StageActual:
    """One stage as planned and as it went; planned_seconds is None for a stage not in the plan.

    `planned_units` and `unique_units` are both None where the stage has no unit of work. `reached` is False for a
    planned stage that never began; `other_seconds` were redone or restarts.
    """

    name: str
    planned_seconds: Decimal | None
    planned_units: Decimal | None
    unique_units: Decimal | None
    productive_seconds: Decimal
    other_seconds: Decimal
    reached: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One booked line; positive is adverse (it cost more)."""

    cause: Cause
    where: str
    usd: Decimal
    sentence: str

    @property
    def direction(self) -> str:
        """Return favourable, adverse or none."""
        return direction(self.usd)


def direction(usd: Decimal) -> str:
    """Return how a difference in cost reads."""
    if usd == 0:
        return "none"
    return "adverse" if usd > 0 else "favourable"


@dataclass(frozen=True, slots=True)
class MoneyVariance:
    """Predicted and actual money, and the lines between them, which sum to actual - predicted exactly."""

    predicted_usd: Decimal
    actual_usd: Decimal
    lines: tuple[Line, ...]

    def total(self, cause: Cause) -> Decimal:
        """Return the sum of a cause's lines."""
        return sum((line.usd for line in self.lines if line.cause == cause), Decimal(0))


Draft = tuple[Cause, str, Fraction, str]


def work_ratio(stage: StageActual) -> Fraction:
    """Return unique over planned units; 1 where the stage has no unit of work or none was planned."""
    if not stage.planned_units or stage.unique_units is None:
        return Fraction(1)
    return Fraction(stage.unique_units) / Fraction(stage.planned_units)


def stage_drafts(stage: StageActual, usd_per_second: Fraction) -> Iterable[Draft]:
    """Yield one stage's lines in dollars."""
    productive, other = Fraction(stage.productive_seconds), Fraction(stage.other_seconds)
    if stage.planned_seconds is None:
        yield "scope", stage.name, usd_per_second * (productive + other), f"{stage.name} was not in the plan"
        return
    planned = Fraction(stage.planned_seconds)
    if not stage.reached:
        usd = usd_per_second * (productive + other - planned)
        yield "scope", stage.name, usd, f"{stage.name} was planned, and not reached"
        return
    ratio = work_ratio(stage)
    unique, units = float(stage.unique_units or 0), float(stage.planned_units or 0)
    done = f"{unique:g} of {units:g} planned steps" if units else "as planned"
    yield "quantity", stage.name, usd_per_second * (ratio - 1) * planned, f"{stage.name}: {done}, at planned speed"
    at_plan = ratio * planned
    pace = f"{float(productive):.1f} s for work planned at {float(at_plan):.1f} s"
    yield "efficiency", stage.name, usd_per_second * (productive - at_plan), f"{stage.name}: {pace}"
    text = f"{stage.name}: {float(other):.1f} s redone or restarting"
    yield "scope", stage.name, usd_per_second * other, text


def money_variance(
    predicted_usd: Decimal,
    planned_usd_per_hour: Decimal,
    actual_usd: Decimal,
    idle_seconds: Decimal,
    setup_seconds: Decimal,
    planned_setup_seconds: Decimal,
    stages: Sequence[StageActual],
) -> MoneyVariance:
    """Return the variance between two amounts booked to NANO_USD.

    Actual seconds are those of the stages, plus idle and setup (process start and end). A prediction that is not the
    seconds of its stages and its setup at the planned rate differs by a scope line of its own.
    """
    usd_per_second = Fraction(planned_usd_per_hour) / SECONDS_PER_HOUR
    actual_seconds = sum(
        (Fraction(stage.productive_seconds) + Fraction(stage.other_seconds) for stage in stages),
        Fraction(idle_seconds) + Fraction(setup_seconds),
    )
    extra_setup = Fraction(setup_seconds) - Fraction(planned_setup_seconds)
    planned_seconds = sum((Fraction(stage.planned_seconds or 0) for stage in stages), Fraction(planned_setup_seconds))
    planned = planned_seconds * usd_per_second
    predicted, actual = predicted_usd.quantize(NANO_USD), actual_usd.quantize(NANO_USD)
    at_planned_rate = usd_per_second * actual_seconds
    drafts: list[Draft] = [
        (
            "price",
            "run",
            Fraction(actual) - at_planned_rate,
            price_sentence(planned_usd_per_hour, actual, actual_seconds),
        ),
        *(draft for stage in stages for draft in stage_drafts(stage, usd_per_second)),
        (
            "scope",
            "start and end",
            usd_per_second * extra_setup,
            f"{setup_seconds} s outside any stage, planned {planned_setup_seconds} s",
        ),
        ("scope", "idle", usd_per_second * Fraction(idle_seconds), f"{idle_seconds} s billed between attempts"),
        ("scope", "plan", planned - Fraction(predicted), "the plan's total against its stages at its own rate"),
    ]
    return MoneyVariance(predicted, actual, tuple(book(drafts)))


def price_sentence(planned_usd_per_hour: Decimal, actual_usd: Decimal, actual_seconds: Fraction) -> str:
    """Return what an hour cost, against the plan."""
    if actual_seconds == 0:
        return "no time was billed"
    paid = float(Fraction(actual_usd) * SECONDS_PER_HOUR / actual_seconds)
    return f"an hour cost {paid:.4f} USD, planned {float(planned_usd_per_hour):.4f}"


def book(drafts: Sequence[Draft]) -> list[Line]:
    """Return the lines booked as differences of rounded running totals: they sum to the rounded sum.

    Each is within one NANO_USD of its fraction; lines that book nothing are left out.
    """
    lines: list[Line] = []
    running, booked = Fraction(0), Decimal(0)
    for cause, where, usd, sentence in drafts:
        running += usd
        total = rounded(running)
        if total != booked:
            lines.append(Line(cause, where, total - booked, sentence))
        booked = total
    return lines


def rounded(usd: Fraction) -> Decimal:
    """Return the amount to the nearest NANO_USD (half to even)."""
    return Decimal(round(usd / Fraction(NANO_USD))) * NANO_USD


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity, predicted and actual in `unit`; None where it is not known, with the reason in `note`.

    `grade` is the weakest letter the prediction rests on: q, m or a.
    """

    where: str
    name: str
    unit: str
    grade: str
    predicted: float | None
    low: float | None
    high: float | None
    actual: float | None
    note: str

    @property
    def ratio(self) -> float | None:
        """Return actual over predicted, None where one is not known or nothing was predicted."""
        return self.actual / self.predicted if self.predicted and self.actual is not None else None

    @property
    def inside(self) -> bool | None:
        """Return whether the actual lies in the predicted interval."""
        if self.actual is None or self.low is None or self.high is None:
            return None
        return self.low <= self.actual <= self.high

    @property
    def escalate(self) -> bool:
        """Return whether the difference is past ESCALATION_SHARE, either way."""
        return self.ratio is not None and abs(self.ratio - 1) > ESCALATION_SHARE
