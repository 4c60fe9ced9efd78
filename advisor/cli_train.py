"""The command `advise train`: how fast, how long and how dear a training run is on a card; or a CSV of them. Edge file.

`add_train(app)` mounts it on the advisor's typer application. Results go to stdout, everything else to stderr.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from advisor.cli_faults import INPUT_AT_FAULT, WRONG_USAGE
from advisor.cli_table import (
    Format,
    FormatOption,
    extra,
    print_answers,
    questions_of,
)

if TYPE_CHECKING:
    from advisor.sizing_train import Offer


class TrainMethod(StrEnum):
    """How a model is trained."""

    FULL = "full"
    LORA = "lora"
    LORA8 = "lora8"
    QLORA = "qlora"
    DORA = "dora"


Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Another column, NAME=VALUE: lora_r, lora_targets, grad_accum, grad_ckpt, kernels ..."),
]
Tokens = Annotated[
    float, typer.Option(help="Tokens to train on, all epochs; hours and USD need this or --rows.", min=0)
]
Rows = Annotated[float, typer.Option(help="Rows of training data.", min=0)]
MeanTokens = Annotated[float, typer.Option(help="Mean tokens of a row; with --rows.", min=0)]
Measured = Annotated[float, typer.Option(help="A measured speed of all cards together; replaces the forecast.", min=0)]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")]


def add_train(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("train")(train)


def train(  # noqa: PLR0917  one option each
    model: Annotated[str | None, typer.Argument(help="A catalogue name, a directory, or a config.json.")] = None,
    table: Annotated[Path | None, typer.Option("--table", help="A CSV of questions, answered row by row.")] = None,
    method: Annotated[TrainMethod, typer.Option(help="Training method.")] = TrainMethod.QLORA,
    gpu: Annotated[str, typer.Option(help="A card, for example A100-SXM-80 or 4090.")] = "A100-SXM-80",
    gpus: Annotated[int, typer.Option("--gpus", "--cards", help="Cards, sharded (FSDP).", min=1)] = 1,
    seq_len: Annotated[int, typer.Option(help="Longest sequence, in tokens.", min=1)] = 2048,
    micro_batch: Annotated[int, typer.Option(help="Sequences at a time on one card.", min=1)] = 4,
    packing: Annotated[bool, typer.Option(help="Rows packed to full sequences, or padded in batches.")] = True,
    quant: Annotated[str, typer.Option(help="Format of frozen weights; empty: what the method uses.")] = "",
    tokens: Tokens = 0,
    rows: Rows = 0,
    epochs: Annotated[float, typer.Option(help="Times the rows are gone through.", min=0)] = 1,
    mean_tokens: MeanTokens = 0,
    eval_tokens: Annotated[float, typer.Option(help="Held-out tokens evaluated in all.", min=0)] = 0,
    checkpoints: Annotated[int, typer.Option(help="Checkpoints written.", min=0)] = 1,
    measured_tokens_per_s: Measured = 0,
    as_of: AsOf = None,
    set_: Set = None,
    format_: FormatOption = None,
) -> None:
    """Speed of training on a card, its hours and USD for so many tokens, and its memory, each with its interval."""
    if (model is None) == (table is None):
        _stop(f"wanted a MODEL or --table FILE, found {'both' if model else 'neither'}", WRONG_USAGE)
    day = (as_of or datetime.now(tz=UTC)).date()
    if table is not None:
        _answer_table(table, day, format_ or Format.CSV)
        return
    row = _row(
        model=model, method=method, gpu=gpu, n_gpus=gpus, seq_len=seq_len, micro_batch=micro_batch,
        packing=str(packing), quant=quant, tokens=tokens, rows=rows, epochs=epochs, mean_tokens=mean_tokens,
        eval_tokens=eval_tokens, checkpoints=checkpoints, measured_tokens_per_s=measured_tokens_per_s,
    )  # fmt: skip
    _answer_one(row | extra(set_, "lora_r=32", _stop), day, format_ or Format.TABLE)


def _row(**columns: object) -> dict[str, str]:
    """Return options as columns; one left at nothing is left out."""
    return {name: str(value) for name, value in columns.items() if value}


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(f"advise train: {message}", err=True)
    raise typer.Exit(code)


def offers_on(day: date) -> "dict[str, list[Offer]]":
    """Return the firm offers of every card in the price book, cheapest first."""
    from advisor.sizing_train import Offer
    from pricing.book import load_book
    from pricing.entries import GpuEntry
    from pricing.lookup import is_firm
    from pricing.names import PriceError

    book = load_book()
    found: dict[str, list[Offer]] = {}
    for card in sorted({line.card for line in book.of(GpuEntry)}):
        try:
            offers = [offer for offer in book.gpu_offers(card, day) if is_firm(offer)]
        except PriceError:
            continue
        found[card] = [Offer(o.provider, o.instance, o.count, o.usd_per_gpu_hour) for o in offers]
    return found


def _answer_table(path: Path, day: date, format_: Format) -> None:
    from advisor.sizing_train import answer_row

    rows, offers = questions_of(path, _stop), offers_on(day)
    print_answers([answer_row(asked, lambda card: offers.get(card, [])) for asked in rows], format_)


def _answer_one(row: Mapping[str, str], day: date, format_: Format) -> None:
    from advisor.report.training import training_page
    from advisor.sizing_train import answer_row, offers_for, training_of

    offers = offers_on(day)
    answer = answer_row(row, lambda card: offers.get(card, []))
    if answer["error"]:
        _stop(str(answer["error"]), INPUT_AT_FAULT)
    if format_ is not Format.TABLE:
        print_answers([answer], format_)
        return
    found = training_of(row)
    typer.echo(training_page(found, offers_for(row, found.card, lambda card: offers.get(card, []))))
