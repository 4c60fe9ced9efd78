"""What an organisation allows: a policy's rules, each held against one advice (and the one before it, in a diff).

Rule 1  A rule that cannot be checked is not kept: unknown refuses as much as broken does, and says what is missing.
Rule 2  A policy is one table: name, kind of limit, what it says, and the check. The reader, the published schema and
        the answers are made from it.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from advisor.advice import Advice
from advisor.advice_record import AdviceRecord
from advisor.policy_checks import (
    Case,
    Finding,
    Status,
    at_most,
    ending,
    evidence,
    increase_share,
    increase_usd,
    margin,
    payback,
    price_age,
    providers,
    regret,
    road_taken,
    same_verdict,
    slips,
    sureness,
    verdicts,
)
from advisor.quantity import LARGEST, NUMBER_PATTERN
from advisor.verdict import LADDER

Kind: TypeAlias = Literal["usd", "usd_per_month", "usd_per_task", "share", "days", "months", "names", "flag"]
Limit: TypeAlias = Decimal | bool | tuple[str, ...]

EVIDENCE: Final = ("prompting", "retrieval", "volume", "data", "quality")
"""The three gates, the readiness of the data, and whether the tuned model is as good as today's."""
VERDICTS: Final = tuple(dict.fromkeys(rung.code for rung in LADDER))


class OutcomeRecord(AdviceRecord):
    """One rule of the policy held against the advice: its line in the file, limit, what was found, and the answer."""

    rule: str
    line: int
    limit: str
    found: str
    status: Status
    next_step: str

    @property
    def refuses(self) -> bool:
        """Say whether this outcome stops the change."""
        return self.status in ("broken", "unknown")


class Rule(NamedTuple):
    """One rule a policy may state; `check` takes the case and the limit, `choices` are the names a list may hold."""

    name: str
    kind: Kind
    says: str
    check: Callable[[Case, Any], Finding]
    next_step: str
    choices: tuple[str, ...] = ()


CHEAPER: Final = "choose a cheaper road, or have the limit raised by whoever set it"
RULES: Final = (
    Rule("max_lifetime_usd", "usd", "the road taken costs at most this over the horizon",
         at_most(lambda road: road.lifetime_usd), CHEAPER),
    Rule("max_upfront_usd", "usd", "the road taken costs at most this before the first task",
         at_most(lambda road: road.upfront_usd), CHEAPER),
    Rule("max_usd_per_month", "usd_per_month", "the road taken costs at most this in the mean month",
         at_most(lambda road: road.average_usd_per_month), CHEAPER),
    Rule("max_usd_per_task", "usd_per_task", "the road taken costs at most this a task, up-front money included",
         at_most(lambda road: road.usd_per_task), CHEAPER),
    Rule("max_increase_usd_per_month", "usd_per_month", "the road taken costs at most this more a month than before",
         increase_usd, CHEAPER),
    Rule("max_increase_share", "share", "the road taken costs at most this share more a month than before",
         increase_share, CHEAPER),
    Rule("max_regret_usd", "usd", "where the verdict trains: the loss if volume is a tenth is at most this",
         regret, "start smaller, or find out whether the volume will come"),
    Rule("max_payback_months", "months", "where the verdict trains: it is repaid within this",
         payback, "stay hosted, or lower the up-front cost"),
    Rule("min_margin_share", "share", "where the verdict trains: it saves at least this share of the hosted cost",
         margin, "stay hosted: the saving is within the error of such estimates"),
    Rule("min_same_verdict_share", "share", "at least this share of the draws ends in the same verdict",
         sureness, "make the measurement that the report names first"),
    Rule("required_evidence", "names", "each of these is known, whichever way it is answered",
         evidence, "measure it: `advise` says how many, and at what cost", EVIDENCE),
    Rule("allowed_providers", "names", "nobody else is paid on the road taken",
         providers, "choose another provider in the scenario, or have this one approved"),
    Rule("allowed_verdicts", "names", "the verdict is one of these",
         verdicts, "ask whoever owns the policy", VERDICTS),
    Rule("allow_verdict_change", "flag", "false: the verdict is the one before",
         same_verdict, "have the change of verdict approved, then update the base"),
    Rule("max_price_age_days", "days", "no price in use was checked longer ago",
         price_age, "run `prices refresh`, or look the price up and add a dated line"),
    Rule("min_months_to_shutdown", "months", "the model of the road taken is sold for at least this long",
         ending, "move to a model without an announced end"),
    Rule("allow_unusual_numbers", "flag", "false: no number looks like a slip of unit, unless the scenario confirms it",
         slips, "correct the number, or name its field in the scenario's `unusual`"),
)  # fmt: skip
"""Every rule, in the order in which the answers are shown."""
BY_NAME: Final = {rule.name: rule for rule in RULES}


class Stated(NamedTuple):
    """One rule as a policy file states it: its limit, its text as written, and its line."""

    rule: Rule
    limit: Limit
    text: str
    line: int


def held(stated: Stated, case: Case) -> OutcomeRecord:
    """Return one rule's outcome."""
    finding = stated.rule.check(case, cast("Any", stated.limit))
    return OutcomeRecord(
        rule=stated.rule.name,
        line=stated.line,
        limit=stated.text,
        found=finding.found,
        status=finding.status,
        next_step=stated.rule.next_step if finding.status in ("broken", "unknown") else "",
    )


def outcomes(policy: Sequence[Stated], new: Advice, old: Advice | None = None) -> tuple[OutcomeRecord, ...]:
    """Return every stated rule's outcome, in the table's order."""
    case = Case(new, old, road_taken(new))
    order = {rule.name: place for place, rule in enumerate(RULES)}
    return tuple(held(stated, case) for stated in sorted(policy, key=lambda stated: order[stated.rule.name]))


LEAST_AND_MOST: Final[dict[str, tuple[Decimal, Decimal]]] = {
    "usd": (Decimal(0), LARGEST),
    "usd_per_month": (Decimal(0), LARGEST),
    "usd_per_task": (Decimal(0), LARGEST),
    "share": (Decimal(0), Decimal(10)),  # an increase may be allowed to be several times the whole
    "days": (Decimal(0), Decimal(36_500)),  # a hundred years
    "months": (Decimal(0), Decimal(120)),  # the longest lifetime a scenario may have
}
"""Bounds of a limit by its kind; beyond them it is a slip of unit."""
TITLE: Final = "Crossover policy"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file, published in schema/policy.schema.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {rule.name: {"description": rule.says, **form(rule)} for rule in RULES},
    }


def form(rule: Rule) -> dict[str, Any]:
    """Return what an editor may check of one rule's limit."""
    if rule.kind == "flag":
        return {"type": "boolean"}
    if rule.kind == "names":
        item: dict[str, Any] = {"enum": list(rule.choices)} if rule.choices else {"type": "string"}
        return {"type": "array", "minItems": 1, "items": item}
    least, most = LEAST_AND_MOST[rule.kind]
    number = {"type": "number", "minimum": float(least), "maximum": float(most)}
    return {"anyOf": [number, {"type": "string", "pattern": f"^{NUMBER_PATTERN}$"}], "x-unit": rule.kind}
