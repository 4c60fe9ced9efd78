"""Every road month by month as CSV: a forecast, for a spreadsheet or a database. Nothing is rounded."""

import csv
from io import StringIO

from advisor.advice import Advice
from advisor.report.months import months_of

COLUMNS = (
    "scenario", "as_of", "option", "title", "month", "starts_on", "kind",
    "usd", "cumulative_usd", "currency", "usd_rate", "amount", "cumulative_amount", "estimate",
    "rests_on", "verdict", "same_verdict_share", "prices_from", "prices_to",
)  # fmt: skip
"""`amount` is `usd` in the report's currency; `estimate` is always true: nothing here was billed; `rests_on` is the
letter of the weakest number below a road's total; the rest says whose forecast it is, and from which days' prices."""


def render(advice: Advice) -> str:
    """Return the CSV text: one row a road and month, month 0 the up-front money."""
    text = StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(COLUMNS)
    fixed = (advice.scenario.name, advice.as_of)
    sure = advice.uncertainty.same_verdict_share if advice.uncertainty else ""
    whose = (advice.verdict.code, sure, advice.prices.oldest, advice.prices.newest)
    for row in months_of(advice):
        kind = "upfront" if row.month == 0 else "running"
        own = (advice.currency, advice.usd_rate, row.usd * advice.usd_rate, row.cumulative_usd * advice.usd_rate)
        place = (row.key, row.title, row.month, row.starts_on, kind)
        grade = advice.figures[f"{row.key}.lifetime"].grade
        write((*fixed, *place, row.usd, row.cumulative_usd, *own, "true", grade, *whose))
    return text.getvalue()
