"""Advice as one page: no network, sliders that compute in the page, light and dark, for keyboard, reader and paper.

The page holds the advice's figures and formulas (`page_model`); its script and style stand in `advisor/data/report/`.
"""

import json
from collections.abc import Sequence
from html import escape

from advisor.advice import Advice
from advisor.advice_drawn import UncertaintyRecord
from advisor.data_files import text
from advisor.report import summary, words
from advisor.report.page_model import Slider, data, script, sliders
from advisor.report.page_model import lines as program_of
from advisor.report.quality import quality_lines
from pricing.page import document, folded, listed, rows, table, tag

COLUMNS = ("up-front", "mean month", "lifetime", "a task", "a successful task", "saves", "present value", "payback, mo")
MOVERS_SHOWN = 8
"""The widest bars, and of them those that are at least a hundredth of the widest."""
PERCENT = 100
"""Style sheets place the ends of a bar in percent."""


def panel(advice: Advice) -> str:
    """Return the verdict and what a reader of nothing else must know; the script keeps it true while inputs move."""
    title = tag("p", escape(advice.verdict.title), class_="title", id="title")
    badge = tag("p", tag("span", "As advised", class_="badge", id="badge"))
    because = tag("p", escape(advice.verdict.because), id="because")
    stake = tag("p", escape(summary.stake(advice)), id="stake")
    sure = tag("p", tag("span", "", class_="when") + escape(summary.confidence(advice)))
    change = tag("p", tag("span", "", class_="when") + escape(summary.changing(advice)))
    stamp = tag("p", escape(f"{summary.days(advice)}; {summary.currency(advice)}."), class_="soft")
    moving = tag("div", badge + title + because + stake, aria_live="polite")
    return tag("section", moving + sure + change + stamp, class_="verdict", aria_label="Verdict")


def slider(one: Slider) -> str:
    """Return a slider with its exact number beside it."""
    unit = escape(one.unit)
    name = tag("label", f"{escape(one.label)} {tag('span', unit, class_='soft')}", for_=f"{one.id}-range")
    drag = f'<input type="range" id="{one.id}-range" min="0" max="1000" step="1" value="0">'
    exact = f'<input type="number" id="{one.id}-number" step="any" aria-label="{escape(one.label)}, {unit}">'
    return tag("div", name + tag("div", drag + exact, class_="pair"))


def controls(made: Sequence[Slider]) -> str:
    """Return all sliders and the button that undoes them."""
    inside = "".join(slider(one) for one in made)
    undo = tag("p", tag("button", "As advised again", type="button", id="reset"))
    note = "Roads, cards and vendors stay those of the advice; the months end where its prices are known to."
    return (
        tag("h2", "What if", id="what-if") + tag("div", inside, class_="sliders") + undo
        + tag("p", escape(note), class_="soft")
    )  # fmt: skip


def figure(id_: str, title: str, after: str = "") -> str:
    """Return a chart that the script draws, with its key."""
    drawing = f'<svg id="{id_}" role="img" aria-label="{escape(title)}"></svg>'
    return tag("div", tag("h2", escape(title)) + drawing + tag("ul", "", id=f"{id_}-key", class_="key") + after)


def gates(advice: Advice) -> str:
    """Return the two frameworks with their answers and evidence."""
    three = rows((gate.question, gate.answer, gate.why) for gate in advice.gates)
    five = rows((gate.question, gate.answer, gate.why) for gate in advice.questions)
    agree = "They agree." if advice.frameworks_agree else "They disagree."
    ends = tag("p", escape(f"The five questions end in: {advice.questions_end}. {agree}"))
    heads = ("question", "answer", "evidence")
    return (
        table(f"Three things true at once: {advice.three_at_once}", heads, tag("tbody", three))
        + table("Five questions in order", heads, tag("tbody", five)) + ends + evidence(advice)
    )  # fmt: skip


def evidence(advice: Advice) -> str:
    """Return how ready the data is, and what is known of quality and of the cost of errors."""
    ready = advice.readiness
    rows_known = "unknown number of" if ready.usable_rows is None else f"{ready.usable_rows:,}"
    data_says = tag("p", escape(f"Data: {ready.answer}; {rows_known} usable rows; {ready.tier}."))
    said = quality_lines(advice.quality, advice.currency, advice.usd_rate)
    return data_says + listed(ready.findings) + "".join(tag("p", escape(line.strip(" -"))) for line in said)


def bar(low: float, high: float, ends: tuple[float, float]) -> str:
    """Return one tornado bar between two savings, with a line at nought where it lies inside."""
    first, last = ends
    width = (last - first) or 1.0
    left, right = (PERCENT * (value - first) / width for value in (low, high))
    zero = f'<b style="left:{-PERCENT * first / width:.1f}%"></b>' if first < 0 < last else ""
    return (
        f'<div class="bar" aria-hidden="true"><i style="left:{left:.1f}%;right:{PERCENT - right:.1f}%"></i>{zero}</div>'
    )


def tornado(advice: Advice, sure: UncertaintyRecord) -> str:
    """Return what moves the saving most, each input alone from one end of its range to the other."""
    width = {one.name: abs(one.saving_at_low_usd - one.saving_at_high_usd) for one in sure.inputs}
    least = max(width.values(), default=0.0) / PERCENT
    moving = [one for one in sure.inputs if width[one.name] > least][:MOVERS_SHOWN]
    if not moving:
        return ""
    spans = [sorted((one.saving_at_low_usd, one.saving_at_high_usd)) for one in moving]
    ends = (min(0.0, *(low for low, _ in spans)), max(0.0, *(high for _, high in spans)))
    body = "".join(
        tag("tr", tag("th", escape(words.labelled(one.name, one.unit)), scope="row")
            + tag("td", f"{words.significant(one.low)} .. {words.significant(one.high)}", class_="n")
            + tag("td", words.span(span[0], span[1], advice.usd_rate), class_="n")
            + tag("td", bar(span[0], span[1], ends)))
        for one, span in zip(moving, spans, strict=True)
    )  # fmt: skip
    heads = ("input", "its range", f"saving, {advice.currency}", "from dearest to cheapest; line: no saving")
    return table("What moves the saving most, each input alone", heads, tag("tbody", body), (1, 2))


def sureness(advice: Advice) -> str:
    """Return how sure the answer is."""
    sure = advice.uncertainty
    if sure is None:
        return tag("p", "Not drawn: today's road, or every road that trains, is not priced.")
    shown = (row for row in sure.verdicts if row.share > 1 - summary.ALL)
    told = ", ".join(f"{row.title.lower()} in {words.share(row.share)}" for row in shown)
    drawn = (
        (row.title, words.share(row.cheaper_share),
         words.span(row.saving_p10_usd, row.saving_p90_usd, advice.usd_rate)) for row in sure.options
    )  # fmt: skip
    heads = ("road", "cheaper than today in", f"saves in 8 draws of 10, {advice.currency}")
    said = tag("p", escape(f"Verdict over {sure.draws:,} draws: {told}."))
    return (
        said
        + table("Every range drawn at once", heads, tag("tbody", rows(drawn, (1, 2))), (1, 2))
        + tornado(advice, sure)
    )


def changes(advice: Advice) -> str:
    """Return the nearest flips, the regret and the next measurement."""
    flips = (
        (words.labelled(flip.leaf, flip.unit), words.significant(flip.today), words.significant(flip.flips_at),
         "inside its range" if flip.inside_range else "")
        for flip in summary.moving(advice) if flip.flips_at is not None
    )  # fmt: skip
    heads = ("input", "today", "flips at", "")
    told = [f"{summary.crossing(record)}." for record in advice.crossovers]
    if worse := summary.regret(advice):
        told.append(f"{worse}.")
    if advice.measure_next:
        told.append(f"Measure next: {advice.measure_next.what}.")
    return table("Value at which the answer flips, each alone, nearest first", heads,
                 tag("tbody", rows(flips, (1, 2))), (1, 2)) + listed(told)  # fmt: skip


def ages(advice: Advice) -> str:
    """Return every quoted price in use with its day, age and source."""
    quoted = (
        (name, words.spoken(figure.value, figure.unit), str(figure.on or "-"),
         "-" if figure.on is None else f"{(advice.as_of - figure.on).days}", figure.note)
        for name, figure in advice.figures.items() if figure.letter == "q"
    )  # fmt: skip
    heads = ("price", "value", "checked on", "days old", "source")
    return table("Quoted prices in use", heads, tag("tbody", rows(quoted, (1, 3))), (1, 3))


def details(advice: Advice) -> str:
    """Return what a careful reader opens."""
    unpriced = (f"{road.title}: {road.why}" for road in advice.unpriced)
    fixed = " (as advised; does not follow the sliders)"
    every = table("Change any of them; everything above follows", ("input", "value", "unit", "kind", "from"),
                  tag("tbody", "", id="numbers"))  # fmt: skip
    flows = tag("div", tag("table", "", id="flows"), class_="wide", tabindex="0", role="region", aria_label="Cash flow")
    parts = (
        folded(f"Three things, five questions{fixed}", gates(advice), open="open"),
        folded(f"How sure is this?{fixed}", sureness(advice), open="open"),
        folded(f"What would change this{fixed}", changes(advice), open="open"),
        folded(f"Cash flow by month, {advice.currency}", flows),
        folded(f"Warnings ({len(advice.warnings)})", listed(advice.warnings), open="open"),
        folded(f"Not priced ({len(advice.unpriced)})", listed(unpriced)),
        folded("Rejected, and not assessed", listed((*advice.rejected, *advice.not_assessed))),
        folded("Prices and their age", ages(advice)),
        folded("Every input", every, id="every", class_="noprint"),
        folded("Where every number comes from", tag("div", tag("ul", "", id="tree"), class_="tree")),
    )
    return "".join(parts)


def roads(advice: Advice) -> str:
    """Return the table of roads, which the script fills, or that none is priced."""
    if not advice.options:
        return tag("p", "No road is priced: see what is not priced, below.")
    caption = f"Roads over the months compared, {advice.currency}; derived from the inputs below"
    body = '<tbody id="roads"></tbody>'
    note = tag("p", "Not weighed: its quality is lower, or not measured.", class_="soft")
    return tag("h2", "Roads") + table(caption, ("road", *COLUMNS), body, range(1, len(COLUMNS) + 1)) + note


def embedded(advice: Advice) -> str:
    """Return the data and the script; a `<` in the data is written so that it ends no element."""
    plain = json.dumps(data(advice), default=str, allow_nan=False).replace("<", "\\u003c")
    code = "\n".join((text(CHARTS), script(advice), text(SCRIPT)))
    return f'<script type="application/json" id="data">{plain}</script><script>{code}</script>'


CHARTS, SCRIPT, STYLE = "report/chart.js", "report/page.js", "report/page.css"


def render(advice: Advice) -> str:
    """Return the whole page."""
    crossing = tag("p", "", id="crossing", aria_live="polite")
    drawn = figure("curves", "Cumulative cost by month", tag("p", "", id="met", aria_live="polite")) + (
        figure("volumes", "Lifetime cost against volume", crossing) if advice.model else ""
    )
    digests = f"Scenario sha256 {advice.scenario.sha256}; price book {advice.prices.digest}."
    body = (
        tag("header", tag("h1", f"Should we train our own model? {escape(advice.scenario.name)}"))
        + tag("main", panel(advice) + controls(sliders(advice, program_of(advice))) + roads(advice)
              + tag("div", drawn if advice.options else "", class_="grid") + details(advice))
        + tag("footer", tag("p", escape(f"{summary.origins(advice)} {digests}"), class_="soft"))
        + tag("noscript", "<p>Charts and sliders need JavaScript; every figure of the advice is in its JSON form.</p>")
    )  # fmt: skip
    title = f"{advice.scenario.name}: {advice.verdict.title}"
    return document(title, body + embedded(advice), text(STYLE))
