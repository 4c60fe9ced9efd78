"""The checks behind a policy's rules: each takes the case and the limit, and says what it found and the answer.

Rule 1  What cannot be checked is unknown, never kept.
Rule 2  Checks about training answer "does not apply" where the verdict does not train.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Literal, NamedTuple, TypeAlias

from advisor.advice import Advice, OptionRecord
from advisor.verdict import TRAINING_VERDICTS
from pricing.paths import month_start

Status: TypeAlias = Literal["kept", "broken", "unknown", "does not apply"]

QUOTE: Final = "price."
"""How the name of a figure from the price book begins."""


class Case(NamedTuple):
    """What the rules look at: the advice, the one before it if there is one, and the road that the verdict takes."""

    new: Advice
    old: Advice | None
    road: OptionRecord | None


class Finding(NamedTuple):
    """What a rule found: the text of it, and the answer."""

    found: str
    status: Status


def trains(advice: Advice) -> bool:
    """Say whether the verdict is to train."""
    return advice.verdict.code in TRAINING_VERDICTS


def road_taken(advice: Advice) -> OptionRecord | None:
    """Return the priced road that the verdict takes, or None where it has no price.

    Training: the cheapest that trains (at a vendor, for a hosted fine-tune). Levers: the cheapest hosted road of equal
    quality. A model inside without training: the cheapest of one's own. Everything else: today's.
    """
    wanted: Mapping[str, Callable[[OptionRecord], bool]] = {
        "fine_tune_self_host": lambda option: option.trains and not option.hosted,
        "hosted_fine_tune": lambda option: option.trains and option.hosted,
        "self_host_base": lambda option: not option.trains and not option.hosted,
        "use_levers": lambda option: advice.model is not None and option.key in advice.model.equal,
    }
    fits = wanted.get(advice.verdict.code, lambda option: option.key == "hosted_today")
    return min((o for o in advice.options if fits(o)), key=lambda option: option.lifetime_usd, default=None)


UNPRICED: Final = Finding("the road that the verdict takes has no price", "unknown")
NO_TRAINING: Final = Finding("the verdict does not train", "does not apply")
NOTHING_WEIGHED: Final = Finding("nothing is weighed", "unknown")
FIRST: Final = Finding("there is no advice before this one", "does not apply")


def usd(amount: float) -> str:
    """Return an amount as a policy's answer shows it: cents, and more digits below one."""
    return f"{amount:,.2f} USD" if abs(amount) >= 1 or amount == 0 else f"{amount:.4g} USD"


def judged(found: str, kept: bool) -> Finding:
    """Return a finding that is kept or broken."""
    return Finding(found, "kept" if kept else "broken")


def at_most(read: Callable[[OptionRecord], float]) -> Callable[[Case, Decimal], Finding]:
    """Return the check that a number of the road taken is at most the limit, in USD."""

    def check(case: Case, limit: Decimal) -> Finding:
        if case.road is None:
            return UNPRICED
        amount = read(case.road)
        return judged(f"{usd(amount)} ({case.road.title})", amount <= float(limit))

    return check


def regret(case: Case, limit: Decimal) -> Finding:
    """Check the loss if volume is a tenth, where the verdict trains."""
    if not trains(case.new):
        return NO_TRAINING
    if case.new.regret is None:
        return NOTHING_WEIGHED
    return judged(usd(case.new.regret.regret_usd), case.new.regret.regret_usd <= float(limit))


def payback(case: Case, limit: Decimal) -> Finding:
    """Check the months until the road is repaid, where the verdict trains."""
    if not trains(case.new):
        return NO_TRAINING
    if case.road is None:
        return UNPRICED
    months = case.road.payback_months
    return judged("never" if months is None else f"{months:.1f} months", months is not None and months <= float(limit))


def margin(case: Case, limit: Decimal) -> Finding:
    """Check the share of the hosted cost that training saves, where the verdict trains."""
    if not trains(case.new):
        return NO_TRAINING
    saving = case.new.figures.get("saving")
    if saving is None or isinstance(saving.value, list):
        return NOTHING_WEIGHED
    return judged(f"saves {saving.value:.1%}", saving.value >= float(limit))


def sureness(case: Case, limit: Decimal) -> Finding:
    """Check the share of draws that end in the same verdict."""
    if case.new.uncertainty is None:
        return Finding("nothing was drawn", "unknown")
    share = case.new.uncertainty.same_verdict_share
    return judged(f"the same verdict in {share:.1%} of draws", share >= float(limit))


def increase_usd(case: Case, limit: Decimal) -> Finding:
    """Check by how much the road taken is dearer a month than the one taken before."""
    if case.old is None:
        return FIRST
    before = road_taken(case.old)
    if before is None or case.road is None:
        return UNPRICED
    more = case.road.average_usd_per_month - before.average_usd_per_month
    return judged(f"{usd(more)} more a month" if more > 0 else "not dearer", more <= float(limit))


def increase_share(case: Case, limit: Decimal) -> Finding:
    """Check by which share the road taken is dearer a month than the one taken before."""
    if case.old is None:
        return FIRST
    before = road_taken(case.old)
    if before is None or case.road is None or before.average_usd_per_month <= 0:
        return UNPRICED
    more = case.road.average_usd_per_month / before.average_usd_per_month - 1
    return judged(f"{more:.1%} more a month" if more > 0 else "not dearer", more <= float(limit))


def evidence(case: Case, limit: Sequence[str]) -> Finding:
    """Check that each of these is known, whichever way it is answered."""
    said = {gate.name: gate.answer for gate in case.new.gates}
    said |= {"data": case.new.readiness.answer, "quality": case.new.quality.as_good}
    missing = [name for name in limit if said.get(name, "unknown") == "unknown"]
    return judged(f"unknown: {', '.join(missing)}" if missing else "all known", not missing)


def below(advice: Advice, name: str) -> set[str]:
    """Return the names of every figure at or below one."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        here = ahead.pop()
        if here not in found:
            found.add(here)
            ahead.extend(advice.figures[here].inputs.values())
    return found


def vendors(advice: Advice, road: OptionRecord) -> set[str]:
    """Return the vendors whose quoted prices the road's cost rests on (`price.api.openai/gpt...` is openai's)."""
    names = {name for name in below(advice, f"{road.key}.lifetime") if name.startswith(QUOTE)}
    return {name.split(".")[2].partition("/")[0] for name in names if name.count(".") >= 2}


def providers(case: Case, limit: Sequence[str]) -> Finding:
    """Check that nobody else is paid on the road taken."""
    if case.road is None:
        return UNPRICED
    paid = sorted(vendors(case.new, case.road))
    odd = [name for name in paid if name not in limit]
    return judged(f"pays {', '.join(odd or paid) or 'no vendor'} ({case.road.title})", not odd)


def verdicts(case: Case, limit: Sequence[str]) -> Finding:
    """Check that the verdict is one of these."""
    return judged(f"{case.new.verdict.code}: {case.new.verdict.title}", case.new.verdict.code in limit)


def same_verdict(case: Case, limit: bool) -> Finding:
    """Check that the verdict is the one before."""
    if case.old is None:
        return FIRST
    before, after = case.old.verdict, case.new.verdict
    changed = (before.code, before.road) != (after.code, after.road)
    return judged(f"{before.title}, now {after.title}" if changed else "the same verdict", limit or not changed)


def price_age(case: Case, limit: Decimal) -> Finding:
    """Check the age of the oldest price in use; a price without a day is older than any limit."""
    prices = case.new.prices
    dateless = [name for name, f in case.new.figures.items() if name.startswith(QUOTE) and f.letter == "q" and not f.on]
    if dateless:
        return Finding(f"without a day: {', '.join(dateless)}", "unknown")
    if prices.oldest is None:
        return Finding("no quoted price is in use", "does not apply")
    days = (case.new.as_of - prices.oldest).days
    return judged(f"{days} days, checked {prices.oldest}", days <= limit)


def ending(case: Case, limit: Decimal) -> Finding:
    """Check that the road taken does not end (its model is switched off) within so many months."""
    if case.road is None:
        return UNPRICED
    last: date | None = case.road.ends_on
    if last is None:
        return judged("no end is announced", True)
    return judged(f"ends on {last}", last >= month_start(case.new.as_of, int(limit)))


def slips(case: Case, limit: bool) -> Finding:
    """Check that no number looks like a slip of unit, unless the scenario confirms it."""
    odd = [one.place for one in case.new.plausibility if not one.confirmed]
    return judged(f"unusual: {', '.join(odd)}" if odd else "none", limit or not odd)
