"""Would a server of the exported folder see the tokens that were trained on, and stop where training stopped?

A server knows only the folder: its template (rendered without any switch of ours), its tokenizer, and the ends that
generation_config.json or config.json names. Those are read here as a server reads them, not as training did.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from runner.engine import Message
from runner.engines.loading import load_tokenizer
from runner.engines.template import end_of_turn_ids, token_ids


def serving_faults(trained: Path, exported: Path, samples: Sequence[Sequence[Message]]) -> list[str]:
    """Return where a server of `exported` would see other tokens, or stop elsewhere, than training with `trained`."""
    ours = load_tokenizer(trained)
    theirs = AutoTokenizer.from_pretrained(exported, local_files_only=True, trust_remote_code=False)
    if not theirs.chat_template:
        return [f"{exported.name} has no chat template: a server would make one up; copy chat_template.jinja into it"]
    faults: list[str] = []
    for row, turns in enumerate(samples):
        wanted = token_ids(ours, turns[:-1], answer_next=True)
        found = {name: one for name, one in served_ids(theirs, exported, turns[:-1]).items() if one != wanted}
        faults += [f"sample {row}: {name} gives {where_they_part(wanted, one)}" for name, one in found.items()]
    ends = named_ends(exported)
    missing = sorted(end_of_turn_ids(ours) - ends)
    if missing:
        faults.append(
            f"generation_config.json stops at {sorted(ends)}, training ended turns with {missing} as well: "
            "a server would talk on; name them in eos_token_id"
        )
    return faults


def render(folder: Path, turns: Sequence[Message], answer_next: bool) -> str:
    """Return a conversation as the folder's own template writes it, without any switch."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return str(tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=answer_next))


def served_ids(tokenizer: Any, folder: Path, turns: Sequence[Message]) -> dict[str, list[int]]:
    """Return a prompt's tokens by the ways servers go: the template to tokens, and to text and then to tokens."""
    how: dict[str, Any] = {"add_generation_prompt": True}
    text = tokenizer.apply_chat_template(list(turns), tokenize=False, **how)
    ids = tokenizer.apply_chat_template(list(turns), tokenize=True, return_dict=False, **how)
    found = {"the template": list(ids)}
    file = folder / "tokenizer.json"
    if file.is_file():  # what servers that are not in Python read
        found["tokenizer.json"] = Tokenizer.from_file(str(file)).encode(text, add_special_tokens=False).ids
    return found


def named_ends(folder: Path) -> set[int]:
    """Return the token ids at which a server of this folder stops by itself."""
    for name in ("generation_config.json", "config.json"):
        path = folder / name
        found = json.loads(path.read_bytes()).get("eos_token_id") if path.is_file() else None
        if found is not None:
            return {int(one) for one in (found if isinstance(found, list) else [found])}
    return set()


def where_they_part(wanted: Sequence[int], found: Sequence[int]) -> str:
    """Return the first place where two token lists differ, in words."""
    place = next((at for at, pair in enumerate(zip(wanted, found, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        return f"{len(found)} tokens where training had {len(wanted)}"
    return f"token {found[place]} at place {place} where training had {wanted[place]}"
