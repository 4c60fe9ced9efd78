"""What a run report says beside its comparisons: period, prices, machine, what waste cost, and the training curves.

Pure: from the plan and the ledger alone. Amounts are text, as everywhere in the report.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from advisor.plan import Plan
from runner.energy import NO_ENERGY, energy
from runner.ledger import Entry, unique
from runner.replay import NANO_USD, ZERO, RunUse

POINTS: Final = 200  # more than a chart of 640 points can show apart, and a report of any run stays small
CURVES: Final = ("loss", "grad_norm", "tokens_per_second")
HELD_OUT: Final = "held_out_loss"
NOT_ASSESSED: Final = (
    "the provider's invoice: seconds are metered here, and their price is the stated rate of an hour",
    "taxes, storage and traffic between networks",
)


def share_usd(seconds: Decimal, use: RunUse) -> Decimal:
    """Return what so many of the run's seconds cost at its mean rate (exact where all attempts cost the same)."""
    return (use.usd * seconds / use.seconds).quantize(NANO_USD) if use.seconds else ZERO


def waste(use: RunUse) -> dict[str, str]:
    """Return what work done twice, getting ready again, idle time and the time outside stages cost, in USD."""
    stages = use.stages.values()
    seconds = {
        "redone_usd": sum((stage.redone_seconds for stage in stages), ZERO),
        "restart_usd": sum((stage.restart_seconds for stage in stages), ZERO),
        "idle_usd": use.idle_seconds,
        "setup_usd": use.setup_seconds,
    }
    return {name: f"{share_usd(amount, use):f}" for name, amount in seconds.items()}


def prices(plan: Plan) -> dict[str, Any]:
    """Return how many prices the plan was made with, and the days between which they were checked."""
    days = sorted(line.checked for line in plan.prices if line.checked is not None)
    return {
        "count": len(plan.prices),
        "oldest": str(days[0]) if days else None,
        "newest": str(days[-1]) if days else None,
        "sha256": plan.prices_sha256,
    }


def machine(plan: Plan) -> dict[str, Any]:
    """Return the machine, who pays whom for it, and what an hour was planned to cost."""
    found = plan.machine
    hour = f"{found.usd_per_hour:f}"
    return {"name": found.name, "kind": found.kind, "card": found.card, "cards": found.cards,
            "usd_per_hour": hour, "rate_source": found.rate_source}  # fmt: skip


def points(entries: Iterable[Entry], stage: str) -> list[dict[str, float]]:
    """Return what each step of a stage measured, in the order of the steps; of a step done twice the last time."""
    found: dict[int, dict[str, float]] = {}
    for entry in unique(entries):
        data = entry.data
        if entry.event != "step" or data["stage"] != stage:
            continue
        seconds = float(data["seconds"])
        speed = data["tokens"] / seconds if seconds > 0 else None
        told = {"loss": data["loss"], "grad_norm": data["grad_norm"], "tokens_per_second": speed}
        found[data["step"]] = {name: one for name, one in told.items() if isinstance(one, (int, float))}
    return [{"step": float(step), **found[step]} for step in sorted(found)]


def held_out(entries: Iterable[Entry], stage: str) -> list[dict[str, float]]:
    """Return the loss on held-out rows at each step at which it was taken."""
    told = [one.data for one in unique(entries) if one.event == "evaluation" and one.data["stage"] == stage]
    found = {data["step"]: data["loss"] for data in told if isinstance(data["loss"], (int, float))}
    return [{"step": float(step), HELD_OUT: float(found[step])} for step in sorted(found)]


def binned(measured: Sequence[dict[str, float]], name: str) -> dict[str, list[float]]:
    """Return at most POINTS means of one quantity over steps that follow each other, each at its last step."""
    rows = [(row["step"], row[name]) for row in measured if name in row]
    size = -(-len(rows) // POINTS) or 1
    bins = [rows[first : first + size] for first in range(0, len(rows), size)]
    return {
        "step": [part[-1][0] for part in bins],
        "value": [float(f"{sum(value for _, value in part) / len(part):.6g}") for part in bins],
    }


def curves(plan: Plan, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return every training stage's curves; a quantity that nobody measured has no curve."""
    made: list[dict[str, Any]] = []
    for stage in plan.stages:
        measured = points(entries, stage.name) if stage.train else []
        for name in (*CURVES, HELD_OUT):
            found = binned(held_out(entries, stage.name) if name == HELD_OUT else measured, name)
            if found["step"]:
                made.append({"stage": stage.name, "name": name, **found})
    return made


def facts(plan: Plan, entries: Sequence[Entry], use: RunUse) -> dict[str, Any]:
    """Return this part of the report."""
    found = energy(plan.machine, float(use.seconds))
    return {
        "made_on": str(plan.made_on),
        "period": {"from": entries[0].wall, "to": entries[-1].wall} if entries else None,
        "prices": prices(plan),
        "machine": machine(plan),
        "waste": waste(use),
        "energy": found,
        "curves": curves(plan, entries),
        "not_assessed": [*([] if found else [f"energy: {NO_ENERGY}"]), *NOT_ASSESSED],
    }
