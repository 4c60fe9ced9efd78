"""Let a plan in: read it, ask the gate, and settle what this run may spend and at what rate. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from advisor.plan import Plan
from runner.gate import RefusedError, Request, judge, needed_packages, refuse_unread
from runner.gather import gather
from runner.meter import Budget, Rate
from runner.planfile import read_plan

# The exit codes all three programs share; 2 is the command line's own.
EXIT_ANSWERED, EXIT_INPUT, EXIT_USAGE, EXIT_REFUSED, EXIT_LIMIT, EXIT_FAILED = range(6)


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller adds to a plan: tighter limits, what an hour really costs, and the packages the engine needs.

    `packages` None asks the plan's method; the limits that hold are the lower of these and the plan's.
    """

    as_of: date
    max_usd: Decimal | None = None
    max_hours: float | None = None
    usd_per_hour: Decimal | None = None
    packages: Sequence[str] | None = None


def default_folder(plan_path: Path, plan_id: str) -> Path:
    """Return where a run goes unless somebody says otherwise."""
    return plan_path.parent / f"run-{plan_id[:12]}"


def admit(plan_path: Path, folder: Path | None, options: Options) -> tuple[Plan, Path]:
    """Return the plan and its run folder. Raises PlanFaultsError, RefusedError, OSError."""
    file = read_plan(plan_path.read_bytes(), plan_path.name)
    if file.plan is None:
        raise RefusedError(refuse_unread(file))
    plan = file.plan
    run_folder = folder or default_folder(plan_path, plan.plan_id)
    packages = needed_packages(plan) if options.packages is None else options.packages
    facts = gather(plan, plan_path.parent, run_folder, options.as_of, packages)
    refusals = judge(Request(file.document, plan, facts))
    if refusals:
        raise RefusedError(refusals)
    return plan, run_folder


def rate_of(plan: Plan, options: Options) -> Rate:
    """Return what an hour costs and who says so: the caller, a price line of the plan, or the plan's machine."""
    rented = plan.machine.kind == "rented"
    if options.usd_per_hour is not None:
        return Rate(options.usd_per_hour, "stated with --usd-per-hour", rented)
    amount = plan.machine.usd_per_hour
    for price in plan.prices:
        if price.amount == amount and price.unit in ("usd_per_hour", "usd_per_gpu_hour"):
            return Rate(amount, f"{price.name}: {price.source}", rented)
    return Rate(amount, f"the plan's machine {plan.machine.name}", rented)


def budget_of(plan: Plan, options: Options) -> Budget:
    """Return the lower of the plan's limits and the caller's."""
    usd = plan.limits.usd if options.max_usd is None else min(plan.limits.usd, options.max_usd)
    hours = plan.limits.hours if options.max_hours is None else min(plan.limits.hours, options.max_hours)
    return Budget(usd, Decimal(str(hours)))
