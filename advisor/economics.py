"""The money: one formula a function, in plain numbers or numpy arrays.

Rule 1  The last axis is the month. A scalar stays a scalar until `calendar_share` gives it months.
Rule 2  A month counts by its share of the lifetime: 1 inside, 0 outside, a part in the last one.
Rule 3  Projections are float64 and are not rounded here; booked money lives in the runner's ledger.
"""

import numpy as np
from numpy.typing import NDArray

from pricing.figure import Number
from pricing.units import TOKENS_PER_PRICE_UNIT, WATTS_PER_KILOWATT


def month_numbers(per_month: Number) -> NDArray[np.float64]:
    """Return 0, 1, 2 ... along the month axis of `per_month`."""
    count: int = np.asarray(per_month).shape[-1]
    return np.arange(count, dtype=np.float64)


def calendar_share(lifetime_months: Number) -> Number:
    """Return how much of each month lies inside the lifetime, shape (..., months); 2.5 gives 1, 1, 0.5."""
    months = np.arange(int(np.ceil(np.max(lifetime_months))), dtype=np.float64)
    return np.clip(np.asarray(lifetime_months, dtype=np.float64) - months, 0.0, 1.0)


def horizon_months(lifetime_months: Number, stated_months: Number) -> Number:
    """Return the period both sides are compared over: as stated, but never beyond the life of the task."""
    return np.minimum(lifetime_months, stated_months)


def demand_tasks_per_month(
    start_tasks_per_month: Number, growth_share_per_month: Number, calendar_share: Number
) -> Number:
    """Return tasks in each month of the lifetime under compound growth; leaves seasons out."""
    months = month_numbers(calendar_share)
    return start_tasks_per_month * ((1 + growth_share_per_month) ** months * calendar_share)


def over_months(per_month: Number) -> Number:
    """Return the sum over the month axis, keeping it (length 1) where there are other axes."""
    array = np.asarray(per_month, dtype=np.float64)
    return array.sum(axis=-1, keepdims=array.ndim > 1)


def lifetime_tasks(demand_tasks_per_month: Number) -> Number:
    """Return all tasks of the lifetime."""
    return over_months(demand_tasks_per_month)


def token_cost_usd_per_task(
    input_tokens_per_task: Number,
    cached_tokens_per_task: Number,
    output_tokens_per_task: Number,
    input_usd_per_million_tokens: Number,
    cached_usd_per_million_tokens: Number,
    output_usd_per_million_tokens: Number,
) -> Number:
    """Return what a task costs at token prices; cached tokens are part of the input, and never more than it."""
    cached_tokens = np.minimum(cached_tokens_per_task, input_tokens_per_task)
    fresh_tokens = input_tokens_per_task - cached_tokens
    return (
        fresh_tokens * input_usd_per_million_tokens
        + cached_tokens * cached_usd_per_million_tokens
        + output_tokens_per_task * output_usd_per_million_tokens
    ) / TOKENS_PER_PRICE_UNIT


def token_bill_usd_per_month(cost_usd_per_task: Number, demand_tasks_per_month: Number) -> Number:
    """Return the monthly bill of an option paid by the token."""
    return cost_usd_per_task * demand_tasks_per_month


def labour_usd(work_hours: Number, wage_usd_per_hour: Number) -> Number:
    """Return what the hours cost."""
    return work_hours * wage_usd_per_hour


def operation_usd_per_month(work_hours_per_month: Number, wage_usd_per_hour: Number, calendar_share: Number) -> Number:
    """Return the monthly cost of keeping it running, for the months of the lifetime."""
    return work_hours_per_month * wage_usd_per_hour * calendar_share


def planned_steps(rows_examples: Number, epochs_count: Number, batch_count: Number) -> Number:
    """Return the optimizer steps of so many passes over the rows; the last batch of a pass may be short."""
    return np.ceil(np.ceil(rows_examples / batch_count) * epochs_count)


def training_run_usd(run_hours: Number, machine_usd_per_hour: Number) -> Number:
    """Return the machine cost of one training run."""
    return run_hours * machine_usd_per_hour


def training_tokens(rows_examples: Number, input_tokens_per_task: Number, output_tokens_per_task: Number) -> Number:
    """Return the tokens of one pass over the training rows."""
    return rows_examples * (input_tokens_per_task + output_tokens_per_task)


def hosted_training_usd(train_tokens: Number, epochs_count: Number, training_usd_per_million_tokens: Number) -> Number:
    """Return what a vendor bills to tune: every training token, every epoch."""
    return train_tokens * epochs_count * training_usd_per_million_tokens / TOKENS_PER_PRICE_UNIT


def attempts_usd(training_usd: Number, attempts_count: Number) -> Number:
    """Return the cost of every training attempt before one ships, failed ones included."""
    return training_usd * attempts_count


def overlap_usd(cost_usd_per_task: Number, start_tasks_per_month: Number, overlap_months: Number) -> Number:
    """Return the hosted bill of the A/B period, in which both sides serve."""
    return cost_usd_per_task * start_tasks_per_month * overlap_months


def retrainings_usd_per_month(
    retrain_every_months: Number, work_usd: Number, training_usd: Number, calendar_share: Number
) -> Number:
    """Return the cost of retraining, booked in the month it falls in; the first training is not one of them."""
    months = month_numbers(calendar_share)
    due = np.floor(months / retrain_every_months) - np.floor(np.maximum(months - 1, 0) / retrain_every_months)
    return due * (calendar_share > 0) * (work_usd + training_usd)


def peak_tasks_per_hour(
    demand_tasks_per_month: Number,
    busy_hours_per_month: Number,
    peak_to_mean_ratio: Number,
    calendar_share: Number,
) -> Number:
    """Return the load of the hour that capacity is bought for; a part of a month has a part of its hours."""
    hours = busy_hours_per_month * np.where(calendar_share > 0, calendar_share, 1.0)
    return demand_tasks_per_month / hours * peak_to_mean_ratio


def staircase_replicas(
    peak_tasks_per_hour: Number,
    capacity_tasks_per_hour: Number,
    headroom_ratio: Number,
    floor_replicas: Number,
    calendar_share: Number,
) -> Number:
    """Return whole replicas each month: the peak with headroom, never under the floor, none after the end."""
    needed: Number = np.ceil(peak_tasks_per_hour * headroom_ratio / capacity_tasks_per_hour)
    return np.maximum(np.ceil(floor_replicas), needed) * (calendar_share > 0)


def rent_usd_per_month(
    staircase_replicas: Number,
    cards_per_replica_count: Number,
    rent_usd_per_gpu_hour: Number,
    billed_hours_per_month: Number,
    calendar_share: Number,
) -> Number:
    """Return what rented cards bill, day and night, used or not."""
    cards = staircase_replicas * cards_per_replica_count
    return cards * (rent_usd_per_gpu_hour * billed_hours_per_month * calendar_share)


def claimed_cost_usd_per_month(claimed_usd_per_month: Number, calendar_share: Number) -> Number:
    """Return a monthly cost that somebody claims, for the months of the lifetime."""
    return claimed_usd_per_month * calendar_share


def hosting_fee_usd_per_month(
    fee_usd_per_hour: Number, billed_hours_per_month: Number, calendar_share: Number
) -> Number:
    """Return what a vendor bills to keep one tuned model deployed, used or not."""
    return fee_usd_per_hour * billed_hours_per_month * calendar_share


def machine_usd_per_month(
    staircase_replicas: Number, machine_usd_per_hour: Number, billed_hours_per_month: Number, calendar_share: Number
) -> Number:
    """Return what whole machines cost per month at an hourly figure."""
    return staircase_replicas * (machine_usd_per_hour * billed_hours_per_month * calendar_share)


def power_usd_per_month(
    staircase_replicas: Number,
    card_watts: Number,
    power_usd_per_kwh: Number,
    billed_hours_per_month: Number,
    calendar_share: Number,
) -> Number:
    """Return the electricity of cards that stay switched on."""
    kilowatts = staircase_replicas * card_watts / WATTS_PER_KILOWATT
    return kilowatts * power_usd_per_kwh * billed_hours_per_month * calendar_share


def purchase_usd(
    staircase_replicas: Number,
    capex_usd: Number,
    residual_usd: Number,
    lifetime_months: Number,
    card_life_months: Number,
) -> Number:
    """Return the price of the most cards ever needed, bought again when worn out, less what they fetch at the end."""
    most: Number = np.max(staircase_replicas, axis=-1, keepdims=np.ndim(staircase_replicas) > 1)
    generations: Number = np.maximum(1, np.ceil(lifetime_months / card_life_months))
    return most * generations * (capex_usd - residual_usd)


def space_cost_usd_per_month(staircase_replicas: Number, space_usd_per_month: Number, calendar_share: Number) -> Number:
    """Return rack space per card that stands there."""
    return staircase_replicas * space_usd_per_month * calendar_share


def total_usd(**parts_usd: Number) -> Number:
    """Return the sum of amounts of money."""
    return sum(parts_usd.values())


def total_usd_per_month(**parts_usd_per_month: Number) -> Number:
    """Return the sum of monthly amounts."""
    return sum(parts_usd_per_month.values())


def lifetime_cost_usd(upfront_usd: Number, running_usd_per_month: Number) -> Number:
    """Return everything an option costs over the lifetime, undiscounted."""
    return upfront_usd + over_months(running_usd_per_month)


def average_usd_per_month(lifetime_cost_usd: Number, lifetime_months: Number) -> Number:
    """Return the lifetime cost spread over its months."""
    return lifetime_cost_usd / lifetime_months


def unit_cost_usd_per_task(lifetime_cost_usd: Number, lifetime_tasks: Number) -> Number:
    """Return lifetime cost per task, up-front included."""
    return lifetime_cost_usd / lifetime_tasks


def success_cost_usd_per_successful_task(unit_cost_usd_per_task: Number, success_share: Number) -> Number:
    """Return cost per task done right: failures are paid for too."""
    return unit_cost_usd_per_task / success_share


def token_cost_usd_per_million_tokens(
    unit_cost_usd_per_task: Number, input_tokens_per_task: Number, output_tokens_per_task: Number
) -> Number:
    """Return the blended price of a million tokens, input and output together (allocation price)."""
    return unit_cost_usd_per_task * TOKENS_PER_PRICE_UNIT / (input_tokens_per_task + output_tokens_per_task)


def cheapest_usd(**options_usd: Number) -> Number:
    """Return the least of several lifetime costs, element by element."""
    least, *others = options_usd.values()
    for other in others:
        least = np.minimum(least, other)
    return least


def saving_share(hosted_usd: Number, own_usd: Number) -> Number:
    """Return the part of the hosted cost that the other road saves; negative where it costs more."""
    return 1 - own_usd / hosted_usd


def saving_usd(hosted_usd: Number, own_usd: Number) -> Number:
    """Return hosted less own lifetime cost; negative where the other road costs more."""
    return hosted_usd - own_usd


def break_even_tasks_per_month(
    upfront_usd: float, fixed_usd_per_month: float, hosted_usd_per_task: float, own_usd_per_task: float, months: float
) -> float | None:
    """Return the flat monthly volume where both roads cost the same, None for never; knows no whole-card steps."""
    per_task = hosted_usd_per_task - own_usd_per_task
    return (upfront_usd / months + fixed_usd_per_month) / per_task if per_task > 0 else None
