"""What a run may use: the plan's limits, tightened by the caller, or raised for a recorded reason. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from advisor.plan import Limits
from runner.refusal import Refusal

LimitName = Literal["usd", "hours"]
FLAGS: dict[LimitName, str] = {"usd": "--max-usd", "hours": "--max-hours"}
UNITS: dict[LimitName, str] = {"usd": "USD", "hours": "hours"}


@dataclass(frozen=True, slots=True)
class Limit:
    """One hard stop over all attempts: what the plan allows, what the caller asked for, and why it may be more."""

    name: LimitName
    planned: Decimal
    asked: Decimal | None = None
    reason: str = ""

    @property
    def above(self) -> bool:
        """Return whether the caller asked for more than the plan allows."""
        return self.asked is not None and self.asked > self.planned

    @property
    def holds(self) -> Decimal:
        """Return the limit that holds: what was asked, but without a reason never more than the plan's."""
        if self.asked is None or (self.above and not self.reason):
            return self.planned
        return self.asked


@dataclass(frozen=True, slots=True)
class Budget:
    """Hard stops over all attempts, and those of them that were raised above the plan's."""

    usd: Decimal
    hours: Decimal
    raised: tuple[Limit, ...] = ()


def limits_of(
    planned: Limits, max_usd: Decimal | None, max_hours: Decimal | None, reason: str | None
) -> tuple[Limit, Limit]:
    """Return the limits by dollars and hours; a blank reason is none."""
    why = (reason or "").strip()
    hours = Decimal(str(planned.hours))
    return Limit("usd", planned.usd, max_usd, why), Limit("hours", hours, max_hours, why)


def budget_of(usd: Limit, hours: Limit) -> Budget:
    """Return what the limits allow."""
    return Budget(usd.holds, hours.holds, tuple(limit for limit in (usd, hours) if limit.holds > limit.planned))


def refuse_raise(limits: Sequence[Limit], reason: str | None) -> list[Refusal]:
    """Return a refusal for each limit above the plan's without a reason, and for a reason that raises nothing."""
    found = [
        Refusal(
            "limit",
            f"{FLAGS[limit.name]} {limit.asked} is above the plan's limit of {limit.planned:f} {UNITS[limit.name]}",
            "lower it, or record why it may be more: --raise-limit REASON",
        )
        for limit in limits
        if limit.above and not limit.reason
    ]
    if reason is not None and not any(limit.above for limit in limits):
        remedy = "give --max-usd or --max-hours above the plan's limit, or leave it out"
        found.append(Refusal("limit", "--raise-limit raises nothing", remedy))
    return found


def next_step(limit: Limit) -> str:
    """Return what to do where this limit stopped a run: which one it was decides."""
    flag, unit = FLAGS[limit.name], UNITS[limit.name]
    if limit.holds < limit.planned:
        return (
            f"{flag} {limit.holds} stopped it: raise it (the plan allows {limit.planned:f} {unit}) "
            "and run again to go on"
        )
    whose = "the plan's own limit" if limit.holds == limit.planned else "the raised limit"
    return (
        f"{whose} of {limit.holds:f} {unit} stopped it: to go on, run again with {flag} above it "
        "and --raise-limit REASON, which is recorded"
    )
