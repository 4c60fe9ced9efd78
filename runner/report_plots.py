"""Charts of a run report as inline SVG: the way from predicted to actual money, curves of training, memory.

Numbers are drawn as the report has them; colours are names of the shared style, and every chart says what it shows to
somebody who cannot see it.
"""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from math import floor, log10
from typing import Any, Final

from pricing.page import tag
from runner.render import quantity, signed, usd

WIDTH, LEFT, RIGHT = 440, 80, 96
TOP, ROW, BAR = 10, 26, 16
HEIGHT, FOOT, AXIS = 220, 34, 48
TICKS: Final = 4
"""Units of a drawing that a phone shows at nearly their size, and letters stay readable."""
NAMES: Final = {
    "loss": "loss by step",
    "grad_norm": "gradient norm by step",
    "tokens_per_second": "tokens a second by step",
    "held_out_loss": "loss on held-out rows by step",
}


def words(x: float, y: float, said: str, anchor: str = "start") -> str:
    """Return a text in a drawing."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, class_: str = "axis") -> str:
    """Return a straight line."""
    return f'<line class="{class_}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def block(x1: float, x2: float, y: float, colour: str) -> str:
    """Return a bar between two places, at least a hair wide."""
    left, wide = min(x1, x2), max(abs(x2 - x1), 1.0)
    return f'<rect x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{BAR}" fill="var(--{colour})"/>'


def drawing(height: float, says: str, inside: Sequence[str]) -> str:
    """Return a drawing with what it says."""
    return tag("svg", tag("title", escape(says)) + "".join(inside), viewBox=f"0 0 {WIDTH} {height:.0f}", role="img",
               aria_label=says)  # fmt: skip


def waterfall(money: dict[str, Any]) -> str:
    """Return predicted money, what each cause adds or takes away, and actual money, one bar below the other."""
    if money["predicted_usd"] is None:
        return ""
    before, actual = Decimal(money["predicted_usd"]), Decimal(money["actual_usd"])
    bars = [("predicted", Decimal(0), before, "c5", usd(before))]
    for cause, amount in money["by_cause"].items():
        after = before + Decimal(amount)
        bars.append((cause, before, after, "bad" if after > before else "good", signed(amount)))
        before = after
    bars.append(("actual", Decimal(0), actual, "mark", usd(actual)))
    ends = [end for _, low, high, _, _ in bars for end in (low, high)]
    first, last = float(min(ends)), float(max(ends)) or 1.0

    def at(amount: Decimal) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (float(amount) - first) / ((last - first) or 1.0)

    made: list[str] = []
    for place, (name, low, high, colour, said) in enumerate(bars):
        y = TOP + ROW * place
        made += [words(LEFT - 8, y + BAR - 3, name, "end"), block(at(low), at(high), y, colour),
                 words(max(at(low), at(high)) + 6, y + BAR - 3, said)]  # fmt: skip
    told = ", ".join(f"{name} {said}" for name, _, _, _, said in bars)
    return drawing(TOP * 2 + ROW * len(bars), f"Money from predicted to actual, USD: {told}", made)


def short(value: float) -> str:
    """Return a number for an axis."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def ticks(low: float, high: float) -> list[float]:
    """Return round values from at or below `low` to at or above `high`, about TICKS steps."""
    raw = (high - low) / TICKS or abs(high) or 1.0
    size = 10.0 ** floor(log10(raw))
    step = next(size * one for one in (1, 2, 2.5, 5, 10) if size * one >= raw * (1 - 1e-9))
    first = floor(low / step)
    count = 0
    while (first + count) * step < high * (1 - 1e-12):
        count += 1
    return [(first + one) * step for one in range(max(count, 1) + 1)]


def title_of(found: dict[str, Any]) -> str:
    """Return what a curve is called."""
    return f"{found['stage']}: {NAMES[found['name']]}"


def curve(found: dict[str, Any]) -> str:
    """Return one quantity over the steps of a stage, from nought where it is never below."""
    title = title_of(found)
    steps, values = found["step"], found["value"]
    up = ticks(min(0.0, *values), max(values))
    first, last = steps[0], steps[-1]

    def x(step: float) -> float:
        return AXIS + (WIDTH - AXIS - 16) * (step - first) / ((last - first) or 1.0)

    def y(value: float) -> float:
        return HEIGHT - FOOT - (HEIGHT - FOOT - TOP) * (value - up[0]) / (up[-1] - up[0])

    made = [line(AXIS, y(one), WIDTH - 16, y(one)) + words(AXIS - 6, y(one) + 4, short(one), "end") for one in up]
    path = "".join(f"{'L' if n else 'M'}{x(step):.1f} {y(value):.1f}" for n, (step, value) in
                   enumerate(zip(steps, values, strict=True)))  # fmt: skip
    made.append(f'<path class="curve" stroke="var(--c0)" d="{path}"/>')
    made += [words(AXIS, HEIGHT - 12, f"step {first:,.0f}"), words(WIDTH - 16, HEIGHT - 12, f"{last:,.0f}", "end")]
    says = f"{title}, from {short(values[0])} to {short(values[-1])}, lowest {short(min(values))}"
    return drawing(HEIGHT, says, made)


def peaks(comparisons: Sequence[dict[str, Any]]) -> str:
    """Return peak memory of every stage: the predicted interval as a bar, its value as a line, the actual as a mark."""
    found = [one for one in comparisons if one["name"] == "peak_bytes" and one["where"] != "run"]
    if not found:
        return ""
    most = max(max(one["high"], one["actual"] or 0.0) for one in found)

    def at(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / (most or 1.0)

    made: list[str] = []
    told: list[str] = []
    for place, one in enumerate(found):
        y, middle = TOP + ROW * 2 * place, TOP + ROW * 2 * place + BAR / 2
        made += [words(LEFT - 8, y + BAR - 3, one["where"], "end"), block(at(one["low"]), at(one["high"]), y, "line"),
                 line(at(one["predicted"]), y, at(one["predicted"]), y + BAR, "tick")]  # fmt: skip
        said = f"predicted {quantity(one['predicted'], 'bytes')}"
        if one["actual"] is not None:
            made.append(f'<circle cx="{at(one["actual"]):.1f}" cy="{middle:.1f}" r="6" fill="var(--mark)"/>')
            said += f", actual {quantity(one['actual'], 'bytes')} (dot)"
        made.append(words(LEFT, y + BAR + 14, said))
        told.append(f"{one['where']} {said}")
    return drawing(TOP + ROW * 2 * len(found), f"Peak memory: {'; '.join(told)}", made)
