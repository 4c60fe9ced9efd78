"""What every option stands on: the scenario's numbers as figures, the calendar, and the demand over it."""

from collections.abc import Mapping
from dataclasses import dataclass

from advisor import economics as eco
from advisor.quantity import Measure, Quantity, UnknownQuantityError
from advisor.scenario import Scenario
from advisor.settings import Part
from advisor.shape_of_demand import Log, curve_of
from pricing.figure import Figure, assumed, derive


def leaves_of(part: Part, prefix: str = "") -> dict[str, Figure]:
    """Return every known quantity of a scenario as a figure, by its path (`volume.tasks_per_month`) and in its unit."""
    found: dict[str, Figure] = {}
    for name, info in type(part).model_fields.items():
        value: object = getattr(part, name)
        path = f"{prefix}{name}"
        if isinstance(value, Part):
            found |= leaves_of(value, f"{path}.")
        elif isinstance(value, Quantity) and value.known:
            unit = next(m.unit for m in info.metadata if isinstance(m, Measure))
            found[path] = value.figure(path, unit)
    return found


def known(leaves: Mapping[str, Figure], path: str) -> Figure:
    """Return the leaf at a scenario path; raises UnknownQuantityError, which names the field to fill in."""
    if path not in leaves:
        message = f"{path} is unknown; state it in the scenario, or leave the line out for its default"
        raise UnknownQuantityError(message)
    return leaves[path]


@dataclass(frozen=True, slots=True)
class Ground:
    """Shared figures of one advice: `leaves` by path; calendar and demand by month, tasks of the whole lifetime.

    `curve` is the load-duration curve: loads over the mean, and shares of the time.
    """

    leaves: Mapping[str, Figure]
    horizon: Figure
    calendar: Figure
    demand: Figure
    tasks: Figure
    curve: tuple[Figure, Figure]
    scaling: str
    batchable_on: str

    @property
    def tuned_input(self) -> Figure:
        """The prompt after tuning, or today's where nobody has shortened it."""
        return self.leaves.get("tokens.tuned_input") or self["tokens.input"]

    def __getitem__(self, path: str) -> Figure:
        """Return the leaf at a scenario path; raises UnknownQuantityError for one that is unknown."""
        return known(self.leaves, path)


def lay_ground(scenario: Scenario, log: Log | None = None) -> Ground:
    """Return the shared figures; raises UnknownQuantityError where volume or tokens are unknown."""
    leaves = leaves_of(scenario)
    curve = curve_of(scenario, leaves, log)
    for required in ("tokens.input", "tokens.output", "finance.annual_discount_rate"):
        known(leaves, required)
    if scenario.local_machine is not None and "local_machine.usd_per_hour" in leaves:
        rate = leaves["local_machine.usd_per_hour"]
        because = f"stated: {scenario.local_machine.because}"
        leaves["local_machine.usd_per_hour"] = assumed(rate.name, rate.value, rate.unit, because, rate.low, rate.high)
    horizon = known(leaves, "volume.lifetime_months")
    if "finance.horizon_months" in leaves:
        stated = leaves["finance.horizon_months"]
        horizon = derive("horizon", eco.horizon_months, lifetime_months=horizon, stated_months=stated)
    calendar = derive("calendar", eco.calendar_share, lifetime_months=horizon)
    demand = derive(
        "demand",
        eco.demand_tasks_per_month,
        start_tasks_per_month=known(leaves, "volume.tasks_per_month"),
        growth_share_per_month=known(leaves, "volume.growth_per_month"),
        calendar_share=calendar,
    )
    tasks = derive("lifetime_tasks", eco.lifetime_tasks, demand_tasks_per_month=demand)
    chosen = scenario.traffic
    return Ground(leaves, horizon, calendar, demand, tasks, curve, chosen.scaling, chosen.batchable_on)
