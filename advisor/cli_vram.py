"""The command `advise vram`: memory of training or inference, what fits a card, the cheapest that holds it. Edge file.

`add_vram(app)` mounts it on the advisor's typer application. Results go to stdout, everything else to stderr.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

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
    from advisor.memory_fit import Rent, Room
    from advisor.memory_intervals import MemoryEstimate
    from advisor.shape import ModelShape


class MethodName(StrEnum):
    """What is done with the model."""

    FULL = "full"
    LORA = "lora"
    LORA8 = "lora8"
    QLORA = "qlora"
    DORA = "dora"
    QDORA = "qdora"
    INFERENCE = "inference"


AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the prices; today if left out.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another column, NAME=VALUE: lora_r, lora_targets, optimizer, precision, loss_impl, attn_impl, grad_ckpt, "
        "grad_accum, parallelism, offload, objective, packing, max_tokens, kv_quant, new_tokens ...",
    ),
]


def add_vram(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("vram")(vram)


def vram(  # noqa: PLR0917  one option each
    model: Annotated[str | None, typer.Argument(help="A catalogue name, a directory, or a config.json.")] = None,
    table: Annotated[Path | None, typer.Option("--table", help="A CSV of questions, answered row by row.")] = None,
    method: Annotated[MethodName, typer.Option(help="Training method, or inference.")] = MethodName.QLORA,
    gpu: Annotated[str, typer.Option("--gpu", "--fit-card", help="A card: say what fits it, and its speed.")] = "",
    cards: Annotated[int, typer.Option("--cards", "--gpus", help="Cards, sharded (FSDP) or parallel.", min=1)] = 1,
    seq_len: Annotated[int, typer.Option(help="Tokens of the longest sequence in a batch.", min=1)] = 2048,
    micro_batch: Annotated[int, typer.Option(help="Sequences at a time on one card.", min=1)] = 1,
    quant: Annotated[str, typer.Option(help="Weight format: bf16, nf4, int8, awq, fp8, q4_k_m ...")] = "",
    exact: Annotated[
        bool, typer.Option("--exact", help="Also run the step on tensors without numbers: slower, wants [run].")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Training rows (.jsonl): their longest, not the cap, sets the peak.")
    ] = None,
    as_of: AsOf = None,
    set_: Set = None,
    format_: FormatOption = None,
) -> None:
    """Memory that training or inference needs, by component, and the cards that hold it."""
    if (model is None) == (table is None):
        _stop(f"wanted a MODEL or --table FILE, found {'both' if model else 'neither'}", WRONG_USAGE)
    if table is not None and exact:
        _stop("--exact answers one MODEL at a time, found --table", WRONG_USAGE)
    if table is not None:
        _answer_table(table, format_ or Format.CSV)
        return
    named = {"model": model or "", "method": method.value, "gpu": gpu, "quant": quant}
    sizes = {"n_gpus": cards, "seq_len": seq_len, "micro_batch": micro_batch}
    row = {name: str(value) for name, value in {**named, **sizes}.items() if value != ""}
    row |= (_lengths_of(data, model or "") if data else {}) | extra(set_, "lora_r=32", _stop)
    _answer_one(row, (as_of or datetime.now(tz=UTC)).date(), format_ or Format.TABLE, exact=exact)


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(f"advise vram: {message}", err=True)
    raise typer.Exit(code)


def _lengths_of(path: Path, model: str) -> dict[str, str]:
    """Return columns of the longest and the mean row of a file, prompt and answer together, counted offline."""
    from advisor.token_count_files import Counter, count_file
    from advisor.tokens import UnknownTokenizerError

    try:
        found = count_file(path, Counter(model))
    except (UnknownTokenizerError, ValueError, OSError) as fault:
        _stop(f"{path}: {fault}", INPUT_AT_FAULT)
    halves = [half for half in (found.inputs, found.outputs) if half is not None]
    if not halves:
        _stop(f"{path}: found no records, wanted training rows, one JSON object a line", INPUT_AT_FAULT)
    longest, mean = sum(half.longest for half in halves), sum(half.mean for half in halves)
    kind = f"{found.whole.label} count, longest prompt and longest answer together"
    typer.echo(f"{path}: {found.records:,} rows, longest {longest:,} tokens ({kind}), mean {mean:,.0f}", err=True)
    return {"packing": "False", "max_tokens": str(longest), "mean_tokens": f"{mean:.1f}"}


def _answer_table(path: Path, format_: Format) -> None:
    from advisor.sizing import answer_row

    print_answers([answer_row("vram", asked) for asked in questions_of(path, _stop)], format_)


def rents_on(day: date, cards: int) -> "list[Rent]":
    """Return what `cards` of every kind cost an hour at every firm offer: whole instances are billed."""
    from advisor.catalog import cards as known_cards
    from advisor.cli_train import offers_on
    from advisor.memory_fit import Rent
    from advisor.training_run import billed_cards

    known, found = known_cards(), list["Rent"]()
    for name, offers in offers_on(day).items():
        for offer in offers if name in known else ():
            usd = float(offer.usd_per_gpu_hour.value) * billed_cards(cards, offer.cards)
            seen = offer.usd_per_gpu_hour.origin.on
            found.append(Rent(known[name], usd, f"{offer.provider} {offer.instance}{f', seen {seen}' if seen else ''}"))
    return found


def _answer_one(row: dict[str, str], day: date, format_: Format, *, exact: bool) -> None:
    from advisor.memory_fit import cheapest_rents
    from advisor.sizing import answer_row, memory_of, model_of

    answer = answer_row("vram", row)
    if answer["error"]:
        _stop(str(answer["error"]), INPUT_AT_FAULT)
    if format_ is Format.CSV:
        print_answers([answer], format_)
        return
    shape = model_of(row["model"])
    estimate = memory_of(shape, row)
    found = _exact(row, shape) if exact else None
    rents = cheapest_rents(estimate, rents_on(day, int(row["n_gpus"])))
    room = _room(shape, row)
    if format_ is Format.JSON:
        print_answers([answer | _more(estimate, rents, room, day) | _exact_columns(found)], format_)
        return
    typer.echo(_page(shape, row, estimate, rents, room, day))
    if found is not None:
        from advisor.exact import exact_text

        same = memory_of(shape, {"loss_impl": "engine", **row})
        typer.echo("\n" + exact_text(found, same.allocated.value))


def _exact(row: dict[str, str], shape: "ModelShape") -> dict[str, Any]:
    """Return the dry run's answer; the input is at fault where it has none."""
    from advisor.columns import RowFault
    from advisor.exact import ExactFault, ask, question

    try:
        return ask(question(row, shape))
    except (ExactFault, RowFault) as fault:
        _stop(f"--exact: {fault}", INPUT_AT_FAULT)


def _exact_columns(found: dict[str, Any] | None) -> dict[str, object]:
    from advisor.exact import exact_columns

    return {} if found is None else exact_columns(found)


def _room(shape: "ModelShape", row: Mapping[str, str]) -> "Room | None":
    """Return what fits the card asked about; None where no card is named, or nothing is trained."""
    from advisor.columns import training_setup
    from advisor.memory_fit import room_on
    from advisor.sizing import card_of

    if not row.get("gpu") or row["method"] == MethodName.INFERENCE:
        return None
    return room_on(shape, training_setup(row, shape.family), card_of(row["gpu"]).usable_bytes)


def _more(estimate: "MemoryEstimate", rents: "list[Rent]", room: "Room | None", day: date) -> dict[str, object]:
    """Return what one question's JSON holds beyond the columns of a table."""
    from advisor.sizing import gib

    sizes = {"allocated": estimate.allocated, "reserved": estimate.reserved, "recommended": estimate.recommended}
    return {
        **{f"{name}_{end}_gib": gib(getattr(size, end)) for name, size in sizes.items() for end in ("low", "high")},
        "components_gib": {part.value: gib(size) for part, size in estimate.components.items()},
        "phases_gib": {phase.value: gib(size) for phase, size in estimate.phases.items()},
        "peak_phase": estimate.peak_phase.value if estimate.peak_phase else None,
        "on_card": room._asdict() if room else None,
        "cheapest_cards": [
            {"card": rent.card.name, "usd_per_hour": round(rent.usd_per_hour, 4), "offer": rent.offer} for rent in rents
        ],
        "prices_as_of": day.isoformat(),
    }


def _page(
    shape: "ModelShape",
    row: Mapping[str, str],
    estimate: "MemoryEstimate",
    rents: "list[Rent]",
    room: "Room | None",
    day: date,
) -> str:
    from advisor.report.memory import Question, memory_page
    from advisor.sizing import card_of

    batch = f"{int(row['seq_len']):,} tokens x {row['micro_batch']}"
    card = card_of(row["gpu"]) if row.get("gpu") else None
    asked = Question(shape.name, row["method"], batch, int(row["n_gpus"]), card, room)
    return memory_page(asked, estimate, rents, day.isoformat())
