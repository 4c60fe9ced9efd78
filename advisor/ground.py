"""What every option stands on: the scenario's numbers as figures, the calendar, and the demand over it."""

from collections.abc import Mapping
from dataclasses import dataclass

from advisor import economics as eco
from advisor.quantity import Measure, Quantity
from advisor.scenario import Scenario
from advisor.settings import Part
from pricing.figure import Figure, derive


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


@dataclass(frozen=True, slots=True)
class Ground:
    """Shared figures of one advice: `leaves` by path; calendar and demand by month, tasks of the whole lifetime."""

    leaves: Mapping[str, Figure]
    horizon: Figure
    calendar: Figure
    demand: Figure
    tasks: Figure

    def __getitem__(self, path: str) -> Figure:
        """Return the leaf at a scenario path; raises KeyError for one that is unknown."""
        return self.leaves[path]


def lay_ground(scenario: Scenario) -> Ground:
    """Return the shared figures; raises UnknownQuantityError where volume or tokens are unknown."""
    leaves = leaves_of(scenario)
    for required in ("volume.tasks_per_month", "tokens.input", "tokens.output"):
        part, field = required.split(".")
        quantity: Quantity = getattr(getattr(scenario, part), field)
        quantity.known_value(required)
    horizon = leaves.get("finance.horizon_months", leaves["volume.lifetime_months"])
    calendar = derive("calendar", eco.calendar_share, lifetime_months=horizon)
    demand = derive(
        "demand",
        eco.demand_tasks_per_month,
        start_tasks_per_month=leaves["volume.tasks_per_month"],
        growth_share_per_month=leaves["volume.growth_per_month"],
        calendar_share=calendar,
    )
    tasks = derive("lifetime_tasks", eco.lifetime_tasks, demand_tasks_per_month=demand)
    return Ground(leaves, horizon, calendar, demand, tasks)
