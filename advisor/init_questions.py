"""What `advise init` asks on a terminal, as a table: field, question, why it matters, default; checked as it is typed.

Rule 1  An answer is judged by the scenario's own field, so that what is written reads back without a fault.
Rule 2  Whatever may be unknown may be answered with `unknown`; Enter takes the default.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from advisor.init_text import Draft, Line, scalar
from advisor.quantity import UNKNOWN_WORD, Measure
from advisor.scenario_file import field_at, wish
from pricing.names import PriceError
from pricing.table import PriceBook

TRIAL: Final = re.compile(r"\s*(\d[\d_]*)\s*/\s*(\d[\d_]*)\s*", re.ASCII)


class AnswerError(ValueError):
    """An answer that the field cannot hold; the message says what was wanted and the next step."""


class Question(NamedTuple):
    """One question: the field's path, what is asked, why it matters, and the default (empty: an answer is needed)."""

    path: str
    ask: str
    why: str
    default: str


QUESTIONS: Final = (
    Question("name", "A name for the task", "files and reports carry it", "my-task"),
    Question("task.kind", "What kind of task: classification, extraction, routing, generation, chat, summarisation, "
             "rewriting, other", "narrow tasks tune well, open-ended ones do not", "extraction"),
    Question("task.role", "Does the answer feed other code (inner) or talk to people (outer)",
             "an inner task can be checked by a program", "inner"),
    Question("task.knowledge_changes", "How often do the facts behind the answers change: never, yearly, monthly, "
             "weekly, daily", "facts that change belong in a store that is looked up, not in weights", UNKNOWN_WORD),
    Question("volume.tasks_per_month", "Tasks a month, exact or low..high", "volume decides whether an up-front cost "
             "is ever repaid", UNKNOWN_WORD),
    Question("volume.lifetime_months", "For how many months will the task be there", "the horizon of every cost",
             "6..12..24"),
    Question("tokens.input", "Tokens a task sends, instructions included", "the larger part of most bills", "1_000"),
    Question("tokens.output", "Tokens of the answer", "each costs several times an input token", "100"),
    Question("today.model", "The hosted model you use, as vendor/model (`prices list` shows them)",
             "every saving is against today's bill", ""),
    Question("today.monthly_bill_usd", "Its bill a month, in USD", "held against tokens x price: over 15 % apart is "
             "reported", UNKNOWN_WORD),
    Question("quality.metric", "How is an answer scored: exact_match, json_match, accuracy, macro_f1",
             "without a score nobody knows whether a prompt fails", "exact_match"),
    Question("quality.target", "The share of right answers you need, for example 0.9",
             "a prompt that reaches it ends the question", UNKNOWN_WORD),
    Question("evidence.prompting", "Prompts you have scored, as right/scored: 196/250, 204/250; Enter for none",
             "fine-tuning is for what prompting consistently fails at: two prompts or more", "none"),
    Question("evidence.retrieval", "The same with retrieval or tools: 210/250; Enter for none",
             "what a look-up repairs needs no training", "none"),
    Question("data.rows", "How many labelled examples do you have", "under 100 are not enough", UNKNOWN_WORD),
    Question("constraints.data_may_leave", "May the data leave your own machines: true, false",
             "false rules every vendor out, before any money", UNKNOWN_WORD),
)  # fmt: skip
"""In the order of the file."""


def said(question: Question, answer: str) -> str:
    """Return an answer as the scenario's YAML; raises AnswerError where its field cannot hold it."""
    if question.path.startswith("evidence."):
        return trials(answer)
    location = tuple(question.path.split("."))
    field = field_at(location)
    if field is None:
        message = f"{question.path} is no field of a scenario"
        raise AnswerError(message)
    raw: Any = {"true": True, "false": False}.get(answer.lower(), answer)
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    try:
        TypeAdapter[Any](kind).validate_python(raw)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        context: dict[str, Any] = first.get("ctx", {})
        wanted, step = wish(location, first["type"], context, answer)
        message = f"wanted {wanted}; {step}"
        raise AnswerError(message) from None
    is_number = any(isinstance(rule, Measure) for rule in field.metadata)
    return answer.lower() if isinstance(raw, bool) else answer if is_number else scalar(answer)


def trials(answer: str) -> str:
    """Return `196/250, 204/250` as a list of trials, `none` as not tried; raises AnswerError."""
    if answer.lower() in ("none", UNKNOWN_WORD):
        return "{not_tried: nobody has scored it yet}"
    made: list[str] = []
    for place, part in enumerate(answer.split(","), 1):
        found = TRIAL.fullmatch(part)
        right, scored = (int(count) for count in found.groups()) if found else (1, 0)
        if not 0 <= right <= scored or not scored:
            message = "wanted right/scored, at most all of them right, for example 196/250, 204/250; or none"
            raise AnswerError(message)
        made.append(f"\n    - {{variant: variant {place}, n: {scored}, successes: {right}}}")
    return "".join(made)


def model_check(book: PriceBook, as_of: date) -> Callable[[str], str]:
    """Return what answers an empty text for a model with a price, else why it has none and what is near it."""

    def check(name: str) -> str:
        try:
            book.api(name, as_of)
        except PriceError as fault:
            return str(fault).partition("; next:")[0]
        return ""

    return check


def draft(answers: Mapping[str, str]) -> Draft:
    """Return the scenario of all answers, each with why it was asked."""
    lines = [Line(question.path, answers[question.path], question.why) for question in QUESTIONS]
    head = ("A first scenario; every line can be changed, and `unknown` is an answer. Then: advise this file.",)
    return Draft(head, lines)
