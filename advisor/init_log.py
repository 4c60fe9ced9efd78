"""From a usage log to a first scenario: volume, tokens and models as they were, everything else named as unknown.

Rule 1  One scenario is one task on one model: the one that costs most, or the one that is asked for; the others are
        listed, and not in it.
Rule 2  A range comes from the log's own whole weeks, the quietest to the busiest; less than two of them give none.
Rule 3  A log of less than a day says nothing of a month: its volume is unknown.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

import numpy as np

from advisor.economics import token_cost_usd_per_task
from advisor.init_text import Draft, Line, number, scalar, spread
from advisor.quantity import UNKNOWN_WORD
from advisor.usage_log import Tally, Usage
from pricing.lookup import DATE_LENGTH
from pricing.names import PriceError
from pricing.prices import ApiPrice
from pricing.table import PriceBook
from pricing.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

DAYS_OF_A_WEEK: Final = 7
HOURS_OF_A_DAY: Final = 24
DAYS_PER_MONTH: Final = HOURS_PER_MONTH / HOURS_OF_A_DAY
WEEKS_FOR_A_RANGE: Final = 2  # one week has no other to differ from
PERCENTILES: Final = (50, 95, 99)
"""What is said of the lengths: the usual task, a long one, and what a limit must let through."""
VENDOR: Final = "openai"
"""Whose style the log has: stands before a model's name that no vendor is known for."""
MODELS_SHOWN: Final = 8  # more than one team runs beside each other


class UnknownModelError(ValueError):
    """A model that the log does not have; the message lists those it has."""


class Priced(NamedTuple):
    """One model of the log: its name there and in the price book, its tally, its cost, and why it has none."""

    logged: str
    name: str
    tally: Tally
    usd_per_month: float | None
    why: str


class Week(NamedTuple):
    """The mean day of one whole week."""

    requests: float
    input_tokens: float
    output_tokens: float


def span_hours(tally: Tally) -> float:
    """Return the hours between the first and the last request."""
    return (tally.last - tally.first) / SECONDS_PER_HOUR


def tasks_per_month(tally: Tally) -> float | None:
    """Return the requests of a month of 730 hours at the log's mean, or None for less than a day of it."""
    hours = span_hours(tally)
    return tally.requests / hours * HOURS_PER_MONTH if hours >= HOURS_OF_A_DAY else None


def found_price(book: PriceBook, logged: str, as_of: date) -> tuple[ApiPrice | None, str]:
    """Return the price of a model as logged, its dated snapshots under their plain name, or None and the reason."""
    plain = logged[:-DATE_LENGTH] if logged[-DATE_LENGTH:].replace("-", "").isdigit() else logged
    why = ""
    for name in dict.fromkeys((logged, plain)):
        try:
            return book.api(name, as_of), ""
        except PriceError as fault:
            why = str(fault).partition("; next:")[0]
    return None, why


def priced(usage: Usage, book: PriceBook, as_of: date) -> list[Priced]:
    """Return every model of the log with what its mean month costs at list prices, the dearest first."""
    found: list[Priced] = []
    for logged, tally in usage.models.items():
        price, why = found_price(book, logged, as_of)
        tasks = tasks_per_month(tally)
        usd = None if price is None or tasks is None else float(tasks * cost_usd_per_task(tally, price))
        name = price.name if price else logged if "/" in logged else f"{VENDOR}/{logged}"
        found.append(Priced(logged, name, tally, usd, why))
    return sorted(found, key=lambda one: (-(one.usd_per_month or 0.0), -one.tally.requests, one.logged))


def cost_usd_per_task(tally: Tally, price: ApiPrice) -> Any:
    """Return what the mean request costs at list prices, without long-context, batch and peak tiers."""
    cached = price.cached_input_usd_per_million_tokens or price.input_usd_per_million_tokens
    return token_cost_usd_per_task(
        float(np.mean(tally.inputs)),
        tally.cached_tokens / tally.requests,
        float(np.mean(tally.outputs)),
        float(price.input_usd_per_million_tokens.value),
        float(cached.value),
        float(price.output_usd_per_million_tokens.value),
    )


def weeks(tally: Tally) -> list[Week]:
    """Return the whole weeks of the log, cut from the days (UTC) between its first and its last."""
    first, last = min(tally.hours) // HOURS_OF_A_DAY + 1, max(tally.hours) // HOURS_OF_A_DAY
    return [week_of(tally, day) for day in range(first, last - DAYS_OF_A_WEEK + 1, DAYS_OF_A_WEEK)]


def week_of(tally: Tally, day: int) -> Week:
    """Return the mean day of the week that begins on a day since 1970, and its mean tokens a request."""
    hours = range(day * HOURS_OF_A_DAY, (day + DAYS_OF_A_WEEK) * HOURS_OF_A_DAY)
    sums = [tally.hours[hour] for hour in hours if hour in tally.hours]
    requests, sent, got = (sum(column) for column in zip(*sums, strict=True)) if sums else (0, 0, 0)
    return Week(requests / DAYS_OF_A_WEEK, sent / max(requests, 1), got / max(requests, 1))


def ranged(mean: float, of_weeks: Sequence[float]) -> str:
    """Return a mean with the range of its weeks, or the mean alone where there are too few; it lies within them."""
    if len(of_weeks) < WEEKS_FOR_A_RANGE:
        return number(mean)
    low, high = min(of_weeks), max(of_weeks)
    return spread(low, min(max(mean, low), high), high)


def volume(tally: Tally) -> Line:
    """Return the volume with where it comes from."""
    tasks, days = tasks_per_month(tally), span_hours(tally) / HOURS_OF_A_DAY
    covers = f"{tally.requests:,} requests over {days:,.1f} days"
    if tasks is None:
        why = f"{covers}: less than a day says nothing of a month; log a week, or write what you know"
        return Line("volume.tasks_per_month", UNKNOWN_WORD, why)
    told = [week.requests * DAYS_PER_MONTH for week in weeks(tally)]
    if len(told) >= WEEKS_FOR_A_RANGE:
        why = f"{covers}; from the quietest to the busiest of {len(told)} whole weeks"
    else:
        short = "less than a week: weekends may be missing" if days < DAYS_OF_A_WEEK else "one week: no range"
        why = f"{covers}, scaled to a month; {short}"
    return Line("volume.tasks_per_month", ranged(tasks, told), why)


def lengths(values: "Sequence[int]") -> str:
    """Return the percentiles of a length as words."""
    at = np.percentile(np.asarray(values), PERCENTILES, method="inverted_cdf")
    told = ", ".join(f"p{percent} {int(value):,}" for percent, value in zip(PERCENTILES, at, strict=True))
    return f"mean of {len(values):,}; {told}, longest {max(values):,}"


def tokens(tally: Tally) -> Iterator[Line]:
    """Yield the tokens of a task: means, because a mean is what is billed."""
    of_weeks = weeks(tally)
    sent = ranged(float(np.mean(tally.inputs)), [week.input_tokens for week in of_weeks if week.requests])
    yield Line("tokens.input", sent, lengths(tally.inputs))
    if tally.cached_stated:
        share = f"{tally.cached_stated:,} of {tally.requests:,} requests say so"
        yield Line("tokens.cached_input", number(tally.cached_tokens / tally.requests), f"part of input; {share}")
    if sum(tally.outputs) == 0:
        yield Line("tokens.output", UNKNOWN_WORD, "every request of the log says 0")
        return
    got = ranged(float(np.mean(tally.outputs)), [week.output_tokens for week in of_weeks if week.requests])
    yield Line("tokens.output", got, lengths(tally.outputs))


def chosen(models: Sequence[Priced], asked: str | None) -> Priced:
    """Return the model asked for, as logged or as in the book, or the first; raises UnknownModelError."""
    found = next((one for one in models if asked in (None, one.logged, one.name)), None)
    if found is None:
        message = f"the log has no model {asked!r}; it has {', '.join(one.logged for one in models)}"
        raise UnknownModelError(message)
    return found


def about(models: Sequence[Priced], subject: Priced, as_of: date) -> Iterator[str]:
    """Yield what the log's models cost, and which of them this scenario is about."""
    yield f"The log's models at list prices of {as_of}, a mean month:"
    for one in models[:MODELS_SHOWN]:
        cost = f"no price: {one.why}" if one.why else "unknown: less than a day is logged"
        cost = cost if one.usd_per_month is None else f"{one.usd_per_month:,.2f} USD"
        here = " <- this scenario" if one is subject else ""
        yield f"  {one.logged}: {one.tally.requests:,} requests, {cost}{here}"
    if len(models) > MODELS_SHOWN:
        yield f"  and {len(models) - MODELS_SHOWN} more"


UNDERIVED: Final = (
    Line("task.kind", "other", "NOT IN A LOG: classification, extraction, routing, generation, chat, ..."),
    Line("task.role", "inner", "NOT IN A LOG: inner feeds other code, outer talks to people"),
    Line("task.knowledge_changes", UNKNOWN_WORD, "not in a log: never, yearly, monthly, weekly or daily"),
)
UNANSWERED: Final = (
    Line("quality.target", UNKNOWN_WORD, "not in a log: the share of right answers you need, for example 0.9"),
    Line("evidence.prompting", "{not_tried: a usage log does not say whether an answer was right}",
         "score answers of two prompts: [{variant: ..., n: 250, successes: 204}, ...]"),
    Line("evidence.retrieval", "{not_tried: a usage log does not say whether an answer was right}", "the same"),
    Line("data.rows", UNKNOWN_WORD, "not in a log: labelled examples; under 100 are not enough"),
    Line("constraints.data_may_leave", UNKNOWN_WORD, "not in a log: false rules every vendor out, before any money"),
)  # fmt: skip
"""What no usage log says; each line is valid as it stands, and answers unknown until it is changed."""


def has_shape(tally: Tally) -> bool:
    """Say whether the log is long enough for a curve of its hours."""
    return max(tally.hours) - min(tally.hours) + 1 >= HOURS_OF_A_DAY


def hours_csv(tally: Tally) -> str:
    """Return the requests of every hour that has any, as the CSV that `traffic.log` reads."""
    rows = (
        f"{datetime.fromtimestamp(hour * SECONDS_PER_HOUR, tz=UTC).isoformat()},{requests}"
        for hour, (requests, _, _) in sorted(tally.hours.items())
    )
    return "\n".join(["hour,count", *rows, ""])


def draft(
    usage: Usage, name: str, subject: Priced, models: Sequence[Priced], as_of: date, traffic: str | None
) -> Draft:
    """Return the scenario that the log gives; `traffic` names the file of its hours, if there is one."""
    tally = subject.tally
    known = subject.usd_per_month
    bill = "" if known is None else f"; the price book says {known:,.2f}: write your invoice to have it checked"
    priced_at = subject.why or "as the price book names it"
    shape = [Line("traffic.log", scalar(traffic), "requests by hour, from the log")] if traffic else []
    lines = [
        Line("name", scalar(name), ""),
        *UNDERIVED,
        volume(tally),
        *shape,
        *tokens(tally),
        Line("today.model", scalar(subject.name), priced_at),
        Line("today.monthly_bill_usd", UNKNOWN_WORD, f"not in a log{bill}"),
        *UNANSWERED,
    ]
    head = (
        "A first scenario, from a usage log. What a log cannot answer says so: fill it in, then `advise` this file.",
        "Left out, so that its assumption counts: volume.lifetime_months (how long the task will be there)"
        + ("." if traffic else ", volume.peak_to_mean (less than a day is logged)."),
        *about(models, subject, as_of),
        *usage.told(),
    )
    return Draft(head, lines)
