"""run ab RESULTS and run review SHEET: what production and what readers say of the tuned model. Edge file.

`add_judging(app)` mounts them on the runner's typer application.
"""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from runner.cli_parts import Format, FormatOption, checked, finish, wants_colour


def add_judging(app: typer.Typer) -> None:
    """Mount the two commands."""
    app.command()(ab)
    app.command()(review)


def ab(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="One task a line: arm, success, and what is watched.")
    ],
    plan: Annotated[Path | None, typer.Option("--plan", metavar="DIR", help="The run, or its abplan.json.")] = None,
    margin: Annotated[
        float | None, typer.Option("--margin", min=0.0001, max=0.5, help="Loss that is no loss, without --plan [0.02].")
    ] = None,
    slow_ms: Annotated[
        float | None, typer.Option("--slow-ms", min=1.0, help="An answer above it is slow [the plan's limit].")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read a test in production, at any time and as often as you like: ship, keep today's way, go on, or stop for harm.

    Exit code 3 for a stop: harm, or a split that is not the planned one.
    """
    from runner.ab_doors import ab_text

    if plan is not None and margin is not None:
        message = "is fixed before the first task: leave it out with --plan"
        raise typer.BadParameter(message, param_hint="--margin")
    columns = shutil.get_terminal_size().columns
    code, text = checked(lambda: ab_text(results, plan, margin, slow_ms, form.value, columns, wants_colour()))
    typer.echo(text, nl=False)
    finish(code)


def review(
    sheet: Annotated[
        Path, typer.Argument(metavar="SHEET", help="A copy of ship/review.csv, filled in.", exists=True, dir_okay=False)
    ],
    folder: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="The run [its key lies beside]")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read the sheet that people filled in: whose answers they prefer, and how sure that is.

    Copy ship/review.csv, since a run's own files are sealed; write 1, 2 or tie under `preferred`. Which answer is whose
    stands in the key of the run. Exit code 3 where the base's answers are preferred.
    """
    from runner.review_doors import review_text

    columns = shutil.get_terminal_size().columns
    code, text = checked(lambda: review_text(sheet, folder, form.value, columns, wants_colour()))
    typer.echo(text, nl=False)
    finish(code)
