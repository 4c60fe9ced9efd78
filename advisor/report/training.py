"""The page of one training run: speed, where a step's time goes, hours, dollars by offer, memory; 80 columns."""

from collections.abc import Sequence
from typing import Final

from advisor.sizing_train import Offer, Training, cheapest_first, usd_of
from advisor.training_run import with_interval
from pricing.units import GIB

OFFERS_SHOWN: Final = 3
CAUSES: Final = {
    "matmul": "matrix products",
    "attention": "attention",
    "elementwise": "norms, activations, loss",
    "dequant": "dequantisation",
    "launch": "waiting for kernel launches",
    "communication": "waiting for other cards",
    "optimizer": "optimizer",
}
"""Cause of time in the formula to what a reader calls it."""


def number(value: float) -> str:
    """Return a number with three significant digits, and separators where it is large."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(value: float, low: float, high: float, unit: str) -> str:
    """Return a value with its 90 % interval."""
    return f"{number(value)} {unit} ({number(low)} .. {number(high)})"


def line(name: str, text: str) -> str:
    """Return one line of the page."""
    return f"  {name:<10} {text}"


def head(found: Training) -> list[str]:
    """Return what is trained on what, and how fast."""
    speed, cards = found.speed, found.setup.cards
    lines = [
        f"Training {found.shape.name}, {found.setup.method.value}, on {cards} x {found.card.name}",
        line("speed", spread(speed.tokens_per_second, speed.low, speed.high, "tokens / s and card")),
        line("", f"{speed.hardware_flops_share:.0%} of the card's dense 16-bit rate, recomputation counted"),
    ]
    if speed.padding_efficiency_share < 1:
        lines.append(line("padding", f"{speed.padding_efficiency_share:.0%} of the tokens computed are text; "
                                     "packing: all"))  # fmt: skip
    return lines


def causes(found: Training) -> list[str]:
    """Return where a micro-step's time goes, the largest part first; parts below one per cent are left out."""
    whole = found.speed.micro_step_seconds
    parts = sorted(found.speed.seconds_by_cause.items(), key=lambda item: -item[1])
    shown = [f"    {seconds / whole:>4.0%}  {CAUSES[name]}" for name, seconds in parts if seconds / whole >= 0.01]
    return [line("a step", f"{number(whole)} s for each micro-batch, of which"), *shown]


def run_lines(found: Training, offers: Sequence[Offer]) -> list[str]:
    """Return tokens, hours and the cheapest offers; what to add where no tokens are given."""
    if found.hours is None or found.tokens is None:
        return [line("run", "add --tokens T, or --rows R --mean-tokens M, for hours and USD")]
    cards, around = found.setup.cards, float(found.hours.inputs["overhead_hours"].value)
    lines = [
        line("run", f"{number(found.tokens)} tokens{' at the measured speed' if found.measured else ''}"),
        line("hours", spread(*with_interval(found.hours), "h") + f", {number(around)} h of them outside the steps"),
    ]
    if not offers:
        return [*lines, line("USD", f"no firm price of {found.card.name} on that day; state --set usd_per_gpu_hour=X")]
    best = {offer.provider: offer for offer in reversed(cheapest_first(offers, cards))}
    for i, offer in enumerate(list(reversed(best.values()))[:OFFERS_SHOWN]):
        usd = with_interval(usd_of(found.hours, offer, cards))
        lines += [line("" if i else "USD", spread(*usd, "USD")), line("", f"  {offer.text}")]
    return lines


def memory_line(found: Training) -> str:
    """Return the memory a card must have, and whether this one has it."""
    need, have = found.memory.recommended.value / GIB, found.card.usable_bytes / GIB
    verdict = "fits" if need <= have else "DOES NOT FIT: fewer sequences, checkpointing, more cards or a larger one"
    return line("memory", f"{number(need)} of {number(have)} GiB a card: {verdict}")


def training_page(found: Training, offers: Sequence[Offer]) -> str:
    """Return the page as text."""
    note = line("", "90 % intervals, from sources that the fit had not seen")
    return "\n".join([*head(found), *causes(found), *run_lines(found, offers), memory_line(found), note])
