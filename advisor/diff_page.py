"""A comparison as a page for a terminal of 80 columns or more, or into a pipe."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from advisor.diff import DiffRecord
from advisor.diff_words import (
    CHANGES_SHOWN,
    MARKS,
    change_cells,
    dated,
    headline,
    refused,
    rest,
    road_cells,
    staked,
)
from advisor.report.tables import table

LIMIT_COLUMNS = 20
"""A list of names folds, so that what was found has room in 80 columns."""
STYLES = {"kept": "green", "broken": "bold red", "unknown": "yellow", "does not apply": ""}


def verdict_panel(diff: DiffRecord) -> Panel:
    """Return what became of the verdict and of the money at stake."""
    lines = [Text(diff.new.because), Text(staked(diff)), Text(f"{dated(diff)}.", style="dim")]
    lines += [Text(refused(diff), style="bold red" if diff.broken else "green")] if diff.policy else []
    lines += [Text(f"Note: {note}.") for note in diff.notes]
    title = Text(f"{diff.new.name}: {headline(diff)}", style="bold")
    return Panel(Group(*lines), title=title, title_align="left", box=box.ROUNDED)


def roads(diff: DiffRecord) -> Table:
    """Return every road's money before and now."""
    made = table(
        f"Roads, {diff.currency}",
        "road",
        "/month was",
        "/month is",
        "lifetime was",
        "is",
        "change",
        right=(1, 2, 3, 4, 5),
    )
    for road in diff.roads:
        made.add_row(*road_cells(diff, road))
    return made


def changes(diff: DiffRecord) -> Table:
    """Return what changed, the largest effect first."""
    title = f"What changed, and what each does alone to the money at stake, {diff.currency}"
    made = table(title, "input", "was", "is", "alone", "verdict alone", right=(3,))
    for change in diff.changes[:CHANGES_SHOWN]:
        made.add_row(*(Text(cell) for cell in change_cells(diff, change)))
    return made


def gates(diff: DiffRecord) -> Table:
    """Return the gates that answer otherwise, or for another reason."""
    made = table("Gates", "question", "was", "is", "evidence")
    for one in diff.answers:
        made.add_row(*(Text(cell) for cell in (one.question, one.old, one.new, one.why)))
    return made


def policy(diff: DiffRecord) -> Table:
    """Return every rule with its answer."""
    made = table("Policy", "rule", "limit", "found", "answer")
    made.columns[0].no_wrap = True
    made.columns[1].max_width = LIMIT_COLUMNS
    for one in diff.policy:
        made.add_row(one.rule, one.limit, Text(one.found), Text(MARKS[one.status], STYLES[one.status]))
    return made


def parts(diff: DiffRecord) -> Iterator[RenderableType]:
    """Yield the parts of the page that have something to say."""
    yield verdict_panel(diff)
    if diff.policy:
        yield policy(diff)
        yield Text("".join(f"  - {one.rule}: {one.next_step}\n" for one in diff.policy if one.refuses))
    if diff.roads:
        yield roads(diff)
    if diff.changes:
        yield changes(diff)
    yield Text("\n".join(rest(diff)))
    if diff.answers:
        yield gates(diff)


def show(diff: DiffRecord, screen: Console) -> None:
    """Print the page."""
    for part in parts(diff):
        screen.print(part)
