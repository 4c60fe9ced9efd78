"""What trials show: intervals, whether an approach fails, whether one answer is no worse than another, how many to try.

Rule 1  Untried is unknown, and so is a rate whose interval straddles the target; an assertion counts for nothing.
Rule 2  An unknown says how many scored answers would probably settle it, so that it can be priced.
Rule 3  Intervals are two-sided 95 %; sample sizes give 80 % power at that level. Both are the field's usual choice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from advisor.answer import Answer

Z_TWO_SIDED_95: Final = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
Z_POWER_80: Final = 0.8416212335729143  # 80 % quantile of the standard normal distribution
LEAST_VARIANTS: Final = 2  # one prompt that fails may be a bad prompt; DESIGN 4 asks for two
PLANNING_GAP_SHARE: Final = 0.10  # planned for where nothing was tried: a variant ten points from the target
LEAST_SAMPLE: Final = 30  # below it the normal approximation of a sample size means little
SMALLEST_GAP_SHARE: Final = 0.02  # two points: nearer than this to the target, a sample is planned for two points


class ScoredTrial(Protocol):
    """Anything with a variant's name, the number of scored answers, and how many succeeded."""

    @property
    def variant(self) -> str:
        """Name of the variant."""
        ...

    @property
    def n(self) -> int:
        """Scored answers."""
        ...

    @property
    def successes(self) -> int:
        """Answers that met the metric."""
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """An observed rate or difference with its two-sided 95 % bounds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return `0.305 (0.245..0.372)`."""
        return f"{self.value:.3f} ({self.low:.3f}..{self.high:.3f})"


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer, why, and for an unknown: scored answers wanted per variant, and how many are still to be scored."""

    answer: Answer
    why: str
    needed_n: int | None = None
    further_n: int | None = None


def wilson(successes: int, n: int, z: float = Z_TWO_SIDED_95) -> Interval:
    """Return the Wilson score interval of a rate; raises ValueError unless 0 <= successes <= n and n >= 1.

    E. B. Wilson (1927); method 3 of Newcombe, Statistics in Medicine 17 (1998) 857-872.
    """
    if n < 1 or not 0 <= successes <= n:
        message = f"{successes} successes of {n} is no rate; wanted 0 <= successes <= n and n >= 1"
        raise ValueError(message)
    rate = successes / n
    spread = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    middle, scale = rate + z * z / (2 * n), 1 + z * z / n
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == n else (middle + spread) / scale
    return Interval(rate, low, high)


def newcombe(successes_a: int, n_a: int, successes_b: int, n_b: int) -> Interval:
    """Return the difference of two independent rates, a minus b, with its hybrid score interval.

    Method 10 of Newcombe, Statistics in Medicine 17 (1998) 873-890. Not for paired answers, where it is too wide.
    """
    a, b = wilson(successes_a, n_a), wilson(successes_b, n_b)
    below = math.hypot(a.value - a.low, b.high - b.value)
    above = math.hypot(a.high - a.value, b.value - b.low)
    return Interval(a.value - b.value, a.value - b.value - below, a.value - b.value + above)


def sample_size(rate_share: float, target_share: float) -> int:
    """Return the scored answers at which a true rate is told from the target with 80 % power (normal approximation).

    ((z sqrt(t(1-t)) + z_power sqrt(r(1-r))) / (r-t))**2, rounded up; raises ValueError where the two are equal.
    """
    if rate_share == target_share:
        message = f"no sample tells {rate_share} from itself; wanted two different rates"
        raise ValueError(message)
    under_target = Z_TWO_SIDED_95 * math.sqrt(target_share * (1 - target_share))
    under_rate = Z_POWER_80 * math.sqrt(rate_share * (1 - rate_share))
    return max(1, math.ceil(((under_target + under_rate) / (rate_share - target_share)) ** 2))


def planned_size(rate_share: float | None, target_share: float) -> int:
    """Return the sample size for a variant, keeping away from gaps that nobody would pay to resolve.

    An untried variant is planned PLANNING_GAP_SHARE off the target, a tried one at least SMALLEST_GAP_SHARE.
    """
    gap = PLANNING_GAP_SHARE if rate_share is None else SMALLEST_GAP_SHARE
    rate = target_share if rate_share is None else rate_share
    if rate <= target_share and target_share >= gap:
        planned = min(rate, target_share - gap)
    else:
        planned = min(1.0, max(rate, target_share + gap))
    return max(LEAST_SAMPLE, sample_size(planned, target_share))


def failure_answer(
    trials: Sequence[ScoredTrial], target_share: float | None, least_variants: int = LEAST_VARIANTS
) -> Finding:
    """Answer "does this approach consistently fail?" from its trials.

    Yes: at least `least_variants`, each with its upper bound below the target. No: some variant's lower bound reaches
    the target. Otherwise unknown, with the sample that would probably settle it. Testing many variants makes a lucky
    one likelier; that error is on the side of not training.
    """
    if target_share is None:
        return Finding(Answer.UNKNOWN, "no target was stated, so nothing can be shown to miss it")
    if not trials:
        size = planned_size(None, target_share)
        return Finding(Answer.UNKNOWN, "nothing was tried", size, size * least_variants)
    rates = [wilson(trial.successes, trial.n) for trial in trials]
    best = max(range(len(trials)), key=lambda place: rates[place].low)
    if rates[best].low >= target_share:
        return Finding(Answer.NO, f"{trials[best].variant} reaches {target_share:g}: {rates[best]}")
    if all(rate.high < target_share for rate in rates) and len(trials) >= least_variants:
        highest = max(rates, key=lambda rate: rate.high)
        told = f"all {len(trials)} variants stay" if len(trials) > 1 else "the one variant tried stays"
        return Finding(Answer.YES, f"{told} below {target_share:g}: the best is {highest}")
    return open_finding(trials, rates, target_share, least_variants)


def open_finding(
    trials: Sequence[ScoredTrial], rates: Sequence[Interval], target_share: float, least_variants: int
) -> Finding:
    """Return the unknown of `failure_answer`: what straddles the target or is missing, and the sample wanted."""
    above = [place for place, rate in enumerate(rates) if rate.value >= target_share]
    straddling = [place for place, rate in enumerate(rates) if rate.low < target_share <= rate.high]
    chosen = [max(above, key=lambda place: rates[place].value)] if above else straddling
    sizes = [planned_size(rates[place].value, target_share) for place in chosen]
    further = sum(max(0, size - trials[place].n) for size, place in zip(sizes, chosen, strict=True))
    missing = 0 if above else max(0, least_variants - len(trials))
    if missing:
        sizes.append(planned_size(rates[0].value, target_share))
        further += missing * sizes[-1]
    reasons = [f"{trials[place].variant} straddles {target_share:g}: {rates[place]}" for place in chosen]
    reasons += [f"{len(trials)} of at least {least_variants} variants tried"] if missing else []
    if not further:
        return Finding(Answer.UNKNOWN, "; ".join(reasons) + "; too near to tell: settle whether this target is the one")
    return Finding(Answer.UNKNOWN, "; ".join(reasons), max(sizes), further)


def best_trial(trials: Sequence[ScoredTrial]) -> ScoredTrial:
    """Return the trial with the highest lower bound: the best that is shown, not the luckiest."""
    return max(trials, key=lambda trial: wilson(trial.successes, trial.n).low)


def non_inferiority_size(rate_a_share: float, rate_b_share: float, margin_share: float) -> int | None:
    """Return the scored answers per side that settle non-inferiority with 80 % power; None where the gap is nil.

    (z + z_power)**2 (a(1-a) + b(1-b)) / (a - b + margin)**2, rounded up.
    """
    gap = rate_a_share - rate_b_share + margin_share
    if math.isclose(gap, 0.0, abs_tol=1e-9):
        return None
    variance = rate_a_share * (1 - rate_a_share) + rate_b_share * (1 - rate_b_share)
    return max(1, math.ceil((Z_TWO_SIDED_95 + Z_POWER_80) ** 2 * variance / gap**2))


def non_inferiority_answer(
    tuned: Sequence[ScoredTrial], hosted: Sequence[ScoredTrial], margin_share: float | None
) -> Finding:
    """Answer "is the tuned model at most `margin_share` worse than the hosted one?" by Newcombe's interval."""
    if margin_share is None:
        return Finding(Answer.UNKNOWN, "no non-inferiority margin was stated")
    if not tuned or not hosted:
        untried = "the tuned model" if not tuned else "the hosted model"
        return Finding(Answer.UNKNOWN, f"{untried} was not scored")
    a, b = best_trial(tuned), best_trial(hosted)
    difference = newcombe(a.successes, a.n, b.successes, b.n)
    told = f"{a.variant} minus {b.variant} is {difference}, margin {margin_share:g}"
    if difference.low > -margin_share:
        return Finding(Answer.YES, told)
    if difference.high < -margin_share:
        return Finding(Answer.NO, told)
    size = non_inferiority_size(a.successes / a.n, b.successes / b.n, margin_share)
    if size is None:
        return Finding(Answer.UNKNOWN, f"{told}; exactly on the margin: more answers are needed than can be planned")
    return Finding(Answer.UNKNOWN, told, size, max(0, size - a.n) + max(0, size - b.n))
