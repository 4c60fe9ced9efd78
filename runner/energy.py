"""What a run draws: its billed seconds at the machine's stated or rated power; no meter is read. Pure."""

from typing import Any

from advisor.plan import Machine
from pricing.units import SECONDS_PER_HOUR, WATTS_PER_KILOWATT

NO_ENERGY = "not known: no power draw is stated (local_machine.watts) and no meter is read"


def energy(machine: Machine, seconds: float) -> dict[str, Any] | None:
    """Return kWh and what they rest on; a rented card's rated power is the most it draws. None where none is known."""
    if machine.watts is None:
        return None
    watts = machine.watts * machine.cards
    rented = machine.kind == "rented"
    basis = "the cards' rated power, without the rest of the machine" if rented else "as the scenario states it"
    return {
        "kwh": seconds * watts / SECONDS_PER_HOUR / WATTS_PER_KILOWATT,
        "watts": watts,
        "most": rented,
        "basis": basis,
    }


def energy_text(found: dict[str, Any] | None) -> str:
    """Return the energy for a reader."""
    if found is None:
        return NO_ENERGY
    return (
        f"{'at most ' * found['most']}{found['kwh']:.3g} kWh, at {found['watts']:g} W ({found['basis']}); not metered"
    )
