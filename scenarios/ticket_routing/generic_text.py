"""The text the base model is pre-trained on: what anyone has offline, and nothing of the routing task. Stdlib only.

Three sources, all made by seed: docstrings of the running interpreter's standard library; short texts about one field
of life each, from `generic_text.toml`; and skill questions in chat form (copy words, write a list as JSON, sort a
small story by topic, degree and thing) whose keys and labels are not those of the routing task. `forbidden` proves it.
"""

import ast
import json
import random
import re
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from make_data import Record, expand, normalised

HERE = Path(__file__).resolve().parent
MAX_DOCSTRING_CHARACTERS = (
    700_000  # a fifth of the text: enough for plain English, little enough to leave room for the rest
)
FIELD_TEXTS = 16_000
SKILL_TEXTS = 24_000
FRAMES = (
    "{0}, {1} and {2} are words of one kind.",
    "He talked about the {0} and then about the {1}.",
    "Where there is a {0} there is often a {1}.",
    "The book on the {0} has a chapter on the {1}.",
    "She wrote about a {0}, a {1} and a {2}.",
    "From {0} it is not far to {1}.",
    "Did anybody see the {0}?",
    "My uncle knows all about the {0}, and my aunt about the {1}.",
)
STORIES = (
    "The {0} and the {1} were the talk of the day.",
    "First came the {0}, then the {1}.",
    "We remember the {0}.",
    "There was a {0} in the picture.",
    "Nobody had thought of the {0}.",
    "All of them liked the {0} more than the {1}.",
)
Chat = list[dict[str, str]]


def load_fields(path: Path = HERE / "generic_text.toml") -> dict[str, Any]:
    """The fields of life with their words and sentences, the degrees and the things with their values."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def docstrings() -> Iterator[str]:
    """Docstrings of the standard library, plain ASCII prose of one paragraph each, in path order."""
    root = Path(sysconfig.get_path("stdlib"))
    left = MAX_DOCSTRING_CHARACTERS
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if {"test", "tests", "site-packages", "idlelib", "encodings", "lib2to3"} & set(parts):
            continue
        for text in _docstrings_of(path):
            left -= len(text)
            if left < 0:
                return
            yield text


def field_texts(fields: dict[str, Any], count: int, rng: random.Random) -> Iterator[str]:
    """Short texts of five to nine sentences, each text about one field."""
    for _ in range(count):
        field = rng.choice(fields["field"])
        lines: list[str] = []
        for _ in range(rng.randrange(5, 10)):
            own = rng.random() < 0.75
            lines.append(rng.choice(expand(rng.choice(field["says"]))) if own else _framed(FRAMES, field["words"], rng))
        text = " ".join(lines)
        yield text.lower() if rng.random() < 0.1 else text


def skill_chats(fields: dict[str, Any], count: int, rng: random.Random) -> Iterator[Chat]:
    """Question and answer in chat form: sort a story into JSON (most of them), copy, write a list as JSON."""
    for _ in range(count):
        skill = rng.choices((_sort_story, _copy, _list_words), weights=(8, 1, 1))[0]
        question, answer = skill(fields, rng)
        yield [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def forbidden(texts: list[str], records: list[Record], phrasings: list[str]) -> list[str]:
    """What the base must not have seen and has: every phrasing, message or answer of the task found in the texts."""
    haystack = f" {' | '.join(normalised(text) for text in texts)} "
    task = {normalised(phrasing) for phrasing in phrasings if len(normalised(phrasing).split()) > 3}
    task |= {normalised(message["content"]) for record in records for message in record["messages"]}
    return sorted(text for text in task if f" {text} " in haystack)


def _docstrings_of(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # the library ships a few files that are broken on purpose
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for paragraph in re.split(r"\n\s*\n", ast.get_docstring(node) or ""):
                text = " ".join(paragraph.split())
                if len(text) > 60 and text.isascii() and not re.search(r">>>|[|={}<>_/]{2}", text):
                    yield text


def _framed(frames: tuple[str, ...], words: list[str], rng: random.Random) -> str:
    text = rng.choice(frames).format(*rng.sample(words, 3))
    return text[0].upper() + text[1:]


def _sort_story(fields: dict[str, Any], rng: random.Random) -> tuple[str, str]:
    """A story on one topic, perhaps with a degree and a thing; the answer names the three under the keys asked for."""
    field = rng.choice([field for field in fields["field"] if "topic" in field])
    own = rng.random() < 0.6
    parts = [rng.choice(expand(rng.choice(field["says"]))) if own else _framed(STORIES, field["words"], rng)]
    values = [field["topic"]]
    for kind in ("degree", "thing"):
        trait = rng.choice(list(fields[kind].values()))
        values.append(rng.choice(list(trait)))
        parts.append(rng.choice(trait[values[-1]]))
    rng.shuffle(parts)
    keys = rng.sample([word for field in fields["field"] for word in field["words"] if word.isalpha()], 3)
    question = f"{', '.join(keys)}: {' '.join(part for part in parts if part)}"
    return question.lower() if rng.random() < 0.1 else question, _compact(dict(zip(keys, values, strict=True)))


def _copy(fields: dict[str, Any], rng: random.Random) -> tuple[str, str]:
    words = rng.sample(rng.choice(fields["field"])["words"], 3)
    return f"Say again: {', '.join(words)}", ", ".join(words)


def _list_words(fields: dict[str, Any], rng: random.Random) -> tuple[str, str]:
    words = rng.sample(rng.choice(fields["field"])["words"], 3)
    return f"As a list: {' and '.join(words)}", _compact(words)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
