"""What a price does over months: flat, its announced steps, a switch of model each year, cards a fifth dearer.

Rule 1  A month runs from the day asked about to the day before that day of the next month, and is counted in days:
        a step inside it is weighted by the days on either side of it.
Rule 2  A path never invents a fall or a rise: it is flat unless a step is announced, or a scenario is chosen by name.
Rule 3  Past a shutdown there is no price; the path says what share of each month is left, and the horizon is cut.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from pricing.entries import Entry, GpuEntry
from pricing.lookup import holding, in_force, one
from pricing.names import MissingTierError
from pricing.prices import GpuPrice
from pricing.table import PriceBook
from pricing.units import MONTHS_PER_YEAR

FLAT: Final = "flat"
SCHEDULED: Final = "scheduled"
SWITCH_YEARLY: Final = "switch_yearly"
GPU_UP_20: Final = "gpu_up_20"
NAMES: Final = (FLAT, SCHEDULED, SWITCH_YEARLY, GPU_UP_20)
"""The paths a scenario may choose; `scheduled` is what vendors have announced, the others are what-if."""

GPU_RISE_SHARE: Final = Decimal("0.2")
"""A what-if, not a forecast. It is mild: one provider's H100 went from 2.95 to 4.50 USD an hour within a year."""
SWITCH_RATIO: Final = Decimal("0.87")
"""Price after a year over price before, for whoever moves to a vendor's cheapest chat model each year: the median of
three vendors from 2024-11-28 to 2026-11-12 (0.72, 0.87, 1.16 a year); tests work it out from data/history."""
SWITCH_RATIO_LOW: Final = Decimal("0.72")
SWITCH_RATIO_HIGH: Final = Decimal("1.16")
"""The lowest and the highest of the three vendors: at one of them the floor rose."""


class Step(NamedTuple):
    """A price and the first day it holds."""

    starts: date
    usd: Decimal


class Path(NamedTuple):
    """One price over months: `usd[m]` as long as it is sold, `open_shares[m]` the share of month m in which it is."""

    name: str
    usd: tuple[Decimal, ...]
    open_shares: tuple[Decimal, ...]

    @property
    def horizon_months(self) -> Decimal:
        """Return how many months of the path pass before the shutdown."""
        return sum(self.open_shares, Decimal(0))

    @property
    def ratios(self) -> tuple[float, ...]:
        """Return each month's price over the first month's, for projections in float64; 1.0 throughout where free."""
        first = self.usd[0]
        return tuple(float(usd / first) if first else 1.0 for usd in self.usd)


def month_start(start: date, months: int) -> date:
    """Return the same day `months` later; the month's last day where it is shorter (31 January: 28 February)."""
    years, month = divmod(start.month - 1 + months, MONTHS_PER_YEAR)
    year = start.year + years
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def mean_usd(steps: Sequence[Step], first: date, after: date) -> Decimal:
    """Return the price from `first` to the day before `after`, weighted by days; steps stand in order of their days.

    Leaves out the hours of a day. Raises ValueError where no step has begun by `first`.
    """
    held = [step for step in steps if step.starts <= first][-1:]
    if not held:
        message = f"no price holds on {first}: the first begins on {steps[0].starts if steps else 'no day at all'}"
        raise ValueError(message)
    parts = [Step(first, held[0].usd), *(step for step in steps if first < step.starts < after)]
    ends = [*(step.starts for step in parts[1:]), after]
    weighed = sum(((end - part.starts).days * part.usd for part, end in zip(parts, ends, strict=True)), Decimal(0))
    return weighed / (after - first).days


def flat_usd(usd: Decimal, months: int) -> tuple[Decimal, ...]:
    """Return the same price for every month."""
    return (usd,) * months


def scheduled_usd(steps: Sequence[Step], start: date, months: int) -> tuple[Decimal, ...]:
    """Return each month's price with its announced steps."""
    edges = [month_start(start, month) for month in range(months + 1)]
    return tuple(mean_usd(steps, first, after) for first, after in pairwise(edges))


def switched_yearly_usd(usd: Decimal, months: int, yearly_ratio: Decimal = SWITCH_RATIO) -> tuple[Decimal, ...]:
    """Return each month's price where a cheaper model takes over every twelve months; leaves out the work of moving."""
    return tuple(usd * yearly_ratio ** (month // MONTHS_PER_YEAR) for month in range(months))


def raised_usd(usd: Decimal, months: int, rise_share: Decimal = GPU_RISE_SHARE) -> tuple[Decimal, ...]:
    """Return a price that stands higher by `rise_share` from the first month on: the dearest reading of a rise."""
    return (usd * (1 + rise_share),) * months


def open_shares(start: date, months: int, ends: date | None) -> tuple[Decimal, ...]:
    """Return the share of each month, by days, that passes before `ends` (the first day without it); else 1."""
    edges = [month_start(start, month) for month in range(months + 1)]
    if ends is None:
        return (Decimal(1),) * months
    return tuple(
        Decimal(max(0, min((ends - first).days, (after - first).days))) / (after - first).days
        for first, after in pairwise(edges)
    )


def horizon_months(start: date, lifetime_months: int, ends: date | None) -> Decimal:
    """Return the months that count: the lifetime, or less where a shutdown comes first."""
    return sum(open_shares(start, lifetime_months, ends), Decimal(0))


def path(name: str, steps: Sequence[Step], start: date, months: int, ends: date | None = None) -> Path:
    """Return a price's path; `steps` in order of their days, `ends` the first day without a price.

    `switch_yearly` is for hosted models (a successor follows, so a shutdown does not cut it), `gpu_up_20` for cards.
    """
    if name not in NAMES:
        message = f"price path {name!r} is unknown; choose one of {', '.join(NAMES)}"
        raise ValueError(message)
    left = open_shares(start, months, None if name == SWITCH_YEARLY else ends)
    if name == SCHEDULED:
        return Path(name, scheduled_usd(steps, start, sum(share > 0 for share in left)), left)
    today = mean_usd(steps, start, start + timedelta(days=1))
    shapes = {FLAT: flat_usd, SWITCH_YEARLY: switched_yearly_usd, GPU_UP_20: raised_usd}
    return Path(name, shapes[name](today, months), left)


def steps_of(lines: Sequence[Entry], column: str, start: date, months: int) -> tuple[list[Step], date | None]:
    """Return one offer's price on `start` and at each change within the months, and the first day without one, if any.

    Raises PriceEndedError where none holds on `start`, MissingTierError where a line in force leaves the column empty.
    """
    after = month_start(start, months)
    changes = {day for line in lines for day in (line.starts, line.ends) if day is not None and start < day < after}
    steps = [Step(start, _held(in_force(lines, start), column))]
    for day in sorted(changes):
        live = holding(lines, day)
        if not live:
            return steps, day
        usd = _held(live, column)
        steps += [Step(day, usd)] if usd != steps[-1].usd else []
    return steps, None


def _held(live: Sequence[Entry], column: str) -> Decimal:
    line = one(live, live[0].name)
    usd: Decimal | None = getattr(line, column)
    if usd is None:
        message = (
            f"{line.name} has no {column} from {line.starts} on (source: {line.source}); "
            f"next: choose a tier that is published, or add the price with its source (pricing/data/README.md)"
        )
        raise MissingTierError(message)
    return usd


def model_path(book: PriceBook, model: str, column: str, name: str, start: date, months: int) -> Path:
    """Return the path of one column of a hosted model (`output_usd_per_million_tokens`, `batch_input_...`)."""
    steps, ends = steps_of(book.api_lines(model), column, start, months)
    return path(name, steps, start, months, ends)


def card_path(book: PriceBook, rent: GpuPrice, name: str, start: date, months: int) -> Path:
    """Return the path of one card's rent, spot where the price given is, in USD per GPU-hour."""
    lines = [line for line in book.of(GpuEntry) if line.name == rent.name]
    steps, ends = steps_of(lines, "spot_usd_per_hour" if rent.spot else "usd_per_hour", start, months)
    return path(name, [Step(step.starts, step.usd / rent.count) for step in steps], start, months, ends)
