"""`advise`: should we train, with what, at what cost, and what would change the answer.

Result on stdout, warnings and errors on stderr; exit 0 answered, 1 the input is at fault, 2 wrong usage, 3 refused.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from advisor.cli_faults import fail, input_faults
from advisor.cli_mix import TaskName, is_mix, mix, one_task, put_mix
from advisor.cli_out import (
    FromAdvice,
    OutFiles,
    earlier_advice,
    is_of_tasks,
    refuse_for_mix,
    refuse_unknown,
    write_files,
)
from pricing.cli_group import DefaultCommand, VersionOption, enter

if TYPE_CHECKING:
    from advisor.advice import Advice
    from advisor.advise import Question, Result
    from advisor.mix_records import MixAdvice

DEFAULT_COMMAND = "scenario"


class ScenarioFirst(DefaultCommand):
    """A group in which a first word that is no command is a scenario file; most commands are built only when named."""

    default = DEFAULT_COMMAND
    later = ("data", "diff", "init", "serve", "sweep", "tokens", "train", "vram")

    def build_later(self) -> Mapping[str, Any]:
        """Return the commands of their own modules."""
        from advisor.cli_more import commands

        return commands()


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
    MARKDOWN = "markdown"


AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")]
OwnPrices = Annotated[
    Path | None, typer.Option(help="Your own prices; else prices.local.yaml beside the scenario, or in this folder.")
]
SecondOpinion = Annotated[
    bool, typer.Option("--second-opinion", help="API prices that make a saving smaller, of ours and genai-prices'.")
]
ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario.yaml; see scenarios/ for examples.")]
MaybeScenario = Annotated[
    Path | None, typer.Argument(metavar="SCENARIO", help="A scenario.yaml; left out only with --from.")
]


def day(as_of: datetime | None) -> date:
    """Return the day asked for, or today."""
    return (as_of or datetime.now(tz=UTC)).date()


def careful(question: "Question") -> "Question":
    """Return the question with conservative API prices: the lower one of today's model, the dearer of others."""
    from dataclasses import replace

    from pricing.second import conservative_book

    today = question.book.api(question.scenario.today.model, question.as_of)
    return replace(question, book=conservative_book(question.book, question.as_of, [today.name]))


def answer(
    path: Path,
    as_of: date,
    *,
    measure: bool,
    prices: Path | None,
    second_opinion: bool = False,
    task: str | None = None,
) -> "Result":
    """Read everything and advise; faults of the input end with exit code 1."""
    from advisor.advise import advise
    from advisor.question_files import read_question

    with input_faults():
        if task is None:
            question = read_question(path, as_of, measure=measure, prices=prices)
        else:
            question = one_task(path, task, as_of, measure=measure, prices=prices)
        return advise(careful(question) if second_opinion else question)


def put(advice: "Advice", form: Format, verbose: int, no_color: bool) -> None:
    """Put the advice on stdout in one form."""
    if form is Format.TABLE:
        from advisor.report.terminal import console, show

        show(advice, console(no_color), verbose)
    elif form is Format.JSON:
        from advisor.advice import to_json

        typer.echo(to_json(advice))
    else:
        from advisor.report.markdown import render

        typer.echo(render(advice))


@app.command(DEFAULT_COMMAND, hidden=True)
def scenario(
    path: MaybeScenario = None,
    *,
    plan: Annotated[Path | None, typer.Option(help="Write plan.json here, if the verdict justifies training.")] = None,
    override: Annotated[str | None, typer.Option(help="Write the plan against the verdict, for this reason.")] = None,
    form: Annotated[Format, typer.Option("--format", help="table, markdown, or json and nothing else.")] = Format.TABLE,
    out: OutFiles = None,
    earlier: FromAdvice = None,
    task: TaskName = None,
    as_of: AsOf = None,
    prices: OwnPrices = None,
    second_opinion: SecondOpinion = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Also every number in use.")] = 0,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour, whatever the terminal.")] = False,
) -> None:
    """Advise on a scenario. Example: advise scenarios/ticket_routing/scenario.yaml --plan out/plan.json"""
    refuse_unknown(out or ())
    if path is None or earlier is not None:
        advice = earlier_advice(path, earlier, plan)
        if is_of_tasks(advice):
            refuse_for_mix(out or ())
            put_mix(cast("MixAdvice", advice), form.value, plain=no_color)
        else:
            put(cast("Advice", advice), form, verbose, no_color)
        return write_files(advice, out or ())
    if task is None and is_mix(path):
        if override or second_opinion:
            raise typer.BadParameter("--override and --second-opinion are for one task: add --task NAME")
        write_plans = mix(path, day(as_of), prices, form.value, out or (), plain=no_color)
        return write_plans(plan, write_plan) if plan else None
    result = answer(path, day(as_of), measure=plan is not None, prices=prices, second_opinion=second_opinion, task=task)
    put(result.advice, form, verbose, no_color)
    write_files(result.advice, out or ())
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
    task: TaskName = None,
    as_of: AsOf = None,
    prices: OwnPrices = None,
) -> None:
    """Print where a number comes from, down to its leaves. Example: advise explain scenario.yaml saving"""
    from advisor.report.explain import explain as lines_of
    from advisor.report.explain import named

    figures = answer(path, day(as_of), measure=False, prices=prices, task=task).advice.figures
    names = named(figures, figure)
    if not names:
        raise fail(f"no figure is called {figure!r}; there are: {', '.join(sorted(figures))}")
    for name in names:
        typer.echo("\n".join(lines_of(figures, name)))


def main() -> None:
    """Run the command line."""
    enter(app)


if __name__ == "__main__":
    main()
