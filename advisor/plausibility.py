"""Is a number what it says it is? Slips of unit, percentages of another base, rows that do not add up.

Rule 1  A number outside what is usual is named with its place, the usual, its source and what was probably meant.
Rule 2  A slip of about a thousand or more is refused: nothing is computed with it until somebody says that it is right.
Rule 3  A finding never corrects a number; only its owner does.
"""

from collections.abc import Mapping, Sequence
from math import fsum, inf, log
from typing import Final, NamedTuple

from pricing.units import HOURS_PER_MONTH, LABELS, MILLISECONDS_PER_SECOND, MONTHS_PER_YEAR, SECONDS_PER_HOUR

THOUSANDFOLD: Final = 10**2.5  # nearer a thousandfold than a hundredfold
NEAR: Final = 1.25  # a stated bill is seldom exact: the factors of two slips lie further apart than this
BILL_TOLERANCE: Final = 0.15  # DESIGN 3: a bill further than this from tokens times price is reported
SUM_TOLERANCE: Final = 0.005  # half a per cent: rows that were rounded before they were added
PERCENT_POINT: Final = 0.01  # a claimed saving is rounded to whole points
DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24  # hours of a day, by definition
WORKED_HOURS_PER_MONTH: Final = 2080 / MONTHS_PER_YEAR  # a year of 52 weeks of 40 hours
GB_PER_GIB: Final = 2**30 / 10**9  # both by definition


class Band(NamedTuple):
    """What is usual, ends included, and who says so."""

    low: float
    high: float
    source: str


class Slip(NamedTuple):
    """What may have been written instead: the number times `times` is what was meant, and `told` is what was written.

    `field` is the scenario's field to write it in, where that is another one than the number's own.
    """

    times: float
    told: str
    field: str = ""


class Suspicion(NamedTuple):
    """A number that looks wrong: `found` in `unit`, what it `implies`, the usual, what was `likely` meant, what to do.

    `refused`: nothing is computed with it, until the scenario names it in `unusual`: then it is `confirmed`.
    """

    place: str
    found: float
    unit: str
    implies: str
    usual: Band
    likely: tuple[str, ...]
    next_step: str
    refused: bool
    confirmed: bool = False

    def __str__(self) -> str:
        """Return one sentence for a page."""
        meant = f"Perhaps {' or '.join(self.likely)}." if self.likely else ""
        rest = "Said to be right." if self.confirmed else f"{meant} Next: {self.next_step}".strip()
        beside = "against" if self.usual.low == self.usual.high else "usual is"
        return f"{self.place}: {self.implies}; {beside} {spoken(self.usual)}. {rest}"


def amount(number: float) -> str:
    """Return a number as a reader writes it: four digits, whole from a thousand on, never in powers of ten."""
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}" if "e" not in f"{number:.4g}" else f"{number:.10f}".rstrip("0")


def spoken(band: Band) -> str:
    """Return a band as a reader says it."""
    ends = amount(band.low) if band.low == band.high else f"{amount(band.low)} to {amount(band.high)}"
    return f"{ends} ({band.source})"


SLIPS: Final[Mapping[str, tuple[Slip, ...]]] = {
    "usd_per_hour": (
        Slip(1 / HOURS_PER_MONTH, "a month's price"),
        Slip(1 / (HOURS_PER_MONTH * MONTHS_PER_YEAR), "a year's price"),
        Slip(1 / 24, "a day's price"),
        Slip(SECONDS_PER_HOUR, "a second's price"),
        Slip(1 / 100, "cents"),
    ),
    "usd_per_million_tokens": (
        Slip(1000, "a price per thousand tokens"),
        Slip(1_000_000, "a price per token"),
        Slip(1 / 100, "cents"),
    ),
    "wage": (
        Slip(1 / WORKED_HOURS_PER_MONTH, "a month's pay"),
        Slip(1 / (WORKED_HOURS_PER_MONTH * MONTHS_PER_YEAR), "a year's pay"),
        Slip(1 / 8, "a day's rate"),
        Slip(1000, "thousands"),
    ),
    "watts": (Slip(1000, "kilowatts"), Slip(1 / 1000, "milliwatts")),
    "usd_per_kwh": (Slip(1000, "a price per watt-hour"), Slip(1 / 100, "cents"), Slip(1 / 1000, "a price per MWh")),
    "usd": (Slip(1000, "thousands"), Slip(1 / 100, "cents")),
    "milliseconds": (Slip(MILLISECONDS_PER_SECOND, "seconds"), Slip(1 / 1000, "microseconds")),
    "tasks_per_hour": (
        Slip(SECONDS_PER_HOUR, "tasks a second"),
        Slip(60, "tasks a minute"),
        Slip(1 / 24, "tasks a day"),
        Slip(1 / HOURS_PER_MONTH, "tasks a month"),
    ),
    "hours": (Slip(1 / SECONDS_PER_HOUR, "seconds"), Slip(1 / 60, "minutes"), Slip(24, "days")),
    "share": (Slip(100, "per cent of a per cent"),),
    "annual_share": (Slip(MONTHS_PER_YEAR, "a month's rate"), Slip(100, "per cent of a per cent")),
}
"""What people write instead of a unit, by definition of both; the first that lands where numbers are usual is named."""

BILL_SLIPS: Final = (
    (MONTHS_PER_YEAR, Slip(1 / MONTHS_PER_YEAR, "a year's tasks", "volume.tasks_per_month")),
    (1 / MONTHS_PER_YEAR, Slip(1 / MONTHS_PER_YEAR, "a year's bill", "today.monthly_bill_usd")),
    (1 / DAYS_PER_MONTH, Slip(DAYS_PER_MONTH, "a day's tasks", "volume.tasks_per_month")),
    (DAYS_PER_MONTH, Slip(DAYS_PER_MONTH, "a day's bill", "today.monthly_bill_usd")),
    (1 / 100, Slip(1 / 100, "cents", "today.monthly_bill_usd")),
    (1 / HOURS_PER_MONTH, Slip(HOURS_PER_MONTH, "an hour's tasks", "volume.tasks_per_month")),
    (1000, Slip(1000, "thousands of dollars", "today.monthly_bill_usd")),
    (1 / 1000, Slip(1000, "thousands of tasks", "volume.tasks_per_month")),
    (1 / 1000, Slip(1000, "a price per thousand tokens", "the price of a million tokens")),
    (1 / 1_000_000, Slip(1_000_000, "a price per token", "the price of a million tokens")),
)  # fmt: skip
"""Tokens times price over the stated bill, and the slip that explains it; by definition of both units."""


def implied_usd_per_hour(bill_usd_per_month: float, cards: float, hours_per_month: float = HOURS_PER_MONTH) -> float:
    """Return the rent of one card that a monthly bill for cards implies."""
    return bill_usd_per_month / (cards * hours_per_month)


def implied_tokens_per_second(capacity_tasks_per_hour: float, tokens_per_task: float) -> float:
    """Return the tokens a second, read and written, that a capacity implies."""
    return capacity_tasks_per_hour * tokens_per_task / SECONDS_PER_HOUR


def yearly_fold(growth_share_per_month: float) -> float:
    """Return the factor of a year of monthly growth."""
    return (1 + growth_share_per_month) ** MONTHS_PER_YEAR


def outside(found: float, band: Band) -> float:
    """Return by which factor a number lies outside a band: 1 inside, inf for a number at or below 0 that may not be."""
    if found > band.high:
        return found / band.high if band.high > 0 else inf
    if found < band.low:
        return band.low / found if found > 0 else inf
    return 1.0


def is_far(factor: float) -> bool:
    """Say whether a factor, up or down, is nearer a thousandfold than a hundredfold."""
    return factor >= THOUSANDFOLD or factor <= 1 / THOUSANDFOLD


def explained(found: float, band: Band, slips: Sequence[Slip]) -> list[Slip]:
    """Return the slips after whose correction the number is usual."""
    return [slip for slip in slips if band.low <= found * slip.times <= band.high]


def usual(
    place: str, found: float, unit: str, band: Band, slips: Sequence[Slip], implied: float | None = None, says: str = ""
) -> Suspicion | None:
    """Return what is wrong with a number outside its band, or None. Zero is a number that somebody means.

    `implied` is judged in place of the number where the band is about something else (`says` which).
    """
    judged = found if implied is None else implied
    factor = outside(judged, band)
    if factor == 1 or found == 0:
        return None
    meant = explained(judged, band, slips)
    likely = tuple(f"{slip.told}: then write {amount(found * slip.times)}" for slip in meant)
    told = f"{amount(found)} {LABELS[unit]}" + (f" is {amount(judged)} {says}" if says else "")
    refused = is_far(factor) or any(is_far(slip.times) for slip in meant)
    return Suspicion(place, found, unit, told.strip(), band, likely, next_step_of(place, refused), refused)


def next_step_of(place: str, refused: bool) -> str:
    """Return what to do about a number: check it, and say so where it is right and was refused."""
    return f"correct it, or if it is right add {place} to `unusual`" if refused else "check the number and its unit"


def bill_suspicion(
    bill_usd_per_month: float, computed_usd_per_month: float, tasks_per_month: float | None, source: str
) -> Suspicion | None:
    """Return what is wrong where a stated bill and tokens times price differ by over 15 %, or None.

    `tasks_per_month` is what the scenario states in that field, or None where it states none.
    """
    if abs(computed_usd_per_month - bill_usd_per_month) <= BILL_TOLERANCE * bill_usd_per_month:
        return None
    ratio = computed_usd_per_month / bill_usd_per_month if bill_usd_per_month else inf
    likely: list[str] = []
    for factor, slip in BILL_SLIPS:
        if ratio > 0 and abs(log(ratio / factor)) <= log(NEAR):
            number: dict[str, float | None] = {
                "today.monthly_bill_usd": bill_usd_per_month, "volume.tasks_per_month": tasks_per_month,
            }  # fmt: skip
            value = number.get(slip.field)
            write = f"{slip.field} times {amount(slip.times)}"
            if value is not None:
                write = f"{slip.field}: {amount(value * slip.times)}"
            likely.append(f"{slip.told}: then write {write}")
    told = (
        f"the stated bill is USD {amount(bill_usd_per_month)} a month, but tokens times price is "
        f"USD {amount(computed_usd_per_month)}: check both"
    )
    place, refused = "today.monthly_bill_usd", is_far(ratio)
    computed = Band(computed_usd_per_month, computed_usd_per_month, source)
    return Suspicion(place, bill_usd_per_month, "usd_per_month", told, computed, tuple(likely),
                     next_step_of(place, refused), refused)  # fmt: skip


def growth_suspicion(place: str, growth_share_per_month: float, band: Band) -> Suspicion | None:
    """Return what is wrong with a monthly growth outside its band, in years; or None."""
    if outside(growth_share_per_month, band) == 1 or growth_share_per_month == 0:
        return None
    fold = yearly_fold(growth_share_per_month)
    monthly = (1 + growth_share_per_month) ** (1 / MONTHS_PER_YEAR) - 1
    likely = (f"a year's growth: then write {monthly:.3g}",)
    told = f"{growth_share_per_month:g} a month is {fold:,.3g}-fold in a year"
    return Suspicion(place, growth_share_per_month, "share_per_month", told, band, likely,
                     next_step_of(place, False), False)  # fmt: skip


def gib_suspicion(place: str, stated: float, known: float, source: str) -> Suspicion | None:
    """Return a note where a card's memory differs from what is known by exactly GiB against GB, or None."""
    for factor, told in ((GB_PER_GIB, "GB where GiB stand"), (1 / GB_PER_GIB, "GiB where GB stand")):
        if known > 0 and abs(stated / known / factor - 1) <= SUM_TOLERANCE:
            return Suspicion(place, stated, "gib", f"{stated:g} is {known:g} in the other unit",
                             Band(known, known, source), (f"{told}: then write {known:g}",),
                             next_step_of(place, False), False)  # fmt: skip
    return None


def percent_suspicion(place: str, before: float, after: float, saving_share: float) -> Suspicion | None:
    """Return what is wrong where a saving is not the part of the old cost that is no longer paid, or None."""
    if before <= 0:
        return None
    right = 1 - after / before
    if abs(saving_share - right) <= PERCENT_POINT:
        return None
    bases = (
        (after / before, "what is still paid"),
        ((before - after) / after if after > 0 else inf, "the saving as a part of the new cost"),
    )
    likely = tuple(
        f"{told}: then write {right:.2f}" for share, told in bases if abs(saving_share - share) <= PERCENT_POINT
    )
    told = f"{amount(before)} falling to {amount(after)} saves {right:.0%} of it, and {saving_share:.0%} is stated"
    return Suspicion(place, saving_share, "share", told, Band(right, right, "1 - after / before"), likely,
                     "state the saving as a part of the old cost", False)  # fmt: skip


def sum_suspicion(place: str, parts: Sequence[float], total: float, unit: str) -> Suspicion | None:
    """Return what is wrong where parts do not add up to a stated total (1 for shares), or None."""
    summed = fsum(parts)
    if abs(summed - total) <= SUM_TOLERANCE * max(abs(total), abs(summed)):
        return None
    stated = f"{amount(total)} {LABELS[unit]}".strip()
    told = f"its {len(parts)} parts add up to {amount(summed)}, and {stated} is stated"
    ratio = summed / total if total else inf
    likely = ("per cent stand where shares do",) if abs(ratio / 100 - 1) <= SUM_TOLERANCE else ()
    return Suspicion(place, total, unit, told, Band(summed, summed, "the sum of the parts"), likely,
                     "correct the total, or find the part that is missing or counted twice", False)  # fmt: skip
