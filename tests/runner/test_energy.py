"""Energy of a run: seconds at a stated or rated power, and where none is known it says so."""

import pytest

from advisor.plan import Machine
from runner.energy import NO_ENERGY, energy, energy_text

LOCAL = {"name": "here", "kind": "local", "usd_per_hour": "0.06"}


def test_a_stated_draw_by_hand() -> None:
    found = energy(Machine.model_validate(LOCAL | {"watts": 90}), 200.0)
    assert found is not None
    assert found["kwh"] == pytest.approx(0.005)  # 90 W x 200 s = 18,000 J = 5 Wh
    assert energy_text(found) == "0.005 kWh, at 90 W (as the scenario states it); not metered"


def test_rented_cards_draw_their_rated_power_at_most() -> None:
    rented = Machine.model_validate(LOCAL | {"kind": "rented", "card": "H100-SXM", "cards": 2, "watts": 700})
    found = energy(rented, 3600.0)
    assert found is not None
    assert found["kwh"] == pytest.approx(1.4)
    assert energy_text(found).startswith("at most 1.4 kWh, at 1400 W (the cards' rated power")


def test_no_draw_no_figure() -> None:
    assert energy(Machine.model_validate(LOCAL), 200.0) is None
    assert energy_text(None) == NO_ENERGY
