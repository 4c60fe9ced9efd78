"""Reproduce the utilisation of 395 production clients by scaling policy and mean load, from their statistics alone.

    python -m benchmarks.traffic ../shared/reference/traffic 2026-11-21

What is given of each client: how much of the time it is active, in ten-minute windows and in hours, and the p99 and the
maximum of either over the mean. What is scored: the median and the quartiles over clients of work over billed replicas.
No cell is fitted; two choices were made with the table in sight: that the scaler sees two windows (not one or three),
and that clients with too few requests are left out. Hours are lognormal with the given p99; windows inside an hour too,
so that all windows together have theirs; the scaler holds the larger of this window and the last, and an hour with no
request is an hour asleep.
"""

import csv
import sys
from pathlib import Path
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.economics import staircase_replicas
from advisor.traffic import WINDOWS_SEEN, following_replicas

Array = NDArray[np.float64]

LEAST_REQUESTS: Final = 1000
"""Clients with fewer requests in all are left out: 395 of 421 stay, a third of their hours active, as in the table."""
HEADROOM: Final = 1.2  # of the table's static policy; the followers use it too
HOUR_POINTS, WINDOW_POINTS = 100, 40  # quadrature; doubling both moves no cell by half a point
TOLERANCE: Final = 0.15  # what the table is asked to be reproduced within
WINDOWS_PER_DAY: Final = 144  # ten minutes each
HOURS_PER_DAY: Final = 24
WINDOWS_PER_HOUR: Final = 6
SLEEPLESS: Final = 1e-9  # an active hour keeps one replica awake through its idle windows
POLICIES: Final = ("static_p99", "static_p99_HA2", "autoscale_min1", "autoscale_min2", "scale_to_zero")
NORMAL: Final = NormalDist()


class Client(NamedTuple):
    """One client's statistics: shares of active windows and hours, p99 and maximum of either over the mean, days."""

    active: float
    active_hour: float
    p99: float
    most: float
    hour_p99: float
    hour_most: float
    days: float


class Cell(NamedTuple):
    """One figure of the table: policy and quantile, mean load in replicas, as published and as reproduced."""

    name: str
    load: float
    published: float
    found: float

    @property
    def error(self) -> float:
        """Found over published, less one."""
        return self.found / self.published - 1


def read_clients(path: Path) -> list[Client]:
    """Return the clients with enough requests."""
    clients: list[Client] = []
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        days, active = float(row["days"]), float(row["active"])
        if float(row["req_day"]) * days >= LEAST_REQUESTS:
            hours = max(float(row["active_hour"]), active)
            p99, most = float(row["p99_mean"]), float(row["max_mean"])
            hour_p99, hour_most = float(row["hour_p99_mean"]), float(row["hour_max_mean"])
            clients.append(Client(active, hours, p99, most, hour_p99, hour_most, days))
    return clients


def sigma(active: float, p99: float, most: float, slices: float) -> float:
    """Return the log standard deviation of the active slices' load: lognormal, mean 1 / active, through its p99.

    Where less than 2 % of the slices are active the maximum stands in for the p99.
    """
    rare = active < 0.02 or not p99 > 0
    place, value = (1 - 0.5 / max(1.0, slices * active), most) if rare else (1 - 0.01 / active, p99)
    z = NORMAL.inv_cdf(min(max(place, 0.5), 1 - 1e-6))
    log = float(np.log(max(value * active, 1e-9)))
    return 0.0 if log <= 0 else z - float(np.sqrt(max(z * z - 2 * log, 0.0)))


def middles(points: int) -> Array:
    """Return the middles of equal parts of 0..1."""
    return (np.arange(points) + 0.5) / points


def scores(places: Array) -> Array:
    """Return standard normal quantiles of places between 0 and 1, kept off both ends."""
    return np.array([NORMAL.inv_cdf(place) for place in np.clip(places, 1e-9, 1 - 1e-9).tolist()])


def held_levels(client: Client) -> Array:
    """Return the load the scaler holds in equal parts of the active hours, over the mean load: shape (points,)."""
    all_windows = sigma(client.active, client.p99, client.most, client.days * WINDOWS_PER_DAY)
    hours = min(sigma(client.active_hour, client.hour_p99, client.hour_most, client.days * HOURS_PER_DAY), all_windows)
    inside = float(np.sqrt(all_windows**2 - hours**2))
    awake = min(1.0, client.active / client.active_hour)
    hour = np.exp(hours * scores(middles(HOUR_POINTS)) - hours**2 / 2) / client.active_hour
    # the larger of WINDOWS_SEEN windows lies this far among the quantiles of one; below the idle share both are empty
    places = (middles(WINDOW_POINTS) ** (1 / WINDOWS_SEEN) - (1 - awake)) / awake
    window = np.where(places > 0, np.exp(inside * scores(places) - inside**2 / 2) / awake, 0.0)
    held = hour[:, None] * np.minimum(window, WINDOWS_PER_HOUR)[None, :]
    return np.minimum(held, client.most).ravel()


def utilisation(clients: list[Client], loads: Array) -> dict[str, Array]:
    """Return each policy's utilisation by client and load, shape (clients, loads), at most 1."""
    p99 = np.array([[client.p99] for client in clients])
    awake = np.array([[client.active_hour] for client in clients])
    held = np.maximum(np.array([held_levels(client) for client in clients]), SLEEPLESS).T[:, :, None]
    ratio = np.concatenate([np.zeros_like(held[:1]), held])
    share = np.concatenate([(1 - awake)[None], np.broadcast_to(awake / len(held), (len(held), len(clients), 1))])

    def follow(floor: int) -> Array:
        return following_replicas(loads, np.inf, ratio, share, HEADROOM, 1.0, floor, 0.0, 1.0)

    def static(floor: int) -> Array:
        return staircase_replicas(loads * p99, 1.0, HEADROOM, floor, 1.0)

    billed = dict(zip(POLICIES, (static(1), static(2), follow(1), follow(2), follow(0)), strict=True))
    return {name: np.minimum(loads / replicas, 1.0) for name, replicas in billed.items()}


def score(folder: Path) -> list[Cell]:
    """Return every published cell with the one reproduced."""
    rows = list(csv.DictReader((folder / "utilisation_policy.csv").read_text(encoding="utf-8").splitlines()))
    loads = np.array([float(row["mean_load_replicas"]) for row in rows])
    clients = read_clients(folder / "traffic_clients.csv")
    found = utilisation(clients, loads)
    quantiles = {"": 0.5, "_p25": 0.25, "_p75": 0.75}
    cells: list[Cell] = []
    for name, places in found.items():
        for suffix, place in quantiles.items():
            if f"{name}{suffix}" in rows[0]:
                values = np.quantile(places, place, axis=0).tolist()
                cells += [
                    Cell(f"{name}{suffix}", float(load), float(row[f"{name}{suffix}"]), value)
                    for load, row, value in zip(loads, rows, values, strict=True)
                ]
    return cells


def report(cells: list[Cell], day: str) -> str:
    """Return the dated result as markdown: errors by policy, and every cell that misses."""
    errors = np.array([abs(cell.error) for cell in cells])
    missed = [cell for cell in cells if abs(cell.error) > TOLERANCE]
    lines = [
        f"# Utilisation by scaling policy, reproduced from client statistics ({day})",
        "",
        f"{len(cells)} cells of reference/traffic/utilisation_policy.csv from traffic_clients.csv, none fitted;",
        "two choices made in sight of it: a scaler that holds the larger of two ten-minute windows, and clients of at",
        f"least {LEAST_REQUESTS:,} requests:",
        f"{np.mean(errors <= TOLERANCE):.0%} within {TOLERANCE:.0%}; median error {np.median(errors):.1%}, "
        f"largest {errors.max():.1%}.",
        "",
        "| policy | cells | median error | largest | within 15 % |",
        "|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(cell.name for cell in cells):
        own = np.array([abs(cell.error) for cell in cells if cell.name == name])
        lines.append(
            f"| {name} | {own.size} | {np.median(own):.1%} | {own.max():.1%} | {int((own <= TOLERANCE).sum())} |"
        )
    lines += ["", "Cells that miss:" if missed else "No cell misses.", ""]
    lines += [f"- {c.name} at {c.load:g} replicas: {c.found:.3f}, published {c.published:.3f}" for c in missed]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(report(score(Path(sys.argv[1])), sys.argv[2]))
