"""The one way a conversation becomes tokens, for training, counting, answering and comparing. Torch-free.

Rule 1  Every rendering is asked not to think aloud; templates that know no such switch ignore it.
Rule 2  What is trained must begin with what is asked when answering: otherwise the model never sees its own prompt.
Rule 3  A model without `{% generation %}` markers is trained with TRL's marked copy of its template, if that renders
        the very same tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.engine import Message

GENERATION_MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")
HOW: dict[str, Any] = {"tokenize": True, "enable_thinking": False}
"""Rule 1. Without the switch Qwen3 and Nemotron ask for thoughts that the training rows do not have."""

NO_TEMPLATE = "the tokenizer has no chat template; wanted chat_template.jinja beside the model"
NO_MARKERS = (
    "the chat template has no {% generation %} markers, so the answers cannot be told from the prompts; "
    "add them around the assistant's content and end of turn, or set assistant_only_loss to false"
)
RENDERED_OTHERWISE = (
    "the template with generation markers renders other tokens than the model's own; "
    "cut the conversation to one question and its answer, or set assistant_only_loss to false"
)
PROMPT_NOT_A_PREFIX = (
    "the template renders the prompt in another way when answering than when training; "
    "wanted a template whose generation prompt begins the assistant's turn"
)


@dataclass(frozen=True, slots=True)
class TrainingTemplate:
    """The template to train with (None is the tokenizer's own), or what is wrong with it."""

    marked: str | None = None
    fault: str | None = None


def token_ids(tokenizer: Any, turns: Sequence[Message], *, answer_next: bool = False) -> list[int]:
    """Return the tokens of a conversation; with `answer_next`, up to where the assistant speaks."""
    return list(tokenizer.apply_chat_template(list(turns), return_dict=False, add_generation_prompt=answer_next, **HOW))


def token_ids_and_mask(tokenizer: Any, turns: Sequence[Message], marked: str | None) -> tuple[list[int], list[int]]:
    """Return the tokens and, for each, 1 where the assistant speaks."""
    rendered = tokenizer.apply_chat_template(
        list(turns), return_dict=True, return_assistant_tokens_mask=True, chat_template=marked, **HOW
    )
    return list(rendered["input_ids"]), list(rendered["assistant_masks"])


def training_template(tokenizer: Any, assistant_only: bool) -> TrainingTemplate:
    """Return how to render rows for the loss (Rule 3)."""
    if not tokenizer.chat_template:
        return TrainingTemplate(fault=NO_TEMPLATE)
    if not assistant_only or GENERATION_MARK.search(tokenizer.chat_template):
        return TrainingTemplate()
    from trl.chat_template_utils import get_training_chat_template  # late: only models without markers need it

    try:
        return TrainingTemplate(marked=get_training_chat_template(tokenizer))
    except ValueError:
        return TrainingTemplate(fault=NO_MARKERS)


def template_faults(tokenizer: Any, turns: Sequence[Message], ids: Sequence[int], marked: str | None) -> list[str]:
    """Return what is wrong with `ids`, the rendering of a conversation ending with the assistant (Rules 2, 3)."""
    faults: list[str] = []
    own = token_ids(tokenizer, turns)
    if marked and list(ids) != own:
        faults.append(RENDERED_OTHERWISE)
    prompt = token_ids(tokenizer, turns[:-1], answer_next=True)
    if own[: len(prompt)] != prompt:
        faults.append(PROMPT_NOT_A_PREFIX)
    return faults


def end_of_turn_ids(tokenizer: Any) -> set[int]:
    """Return the token ids that end an assistant turn: the eos, and what the template writes after an answer."""
    ends = {int(tokenizer.eos_token_id)}
    if tokenizer.chat_template:
        special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
        ids = token_ids(tokenizer, [Message(role="user", content="a"), Message(role="assistant", content="a")])
        ends.update([token for token in ids if token in special][-1:])
    return ends
