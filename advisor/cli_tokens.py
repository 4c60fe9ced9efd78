"""The command `advise tokens`: how many tokens files are to a model, and what the count is worth. Edge file."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from advisor.cli_faults import fail

if TYPE_CHECKING:
    from advisor.token_count_files import FileCount

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Texts, or records as .jsonl, .json or .csv.")]
Model = Annotated[str, typer.Option(help="A model of the price book or catalogue, or a folder with tokenizer.json.")]


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


def tokens(
    files: Files, model: Model, form: Annotated[Format, typer.Option("--format", help="table or json.")] = Format.TABLE
) -> None:
    """Count tokens offline: exact, by proxy or by estimate. Example: advise tokens train.jsonl --model openai/gpt-5"""
    from advisor.token_count_files import Counter, count_file
    from advisor.tokens import UnknownTokenizerError

    try:
        counter = Counter(model)
        found = [count_file(path, counter) for path in files]
    except (UnknownTokenizerError, ValueError) as fault:
        raise fail(str(fault)) from None
    except OSError as fault:
        raise fail(f"{fault.filename}: {fault.strerror}; wanted a file that can be read") from None
    if form is Format.JSON:
        typer.echo(json.dumps({"model": model, "files": [record(one) for one in found]}, indent=2))
    else:
        typer.echo("\n".join(line for one in found for line in lines(one)))
    for one in found:
        for fault in one.faults:
            typer.echo(f"{one.path}:{fault.line}  {fault.reason}; the row is not counted", err=True)
        if one.replaced:
            typer.echo(f"{one.path}: {one.replaced} bytes are no UTF-8; counted as replacement marks", err=True)


def record(one: "FileCount") -> dict[str, Any]:
    """Return one file's counts as JSON names them."""
    whole = one.whole
    return {
        "file": str(one.path), "tokens": whole.tokens, "low": whole.low, "high": whole.high, "label": whole.label,
        "tokenizer": whole.tokenizer, "why": whole.why, "records": one.records, "not_counted": len(one.faults),
        "replaced": one.replaced, "input": one.inputs._asdict() if one.inputs else None,
        "output": one.outputs._asdict() if one.outputs else None,
    }  # fmt: skip


def lines(one: "FileCount") -> list[str]:
    """Return one file's counts as a reader wants them."""
    whole = one.whole
    told = [f"{one.path}: {whole.tokens:,} tokens, {whole.label}"]
    if whole.low != whole.high:
        told[0] += f" ({whole.low:,}..{whole.high:,}, 90 %; {whole.error:.0%} either way)"
    told.append(f"  tokenizer {whole.tokenizer}: {whole.why}")
    for name, half in (("input", one.inputs), ("output", one.outputs)):
        if half is not None:
            told.append(
                f"  {name} a record: mean {half.mean:,.1f}, median {half.p50:,}, 95 % {half.p95:,}, "
                f"longest {half.longest:,}"
            )
    if one.records:
        told.append(f"  {one.records:,} records; a chat template adds a few tokens a message, which are not in here")
    return told


def add_tokens(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("tokens")(tokens)
