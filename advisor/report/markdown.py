"""Advice as Markdown, for a pull request: the verdict, the roads, what would change it; the rest folded away."""

from collections.abc import Iterable, Sequence

from advisor.advice import Advice, OptionRecord
from advisor.report import summary, words

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


def changes(advice: Advice) -> list[str]:
    """Return what would change the verdict: flip values, crossings, regret and the next measurement."""
    moving = summary.moving(advice)[:FLIPS_SHOWN]
    rows = [
        (
            escaped(words.labelled(flip.leaf, flip.unit)),
            words.significant(flip.today),
            words.significant(flip.flips_at or 0) + (" (inside its range)" if flip.inside_range else ""),
        )
        for flip in moving
    ]
    lines = table(("input", "today", "flips at"), rows, right=(1, 2)) if rows else []
    lines += [f"- {escaped(summary.crossing(record))}" for record in advice.crossovers]
    if worse := summary.regret(advice):
        lines.append(f"- {worse}")
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
    """Return day, prices, currency, what the numbers rest on, and digests."""
    digests = f"scenario {advice.scenario.sha256[:DIGEST_SHOWN]} · price book {advice.prices.digest[:DIGEST_SHOWN]}"
    told = f"{summary.days(advice)} · {summary.currency(advice)} · {digests} · {summary.origins(advice)}"
    return [f"<sub>{told}</sub>", ""]


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
        f"{summary.stake(advice)}  ",
        f"{escaped(summary.confidence(advice))}  ",
        escaped(summary.changing(advice)),
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
