"""The command `advise data`: is this training data good, before there is a scenario or a plan. Edge file."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from advisor.cli_faults import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from advisor.data_check import Asked, Checked, PairFile, RecordFile
    from advisor.row_findings import Records
    from advisor.tokens import Count

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Records: .jsonl, .json or .csv; pairs too.")]


class Format(StrEnum):
    """How the report is printed."""

    TABLE = "table"
    JSON = "json"


class Kind(StrEnum):
    """Kinds of task, as a scenario names them."""

    CLASSIFICATION = "classification"
    ROUTING = "routing"
    EXTRACTION = "extraction"
    GENERATION = "generation"
    CHAT = "chat"
    SUMMARISATION = "summarisation"
    REWRITING = "rewriting"
    OTHER = "other"


def data(
    files: Files,
    *,
    test: Annotated[Path | None, typer.Option(help="The held-out rows, or a sample of production.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="The kind of task, as in a scenario.")] = None,
    answers: Annotated[str, typer.Option(metavar="text|json", help="json: every answer must be JSON.")] = "text",
    licence: Annotated[str | None, typer.Option(help="The terms that the data is under (data.licence).")] = None,
    consent: Annotated[str | None, typer.Option(help="On what ground it may be used (data.consent).")] = None,
    base_model: Annotated[str | None, typer.Option(help="Count tokens for this model, or this folder's.")] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="With --base-model: the longest row, in tokens.")
    ] = None,
    split: Annotated[Path | None, typer.Option(help="Write usable rows here as train, valid and test files.")] = None,
    form: Annotated[Format, typer.Option("--format", help="table or json.")] = Format.TABLE,
) -> None:
    """Judge training data. Example: advise data train.jsonl --test test.jsonl --kind classification"""
    if answers not in ("text", "json"):
        raise typer.BadParameter(f"--answers is {answers!r}; wanted text or json")
    if max_length is not None and base_model is None:
        raise typer.BadParameter("--max-length counts tokens: name the model with --base-model")
    from advisor.data_check import Asked
    from advisor.scenario import Data

    asked = Asked(Data(licence=licence, consent=consent), kind and kind.value, answers == "json", (), max_length)
    try:
        found = checked(files, test, asked, base_model)
    except OSError as fault:
        raise fail(f"{fault.filename}: {fault.strerror}; wanted a file that can be read") from None
    if form is Format.JSON:
        typer.echo(json.dumps(found.report, indent=2, ensure_ascii=False))
    else:
        from advisor.report.data import page

        typer.echo(page(found.report))
    tell_faults(found.report["files"])
    if split is not None:
        write_split(found, split, test is not None)


def checked(files: list[Path], test: Path | None, asked: "Asked", base_model: str | None) -> "Checked":
    """Read the files and judge them; raises OSError, and exits with 1 where the model's tokens cannot be counted."""
    from advisor.data_check import check

    records, pairs = read_files(files)
    return check(records, asked, None if test is None else read_test(test), pairs, counter_of(base_model))


def read_files(files: list[Path]) -> "tuple[list[RecordFile], list[PairFile]]":
    """Return the files of records and the files of preference pairs; raises OSError."""
    from advisor.checks.preferences import holds_pairs, read_pairs
    from advisor.checks.records import read_records
    from advisor.data_check import PairFile, RecordFile

    records: list[RecordFile] = []
    pairs: list[PairFile] = []
    for path in files:
        if holds_pairs(path):
            pairs.append(PairFile(str(path), *read_pairs(path)))
        else:
            records.append(RecordFile(str(path), *read_records(path)))
    return records, pairs


def read_test(path: Path) -> "Records":
    """Return the held-out rows; raises OSError."""
    from advisor.checks.records import read_records
    from advisor.row_findings import Records

    return Records(*read_records(path))


def counter_of(base_model: str | None) -> "Callable[[str], Count] | None":
    """Return what counts a text's tokens for a model, or None where none is named."""
    if base_model is None:
        return None
    from advisor.token_count_files import Counter
    from advisor.tokens import UnknownTokenizerError

    try:
        return Counter(base_model).count
    except (UnknownTokenizerError, ValueError) as fault:
        raise fail(f"--base-model: {fault}") from None


def tell_faults(files: "Iterable[dict[str, Any]]") -> None:
    """Name on stderr the rows that cannot be read, as many as the report has."""
    for one in files:
        for fault in one["first_faults"]:
            typer.echo(f"{one['file']}:{fault['line'] - one['lines_after']}  {fault['reason']}", err=True)
        more = one["faults"] - len(one["first_faults"])
        if more:
            typer.echo(f"{one['file']}: {more:,} more faults", err=True)


def write_split(found: "Checked", folder: Path, test_given: bool) -> None:
    """Write the usable rows by side and what was left out, into a folder that has none of these files yet."""
    from advisor.data_check import as_document, sides

    parts = {name: [as_document(row) for row in rows] for name, rows in sides(found.kept, test_given).items()}
    parts["dropped"] = found.report["dropped"]
    there = [name for name in parts if (folder / f"{name}.jsonl").exists()]
    if there:
        raise fail(f"{folder} holds {', '.join(there)} already; name another folder: a split is not made twice")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, documents in parts.items():
            text = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
            (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    except OSError as fault:
        raise fail(f"{folder}: {fault.strerror}; name a folder that can be written") from None
    counts = ", ".join(f"{len(documents):,} {name}" for name, documents in parts.items())
    typer.echo(f"written to {folder}: {counts}", err=True)


def add_data(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("data")(data)
