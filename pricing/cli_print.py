"""How `prices` prints: tables that fit the screen, JSON and CSV and nothing else. Loaded by commands only."""

import csv
import io
import json
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import typer

from pricing.diff import Difference
from pricing.entries import ApiEntry, Entry, GpuEntry
from pricing.view import age_days, differs, label, record, remarks, summary

PIPED_WIDTH: Final = 200
"""Columns where stdout is no screen and COLUMNS says nothing: a file or a pager may be wide."""
WIDE: Final = 100
"""Columns from which a list of models shows batch prices too."""
GAP: Final = "  "
INDENT: Final = "      "
SHORTEST: Final = 16
"""Characters to which a column of words is folded at most: a card's name."""
FLOWING: Final = ("remarks", "source")
"""Columns of free words, which stand last."""
RIGHT: Final = frozenset(
    {"input", "cached", "output", "batch in", "batch out", "USD/h", "spot", "age", "old", "new", "change"}
    | {"training", "hosting/h", "idle s", "USD", "watts"}
)
"""Headings of numbers: set to the right, never broken."""
TITLES: Final = {
    "api": "Hosted models, USD per 1M tokens",
    "gpu": "Rented cards, USD per card and hour",
    "tuning": "Hosted fine-tuning, USD per 1M tokens trained, read and written",
    "serverless": "Cards by the second or minute, USD per hour",
    "purchase": "Cards to buy, USD",
}
FIELDS: Final = {
    "tuning": {"training": "training_usd_per_million_tokens", "input": "inference_input_usd_per_million_tokens",
               "output": "inference_output_usd_per_million_tokens", "hosting/h": "hosting_usd_per_hour"},
    "serverless": {"USD/h": "usd_per_hour", "by the": "billed_per", "cold start": "cold_start",
                   "idle s": "idle_timeout_seconds"},
    "purchase": {"USD": "capex_usd", "watts": "power_watts"},
}  # fmt: skip
"""Heading to the column of the data files, for the kinds whose lines show one number a column."""
Row = Mapping[str, str]


def print_json(value: Any) -> None:
    """Print JSON; what it does not know (a day, a decimal) as text."""
    typer.echo(json.dumps(value, indent=1, default=str))


def print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print CSV with every column that any row has, in the order they come."""
    columns = dict.fromkeys(column for row in rows for column in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    typer.echo(text.getvalue(), nl=False)


def screen_width() -> int:
    """Return the columns to fill: as COLUMNS or the terminal says; a file or a pager may be wide."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


def print_table(rows: Sequence[Row], title: str) -> None:
    """Print a table; empty columns are left out, numbers never break, free words go below where they do not fit."""
    for line in laid(rows, title, screen_width()):
        typer.echo(line.rstrip())


def laid(rows: Sequence[Row], title: str, width: int) -> list[str]:
    """Return a table's lines; the widest column of words is folded where the columns do not fit the width."""
    flow = next((column for column in FLOWING if any(row.get(column) for row in rows)), "")
    heads = [c for c in dict.fromkeys(c for row in rows for c in row) if c != flow and any(r.get(c) for r in rows)]
    widths = {head: max(len(head), *(len(row.get(head, "")) for row in rows)) for head in heads}
    over = sum(widths.values()) + len(GAP) * (len(heads) - 1) - width
    if over > 0:
        widest = max((head for head in heads if head not in RIGHT), key=widths.__getitem__, default=heads[0])
        widths[widest] = max(SHORTEST, widths[widest] - over)
    header = GAP.join(head.rjust(widths[head]) if head in RIGHT else head.ljust(widths[head]) for head in heads)
    lines = [title, header]
    for row in rows:
        lines += laid_row({head: row.get(head, "") for head in heads}, widths, row.get(flow, ""), width)
    return lines


def laid_row(cells: Row, widths: Mapping[str, int], below: str, width: int) -> list[str]:
    """Return one row's lines: long words are folded, what does not fit at the end stands below, indented."""
    folded = {head: textwrap.wrap(text, widths[head]) or [""] for head, text in cells.items()}
    lines: list[str] = []
    for depth in range(max(len(parts) for parts in folded.values())):
        part = {head: parts[depth] if depth < len(parts) else "" for head, parts in folded.items()}
        lines.append(GAP.join(t.rjust(widths[h]) if h in RIGHT else t.ljust(widths[h]) for h, t in part.items()))
    if below and len(lines) == 1 and len(lines[0]) + len(GAP + below) <= width:
        return [f"{lines[0]}{GAP}{below}"]
    return [*lines, *textwrap.wrap(below, width, initial_indent=INDENT, subsequent_indent=INDENT)]


def age(entry: Entry, on: date) -> str:
    """Return a line's age as a reader says it."""
    days = age_days(entry, on)
    return "?" if days is None else f"{days} d"


def row_of(entry: Entry, following: Entry | None, on: date) -> Row:
    """Return a line as the list shows it: the columns of its kind, and what must be known beside the number."""
    said = {"age": age(entry, on), "remarks": "; ".join(remarks(entry, following))}
    if isinstance(entry, ApiEntry):
        names = {"input": "input", "cached": "cached_input", "output": "output", "batch in": "batch_input",
                 "batch out": "batch_output"}  # fmt: skip
        if screen_width() < WIDE:
            names = {head: name for head, name in names.items() if not head.startswith("batch")}
        prices = {head: text_of(getattr(entry, f"{name}_usd_per_million_tokens")) for head, name in names.items()}
        return {"model": entry.name, **prices, **said}
    if isinstance(entry, GpuEntry):
        where = f"@{entry.region}" if entry.region else ""
        machine = f"{entry.count}x {entry.instance}".strip() + where
        spot = "" if entry.spot_usd_per_hour is None else per_card(entry.spot_usd_per_hour / entry.count)
        return {"card": entry.card, "provider": entry.provider, "machine": machine,
                "USD/h": per_card(entry.usd_per_hour / entry.count), "spot": spot, **said}  # fmt: skip
    cells = {head: text_of(getattr(entry, field)) for head, field in FIELDS[entry.kind].items()}
    return {"name": entry.name, **cells, **said}


def text_of(value: Any) -> str:
    """Return a number as its source wrote it, or nothing."""
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def per_card(usd: Any) -> str:
    """Return a card's share of a machine, to a hundredth of a cent."""
    return f"{usd:.4f}".rstrip("0").rstrip(".")


def print_list(found: Sequence[tuple[Entry, Entry | None]], on: date, digest: str) -> None:
    """Print lines by kind, cards the cheapest first, with the step that follows each."""
    for kind, title in TITLES.items():
        here = [(entry, following) for entry, following in found if entry.kind == kind]
        if kind == "gpu":
            here.sort(key=lambda each: rent_order(each[0]))
        if here:
            print_table([row_of(*each, on) for each in here], f"{title} ({len(here)})")
            typer.echo()
    typer.echo(f"{len(found)} prices on {on}, book {digest[:12]}; details of one: prices show NAME")


def rent_order(entry: Entry) -> tuple[str, Any, str]:
    """Return what a list of rents is sorted by: card, price of one card, name."""
    return (entry.card, entry.usd_per_hour / entry.count, entry.name) if isinstance(entry, GpuEntry) else ("", 0, "")


def print_offer(lines: Sequence[tuple[Entry, str]], on: date) -> None:
    """Print one offer: its history with the sources side by side, then what else the line in force says."""
    first = lines[0][0]
    rows: list[Row] = []
    for entry, state in lines:
        dates = {"checked": str(entry.checked or "?"), "age": age(entry, on), "source": entry.source}
        rows.append({"": state, "from": str(entry.starts or "?"), **history_prices(entry), **dates})
        if isinstance(entry, ApiEntry) and entry.second_source:
            second = {"input": text_of(entry.second_input_usd_per_million_tokens),
                      "output": text_of(entry.second_output_usd_per_million_tokens)}  # fmt: skip
            rows.append({"": "differs" if differs(entry) else "agrees", **second, "source": entry.second_source})
    print_table(rows, f"{first.kind}  {first.name}")
    live = [entry for entry, state in lines if state in {"in-force", "ending"}] or [lines[-1][0]]
    for name, value in record(live[0], on).items():
        if name not in SHOWN and not name.startswith("second_"):
            typer.echo(f"    {name:42} {value}")
    typer.echo()


SHOWN: Final = {
    "kind",
    "name",
    "provider",
    "model",
    "from",
    "checked",
    "age_days",
    "source",
    "crosscheck",
    "confidence",
}
"""What stands above the details already, or says nothing new; a source that is not seen is a remark of the list."""


def history_prices(entry: Entry) -> Row:
    """Return the prices that a history shows: input and output of a model, else every price in words."""
    if isinstance(entry, ApiEntry):
        names = {"input": "input", "cached": "cached_input", "output": "output"}
        return {head: text_of(getattr(entry, f"{name}_usd_per_million_tokens")) for head, name in names.items()}
    return {"price": summary(entry)}


def print_differences(found: Sequence[Difference], title: str) -> None:
    """Print what differs: changed prices column by column, what is new or gone an offer a line."""
    rows: list[Row] = []
    whole: dict[tuple[str, str, str], list[str]] = {}
    for each in found:
        if each.percent is None:
            said = f"{label(each.column)} {text_of(each.new if each.old is None else each.old)}"
            whole.setdefault((each.what, each.kind, each.name), []).append(said)
        else:
            rows.append({"what": each.what, "name": each.name, "price": label(each.column), "old": text_of(each.old),
                         "new": text_of(each.new), "change": f"{each.percent:+.1f} %"})  # fmt: skip
    rows += [{"what": what, "name": name, "remarks": ", ".join(said)} for (what, _, name), said in whole.items()]
    offers = len({(each.kind, each.name) for each in found})
    if rows:
        print_table(sorted(rows, key=lambda row: (ORDER.index(row["what"]), row["name"])), title)
    typer.echo(f"{title}: {len(found)} prices of {offers} offers differ" if rows else f"{title}: no price differs")


ORDER: Final = ("dearer", "cheaper", "gone", "new")
"""What a reader of a comparison looks for first."""
