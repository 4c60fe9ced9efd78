"""Every common record shape to one: messages with roles. Pure; every fault of a record at once.

Rule 1  A record has exactly one shape; one that fits two (a stray `text` beside `messages`) is a fault.
Rule 2  Messages run: an optional system message first, then user and assistant in turn, assistant last.
Rule 3  No text is empty, and all of it can be written as UTF-8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

LABELS: Final = ("label", "category")
"""Columns that hold the answer beside a `text`; the second is Banking77's."""
SPEAKERS: Final = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
"""Role names in use to the three that are kept; tool and function turns are no training record here."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: role system, user or assistant, and its text."""

    role: str
    content: str


class About(NamedTuple):
    """What a record says of itself beside its text; empty, or None, where it says nothing.

    Records of one `group` (a customer, a thread, a document) belong on one side of a split.
    """

    group: str = ""
    source: str = ""
    licence: str = ""
    synthetic: bool | None = None


NOTHING: Final = About()
"""A record that says nothing of itself."""
GROUPS: Final = ("group", "group_id", "conversation_id", "thread_id", "session_id", "customer_id", "user_id", "doc_id")
"""Names of the field that says which records belong together, the first one present counts."""


class RecordError(ValueError):
    """A record that cannot be used; `faults` says all that is wrong with it."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


def shape_of(record: Mapping[str, Any]) -> str:
    """Return the name of the record's one shape; raises RecordError where it has none or two (Rule 1)."""
    if {"chosen", "rejected"} & record.keys():
        raise RecordError(["is a preference pair; wanted one answer a record: keep pairs in a file of their own"])
    names = [name for name, (needed, _) in SHAPES.items() if needed <= record.keys()]
    names = [name for name in names if name != "text" or not any(label in record for label in LABELS)]
    if len(names) == 1:
        return names[0]
    held = ", ".join(sorted(str(key)[:40] for key in record)[:8]) or "nothing"
    if names:
        raise RecordError([f"fits {' and '.join(names)} at once (it holds {held}); wanted one shape: remove the other"])
    wanted = "; ".join("+".join(sorted(needed)) for needed, _ in SHAPES.values())
    raise RecordError([f"holds {held}; wanted one of: {wanted}"])


def normalise(record: Mapping[str, Any]) -> list[Message]:
    """Return the record's messages; plain `text` becomes one assistant message. Raises RecordError with every fault."""
    shape = shape_of(record)
    messages, faults = SHAPES[shape][1](record)
    faults += content_faults(messages)
    if not faults and shape != "text":
        faults += order_faults(messages)
    if faults:
        raise RecordError(faults)
    return messages


def about(record: Mapping[str, Any]) -> About:
    """Return what a record says of itself; NOTHING where it says nothing."""
    group = next((f"{name}={record[name]}" for name in GROUPS if record.get(name) not in (None, "")), "")
    source, licence = record.get("source"), record.get("licence") or record.get("license")
    made = SPOKEN.get(str(record.get("synthetic")).casefold())
    found = About(group, "" if source is None else str(source), "" if licence is None else str(licence), made)
    return NOTHING if found == NOTHING else found


SPOKEN: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
"""How records write whether a model wrote them."""

Read = tuple[list[Message], list[str]]


def turns(value: Any, name: str) -> Read:
    """Return the messages of a list of role/content or from/value turns, and its faults."""
    if not isinstance(value, list) or not value:
        found = "empty" if value == [] else type(cast("object", value)).__name__
        return [], [f"{name} is {found}; wanted a list of turns with role and content"]
    messages: list[Message] = []
    faults: list[str] = []
    for place, turn in enumerate(cast("list[Any]", value)):
        here = f"{name}[{place}]"
        role, content, fault = turn_parts(turn, here)
        faults += [fault] if fault else []
        if role in SPEAKERS:
            messages.append(Message(SPEAKERS[role], content))
        elif not fault:
            faults.append(f"{here} has the role {role[:40]!r}; wanted system, user (human) or assistant (gpt)")
    return messages, faults


def turn_parts(turn: Any, here: str) -> tuple[str, str, str]:
    """Return role, content and fault (empty if none) of one turn in either of its two spellings."""
    if not isinstance(turn, dict):
        return "", "", f"{here} is {type(turn).__name__}; wanted an object with role and content"
    fields = cast("dict[str, Any]", turn)
    pairs = [(fields[a], fields[b]) for a, b in (("role", "content"), ("from", "value")) if a in fields and b in fields]
    if len(pairs) != 1:
        return "", "", f"{here} holds {', '.join(sorted(fields))[:80]}; wanted role and content, or from and value"
    role, content = pairs[0]
    if not isinstance(role, str) or not isinstance(content, str):
        return "", "", f"{here} has a role or content that is no text"
    return role, content, ""


def texts(record: Mapping[str, Any], *names: str) -> tuple[list[str], list[str]]:
    """Return the named fields as text, and a fault for each that is none."""
    faults = [
        f"{name} is {type(record[name]).__name__}; wanted text" for name in names if type(record[name]) is not str
    ]
    return [str(record[name]) for name in names], faults


def pair(user: str, assistant: str) -> list[Message]:
    """Return one question and its answer."""
    return [Message("user", user), Message("assistant", assistant)]


def from_messages(record: Mapping[str, Any]) -> Read:
    """Read `messages`: role and content (R036)."""
    return turns(record["messages"], "messages")


def from_conversations(record: Mapping[str, Any]) -> Read:
    """Read `conversations`: role and content, or ShareGPT's from and value (R035)."""
    return turns(record["conversations"], "conversations")


def from_prompt_completion(record: Mapping[str, Any]) -> Read:
    """Read `prompt` and `completion`, each text or a list of turns (R037)."""
    if list in (type(record["prompt"]), type(record["completion"])):
        asked, first = turns(record["prompt"], "prompt")
        answered, second = turns(record["completion"], "completion")
        return asked + answered, first + second
    (prompt, completion), faults = texts(record, "prompt", "completion")
    return pair(prompt, completion), faults


def from_instruction_response(record: Mapping[str, Any]) -> Read:
    """Read `instruction` and `response` (R033)."""
    (instruction, response), faults = texts(record, "instruction", "response")
    return pair(instruction, response), faults


def from_instruction_output(record: Mapping[str, Any]) -> Read:
    """Read `instruction`, `input` (may be empty or absent) and `output` (R034)."""
    (instruction, given, output), faults = texts({"input": "", **record}, "instruction", "input", "output")
    return pair(f"{instruction}\n\n{given}" if given.strip() else instruction, output), faults


def from_labelled_text(label: str) -> Callable[[Mapping[str, Any]], Read]:
    """Return the reader of `text` with its label in the column `label`."""

    def read(record: Mapping[str, Any]) -> Read:
        (text, answer), faults = texts(record, "text", label)
        return pair(text, answer), faults

    return read


def from_text(record: Mapping[str, Any]) -> Read:
    """Read `text` alone: all of it is learned, so it is the assistant's (R039)."""
    (text,), faults = texts(record, "text")
    return [Message("assistant", text)], faults


SHAPES: Final[dict[str, tuple[frozenset[str], Callable[[Mapping[str, Any]], Read]]]] = {
    "messages": (frozenset({"messages"}), from_messages),
    "conversations": (frozenset({"conversations"}), from_conversations),
    "prompt_completion": (frozenset({"prompt", "completion"}), from_prompt_completion),
    "instruction_response": (frozenset({"instruction", "response"}), from_instruction_response),
    "instruction_output": (frozenset({"instruction", "output"}), from_instruction_output),
    **{f"text_{label}": (frozenset({"text", label}), from_labelled_text(label)) for label in LABELS},
    "text": (frozenset({"text"}), from_text),
}
"""Shape to the names that it needs and its reader; names beyond these (an id, a source) are left alone."""


def content_faults(messages: list[Message]) -> list[str]:
    """Return a fault for each text that is empty, holds NUL, or cannot be written as UTF-8 (Rule 3)."""
    faults: list[str] = []
    for place, message in enumerate(messages, start=1):
        if not message.content.strip():
            faults.append(f"message {place} ({message.role}) is empty; wanted text")
        elif "\x00" in message.content:
            faults.append(f"message {place} ({message.role}) holds a NUL character; wanted text")
        elif any("\ud800" <= letter <= "\udfff" for letter in message.content):
            faults.append(f"message {place} ({message.role}) is not valid UTF-8; save the file as UTF-8")
    return faults


def order_faults(messages: list[Message]) -> list[str]:
    """Return the fault in the order of roles, if there is one (Rule 2)."""
    roles = [message.role for message in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken or len(spoken) % 2 or spoken != ["user", "assistant"] * (len(spoken) // 2):
        order = ", ".join(roles[:8])
        return [f"has the roles {order}; wanted an optional system, then user and assistant in turn, assistant last"]
    return []
