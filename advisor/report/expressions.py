"""Every formula of the cost model once more, as text that a spreadsheet and a browser both compute.

Rule 1  The text is a template over the formula's own parameter names; `{name}` is its value in this month, or its only
        one; `{name:all}` every month of it; `{m}` the number of the month, from 0.
Rule 2  Only + - * /, comparisons, numbers and the functions in FUNCTIONS: what Excel, LibreOffice and JavaScript share.
Rule 3  Each text is tested against the Python formula of its name. A formula that is not here is held fixed, and said.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from advisor.traffic import LEVELS, Z_PEAK

FUNCTIONS = ("MIN", "MAX", "SUM", "SUMPRODUCT", "IF", "INT", "ROUNDUP", "POWER", "EXP", "LN", "SQRT")
OPEN = "IF({calendar_share}>0,1,0)"
"""1 in the months of the lifetime, 0 after it."""
HOURS = "({busy_hours_per_month}*IF({calendar_share}>0,{calendar_share},1))"
MILLION = "1000000"
SECONDS = "3600"


class Reference(Protocol):
    """Where one input of a formula stands: its text by format code, and one level of a duration curve."""

    def __format__(self, code: str, /) -> str:
        """Return the value's text; code `all` asks for every month of it."""
        ...

    def level(self, index: int) -> str:
        """Return the text of one level of a duration curve."""
        ...


References = Mapping[str, Reference]

AWAKE = (
    "(1-1/(EXP(MIN({arrivals_tasks_per_second}*{ratio}{idle_seconds},700))"
    "+{arrivals_tasks_per_second}*{ratio}{start_seconds}))"
)


def added(references: References) -> str:
    """Return the sum of all inputs."""
    return "+".join(f"{one}" for one in references.values())


def least(references: References) -> str:
    """Return the smallest input."""
    return f"MIN({','.join(f'{one}' for one in references.values())})"


def following(references: References) -> str:
    """Return `traffic.following_replicas`, its levels written out."""
    held = "{fluid_replicas}*(1-{batchable_share})*{headroom_ratio}*{reaction_ratio}"
    level = f"MIN(MAX(ROUNDUP({held}*%s,0),{{floor_replicas}}),{{static_replicas}})"
    pairs = level_pairs(references)
    mean = "+".join(f"{share}*{level % ratio}" for ratio, share in pairs)
    return f"MAX({mean},{{fluid_replicas}})*{OPEN}".format_map(references)


def level_pairs(references: References) -> list[tuple[str, str]]:
    """Return load and share of the time of every level, as text."""
    shares, ratios = references["curve_share"], references["curve_ratio"]
    count = int(f"{shares:count}")
    return [(ratios.level(place), shares.level(place)) for place in range(count)]


def sleeping(references: References) -> str:
    """Return `traffic.sleeping_replicas`, its levels written out."""
    parts = [f"{share}*(1-{AWAKE.replace('{ratio}', f'{ratio}*')})" for ratio, share in level_pairs(references)]
    asleep = "+".join(parts)
    text = f"MAX({{following_replicas}}-MIN({{following_replicas}},1)*({asleep}),{{fluid_replicas}})"
    return text.format_map(references)


def lognormal_levels() -> tuple[str, ...]:
    """Return `traffic.lognormal_curve_ratio`, one text a level."""
    sigma = f"({Z_PEAK}-SQRT(MAX({Z_PEAK}*{Z_PEAK}-2*LN(MAX({{peak_to_mean_ratio}},1)),0)))"
    raw = [f"EXP({sigma}*({z}))" for z, _ in LEVELS]
    top_share = LEVELS[-1][1]
    below = "(" + "+".join(f"{level}*{share}" for level, (_, share) in zip(raw[:-1], LEVELS, strict=False)) + ")"
    top = f"MIN({raw[-1]}/({below}+{raw[-1]}*{top_share}),{{peak_to_mean_ratio}})"
    return (*(f"MIN({level}*((1-{top}*{top_share})/{below}),{top})" for level in raw[:-1]), top)


LEVEL_EXPRESSIONS: Mapping[str, tuple[str, ...]] = {"lognormal_curve_ratio": lognormal_levels()}
"""Formulas whose value has the levels of a duration curve instead of months: one text a level."""

EXPRESSIONS: Mapping[str, str | Callable[[References], str]] = {
    # advisor.economics
    "calendar_share": "MIN(MAX({lifetime_months}-{m},0),1)",
    "horizon_months": "MIN({lifetime_months},{stated_months})",
    "demand_tasks_per_month": "{start_tasks_per_month}*(POWER(1+{growth_share_per_month},{m})*{calendar_share})",
    "lifetime_tasks": "SUM({demand_tasks_per_month:all})",
    "token_cost_usd_per_task": (
        "(({input_tokens_per_task}-MIN({cached_tokens_per_task},{input_tokens_per_task}))"
        "*{input_usd_per_million_tokens}+MIN({cached_tokens_per_task},{input_tokens_per_task})"
        f"*{{cached_usd_per_million_tokens}}+{{output_tokens_per_task}}*{{output_usd_per_million_tokens}})/{MILLION}"
    ),
    "token_bill_usd_per_month": "{cost_usd_per_task}*{demand_tasks_per_month}",
    "labour_usd": "{work_hours}*{wage_usd_per_hour}",
    "operation_usd_per_month": "{work_hours_per_month}*{wage_usd_per_hour}*{calendar_share}",
    "planned_steps": "ROUNDUP(ROUNDUP({rows_examples}/{batch_count},0)*{epochs_count},0)",
    "training_run_usd": "{run_hours}*{machine_usd_per_hour}",
    "training_tokens": "{rows_examples}*({input_tokens_per_task}+{output_tokens_per_task})",
    "hosted_training_usd": f"{{train_tokens}}*{{epochs_count}}*{{training_usd_per_million_tokens}}/{MILLION}",
    "attempts_usd": "{training_usd}*{attempts_count}",
    "overlap_usd": "{cost_usd_per_task}*{start_tasks_per_month}*{overlap_months}",
    "retrainings_usd_per_month": (
        f"(INT({{m}}/{{retrain_every_months}})-INT(MAX({{m}}-1,0)/{{retrain_every_months}}))*{OPEN}"
        "*({work_usd}+{training_usd})"
    ),
    "peak_tasks_per_hour": f"{{demand_tasks_per_month}}/{HOURS}*{{peak_to_mean_ratio}}",
    "staircase_replicas": (
        "MAX(ROUNDUP({floor_replicas},0),ROUNDUP({peak_tasks_per_hour}*{headroom_ratio}/{capacity_tasks_per_hour},0))"
        f"*{OPEN}"
    ),
    "rent_usd_per_month": (
        "{staircase_replicas}*{cards_per_replica_count}"
        "*({rent_usd_per_gpu_hour}*{billed_hours_per_month}*{calendar_share})"
    ),
    "claimed_cost_usd_per_month": "{claimed_usd_per_month}*{calendar_share}",
    "hosting_fee_usd_per_month": "{fee_usd_per_hour}*{billed_hours_per_month}*{calendar_share}",
    "machine_usd_per_month": (
        "{staircase_replicas}*({machine_usd_per_hour}*{billed_hours_per_month}*{calendar_share})"
    ),
    "power_usd_per_month": (
        "{staircase_replicas}*{card_watts}/1000*{power_usd_per_kwh}*{billed_hours_per_month}*{calendar_share}"
    ),
    "purchase_usd": (
        "MAX({staircase_replicas:all})*MAX(1,ROUNDUP({lifetime_months}/{card_life_months},0))"
        "*({capex_usd}-{residual_usd})"
    ),
    "space_cost_usd_per_month": "{staircase_replicas}*{space_usd_per_month}*{calendar_share}",
    "total_usd": added,
    "total_usd_per_month": added,
    "lifetime_cost_usd": "{upfront_usd}+SUM({running_usd_per_month:all})",
    "unit_cost_usd_per_task": "{lifetime_cost_usd}/{lifetime_tasks}",
    "cheapest_usd": least,
    "saving_share": "1-{own_usd}/{hosted_usd}",
    "saving_usd": "{hosted_usd}-{own_usd}",
    # advisor.option_costs
    "prompt_usd_per_task": (
        "(({input_tokens_per_task}-MIN({cacheable_tokens_per_task},{input_tokens_per_task}))"
        "*{fresh_usd_per_million_tokens}+MIN({cacheable_tokens_per_task},{input_tokens_per_task})"
        "*({hit_share}*{read_usd_per_million_tokens}+(1-{hit_share})*{write_usd_per_million_tokens}))"
        f"/{MILLION}"
    ),
    "answer_usd_per_task": f"{{output_tokens_per_task}}*{{output_usd_per_million_tokens}}/{MILLION}",
    "both_usd_per_task": "{prompt_usd_per_task}+{answer_usd_per_task}",
    "mixed_usd_per_task": "{direct_usd_per_task}*(1-{batchable_share})+{batch_usd_per_task}*{batchable_share}",
    "retraining_work_usd": "{work_hours}*{wage_usd_per_hour}+{labels_usd}*{relabel_share}",
    "job_usd": "MAX({run_usd},{minimum_usd})",
    "ending_usd_per_month": "{before_usd_per_month}*{open_share}+{after_usd_per_month}*(1-{open_share})",
    "moving_usd_per_month": f"{{moving_usd}}*IF(POWER(INT({{until_months}})-{{m}},2)<0.5,1,0)*{OPEN}",
    "moved_bill_usd_per_month": (
        "{cost_usd_per_task}*{demand_tasks_per_month}"
        f"+{{moving_usd}}*IF(POWER(INT({{until_months}})-{{m}},2)<0.5,1,0)*{OPEN}"
    ),
    "interrupted_usd_per_gpu_hour": "{rent_usd_per_gpu_hour}*{interruption_ratio}",
    "interrupted_usd_per_hour": "{machine_usd_per_hour}*{interruption_ratio}",
    "unexpired_usd": "MAX({rent_usd_per_month:all})*MAX({commitment_months}-{lifetime_months},0)",
    "everyones_tasks_per_month": "{own_tasks_per_month}+{other_tasks_per_month}*{calendar_share}",
    "slowed_tasks_per_hour": "{capacity_tasks_per_hour}/{slowdown_ratio}",
    "shared_usd_per_month": (
        "{whole_usd_per_month}*({own_tasks_per_month}/IF({all_tasks_per_month}>0,{all_tasks_per_month},1))"
    ),
    # advisor.price_paths
    "open_share": "MIN(MAX({until_months}-{m},0),1)",
    "stepped_usd_per_million_tokens": (
        "{after_usd_per_million_tokens}+({before_usd_per_million_tokens}-{after_usd_per_million_tokens})"
        "*MIN(MAX({begins_months}-{m},0),1)"
    ),
    "switched_usd_per_million_tokens": "{first_usd_per_million_tokens}*POWER({yearly_ratio},INT({m}/12))",
    "raised_usd_per_gpu_hour": "{rent_usd_per_gpu_hour}*(1+{rise_share})",
    "raised_usd_per_hour": "{rent_usd_per_hour}*(1+{rise_share})",
    # advisor.traffic
    "fluid_replicas": f"{{demand_tasks_per_month}}/{HOURS}/{{capacity_tasks_per_hour}}",
    "urgent_tasks_per_hour": (
        "MAX({peak_tasks_per_hour}*(1-{batchable_share}),{peak_tasks_per_hour}/{peak_to_mean_ratio})"
    ),
    "remaining_tasks_per_month": "{demand_tasks_per_month}*(1-{batchable_share})",
    "waiting_replicas": f"{{demand_tasks_per_month}}*{{batchable_share}}/{HOURS}/{{capacity_tasks_per_hour}}",
    "following_replicas": following,
    "sleeping_replicas": sleeping,
    "start_seconds": "MAX({loading_seconds}+{step_seconds}/2,{minimum_seconds})",
    "serverless_replicas": f"MAX({{fluid_replicas}}*{{headroom_ratio}},{AWAKE.replace('{ratio}', '')})*{OPEN}",
    "mean_tasks_per_second": f"{{demand_tasks_per_month}}/({HOURS}*{SECONDS})",
    "utilisation_share": (
        "SUMPRODUCT({fluid_replicas:all},{calendar_share:all})/SUMPRODUCT({billed_replicas:all},{calendar_share:all})"
    ),
    "usage_price_usd_per_million_tokens": (
        f"{{serving_usd_per_task}}*{{utilisation_share}}*{MILLION}"
        "/({input_tokens_per_task}+{output_tokens_per_task})"
    ),
    "site_watts": "{card_watts}*{pue_ratio}",
    # advisor.quality and advisor.quality_cascade
    "error_loss_usd_per_month": "{error_usd}*(1-{success_share})*{demand_tasks_per_month}",
    "cascade_usd_per_month": ("{first_usd_per_month}+{declined_share}*{demand_tasks_per_month}*{next_usd_per_task}"),
    "cascade_success_share": "{kept_success_share}+{declined_share}*{next_success_share}",
    # advisor.estimates, advisor.training and advisor.calibration
    "stepped_hours": f"{{steps}}*{{measured_seconds_per_step}}/{SECONDS}+{{overhead_hours}}",
    "batch_tokens": "{batch_count}*({input_tokens_per_task}+{output_tokens_per_task})",
    "run_tokens": "{run_steps}*{step_tokens}",
    "training_hours": f"{{training_tokens}}/{{tokens_per_second}}/{SECONDS}+{{overhead_hours}}",
    "local_training_hours": (
        "{steps}*({step_tokens}*{flops_per_token}/({measured_flops_per_second}*{efficiency_share})"
        f"+{{micro_steps}}*{{overhead_seconds_per_step}})/{SECONDS}"
    ),
}
"""Formula name to its text."""
