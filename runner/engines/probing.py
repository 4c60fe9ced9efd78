"""How unlikely a model finds texts: for forgetting, perplexity and leakage. No gradients, padded batches."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from runner.engine import Loss, Message
from runner.engines.answering import Loaded
from runner.engines.template import end_of_turn_ids, token_ids

IGNORED = -100  # what torch's cross-entropy leaves out
MAX_TOKENS = 1024  # a text's beginning says enough; keeps the logits of a batch small


def scored_ids(tokenizer: Any, text: str | Sequence[Message]) -> tuple[list[int], int]:
    """Return a text's tokens up to its end, and from which on they are scored: the second, or the last turn's first."""
    if isinstance(text, str):
        return tokenizer(text, add_special_tokens=True)["input_ids"][:MAX_TOKENS], 1
    ids = token_ids(tokenizer, text)
    ends = end_of_turn_ids(tokenizer)
    last = next((place for place in reversed(range(len(ids))) if ids[place] in ends), len(ids) - 1)
    ids = ids[: last + 1]  # what the template writes after the end of turn was never trained
    prompt = token_ids(tokenizer, text[:-1], answer_next=True)
    return ids[:MAX_TOKENS], max(1, min(len(prompt), len(ids)))


def losses(loaded: Loaded, texts: Sequence[str | Sequence[Message]], batch_rows: int) -> Iterator[list[Loss]]:
    """Yield each text's loss, `batch_rows` texts at a time; a text of one token has nothing to score."""
    for start in range(0, len(texts), batch_rows):
        rows = [scored_ids(loaded.tokenizer, text) for text in texts[start : start + batch_rows]]
        width = max(2, *(len(ids) for ids, _ in rows))
        padding = loaded.tokenizer.pad_token_id
        ids = torch.tensor([[*one, *[padding] * (width - len(one))] for one, _ in rows])
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one, _ in rows])
        places = torch.arange(width)
        first = torch.tensor([begin for _, begin in rows])
        wanted = torch.where((mask == 1) & (places >= first[:, None]), ids, IGNORED)[:, 1:]
        device = loaded.model.device
        with torch.inference_mode():
            logits = loaded.model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits[:, :-1]
            nats = torch.nn.functional.cross_entropy(
                logits.float().transpose(1, 2), wanted.to(device), ignore_index=IGNORED, reduction="none"
            ).sum(dim=1)
        counts = wanted.ne(IGNORED).sum(dim=1).tolist()
        yield [Loss(float(nat), int(count)) for nat, count in zip(nats.tolist(), counts, strict=True)]
