"""A run report as one self-contained page: no network, light and dark, for a screen, a phone and paper. No script.

The sections are those of the terminal and of Markdown; the page adds charts, which are drawn from the same report.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from pricing.page import document, folded, rows, table, tag
from runner.render import Section
from runner.report_plots import curve, peaks, title_of, waterfall
from runner.report_sections import banner, sections

STYLE = "svg .tick{stroke:var(--ink);stroke-width:2}.no .title{color:var(--bad)}.yes .title{color:var(--good)}"
OPEN_ROWS = 12
"""A longer table is folded away: a reader scrolls past it rather than through it."""
SHIPS = {True: ("Ships", "yes"), False: ("Does not ship", "no"), None: ("Not judged yet", "")}


def is_number(cell: str) -> bool:
    """Say whether a cell holds a number, signed or not, whatever follows it."""
    return cell.lstrip("+-")[:1].isdigit() or cell in ("", "-")


def numbers(section: Section) -> list[int]:
    """Return the columns that hold numbers only; the first one heads its row and the last one takes the room."""
    inner = range(1, len(section.columns))
    return [n for n in inner if all(is_number(row[n]) for row in section.rows) and any(row[n] for row in section.rows)]


def block(section: Section) -> str:
    """Return a section; a long table is folded away."""
    said = "".join(tag("p", escape(sentence)) for sentence in section.sentences)
    if not section.rows:
        return tag("h2", escape(section.title)) + said
    right = numbers(section)
    made = table(section.title, section.columns, tag("tbody", rows(section.rows, right)), right, titled=True)
    if len(section.rows) > OPEN_ROWS:
        return folded(section.title, said + made)
    return tag("h2", escape(section.title)) + said + made


def panel(report: dict[str, Any], first: Section) -> str:
    """Return the outcome with the sentences that no reader may miss."""
    title, kind = SHIPS[report["ships"]]
    said = "".join(tag("p", escape(sentence)) for sentence in first.sentences)
    return tag(
        "section", tag("p", title, class_="title") + said, class_=f"verdict {kind}".strip(), aria_label="Outcome"
    )


def charts(report: dict[str, Any]) -> str:
    """Return every chart that this report has something for."""
    found = [
        ("Money: from predicted to actual, USD", waterfall(report["money"])),
        ("Peak memory: bar the 90 % interval, line predicted, dot actual", peaks(report["comparisons"])),
        *((title_of(one), curve(one)) for one in report["curves"]),
    ]
    shown = (tag("div", tag("h2", escape(title)) + drawn) for title, drawn in found if drawn)
    return tag("div", "".join(shown), class_="grid")


def page(report: dict[str, Any], found: Sequence[Section]) -> str:
    """Return the page's body."""
    first, *rest = found
    foot = f"Plan {report['plan_id']}; price book {report['prices']['sha256']}."
    return (
        tag("header", tag("h1", escape(first.title)))
        + tag("main", panel(report, first) + charts(report) + "".join(map(block, rest)))
        + tag("footer", tag("p", escape(foot), class_="soft"))
    )


def render(report: dict[str, Any]) -> str:
    """Return the whole page."""
    found = sections(report)
    return document(f"{banner(report).title}: {SHIPS[report['ships']][0]}", page(report, found), STYLE)
