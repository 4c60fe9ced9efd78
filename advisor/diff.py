"""What differs between two advices: the verdict, every road's money, the inputs and what each of them does alone.

Rule 1  Both sides are whole advices; nothing is computed here that an advice does not say.
Rule 2  A change's effect is its own: the old question with this one change. What changes do together is one more line,
        and the lines sum to the difference.
Rule 3  A change whose effect cannot be told says why; it is never 0.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Literal

from advisor.advice import Advice, OptionRecord
from advisor.advice_record import AdviceRecord
from advisor.policy import OutcomeRecord

FORMAT_VERSION = "1.0"


class SideRecord(AdviceRecord):
    """One of the two advices: which scenario, on which day, under which prices, and what it says; money in USD.

    `at_stake_usd`: what the cheapest road that trains saves against the cheapest hosted one; None: nothing is weighed.
    """

    name: str
    scenario_sha256: str
    as_of: date
    prices_digest: str
    horizon_months: float
    code: str
    title: str
    road: str
    because: str
    at_stake_usd: float | None
    same_verdict_share: float | None


class RoadRecord(AdviceRecord):
    """One road before and after, in USD; a side on which it is not priced is None, and so is the difference."""

    key: str
    title: str
    old_upfront_usd: float | None
    new_upfront_usd: float | None
    old_usd_per_month: float | None
    new_usd_per_month: float | None
    old_lifetime_usd: float | None
    new_lifetime_usd: float | None
    lifetime_change_usd: float | None


class AnswerRecord(AdviceRecord):
    """One gate whose answer or evidence changed."""

    name: str
    question: str
    old: str
    new: str
    why: str


class ChangeRecord(AdviceRecord):
    """One input that changed: both values as text, and what it does alone to the money at stake and to the verdict.

    `effect_usd` is None where it cannot be told (`unknown_because` says why); `verdict` is None where only money could
    be computed again.
    """

    input: str
    old: str
    new: str
    effect_usd: float | None
    verdict: str | None
    unknown_because: str | None


class DiffRecord(AdviceRecord):
    """Everything that differs, and the policy's answers; money in USD, to be shown in `currency` at `usd_rate`.

    `together_usd` is what is left of the difference at stake once each known effect alone is taken off; None where one
    of the sides weighs nothing. `broken` says whether the policy refuses.
    """

    format_version: str
    currency: str
    usd_rate: float
    old: SideRecord
    new: SideRecord
    verdict_changed: bool
    at_stake_change_usd: float | None
    roads: tuple[RoadRecord, ...]
    answers: tuple[AnswerRecord, ...]
    changes: tuple[ChangeRecord, ...]
    changes_from: Literal["scenarios", "figures"]
    together_usd: float | None
    notes: tuple[str, ...]
    policy: tuple[OutcomeRecord, ...]
    broken: bool


def at_stake_usd(advice: Advice) -> float | None:
    """Return the money at stake, or None where there is nothing to weigh."""
    return None if advice.model is None else advice.at_stake_usd


def side(advice: Advice) -> SideRecord:
    """Return one advice in short."""
    verdict = advice.verdict
    return SideRecord(
        name=advice.scenario.name,
        scenario_sha256=advice.scenario.sha256,
        as_of=advice.as_of,
        prices_digest=advice.prices.digest,
        horizon_months=advice.horizon_months,
        code=verdict.code,
        title=verdict.title,
        road=verdict.road,
        because=verdict.because,
        at_stake_usd=at_stake_usd(advice),
        same_verdict_share=None if advice.uncertainty is None else advice.uncertainty.same_verdict_share,
    )


def less(new: float | None, old: float | None) -> float | None:
    """Return new less old, or None where either is not known."""
    return None if new is None or old is None else new - old


def road(old: OptionRecord | None, new: OptionRecord | None) -> RoadRecord:
    """Return one road before and after; one of the two is given."""
    named = new or old
    if named is None:
        message = "a road needs at least one side"
        raise ValueError(message)
    return RoadRecord(
        key=named.key,
        title=named.title,
        old_upfront_usd=None if old is None else old.upfront_usd,
        new_upfront_usd=None if new is None else new.upfront_usd,
        old_usd_per_month=None if old is None else old.average_usd_per_month,
        new_usd_per_month=None if new is None else new.average_usd_per_month,
        old_lifetime_usd=None if old is None else old.lifetime_usd,
        new_lifetime_usd=None if new is None else new.lifetime_usd,
        lifetime_change_usd=less(new and new.lifetime_usd, old and old.lifetime_usd),
    )


def roads(old: Advice, new: Advice) -> tuple[RoadRecord, ...]:
    """Return every road that either side prices, the new side's order first."""
    before, after = ({option.key: option for option in advice.options} for advice in (old, new))
    return tuple(road(before.get(key), after.get(key)) for key in dict.fromkeys((*after, *before)))


def answers(old: Advice, new: Advice) -> tuple[AnswerRecord, ...]:
    """Return the gates that answer otherwise than before, or for another reason."""
    before = {gate.name: gate for gate in old.gates}
    changed = [gate for gate in new.gates if gate.name in before and before[gate.name] != gate]
    return tuple(
        AnswerRecord(name=g.name, question=g.question, old=before[g.name].answer, new=g.answer, why=g.why)
        for g in changed
    )


def together_usd(whole_usd: float | None, changes: Sequence[ChangeRecord]) -> float | None:
    """Return what the changes do to the money at stake beyond the sum of what each does alone."""
    return None if whole_usd is None else whole_usd - sum(change.effect_usd or 0.0 for change in changes)


def notes(old: Advice, new: Advice) -> tuple[str, ...]:
    """Return what a reader must know before comparing the amounts."""
    said: list[str] = []
    if old.scenario.name != new.scenario.name:
        said.append(f"the scenarios have different names: {old.scenario.name} and {new.scenario.name}")
    if old.horizon_months != new.horizon_months:
        said.append(
            f"lifetime amounts are over {old.horizon_months:g} months before and {new.horizon_months:g} after: "
            "compare the months"
        )
    if (old.currency, old.usd_rate) != (new.currency, new.usd_rate):
        said.append(f"every amount is converted at the new side's rate: 1 USD = {new.usd_rate:g} {new.currency}")
    return tuple(said)


def compare(
    old: Advice,
    new: Advice,
    changes: Sequence[ChangeRecord],
    changes_from: Literal["scenarios", "figures"],
    policy: Sequence[OutcomeRecord] = (),
) -> DiffRecord:
    """Return the whole comparison."""
    before, after = side(old), side(new)
    whole = less(after.at_stake_usd, before.at_stake_usd)
    return DiffRecord(
        format_version=FORMAT_VERSION,
        currency=new.currency,
        usd_rate=new.usd_rate,
        old=before,
        new=after,
        verdict_changed=(before.code, before.title, before.road) != (after.code, after.title, after.road),
        at_stake_change_usd=whole,
        roads=roads(old, new),
        answers=answers(old, new),
        changes=tuple(changes),
        changes_from=changes_from,
        together_usd=together_usd(whole, changes),
        notes=notes(old, new),
        policy=tuple(policy),
        broken=any(outcome.refuses for outcome in policy),
    )


def to_json(diff: DiffRecord) -> str:
    """Return the comparison as JSON text; raises ValueError for a number that is not finite."""
    return json.dumps(asdict(diff), default=str, indent=2, ensure_ascii=False, allow_nan=False)
