"""Advice as Markdown, for a pull request: the verdict, the roads, what would change it; the rest folded away."""

from collections.abc import Iterable, Sequence

from advisor.advice import Advice, CrossoverRecord, OptionRecord
from advisor.report import words

FLIPS_SHOWN = 5
"""The nearest flips; a reviewer wants to see what would change the answer, not every input."""
MARK = "<!-- crossover advice -->"
"""Lets a job find its own comment again and replace it."""
DIGEST_SHOWN = 12
"""As many digits as git shows of a digest: enough to compare by eye."""


def escaped(text: str) -> str:
    """Return text that stays in its table cell and starts no markup of its own."""
    for mark in ("\\", "|", "*", "_", "<", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def row(cells: Iterable[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(cells)} |"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return a table's lines; `right` lists the columns of numbers."""
    rule = ("---:" if place in right else "---" for place in range(len(columns)))
    return [row(columns), row(rule), *(row(cells) for cells in rows), ""]


def folded(title: str, lines: Sequence[str]) -> list[str]:
    """Return lines behind a disclosure, or nothing where there are none."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>", ""] if lines else []


def money(advice: Advice, usd: float) -> str:
    """Return an amount in the report's currency, without its name."""
    return words.money(usd, "", advice.usd_rate).strip()


def staked(advice: Advice) -> str:
    """Return the money at stake as a sentence."""
    if not any(option.trains for option in advice.options) or advice.model is None:
        return "No road that trains, or not today's road, could be priced: nothing is weighed."
    amount = words.money(abs(advice.at_stake_usd), advice.currency, advice.usd_rate)
    would = f"save **{amount}** against" if advice.at_stake_usd >= 0 else f"cost **{amount}** more than"
    return (
        f"At stake over {advice.horizon_months:g} months: the cheapest road that trains would {would} "
        "the cheapest hosted one of equal quality."
    )


def sure(advice: Advice) -> list[str]:
    """Return in how many draws the verdict holds, or that nothing was drawn."""
    drawn = advice.uncertainty
    if drawn is None:
        return ["How sure: not drawn, because nothing could be weighed."]
    others = [f"{v.title.lower()} in {words.share(v.share)}" for v in drawn.verdicts if v.title != advice.verdict.title]
    but = f"; {', '.join(others)}" if others else ""
    return [f"How sure: the same verdict in {words.share(drawn.same_verdict_share)} of {drawn.draws:,} draws{but}."]


def road(advice: Advice, option: OptionRecord) -> tuple[str, ...]:
    """Return the cells of one road; its letter is the weakest kind of number that it rests on."""
    today = advice.model is not None and option.key == advice.model.today
    correct = "-" if option.usd_per_successful_task is None else money(advice, option.usd_per_successful_task)
    payback = "-" if today else ("never" if option.payback_months is None else f"{option.payback_months:.1f}")
    return (
        escaped(option.title),
        money(advice, option.upfront_usd),
        money(advice, option.average_usd_per_month),
        money(advice, option.lifetime_usd),
        money(advice, option.usd_per_task),
        correct,
        "-" if today else words.saving(option.saving_share),
        payback,
        words.letter(advice.figures[f"{option.key}.lifetime"]),
    )


def roads(advice: Advice) -> list[str]:
    """Return the table of roads, or that today's has no price."""
    if not advice.options:
        return ["No road is priced; see below.", ""]
    columns = (
        "road",
        "up-front",
        "mean month",
        "lifetime",
        "/task",
        "/successful task",
        "saves",
        "payback mo",
        "rests on",
    )
    title = f"**Roads over {advice.horizon_months:g} months, {advice.currency}**"
    return [title, "", *table(columns, (road(advice, option) for option in advice.options), right=range(1, 8))]


def crossing(record: CrossoverRecord) -> str:
    """Return where a road is cheaper than today, as one line."""
    if not record.cheaper_between:
        return f"- {escaped(record.option)}: never cheaper than today, up to {words.significant(record.looked_to)}"
    spans = (
        f"from {words.significant(low)}" + ("" if high is None else f" to {words.significant(high)}")
        for low, high in record.cheaper_between
    )
    return f"- {escaped(record.option)}: cheaper than today {', and '.join(spans)} tasks a month"


def changes(advice: Advice) -> list[str]:
    """Return what would change the verdict: flip values, crossings, regret and the next measurement."""
    moving = [flip for flip in advice.flips if flip.flips_at is not None][:FLIPS_SHOWN]
    rows = [
        (
            escaped(words.labelled(flip.leaf, flip.unit)),
            words.significant(flip.today),
            words.significant(flip.flips_at or 0) + (" (inside its range)" if flip.inside_range else ""),
        )
        for flip in moving
    ]
    lines = table(("input", "today", "flips at"), rows, right=(1, 2)) if rows else []
    lines += [crossing(record) for record in advice.crossovers]
    if advice.regret:
        worse = words.money(advice.regret.regret_usd, advice.currency, advice.usd_rate)
        lines.append(f"- Regret if volume is a tenth ({words.significant(advice.regret.tasks_per_month)}): {worse}")
    if advice.measure_next:
        lines.append(f"- Measure next: {escaped(advice.measure_next.what)}")
    return ["**What would change this**", "", *lines, ""] if lines else []


def gates(advice: Advice) -> list[str]:
    """Return the three things true at once, and where the five questions end."""
    rows = ((escaped(gate.question), f"**{gate.answer}**", escaped(gate.why)) for gate in advice.gates)
    agree = "the frameworks agree" if advice.frameworks_agree else "**the frameworks disagree**"
    asked = " · ".join(f"{gate.name}: {gate.answer}" for gate in advice.questions)
    ends = f"Five questions: {asked} → {escaped(advice.questions_end)}; {agree}."
    head = f"**Three things true at once: {advice.three_at_once}**"
    return [head, "", *table(("question", "answer", "evidence"), rows), ends, ""]


def footer(advice: Advice) -> list[str]:
    """Return day, prices, currency and digests."""
    prices = advice.prices
    ages = f"prices in use checked {prices.oldest} to {prices.newest}" if prices.oldest else "no quoted price in use"
    stale = f" ({len(prices.stale)} older than 90 days or without a day)" if prices.stale else ""
    rate = "" if advice.currency == "USD" else f" · 1 USD = {advice.usd_rate:g} {advice.currency}"
    digests = f"scenario {advice.scenario.sha256[:DIGEST_SHOWN]} · price book {prices.digest[:DIGEST_SHOWN]}"
    return [f"<sub>As of {advice.as_of} · {ages}{stale}{rate} · {digests} · {words.LETTERS}</sub>", ""]


def not_priced(advice: Advice) -> list[str]:
    """Return the roads that are not priced, those with the same reason on one line."""
    titles: dict[str, list[str]] = {}
    for one in advice.unpriced:
        titles.setdefault(one.why, []).append(one.title)
    return [f"{'; '.join(names)}: {why}" for why, names in titles.items()]


def bullets(lines: Iterable[str]) -> list[str]:
    """Return a list, one line each."""
    return [f"- {escaped(line)}" for line in lines]


def render(advice: Advice) -> str:
    """Return the whole comment as Markdown that GitHub and GitLab show."""
    lines = [
        MARK,
        f"## {escaped(advice.scenario.name)}: {advice.verdict.title}",
        "",
        escaped(advice.verdict.because),
        "",
        staked(advice),
        *sure(advice),
        "",
        *roads(advice),
        *gates(advice),
        *changes(advice),
        *folded(f"Warnings ({len(advice.warnings)})", bullets(advice.warnings)),
        *folded(f"Not priced ({len(advice.unpriced)})", bullets(not_priced(advice))),
        *folded("Rejected, and not assessed", bullets((*advice.rejected, *advice.not_assessed))),
        *footer(advice),
    ]
    return "\n".join(lines)
