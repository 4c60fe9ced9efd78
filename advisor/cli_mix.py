"""`advise` on a scenario of several tasks: the page of the whole, its JSON, and a plan for each task that is justified.

Edge file. `advise FILE --task NAME` is the ordinary advice on one of them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor.cli_faults import input_faults
from advisor.cli_out import refuse_for_mix, write_files

if TYPE_CHECKING:
    from advisor.advise import Question, Result
    from advisor.mix_records import MixAdvice

TaskName = Annotated[str | None, typer.Option("--task", help="One task of a scenario that has several, in full.")]
WritePlan = Callable[["Result", Path, Path, str | None], None]
MARK, QUOTED = b"tasks:", b'"tasks"'
"""How a line begins in a scenario of several tasks, and in no other: inside a text every line is indented; in JSON the
name stands in quotes, and only such a file is read twice."""


def is_mix(path: Path) -> bool:
    """Say whether a scenario file has several tasks; a file that cannot be read is left to the reader's faults."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    if QUOTED not in content:
        return any(line.startswith(MARK) for line in content.splitlines())
    from advisor.mix_tree import TASKS
    from advisor.scenario_file import read_tree

    return TASKS in (read_tree(path).values or {})


def one_task(path: Path, name: str, as_of: date, *, measure: bool, prices: Path | None) -> "Question":
    """Return the question of one task; a name that the file does not have ends with exit code 2."""
    from advisor.mix_file import UnknownTaskError, read_task

    try:
        return read_task(path, name, as_of, measure=measure, prices=prices)
    except UnknownTaskError as unknown:
        typer.echo(str(unknown), err=True)
        raise typer.Exit(2) from None


def mix(
    path: Path, as_of: date, prices: Path | None, form: str, out: Sequence[Path], *, plain: bool
) -> Callable[[Path, WritePlan], None]:
    """Put the advice on all tasks on stdout and into files; returns what writes the plans, if they are asked for."""
    from advisor.mix import advise_mix
    from advisor.mix_file import read_mix

    refuse_for_mix(out)
    with input_faults():
        made = advise_mix(read_mix(path, as_of, prices=prices))
    put_mix(made.advice, form, plain=plain)
    write_files(made.advice, out)
    return lambda plan, write: plans(path, plan, made.results, write)


def put_mix(advice: "MixAdvice", form: str, *, plain: bool) -> None:
    """Put an advice on several tasks on stdout in one form."""
    if form == "json":
        from advisor.mix_records import to_json

        typer.echo(to_json(advice))
    elif form == "markdown":
        from advisor.report.mix_page import markdown

        typer.echo(markdown(advice))
    else:
        from advisor.report.mix import show
        from advisor.report.terminal import console

        show(advice, console(plain))


def plans(path: Path, plan: Path, results: Mapping[str, "Result"], write: WritePlan) -> None:
    """Write a plan for each task that is justified, each in a folder of its own; exit code 3 where none is."""
    justified = {name: result for name, result in results.items() if result.advice.verdict.justified}
    if not justified:
        typer.echo(
            "no plan written: no task's verdict justifies training; see --task NAME, or --override there", err=True
        )
        raise typer.Exit(3)
    refused: list[typer.Exit] = []
    for name, result in justified.items():
        try:
            write(result, path, plan.parent / name / plan.name, None)
        except typer.Exit as fault:
            typer.echo(f"  (task {name})", err=True)
            refused.append(fault)
    if refused:
        raise refused[0]
