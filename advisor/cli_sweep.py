"""`advise sweep`: the advice at every point of a grid, as CSV and as a chart. Edge file.

`add_sweep(app)` mounts it. The CSV goes to stdout unless --out names a file for it; notes go to stderr.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from math import isnan, prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from advisor.cli_faults import WRONG_USAGE, fail

if TYPE_CHECKING:
    from advisor.advise import Question
    from advisor.sweep import Axis, Swept

MOST_POINTS: Final = 1_000_000  # a CSV of some 100 MB; more is a mistake in --points
WANTED: Final = "wanted PATH=LOW..HIGH, PATH=VALUE or PATH=VALUE,VALUE,..., for example volume.tasks_per_month=1e4..1e7"


class Scale(StrEnum):
    """How values are spaced between two ends."""

    AUTO = "auto"
    LOG = "log"
    LINEAR = "linear"


Settings = Annotated[
    list[str], typer.Option("--set", help="A number to vary, PATH=LOW..HIGH; may be repeated (a grid).")
]
Points = Annotated[int, typer.Option(help="Points to a range.", min=2)]
Spacing = Annotated[Scale, typer.Option(help="Spacing; auto: log where the ends are a factor of ten apart.")]
Outs = Annotated[list[Path] | None, typer.Option("--out", help="A .csv or .svg file; may be repeated.")]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")]
ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario.yaml.")]


def add_sweep(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("sweep")(sweep)


def axis(setting: str, points: int, scale: Scale) -> "Axis":
    """Return one --set as an axis; ends with exit code 2 where it cannot be read."""
    import numpy as np

    from advisor.sweep import Axis

    path, sign, text = setting.partition("=")
    try:
        ends = [float(part) for part in re.split(r"\.\.|,", text)]
    except ValueError:
        raise fail(f"--set {setting}: {WANTED}", WRONG_USAGE) from None
    if not sign or not all(np.isfinite(ends)) or (".." in text and (len(ends) != 2 or ends[0] >= ends[1])):
        raise fail(f"--set {setting}: {WANTED}", WRONG_USAGE)
    if ".." not in text:
        return Axis(path, np.array(sorted(set(ends))))
    low, high = ends
    log = scale is Scale.LOG or (scale is Scale.AUTO and low > 0 and high >= 10 * low)
    if log and low <= 0:
        raise fail(f"--set {setting}: a logarithmic range begins above zero; use --scale linear", WRONG_USAGE)
    return Axis(path, (np.geomspace if log else np.linspace)(low, high, points))


def read(path: Path, as_of: datetime | None) -> "Question":
    """Return the question of a scenario file; faults of the input end with exit code 1."""
    from advisor.catalog import UnknownCardError, UnknownModelError
    from advisor.hf_config import ConfigError
    from advisor.question_files import read_question
    from advisor.scenario_file import ScenarioFaultsError
    from pricing.book import BookFaultsError

    try:
        return read_question(path, (as_of or datetime.now(tz=UTC)).date())
    except (ScenarioFaultsError, UnknownModelError, UnknownCardError, ConfigError, BookFaultsError) as fault:
        raise fail(str(fault)) from None


def sweep(
    path: ScenarioFile,
    settings: Settings,
    points: Points = 101,
    scale: Spacing = Scale.AUTO,
    out: Outs = None,
    as_of: AsOf = None,
) -> None:
    """Advise at every point of a grid. Example: advise sweep scenario.yaml --set volume.tasks_per_month=1e4..1e7"""
    from advisor.quantity import UnknownQuantityError
    from advisor.sweep import SweepError
    from advisor.sweep import sweep as over
    from advisor.sweep_chart import chart

    files = out or []
    wrong = [str(file) for file in files if file.suffix not in {".csv", ".svg"}]
    if wrong:
        raise fail(f"--out {', '.join(wrong)}: wanted a name that ends in .csv or .svg", WRONG_USAGE)
    axes = [axis(setting, points, scale) for setting in settings]
    if (count := prod(one.values.size for one in axes)) > MOST_POINTS:
        raise fail(f"{count:,} points; wanted at most {MOST_POINTS:,}: fewer --points, or fewer --set", WRONG_USAGE)
    question = read(path, as_of)
    try:
        swept = over(question, axes)
        pictures = {file: chart(swept, axes, question.scenario.name) for file in files if file.suffix == ".svg"}
    except (SweepError, UnknownQuantityError) as fault:
        raise fail(str(fault)) from None
    tables = [file for file in files if file.suffix == ".csv"]
    write(pictures | {file: as_csv(swept) for file in tables})
    if not files:
        sys.stdout.write(as_csv(swept))


def write(texts: dict[Path, str]) -> None:
    """Write every file, making its folder; a file that cannot be written ends with exit code 1."""
    for file, content in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        except OSError as fault:
            raise fail(f"{file}: {fault.strerror}; name a file in a folder that can be written") from None
        typer.echo(f"{file} written", err=True)


def rows_of(swept: "Swept") -> Iterator[tuple[object, ...]]:
    """Yield the header and then one row a point: set numbers, cost of each road, saving, cheapest road, verdict."""
    keys = list(swept.lifetime_usd)
    yield (*swept.points, *(f"{key}_usd" for key in keys), "saving_share", "cheapest", "verdict")
    costs = [swept.lifetime_usd[key] for key in keys]
    columns = [values.tolist() for values in (*swept.points.values(), *costs, swept.saving_share)]
    for *numbers, cheapest, verdict in zip(*columns, swept.cheapest, swept.verdicts, strict=True):
        yield (*("" if isnan(number) else number for number in numbers), cheapest, verdict)


def as_csv(swept: "Swept") -> str:
    """Return all points as CSV; a road that is not priced at a point is empty there."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows_of(swept))
    return text.getvalue()
