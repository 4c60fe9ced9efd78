"""The advice on a mix as data: every task's advice in short, the totals of four ways to do it all, what is shared."""

import json
from dataclasses import asdict
from datetime import date

from advisor.advice import FlipRecord, PricesPart, Says, VerdictPart
from advisor.advice_record import AdviceRecord

FORMAT_VERSION = "1.0"


class MixCostRecord(AdviceRecord):
    """One task done in one way: its road, and USD over the horizon in whole cents; None with the reason in `why`."""

    road: str | None
    lifetime_usd: float | None
    upfront_usd: float | None
    why: str | None


class MixTaskRecord(AdviceRecord):
    """One task's advice in short; `advise FILE --task NAME` has the whole. Errors are a month's, None if unscored.

    `flip` is the input that turns a verdict to train soonest; None where the verdict is another.
    """

    name: str
    kind: str
    role: str
    after: tuple[str, ...]
    tasks_per_month: float
    volume_said: str
    verdict: VerdictPart
    prompting_fails: Says
    retrieval_fails: Says
    volume_justifies: Says
    same_verdict_share: float | None
    measure_next: str | None
    flip: FlipRecord | None
    today: MixCostRecord
    recommended: MixCostRecord
    all_hosted: MixCostRecord
    all_tuned: MixCostRecord
    errors_today_per_month: float | None
    errors_recommended_per_month: float | None


class MixTotalRecord(AdviceRecord):
    """All tasks done in one way: the sum of the tasks' cents, or None and the tasks whose part is not known.

    `payback_months`: until lower bills have repaid the up-front money; None for never, or where a part is not known.
    """

    key: str
    title: str
    lifetime_usd: float | None
    upfront_usd: float | None
    average_usd_per_month: float | None
    usd_per_request: float | None
    saving_share: float | None
    payback_months: float | None
    missing: tuple[str, ...]


class MixSharerRecord(AdviceRecord):
    """One task's part of the shared replicas, by its share of their load; the parts sum to the whole to the cent."""

    task: str
    load_share: float
    allocated_usd: float


class MixSharingRecord(AdviceRecord):
    """Adapters of one base model on one set of replicas: its whole bill, and what the same tasks cost apart.

    `used`: it is the cheaper of the two, and the mix's costs count it.
    """

    base_model: str
    where: str
    replicas: float
    whole_usd: float
    apart_usd: float
    together_usd: float
    used: bool
    sharers: tuple[MixSharerRecord, ...]


class MixErrorsRecord(AdviceRecord):
    """Wrong answers per 1,000 requests over all scored tasks; exact sums of means, whatever errs together."""

    today_per_thousand: float
    recommended_per_thousand: float
    scored: tuple[str, ...]
    unscored: tuple[str, ...]


class MixAdvice(AdviceRecord):
    """Everything `advise` has to say about a scenario of several tasks."""

    format_version: str
    name: str
    as_of: date
    currency: str
    usd_rate: float
    horizon_months: float
    requests_per_month: float | None
    prices: PricesPart
    headline: str
    tasks: tuple[MixTaskRecord, ...]
    totals: tuple[MixTotalRecord, ...]
    sharing: tuple[MixSharingRecord, ...]
    errors: MixErrorsRecord | None
    warnings: tuple[str, ...]
    not_assessed: tuple[str, ...]


def to_json(advice: MixAdvice) -> str:
    """Return the advice as JSON text; raises ValueError for a number that is not finite."""
    return json.dumps(asdict(advice), default=str, indent=2, ensure_ascii=False, allow_nan=False)
