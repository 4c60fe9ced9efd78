"""`advise`: should we train, with what, at what cost, and what would change the answer.

Result on stdout, warnings and errors on stderr; exit 0 answered, 1 the input is at fault, 2 wrong usage, 3 refused.
"""

import os
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor.cli_sizing import add_sizing
from pricing.cli_group import DefaultCommand, VersionOption

if TYPE_CHECKING:
    from advisor.advise import Result

DEFAULT_COMMAND = "scenario"


class ScenarioFirst(DefaultCommand):
    """A group in which a first word that is no command is a scenario file: `advise scenario.yaml`."""

    default = DEFAULT_COMMAND


app = typer.Typer(
    name="advise",
    cls=ScenarioFirst,
    help="Decide whether to train your own model: advise SCENARIO, or one of the commands below.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(version: Annotated[bool, VersionOption] = False) -> None:
    """Hold the options that come before a scenario or a command."""


class Format(StrEnum):
    """What stdout gets."""

    TABLE = "table"
    JSON = "json"


AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")]
ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario.yaml; see scenarios/ for examples.")]


def day(as_of: datetime | None) -> date:
    """Return the day asked for, or today."""
    return (as_of or datetime.now(tz=UTC)).date()


def fail(message: str, code: int = 1) -> typer.Exit:
    """Print a message on stderr and return the exit to raise."""
    typer.echo(message, err=True)
    return typer.Exit(code)


def answer(path: Path, as_of: date, *, measure: bool) -> "Result":
    """Read everything and advise; faults of the input end with exit code 1."""
    from advisor.advise import advise
    from advisor.catalog import UnknownCardError, UnknownModelError
    from advisor.hf_config import ConfigError
    from advisor.quantity import UnknownQuantityError
    from advisor.question_files import read_question
    from advisor.replica import ServingFault
    from advisor.scenario_file import ScenarioFaultsError
    from advisor.shape import UnknownTargetError
    from pricing.book import BookFaultsError
    from pricing.names import PriceError

    faults = (
        ScenarioFaultsError, UnknownModelError, UnknownCardError, ConfigError, UnknownQuantityError,
        BookFaultsError, PriceError, UnknownTargetError, ServingFault,
    )  # fmt: skip
    try:
        return advise(read_question(path, as_of, measure=measure))
    except faults as fault:
        raise fail(str(fault)) from None


@app.command(DEFAULT_COMMAND, hidden=True)
def scenario(
    path: ScenarioFile,
    plan: Annotated[Path | None, typer.Option(help="Write plan.json here, if the verdict justifies training.")] = None,
    override: Annotated[str | None, typer.Option(help="Write the plan against the verdict, for this reason.")] = None,
    form: Annotated[Format, typer.Option("--format", help="table, or json and nothing else.")] = Format.TABLE,
    as_of: AsOf = None,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Also every number in use.")] = 0,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour, whatever the terminal.")] = False,
) -> None:
    """Advise on a scenario. Example: advise scenarios/ticket_routing/scenario.yaml --plan out/plan.json"""
    today = day(as_of)
    result = answer(path, today, measure=plan is not None)
    if form is Format.JSON:
        from advisor.advice import to_json

        typer.echo(to_json(result.advice))
    else:
        from advisor.report.terminal import console, show

        show(result.advice, console(no_color), verbose)
    if plan is not None:
        write_plan(result, path, plan, override)


def write_plan(result: "Result", scenario_path: Path, plan_path: Path, override: str | None) -> None:
    """Write the plan and its inputs, or refuse with exit code 3 and the reason."""
    from advisor.bundle_files import PlanRefusedError, write_bundle

    try:
        written = write_bundle(result, scenario_path, plan_path, override)
    except PlanRefusedError as refused:
        raise fail(f"no plan written: {refused}", 3) from None
    except OSError as fault:
        raise fail(
            f"no plan written: {plan_path}: {fault.strerror}; name a file in a folder that can be written"
        ) from None
    typer.echo(f"plan {written.plan_id[:12]} written to {plan_path}; next: run {plan_path}", err=True)


@app.command()
def explain(
    path: ScenarioFile,
    figure: Annotated[str, typer.Argument(help="A figure's name, or any part of it.")] = "saving",
    as_of: AsOf = None,
) -> None:
    """Print where a number comes from, down to its leaves. Example: advise explain scenario.yaml saving"""
    from advisor.report.explain import explain as lines_of
    from advisor.report.explain import named

    figures = answer(path, day(as_of), measure=False).advice.figures
    names = named(figures, figure)
    if not names:
        raise fail(f"no figure is called {figure!r}; there are: {', '.join(sorted(figures))}")
    for name in names:
        typer.echo("\n".join(lines_of(figures, name)))


add_sizing(app)


def main() -> None:
    """Run the command line, with what start-up does not need switched off: plugins of pydantic, threads of BLAS."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app()


if __name__ == "__main__":
    main()
