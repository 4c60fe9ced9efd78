"""How sure is this: the draws in a finance partner's words, one block of the page."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor.advice import Advice
from advisor.advice_drawn import DrawnInputRecord, PaybackShareRecord, UncertaintyRecord, WorthRecord
from advisor.report import words
from advisor.report.tables import table
from pricing.units import MONTHS_PER_YEAR

MOVERS_SHOWN = 3
"""The inputs that move the saving most; -v lists every one."""
ALL = 0.9995
"""From here on a share reads as 100 percent."""


def repaid(paid_back: tuple[PaybackShareRecord, ...]) -> str:
    """Return the share of draws that are repaid within a year, or within the horizon where that is shorter."""
    within = [record for record in paid_back if record.within_months <= MONTHS_PER_YEAR]
    return words.share((within or paid_back)[-1].share) if paid_back else "-"


def drawn_roads(advice: Advice, sure: UncertaintyRecord) -> Table:
    """Return every road that trains over all draws; the saving is on today's road, from p10 to p90."""
    title = f"How sure is this? Every range drawn at once, {sure.draws:,} times; {advice.currency}"
    made = table(title, "road", "cheaper in", "saves, 8 draws in 10", "repaid in 1 y", right=(1, 2, 3))
    trains = {option.key for option in advice.options if option.trains}
    for row in sure.options:
        if row.key in trains:
            saving = words.span(row.saving_p10_usd, row.saving_p90_usd, advice.usd_rate)
            made.add_row(row.title, words.share(row.cheaper_share), saving, repaid(row.paid_back))
    return made


def settled(sure: UncertaintyRecord) -> str:
    """Return in how many draws the verdict is the one given, and which others there are."""
    if sure.same_verdict_share >= ALL:
        return "The verdict is the same in every draw."
    shown = [f"{row.title.lower()} in {words.share(row.share)}" for row in sure.verdicts if row.share > 1 - ALL]
    return f"Verdict over the draws: {', '.join(shown)}."


def mover(advice: Advice, row: DrawnInputRecord) -> str:
    """Return one input with its range, and the saving at either end of it."""
    ends = words.span(row.saving_at_low_usd, row.saving_at_high_usd, advice.usd_rate)
    return f"  - {row.name} {words.significant(row.low)} .. {words.significant(row.high)}: saving {ends}"


def measuring(advice: Advice, sure: UncertaintyRecord) -> str:
    """Return the measurement worth making first, with its price and what it is worth, or that none is."""
    if sure.measure is None:
        sure_of_it = sure.same_verdict_share >= ALL
        return f"No single measurement would {'change that' if sure_of_it else 'lower that doubt by a point'}."
    best = sure.measure
    drop = f"from {words.share(best.wrong_share_before)} to {words.share(best.wrong_share_after)}"
    what = f"Measure first: {best.what} ({best.name}), for {priced(advice, best)}"
    return f"{what}. The chance of another verdict falls {drop}. {paying(advice, sure, best)}"


def priced(advice: Advice, best: WorthRecord) -> str:
    """Return what the measurement costs."""
    if best.cost_usd is None:
        return "a price nobody has stated"
    return f"about {words.money(best.cost_usd, advice.currency, advice.usd_rate)}"


def paying(advice: Advice, sure: UncertaintyRecord, best: WorthRecord) -> str:
    """Return whether the measurement is worth its price, and the most that any knowledge could be worth."""
    everything = words.money(sure.perfect_information_usd, advice.currency, advice.usd_rate)
    if best.cost_usd is not None and best.worth_usd > best.cost_usd:
        gain = words.money(best.worth_usd, advice.currency, advice.usd_rate)
        return f"It pays: knowing it is worth {gain}, and knowing everything {everything}."
    return f"In money it does not pay: even knowing everything beforehand is worth {everything}."


def sureness(advice: Advice) -> RenderableType:
    """Return how sure the answer is, or that nothing could be weighed."""
    sure = advice.uncertainty
    if sure is None:
        return Text("How sure is this? Not drawn: today's road, or every road that trains, is not priced.")
    moving = [row for row in sure.inputs if row.saving_at_low_usd != row.saving_at_high_usd][:MOVERS_SHOWN]
    heading = ["What moves the saving most, each alone:"] if moving else []
    lines = [settled(sure), *heading, *(mover(advice, row) for row in moving), measuring(advice, sure)]
    return Group(drawn_roads(advice, sure), Text("\n".join(lines)))


def every_mover(advice: Advice) -> Table:
    """Return all inputs that are drawn, with the saving at either end and what knowing them is worth (-v)."""
    title = f"Every range, the saving with it at either end, and what knowing it is worth, {advice.currency}"
    made = table(title, "input", "low", "high", "at low", "at high", "knowing it", right=(1, 2, 3, 4, 5))
    for row in advice.uncertainty.inputs if advice.uncertainty else ():
        ends = (words.significant(row.low), words.significant(row.high))
        amounts = (row.saving_at_low_usd, row.saving_at_high_usd, row.information_usd)
        cells = (words.money(amount, "", advice.usd_rate).strip() for amount in amounts)
        made.add_row(words.labelled(row.name, row.unit), *ends, *cells)
    return made
