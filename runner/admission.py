"""Let a plan in: read it, ask the gate, and settle what this run may spend and at what rate. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from advisor.plan import Plan
from runner.budget import Limit, budget_of, limits_of, refuse_raise
from runner.disk import stamp
from runner.gate import Request, judge, needed_packages, refuse_unread
from runner.gather import digest_of, gather, plan_files
from runner.meter import Rate
from runner.planfile import read_plan
from runner.refusal import Refusal, RefusedError

# The exit codes all three programs share; 2 is the command line's own.
EXIT_ANSWERED, EXIT_INPUT, EXIT_USAGE, EXIT_REFUSED, EXIT_LIMIT, EXIT_FAILED = range(6)


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller adds to a plan: other limits, what an hour really costs, and the packages the engine needs.

    `packages` None asks the plan's method. A limit above the plan's needs a reason in `raise_limit`, a
    run that the probe puts far from its plan one in `accept_probe`.
    """

    as_of: date
    max_usd: Decimal | None = None
    max_hours: Decimal | None = None
    raise_limit: str | None = None
    usd_per_hour: Decimal | None = None
    packages: Sequence[str] | None = None
    accept_probe: str | None = None


def default_folder(plan_path: Path, plan_id: str) -> Path:
    """Return where a run goes unless somebody says otherwise."""
    return plan_path.parent / f"run-{plan_id[:12]}"


class Admitted(NamedTuple):
    """A plan that was let in, its run folder, the folder its paths start from, and each file's stamp at the gate."""

    plan: Plan
    run_folder: Path
    root: Path
    stamps: dict[str, tuple[int, ...] | None]

    def refuse_changed(self) -> None:
        """Raise RefusedError naming every file of the plan that is no longer what the gate let in."""
        moved = [ref for ref in plan_files(self.plan) if stamp(self.root / ref.path) != self.stamps[ref.path]]
        remedy = "restore the file and run again: what was made of it is not committed"
        found = [
            Refusal("changed", f"{ref.path} was changed while the run was using it", remedy)
            for ref in moved
            if digest_of(self.root / ref.path) != ref.sha256
        ]
        if found:
            raise RefusedError(found)


def admit(plan_path: Path, folder: Path | None, options: Options) -> Admitted:
    """Return the plan and where it runs. Raises PlanFaultsError, RefusedError, OSError."""
    file = read_plan(plan_path.read_bytes(), plan_path.name)
    if file.plan is None:
        raise RefusedError(refuse_unread(file))
    plan = file.plan
    run_folder = folder or default_folder(plan_path, plan.plan_id)
    packages = needed_packages(plan) if options.packages is None else options.packages
    stamps = {ref.path: stamp(plan_path.parent / ref.path) for ref in plan_files(plan)}  # before they are hashed
    facts = gather(plan, plan_path.parent, run_folder, options.as_of, packages)
    limits = limits_for(plan, options)
    refusals = refuse_raise(limits, options.raise_limit)
    refusals += judge(Request(file.document, plan, facts, budget_of(*limits)))
    if refusals:
        raise RefusedError(refusals)
    return Admitted(plan, run_folder, plan_path.parent, stamps)


def rate_of(plan: Plan, options: Options) -> Rate:
    """Return what an hour costs and who says so: the caller, or the plan's machine."""
    rented = plan.machine.kind == "rented"
    if options.usd_per_hour is not None:
        return Rate(options.usd_per_hour, "stated with --usd-per-hour", rented)
    return Rate(
        plan.machine.usd_per_hour, plan.machine.rate_source or f"the plan's machine {plan.machine.name}", rented
    )


def limits_for(plan: Plan, options: Options) -> tuple[Limit, Limit]:
    """Return the plan's limits by dollars and hours as the caller tightened or raised them."""
    return limits_of(plan.limits, options.max_usd, options.max_hours, options.raise_limit)
