"""Make the ticket-routing data: a customer message in, one compact JSON answer out. Standard library only, seeded.

    python scenarios/ticket_routing/make_data.py            writes train.jsonl, valid.jsonl, test.jsonl beside this file

The recipe. `phrasings.toml` lists what customers say: for each of ten queues the problem, in 32 phrasings or more for
training, 5 for validation and 10 for the test; the sentences that name a product; and remarks on urgency, all split the
same way. A message is one problem, perhaps a product sentence, perhaps a remark on urgency (which changes nothing in
the answer), perhaps a greeting, an order number and a farewell; some are all in lower case, some carry a typing error.
The answer, queue and product, follows from the parts alone.

Why a score on it means something: no phrasing of valid or test occurs in training (the script refuses to write
otherwise), so a model scores by knowing what words mean. Choose settings on valid.jsonl only; test.jsonl is locked:
evaluate on it once. Rows are not independent: 500 test rows stand on 100 problem phrasings, so an interval should
resample phrasings. What it is not: real tickets. The texts are made up, in one language, with clean labels.
"""

import itertools
import json
import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SEED = 20250611  # any number does; it is fixed so that every machine writes the same bytes
ROWS = {"train": 2000, "valid": 300, "test": 500}  # 500: a proportion near 0.9 gets a standard error near 0.013
PRIORITY_WEIGHTS = {"normal": 5, "high": 3, "low": 2}  # remarks on urgency: in the message, not in the answer
NO_PRODUCT_SHARE = 0.25  # the rest names one of the products, each equally often
NOT_FOR = {"repair": ("none", "app", "website")}  # nobody drops a website; elsewhere any product may be named
TYPO_SHARE = 0.06  # messages with one typing error
LOWER_CASE_SHARE = 0.15
QUESTION = "queue, product: "  # every message is asked about in the same words, so the base gets a fair question
GREETINGS = ("", "", "Hi,", "Hello,", "Hi there,", "Good morning,", "Dear team,")
FAREWELLS = ("", "", "", "Thanks.", "Thank you.", "Kind regards", "Best wishes")
ORDER_NOTES = ("", "", "", "Order {}.", "My order number is {}.", "Customer {}.")

Phrasings = dict[str, Any]
Record = dict[str, list[dict[str, str]]]


def load_phrasings(path: Path = HERE / "phrasings.toml") -> Phrasings:
    """Every pattern by part, label and split. Raises ValueError naming each pattern that stands in two splits."""
    phrasings = tomllib.loads(path.read_text(encoding="utf-8"))
    shared = [f"{part}: {text!r}" for part, text in _in_two_splits(phrasings)]
    if shared:
        raise ValueError(f"{path.name}: phrasings in more than one split; wanted each in one: {'; '.join(shared)}")
    return phrasings


def expand(pattern: str) -> list[str]:
    """All texts of one pattern: "a (b|c)" gives "a b" and "a c"."""
    parts = [part.strip("()").split("|") for part in re.split(r"(\([^)]*\))", pattern)]
    return ["".join(choice) for choice in itertools.product(*parts)]


def normalised(text: str) -> str:
    """Lower-case words with single spaces: the form in which two phrasings are compared."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def make_split(phrasings: Phrasings, split: str) -> list[Record]:
    """The chat records of one split, distinct, in an order that depends on the seed and the split's name alone."""
    rng = random.Random(f"{SEED}:{split}")
    queues = sorted(phrasings["queue"])
    records: dict[str, Record] = {}
    while len(records) < ROWS[split]:
        queue = queues[len(records) % len(queues)]
        message, answer = _ticket(phrasings, split, queue, rng)
        user, assistant = {"role": "user", "content": QUESTION + message}, {"role": "assistant", "content": answer}
        records.setdefault(normalised(message), {"messages": [user, assistant]})
    rows = list(records.values())
    rng.shuffle(rows)
    return rows


def to_jsonl(records: list[Record]) -> str:
    """One JSON object a line, ending in a newline."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _ticket(phrasings: Phrasings, split: str, queue: str, rng: random.Random) -> tuple[str, str]:
    """One message and its answer; the order of draws is part of the format."""
    problem = _sentence(_draw(phrasings["queue"][queue][split], rng))
    priority = rng.choices(list(PRIORITY_WEIGHTS), weights=list(PRIORITY_WEIGHTS.values()))[0]
    hint = _draw(phrasings["priority"][priority][split], rng)
    product, named = "none", ""
    if rng.random() >= NO_PRODUCT_SHARE:
        product = rng.choice([name for name in phrasings["product"] if name not in NOT_FOR.get(queue, ("none",))])
        named = _draw(phrasings["product_frame"][split], rng).format(rng.choice(phrasings["product"][product]))
    body = [named, problem] if rng.random() < 0.5 else [problem, named]
    body = [hint, *body] if rng.random() < 0.3 else [*body, hint]
    note = rng.choice(ORDER_NOTES).format(rng.randrange(10_000, 100_000))
    message = " ".join(part for part in (rng.choice(GREETINGS), *body, note, rng.choice(FAREWELLS)) if part)
    answer = json.dumps({"queue": queue, "product": product}, separators=(",", ":"))
    return _noisy(message, rng), answer


def _draw(patterns: list[str], rng: random.Random) -> str:
    return rng.choice(expand(rng.choice(patterns)))


def _sentence(text: str) -> str:
    question = re.match(r"(how|why|where|when|what|who|which|is|are|can|could|do|does|did|have|has|may|will)\b", text)
    return text[0].upper() + text[1:] + ("?" if question else ".")


def _noisy(message: str, rng: random.Random) -> str:
    """Perhaps one typing error (two neighbouring letters swapped, or one left out), perhaps no capitals."""
    if rng.random() < TYPO_SHARE:
        at = rng.choice([match.start() for match in re.finditer(r"(?<=[a-z])[a-z]{2}(?=[a-z])", message)])
        swapped = message[at + 1] + message[at] if rng.random() < 0.5 else message[at]
        message = message[:at] + swapped + message[at + 2 :]
    return message.lower() if rng.random() < LOWER_CASE_SHARE else message


def groups(phrasings: Phrasings) -> Iterator[tuple[str, str, str]]:
    """Every phrasing group with meaning as (part, split, pattern); the empty pattern says nothing and is left out."""
    parts = {f"queue.{name}": splits for name, splits in phrasings["queue"].items()}
    parts |= {f"priority.{name}": splits for name, splits in phrasings["priority"].items()}
    parts["product_frame"] = phrasings["product_frame"]
    for part, splits in parts.items():
        for split, patterns in splits.items():
            yield from ((part, split, pattern) for pattern in patterns if pattern)


def _in_two_splits(phrasings: Phrasings) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for part, split, pattern in groups(phrasings):
        for text in expand(pattern):
            if seen.setdefault(normalised(text), split) != split:
                yield part, text


def main() -> None:
    """Write the three files beside this script."""
    phrasings = load_phrasings()
    for split, rows in ROWS.items():
        path = HERE / f"{split}.jsonl"
        path.write_text(to_jsonl(make_split(phrasings, split)), encoding="utf-8", newline="\n")
        print(f"{path.name}: {rows} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
