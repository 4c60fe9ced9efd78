"""run PLAN | report DIR | ledger [DIR] | watch DIR | ab RESULTS | review SHEET. Results: stdout, progress: stderr."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pricing.cli_group import DefaultCommand, VersionOption
from runner.cli_judge import add_judging
from runner.cli_parts import FolderArgument, Format, FormatOption, amount, checked, day, finish, wants_colour

if TYPE_CHECKING:
    from runner.admission import Options
    from runner.stages import Outcome

PLAN_COMMAND = "plan"
WIDE_COLUMNS = 120  # a table of ten columns in a pipe, where nobody says how wide the screen is
HELP = """Carry out a plan, and account for what it cost: run plan.json

Run it again and it goes on where it was. Ctrl-C or SIGTERM saves first.

Exit codes: 0 done, 1 the plan cannot be read, 2 wrong usage, 3 refused (or it must not ship), 4 stopped at a limit,
5 a stage failed, 75 stopped by a signal, run again to go on.
"""


class PlanOrWord(DefaultCommand):
    """`run plan.json` and `run report DIR` share one program: a first word that is no command is a plan."""

    default = PLAN_COMMAND


app = typer.Typer(
    cls=PlanOrWord,
    subcommand_metavar="PLAN | report DIR | ledger [DIR] | watch DIR | ab RESULTS | review SHEET",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    version: Annotated[bool, VersionOption] = False,
) -> None:
    """Hold the options that belong to no command."""


@app.command(PLAN_COMMAND)
def plan(
    plan_path: Annotated[Path, typer.Argument(metavar="PLAN", help="plan.json, written by advise --plan.")],
    folder: Annotated[Path | None, typer.Option("--dir", help="Run folder [run-<plan id> beside the plan].")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Gate and forecast only; spends nothing.")] = False,
    max_usd: Annotated[
        str | None, typer.Option("--max-usd", help="Stop at this cost [the plan's limit]; above it with --raise-limit.")
    ] = None,
    max_hours: Annotated[
        str | None, typer.Option("--max-hours", help="Stop after these hours [the plan's limit]; above it as above.")
    ] = None,
    raise_limit: Annotated[
        str | None,
        typer.Option("--raise-limit", metavar="REASON", help="Why this run may go above the plan's limit; recorded."),
    ] = None,
    accept_probe: Annotated[
        str | None, typer.Option("--accept-probe", metavar="REASON", help="Why to go on far past the plan; recorded.")
    ] = None,
    usd_per_hour: Annotated[
        str | None, typer.Option("--usd-per-hour", help="What an hour of this machine really costs [the plan's].")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Take this day as today; with --dry-run.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Carry out PLAN, or go on with it; the word `plan` may be left out. Example: run plan.json --max-usd 5"""
    from runner.clock import process_start_seconds

    started_seconds = process_start_seconds()
    from runner.admission import Options

    if as_of is not None and not dry_run:
        message = "is for --dry-run: a run that spends money has the clock's day"
        raise typer.BadParameter(message, param_hint="--as-of")
    chosen = Options(
        as_of=day(as_of),
        max_usd=amount(max_usd, "--max-usd"),
        max_hours=amount(max_hours, "--max-hours"),
        raise_limit=raise_limit,
        accept_probe=accept_probe,
        usd_per_hour=amount(usd_per_hour, "--usd-per-hour"),
    )
    if dry_run:
        finish(dry(plan_path, folder, chosen, form))
    outcome = guarded(plan_path, folder, chosen, started_seconds)
    typer.echo(shown(outcome.report, form), nl=False)
    typer.echo(outcome.sentence, err=True)
    finish(outcome.exit_code)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A run folder, or the report.json of one.", exists=True)
    ],
    form: FormatOption = Format.TABLE,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", metavar="FILE", help="Also FILE.html, .md, .csv, .focus.csv or .json; may be repeated."),
    ] = None,
) -> None:
    """Show a run's report: predicted and actual, why the money differs, whether it ships.

    Example: run report out/run-0123456789ab --out report.html --out focus.csv
    """
    from runner.report_out import FORMS, odd, written

    if unknown := odd(out or ()):
        message = f"{', '.join(unknown)}: the name must end in one of {', '.join(FORMS)}"
        raise typer.BadParameter(message, param_hint="--out")
    document = report_of(folder)
    typer.echo(shown(document, form), nl=False)
    for said in checked(lambda: written(document, out or ())):
        typer.echo(said, err=True)


@app.command()
def ledger(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="A run, or a folder of runs [all of this user].", exists=True, file_okay=False
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a run's ledger: attempts with their cost, then entries (json: all); else all runs, predicted and actual."""
    from runner.all_runs import is_run, runs_text
    from runner.doors import ledger_text

    if folder is not None and is_run(folder):
        typer.echo(checked(lambda: ledger_text(folder, form.value)), nl=False)
        return
    columns = shutil.get_terminal_size((WIDE_COLUMNS, 0)).columns
    typer.echo(checked(lambda: runs_text(folder, form.value, columns, wants_colour())), nl=False)


@app.command()
def watch(
    folder: FolderArgument,
    once: Annotated[bool, typer.Option("--once", help="Show how far it is, and return.")] = False,
) -> None:
    """Follow a run that was started elsewhere until it ends; its exit code is then this one's. Nothing is locked."""
    from runner import clock
    from runner.progress import StderrScreen
    from runner.watch import watch as follow

    screen = StderrScreen(sys.stdout)
    code, said = checked(lambda: follow(folder, screen, clock.pause, once))
    screen.say(said)
    finish(code)


add_judging(app)


def guarded(plan_path: Path, folder: Path | None, chosen: "Options", started_seconds: float) -> "Outcome":
    """Run the plan with the real engine; a plan that may not or cannot run ends the program with its reasons."""
    from runner import clock
    from runner.progress import StderrScreen
    from runner.stages import run_plan

    def engine() -> Any:
        from runner.engines.trl import TrlEngine

        return TrlEngine()

    return checked(lambda: run_plan(plan_path, folder, engine, chosen, clock, StderrScreen(), started_seconds))


def dry(plan_path: Path, folder: Path | None, chosen: "Options", form: Format) -> int:
    """Print what the plan would do and cost; 0 if the gate lets it."""
    from runner.doors import forecast_text

    typer.echo(checked(lambda: forecast_text(plan_path, folder, chosen, form.value)), nl=False)
    return 0


def report_of(folder: Path) -> dict[str, Any]:
    """Return the report of a run folder."""
    from runner.doors import read_report

    return checked(lambda: read_report(folder))


def shown(document: dict[str, Any], form: Format) -> str:
    """Return the report in the form asked for."""
    from runner.doors import report_text

    return report_text(document, form.value, shutil.get_terminal_size().columns, wants_colour())


def main() -> None:
    """Enter the program."""
    app()


if __name__ == "__main__":
    sys.exit(main())
