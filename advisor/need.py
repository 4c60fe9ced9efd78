"""The two frameworks: three things true at once, and five questions in order. Each answer is yes, no or unknown."""

from collections.abc import Iterable
from dataclasses import dataclass

from advisor.answer import Answer


@dataclass(frozen=True, slots=True)
class Gate:
    """One question with its answer, the evidence for it, and the cheapest way to close it if it is open."""

    name: str
    question: str
    answer: Answer
    why: str
    closes_with: str | None = None


def all_at_once(gates: Iterable[Gate]) -> Answer:
    """Return the three-valued AND: no if any is no, else unknown if any is unknown, else yes."""
    return Answer.YES.and_(*(gate.answer for gate in gates))


def opposite(answer: Answer) -> Answer:
    """Return yes for no and no for yes; unknown stays unknown."""
    return {Answer.YES: Answer.NO, Answer.NO: Answer.YES}.get(answer, Answer.UNKNOWN)


def volume_answer(saving_share: float, saving_share_low_volume: float, margin_share: float) -> tuple[Answer, str]:
    """Say whether the volume justifies the up-front cost: cheaper by the margin, and not dearer at the low volume."""
    does = f"saves {saving_share:.0%} of" if saving_share >= 0 else f"costs {1 - saving_share:.3g} times"
    saves = f"the cheapest road that trains {does} the hosted cost (wanted: {margin_share:.0%} saved)"
    if saving_share < margin_share:
        return Answer.NO, saves
    if saving_share_low_volume < 0:
        return Answer.UNKNOWN, f"{saves}, but at the low end of the stated volume it costs more than staying hosted"
    return Answer.YES, saves


@dataclass(frozen=True, slots=True)
class Motives:
    """What the five questions ask beside the gates: is cost, privacy or control a priority, and which."""

    priorities: tuple[str, ...]


def five_questions(
    prompting_fails: Answer, data_ready: Answer, motives: Motives, compute_fits: Answer
) -> tuple[tuple[Gate, ...], str]:
    """Ask the five questions in order and stop at the first that blocks; returns those asked and where it ended."""
    wanted = ", ".join(motives.priorities)
    rows = (
        (Gate("prompting", "Can prompting solve this?", opposite(prompting_fails), "from the prompting trials"),
         Answer.NO, "do not fine-tune: prompting is not shown to fail"),
        (Gate("data", "Do you have good data?", data_ready, "from the readiness findings"),
         Answer.YES, "do not fine-tune yet: the data is not shown to be good"),
        (Gate("priority", "Is cost, privacy or control a priority?", Answer.YES if wanted else Answer.NO,
              wanted or "none is stated"),
         Answer.YES, "stay on the hosted model: nothing asks for a model of your own"),
        (Gate("compute", "Do you have compute, or a budget for it?", compute_fits, "from what fits the cards"),
         Answer.YES, "use the hosted model for now: nothing to train or serve it on"),
    )  # fmt: skip
    asked: list[Gate] = []
    for gate, wanted_answer, otherwise in rows:
        asked.append(gate)
        if gate.answer is not wanted_answer:
            return tuple(asked), otherwise
    asked.append(Gate("go", "All of them answered?", Answer.YES, "nothing blocks"))
    return tuple(asked), "fine-tune"
