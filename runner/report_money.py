"""The money of a run in words: budget against actual, why they differ, what must be explained, and what was wasted."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from runner.energy import energy_text
from runner.render import Report, Section, signed, usd
from runner.variance import ESCALATION_SHARE

MATERIAL_SHARE: Final = 0.05
"""Of the predicted money: a part that is off by less than this of the whole is nobody's question."""
NOTHING: Final = Decimal(0)


def off(actual: Decimal, predicted: Decimal) -> str:
    """Return how far an amount is from its prediction, with its direction."""
    share = (actual - predicted) / predicted if predicted else NOTHING
    direction = "as predicted" if actual == predicted else ("adverse" if actual > predicted else "favourable")
    return f"{100 * share:+.0f} %, {direction}" if predicted else direction


def escalations(report: Report) -> Iterator[str]:
    """Yield every amount that is off by over 15 % and by a material part of the whole: to be explained to somebody."""
    predicted = Decimal(report["money"]["predicted_usd"])
    for line in report["comparisons"]:
        if line["name"] != "usd" or not line["escalate"] or line["actual"] is None:
            continue
        actual, expected = Decimal(str(line["actual"])), Decimal(str(line["predicted"]))
        if line["where"] == "run" or abs(actual - expected) > predicted * Decimal(str(MATERIAL_SHARE)):
            yield f"{line['where']} ({off(actual, expected)})"


def money_sentences(report: Report) -> list[str]:
    """Return budget, prediction and actual in a sentence, and what has to be escalated in another."""
    money = report["money"]
    if money["predicted_usd"] is None:
        return []
    actual, predicted = Decimal(money["actual_usd"]), Decimal(money["predicted_usd"])
    said = f"Money: {usd(actual)} USD of {usd(money['limit_usd'])} allowed; predicted {usd(predicted)}"
    found = ", ".join(escalations(report))
    over = f"over {100 * ESCALATION_SHARE:.0f} % off"
    told = f"Escalate, {over}: {found}" if found else f"Nothing to escalate: no material amount is {over}"
    return [f"{said} ({off(actual, predicted)})", told]


def money_section(report: Report) -> Section:
    """Return the money variance by cause, summing to the difference."""
    money = report["money"]
    if money["predicted_usd"] is None:
        return Section("Money", (f"Actual {usd(money['actual_usd'])} USD. {money['note']}",))
    sentences = (
        f"Predicted {usd(money['predicted_usd'])}, actual {usd(money['actual_usd'])}, difference "
        f"{signed(money['difference_usd'])} USD ({money['direction']}); the plan's limit "
        f"{usd(money['limit_usd'])} USD.",
    )
    rows = [
        (line["cause"], line["where"], signed(line["usd"]), line["direction"], line["sentence"])
        for line in money["lines"]
    ]
    rows += [("= " + cause, "", signed(amount), "", "") for cause, amount in money["by_cause"].items()]
    rows.append(("= total", "", signed(money["difference_usd"]), money["direction"], "sums exactly"))
    return Section("Why the money differs", sentences, ("cause", "where", "USD", "direction", "why"), tuple(rows))


def spent_section(report: Report) -> Section:
    """Return totals, what of them was wasted, when and at whose rate, and the cost of each attempt."""
    total, waste = report["totals"], report["waste"]
    attempts = "1 attempt" if total["attempts"] == 1 else f"{total['attempts']} attempts"
    parts = ", ".join(
        f"{usd(waste[f'{name}_usd'])} ({total[f'{name}_seconds']:,.1f} s) {said}" for name, said in WASTED
    )
    sentences = [
        f"{usd(total['usd'])} USD for {total['seconds']:,.1f} s in {attempts}. Of it, USD: {parts}.",
        f"Steps: {total['executed_steps']} executed, {total['unique_steps']} unique, {total['planned_steps']} planned.",
        *([f"Energy: {energy_text(report['energy'])}."] if report.get("energy") else []),
        *rates(report),
    ]
    rows = tuple(
        (
            str(line["number"]),
            line["started"][:16].replace("T", " "),
            f"{line['seconds']:,.1f}",
            "not known" if line["idle_seconds"] is None else f"{line['idle_seconds']:,.1f}",
            line["usd_per_hour"],
            usd(line["usd"]),
            line["ended"][:60],
        )
        for line in report["attempts"]
    )
    columns = ("attempt", "started, UTC", "seconds", "idle before", "USD / hour", "USD", "ended")
    return Section("Spent", tuple(sentences), columns, rows)


def rates(report: Report) -> list[str]:
    """Return the period, the machine, whose rate each hour had, and how old the plan's prices are."""
    period, machine, prices = report["period"], report["machine"], report["prices"]
    when = f", {period['from'][:16]} to {period['to'][:16]} UTC" if period else ""
    sources = sorted({f"{line['usd_per_hour']} USD an hour: {line['rate_source']}" for line in report["attempts"]})
    checked = f"checked {prices['oldest']} to {prices['newest']}" if prices["oldest"] else "none of them quoted"
    return [
        f"Machine: {machine['name']}{when}. {report['currency']}, no conversion.",
        *(f"Rate: {source}." for source in sources),
        f"Plan of {report['made_on']}, {prices['count']} prices, {checked}.",
    ]


WASTED: Final = (
    ("redone", "done twice"),
    ("restart", "getting ready again"),
    ("idle", "idle"),
    ("setup", "outside stages"),
)
