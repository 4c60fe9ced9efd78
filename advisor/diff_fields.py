"""The inputs in which two questions differ, and what each change does alone: the old question with it, asked again.

Rule 1  A change is one field of the scenario, together with the file that it names; or the prices and their day.
Rule 2  Fields are compared as they count: `1_000` and `1000` are the same, and a default that is written out is not
        the same, because it is then no assumption.
Rule 3  What cannot stand without another change has no effect of its own, and says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

from pydantic import BaseModel

from advisor.advise import Question, consider
from advisor.answer import Answer
from advisor.choice import choose_cards
from advisor.diff import ChangeRecord
from advisor.quantity import RANGE_MARK, Quantity
from advisor.scenario import Scenario
from advisor.scenario_evidence import Arm
from advisor.settings import Part

PRICES: Final = "prices and day"
COMPANIONS: Final = {
    "data.": "readiness",
    "traffic.log": "log",
    "candidates.base_model": "shape",
    "serving.measured": "serving_ratio",
}
"""Fields that name files, and what was read from those."""
DIGEST_SHOWN: Final = 12
"""As many digits as git shows of a digest: enough to compare by eye."""
LONGEST: Final = 80  # characters of a value; a description is not the point


class Change(NamedTuple):
    """One change: its name, both values as text, and the old question with it."""

    name: str
    old: str
    new: str
    asked: Question


def spelled(value: object) -> str:
    """Return a field's value as a reader knows it."""
    if isinstance(value, Quantity):
        return amount(value) if value.stated else f"{amount(value)} (default)"
    if value is None:
        return "not stated"
    if isinstance(value, Arm):
        return trials(value)
    if isinstance(value, BaseModel):
        return ", ".join(f"{name} {spelled(inner)}" for name, inner in value if inner is not None)[:LONGEST]
    if isinstance(value, tuple):
        return ", ".join(spelled(inner) for inner in cast("tuple[object, ...]", value))[:LONGEST] or "none"
    return str(value.value if isinstance(value, Answer) else value)[:LONGEST]


def amount(value: Quantity) -> str:
    """Return a quantity as the scenario spells it, thousands marked."""
    if value.value is None:
        return str(value)
    parts = [value.value] if value.low is None or value.high is None else [value.low, value.value, value.high]
    return RANGE_MARK.join(f"{part:,f}" for part in parts)


def trials(arm: Arm) -> str:
    """Return what was tried in one way: each variant's successes of its trials."""
    if not arm.trials:
        return f"not tried ({arm.not_tried})" if arm.not_tried else "not known"
    return ", ".join(f"{one.successes}/{one.n}" for one in arm.trials)


def differing(old: Part, new: Part, prefix: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield path, old and new value of every field that differs, in the order of a scenario."""
    for name in type(new).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Part) and type(before) is type(after) and not isinstance(before, Arm):
            yield from differing(before, cast("Part", after), f"{prefix}{name}.")
        elif before != after:
            yield f"{prefix}{name}", before, after


def with_field(part: Part, path: Sequence[str], value: object) -> Part:
    """Return the part with one field set, unchecked: it was checked where it stood."""
    name, *below = path
    inner: Any = with_field(getattr(part, name), below, value) if below else value
    return part.model_copy(update={name: inner})


def companion(path: str) -> str | None:
    """Return the part of the question that was read from the file this field names, if it names one."""
    return next((part for start, part in COMPANIONS.items() if path.startswith(start)), None)


def with_change(question: Question, other: Question, path: str, value: object) -> Question:
    """Return the question with one field of the other, and with what was read from its file."""
    scenario = cast("Scenario", with_field(question.scenario, path.split("."), value))
    part = companion(path)
    read = {} if part is None else {part: getattr(other, part)}
    return replace(question, scenario=scenario, **read)


def changes(old: Question, new: Question) -> list[Change]:
    """Return every change between two questions, fields first, then files whose content changed, then prices."""
    found: list[Change] = []
    seen: set[str] = set()
    for path, before, after in differing(old.scenario, new.scenario):
        if path not in ("name", "task.description"):
            found.append(Change(path, spelled(before), spelled(after), with_change(old, new, path, after)))
            seen.add(companion(path) or "")
    for start, part in COMPANIONS.items():
        if part not in seen and getattr(old, part) != getattr(new, part):
            asked = replace(old, **{part: getattr(new, part)})
            found.append(Change(f"{start.rstrip('.')} (content)", "the files before", "the files now", asked))
    if (old.book.digest, old.as_of) != (new.book.digest, new.as_of):
        asked = replace(old, book=new.book, as_of=new.as_of)
        found.append(Change(PRICES, of_book(old), of_book(new), asked))
    return found


def of_book(question: Question) -> str:
    """Return a price book and a day as text."""
    return f"{question.book.digest[:DIGEST_SHOWN]} on {question.as_of}"


def stake_usd(question: Question) -> tuple[float | None, str]:
    """Return the money at stake (None: nothing is weighed) and the verdict; raises what `advise` raises."""
    cards = choose_cards(question.scenario, question.shape, question.book, question.as_of)
    made = consider(replace(question, cards=cards))
    return None if made.balance is None else made.balance.saving_usd, made.rung.title


def effect(change: Change, before_usd: float | None) -> ChangeRecord:
    """Return what one change does alone."""
    amount: float | None = None
    verdict, why = None, None
    try:
        after_usd, verdict = stake_usd(change.asked)
    except (ValueError, LookupError, ArithmeticError) as fault:
        why = f"cannot stand alone: {fault}"
    else:
        if before_usd is None or after_usd is None:
            why = "nothing is weighed " + ("before" if before_usd is None else "with it alone")
        else:
            amount = after_usd - before_usd
    return ChangeRecord(
        input=change.name, old=change.old, new=change.new, effect_usd=amount, verdict=verdict, unknown_because=why
    )


def effects(old: Question, new: Question) -> list[ChangeRecord]:
    """Return every change with what it does alone: largest effect on money first, last what changes nothing alone."""
    found = changes(old, new)
    if not found:
        return []
    before_usd, title = stake_usd(old)
    records = [effect(change, before_usd) for change in found]

    def place(record: ChangeRecord) -> tuple[bool, float]:
        return record.effect_usd == 0 and record.verdict == title, -abs(record.effect_usd or 0.0)

    return sorted(records, key=place)
