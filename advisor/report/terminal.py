"""Advice as one page for a terminal of 80 columns or more, with colour or without, or into a pipe."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from advisor.advice import Advice, OptionRecord
from advisor.report import summary, words
from advisor.report.chart import charts
from advisor.report.quality import quality_lines
from advisor.report.sure import every_mover, sureness
from advisor.report.tables import table

WIDE = 100
"""Columns from which a road's name and seven numbers stand on one line."""
FLIPS_SHOWN = 5
"""The nearest flips fit one page; -v lists every input."""
ANSWER_STYLES = {"yes": "green", "no": "red", "unknown": "yellow"}
ROADS = {
    "strict": "strict: three things true at once",
    "cost_only": "cost only: prompting works, tuning is much cheaper",
    "constraint": "constraint, not economics",
    "none": "",
}


def console(no_color: bool) -> Console:
    """Return a console on stdout: as wide as the terminal, 80 columns in a pipe; NO_COLOR is honoured by rich."""
    return Console(no_color=no_color or None, highlight=False)


def verdict_panel(advice: Advice) -> Panel:
    """Return the verdict, why, the money at stake, and the dates of the prices."""
    verdict = advice.verdict
    lines = [Text(verdict.because)]
    if road := ROADS[verdict.road]:
        lines.append(Text(f"Road: {road}.", style="italic"))
    lines += [Text(summary.stake(advice)), Text(f"{summary.days(advice)}; {summary.currency(advice)}.")]
    return Panel(Group(*lines), title=Text(verdict.title, style="bold"), title_align="left", box=box.ROUNDED)


def gates(advice: Advice) -> Table:
    """Return the three things and the five questions with their answers."""
    made = table(f"Three things true at once: {advice.three_at_once}", "question", "answer", "evidence")
    for gate in advice.gates:
        closing = f"\nto close: {gate.closes_with}" if gate.closes_with else ""
        made.add_row(gate.question, Text(gate.answer, ANSWER_STYLES[gate.answer]), Text(gate.why + closing))
    return made


def questions(advice: Advice) -> Text:
    """Return the five questions on one line, where they ended, and whether both frameworks agree."""
    asked = " · ".join(f"{gate.name}: {gate.answer}" for gate in advice.questions)
    agree = "Both frameworks agree." if advice.frameworks_agree else "The two frameworks disagree: read both."
    return Text(f"Five questions: {asked} → {advice.questions_end}. {agree}")


def option_row(advice: Advice, option: OptionRecord) -> list[str]:
    """Return one option's cells."""
    amounts = [option.upfront_usd, option.average_usd_per_month, option.lifetime_usd, option.usd_per_task]
    cells = [words.money(amount, "", advice.usd_rate).strip() for amount in amounts]
    saving = "-" if option.key == "hosted_today" else words.saving(option.saving_share)
    payback = "-" if option.hosted and not option.trains else words.months(option.payback_months)
    right = "" if option.success_share is None else f" ({words.share(option.success_share)} right)"
    return [option.title + right, *cells, saving, payback.removesuffix(" months")]


def options(advice: Advice, width: int) -> Table:
    """Return every priced road, money over the horizon; a narrow page leaves the cost of a task to -v."""
    title = f"Roads over {advice.horizon_months:g} months, {advice.currency}"
    columns = ["road", "up-front", "/month", "lifetime", "/task", "saves", "payback mo"]
    kept = [index for index, column in enumerate(columns) if column != "/task" or width >= WIDE]
    made = table(title, *(columns[index] for index in kept), right=tuple(range(1, len(kept))))
    for option in advice.options:
        cells = option_row(advice, option)
        made.add_row(*(cells[index] for index in kept))
    return made


def units(advice: Advice) -> Table:
    """Return what a task costs every way it is asked (-v).

    A million tokens has two prices: all of the cost over the tokens asked for, and that of a replica kept full.
    """
    title = f"Per unit, up-front included, {advice.currency}"
    columns = ("road", "/task", "/successful task", "/1M tokens", "/1M if full", "used")
    made = table(title, *columns, right=(1, 2, 3, 4, 5))
    for option in advice.options:
        amounts = (option.usd_per_task, option.usd_per_successful_task, option.usd_per_million_tokens)
        cells = ["not known" if a is None else words.money(a, "", advice.usd_rate).strip() for a in amounts]
        full, used = option.usd_per_million_tokens_if_full, option.utilisation_share
        cells.append("-" if full is None else words.money(full, "", advice.usd_rate).strip())
        made.add_row(option.title, *cells, "-" if used is None else words.share(used))
    return made


def returned(advice: Advice) -> Table:
    """Return what leaving today brings back: present value, yearly rate or its notice, discounted payback (-v)."""
    title = f"Against today, {advice.currency}"
    made = table(title, "road", "present value", "return a year", "payback, discounted", right=(1, 2, 3))
    for option in advice.options[1:]:
        present = words.money(option.net_present_usd, "", advice.usd_rate).strip()
        rate = option.internal_rate_notice or words.rate(option.internal_rate_share or 0.0)
        made.add_row(option.title, present, Text(rate), words.months(option.discounted_payback_months))
    return made


def changes(advice: Advice) -> RenderableType:
    """Return what would change the verdict: crossings, flip values, regret, and the next measurement."""
    made = table(
        "What would flip the third thing (the saving crosses its margin)", "input", "today", "flips at", right=(1, 2)
    )
    moving = summary.moving(advice)
    for flip in moving[:FLIPS_SHOWN]:
        at = words.significant(flip.flips_at or 0) + (" in its range" if flip.inside_range else "")
        made.add_row(words.labelled(flip.leaf, flip.unit), words.significant(flip.today), at)
    rest = len(advice.flips) - min(len(moving), FLIPS_SHOWN)
    still = Text(f"{rest} more inputs flip it further off, or nowhere within a thousandfold (-v).")
    table_of_flips = [made, still] if advice.flips else []
    lines: list[RenderableType] = [*table_of_flips, *(Text(summary.crossing(record)) for record in advice.crossovers)]
    if worse := summary.regret(advice):
        lines.append(Text(f"{worse}."))
    if advice.measure_next:
        cost = advice.measure_next.cost_usd
        price = (
            "at a cost nobody has stated"
            if cost is None
            else f"for about {words.money(cost, advice.currency, advice.usd_rate)} of model calls"
        )
        lines.append(Text(f"Measure next: {advice.measure_next.what} {price}.", style="bold"))
    return Group(*lines)


def listing(title: str, lines: Sequence[str]) -> Text:
    """Return a titled bullet list."""
    return Text("\n".join([title, *(f"  - {line}" for line in lines)]))


def together(said: Sequence[tuple[str, str]]) -> list[str]:
    """Return (road, remark) pairs as lines, roads of one remark on one line; a remark on no road stands alone."""
    titles: dict[str, list[str]] = {}
    for road, remark in said:
        titles.setdefault(remark, []).append(road)
    return [f"{'; '.join(roads)}: {remark}" if any(roads) else remark for remark, roads in titles.items()]


def warnings(advice: Advice) -> list[str]:
    """Return the warnings, those that say the same of several roads on one line."""
    titles = sorted((option.title for option in advice.options), key=len, reverse=True)
    owners = [next((title for title in titles if said.startswith(f"{title}: ")), "") for said in advice.warnings]
    return together(
        [(title, said.removeprefix(f"{title}: ")) for title, said in zip(owners, advice.warnings, strict=True)]
    )


def not_priced(advice: Advice) -> Text:
    """Return the names of the roads that are not priced."""
    return Text(f"Not priced (-v says what each lacks): {'; '.join(road.title for road in advice.unpriced)}.")


def every_flip(advice: Advice) -> Table:
    """Return all inputs with the value that flips the verdict, or none in range (-v)."""
    made = table("All inputs of the saving", "input", "today", "flips at", right=(1, 2))
    for flip in advice.flips:
        at = "none in range" if flip.flips_at is None else words.significant(flip.flips_at)
        made.add_row(flip.leaf, words.spoken(flip.today, flip.unit), at)
    return made


def details(advice: Advice) -> Table:
    """Return every leaf in use with its letter and origin (-v)."""
    made = table(f"Numbers in use ({words.LETTERS})", "figure", "value", "", "from", right=(1,))
    for name, figure in advice.figures.items():
        if figure.letter != "d":
            made.add_row(
                name, words.spoken(figure.value, figure.unit), words.letter(figure), Text(words.origin(figure))
            )
    return made


def show(advice: Advice, console: Console, verbose: int = 0) -> None:
    """Print the page; `verbose` adds every number in use."""
    ready = advice.readiness
    rows = "unknown number of" if ready.usable_rows is None else f"{ready.usable_rows:,}"
    console.print(verdict_panel(advice))
    console.print(gates(advice))
    console.print(questions(advice))
    console.print(Text(f"Data: {ready.answer}; {rows} usable rows; {ready.tier}."))
    for finding in ready.findings:
        console.print(Text(f"  - {finding}"))
    console.print(options(advice, console.width))
    console.print(Text(summary.origins(advice)))
    for line in quality_lines(advice.quality, advice.currency, advice.usd_rate):
        console.print(Text(line))
    console.print(sureness(advice))
    console.print(changes(advice))
    if advice.warnings:
        console.print(listing("Warnings", warnings(advice)))
    if advice.unpriced and not verbose:
        console.print(not_priced(advice))
    console.print(Text(f"Rejected: {'; '.join(advice.rejected)}."))
    console.print(Text(f"Not assessed: {'; '.join(advice.not_assessed)}."))
    if verbose:
        for drawn in charts(advice, console.width):
            console.print(drawn, crop=False, soft_wrap=True)
        console.print(listing("Not priced", together([(road.title, road.why) for road in advice.unpriced])))
        console.print(units(advice))
        console.print(returned(advice))
        console.print(every_mover(advice))
        console.print(every_flip(advice))
        console.print(details(advice))
