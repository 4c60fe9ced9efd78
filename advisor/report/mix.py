"""The page of a mix: what goes small and what stays, four ways to do it all, and the part of each task; 80 columns."""

from decimal import Decimal

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from advisor.mix_money import CENT, cents, rounded, summed
from advisor.mix_records import MixAdvice, MixCostRecord, MixSharingRecord, MixTaskRecord, MixTotalRecord
from advisor.report import words
from advisor.report.tables import table

UNKNOWN = "not known"
SMALL = 1000
"""Below this much for everything, cents are worth a reader's time."""


def total_of(advice: MixAdvice, key: str) -> MixTotalRecord:
    """Return one way's total."""
    return next(total for total in advice.totals if total.key == key)


def step_of(advice: MixAdvice) -> Decimal:
    """Return what the page rounds to: cents where the whole is small, else whole units of the currency."""
    today = total_of(advice, "today").lifetime_usd
    return CENT if today is not None and today * advice.usd_rate < SMALL else Decimal(1)


def shown(advice: MixAdvice, key: str) -> list[Decimal | None]:
    """Return one way's lifetime costs by task in the report's currency, rounded, and last the sum of what is shown."""
    ways: list[MixCostRecord] = [getattr(task, key) for task in advice.tasks]
    rate, step = Decimal(repr(advice.usd_rate)), step_of(advice)
    cells = [None if w.lifetime_usd is None else rounded(cents(w.lifetime_usd) * rate, step) for w in ways]
    return [*cells, summed(cells)]


def stake(advice: MixAdvice) -> str:
    """Return the money of the whole in one sentence, or which task keeps it from being known."""
    today, mix = total_of(advice, "today"), total_of(advice, "recommended")
    before, after = (shown(advice, way.key)[-1] for way in (today, mix))
    if before is None or after is None or mix.saving_share is None:
        return f"The whole cannot be priced: {'; '.join(dict.fromkeys((*today.missing, *mix.missing)))}."
    upfront = words.money(mix.upfront_usd or 0, "", advice.usd_rate).strip()
    held = f" ({upfront} of it up front)" if mix.upfront_usd else ""
    does = f"saves {words.share(mix.saving_share)}" if mix.saving_share >= 0 else "costs more"
    repaid = f" and is repaid after {words.months(mix.payback_months)}" if mix.payback_months is not None else ""
    told = f"{advice.currency} {before:,} as it is, {after:,} with this mix{held}, which {does}{repaid}"
    return f"Over {advice.horizon_months:g} months: {told}."


def dates(advice: MixAdvice) -> str:
    """Return the day of the advice and those of the prices in use."""
    return f"As of {advice.as_of}; {words.checked(advice.prices)}."


def verdict_panel(advice: MixAdvice) -> Panel:
    """Return the verdicts in one sentence and the money at stake."""
    lines = [Text(advice.headline), Text(stake(advice)), Text(dates(advice))]
    title = Text(f"{advice.name}: {len(advice.tasks)} tasks", style="bold")
    return Panel(Group(*lines), title=title, title_align="left", box=box.ROUNDED)


def parts(advice: MixAdvice) -> Table:
    """Return what each task costs each way, and the sums."""
    title = f"Cost over {advice.horizon_months:g} months, {advice.currency}"
    made = table(title, "task", "a month", "today", "this mix", "all hosted", "all tuned", right=(1, 2, 3, 4, 5))
    keys = ("today", "recommended", "all_hosted", "all_tuned")
    columns = [[UNKNOWN if amount is None else f"{amount:,}" for amount in shown(advice, key)] for key in keys]
    for row, task in enumerate(advice.tasks):
        cells = [cells[row] for cells in columns]
        made.add_row(f"{task.name} ({task.role})", words.significant(task.tasks_per_month), *cells)
    made.add_section()
    made.add_row("all tasks", "", *(cells[-1] for cells in columns), style="bold")
    made.add_row("saves on today", "", *(saves(total_of(advice, key)) for key in keys))
    made.add_row("up front", "", *(spent(advice, total_of(advice, key)) for key in keys))
    if advice.requests_per_month:
        made.add_row("a request", "", *(each(advice, total_of(advice, key)) for key in keys))
    return made


def saves(way: MixTotalRecord) -> str:
    """Return a way's saving on today's."""
    return "-" if way.key == "today" else UNKNOWN if way.saving_share is None else words.saving(way.saving_share)


def spent(advice: MixAdvice, way: MixTotalRecord) -> str:
    """Return a way's up-front money."""
    return UNKNOWN if way.upfront_usd is None else words.money(way.upfront_usd, "", advice.usd_rate).strip()


def each(advice: MixAdvice, way: MixTotalRecord) -> str:
    """Return what one request costs."""
    return UNKNOWN if way.usd_per_request is None else words.money(way.usd_per_request, "", advice.usd_rate).strip()


def gate_words(task: MixTaskRecord) -> str:
    """Return the three things in one line."""
    asked = (("prompting fails", task.prompting_fails), ("retrieval fails", task.retrieval_fails),
             ("volume pays", task.volume_justifies))  # fmt: skip
    return ", ".join(f"{name}: {answer}" for name, answer in asked)


def how_sure(task: MixTaskRecord) -> str:
    """Return in how many draws the verdict stands, and the input that turns a verdict to train soonest."""
    share, flip = task.same_verdict_share, task.flip
    stands = [] if share is None else [f"the same verdict in {words.share(share)} of draws"]
    if flip is not None and flip.flips_at is not None:
        name = words.labelled(flip.leaf, flip.unit)
        turns = f"it turns where {name} is {words.significant(flip.flips_at)} (today {words.significant(flip.today)})"
        stands.append(turns)
    told = "; ".join(stands)
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def verdicts(advice: MixAdvice) -> Text:
    """Return each task's verdict, why, its three gates, how sure it is, and what to measure next."""
    said = Text("Verdict by task", style="bold")
    for task in advice.tasks:
        after = f", after {', '.join(task.after)}" if task.after else ""
        said.append(f"\n{task.name} ({task.kind}{after}): {task.verdict.title}", style="bold")
        lines = [task.verdict.because, f"{gate_words(task)}.", how_sure(task)]
        lines += [f"Measure next: {task.measure_next}."] if task.measure_next else []
        said.append("".join(f"\n  {line}" for line in lines if line), style="not bold")
    return said


def sharing(advice: MixAdvice, made: MixSharingRecord) -> str:
    """Return one group's shared replicas and each task's part, in a few lines."""
    whole, apart, together = (
        words.money(amount, advice.currency, advice.usd_rate)
        for amount in (made.whole_usd, made.apart_usd, made.together_usd)
    )
    names = ", ".join(one.task for one in made.sharers)
    does = "counted above" if made.used else "not counted: it costs more than apart"
    lines = [f"Shared cards: {names} as adapters of one {made.base_model}; {made.where}; {does}.",
             f"  up to {made.replicas:g} replicas bill {whole}; all in {together}, and {apart} apart"]  # fmt: skip
    for one in made.sharers:
        part = words.money(one.allocated_usd, advice.currency, advice.usd_rate)
        lines.append(f"  - {one.task}: {words.share(one.load_share)} of the load, {part}")
    return "\n".join(lines)


def errors(advice: MixAdvice) -> str:
    """Return wrong answers per thousand requests, today and with this mix."""
    found = advice.errors
    if found is None:
        remedy = "state calls_per_request, and score today's and the new road of a task"
        return f"Wrong answers per request: not known; {remedy}."
    rest = f"; not scored on both sides: {', '.join(found.unscored)}" if found.unscored else ""
    today, mix = words.significant(found.today_per_thousand), words.significant(found.recommended_per_thousand)
    return f"Wrong answers per 1,000 requests ({', '.join(found.scored)}): {today} today, {mix} with this mix{rest}."


def show(advice: MixAdvice, console: Console) -> None:
    """Print the page."""
    console.print(verdict_panel(advice))
    console.print(parts(advice))
    missing = [line for total in advice.totals for line in total.missing]
    console.print(verdicts(advice))
    for made in advice.sharing:
        console.print(Text(sharing(advice, made)))
    console.print(Text(errors(advice)))
    for title, lines in (("Warnings", advice.warnings), ("Not known", tuple(dict.fromkeys(missing)))):
        if lines:
            console.print(Text("\n".join([title, *(f"  - {line}" for line in lines)])))
    console.print(Text(f"Not assessed: {'; '.join(advice.not_assessed)}."))
    console.print(Text("One task in full, and its plan: --task NAME."))
