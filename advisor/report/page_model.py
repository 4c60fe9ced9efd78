"""The cost model as the script of a page: the advice's own figures, each formula written out once, and the ladder.

The script has one function, which takes the inputs as a list and returns every figure as a list, and one that decides.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from advisor.advice import Advice
from advisor.report.live import MONTH, Line, decisions, is_input, lines
from advisor.report.months import bill_name, by_month
from pricing.units import LABELS

CALENDAR = "calendar_share"
"""The formula that says how many months there are."""


class Slot:
    """How the script refers to a figure: `v[3]`, `v[3][m]` in a month, or one level of it."""

    def __init__(self, index: int, line: Line, moving: bool = False) -> None:
        self.index, self.line, self.moving = index, line, moving

    def level(self, index: int) -> str:
        """Return one level."""
        return f"v[{self.index}][{index}]"

    def __format__(self, code: str) -> str:
        """Return the value in this month; `all` the whole list, `count` how many there are."""
        if code == "count":
            return str(len(by_month(self.line.figure)))
        whole = f"v[{self.index}]"
        if code == "all":
            return whole
        return f"{whole}[m]" if self.line.shape == "months" else f"({whole}*F(m))" if self.moving else whole


class Month:
    """The number of the month in the script."""

    def level(self, index: int) -> str:
        """Return the month; it has no levels."""
        return f"{index}"

    def __format__(self, code: str) -> str:
        """Return the month."""
        return "m"


class Slider(NamedTuple):
    """One slider: the inputs it sets, or multiplies where `factor` is true; `log`: even steps are even factors."""

    id: str
    label: str
    unit: str
    inputs: tuple[int, ...]
    factor: bool
    log: bool
    value: float
    low: float
    high: float


def proportional(program: Sequence[Line]) -> set[str]:
    """Return the single figures that are proportional to the prices of hosted tokens: a year's price moves them whole.

    Prices of fine-tuned models at a vendor are among them, as they are in `finance.price_path: switch_yearly`.
    """
    found: set[str] = set()
    for line in program:
        leaf = is_input(line) and of_tokens(line.name, line.figure.unit)
        if leaf or (line.shape == "one" and line.figure.note in BY_PRICE and found & set(line.figure.inputs.values())):
            found.add(line.name)
    return found


BY_PRICE = {
    "token_cost_usd_per_task", "prompt_usd_per_task", "answer_usd_per_task", "both_usd_per_task",
    "mixed_usd_per_task",
}  # fmt: skip
"""Formulas of a task's cost that double when every token price doubles."""


def statement(
    index: int, line: Line, places: Mapping[str, int], program: Sequence[Line], moving: Collection[str]
) -> str:
    """Return the script's line for one figure; `moving` are those that a month's bill takes at the year's price."""
    if is_input(line):
        return f"v[{index}]=x[{index}];"
    if line.texts is None:
        values = by_month(line.figure)
        return f"v[{index}]={values if line.shape != 'one' else values[0]!r};"

    def refer(name: str) -> Any:
        return (
            Month()
            if name == MONTH
            else Slot(places[name], program[places[name]], line.shape == "months" and name in moving)
        )

    texts = line.texts(refer)
    if line.shape == "levels":
        return f"v[{index}]=[{','.join(texts)}];"
    if line.shape == "months":
        counted = ""
        if line.figure.note == CALENDAR:
            months = Slot(*of(line, places, program))
            counted = f"N=Math.max(1,Math.ceil({months}));"
        return f"{counted}v[{index}]=months(N,m=>{texts[0]});"
    kept = f"kept[{index}]??" if line.name.endswith(".purchase") else ""
    return f"v[{index}]={kept}({texts[0]});"


def of(line: Line, places: Mapping[str, int], program: Sequence[Line]) -> tuple[int, Line]:
    """Return place and line of a figure's first input."""
    place = places[next(iter(line.figure.inputs.values()))]
    return place, program[place]


def script(advice: Advice) -> str:
    """Return the functions `run(inputs, kept)` and `decide(now, low)`."""
    program = lines(advice)
    places = {line.name: place for place, line in enumerate(program)}
    moving = proportional(program)
    body = "\n".join(statement(place, line, places, program, moving) for place, line in enumerate(program))
    head = "function run(x,kept){const v=[],F=m=>POWER(yearly,INT(m/12));let N=1;"
    return f"{head}\n{body}\nreturn v;}}\n{deciding(advice, places)}"


def deciding(advice: Advice, places: Mapping[str, int]) -> str:
    """Return the function that leads from costs to the ladder's place, or one that knows no verdict."""
    model = advice.model
    if model is None:
        return "function decide(v,w){return null;}"

    def cost(of_what: str) -> Callable[[str], str]:
        return lambda key: f"{of_what}[{places[f'{key}.lifetime']}]"

    steps = decisions(model, cost("v"), cost("w"))
    names = {step.name: f"d.{step.name}" for step in steps}
    body = "".join(f"d.{step.name}={step.text.format(**names)};" for step in steps)
    return f"function decide(v,w){{const d={{}};{body}return d;}}"


def data(advice: Advice) -> dict[str, Any]:
    """Return what the page's script needs beside the functions, as plain JSON."""
    program = lines(advice)
    places = {line.name: place for place, line in enumerate(program)}
    return {
        "name": advice.scenario.name,
        "currency": advice.currency,
        "rate": advice.usd_rate,
        "model": None if advice.model is None else {name: getattr(advice.model, name) for name in MODEL_NAMES},
        "outcomes": [] if advice.model is None else [[o.title, o.because] for o in advice.model.outcomes],
        "advised": [advice.verdict.title, advice.verdict.because],
        "volume": None if advice.model is None else places[advice.model.volume],
        "low": None if advice.model is None else advice.figures[advice.model.volume].low,
        "high": None if advice.model is None else advice.figures[advice.model.volume].high,
        "tasks": places.get("lifetime_tasks"),
        "horizon": advice.horizon_months,
        "figures": [
            {
                "name": line.name,
                "value": line.figure.value,
                "unit": LABELS[line.figure.unit],
                "letter": line.figure.letter,
                "grade": line.figure.grade,
                "note": line.figure.note,
                "on": None if line.figure.on is None else str(line.figure.on),
                "inputs": {parameter: places[below] for parameter, below in line.figure.inputs.items()},
                "free": is_input(line),
            }
            for line in program
        ],
        "roads": [
            {
                "key": option.key,
                "title": option.title,
                "trains": option.trains,
                "success": option.success_share,
                "lifetime": places[f"{option.key}.lifetime"],
                "upfront": places[advice.figures[f"{option.key}.lifetime"].inputs["upfront_usd"]],
                "bill": places[bill_name(advice, option.key)],
                "purchase": places.get(f"{option.key}.purchase"),
            }
            for option in advice.options
        ],
        "sliders": [slider._asdict() for slider in sliders(advice, program)],
    }


MODEL_NAMES = ("today", "equal", "trained", "ladder", "annual_discount_share")


def sliders(advice: Advice, program: Sequence[Line]) -> list[Slider]:
    """Return the sliders of this advice: those of its inputs that a reader wants to move."""
    places = {line.name: place for place, line in enumerate(program) if is_input(line)}
    made: list[Slider] = []
    for id_, name, label, least, most, log in SINGLE:
        path = name or (advice.model.volume if id_ == "volume" else advice.model.horizon) if advice.model else name
        if path not in places:
            continue
        line = program[places[path]]
        value = by_month(line.figure)[0]
        value = min(value, advice.horizon_months) if id_ == "horizon" else value
        top = value if id_ == "horizon" else max(value * most, least if log else REACH)
        bottom = value / most if log else least
        made.append(Slider(id_, label, LABELS[line.figure.unit], (places[path],), False, log, value, bottom, top))
    if not any(slider.id == PATH.id for slider in made) and proportional(program):
        made.append(PATH)
    for id_, label, kind, low, high in FACTORS:
        moved = tuple(places[name] for name in places if kind(name, program[places[name]].figure.unit))
        if moved:
            made.append(Slider(id_, label, "times today's", moved, True, True, 1.0, low, high))
    return made


def of_machines(name: str, unit: str) -> bool:
    """Say whether an input is the price of an hour of a card or machine."""
    return unit == "usd_per_gpu_hour" or name.startswith(("price.gpu", "local_machine.usd"))


def of_tokens(name: str, unit: str) -> bool:
    """Say whether an input is a vendor's price by the token."""
    return unit == "usd_per_million_tokens" and name.startswith("price.api")


REACH = 100.0
"""Hours: what a slider reaches at least, so that an input of nought can be moved."""
SINGLE = (
    # id, input (empty: the model names it), label, least, most over today's value, logarithmic
    ("volume", "", "Tasks a month", 1.0, 100.0, True),
    ("horizon", "", "Months compared", 1.0, 1.0, False),
    ("build", "people.build_hours", "Hours to build", 0.0, 4.0, False),
    ("operate", "people.operate_hours_per_month", "Hours to operate, a month", 0.0, 4.0, False),
    ("wage", "people.usd_per_hour", "An hour of work", 0.0, 4.0, False),
    ("path", "price_path.switch", "Hosted tokens, price after a year", 0.1, 4.0, False),
)
PATH = Slider("path", "Hosted tokens, price after a year", "times", (), False, False, 1.0, 0.1, 1.5)
"""The price path where the scenario has none: 1 is flat; a vendor's cheapest model fell further (pricing.paths)."""
FACTORS = (
    # id, label, which inputs, least, most
    ("cards", "Price of cards and machines", of_machines, 0.25, 4.0),
    ("tokens", "Price of hosted tokens", of_tokens, 0.1, 4.0),
)
"""Wide enough for a year's fall in token prices (pricing.paths) and for a shortage of cards."""
