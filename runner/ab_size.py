"""How many tasks a test needs, and intervals that stay valid however often somebody looks. Pure, plain numbers.

Rule 1  Success is a share of tasks; the difference is always the tuned arm minus the control arm.
Rule 2  Intervals are confidence sequences: over all looks together, at every task, the chance that one of them ever
        misses the truth is at most `alpha`. They are Robbins' normal mixture, with the variance estimated
        (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, Time-uniform central limit theory).
Rule 3  A sequence is narrowest at the information it was tuned for, which the plan fixes before the first task.
"""

import math
from statistics import NormalDist
from typing import Final

ALPHA_SHARE: Final = (
    0.05  # two-sided, so each side errs at 2.5 %: the convention for non-inferiority (FDA guidance 2016)
)
POWER_SHARE: Final = 0.80  # the field's usual choice; a test that misses one good model in five
PLAIN: Final = NormalDist()


def arm_variance_share(control_share: float, tuned_share: float) -> float:
    """Return the variance of a difference of two shares with one task in each arm."""
    return control_share * (1 - control_share) + tuned_share * (1 - tuned_share)


def superiority_tasks(
    control_share: float, tuned_share: float, alpha_share: float = ALPHA_SHARE, power_share: float = POWER_SHARE
) -> float:
    """Return tasks per arm of a fixed two-sided test that two shares differ, one look (Fleiss; R's power.prop.test)."""
    pooled = (control_share + tuned_share) / 2
    reject = PLAIN.inv_cdf(1 - alpha_share / 2) * math.sqrt(2 * pooled * (1 - pooled))
    find = PLAIN.inv_cdf(power_share) * math.sqrt(arm_variance_share(control_share, tuned_share))
    return ((reject + find) / (tuned_share - control_share)) ** 2


def non_inferiority_tasks(
    control_share: float,
    tuned_share: float,
    margin_share: float,
    alpha_share: float = ALPHA_SHARE / 2,
    power_share: float = POWER_SHARE,
) -> float:
    """Return tasks per arm of a fixed one-sided test that tuned is not worse by the margin (Chow, Shao, Wang 2008)."""
    z = PLAIN.inv_cdf(1 - alpha_share) + PLAIN.inv_cdf(power_share)
    room = tuned_share - control_share + margin_share
    return arm_variance_share(control_share, tuned_share) * (z / room) ** 2


def tuning_ratio(alpha_share: float) -> float:
    """Return target information over the mixture's own, where the sequence is narrowest at the target."""
    twice = -2 * math.log(alpha_share)
    return twice + math.log(1 + twice)


def bound_at_target_ratio(alpha_share: float) -> float:
    """Return the sequence's half width at its target, in standard errors (a fixed test has 1.96 at 5 %)."""
    ratio = tuning_ratio(alpha_share)
    return math.sqrt((1 + 1 / ratio) * (math.log(1 + ratio) - 2 * math.log(alpha_share)))


def target_information(
    effect_share: float, alpha_share: float = ALPHA_SHARE, power_share: float = POWER_SHARE
) -> float:
    """Return the information (one over squared standard error) at which a sequence shows this effect with the power.

    At the least: it may show it earlier, and whatever it shows earlier counts.
    """
    return ((bound_at_target_ratio(alpha_share) + PLAIN.inv_cdf(power_share)) / effect_share) ** 2


def sequence_tasks(effect_share: float, variance_share: float, alpha_share: float = ALPHA_SHARE) -> float:
    """Return tasks per arm after which a sequence shows the effect with the usual power, however often it is read."""
    return target_information(effect_share, alpha_share) * variance_share


def radius_share(information: float, target: float, alpha_share: float = ALPHA_SHARE) -> float:
    """Return a sequence's half width at this much information, tuned to `target`; exact data have none."""
    if math.isinf(information):
        return 0.0
    own = target / tuning_ratio(alpha_share)
    grown = information + own
    return math.sqrt(grown * math.log(grown / (own * alpha_share**2))) / information


def split_radius_tasks(tasks: int, planned_tasks: float, tuned_share: float, alpha_share: float) -> float:
    """Return how far the tuned arm's tasks may lie from their planned share, at every look together."""
    each = tuned_share * (1 - tuned_share)
    return radius_share(tasks * each, planned_tasks * each, alpha_share) * tasks * each
