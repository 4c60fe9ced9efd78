"""A comparison in words: the cells and sentences that the Markdown comment and the terminal's page share."""

from collections.abc import Iterator
from typing import Final

from advisor.diff import ChangeRecord, DiffRecord, RoadRecord, SideRecord
from advisor.report import words

CHANGES_SHOWN: Final = 12
"""The largest effects; a reviewer wants what moved the answer, and the JSON has all."""
CENT: Final = 0.005
"""USD that no report shows: half a cent."""
MARKS: Final = {"kept": "kept", "broken": "BROKEN", "unknown": "NOT KNOWN", "does not apply": "does not apply"}
ROADS: Final = {"strict": ", strict", "cost_only": ", for cost only", "constraint": ", a constraint", "none": ""}
"""What a verdict's road adds to its title."""


def money(diff: DiffRecord, usd: float | None) -> str:
    """Return an amount in the report's currency without its name, or a dash."""
    return "-" if usd is None else words.money(usd, "", diff.usd_rate).strip()


def signed(diff: DiffRecord, usd: float | None) -> str:
    """Return a difference with its sign, or a dash."""
    if usd is None:
        return "-"
    if abs(usd) < CENT:
        return "0"
    return f"+{money(diff, usd)}" if usd > 0 else money(diff, usd)


def verdict(side: SideRecord) -> str:
    """Return a side's verdict with its road, where the title does not say it already."""
    road = ROADS[side.road]
    return side.title if road.lstrip(", ") in side.title else f"{side.title}{road}"


def headline(diff: DiffRecord) -> str:
    """Return what became of the verdict."""
    if diff.verdict_changed:
        return f"{verdict(diff.old)} → {verdict(diff.new)}"
    return f"{verdict(diff.new)}, as before"


def staked(diff: DiffRecord) -> str:
    """Return what became of the money at stake."""
    before, after, change = diff.old.at_stake_usd, diff.new.at_stake_usd, diff.at_stake_change_usd
    if before is None or after is None:
        side = (
            "either side" if before is None and after is None else "the old side" if before is None else "the new side"
        )
        return f"Nothing is weighed on {side}: a road that trains, or today's, has no price there."
    if change == 0:
        return f"Training against staying hosted: {told(diff, after)}, as before."
    return (
        f"Training against staying hosted: {told(diff, before)} before, {told(diff, after)} now "
        f"({signed(diff, change)} {diff.currency} over the horizon)."
    )


def told(diff: DiffRecord, usd: float) -> str:
    """Return an amount at stake as saved or lost."""
    return f"{'saves' if usd >= 0 else 'costs'} {words.money(abs(usd), diff.currency, diff.usd_rate)}"


def dated(diff: DiffRecord) -> str:
    """Return days and price books of the two sides."""
    sides = (f"{side.as_of}, prices {side.prices_digest[:12]}" for side in (diff.old, diff.new))
    return "before: {}; now: {}".format(*sides)


def road_cells(diff: DiffRecord, road: RoadRecord) -> tuple[str, ...]:
    """Return a road's cells: title, mean month and lifetime before and now, the difference."""
    change = signed(diff, road.lifetime_change_usd)
    if road.lifetime_change_usd is None:
        change = "newly priced" if road.old_lifetime_usd is None else "no longer priced"
    amounts = (road.old_usd_per_month, road.new_usd_per_month, road.old_lifetime_usd, road.new_lifetime_usd)
    return (road.title, *(money(diff, amount) for amount in amounts), change)


def change_cells(diff: DiffRecord, change: ChangeRecord) -> tuple[str, ...]:
    """Return a change's cells: input, before, now, its effect alone, the verdict with it alone where that differs."""
    effect = signed(diff, change.effect_usd) if change.unknown_because is None else "not known"
    other = change.verdict if change.verdict is not None and change.verdict != diff.old.title else ""
    return (change.input, change.old, change.new, effect, other or (change.unknown_because or ""))


def rest(diff: DiffRecord) -> Iterator[str]:
    """Yield what the table of changes leaves to say: those not shown, what they do together, what the effects are."""
    if not diff.changes:
        yield "No input differs."
        return
    if len(diff.changes) > CHANGES_SHOWN:
        yield f"{len(diff.changes) - CHANGES_SHOWN} more changes, which do less, are in the JSON."
    if diff.together_usd is not None and diff.at_stake_change_usd is not None:
        known = sum(change.effect_usd or 0.0 for change in diff.changes)
        whole = f"{signed(diff, diff.at_stake_change_usd)} {diff.currency}"
        if abs(diff.together_usd) < CENT:
            yield f"Alone they sum to the difference: {whole}."
        else:
            unknown = " and those not known" if any(change.effect_usd is None for change in diff.changes) else ""
            more = f"what they do together{unknown} {signed(diff, diff.together_usd)}"
            yield f"Each alone {signed(diff, known)}, {more}: {whole}."
    if diff.changes_from == "figures":
        yield "From two advices: money only. Name the scenarios to see what each change does to the verdict."


def refused(diff: DiffRecord) -> str:
    """Return the policy's answer as one sentence, or nothing where there is no policy."""
    if not diff.policy:
        return ""
    stopped = [outcome.rule for outcome in diff.policy if outcome.refuses]
    if not stopped:
        return f"Policy: all {len(diff.policy)} rules are kept."
    return f"Policy: REFUSED by {', '.join(stopped)}."
