"""A run report (plain JSON) as text: Markdown, or tables for a terminal. Only here are numbers rounded."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pricing.units import GIB

Report = dict[str, Any]
TERMINAL_COLUMNS = 80  # what a report must fit where nobody says how wide the screen is

SHORT_SECONDS = 10  # below it a tenth of a second is too coarse to compare
TINY_USD = Decimal("0.0001")  # below it, digits after the point read better than an exponent


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, sentences, and a table (no columns: none). The last column takes the room that is left."""

    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def usd(amount: str | float | Decimal | None) -> str:
    """Return money for a reader: cents from a dollar up, else three significant digits."""
    if amount is None:
        return "not known"
    value = Decimal(str(amount))
    if abs(value) >= 1 or value == 0:
        return f"{value:,.2f}"
    return f"{value:.3g}" if abs(value) >= TINY_USD else f"{value:.9f}".rstrip("0")


def signed(amount: str) -> str:
    """Return a difference in money with its sign."""
    return ("+" if Decimal(amount) > 0 else "") + usd(amount)


def quantity(value: float | None, unit: str) -> str:
    """Return an amount in `unit` (a pricing.units id or its label) for a reader."""
    if value is None:
        return "-"
    if unit == "bytes":
        return f"{value / GIB:.2f} GiB"
    if unit in ("usd", "USD"):
        return f"{usd(value)} USD"
    if unit in ("seconds", "s"):
        return f"{value:,.1f} s" if value >= SHORT_SECONDS else f"{value:.3g} s"
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Return a share for a reader."""
    return f"{100 * share:.1f} %"


def interval(found: dict[str, float]) -> str:
    """Return a share with its 95 % interval."""
    return f"{percent(found['value'])} ({percent(found['low'])} to {percent(found['high'])})"


def points(found: dict[str, float]) -> str:
    """Return a difference of shares with its interval."""
    return f"{100 * found['value']:+.1f} points ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def banner(report: Report) -> Section:
    """Return the verdict, an override if there was one, the state, and whether it ships."""
    verdict = report["verdict"]
    sentences = [f"Verdict: {verdict['title']} ({verdict['road']}): {verdict['reason']}"]
    if verdict["override_reason"]:
        sentences.append(f"OVERRIDE: run against the verdict, because: {verdict['override_reason']}")
    sentences += [
        f"LIMIT RAISED in attempt {one['attempt']}: {one['limit']} from {one['planned']} to {one['to']}, "
        f"because: {one['reason']}"
        for one in report["raised_limits"]
    ]
    ships = {True: "SHIPS: every assessed gate passed", False: "DOES NOT SHIP: see the gates"}
    sentences += [f"State: {report['state']}", ships.get(report["ships"], "Not judged yet")]
    return Section(f"Run of {report['scenario']} (plan {report['plan_id'][:12]})", tuple(sentences))


def predicted_section(report: Report) -> Section:
    """Return predicted against actual."""
    rows = tuple(
        (
            line["where"],
            line["name"],
            f"{quantity(line['predicted'], line['unit'])} {line['grade']}",
            f"{quantity(line['low'], line['unit'])} .. {quantity(line['high'], line['unit'])}",
            quantity(line["actual"], line["unit"]) if line["actual"] is not None else line["note"],
            "-" if line["ratio"] is None else f"{line['ratio']:.2f}" + (" !" if line["escalate"] else ""),
        )
        for line in report["comparisons"]
    )
    legend = (
        "Letters: q quoted, m measured, a assumed (the weakest a forecast rests on); actuals are measured. "
        "! = off by over 15 %."
    )
    return Section(
        "Predicted and actual", (legend,), ("where", "what", "predicted", "90 % interval", "actual", "ratio"), rows
    )


def money_section(report: Report) -> Section:
    """Return the money variance by cause, summing to the difference."""
    money = report["money"]
    if money["predicted_usd"] is None:
        return Section("Money", (f"Actual {usd(money['actual_usd'])} USD. {money['note']}",))
    sentences = (
        f"Predicted {usd(money['predicted_usd'])}, actual {usd(money['actual_usd'])}, difference "
        f"{signed(money['difference_usd'])} USD ({money['direction']}); the plan's limit "
        f"{usd(money['limit_usd'])} USD.",
    )
    rows = [
        (line["cause"], line["where"], signed(line["usd"]), line["direction"], line["sentence"])
        for line in money["lines"]
    ]
    rows += [("= " + cause, "", signed(amount), "", "") for cause, amount in money["by_cause"].items()]
    rows.append(("= total", "", signed(money["difference_usd"]), money["direction"], "sums exactly"))
    return Section("Why the money differs", sentences, ("cause", "where", "USD", "direction", "why"), tuple(rows))


def quality_section(report: Report) -> Section:
    """Return base, tuned and merged with intervals, and the gates."""
    quality = report["quality"]
    if quality is None or "scores" not in quality:
        return Section("Quality", ("Not evaluated yet." if quality is None else quality["why"],))
    paired = quality["paired"]
    p_value = "" if paired["p_value"] is None else f", exact McNemar p = {paired['p_value']:.2g}"
    sentences = [
        f"{quality['metric']} on {quality['rows']} locked test rows, 95 % intervals.",
        f"Tuned minus base: {points(paired['difference'])}{p_value}; right by tuned only {paired['only_second']}, "
        f"by base only {paired['only_first']}.",
    ]
    words = {True: "passed", False: "FAILED", None: "not assessed"}
    rows = [(name, interval(found), "") for name, found in quality["scores"].items()]
    rows += [(f"gate: {check['name']}", words[check["passed"]], check["why"]) for check in quality["checks"]]
    return Section("Base, tuned, merged", tuple(sentences), ("model or gate", "result", "why"), tuple(rows))


def spent_section(report: Report) -> Section:
    """Return totals and the cost of each attempt."""
    total = report["totals"]
    attempts = "1 attempt" if total["attempts"] == 1 else f"{total['attempts']} attempts"
    sentences = (
        f"{usd(total['usd'])} USD for {total['seconds']:,.1f} s in {attempts}: "
        f"{total['redone_seconds']:,.1f} s redone, {total['restart_seconds']:,.1f} s restarting, "
        f"{total['idle_seconds']:,.1f} s idle, {total['setup_seconds']:,.1f} s outside stages.",
        f"Steps: {total['executed_steps']} executed, {total['unique_steps']} unique, {total['planned_steps']} planned.",
    )
    rows = tuple(
        (
            str(line["number"]),
            f"{line['seconds']:,.1f}",
            "not known" if line["idle_seconds"] is None else f"{line['idle_seconds']:,.1f}",
            f"{line['usd_per_hour']} ({line['rate_source']})",
            usd(line["usd"]),
            line["ended"][:60],
        )
        for line in report["attempts"]
    )
    return Section("Spent", sentences, ("attempt", "seconds", "idle", "USD / hour", "USD", "ended"), rows)


def data_section(report: Report) -> Section:
    """Return what was trained on."""
    data = report["data"]
    if data is None:
        return Section("Data", ("Not curated yet.",))
    dropped = ", ".join(f"{count} {reason}" for reason, count in data["dropped"].items() if count) or "none"
    kept = (
        f"{data['kept']} of {data['rows']} rows kept, dropped: {dropped}; {data['tokens']:,} tokens; "
        f"{data['test_rows']} test rows."
    )
    return Section("Data", (kept,))


def test_section(report: Report) -> Section:
    """Return the test in production that comes next."""
    test = report["ab"]
    if not test["planned"]:
        return Section("A/B plan", (f"None: {test['why']}.",))
    said = (
        f"Next: {test['question']} {test['tasks_per_arm']:,} judged tasks an arm, {test['days']} days; "
        "abplan/abplan.md has the ramp, the guardrails, the stop rules and the way back."
    )
    return Section("A/B plan", (said, "Read it at any time: run ab RESULTS.jsonl --plan DIR"))


def artefact_section(report: Report) -> Section:
    """Return committed files with digests."""
    rows = tuple((line["sha256"][:12], line["path"]) for line in report["artefacts"])
    return Section("Artefacts (sha256, in the run folder)", (), ("sha256", "path"), rows)


def sections(report: Report) -> list[Section]:
    """Return the report in reading order."""
    found = [
        banner(report),
        quality_section(report),
        money_section(report),
        predicted_section(report),
        spent_section(report),
        data_section(report),
        *([test_section(report)] if report["ab"] else []),
        artefact_section(report),
    ]
    return [*found, Section("Notes", tuple(report["notes"]))] if report["notes"] else found


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    return markdown_of(sections(report))


def markdown_of(found: Sequence[Section]) -> str:
    """Return sections as Markdown; the first one's title is the page's."""
    parts: list[str] = []
    for level, section in enumerate(found):
        parts.append(f"{'##' if level else '#'} {section.title}\n")
        parts += [f"{cell(sentence)}\n" for sentence in section.sentences]
        if section.rows:
            parts.append(markdown_row(section.columns) + "\n" + markdown_row(["---"] * len(section.columns)))
            parts += [markdown_row(row) for row in section.rows]
            parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def markdown_row(cells: tuple[str, ...] | list[str]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(cell(text) for text in cells) + " |"


def cell(text: str) -> str:
    """Return text that cannot leave its cell or start markup of its own."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def tables(report: Report, columns: int = TERMINAL_COLUMNS, colour: bool = False) -> str:
    """Return the report as terminal tables no wider than `columns`."""
    return tables_of(sections(report), columns, colour)


def tables_of(found: Sequence[Section], columns: int = TERMINAL_COLUMNS, colour: bool = False) -> str:
    """Return sections as terminal tables no wider than `columns`."""
    from rich import box  # noqa: PLC0415  late: --format json must not pay for it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    out = io.StringIO()
    console = Console(file=out, width=columns, force_terminal=colour, no_color=not colour, highlight=False)
    for section in found:
        console.print(Text(section.title, style="bold"))
        for sentence in section.sentences:
            console.print(Text(sentence))
        if section.rows:
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            for name in section.columns:
                table.add_column(name, overflow="fold")
            for row in section.rows:
                table.add_row(*(Text(text) for text in row))
            console.print(table)
        console.print()
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip() + "\n"
