"""Does the plan hang together? Every contradiction at once, from the plan alone. Pure.

A plan's id is a digest and no signature (advisor.plan, Rule 1): somebody may have edited the plan and sealed it again.
So what the advisor would never write is refused here, even where every byte is the one that was sealed.
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import get_args

from advisor.plan import Plan, StageName
from runner.refusal import MAKE_AGAIN, Refusal

ROAD_ANSWERS = {
    "strict": {"prompting": "yes", "retrieval": "yes", "volume": "yes"},
    "cost_only": {"prompting": "no"},
    "constraint": {"prompting": "yes", "retrieval": "yes"},
}
"""What must be true on each road that justifies training (advisor.verdict; a test holds the two together)."""

LONGEST_DAYS = 31  # a plan lives a month, of the longest kind: prices and packages move
STAGE_ORDER: tuple[StageName, ...] = get_args(StageName)
REQUIRED: tuple[StageName, ...] = ("curate", "sft", "evaluate", "account")
TRAINING: tuple[StageName, ...] = ("adapt", "sft", "dpo")
NOT_KNOWN = ("", "unknown")
NOT_GRANTED = ("none", "not stated; overridden")


def unjustified(plan: Plan) -> list[Refusal]:
    """Rule 1: the verdict justifies training, or somebody said why it is done all the same."""
    verdict = plan.verdict
    if verdict.justified or overridden(plan):
        return []
    found = f"the verdict is {verdict.title!r}: {verdict.reason}"
    return [
        Refusal("unjustified", found, "follow it, or record why not: advise SCENARIO --plan FILE --override REASON")
    ]


def overridden(plan: Plan) -> bool:
    """Return whether a reason is recorded for going against the verdict."""
    return bool((plan.verdict.override_reason or "").strip())


def verdict(plan: Plan) -> list[Refusal]:
    """Rule 2: a verdict that justifies training stands on a road whose answers are the plan's."""
    if not plan.verdict.justified:
        return []
    road, answers = plan.verdict.road, plan.verdict.answers
    wanted = ROAD_ANSWERS.get(road)
    if wanted is None:
        return [Refusal("verdict", f"it justifies training, and its road is {road}", MAKE_AGAIN)]
    wrong = [
        f"{name} is {answers.get(name, 'absent')}, wanted {answer}"
        for name, answer in wanted.items()
        if answers.get(name) != answer
    ]
    return [Refusal("verdict", f"it justifies training on the road {road}, but {text}", MAKE_AGAIN) for text in wrong]


def lifetime(plan: Plan) -> list[Refusal]:
    """Rule 3: a plan lives at most LONGEST_DAYS."""
    days = (plan.expires_on - plan.made_on).days
    if 0 <= days <= LONGEST_DAYS:
        return []
    found = f"made on {plan.made_on}, last day {plan.expires_on}: {days} days, wanted 0 to {LONGEST_DAYS}"
    return [Refusal("lifetime", found, MAKE_AGAIN)]


def scenario(plan: Plan) -> list[Refusal]:
    """Rule 4: the plan's own copy of the scenario is the scenario it was made from."""
    ref = plan.scenario
    if ref.file is None or ref.file.sha256 == ref.sha256:
        return []
    found = f"{ref.file.path} has sha256 {ref.file.sha256[:12]}, the plan was made from {ref.sha256[:12]}"
    return [Refusal("scenario", found, MAKE_AGAIN)]


def licence(plan: Plan) -> list[Refusal]:
    """Rule 5: licence and consent are known; data that nobody granted is trained on only with a recorded reason."""
    remedy = "state it in the scenario's data section and make the plan again"
    found: list[Refusal] = []
    for name, value in (("licence", plan.data.licence), ("consent", plan.data.consent)):
        word = value.strip().casefold()
        if word in NOT_KNOWN:
            found.append(Refusal("licence", f"the {name} of the training data is {value.strip() or 'blank'}", remedy))
        elif word in NOT_GRANTED and not overridden(plan):
            text = f"the {name} of the training data is {value.strip()}, and no reason is recorded"
            found.append(Refusal("licence", text, f"{remedy}, or record why: --override REASON"))
    return found


def model(plan: Plan) -> list[Refusal]:
    """Rule 6: the model has a folder of its own below the plan's, and every one of its files lies in it."""
    folder = PurePosixPath(plan.base_model.directory)
    if not folder.parts:
        return [Refusal("model", "its folder is the plan's own", MAKE_AGAIN)]
    strays = [ref.path for ref in plan.base_model.files if folder not in PurePosixPath(ref.path).parents]
    return [Refusal("model", f"{path} does not lie in the model folder {folder}", MAKE_AGAIN) for path in strays]


def stages(plan: Plan) -> list[Refusal]:
    """Rule 7: the required stages are there, each stage once and in its order, and training has its settings."""
    names = [stage.name for stage in plan.stages]
    remedy = f"the order is {', '.join(STAGE_ORDER)}; make the plan again"
    absent = [name for name in REQUIRED if name not in names]
    rows = [
        (len(set(names)) < len(names), f"a stage stands twice: {', '.join(names)}"),
        (names != sorted(names, key=STAGE_ORDER.index), f"out of order: {', '.join(names)}"),
        (bool(absent), f"not there: {', '.join(absent)}"),
        ("adapt" in names and plan.data.unlabelled is None, "adapt has no unlabelled text (data.unlabelled)"),
        ("dpo" in names and plan.data.preferences is None, "dpo has no pairs (data.preferences)"),
        *(
            (stage.train is None, f"{stage.name} has no training settings")
            for stage in plan.stages
            if stage.name in TRAINING
        ),
    ]
    return [Refusal("stages", found, remedy) for applies, found in rows if applies]


def peaks(plan: Plan) -> list[Refusal]:
    """Rule 8: every training stage forecasts its peak memory, or nobody can tell whether it fits."""
    return [
        Refusal("memory", f"{stage.name} has no forecast of peak_bytes", MAKE_AGAIN)
        for stage in plan.stages
        if stage.name in TRAINING and "peak_bytes" not in stage.forecast
    ]


RULES: tuple[Callable[[Plan], list[Refusal]], ...] = (
    unjustified,
    verdict,
    lifetime,
    scenario,
    licence,
    model,
    stages,
    peaks,
)


def contradictions(plan: Plan) -> list[Refusal]:
    """Return every refusal of every rule, in the rules' order."""
    return [refusal for rule in RULES for refusal in rule(plan)]
