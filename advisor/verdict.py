"""The ladder, read from the top: the first rung whose condition holds is the verdict. Nothing else decides.

Rule 1  A constraint comes before money, and says that it is not economics.
Rule 2  The lowest rung that meets the target wins: prompt, levers, retrieval, data, hosted tuning, self-hosting.
Rule 3  Strict (all three true at once) and cost-only (prompting works, tuning is much cheaper) are two labelled roads.
Rule 4  Nothing above holds: stay hosted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from advisor.answer import Answer

Road = Literal["strict", "cost_only", "constraint", "none"]
TRAINING_VERDICTS = frozenset({"fine_tune_self_host", "hosted_fine_tune"})
"""Codes of the rungs on which a model is trained."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the ladder may look at. `best_road` names the cheapest option that trains.

    `must_stay_inside`: the data may not leave. `lever_saves`: a cheaper hosted road of equal quality saves the margin;
    `smaller_is_lever`: it is a smaller model whose trials reach the target. `much_cheaper`: training saves the
    stricter margin. `pilot_disappoints`: a tuned pilot misses the target or is worse than today's model.
    """

    must_stay_inside: bool
    prototype: bool
    open_ended: bool
    facts_change: bool
    prompting_fails: Answer
    prompt_variants: int
    retrieval_fails: Answer
    volume_justifies: Answer
    data_ready: Answer
    compute_fits: Answer
    road_priced: bool
    pilot_disappoints: bool
    much_cheaper: Answer
    lever_saves: bool
    smaller_is_lever: bool
    smaller_untested: bool
    best_road: Literal["hosted_tuning", "self_host"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One row of the ladder: when it applies, what it says, and whether it justifies writing a plan."""

    code: str
    title: str
    road: Road
    justified: bool
    because: str
    when: Callable[[Facts], bool]


YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


def both_fail(facts: Facts) -> bool:
    """Say whether prompting and retrieval are both shown to fail."""
    return facts.prompting_fails is YES and facts.retrieval_fails is YES


def can_train(facts: Facts) -> bool:
    """Say whether data and pilot allow training, and its place is there: a vendor's, or a machine that it fits."""
    placed = facts.compute_fits is YES or (facts.best_road == "hosted_tuning" and not facts.must_stay_inside)
    return facts.data_ready is YES and facts.road_priced and placed and not facts.pilot_disappoints


def strict(facts: Facts) -> bool:
    """Say whether the three things are true at once, and training is possible."""
    return both_fail(facts) and facts.volume_justifies is YES and can_train(facts)


def cost_only(facts: Facts) -> bool:
    """Say whether prompting works and tuning is cheaper by the stricter margin, and training is possible."""
    return facts.prompting_fails is NO and facts.much_cheaper is YES and can_train(facts)


LADDER: tuple[Rung, ...] = (
    # The data may not leave: a constraint, before any money.
    Rung(
        "self_host_base", "Self-host an open model with the prompt you have", "constraint", False,
        "The data may not leave, and this is a prototype or an open-ended task: nothing to train for.",
        lambda f: f.must_stay_inside and (f.prototype or f.open_ended),
    ),
    Rung(
        "self_host_base", "Self-host an open model with the prompt you have", "constraint", False,
        "The data may not leave, and a prompt meets the target: no training needed. A constraint, not economics.",
        lambda f: f.must_stay_inside and f.prompting_fails is NO,
    ),
    Rung(
        "add_retrieval", "Self-host an open model with retrieval", "constraint", False,
        "The data may not leave, and retrieval or tools bring the task to its target. A constraint, not economics.",
        lambda f: f.must_stay_inside and f.prompting_fails is YES and f.retrieval_fails is NO,
    ),
    Rung(
        "collect_data", "Collect data first", "constraint", False,
        "The data may not leave, so a model of your own is the only road, but the training data is not ready.",
        lambda f: f.must_stay_inside and both_fail(f) and (f.data_ready is NO or f.pilot_disappoints),
    ),
    Rung(
        "fine_tune_self_host", "Fine-tune and self-host", "constraint", True,
        "The data may not leave, prompting and retrieval fail, and the data is ready. A constraint, not economics.",
        lambda f: f.must_stay_inside and both_fail(f) and can_train(f),
    ),
    Rung(
        "measure_first", "Measure first", "constraint", False,
        "The data may not leave, prompting and retrieval fail; whether the training data is good is not known yet.",
        lambda f: f.must_stay_inside and both_fail(f) and f.data_ready is UNKNOWN,
    ),
    Rung(
        "measure_first", "Find a machine first", "constraint", False,
        "The data may not leave and training is needed, but no machine that may hold the data fits or has a price.",
        lambda f: f.must_stay_inside and both_fail(f),
    ),
    Rung(
        "measure_first", "Measure first", "constraint", False,
        "The data may not leave, so hosted options are out; whether an open model needs tuning is not measured yet.",
        lambda f: f.must_stay_inside,
    ),
    # Named bad fits.
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "A quick prototype: the task will change before a tuned model pays back.",
        lambda f: f.prototype,
    ),
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "An open-ended, user-facing task: general models do this well, and a tuned one would narrow it.",
        lambda f: f.open_ended,
    ),
    Rung(
        "add_retrieval", "Add retrieval or tools", "none", False,
        "The facts change faster than a model is retrained: keep them in a store that is looked up, not in weights.",
        lambda f: f.facts_change and f.prompting_fails is not NO and f.retrieval_fails is not YES,
    ),
    # A smaller hosted model, before anything is trained.
    Rung(
        "use_levers", "Use the smaller hosted model", "none", False,
        "A smaller hosted model reaches the target and saves enough, without any training.",
        lambda f: f.smaller_is_lever and f.lever_saves,
    ),
    Rung(
        "measure_first", "Measure first", "none", False,
        "Prompting works on today's model; a smaller hosted model costs far less, and nobody has measured it.",
        lambda f: cost_only(f) and f.smaller_untested,
    ),
    # Prompting works.
    Rung(
        "fine_tune_self_host", "Distil and self-host, for cost only", "cost_only", True,
        "Prompting works, so the strict test says no; but a tuned model is cheaper by more than the stricter margin.",
        lambda f: cost_only(f) and f.best_road == "self_host",
    ),
    Rung(
        "hosted_fine_tune", "Hosted fine-tune, for cost only", "cost_only", False,
        "Prompting works, so the strict test says no; but a hosted tuned model beats the stricter margin.",
        cost_only,
    ),
    Rung(
        "use_levers", "Use the hosted levers", "none", False,
        "Prompting works, and a cheaper hosted way to answers as good saves enough without any training.",
        lambda f: f.prompting_fails is NO and f.lever_saves,
    ),
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "Prompting already meets the target, and tuning would not be cheaper by the stricter margin.",
        lambda f: f.prompting_fails is NO and f.much_cheaper is NO,
    ),
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "Prompting already meets the target; whether tuning would be cheaper could not be priced.",
        lambda f: f.prompting_fails is NO and f.much_cheaper is UNKNOWN,
    ),
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "Prompting already meets the target. Tuning would be much cheaper, but data, pilot or machine are not ready.",
        lambda f: f.prompting_fails is NO,
    ),
    # Prompting fails, and retrieval repairs it.
    Rung(
        "add_retrieval", "Add retrieval or tools", "none", False,
        "Prompting alone fails, but retrieval or tools bring the task to its target.",
        lambda f: f.prompting_fails is YES and f.retrieval_fails is NO,
    ),
    # One no closes the test.
    Rung(
        "use_levers", "Use the hosted levers", "none", False,
        "The volume does not pay for training, and a cheaper hosted way to answers as good saves money today.",
        lambda f: f.volume_justifies is NO and f.lever_saves,
    ),
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "The volume does not pay for the up-front cost within the lifetime.",
        lambda f: f.volume_justifies is NO,
    ),
    # Something is not known.
    Rung(
        "improve_prompt", "Improve the prompt", "none", False,
        "One prompt was tried. Failing consistently means failing in at least two.",
        lambda f: f.prompting_fails is UNKNOWN and f.prompt_variants == 1,
    ),
    Rung(
        "measure_first", "Measure first", "none", False,
        "Whether prompting fails is not known yet.",
        lambda f: f.prompting_fails is UNKNOWN,
    ),
    Rung(
        "measure_first", "Measure first", "none", False,
        "Prompting fails; whether retrieval or tools repair it is not known yet.",
        lambda f: f.retrieval_fails is UNKNOWN,
    ),
    Rung(
        "measure_first", "Measure first", "none", False,
        "Whether the volume pays for the up-front cost depends on something that is not known yet.",
        lambda f: f.volume_justifies is UNKNOWN,
    ),
    # The three things are true at once.
    Rung(
        "collect_data", "Collect better data first", "none", False,
        "The tuned pilot misses the target or is worse than today's model: cheaper but worse is no gain.",
        lambda f: f.pilot_disappoints,
    ),
    Rung(
        "collect_data", "Collect data first", "none", False,
        "The three things are true at once, but the training data is not ready.",
        lambda f: f.data_ready is NO,
    ),
    Rung(
        "measure_first", "Measure first", "none", False,
        "The three things are true at once; whether the training data is good enough is not known yet.",
        lambda f: f.data_ready is UNKNOWN,
    ),
    Rung(
        "hosted_fine_tune", "Hosted fine-tune", "strict", False,
        "The three things are true at once, and tuning at a vendor is the cheapest road that trains.",
        lambda f: strict(f) and f.best_road == "hosted_tuning",
    ),
    Rung(
        "fine_tune_self_host", "Fine-tune and self-host", "strict", True,
        "Prompting fails, retrieval does not repair it, and the volume pays: the three things are true at once.",
        strict,
    ),
    Rung(
        "stay_hosted", "Stay hosted", "none", False,
        "No road that trains can be run or priced here: staying hosted is the honest default.",
        lambda _: True,
    ),
)  # fmt: skip


def decide(facts: Facts) -> Rung:
    """Return the first rung that applies; the last one always does."""
    return next(rung for rung in LADDER if rung.when(facts))
