"""A comparison as Markdown, for a pull request: verdict, money, what changed and what the policy says."""

from typing import Final

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
from advisor.report.markdown import bullets, escaped, folded, table

MARK: Final = "<!-- crossover diff -->"
"""Lets a job find its own comment again and replace it."""


def roads(diff: DiffRecord) -> list[str]:
    """Return every road's money before and now."""
    if not diff.roads:
        return ["No road is priced on either side.", ""]
    columns = ("road", "month before", "now", "lifetime before", "now", "change")
    rows = [tuple(escaped(cell) for cell in road_cells(diff, road)) for road in diff.roads]
    return [f"**Roads, {diff.currency}**", "", *table(columns, rows, right=range(1, 6))]


def changes(diff: DiffRecord) -> list[str]:
    """Return what changed, the largest effect first."""
    rows = [tuple(escaped(cell) for cell in change_cells(diff, change)) for change in diff.changes[:CHANGES_SHOWN]]
    columns = ("input", "before", "now", f"alone at stake, {diff.currency}", "verdict alone, or why not known")
    lines = table(columns, rows, right=(3,)) if rows else []
    return ["**What changed**", "", *lines, *(escaped(line) for line in rest(diff)), ""]


def answers(diff: DiffRecord) -> list[str]:
    """Return the gates that answer otherwise."""
    rows = [
        (escaped(one.question), one.old, f"**{one.new}**" if one.old != one.new else one.new, escaped(one.why))
        for one in diff.answers
    ]
    return ["**Gates**", "", *table(("question", "before", "now", "evidence"), rows)] if rows else []


def policy(diff: DiffRecord) -> list[str]:
    """Return every rule with its answer, those that refuse in bold and with the next step."""
    if not diff.policy:
        return []
    rows = [
        (
            f"`{one.rule}`",
            escaped(one.limit),
            escaped(one.found),
            f"**{MARKS[one.status]}**" if one.refuses else MARKS[one.status],
            escaped(one.next_step),
        )
        for one in diff.policy
    ]
    return [f"**{escaped(refused(diff))}**", "", *table(("rule", "limit", "found", "answer", "next step"), rows)]


def render(diff: DiffRecord) -> str:
    """Return the whole comment as Markdown that GitHub and GitLab show."""
    lines = [
        MARK,
        f"## {escaped(diff.new.name)}: {escaped(headline(diff))}",
        "",
        escaped(diff.new.because),
        "",
        escaped(staked(diff)),
        "",
        *policy(diff),
        *roads(diff),
        *changes(diff),
        *answers(diff),
        *folded(f"Notes ({len(diff.notes)})", bullets(diff.notes)),
        f"<sub>{escaped(dated(diff))}</sub>",
    ]
    return "\n".join(lines)
