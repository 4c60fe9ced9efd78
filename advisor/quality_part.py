"""From evidence and roads to the part of the advice on quality."""

from collections.abc import Sequence

from advisor.advice_quality import Compared, QualityRecord, RoadErrorsRecord
from advisor.answer import Answer
from advisor.evidence import Finding
from advisor.facts import as_good_as_today, closing
from advisor.ground import Ground
from advisor.options import Option
from advisor.quality import error_loss_usd_per_month
from advisor.records import bound
from advisor.scenario import Scenario

NOT_PRICED = "nobody has priced a wrong answer; set quality.error_usd"
ONE_SIDE = "not in the costs: score today's answers (evidence.hosted) and a tuned pilot (evidence.tuned) first"
COUNTED = "in the costs of every road, at the share that its own trials show"


def compared(scenario: Scenario) -> Compared:
    """Return how the tuned model and today's were compared."""
    evidence = scenario.evidence
    if evidence.paired is not None:
        return "in pairs"
    today = evidence.hosted.trials or evidence.prompting.trials
    return "two trials" if evidence.tuned.trials and today else "not yet"


def road_errors(ground: Ground, options: Sequence[Option]) -> tuple[RoadErrorsRecord, ...]:
    """Return every scored road's wrong answers and their cost in the first month."""
    volume = float(ground["volume.tasks_per_month"].value)
    price = ground.leaves.get("quality.error_usd")
    found: list[RoadErrorsRecord] = []
    for option in options:
        if option.success is None:
            continue
        right = float(option.success.value)
        lost = None if price is None else float(error_loss_usd_per_month(float(price.value), right, volume))
        found.append(
            RoadErrorsRecord(
                key=option.key,
                title=option.title,
                success_share=right,
                low_share=bound(option.success.low),
                high_share=bound(option.success.high),
                wrong_per_month=(1 - right) * volume,
                loss_usd_per_month=lost,
            )
        )
    return tuple(found)


def is_counted(options: Sequence[Option]) -> bool:
    """Say whether the roads' costs have the expected loss in them."""
    return any("errors_usd_per_month" in option.running.inputs for option in options)


def settled_by(finding: Finding) -> str | None:
    """Return what would close an open comparison."""
    return closing(finding) if finding.answer is Answer.UNKNOWN else None


def quality_part(scenario: Scenario, ground: Ground, options: Sequence[Option]) -> QualityRecord:
    """Return the part of the advice on quality."""
    finding = as_good_as_today(scenario)
    price = scenario.quality.error_usd.value
    counted = is_counted(options)
    return QualityRecord(
        as_good=finding.answer.value,
        compared=compared(scenario),
        why=finding.why,
        closes_with=settled_by(finding),
        error_usd=None if price is None else float(price),
        errors_counted=counted,
        errors_why=COUNTED if counted else NOT_PRICED if price is None else ONE_SIDE,
        roads=road_errors(ground, options),
    )
