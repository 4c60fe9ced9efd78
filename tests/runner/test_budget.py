"""What a run may use: the lower limit holds, a higher one only with a reason, and the sentence says which one bound."""

from decimal import Decimal
from pathlib import Path

import pytest

from advisor.plan import Limits
from runner.admission import Options, admit, limits_for, rate_of
from runner.budget import Limit, budget_of, limits_of, next_step
from runner.planfile import read_plan
from runner.refusal import RefusedError
from tests.runner.toy_plan import LAST_DAY, MakePlan, edited

PLANNED = Limits(usd=Decimal(10), hours=1.5)


@pytest.mark.parametrize(
    ("usd", "hours", "reason", "holds", "raised"),
    [
        (None, None, None, ("10", "1.5"), []),
        ("5", "1", None, ("5", "1"), []),
        ("10", "1.5", None, ("10", "1.5"), []),
        ("20", "1", "a demo", ("20", "1"), ["usd"]),
        ("20", "2", "a demo", ("20", "2"), ["usd", "hours"]),
        ("20", "2", "  ", ("10", "1.5"), []),  # a blank reason is none
        ("5", "2", "a demo", ("5", "2"), ["hours"]),
    ],
)
def test_which_limit_holds(
    usd: str | None, hours: str | None, reason: str | None, holds: tuple[str, str], raised: list[str]
) -> None:
    asked = [None if text is None else Decimal(text) for text in (usd, hours)]
    found = budget_of(*limits_of(PLANNED, asked[0], asked[1], reason))
    assert (found.usd, found.hours) == (Decimal(holds[0]), Decimal(holds[1]))
    assert [limit.name for limit in found.raised] == raised


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit("usd", Decimal(10), Decimal(5)), "--max-usd 5 stopped it: raise it (the plan allows 10 USD)"),
        (Limit("usd", Decimal(10)), "the plan's own limit of 10 USD stopped it: to go on, run again with --max-usd"),
        (Limit("hours", Decimal(2), Decimal(2)), "the plan's own limit of 2 hours stopped it"),
        (Limit("hours", Decimal(2), Decimal(3), "a demo"), "the raised limit of 3 hours stopped it"),
    ],
)
def test_the_next_step_names_the_limit_that_bound(limit: Limit, said: str) -> None:
    assert said in next_step(limit)
    assert ("--raise-limit REASON" in next_step(limit)) is (limit.holds >= limit.planned)


def refused(path: Path, options: Options) -> list[str]:
    """Return why these options are refused."""
    try:
        admit(path, None, options)
    except RefusedError as found:
        return [str(refusal) for refusal in found.refusals]
    return []


def test_a_higher_limit_needs_a_reason_and_a_reason_a_higher_limit(make_plan: MakePlan) -> None:
    path = make_plan()  # 10 USD, 1 hour
    higher = Options(LAST_DAY, max_usd=Decimal(11), max_hours=Decimal(2), packages=())
    assert refused(path, higher) == [
        "limit: --max-usd 11 is above the plan's limit of 10 USD; lower it, or record why it may be more: "
        "--raise-limit REASON",
        "limit: --max-hours 2 is above the plan's limit of 1.0 hours; lower it, or record why it may be more: "
        "--raise-limit REASON",
    ]
    assert refused(path, Options(LAST_DAY, max_usd=Decimal(11), raise_limit="a demo", packages=())) == []
    assert refused(path, Options(LAST_DAY, max_usd=Decimal(9), raise_limit="a demo", packages=())) == [
        "limit: --raise-limit raises nothing; give --max-usd or --max-hours above the plan's limit, or leave it out"
    ]


@pytest.mark.parametrize(
    ("source", "stated", "said"),
    [
        ("assumed: a desktop's power and wear", None, "assumed: a desktop's power and wear"),
        ("", None, "the plan's machine here"),
        ("assumed: a desktop's power and wear", Decimal(1), "stated with --usd-per-hour"),
    ],
)
def test_who_says_what_an_hour_costs(make_plan: MakePlan, source: str, stated: Decimal | None, said: str) -> None:
    # another price of the same amount is another price
    other = {"name": "gpu", "amount": "3.60", "unit": "usd_per_hour", "letter": "q", "source": "a vendor's page"}
    path = edited(make_plan(), lambda plan: (plan.update(prices=[other]), plan["machine"].update(rate_source=source)))
    plan = read_plan(path.read_bytes()).plan
    assert plan is not None
    assert rate_of(plan, Options(LAST_DAY, usd_per_hour=stated)).source == said
    assert [limit.planned for limit in limits_for(plan, Options(LAST_DAY))] == [10, 1]
