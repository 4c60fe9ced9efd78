"""What a careful colleague would add: warnings, roads rejected with their reason, and what nobody has looked at."""

from collections.abc import Iterable, Sequence

from advisor.answer import Answer
from advisor.findings import Readiness
from advisor.options import Option
from advisor.plausibility import Suspicion
from advisor.scenario import Scenario
from advisor.settings import Finance, unusual_settings
from pricing.figure import Figure, leaves

NOT_ASSESSED = (
    "training-data policy, alignment debates and contested safety questions",
    "law and rules of the sector, export control, works councils",
    "whether the hosted vendor's quality drifts, and loaded time to first token",
    "taxes, financing, and exchange rates beyond the stated one",
)
"""Printed under every advice (R028)."""
CLAIMED, CLAIM_PLACE = "tuned_claimed", "serving.claimed_usd_per_month"
"""The road at a claimed cost, whose note says how many hours the claim buys, and the field it is claimed in."""


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


def doubtful(found: Sequence[Suspicion], options: Sequence[Option], unusual: Sequence[str]) -> list[str]:
    """Return the numbers that look wrong, as sentences; a claim that its road's note takes apart is not said twice."""
    said = any(option.key == CLAIMED for option in options)
    told = [str(one) for one in found if not (said and one.place == CLAIM_PLACE)]
    idle = [name for name in unusual if name not in {one.place for one in found}]
    return told + [f"unusual names {name}, and nothing is odd about it: delete the line" for name in idle]


def unused(scenario: Scenario) -> list[str]:
    """Return what the scenario states and this version does not use yet."""
    rows = (
        (scenario.constraints.regions, "constraints.regions"),
        (scenario.data.freshness_days.known, "data.freshness_days"),
    )
    return [f"{name} is stated, and not used in the numbers yet" for stated, name in rows if stated]


def own_prices(figures: Iterable[Figure], file: str) -> list[str]:
    """Return how many of the prices in use are the user's own, and which offers they are of."""
    said = {leaf.name for figure in figures for leaf in leaves(figure) if leaf.origin.note.startswith(f"{file}: ")}
    names = {name.removesuffix(".off_share").removesuffix(".stated") for name in said if name.startswith("price.")}
    offers = sorted({name.rpartition(".")[0].removeprefix("price.") for name in names})
    if not file or not names:
        return []
    return [f"{len(names)} of the prices in use are your own overrides ({file}): {', '.join(offers)}"]


def report_currency(finance: Finance) -> list[str]:
    """Return the rate that the report's amounts are converted at, and its day."""
    if finance.currency == "USD":
        return []
    rate = finance.usd_rate.known_value("finance.usd_rate")
    return [f"amounts are in {finance.currency}, at {rate} for one USD, the rate of {finance.usd_rate_on}"]


def warnings(
    scenario: Scenario,
    readiness: Readiness,
    options: Sequence[Option],
    misfits: Sequence[str],
    doubts: Sequence[Suspicion],
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
    found = [*bad_fits(scenario), *doubtful(doubts, options, scenario.unusual), *misfits]
    return (*found, *unusual_settings(scenario.training), *notes, *unknown, *unused(scenario))
