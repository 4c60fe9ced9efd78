"""Every verdict that the ladder can end in when nothing but money moves: what a slider or a spreadsheet looks up."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from advisor.advice_model import ModelPart, OutcomeRecord
from advisor.answer import Answer
from advisor.balance import SMALLER, TODAY, VOLUME, Balance
from advisor.ground import Ground
from advisor.verdict import Facts, Rung, decide

VOLUME_ANSWERS = (Answer.NO, Answer.UNKNOWN, Answer.YES)
TWO = (False, True)


def money_cases(facts: Facts) -> Iterator[Facts]:
    """Yield the facts under every combination of what money says, in the order of `ModelPart.ladder`."""
    for volume, much, lever, smaller, untested, vendor in product(VOLUME_ANSWERS, TWO, TWO, TWO, TWO, TWO):
        yield replace(
            facts,
            volume_justifies=volume,
            much_cheaper=Answer.YES if much else Answer.NO,
            lever_saves=lever,
            smaller_is_lever=smaller,
            smaller_untested=untested,
            best_road="hosted_tuning" if vendor else "self_host",
        )


def ladder_table(facts: Facts) -> tuple[tuple[OutcomeRecord, ...], tuple[int, ...]]:
    """Return the verdicts that occur, and for every combination the place of its verdict among them."""
    places: dict[int, int] = {}
    rungs: list[Rung] = []
    ladder: list[int] = []
    for case in money_cases(facts):
        rung = decide(case)
        if id(rung) not in places:
            places[id(rung)] = len(rungs)
            rungs.append(rung)
        ladder.append(places[id(rung)])
    told = (
        OutcomeRecord(code=r.code, title=r.title, road=r.road, justified=r.justified, because=r.because) for r in rungs
    )
    return tuple(told), tuple(ladder)


def model_part(ground: Ground, balance: Balance | None, facts: Facts, untested: bool) -> ModelPart | None:
    """Return how money decides this scenario, or None where there is nothing to weigh."""
    if balance is None:
        return None
    outcomes, ladder = ladder_table(facts)
    roles = balance.roles
    stated = "finance.horizon_months"
    return ModelPart(
        today=TODAY,
        equal=roles.equal,
        trained=roles.trained,
        vendor=roles.vendor,
        smaller=SMALLER if balance.standing.smaller_saving_share is not None else None,
        smaller_untested=untested,
        margin_share=balance.margin_share,
        strict_margin_share=balance.strict_margin_share,
        annual_discount_share=float(ground["finance.annual_discount_rate"].value),
        volume=VOLUME,
        horizon=stated if stated in ground.leaves else "volume.lifetime_months",
        outcomes=outcomes,
        ladder=ladder,
    )
