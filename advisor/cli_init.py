"""`advise init`: a first scenario, by questions on a terminal or from a usage log. Edge file.

Nothing is asked where stdin is no terminal, and no file is overwritten without --force. Exit codes: 0 written, 1 the
log is at fault, a file is in the way or the questions were broken off, 2 nothing to ask and no log.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from advisor.cli_faults import WRONG_USAGE, fail, input_faults

if TYPE_CHECKING:
    from advisor.init_questions import Question

"""Exit codes, as in every command."""
NO_TERMINAL: Final = (
    "stdin is no terminal, so nothing is asked; run `advise init` on one, or derive a scenario from a usage log: "
    "advise init --from-log usage.jsonl; or start from a file in scenarios/"
)
GREETING: Final = (
    "A few questions; Enter takes what stands in [brackets], and `unknown` is an answer wherever you do not know."
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The scenario to write.")]
Log = Annotated[
    Path | None,
    typer.Option("--from-log", metavar="LOG", help="A usage log: OpenAI-style responses as .jsonl, or .csv; or .gz."),
]


def init(
    file: File = Path("scenario.yaml"),
    *,
    from_log: Log = None,
    model: Annotated[str | None, typer.Option(help="The log's model to take; else the one that costs most.")] = None,
    name: Annotated[str | None, typer.Option(help="The scenario's name; else the file's.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")
    ] = None,
) -> None:
    """Write a first scenario. Example: advise init scenario.yaml --from-log usage.jsonl"""
    moment = as_of or datetime.now(tz=UTC)
    if from_log is None and model is not None:
        raise fail("--model chooses among the models of a log: add --from-log", WRONG_USAGE)
    if from_log is None and not sys.stdin.isatty():
        raise fail(NO_TERMINAL, WRONG_USAGE)
    beside = file.with_name(f"{file.stem}.traffic.csv")
    refuse_to_overwrite([file, *([beside] if from_log else [])], force)
    title = name or scenario_name(file)
    with input_faults():
        texts = asked(moment, title) if from_log is None else derived(from_log, beside.name, model, title, moment)
        check(texts[""], texts)
    files = {file if not part else file.with_name(part): text for part, text in texts.items()}
    for path, text in files.items():
        write(path, text)
    typer.echo(f"next: advise {file}", err=True)


def scenario_name(file: Path) -> str:
    """Return a name made of the file's, or of its folder's where the file is called scenario."""
    stem = file.resolve().parent.name if file.stem == "scenario" else file.stem
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in stem)
    return kept.strip("._-") or "my-task"


def refuse_to_overwrite(paths: list[Path], force: bool) -> None:
    """End with exit code 1 where a file is there and --force is not."""
    there = [str(path) for path in paths if path.exists()]
    if there and not force:
        raise fail(f"{', '.join(there)} is there already; name another file, or add --force to write over it")


def check(text: str, files: Mapping[str, str]) -> None:
    """Raise ScenarioFaultsError where the scenario would not read back; files still to be written count as there."""
    from advisor.scenario_file import ScenarioFaultsError, judge
    from advisor.scenario_tree import parse

    try:
        judge(parse(text, "the scenario"), Path())
    except ScenarioFaultsError as error:
        left = [fault for fault in error.faults if not (fault.path == "traffic.log" and len(files) > 1)]
        if left:
            raise ScenarioFaultsError(left) from None


def write(path: Path, text: str) -> None:
    """Write one file and say so; a file that cannot be written ends with exit code 1."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise fail(f"{path}: {fault.strerror}; name a file in a folder that can be written") from None
    typer.echo(f"written: {path}", err=True)


def derived(log: Path, beside: str, model: str | None, name: str, moment: datetime) -> dict[str, str]:
    """Return the scenario of a usage log under the empty name, and the file of its hours under its own."""
    from advisor.init_log import UnknownModelError, chosen, draft, has_shape, hours_csv, priced
    from advisor.init_text import text
    from advisor.usage_log_file import LogError, read_usage
    from pricing.book_files import open_book

    try:
        usage = read_usage(log)
        models = priced(usage, open_book(), moment.date())
        subject = chosen(models, model)
    except (LogError, UnknownModelError) as fault:
        raise fail(str(fault)) from None
    for line in usage.told():
        typer.echo(f"{log.name}: {line}", err=True)
    shaped = has_shape(subject.tally)
    made = draft(usage, name, subject, models, moment.date(), beside if shaped else None)
    typer.echo(f"{log.name}: {subject.tally.requests:,} requests of {subject.logged}", err=True)
    return {"": text(made), **({beside: hours_csv(subject.tally)} if shaped else {})}


def asked(moment: datetime, name: str) -> dict[str, str]:
    """Return the scenario of the answers typed; breaking off (Ctrl-C, end of input) writes nothing, exit code 1."""
    from advisor.init_questions import QUESTIONS, draft, model_check
    from advisor.init_text import text
    from pricing.book_files import open_book

    unpriced = model_check(open_book(), moment.date())
    typer.echo(GREETING, err=True)
    answers: dict[str, str] = {}
    try:
        for question in QUESTIONS:
            default = name if question.path == "name" else question.default
            answers[question.path] = ask(question._replace(default=default), unpriced)
    except (KeyboardInterrupt, EOFError):
        raise fail("\nbroken off; nothing is written") from None
    return {"": text(draft(answers))}


def ask(question: "Question", unpriced: Callable[[str], str]) -> str:
    """Return one answer as YAML; asks again until the field can hold it. A model without a price may be insisted on."""
    from advisor.init_questions import AnswerError, said

    typer.echo(f"\n{question.ask}\n  why: {question.why}", err=True)
    doubted = ""
    while True:
        typer.echo(f"  [{question.default}] " if question.default else "  ", nl=False, err=True)
        answer = input().strip() or question.default
        try:
            value = said(question, answer)
        except AnswerError as fault:
            typer.echo(f"  {fault}", err=True)
            continue
        if question.path == "today.model" and answer != doubted and (why := unpriced(answer)):
            typer.echo(f"  {why}; type it again to keep it", err=True)
            doubted = answer
            continue
        return value


def add_init(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("init")(init)
