"""The command `advise serve`: what one replica of a model serves, by options, or a CSV of questions. Edge file.

`add_serve(app)` mounts it on the advisor's typer application. Results go to stdout, everything else to stderr.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from advisor.cli_faults import INPUT_AT_FAULT, WRONG_USAGE
from advisor.cli_table import (
    Format,
    FormatOption,
    extra,
    print_answers,
    questions_of,
)

Row = dict[str, str]


def add_serve(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("serve")(serve)


def serve(  # noqa: PLR0917  one option each
    model: Annotated[str | None, typer.Argument(help="A name from the catalogue, a directory, or config.json.")] = None,
    table: Annotated[Path | None, typer.Option("--table", help="A CSV of questions; answered row by row.")] = None,
    gpu: Annotated[str, typer.Option(help="A card, for example H100-SXM, L4 or 4090.")] = "H100-SXM",
    gpus: Annotated[int, typer.Option("--gpus", "--cards", help="Cards of one replica, tensor parallel.", min=1)] = 1,
    engine: Annotated[str, typer.Option(help="vllm, sglang, tensorrt-llm, tgi, llama.cpp, lmdeploy ...")] = "vllm",
    quant: Annotated[str, typer.Option(help="bf16, fp8, awq, int4, fp4, q4_k_m ...; empty: as published.")] = "",
    input_tokens: Annotated[float, typer.Option(help="Tokens read for each request.", min=0)] = 1024,
    output_tokens: Annotated[float, typer.Option(help="Tokens written for each request.", min=1)] = 256,
    concurrency: Annotated[int, typer.Option(help="Requests at a time; 0: the most that fits.", min=0)] = 0,
    tpot_ms: Annotated[
        float, typer.Option("--tpot-ms", "--tpot-limit-ms", help="Longest mean time between tokens; 0: none.", min=0)
    ] = 0,
    measured: Annotated[
        Path | None, typer.Option(help="Your own run: JSON of vLLM bench serve, GuideLLM or AIPerf, same replica.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Another column, NAME=VALUE: pp, engine_version, n_requests ...")
    ] = None,
    format_: FormatOption = None,
) -> None:
    """Throughput of one replica with its 80 % interval, time between tokens, memory, unloaded time to first token.

    Example: advise serve llama-3-8b --gpu L4 --quant fp8 --input-tokens 1000 --output-tokens 200 --tpot-ms 80
    """
    if (model is None) == (table is None):
        found = "both" if model else "neither"
        _fail(f"advise serve: wanted a MODEL or --table FILE, found {found}", WRONG_USAGE)
    row: Row = {
        "gpu": gpu, "n_gpu": str(gpus), "tp": str(gpus), "engine": engine, "quant": quant, "isl": str(input_tokens),
        "osl": str(output_tokens), "concurrency": str(concurrency), "tpot_limit_ms": str(tpot_ms),
        **extra(set_, "pp=2", _fail),
    }  # fmt: skip
    if table is not None:
        _answer_table(table, format_ or Format.CSV)
    else:
        _answer_one({"model": model or "", **row}, measured, format_ or Format.TABLE)


def _fail(message: str, code: int = INPUT_AT_FAULT) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _answer_table(path: Path, format_: Format) -> None:
    """Answer a CSV row by row; the input is at fault where it cannot be read."""
    from advisor.sizing import answer_row  # a command body loads what it needs

    print_answers([answer_row("serve", row) for row in questions_of(path, _fail)], format_)


def _answer_one(row: Row, measured: Path | None, format_: Format) -> None:
    """Answer one question, with the measured rows nearest to it beside the estimate."""
    from advisor.report.serving import serving_page
    from advisor.serving_measured import MeasuredFault
    from advisor.serving_measured_file import read_runs
    from advisor.sizing import FAULTS
    from advisor.sizing_serve import answer_question

    try:
        answer = answer_question(row, read_runs(measured) if measured else ())
    except (*FAULTS, MeasuredFault) as fault:
        _fail(f"advise serve: {fault}")
    if format_ is Format.JSON:
        typer.echo(json.dumps([answer.document(row)], indent=1))
    elif format_ is Format.CSV:
        flat: Mapping[str, str | float] = {**row, **answer.columns, "error": ""}
        print_answers([flat], format_)
    else:
        typer.echo(serving_page(answer))
