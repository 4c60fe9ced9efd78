"""Published decisions with their arithmetic, restated: what each asks, its numbers, and what is right or must not come.

Units stand in the names. `rel` is the tolerance its figure was printed with. Expected values are the publishers' own,
checked by hand in the comment; `not_usd` is a published figure that is wrong, and must not come out.
"""

from typing import Any, NamedTuple


class Case(NamedTuple):
    """One decision: what is asked, its inputs, expected figures, tolerance, the wrong figure if one was published."""

    id: str
    kind: str
    asks: str
    inputs: dict[str, Any]
    expected: dict[str, Any]
    rel: float
    source: str
    verdict: str | None = None
    must_not: dict[str, float] | None = None


RECIPES = "OpenPipe examples/classify-recipes, 2023-08: 2,147,248 recipes"
WORKSTATION = "a workstation against rented cards for a Granite-8B QLoRA pipeline, 2026-02"
FINANCE = "FinLoRA benchmark resources, 2025-08: Llama-3.1-8B on four A5000"
NOTEBOOKS = "training notebooks of deep-learning-pytorch-huggingface, 2022 to 2025"
FIELD = "the field's worked example"

PAID = "What do so many requests cost at these token prices?"
HOURS = "What does a run of so many hours on so many cards cost?"
CARDS = "When is the card repaid by what it saves?"

CASES = (
    # 1.14 x 16.5
    Case("D01a", "batch_job_cost", "What does one card cost for the whole batch?",
         {"gpu_hour_usd": 1.14, "hours": 16.5, "gpus": 1}, {"total_usd": 18.81}, 1e-3, RECIPES),
    # 2,147,248 x (276 x 30 + 42 x 60) / 1e6 = 2,147,248 x 0.0108
    Case("D01-gpt4", "api_cost", PAID,
         {"requests": 2_147_248, "in_tokens": 276, "out_tokens": 42, "in_usd_per_m": 30, "out_usd_per_m": 60,
          "per_request_usd": 0}, {"total_usd": 23_190.28}, 1e-3, RECIPES),
    # 2,147,248 x (276 x 1.5 + 42 x 1.6) / 1e6 = 2,147,248 x 0.0004812
    Case("D01-gpt35", "api_cost", PAID,
         {"requests": 2_147_248, "in_tokens": 276, "out_tokens": 42, "in_usd_per_m": 1.5, "out_usd_per_m": 1.6,
          "per_request_usd": 0}, {"total_usd": 1033.26}, 1e-3, RECIPES),
    # 2,147,248 x ((276 x 12 + 42 x 16) / 1e6 + 0.00006) = 2,147,248 x 0.004044; the fee is a slip in its own table
    Case("D01-gpt35ft", "api_cost", PAID,
         {"requests": 2_147_248, "in_tokens": 276, "out_tokens": 42, "in_usd_per_m": 12, "out_usd_per_m": 16,
          "per_request_usd": 6e-05}, {"total_usd": 8683.47}, 1e-3, RECIPES),
    # 6,850 / (3.81 x 4): 37 years, printed as a number and not as never
    Case("D03-be-g5.xlarge-4", "payback_months", CARDS,
         {"capex_usd": 6850, "saving_per_run_usd": 3.81, "runs_per_month": 4}, {"months": 449.5}, 0.01, WORKSTATION),
    Case("D03-be-g5.12xlarge-8", "payback_months", CARDS,
         {"capex_usd": 6850, "saving_per_run_usd": 24.37, "runs_per_month": 8}, {"months": 35.1}, 0.01, WORKSTATION),
    Case("D03-be-g5.12xlarge-30", "payback_months", CARDS,
         {"capex_usd": 6850, "saving_per_run_usd": 24.37, "runs_per_month": 30}, {"months": 9.37}, 0.01, WORKSTATION),
    # 6,850 - 3,000 + 312 x 63.43 + 720
    Case("D03-tco", "tco_3y", "What do three years with the workstation cost, its resale taken off?",
         {"capex_usd": 6850, "residual_usd": 3000, "variable_per_run_usd": 63.43, "runs": [52, 104, 156],
          "fixed_by_year_usd": [120, 240, 360]}, {"net_usd": 24_360}, 1e-3, WORKSTATION),
    # 20 x 30 = 600 of 1,500; 1,500 / 30 / 20 = 2.5
    Case("D04", "daily_batch", "What is saved by cards that run an hour a day, and when is it nothing?",
         {"gpu_hour_usd": 20, "hours_per_day": 1, "days": 30, "api_month_usd": 1500},
         {"gpu_month_usd": 600, "saving_pct": 60, "breakeven_hours_per_day": 2.5}, 0.01,
         "eight A100 on spot against a hosted model by daily hours, 2026-02"),
    # 1,200 / 26,280 h + 0.32 kW x 0.12
    Case("D05", "owned_gpu_hour", "What does an hour of an owned card cost, purchase and power?",
         {"capex_usd": 1200, "life_years": 3, "watts": 320, "kwh_usd": 0.12}, {"usd_per_hour": 0.0841}, 0.01,
         "BatchLocaLLM COST_ANALYSIS.md, 2025: an RTX 4080"),
    # 24 / 15; the page's own last line (20M a month) contradicts it
    Case("D06", "breakeven_daily", "From how many million tokens a day is a card cheaper than the hosted tuned model?",
         {"api_usd_per_m": 15, "gpu_day_usd": 24, "gpus": 1}, {"m_tokens_per_day": 1.6}, 1e-3,
         "the fine-tuning premium, cloudatler.com, 2025",
         "1M/day: API; 100M/day with 2 GPUs: self-host"),
    # 320 / 3 million
    Case("D09", "breakeven_tokens", "From how many tokens a month is the self-hosted model cheaper?",
         {"self_month_usd": 320, "blended_usd_per_m": 3}, {"tokens": 106_666_667}, 1e-6,
         "llmtco.com break-even default, 2026-06"),
    # 500 x 1.5 / 1e6 + 200 x 2 / 1e6
    Case("D10", "unit_cost", "What does one request cost?",
         {"in_tokens": 500, "out_tokens": 200, "in_usd_per_m": 1.5, "out_usd_per_m": 2}, {"usd": 0.00115}, 1e-6,
         "TCO calculator, How_to_contribute.md, 2023"),
    # a quarter of what is paid for is used: 1 / 4; the API is met where the allocated price is 2: 1 / 2
    Case("D11", "utilisation", "How full are the cards, and how full must they be to meet the API?",
         {"usage_usd_per_m": 1, "allocation_usd_per_m": 4, "api_usd_per_m": 2},
         {"utilisation": 0.25, "breakeven_utilisation": 0.5}, 1e-6,
         "OpenCost blog, the build-against-buy trap, 2026-07", "API"),
    # 800 x 3 / 1e6 + 200 x 15 / 1e6
    Case("D13", "unit_cost", "What does one call cost?",
         {"in_tokens": 800, "out_tokens": 200, "in_usd_per_m": 3, "out_usd_per_m": 15}, {"usd": 0.0054}, 1e-6,
         "nextgenailearn.com lesson 7, 2026"),
    Case("D14-lora", "training_cost", HOURS, {"hours": 14.9, "gpus": 4, "gpu_hour_usd": 0.26}, {"usd": 15.50}, 1e-3,
         FINANCE),
    Case("D14-qlora", "training_cost", HOURS, {"hours": 14.1, "gpus": 4, "gpu_hour_usd": 0.26}, {"usd": 14.66}, 1e-3,
         FINANCE),
    Case("D15-70b-a10g", "training_cost", HOURS, {"hours": 45, "gpus": 1, "gpu_hour_usd": 5.67}, {"usd": 255.15},
         0.01, NOTEBOOKS),
    Case("D15-70b-h100-hi", "training_cost", HOURS, {"hours": 1.25, "gpus": 4, "gpu_hour_usd": 10}, {"usd": 50},
         0.01, NOTEBOOKS),
    Case("D15-llama2-fa", "training_cost", HOURS, {"hours": 2.1333, "gpus": 1, "gpu_hour_usd": 1.212}, {"usd": 2.6},
         0.01, NOTEBOOKS),
    # 1e6 x (500 x 30 + 500 x 60) / 1e6; the article bills the prompt at the price of the answer: 60,000
    Case("D17", "api_cost", PAID,
         {"requests": 1e6, "in_tokens": 500, "out_tokens": 500, "in_usd_per_m": 30, "out_usd_per_m": 60,
          "per_request_usd": 0}, {"total_usd": 45_000}, 1e-6, "Llama-3-8B for SDK docs against GPT-4, 2025",
         must_not={"total_usd": 60_000}),
    # 200 / 0.6 and 200 / 1
    Case("D33", "payback_days", CARDS, {"capex_usd": 200, "saving_per_day_usd": [0.6, 1.0]}, {"days": [333.3, 200]},
         0.01, "hosted models cost less than the electricity, 2026-08", "API"),
    # 60,000 x (500 x 30 + 300 x 60) / 1e6
    Case("D38", "api_cost", PAID,
         {"requests": 60_000, "in_tokens": 500, "out_tokens": 300, "in_usd_per_m": 30, "out_usd_per_m": 60,
          "per_request_usd": 0}, {"total_usd": 1980}, 1e-6, "BankSight production guide, 2025-11"),
    # 60 / 0.06 = 1,000 = 10 x 10 x 10
    Case("D40", "price_decay", "By which factor a year did the price of a level of quality fall?",
         {"start": 60, "end": 0.06, "years": 3}, {"factor_per_year": 10.0}, 1e-3, "LLMflation, 2024-11"),
    Case("S000", "break_even_seed", "What does the cheaper month save?", {"api_month_usd": 200, "self_month_usd": 50},
         {"saving_month_usd": 150, "saving_year_usd": 1800}, 1e-9, FIELD),
    # 0.30 x 730: the hours of a month do not fit the 50 USD of the example
    Case("S000x", "break_even_seed_with_seed003_price", "What does a month of the cheapest quoted card cost?",
         {"api_month_usd": 200, "gpu_hour_usd": 0.3, "hours": 730}, {"self_month_usd": 219}, 1e-9, FIELD,
         "API: the 50 USD premise buys only 167 h of seed 003's cheapest GPU"),
)  # fmt: skip
"""Every case that has a figure to check."""

SERVICES = "with 63.43 USD of other services a run, 312 runs, 61 USD of storage a year"
FURTHER = (
    # 312 x (63.43 + 5.00) + 183: cheaper than the workstation that the document recommends
    Case("D03-spot", "tco_3y", f"What does the small rented card cost, {SERVICES}?",
         {"capex_usd": 0, "residual_usd": 0, "variable_per_run_usd": 68.43, "runs": [52, 104, 156],
          "fixed_by_year_usd": [61, 61, 61]}, {"net_usd": 21_532}, 1e-3, WORKSTATION),
    # 312 x (63.43 + 25.56) + 183
    Case("D03-g5.12xlarge", "tco_3y", f"What does the large rented card cost, {SERVICES}?",
         {"capex_usd": 0, "residual_usd": 0, "variable_per_run_usd": 88.99, "runs": [52, 104, 156],
          "fixed_by_year_usd": [61, 61, 61]}, {"net_usd": 27_947}, 1e-3, WORKSTATION),
    # 8e6 x 800 x 30 / 1e6
    Case("D22", "api_cost", PAID,
         {"requests": 8e6, "in_tokens": 800, "out_tokens": 0, "in_usd_per_m": 30, "out_usd_per_m": 60,
          "per_request_usd": 0}, {"total_usd": 192_000}, 1e-6, "GPT-4 to a 7B for customer service, 2025"),
    # 8 x 0.35 x 730; printed as 4,120
    Case("D37", "batch_job_cost", "What do eight cards cost for a month?",
         {"gpu_hour_usd": 0.35, "hours": 730, "gpus": 8}, {"total_usd": 2044}, 1e-6,
         "vLLM against Modal at 1,000 requests a minute, 2026", must_not={"total_usd": 4120}),
    # 15,000 / (10,000 - 300) and 40,000 / 9,700; printed as month 2
    Case("D44-low", "payback_months", CARDS,
         {"capex_usd": 15_000, "saving_per_run_usd": 9700, "runs_per_month": 1}, {"months": 1.546}, 1e-3,
         "a 10,000 USD threshold, 2026"),
    Case("D44-high", "payback_months", CARDS,
         {"capex_usd": 40_000, "saving_per_run_usd": 9700, "runs_per_month": 1}, {"months": 4.124}, 1e-3,
         "a 10,000 USD threshold, 2026", must_not={"months": 2}),
)  # fmt: skip
"""More published decisions with their arithmetic, printed figures that are wrong included."""
