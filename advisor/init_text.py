"""A first scenario as commented text: what is known, why each line matters, and what nobody has said yet."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

WIDTH: Final = 96  # a comment beside a value stays within this column, or stands above it
BESIDE: Final = 34  # the column in which comments begin
PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*", re.ASCII)
WORDS_OF_YAML: Final = {"true", "false", "yes", "no", "null", "on", "off", "y", "n"}
TAIL: Final = """\
# Not asked here, and assumed with a reason until you write it: people (hours, wages, labels),
# serving, finance (currency, discount, margins), candidates (base model, cards), constraints,
# quality.error_usd. `advise -v` prints every assumption in use; the scenarios that come with
# Crossover show every field.
"""


class Line(NamedTuple):
    """One field: its path of one or two names, its value as YAML, and what a reader should know of it."""

    path: str
    value: str
    why: str


class Draft(NamedTuple):
    """A scenario to be written: comments at its head, and its fields."""

    head: Sequence[str]
    lines: Sequence[Line]


def scalar(text: str) -> str:
    """Return text as one YAML value: bare where it can only be read one way, else in quotes."""
    bare = PLAIN.fullmatch(text) and text.lower() not in WORDS_OF_YAML
    return text if bare else json.dumps(text, ensure_ascii=False)


def number(value: float) -> str:
    """Return a number as a scenario writes it: thousands marked, four significant digits where it is no whole one."""
    return f"{round(value):_d}" if value >= 1000 or value == round(value) else f"{value:.4g}"


def spread(low: float, value: float, high: float) -> str:
    """Return `low..value..high`, or the value alone where the three read the same."""
    texts = [number(part) for part in (low, value, high)]
    return texts[1] if len(set(texts)) == 1 else "..".join(texts)


def commented(text: str, why: str, indent: str) -> Iterator[str]:
    """Yield a field with its comment beside it, or above it where it has lines of its own or the line is too long."""
    beside = f"{text:<{BESIDE - 1}} # {why}"
    if not why or "\n" in text:
        yield from [*([f"{indent}# {why}"] if why else []), text]
    elif len(beside) <= WIDTH:
        yield beside
    else:
        yield f"{indent}# {why}"
        yield text


def body(lines: Iterable[Line]) -> Iterator[str]:
    """Yield the fields, section by section, in the order given."""
    for section, group in groupby(lines, key=lambda line: line.path.partition(".")[0]):
        members = list(group)
        if len(members) == 1 and "." not in members[0].path:
            yield from commented(f"{section}: {members[0].value}", members[0].why, "")
            continue
        yield f"{section}:"
        for line in members:
            name = line.path.partition(".")[2]
            gap = "" if line.value.startswith("\n") else " "
            yield from commented(f"  {name}:{gap}{line.value}", line.why, "  ")


def text(draft: Draft) -> str:
    """Return the scenario's text."""
    head = [f"# {part}" for line in draft.head for part in wrapped(line)]
    return "\n".join([*head, *body(draft.lines), TAIL])


def wrapped(line: str) -> list[str]:
    """Return a comment cut into lines of the width, those after the first set in."""
    first = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, WIDTH - 2, subsequent_indent=f"{first}  ", drop_whitespace=True) or [""]
