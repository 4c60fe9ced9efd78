"""What a run really cost as FOCUS rows: each attempt's hours at its metered rate, and the idle hours before it.

Rule 1  A charge that crosses the end of a calendar month, UTC, is cut there: a bill is a month's.
Rule 2  Hours are rounded to 1e-12; each attempt's rows then sum to the ledger's amount within a billionth of a dollar.
Rule 3  An own machine sends no invoice: BilledCost is 0 there, and EffectiveCost is what the stated rate makes of it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pricing.focus import Charge, to_csv
from pricing.units import MONTHS_PER_YEAR, SECONDS_PER_HOUR

OURSELVES: Final = "own organisation"
HOURS: Final = Decimal("1e-12")
"""Rule 2: at a thousand dollars an hour still a billionth."""
PRODUCT: Final = ("Compute", "Virtual Machines")
SOLD: Final = ("gpu", "serverless")
"""Kinds of price whose names begin with a vendor."""


def month_of(at: datetime) -> tuple[datetime, datetime]:
    """Return the first moment of the calendar month and of the next one."""
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    years, month = divmod(first.month, MONTHS_PER_YEAR)
    return first, first.replace(year=first.year + years, month=month + 1)


def cut(starts: datetime, seconds: Decimal) -> Iterator[tuple[datetime, datetime, Decimal]]:
    """Yield (start, end, seconds) within one month each; the seconds sum exactly, ends are whole seconds."""
    while seconds > 0:
        room = Decimal(str((month_of(starts)[1] - starts).total_seconds()))
        part = min(seconds, room)
        ends = starts + timedelta(seconds=max(1, int(part.to_integral_value("ROUND_CEILING"))))
        yield starts, min(ends, month_of(starts)[1]), part
        starts, seconds = month_of(starts)[1], seconds - part


def spans(attempt: dict[str, Any]) -> Iterator[tuple[str, datetime, Decimal]]:
    """Yield what an attempt is billed for, from when, and its seconds: the idle time before it, and its own."""
    starts = datetime.fromisoformat(attempt["started"]).astimezone(UTC).replace(microsecond=0)
    idle = Decimal(str(attempt["idle_seconds"] or 0))
    if idle > 0:
        yield "idle between attempts", starts - timedelta(seconds=int(idle.to_integral_value("ROUND_CEILING"))), idle
    yield "training run", starts, Decimal(str(attempt["seconds"]))


def seller_of(machine: dict[str, Any]) -> str:
    """Return who bills a machine's hours: the vendor in its price's name (`price.gpu.gcp/L4/...`), else its own."""
    if machine["kind"] != "rented":
        return OURSELVES
    kind, _, product = machine["rate_source"].partition(".")[2].partition(".")
    return product.partition("/")[0] if kind in SOLD and product else machine["name"]


def charges(report: dict[str, Any]) -> Iterator[Charge]:
    """Yield every charge of every attempt."""
    machine, scenario = report["machine"], report["scenario"]
    rented, seller = machine["kind"] == "rented", seller_of(machine)
    for attempt in report["attempts"]:
        for what, starts, seconds in spans(attempt):
            for first, last, part in cut(starts, seconds):
                yield Charge(
                    description=f"{what}, attempt {attempt['number']} of plan {report['plan_id'][:12]}",
                    provider=seller,
                    service="GPU rental" if rented else "Own machine",
                    category=PRODUCT[0],
                    subcategory=PRODUCT[1],
                    quantity=(part / SECONDS_PER_HOUR).quantize(HOURS),
                    unit="Hours",
                    unit_price=Decimal(attempt["usd_per_hour"]),
                    starts=first,
                    ends=last,
                    period=month_of(first),
                    sku=machine["card"] or machine["name"],
                    meter="Machine Hours",
                    resource=report["plan_id"][:12],
                    invoiced=rented,
                    scenario=scenario,
                )


def render(report: dict[str, Any]) -> str:
    """Return the rows as a FOCUS file; raises ValueError where nothing was spent."""
    made = list(charges(report))
    if not made:
        message = "no attempt has begun, so nothing was spent and there is no row"
        raise ValueError(message)
    return to_csv(made)
