"""`advise diff OLD NEW`: what a change to a scenario, a day or a price book does to the advice, and whether it may.

Edge file. Exit codes: 0 compared, 1 a side or the policy file is at fault, 2 wrong usage, 3 a rule of the policy is
broken or cannot be checked.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from advisor.cli_faults import input_faults

if TYPE_CHECKING:
    from advisor.advice import Advice
    from advisor.advise import Question
    from advisor.diff import ChangeRecord, DiffRecord
    from advisor.policy import Stated

REFUSED: Final = 3
"""The exit code of what a policy refuses, as in every command."""


class Format(StrEnum):
    """What stdout gets."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


Old = Annotated[Path, typer.Argument(metavar="OLD", help="A scenario.yaml, or the JSON of an earlier advice.")]
New = Annotated[Path, typer.Argument(metavar="NEW", help="The same; another scenario, or the same on another day.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")]
OldDay = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The old side's day, if another.")]
Prices = Annotated[Path | None, typer.Option(help="Your own prices, for both sides.")]
OldPrices = Annotated[Path | None, typer.Option(help="The old side's own prices, if others.")]
PolicyFile = Annotated[Path | None, typer.Option(help="Rules that the new side must keep, as YAML; else exit code 3.")]


class Read(NamedTuple):
    """One side: its advice, and its question where a scenario was named."""

    advice: "Advice"
    question: "Question | None"


def diff(
    old: Old,
    new: New,
    *,
    policy: PolicyFile = None,
    form: Annotated[Format, typer.Option("--format", help="table, markdown, or json and nothing else.")] = Format.TABLE,
    task: Annotated[str | None, typer.Option("--task", help="The task to compare, of scenarios with several.")] = None,
    as_of: Day = None,
    old_as_of: OldDay = None,
    prices: Prices = None,
    old_prices: OldPrices = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour, whatever the terminal.")] = False,
) -> None:
    """Compare two scenarios, days or price books. Example: advise diff old.yaml new.yaml --policy policy.yaml"""
    from advisor.diff import compare
    from advisor.policy import outcomes

    today = datetime.now(tz=UTC)
    with input_faults():
        rules = rules_of(policy)
        before = read(old, (old_as_of or as_of or today).date(), old_prices or prices, task)
        after = read(new, (as_of or today).date(), prices, task)
        found = changes(before, after)
    told = outcomes(rules, after.advice, before.advice)
    from_ = "scenarios" if before.question is not None and after.question is not None else "figures"
    made = compare(before.advice, after.advice, found, from_, told)
    put(made, form, no_color)
    if made.broken:
        stopped = [outcome for outcome in told if outcome.refuses]
        lines = [f"{policy}:{one.line}  {one.rule} {one.limit}: {one.found}; {one.next_step}" for one in stopped]
        typer.echo("\n".join(lines), err=True)
        raise typer.Exit(REFUSED)


def rules_of(policy: Path | None) -> "tuple[Stated, ...]":
    """Return the policy's rules; none where no policy is named."""
    if policy is None:
        return ()
    from advisor.policy_file import read_policy

    return read_policy(policy)


def is_advice(path: Path) -> bool:
    """Say whether a file is an advice; what cannot be read is left to the reader of scenarios."""
    try:
        return path.suffix == ".json" and b'"format_version"' in path.read_bytes()
    except OSError:
        return False


def earlier(path: Path) -> "Advice":
    """Return an earlier advice on one task; one on several, and faults of the file, end with exit code 1."""
    from advisor.advice import Advice
    from advisor.cli_out import read_advice

    advice = read_advice(path)
    if not isinstance(advice, Advice):
        typer.echo(
            f"{path}: is an advice on several tasks; name the scenarios, and one task with --task NAME", err=True
        )
        raise typer.Exit(1)
    return advice


def read(path: Path, as_of: date, prices: Path | None, task: str | None) -> Read:
    """Return one side; faults of a scenario are raised, those of an advice end with exit code 1."""
    if is_advice(path):
        return Read(earlier(path), None)
    from advisor.advise import advise
    from advisor.cli_mix import one_task
    from advisor.question_files import read_question

    if task is not None:
        question = one_task(path, task, as_of, measure=False, prices=prices)
    else:
        question = read_question(path, as_of, prices=prices)
    return Read(advise(question).advice, question)


def changes(old: Read, new: Read) -> "Sequence[ChangeRecord]":
    """Return the changed inputs with their effects: by asking again where both scenarios are at hand."""
    if old.question is not None and new.question is not None:
        from advisor.diff_fields import effects

        return effects(old.question, new.question)
    from advisor.diff_figures import effects as of_figures

    return of_figures(old.advice, new.advice)


def put(made: "DiffRecord", form: Format, no_color: bool) -> None:
    """Put the comparison on stdout in one form."""
    if form is Format.TABLE:
        from advisor.diff_page import show
        from advisor.report.terminal import console

        show(made, console(no_color))
    elif form is Format.JSON:
        from advisor.diff import to_json

        typer.echo(to_json(made))
    else:
        from advisor.diff_markdown import render

        typer.echo(render(made))


def add_diff(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("diff")(diff)
