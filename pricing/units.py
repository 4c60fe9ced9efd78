"""Unit names, which are also the last words of parameter and formula names, and the few constants between them."""

from typing import Final

TOKENS_PER_PRICE_UNIT: Final = 1_000_000
GIB: Final = 1024**3
HOURS_PER_MONTH: Final = 730
SECONDS_PER_HOUR: Final = 3600
MINUTES_PER_HOUR: Final = 60
PERCENT: Final = 100
MONTHS_PER_YEAR: Final = 12
MILLISECONDS_PER_SECOND: Final = 1000
WATTS_PER_KILOWATT: Final = 1000

LABELS: Final[dict[str, str]] = {
    "usd": "USD",
    "usd_per_task": "USD / task",
    "usd_per_successful_task": "USD / successful task",
    "usd_per_month": "USD / month",
    "usd_per_hour": "USD / hour",
    "usd_per_gpu_hour": "USD / GPU-hour",
    "usd_per_million_tokens": "USD / 1M tokens",
    "usd_per_kwh": "USD / kWh",
    "usd_per_unit": "USD / unit",
    "usd_per_gb_month": "USD / GB-month",
    "usd_per_core_hour": "USD / core-hour",
    "usd_per_gib_hour": "USD / GiB-hour",
    "own_currency": "in its own currency",
    "tokens": "tokens",
    "tokens_per_task": "tokens / task",
    "tokens_per_second": "tokens / s",
    "tokens_per_month": "tokens / month",
    "tasks": "tasks",
    "tasks_per_month": "tasks / month",
    "tasks_per_hour": "tasks / hour",
    "tasks_per_second": "tasks / s",
    "months": "months",
    "days": "days",
    "hours": "hours",
    "hours_per_month": "hours / month",
    "seconds": "s",
    "seconds_per_step": "s / step",
    "milliseconds": "ms",
    "years": "years",
    "bytes": "bytes",
    "bytes_per_token": "bytes / token",
    "bytes_per_second": "bytes / s",
    "gib": "GiB",
    "parameters": "parameters",
    "flops": "FLOP",
    "flops_per_token": "FLOP / token",
    "flops_per_second": "FLOP / s",
    "steps": "steps",
    "examples": "examples",
    "replicas": "replicas",
    "cards": "cards",
    "watts": "W",
    "count": "",
    "ratio": "x",
    "share": "share",
    "share_per_month": "share / month",
}
"""Unit id to what a report prints; a unit that is not here does not exist."""

_LONGEST_FIRST: Final = sorted(LABELS, key=len, reverse=True)


class UnknownUnitError(ValueError):
    """A name that does not end in any known unit."""


def unit_of(name: str) -> str:
    """Return the longest known unit that `name` ends in (`output_usd_per_million_tokens` is a price, not tokens)."""
    for unit in _LONGEST_FIRST:
        if name == unit or name.endswith(f"_{unit}"):
            return unit
    message = f"{name!r} ends in no known unit; end it in one of pricing.units.LABELS, for example {name}_usd"
    raise UnknownUnitError(message)
