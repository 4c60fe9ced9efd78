"""The sentences that every form of an advice states: money at stake, how sure, what would change it, days, currency."""

from collections.abc import Sequence
from typing import Final

from advisor.advice import Advice, CrossoverRecord, FlipRecord, OptionRecord
from advisor.report import words

NEAREST: Final = 2
"""Inputs whose flip is named in one sentence; the table of flips has the others."""
ALL: Final = 0.9995
"""From here on a share reads as 100 percent; what is left over reads as nought and is not listed."""
GRADES: Final = {"q": "quoted", "m": "measured", "a": "assumed", "d": "derived"}
NOT_WEIGHED: Final = "No road that trains, or not today's road, could be priced: nothing is weighed."


def stake(advice: Advice) -> str:
    """Return the money at stake over the months compared, or that nothing could be weighed."""
    if advice.model is None:
        return NOT_WEIGHED
    amount = words.money(abs(advice.at_stake_usd), advice.currency, advice.usd_rate)
    would = f"save {amount} against" if advice.at_stake_usd >= 0 else f"cost {amount} more than"
    months = f"{advice.horizon_months:g} months"
    return (
        f"At stake over {months}: the cheapest road that trains would {would} the cheapest hosted one of equal quality."
    )


def confidence(advice: Advice) -> str:
    """Return in how many draws the verdict holds and which others there are, or that nothing was drawn."""
    sure = advice.uncertainty
    if sure is None:
        return "How sure: not drawn, because nothing could be weighed."
    if sure.same_verdict_share >= ALL:
        return f"How sure: the same verdict in all of {sure.draws:,} draws of the stated ranges."
    others = [row for row in sure.verdicts if row.code != advice.verdict.code and row.share > 1 - ALL]
    told = ", ".join(f"{row.title.lower()} in {words.share(row.share)}" for row in others)
    same = words.share(sure.same_verdict_share)
    return f"How sure: the same verdict in {same} of {sure.draws:,} draws of the stated ranges; {told}."


def moving(advice: Advice) -> list[FlipRecord]:
    """Return the inputs whose value can flip the third thing, nearest first."""
    return [flip for flip in advice.flips if flip.flips_at is not None]


def changing(advice: Advice) -> str:
    """Return the nearest flips in one sentence."""
    found = moving(advice)[:NEAREST]
    if not found:
        what = "no single input within a thousandfold" if advice.flips else "not known, because nothing is weighed"
        return f"What would change it: {what}."
    told = ", or ".join(
        f"{flip.leaf} at {words.significant(flip.flips_at or 0.0)} (now {words.significant(flip.today)})"
        for flip in found
    )
    return f"What would change the saving's answer, each alone: {told}."


def currency(advice: Advice) -> str:
    """Return the currency, with its rate where it is not the dollar."""
    if advice.currency == "USD":
        return "USD"
    return f"{advice.currency}, 1 USD = {advice.usd_rate:g} {advice.currency}"


def days(advice: Advice) -> str:
    """Return the day of the advice, and between which days its prices were checked."""
    return f"As of {advice.as_of}; {words.checked(advice.prices)}"


def origins(advice: Advice) -> str:
    """Return what kind of number the roads' totals rest on, and what the letters mean."""
    grades = {advice.figures[f"{option.key}.lifetime"].grade for option in advice.options}
    weakest = next((grade for grade in ("a", "m", "q") if grade in grades), None)
    if weakest is None:
        return f"Letters: {words.LETTERS}."
    return f"Totals are derived, down to {GRADES[weakest]} numbers. Letters: {words.LETTERS}."


def crossing(record: CrossoverRecord) -> str:
    """Return one sentence on the volumes at which a road is cheaper than today's."""
    if not record.cheaper_between:
        return f"{record.option}: never cheaper than today, up to {words.significant(record.looked_to)} tasks a month"
    spans = [
        f"from {words.significant(low)}" + ("" if high is None else f" to {words.significant(high)}")
        for low, high in record.cheaper_between
    ]
    return f"{record.option}: cheaper than today {', and '.join(spans)} tasks a month"


def regret(advice: Advice) -> str | None:
    """Return what the road that trains would have cost more if only a tenth of the tasks came."""
    if advice.regret is None:
        return None
    worse = words.money(advice.regret.regret_usd, advice.currency, advice.usd_rate)
    return f"Regret if volume is a tenth ({words.significant(advice.regret.tasks_per_month)}): {worse}"


def weighed(advice: Advice) -> tuple[Sequence[OptionRecord], Sequence[OptionRecord]]:
    """Return the roads that the verdict weighs, cheapest first: hosted ones of equal quality, and those that train."""
    if advice.model is None:
        return (), ()
    by_key = {option.key: option for option in advice.options}

    def of(keys: Sequence[str]) -> list[OptionRecord]:
        return sorted((by_key[key] for key in keys), key=lambda option: option.lifetime_usd)

    return of(advice.model.equal), of(advice.model.trained)
