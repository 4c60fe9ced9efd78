"""A run report as rows: every comparison, every line of the variance, every attempt and stage. Nothing is rounded."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any, Final

COLUMNS: Final = (
    "plan_id", "scenario", "kind", "where", "what", "unit", "predicted", "low", "high", "actual", "difference",
    "ratio", "direction", "inside", "escalate", "sentence",
)  # fmt: skip
Row = dict[str, Any]


def compared(report: dict[str, Any]) -> Iterator[Row]:
    """Yield predicted against actual."""
    for line in report["comparisons"]:
        actual = line["actual"]
        yield {
            **{name: line[name] for name in ("where", "unit", "predicted", "low", "high", "actual", "ratio", "inside")},
            "kind": "comparison",
            "what": line["name"],
            "difference": None if actual is None else actual - line["predicted"],
            "escalate": line["escalate"],
            "sentence": line["note"],
        }


def money(report: dict[str, Any]) -> Iterator[Row]:
    """Yield the lines between predicted and actual money, which sum to their difference."""
    for line in report["money"]["lines"]:
        yield {"kind": "variance", "where": line["where"], "what": line["cause"], "unit": "usd",
               "difference": line["usd"], "direction": line["direction"], "sentence": line["sentence"]}  # fmt: skip


def spent(report: dict[str, Any]) -> Iterator[Row]:
    """Yield what every attempt cost, what was wasted, and what every gate said."""
    for line in report["attempts"]:
        yield {"kind": "attempt", "where": line["number"], "what": "usd", "unit": "usd", "actual": line["usd"],
               "sentence": line["ended"]}  # fmt: skip
        yield {"kind": "attempt", "where": line["number"], "what": "seconds", "unit": "seconds",
               "actual": line["seconds"]}  # fmt: skip
    for name, usd in report["waste"].items():
        yield {"kind": "part of the cost", "where": "run", "what": name.removesuffix("_usd"), "unit": "usd",
               "actual": usd}  # fmt: skip
    quality: Row = report["quality"] or {}
    for check in quality.get("checks", ()):
        passed = {True: "passed", False: "failed", None: "not assessed"}[check["passed"]]
        yield {"kind": "gate", "where": check["name"], "what": passed, "sentence": check["why"]}


def render(report: dict[str, Any]) -> str:
    """Return the CSV text."""
    text = StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(COLUMNS)
    fixed = {"plan_id": report["plan_id"], "scenario": report["scenario"]}
    for row in (row for part in (compared, money, spent) for row in part(report)):
        write([{**fixed, **row}.get(name, "") for name in COLUMNS])
    return text.getvalue()
