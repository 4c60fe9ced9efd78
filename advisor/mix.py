"""The one composition for a scenario of several tasks: every task through `advise`, then sums. Pure.

Rule 1  A task's verdict is `advise`'s own: nothing here decides again. Tuning inner tasks and leaving the outer one
        hosted (R019) comes out of the ladder, and is warned about where it does not.
Rule 2  What a verdict costs is the cheapest road that it allows; a verdict whose road is not priced makes the total
        not known.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from advisor.advice import Advice, FlipRecord
from advisor.advise import Considered, Result, advise, consider
from advisor.balance import TODAY, number
from advisor.map import ASSUMED_MODEL
from advisor.mix_file import MixQuestion, Part
from advisor.mix_money import cents
from advisor.mix_records import (
    FORMAT_VERSION,
    MixAdvice,
    MixCostRecord,
    MixSharerRecord,
    MixSharingRecord,
    MixTaskRecord,
)
from advisor.mix_roads import Judged, road_of, ways_of
from advisor.mix_sharing import Sharing, groups, share, sharer
from advisor.mix_totals import WAYS, Shared, errors, lifetime_requests, months_to_repay, prices_of, total
from advisor.options import Option
from advisor.verdict import TRAINING_VERDICTS

MOST_TUNED: Final = 2
"""Most production fine-tunes cover one or two inner tasks (R020)."""
NOT_ASSESSED: Final = (
    "how the tasks' ranges move together: each task is drawn on its own (see its page)",
    "errors that one task hands on to the next: rates are counted per task, as its own trials show them",
)


class Mixed(NamedTuple):
    """The advice on the whole, and every task's own result for its page and its plan."""

    advice: MixAdvice
    results: Mapping[str, Result]


def judge(part: Part) -> Judged:
    """Return one task's advice; raises UnknownQuantityError where volume or tokens are unknown."""
    made = consider(part.question)
    return Judged(part, advise(part.question), made, road_of(made))


def cost(option: Option | None, why: str, shared: Decimal | None = None) -> MixCostRecord:
    """Return one way's cost of a task in whole cents; `shared` replaces the lifetime cost on cards of its own."""
    if option is None:
        return MixCostRecord(road=None, lifetime_usd=None, upfront_usd=None, why=why)
    lifetime = cents(number(option.lifetime)) if shared is None else shared
    title = option.title if shared is None else f"{option.title}, base replicas shared"
    return MixCostRecord(
        road=title, lifetime_usd=float(lifetime), upfront_usd=float(cents(number(option.upfront))), why=None
    )


def unpriced_why(made: Considered, wanted: str) -> str:
    """Return why a way has no price for a task: the reason of the first road of its kind."""
    reasons = [f"{road.title}: {road.why}" for road in made.unpriced if road.key.startswith(wanted)]
    barred = "the data may not leave, and no road inside is priced" if made.facts.must_stay_inside else ""
    return barred or (reasons[0] if reasons else "no road of this kind is priced")


def wrong_per_month(one: Judged, option: Option | None) -> float | None:
    """Return the wrong answers a month at the start, or None where the road's success was not scored."""
    if option is None or option.success is None:
        return None
    return (1 - number(option.success)) * float(one.made.ground["volume.tasks_per_month"].value)


def nearest_flip(advice: Advice) -> FlipRecord | None:
    """Return the input that turns a verdict to train soonest, or None where none does or the verdict is another."""
    found = [flip for flip in advice.flips if flip.flips_at is not None]
    return found[0] if found and advice.verdict.code in TRAINING_VERDICTS else None


def task_record(one: Judged, shared: Mapping[str, Shared]) -> MixTaskRecord:
    """Return one task's advice in short."""
    advice, made, scenario = one.result.advice, one.made, one.part.question.scenario
    ways, found = ways_of(one), shared.get(one.part.name)
    road, whole = (ways["recommended"], None) if found is None else (found.road, found.lifetime)
    prompting, retrieval, volume = advice.gates
    return MixTaskRecord(
        name=one.part.name,
        kind=scenario.task.kind,
        role=scenario.task.role,
        after=one.part.after,
        tasks_per_month=float(made.ground["volume.tasks_per_month"].value),
        volume_said=one.part.volume_said,
        verdict=advice.verdict,
        prompting_fails=prompting.answer,
        retrieval_fails=retrieval.answer,
        volume_justifies=volume.answer,
        same_verdict_share=None if advice.uncertainty is None else advice.uncertainty.same_verdict_share,
        measure_next=None if advice.measure_next is None else advice.measure_next.what,
        flip=nearest_flip(advice),
        today=cost(ways["today"], unpriced_why(made, TODAY)),
        recommended=cost(road, unpriced_why(made, "tuned" if made.rung.code in TRAINING_VERDICTS else ""), whole),
        all_hosted=cost(ways["all_hosted"], unpriced_why(made, "hosted")),
        all_tuned=cost(ways["all_tuned"], unpriced_why(made, "tuned")),
        errors_today_per_month=wrong_per_month(one, ways["today"]),
        errors_recommended_per_month=wrong_per_month(one, road),
    )


def shared(judged: Sequence[Judged]) -> list[Sharing]:
    """Return the groups of tuned tasks that could share base replicas, each priced."""
    found = [
        sharer(one.part.name, one.road, one.made, one.part.question.scenario.candidates.base_model or ASSUMED_MODEL)
        for one in judged
        if one.road is not None and one.road.trains and not one.road.hosted
    ]
    return [share(group) for group in groups([one for one in found if one is not None])]


def sharing_record(made: Sharing) -> MixSharingRecord:
    """Return a group's shared replicas as data."""
    rows = zip(made.sharers, made.load_shares, made.parts, strict=True)
    return MixSharingRecord(
        base_model=made.sharers[0].base,
        where=made.sharers[0].where,
        replicas=made.replicas,
        whole_usd=float(made.whole),
        apart_usd=float(made.apart),
        together_usd=float(made.together),
        used=made.used,
        sharers=tuple(
            MixSharerRecord(task=one.task, load_share=load, allocated_usd=float(part)) for one, load, part in rows
        ),
    )


def headline(tasks: Sequence[MixTaskRecord]) -> str:
    """Return the verdict on the whole in one sentence, task by task in as few words."""
    titles: dict[str, list[str]] = {}
    for task in tasks:
        titles.setdefault(task.verdict.title, []).append(task.name)
    return "; ".join(f"{title}: {', '.join(names)}" for title, names in titles.items()) + "."


def too_many(tuned: Sequence[tuple[str, str]]) -> list[str]:
    """Return the warnings over tuned tasks, given as (name, role): more than two (R020), or an outer one (R019)."""
    names = ", ".join(name for name, _ in tuned)
    outer = [name for name, role in tuned if role == "outer"]
    found = [f"{len(tuned)} tasks are tuned ({names}): most teams keep one or two; start with the one that saves most"]
    told = f"{', '.join(outer)}: a task that users read is tuned; keep the outer synthesis hosted"
    return (found if len(tuned) > MOST_TUNED else []) + ([told] if outer else [])


def compared_only(judged: Sequence[Judged], tasks: Sequence[MixTaskRecord]) -> list[str]:
    """Return why the column of all tuned is no advice: tasks that users read, and tuned answers that nobody scored."""
    priced = [task for task in tasks if task.all_tuned.lifetime_usd is not None]
    outer = [task.name for task in priced if task.role == "outer"]
    scored = {one.part.name for one in judged if one.part.question.scenario.evidence.tuned.trials}
    unscored = [task.name for task in priced if task.name not in scored]
    reasons = [f"users read {', '.join(outer)}"] if outer else []
    reasons += [f"nobody has scored tuned answers of {', '.join(unscored)}"] if unscored else []
    return [f"'{WAYS['all_tuned']}' is for comparison only: {'; '.join(reasons)}"] if reasons else []


def warned(question: MixQuestion, judged: Sequence[Judged], tasks: Sequence[MixTaskRecord]) -> tuple[str, ...]:
    """Return everything a reader must see beside the verdicts."""
    tuned = [(task.name, task.role) for task in tasks if task.verdict.code in TRAINING_VERDICTS]
    lossy = [one.part.name for one in judged if one.result.advice.quality.errors_counted]
    counted = [f"{', '.join(lossy)}: the cost holds the expected loss of wrong answers too, not bills alone"]
    return (*too_many(tuned), *question.doubts, *compared_only(judged, tasks), *(counted if lossy else []))


def advise_mix(question: MixQuestion) -> Mixed:
    """Return the advice on the whole, and each task's; raises UnknownQuantityError where a volume is unknown."""
    judged = [judge(part) for part in question.parts]
    sharings = shared(judged)
    replaced = {
        one.task: Shared(one.road, lifetime, running)
        for made in sharings
        if made.used
        for one, lifetime, running in zip(made.sharers, made.lifetimes, made.running, strict=True)
    }
    tasks = tuple(task_record(one, replaced) for one in judged)
    first = judged[0].result.advice
    per_request = any("request" in part.volume_said for part in question.parts)
    stated = question.requests.value if question.requests is not None and per_request else None
    requests = None if stated is None else float(stated)
    whole = lifetime_requests(judged, requests)
    advice = MixAdvice(
        format_version=FORMAT_VERSION,
        name=question.name,
        as_of=question.as_of,
        currency=first.currency,
        usd_rate=first.usd_rate,
        horizon_months=first.horizon_months,
        requests_per_month=requests,
        prices=prices_of([one.result.advice.prices for one in judged]),
        headline=headline(tasks),
        tasks=tasks,
        totals=tuple(
            total(key, tasks, first.horizon_months, whole, months_to_repay(key, judged, replaced)) for key in WAYS
        ),
        sharing=tuple(sharing_record(made) for made in sharings),
        errors=errors(tasks, requests),
        warnings=warned(question, judged, tasks),
        not_assessed=NOT_ASSESSED,
    )
    return Mixed(advice, {one.part.name: one.result for one in judged})
