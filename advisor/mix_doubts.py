"""What looks wrong in the numbers of a mix: of one task, of all alike, and in the one bill of them all. Pure.

Rule 1  A finding that stands in the same words for every task is told once; another one names its task.
Rule 2  The bill is of all tasks together, so it is held against the sum of their tokens times price.
Rule 3  `unusual` at the top is for whichever task it concerns; a task where nothing is odd does not hear of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from advisor.advise import Question
from advisor.plausibility import Suspicion, bill_suspicion
from advisor.plausibility_checks import Asked, suspicions, today_price, token_usd_per_month
from advisor.quantity import Quantity

BILL_PLACE: Final = "today.monthly_bill_usd"


def asked_of(question: Question) -> Asked:
    """Return what the checks ask of one task."""
    return Asked(question.scenario, question.book, question.as_of, question.cards[1])


def concerned(question: Question) -> Question:
    """Return a task's question with only those names in `unusual` that something there is odd about."""
    if not question.scenario.unusual:
        return question
    odd = {one.place for one in suspicions(asked_of(question))}
    kept = tuple(name for name in question.scenario.unusual if name in odd)
    return replace(question, scenario=question.scenario.model_copy(update={"unusual": kept}))


def computed_usd_per_month(questions: Sequence[Question]) -> float | None:
    """Return the tasks' tokens times price in the first month, or None where one of them is not known."""
    asked = [asked_of(question) for question in questions]
    prices = [(one, today_price(one)) for one in asked]
    months = [None if price is None else token_usd_per_month(one, price) for one, price in prices]
    known = [month for month in months if month is not None]
    return sum(known) if len(known) == len(months) else None


def bill_doubt(
    questions: Sequence[Question], bill: Quantity | None, requests: Quantity | None, unusual: Sequence[str]
) -> Suspicion | None:
    """Return what is wrong with the bill of all tasks together, or None; confirmed where `unusual` names it."""
    computed = computed_usd_per_month(questions)
    if bill is None or computed is None:
        return None
    volume = None if requests is None else float(requests.known_value("volume.tasks_per_month"))
    found = bill_suspicion(
        float(bill.known_value(BILL_PLACE)), computed, volume, "the sum of all tasks' tokens x price"
    )
    right = BILL_PLACE in unusual
    return None if found is None else found._replace(refused=found.refused and not right, confirmed=right)


def told_once(names: Sequence[str], questions: Sequence[Question], unusual: Sequence[str]) -> tuple[str, ...]:
    """Return the tasks' findings as sentences (Rule 1), and the names in the top's `unusual` that concern no task."""
    found = [suspicions(asked_of(question)) for question in questions]
    told = [tuple(map(str, own)) for own in found]
    common = [line for line in dict.fromkeys(told[0]) if all(line in own for own in told)] if told else []
    each = [f"{name}: {line}" for name, own in zip(names, told, strict=True) for line in own if line not in common]
    places = {one.place for own in found for one in own} | {BILL_PLACE}
    idle = [f"unusual names {name}, and nothing is odd about it: delete the line" for name in unusual
            if name not in places]  # fmt: skip
    return (*common, *each, *idle)
