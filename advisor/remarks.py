"""What a careful colleague would add: warnings, roads rejected with their reason, and what nobody has looked at."""

from collections.abc import Sequence
from decimal import Decimal

from advisor.answer import Answer
from advisor.balance import Balance
from advisor.findings import Readiness
from advisor.options import Option
from advisor.scenario import Scenario
from advisor.settings import unusual_settings

NOT_ASSESSED = (
    "training-data policy, alignment debates and contested safety questions",
    "law and rules of the sector, export control, works councils",
    "whether the hosted vendor's quality drifts, and loaded time to first token",
    "taxes, financing, and exchange rates beyond the stated one",
)
"""Printed under every advice (R028)."""
BILL_TOLERANCE = Decimal("0.15")
"""A bill further than this from tokens times price is reported (DESIGN 3)."""


def rejected(scenario: Scenario) -> tuple[str, ...]:
    """Return roads that are never taken, with the reason (R007, R008)."""
    lab = scenario.task.organisation == "lab"
    scratch = (
        "out of scope here: a lab's decision rests on other grounds"
        if lab
        else ("costs millions and needs trillions of tokens; almost never right for an application team")
    )
    asked = " (asked for in the scenario)" if scenario.task.from_scratch else ""
    return (
        f"training from scratch{asked}: {scratch}",
        "continued pre-training as the product: needs a corpus of billions of domain tokens, which no field states",
    )


def bad_fits(scenario: Scenario) -> list[str]:
    """Return the named bad fits that apply (R014, R015)."""
    task = scenario.task
    rows = (
        (task.kind == "chat", "general chat: general models already do this well"),
        (task.role == "outer", "a user-facing task: keep the outer synthesis hosted, tune inner tasks only"),
        (task.prototype, "a quick prototype: prompts change faster than models"),
        (task.diverse is Answer.YES, "a very diverse task: a narrow model fits a narrow task"),
        (task.knowledge_changes in ("weekly", "daily"), "facts that change often: look them up instead"),
        (task.goal == ("learning",), "learning is a motive for a pilot budget, not a business case"),
    )
    return [f"bad fit: {text}" for applies, text in rows if applies]


def bill_mismatch(scenario: Scenario, balance: Balance | None) -> list[str]:
    """Return a warning where the stated bill and tokens times price differ by more than the tolerance."""
    bill = scenario.today.monthly_bill_usd.value
    if bill is None or balance is None:
        return []
    computed = Decimal(balance.hosted_first_month_usd)
    if abs(computed - bill) <= BILL_TOLERANCE * bill:
        return []
    return [f"the stated bill is USD {bill:,.0f} a month, but tokens times price is USD {computed:,.0f}: check both"]


def unused(scenario: Scenario) -> list[str]:
    """Return what the scenario states and this version does not use yet."""
    rows = (
        (scenario.constraints.regions, "constraints.regions"),
        (scenario.quality.error_usd.known, "quality.error_usd"),
        (scenario.data.freshness_days.known, "data.freshness_days"),
    )
    return [f"{name} is stated, and not used in the numbers yet" for stated, name in rows if stated]


def warnings(
    scenario: Scenario,
    readiness: Readiness,
    options: Sequence[Option],
    misfits: Sequence[str],
    balance: Balance | None,
) -> tuple[str, ...]:
    """Return everything a reader must see beside the verdict."""
    notes = [f"{option.title}: {note}" for option in options for note in option.notes]
    unknown: list[str] = []
    if scenario.constraints.data_may_leave is Answer.UNKNOWN:
        unknown.append("whether the data may leave is unknown; hosted roads are shown as if it may")
    if scenario.candidates.base_model is None:
        unknown.append("no base model is named; an 8-billion-parameter open model is assumed")
    if readiness.answer is Answer.UNKNOWN:
        unknown.append("the training data is not judged: name the files, or state how many rows there are")
    found = [*bad_fits(scenario), *bill_mismatch(scenario, balance), *misfits]
    return (*found, *unusual_settings(scenario.training), *notes, *unknown, *unused(scenario))
