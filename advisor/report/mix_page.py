"""A mix as Markdown for a pull request, and as one self-contained page: the same parts as on the terminal."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from advisor.mix_records import MixAdvice, MixTaskRecord
from advisor.report import words
from advisor.report.markdown import MARK, bullets, escaped
from advisor.report.markdown import table as markdown_table
from advisor.report.mix import UNKNOWN, each, errors, gate_words, saves, sharing, shown, spent, stake, total_of
from advisor.report.summary import ALL
from pricing.page import document, listed, rows, table, tag

WAYS = ("today", "recommended", "all_hosted", "all_tuned")
HEADS = ("task", "tasks a month", "today", "this mix", "all hosted", "all tuned")


class Block(NamedTuple):
    """A titled part: sentences, a list, and a table whose columns of numbers are `right`."""

    title: str
    said: Sequence[str] = ()
    items: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    right: Sequence[int] = ()


def money(advice: MixAdvice) -> Block:
    """Return what each task costs each way, with the sums."""
    columns = [[UNKNOWN if cell is None else f"{cell:,}" for cell in shown(advice, key)] for key in WAYS]
    made = [
        (f"{task.name} ({task.role})", words.significant(task.tasks_per_month), *(column[place] for column in columns))
        for place, task in enumerate(advice.tasks)
    ]
    totals = [total_of(advice, key) for key in WAYS]
    made.append(("all tasks", "", *(column[-1] for column in columns)))
    made.append(("saves on today", "", *map(saves, totals)))
    made.append(("up front", "", *(spent(advice, total) for total in totals)))
    if advice.requests_per_month:
        made.append(("a request", "", *(each(advice, total) for total in totals)))
    return Block(f"Cost over {advice.horizon_months:g} months, {advice.currency}", (), (), HEADS, made, range(1, 6))


def sure_of(task: MixTaskRecord) -> str:
    """Return the share of draws that end in the task's verdict."""
    if task.same_verdict_share is None:
        return "not drawn"
    return "all draws" if task.same_verdict_share >= ALL else f"{task.same_verdict_share:.1%}"


def verdicts(advice: MixAdvice) -> Block:
    """Return each task's verdict with its reason, how sure it is, what flips it, and what to measure."""
    heads = ("task", "verdict", "why", "the three things", "same verdict in", "would change it", "measure next")
    made = [
        (task.name, task.verdict.title, task.verdict.because, gate_words(task), sure_of(task), flips(task),
         task.measure_next or "-")
        for task in advice.tasks
    ]  # fmt: skip
    return Block("Verdict by task", (), (), heads, made)


def flips(task: MixTaskRecord) -> str:
    """Return the input that flips a task's verdict, or a dash."""
    if task.flip is None or task.flip.flips_at is None:
        return "-"
    return f"{task.flip.leaf} at {words.significant(task.flip.flips_at)} (now {words.significant(task.flip.today)})"


def stamp(advice: MixAdvice) -> str:
    """Return day, days of the prices, currency and rate."""
    rate = "" if advice.currency == "USD" else f", 1 USD = {advice.usd_rate:g} {advice.currency}"
    return f"As of {advice.as_of}; {words.checked(advice.prices)}; {advice.currency}{rate}."


def blocks(advice: MixAdvice) -> Iterator[Block]:
    """Yield the parts in reading order."""
    yield money(advice)
    yield verdicts(advice)
    shared = (line.strip(" -") for made in advice.sharing for line in sharing(advice, made).splitlines())
    yield Block("Together", (*shared, errors(advice)))
    missing = tuple(dict.fromkeys(line for total in advice.totals for line in total.missing))
    for title, items in (("Warnings", advice.warnings), ("Not known", missing), ("Not assessed", advice.not_assessed)):
        if items:
            yield Block(title, (), items)
    yield Block("Where the numbers come from", ("One task in full, with every number's origin: --task NAME.",))


def markdown(advice: MixAdvice) -> str:
    """Return the comment for a pull request."""
    lines = [MARK, f"## {escaped(advice.name)}: {len(advice.tasks)} tasks", "", escaped(advice.headline), "",
             escaped(stake(advice)), ""]  # fmt: skip
    for block in blocks(advice):
        lines += [
            f"**{escaped(block.title)}**",
            "",
            *(f"{escaped(one)}  " for one in block.said),
            *bullets(block.items),
        ]
        if block.rows:
            lines += markdown_table(block.columns, [[escaped(cell) for cell in row] for row in block.rows], block.right)
        lines.append("")
    return "\n".join([*lines, f"<sub>{stamp(advice)}</sub>", ""])


def html(advice: MixAdvice) -> str:
    """Return the whole page; it has no sliders, for each task has a page of its own with them."""
    title = tag("p", escape(advice.headline), class_="title")
    panel = title + tag("p", escape(stake(advice))) + tag("p", escape(stamp(advice)), class_="soft")
    body = [tag("section", panel, class_="verdict", aria_label="Verdict")]
    for block in blocks(advice):
        body += [tag("h2", escape(block.title)), *(tag("p", escape(one)) for one in block.said)]
        if block.items:
            body.append(listed(block.items))
        if block.rows:
            cells = tag("tbody", rows(block.rows, block.right))
            body.append(table(block.title, block.columns, cells, block.right, titled=True))
    heading = f"{advice.name}: {len(advice.tasks)} tasks"
    return document(heading, tag("header", tag("h1", escape(heading))) + tag("main", "".join(body)))
