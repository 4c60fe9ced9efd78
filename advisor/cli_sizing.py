"""The commands `advise vram`, `advise train` and `advise serve`: one question by options, or a CSV of them. Edge file.

`add_sizing(app)` mounts them on the advisor's typer application. Results go to stdout, everything else to stderr.
"""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from advisor import sizing
from advisor.memory import MemoryEstimate
from pricing.units import GIB

INPUT_AT_FAULT: Final = 1
WRONG_USAGE: Final = 2


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class MethodName(StrEnum):
    """What is done with the model."""

    FULL = "full"
    LORA = "lora"
    LORA8 = "lora8"
    QLORA = "qlora"
    INFERENCE = "inference"


Model = Annotated[str | None, typer.Argument(help="A name from the catalogue, a directory, or a config.json.")]
Table = Annotated[Path | None, typer.Option("--table", help="A CSV of questions; answered row by row.")]
Out = Annotated[Format, typer.Option("--format", help="How to print the answer.")]
Method = Annotated[MethodName, typer.Option(help="Training method, or inference.")]
Gpu = Annotated[str, typer.Option(help="A card, for example A100-SXM-80 or 4090; empty: memory only.")]
Cards = Annotated[int, typer.Option(help="Number of cards, sharded (FSDP).", min=1)]
SeqLen = Annotated[int, typer.Option(help="Tokens of the longest sequence in a batch.", min=1)]
MicroBatch = Annotated[int, typer.Option(help="Sequences at a time on one card.", min=1)]
Quant = Annotated[str, typer.Option(help="Weight format: bf16, nf4, int8, awq, fp8 ...; empty: what the method uses.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Another column, NAME=VALUE: lora_r, lora_targets, optimizer, loss_impl, grad_ckpt ..."),
]


def add_sizing(app: typer.Typer) -> None:
    """Mount the three commands."""
    app.command("vram")(vram)
    app.command("train")(train)
    app.command("serve")(serve)


def vram(
    model: Model = None,
    table: Table = None,
    method: Method = MethodName.QLORA,
    gpu: Gpu = "",
    cards: Cards = 1,
    seq_len: SeqLen = 2048,
    micro_batch: MicroBatch = 1,
    quant: Quant = "",
    set_: Set = None,
    format_: Out = Format.TABLE,
) -> None:
    """Memory that training or inference needs, by component, with its 90 % interval."""
    row = _row(method=method, gpu=gpu, n_gpus=cards, seq_len=seq_len, micro_batch=micro_batch, quant=quant)
    _answer("vram", model, table, row | _extra(set_), format_)


def train(
    model: Model = None,
    table: Table = None,
    method: Method = MethodName.QLORA,
    gpu: Gpu = "A100-SXM-80",
    cards: Cards = 1,
    seq_len: SeqLen = 2048,
    micro_batch: MicroBatch = 4,
    quant: Quant = "",
    set_: Set = None,
    format_: Out = Format.TABLE,
) -> None:
    """Speed of training on a card, real tokens a second and card, with its 90 % interval; and its memory."""
    row = _row(method=method, gpu=gpu, n_gpus=cards, seq_len=seq_len, micro_batch=micro_batch, quant=quant)
    _answer("train", model, table, row | _extra(set_), format_)


def serve(  # noqa: PLR0917  one option each
    model: Model = None,
    table: Table = None,
    gpu: Gpu = "H100-SXM",
    cards: Annotated[int, typer.Option(help="Cards of one replica (tensor parallel).", min=1)] = 1,
    quant: Annotated[str, typer.Option(help="Weight format: bf16, fp8, awq, int4, q4_k_m ...")] = "bf16",
    input_tokens: Annotated[float, typer.Option(help="Tokens read for each request.", min=0)] = 1024,
    output_tokens: Annotated[float, typer.Option(help="Tokens written for each request.", min=1)] = 256,
    concurrency: Annotated[int, typer.Option(help="Requests at a time; 0: the most that fits.", min=0)] = 0,
    tpot_limit_ms: Annotated[float, typer.Option(help="Longest mean time between tokens; 0: no limit.", min=0)] = 0,
    set_: Set = None,
    format_: Out = Format.TABLE,
) -> None:
    """Throughput of one replica, its concurrency and unloaded latency, with the 90 % interval of throughput."""
    row = _row(
        gpu=gpu, n_gpu=cards, tp=cards, quant=quant, isl=input_tokens, osl=output_tokens, concurrency=concurrency,
        tpot_limit_ms=tpot_limit_ms,
    )  # fmt: skip
    _answer("serve", model, table, row | _extra(set_), format_)


def _row(**columns: object) -> dict[str, str]:
    return {name: str(value) for name, value in columns.items() if value != ""}


def _extra(pairs: Sequence[str] | None) -> dict[str, str]:
    """Return NAME=VALUE options as columns; wrong usage where one has no `=`."""
    odd = [pair for pair in pairs or () if "=" not in pair]
    if odd:
        typer.echo(f"--set {odd[0]!r}: wanted NAME=VALUE, for example --set lora_r=32", err=True)
        raise typer.Exit(WRONG_USAGE)
    return dict(pair.split("=", 1) for pair in pairs or ())


def _answer(door: str, model: str | None, table: Path | None, row: Mapping[str, str], format_: Format) -> None:
    if (model is None) == (table is None):
        typer.echo(f"advise {door}: wanted a MODEL or --table FILE, found {'both' if model else 'neither'}", err=True)
        raise typer.Exit(WRONG_USAGE)
    if table is not None:
        _print([sizing.answer_row(door, asked) for asked in _read(table)], format_)
        return
    asked = {"model": model or "", **row}
    found = sizing.answer_row(door, asked)
    if found["error"]:
        typer.echo(f"advise {door}: {found['error']}", err=True)
        raise typer.Exit(INPUT_AT_FAULT)
    _print([found], format_)
    if format_ is Format.TABLE and door != "serve":
        typer.echo(components_text(sizing.memory_of(sizing.model_of(asked["model"]), asked)))


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV; the input is at fault where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        typer.echo(f"{path}: {fault}; wanted a CSV with a header", err=True)
        raise typer.Exit(INPUT_AT_FAULT) from fault
    for row in rows:
        row.pop(None, None)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    return rows


def _print(rows: Sequence[Mapping[str, str | float]], format_: Format) -> None:
    if format_ is Format.JSON:
        typer.echo(json.dumps([dict(row) for row in rows], indent=1))
    elif format_ is Format.CSV:
        sys.stdout.write(csv_text(rows))
    else:
        typer.echo(table_text(rows))


def csv_text(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["error"], lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def table_text(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return one row as lines of name and value, several as aligned columns."""
    if len(rows) == 1:
        width = max(map(len, rows[0]))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows[0].items() if value not in {"", "0"})
    names = list(rows[0]) if rows else ["error"]
    widths = [max(len(name), *(len(str(row[name])) for row in rows)) if rows else len(name) for name in names]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True))]
    lines += ["  ".join(str(row[n]).ljust(w) for n, w in zip(names, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def components_text(estimate: MemoryEstimate) -> str:
    """Return where the recommended memory goes, largest first, and the moment of the peak."""
    parts = sorted(estimate.components.items(), key=lambda item: -item[1])
    lines = [f"  {name.value:<12}{size / GIB:>9.3f} GiB" for name, size in parts if size]
    peak = f"; the peak is at the {estimate.peak_phase.value}" if estimate.peak_phase else ""
    return f"\nWhere it goes (sum {estimate.recommended.value / GIB:.3f} GiB = recommended{peak}):\n" + "\n".join(lines)
