"""Greedy answers: the template's generation prompt, left padding, stop at the end of turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from runner.engine import Answer, Message, ModelRef
from runner.engines.loading import load_model, load_tokenizer
from runner.engines.template import end_of_turn_ids, token_ids


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to answer, and the state of the files it was loaded from."""

    key: tuple[Any, ...]
    model: Any
    tokenizer: Any


def cache_key(ref: ModelRef) -> tuple[Any, ...]:
    """Return what must be unchanged for a loaded model to be used again: reference, files, their size and time."""
    folders = [folder for folder in (ref.directory, ref.adapter) if folder is not None]
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    return (ref, *((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files))


def load(ref: ModelRef, key: tuple[Any, ...]) -> Loaded:
    """Load model and tokenizer for answering."""
    model = load_model(ref)
    model.eval()
    return Loaded(key, model, load_tokenizer(ref.directory))


def answers(
    loaded: Loaded, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
) -> Iterator[list[Answer]]:
    """Yield the answers of `batch_rows` prompts at a time, in their order."""
    tokenizer = loaded.tokenizer
    ends = end_of_turn_ids(tokenizer)
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
    )
    for start in range(0, len(prompts), batch_rows):
        ids = [token_ids(tokenizer, turns, answer_next=True) for turns in prompts[start : start + batch_rows]]
        width = max(len(one) for one in ids)
        padding = [[0] * (width - len(one)) for one in ids]
        batch = torch.tensor([[tokenizer.pad_token_id] * len(p) + one for p, one in zip(padding, ids, strict=True)])
        mask = torch.tensor([p + [1] * len(one) for p, one in zip(padding, ids, strict=True)])
        device = loaded.model.device
        with torch.inference_mode():
            out = loaded.model.generate(
                input_ids=batch.to(device), attention_mask=mask.to(device), generation_config=config
            )
        yield [answer_text(tokenizer, row[width:].tolist(), ends) for row in out]


def answer_text(tokenizer: Any, ids: list[int], ends: set[int]) -> Answer:
    """Return the text before the first end of turn, and whether there was one."""
    length = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    ended = length < len(ids)
    return Answer(tokenizer.decode(ids[:length], skip_special_tokens=True), ended=ended, tokens=length + ended)
