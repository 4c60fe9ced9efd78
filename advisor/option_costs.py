"""What is particular to one road: levers on a hosted bill, an end date, spot and reserved cards, a shared replica.

Same rules as advisor.economics: the last axis is the month, numbers and arrays alike, nothing is rounded.
"""

import numpy as np

from advisor.economics import month_numbers
from pricing.figure import Number
from pricing.units import TOKENS_PER_PRICE_UNIT


def prompt_usd_per_task(
    input_tokens_per_task: Number,
    cacheable_tokens_per_task: Number,
    hit_share: Number,
    fresh_usd_per_million_tokens: Number,
    read_usd_per_million_tokens: Number,
    write_usd_per_million_tokens: Number,
) -> Number:
    """Return what a prompt costs with caching: the changing part fresh, the rest read on a hit, written on a miss."""
    begun_tokens = np.minimum(cacheable_tokens_per_task, input_tokens_per_task)
    missed_share = 1 - hit_share
    begun = hit_share * read_usd_per_million_tokens + missed_share * write_usd_per_million_tokens
    fresh_tokens = input_tokens_per_task - begun_tokens
    return (fresh_tokens * fresh_usd_per_million_tokens + begun_tokens * begun) / TOKENS_PER_PRICE_UNIT


def answer_usd_per_task(output_tokens_per_task: Number, output_usd_per_million_tokens: Number) -> Number:
    """Return what an answer costs."""
    return output_tokens_per_task * output_usd_per_million_tokens / TOKENS_PER_PRICE_UNIT


def both_usd_per_task(prompt_usd_per_task: Number, answer_usd_per_task: Number) -> Number:
    """Return what a task costs: prompt and answer."""
    return prompt_usd_per_task + answer_usd_per_task


def mixed_usd_per_task(direct_usd_per_task: Number, batch_usd_per_task: Number, batchable_share: Number) -> Number:
    """Return the mean cost of a task where a share of them goes through the batch door."""
    return direct_usd_per_task * (1 - batchable_share) + batch_usd_per_task * batchable_share


def retraining_work_usd(
    work_hours: Number, wage_usd_per_hour: Number, labels_usd: Number, relabel_share: Number
) -> Number:
    """Return the work of one retraining beside its machine: hours, and the part of the labels that is made again."""
    return work_hours * wage_usd_per_hour + labels_usd * relabel_share


def job_usd(run_usd: Number, minimum_usd: Number) -> Number:
    """Return a vendor's bill for one tuning job: its tokens, and never less than the minimum."""
    return np.maximum(run_usd, minimum_usd)


def ending_usd_per_month(before_usd_per_month: Number, after_usd_per_month: Number, open_share: Number) -> Number:
    """Return the bill of a road that ends: its own until then, the other one's afterwards."""
    return before_usd_per_month * open_share + after_usd_per_month * (1 - open_share)


def moving_usd_per_month(moving_usd: Number, until_months: Number, calendar_share: Number) -> Number:
    """Return the work of moving elsewhere, booked in the month in which the road ends; none after the lifetime."""
    months = month_numbers(calendar_share)
    return moving_usd * (np.floor(until_months) == months) * (calendar_share > 0)


def moved_bill_usd_per_month(
    cost_usd_per_task: Number,
    demand_tasks_per_month: Number,
    moving_usd: Number,
    until_months: Number,
    calendar_share: Number,
) -> Number:
    """Return the bill of an option paid by the token whose model is switched off: the successor costs the same."""
    moving = moving_usd_per_month(moving_usd, until_months, calendar_share)
    return cost_usd_per_task * demand_tasks_per_month + moving


def interrupted_usd_per_gpu_hour(rent_usd_per_gpu_hour: Number, interruption_ratio: Number) -> Number:
    """Return the rent of an hour of finished work on cards that may be taken away."""
    return rent_usd_per_gpu_hour * interruption_ratio


def interrupted_usd_per_hour(machine_usd_per_hour: Number, interruption_ratio: Number) -> Number:
    """Return a training machine's rent per hour of finished work, where it may be taken away."""
    return machine_usd_per_hour * interruption_ratio


def unexpired_usd(rent_usd_per_month: Number, lifetime_months: Number, commitment_months: Number) -> Number:
    """Return what is still owed for a reserved card when the task ends before its term: the last whole month's rent."""
    most: Number = np.max(rent_usd_per_month, axis=-1, keepdims=np.ndim(rent_usd_per_month) > 1)
    return most * np.maximum(commitment_months - lifetime_months, 0.0)


def everyones_tasks_per_month(
    own_tasks_per_month: Number, other_tasks_per_month: Number, calendar_share: Number
) -> Number:
    """Return the load of all tasks that share a base model; the others' stays level."""
    return own_tasks_per_month + other_tasks_per_month * calendar_share


def slowed_tasks_per_hour(capacity_tasks_per_hour: Number, slowdown_ratio: Number) -> Number:
    """Return a replica's capacity where adapters stay apart from the weights (R062)."""
    return capacity_tasks_per_hour / slowdown_ratio


def shared_usd_per_month(
    whole_usd_per_month: Number, own_tasks_per_month: Number, all_tasks_per_month: Number
) -> Number:
    """Return one sharer's part of a replica set, by its share of the load; the parts add up to the whole."""
    shares = own_tasks_per_month / np.where(np.equal(all_tasks_per_month, 0), 1.0, all_tasks_per_month)
    return whole_usd_per_month * shares
