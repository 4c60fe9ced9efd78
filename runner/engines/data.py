"""Records to token rows, with every row checked before a second of training is paid for. Torch-free.

Rule 1  Nothing is cut or dropped: a conversation longer than `max_length` refuses (curation should have dropped it).
Rule 2  Plain text (objective `text`) is one long stream per record: cut into pieces of `max_length`, none lost.
Rule 3  A row that would teach nothing, or teach an answer without its end of turn, refuses.
Rule 4  Faults come all at once, grouped by kind, each with its row numbers (0 is the first line).
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from advisor.plan import TrainSettings
from runner.engine import BadDataError, Message
from runner.engines.template import end_of_turn_ids, template_faults, token_ids, token_ids_and_mask, training_template

IGNORED = -100
"""Label of a token that is read but not learned (torch's cross-entropy ignores it)."""
ROLES = ("system", "user", "assistant")
ROWS_SHOWN = 5  # enough to find the pattern in the file
TEMPLATE_PROBES = 64
"""Rows on which the template itself is tried; it treats all rows alike, so more would only cost time."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One training sequence: tokens, labels (IGNORED where not learned), source rows, length of each packed piece."""

    input_ids: list[int]
    labels: list[int]
    rows: list[int]
    piece_tokens: list[int]


@dataclass(slots=True)
class Faults:
    """Faults by kind, each with the rows it was found in."""

    source: str
    found: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def add(self, kind: str, row: int) -> None:
        """Record one fault."""
        self.found.setdefault(kind, []).append(row)

    def refuse(self) -> None:
        """Raise BadDataError naming every fault, if there are any."""
        if self.found:
            lines = [f"{self.source} cannot be trained on:"]
            lines += [f"  {len(rows)} row(s): {kind} ({_row_list(rows)})" for kind, rows in self.found.items()]
            raise BadDataError("\n".join(lines))


def _row_list(rows: Sequence[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:ROWS_SHOWN])
    more = len(rows) - ROWS_SHOWN
    return f"row {shown}" + (f" and {more} more" if more > 0 else "")


def read_rows(path: Path, faults: Faults) -> list[tuple[int, dict[str, Any]]]:
    """Return the JSON objects of a JSONL file with their line numbers from 0; other lines become faults."""
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            faults.add(f"not JSON ({error}); wanted one object a line", number)
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            faults.add(f"a {type(row).__name__}; wanted an object", number)
    if not rows:
        faults.add("no record; wanted at least one", 0)
    return rows


def message_faults(messages: object) -> list[str]:
    """Return what is wrong with one conversation; wanted: [system,] then user and assistant in turn, assistant last."""
    if not isinstance(messages, list) or not messages:
        return ["no messages; wanted a list of turns"]
    turns: list[Any] = messages
    if not all(isinstance(turn, dict) for turn in turns):
        return ["a turn that is not an object; wanted role and content"]
    faults: list[str] = []
    roles = [turn.get("role") for turn in turns]
    unknown = sorted({repr(role) for role in roles if role not in ROLES})
    if unknown:
        faults.append(f"unknown role {', '.join(unknown)}; wanted {', '.join(ROLES)}")
    elif not _in_turn(roles):
        faults.append("turns out of order; wanted [system,] then user and assistant in turn, assistant last")
    if any(not isinstance(turn.get("content"), str) for turn in turns):
        faults.append("content is null or not text; wanted a string")
    elif any(turn["role"] == "assistant" and not turn["content"].strip() for turn in turns if "role" in turn):
        faults.append("an empty assistant turn; wanted the answer to learn")
    return faults


def _in_turn(roles: Sequence[str]) -> bool:
    spoken = roles[1:] if roles[0] == "system" else roles
    wanted = ["user", "assistant"] * (len(spoken) // 2)
    return bool(spoken) and list(spoken) == wanted


def load_token_rows(
    path: Path, objective: Literal["chat", "text"], tokenizer: Any, settings: TrainSettings
) -> list[TokenRow]:
    """Read, check and tokenise the records once; raises BadDataError listing all faults."""
    faults = Faults(path.name)
    records = read_rows(path, faults)
    if objective == "chat":
        rows = _chat_rows(records, tokenizer, settings, faults)
    else:
        rows = _text_rows(records, tokenizer, settings, faults)
    faults.refuse()
    return pack(rows, settings.max_length, settings.seed) if settings.packing else rows


def _chat_rows(
    records: Sequence[tuple[int, dict[str, Any]]], tokenizer: Any, settings: TrainSettings, faults: Faults
) -> list[TokenRow]:
    template = training_template(tokenizer, settings.assistant_only_loss)
    if template.fault:
        faults.add(template.fault, 0)
    sound = _sound_conversations(records, faults)
    if template.fault or not sound:
        return []
    ends = end_of_turn_ids(tokenizer)
    rows: list[TokenRow] = []
    for number, messages in sound:
        ids = token_ids(tokenizer, messages)
        labels = list(ids)
        if settings.assistant_only_loss:
            ids, mask = token_ids_and_mask(tokenizer, messages, template.marked)
            labels = [token if learned else IGNORED for token, learned in zip(ids, mask, strict=True)]
        rows.append(TokenRow(ids, labels, [number], [len(ids)]))
        found = _row_faults(ids, labels, ends, settings)
        if template.marked or len(rows) <= TEMPLATE_PROBES:
            found += template_faults(tokenizer, messages, ids, template.marked)
        for kind in found:
            faults.add(kind, number)
    return rows


def _sound_conversations(
    records: Sequence[tuple[int, dict[str, Any]]], faults: Faults
) -> list[tuple[int, list[Message]]]:
    sound: list[tuple[int, list[Message]]] = []
    for number, record in records:
        wrong = message_faults(record.get("messages"))
        if "text" in record:
            wrong.append("`text` beside `messages`; wanted one of them, or the trainer may read the other")
        for kind in wrong:
            faults.add(kind, number)
        if not wrong:
            sound.append((number, record["messages"]))
    return sound


def _row_faults(ids: Sequence[int], labels: Sequence[int], ends: set[int], settings: TrainSettings) -> list[str]:
    faults: list[str] = []
    if not any(label != IGNORED for label in labels[1:]):
        faults.append("no token to learn; wanted an assistant turn inside the template's generation markers")
    elif settings.assistant_only_loss and any(ends.isdisjoint(run) for run in _learned_runs(labels)):
        faults.append("an answer whose end of turn is not learned; wanted it inside the generation markers")
    if len(ids) > settings.max_length:
        faults.append(
            f"longer than max_length {settings.max_length}, so its end of turn would be cut; "
            "drop these rows or raise max_length"
        )
    return faults


def _learned_runs(labels: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = [[]]
    for label in labels:
        if label != IGNORED:
            runs[-1].append(label)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _text_rows(
    records: Sequence[tuple[int, dict[str, Any]]], tokenizer: Any, settings: TrainSettings, faults: Faults
) -> list[TokenRow]:
    rows: list[TokenRow] = []
    for number, record in records:
        text = record.get("text")
        if not isinstance(text, str) or not text.strip():
            faults.add("`text` is missing, null or empty; wanted the text to learn", number)
            continue
        ids = list(tokenizer(text)["input_ids"])
        if ids[-1] != tokenizer.eos_token_id:
            ids.append(int(tokenizer.eos_token_id))
        pieces = [ids[start : start + settings.max_length] for start in range(0, len(ids), settings.max_length)]
        learnable = [piece for piece in pieces if len(piece) > 1]
        rows += [TokenRow(piece, [IGNORED, *piece[1:]], [number], [len(piece)]) for piece in learnable]
        if not learnable:
            faults.add("one token only, nothing follows it to learn; wanted a longer text", number)
    return rows


def pack(rows: Sequence[TokenRow], max_length: int, seed: int) -> list[TokenRow]:
    """Lay rows end to end, in seeded order, into sequences of at most `max_length` tokens; none is split."""
    order = list(rows)
    random.Random(seed).shuffle(order)
    packed: list[TokenRow] = []
    for row in order:
        if packed and len(packed[-1].input_ids) + len(row.input_ids) <= max_length:
            last = packed[-1]
            last.input_ids.extend(row.input_ids)
            last.labels.extend([IGNORED, *row.labels[1:]])
            last.rows.extend(row.rows)
            last.piece_tokens.append(len(row.input_ids))
        else:
            packed.append(TokenRow(list(row.input_ids), list(row.labels), list(row.rows), [len(row.input_ids)]))
    return packed
