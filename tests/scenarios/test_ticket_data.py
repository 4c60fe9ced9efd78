"""The default scenario's data can be made again by anyone, and its test rows cannot be answered by having seen them."""

import importlib
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

TICKETS = Path(__file__).resolve().parents[2] / "scenarios" / "ticket_routing"
SPLITS = ("train", "valid", "test")
QUESTION = "queue, product: "
QUEUES = {"access", "billing", "network", "plans", "privacy", "repair", "returns", "sales", "setup", "shipping"}
PRODUCTS = {"app", "none", "speaker", "tablet", "watch", "website"}


@pytest.fixture(autouse=True)
def scripts_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TICKETS))


@pytest.fixture
def make_data() -> ModuleType:
    return importlib.import_module("make_data")


def rows(split: str) -> list[tuple[str, dict[str, str]]]:
    lines = (TICKETS / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    turns = [json.loads(line)["messages"] for line in lines]
    assert all([turn["role"] for turn in pair] == ["user", "assistant"] for pair in turns)
    assert all(user["content"].startswith(QUESTION) for user, _ in turns)
    return [(user["content"].removeprefix(QUESTION), json.loads(assistant["content"])) for user, assistant in turns]


@pytest.mark.parametrize("split", SPLITS)
def test_the_recipe_writes_the_same_bytes_again(make_data: ModuleType, split: str) -> None:
    made = make_data.to_jsonl(make_data.make_split(make_data.load_phrasings(), split))
    assert made.encode() == (TICKETS / f"{split}.jsonl").read_bytes()


@pytest.mark.parametrize(("split", "count"), [("train", 2000), ("valid", 300), ("test", 500)])
def test_every_row_ends_in_json_of_two_known_labels(split: str, count: int) -> None:
    answers = [answer for _, answer in rows(split)]
    assert len(answers) == count
    assert all(list(answer) == ["queue", "product"] for answer in answers)
    assert Counter(answer["queue"] for answer in answers) == dict.fromkeys(QUEUES, count // len(QUEUES))
    assert {answer["product"] for answer in answers} == PRODUCTS


def test_no_phrasing_stands_in_two_splits(make_data: ModuleType) -> None:
    texts: dict[str, set[str]] = {split: set() for split in SPLITS}
    for _, split, pattern in make_data.groups(make_data.load_phrasings()):
        texts[split] |= {make_data.normalised(text) for text in make_data.expand(pattern)}
    assert min(len(found) for found in texts.values()) > 60  # 50 problems and some hints and frames in valid
    assert not texts["train"] & texts["valid"]
    assert not texts["train"] & texts["test"]
    assert not texts["valid"] & texts["test"]


def test_a_phrasing_moved_into_two_splits_is_refused_by_name(make_data: ModuleType, tmp_path: Path) -> None:
    source = (TICKETS / "phrasings.toml").read_text(encoding="utf-8")
    spoiled = source.replace('"are your servers down"', '"Please unlock my (user|login)"').replace(
        '"we want to resell it', '"I forgot my password!", "we want to resell it'
    )
    path = tmp_path / "phrasings.toml"
    path.write_text(spoiled, encoding="utf-8")
    with pytest.raises(ValueError, match=r"please unlock my user|Please unlock my user") as fault:
        make_data.load_phrasings(path)
    assert "I forgot my password!" in str(fault.value)  # both faults at once


@pytest.mark.parametrize("held_out", ["valid", "test"])
def test_no_held_out_message_is_a_near_copy_of_a_training_message(make_data: ModuleType, held_out: str) -> None:
    def shingles(message: str) -> frozenset[tuple[str, ...]]:
        words = make_data.normalised(message).split()
        return frozenset(tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2)))

    train = [shingles(message) for message, _ in rows("train")]
    nearest = {
        message: max(len(known & own) / len(known | own) for known in train)
        for message, own in ((message, shingles(message)) for message, _ in rows(held_out))
    }
    # Near copies are usually called at 0.8 of shared three-word runs; greetings and order notes alone give up to 0.2.
    assert max(nearest.values()) < 0.3, max(nearest, key=lambda message: nearest[message])


def test_a_message_never_contradicts_itself() -> None:
    seen: dict[str, dict[str, str]] = {}
    for split in SPLITS:
        for message, answer in rows(split):
            assert seen.setdefault(message.lower(), answer) == answer


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("where is my delivery", ["where is my delivery"]),
        (
            "the (wifi|line) is (down|slow)",
            ["the wifi is down", "the wifi is slow", "the line is down", "the line is slow"],
        ),
        ("(I|we) paid", ["I paid", "we paid"]),
    ],
)
def test_a_pattern_stands_for_all_its_choices(make_data: ModuleType, pattern: str, texts: list[str]) -> None:
    assert make_data.expand(pattern) == texts


def test_the_generic_text_of_the_base_holds_nothing_of_the_task(make_data: ModuleType) -> None:
    generic = importlib.import_module("generic_text")
    random = importlib.import_module("random")
    fields, rng = generic.load_fields(), random.Random(1)
    texts = list(generic.field_texts(fields, 2000, rng))
    texts += [turn["content"] for chat in generic.skill_chats(fields, 2000, rng) for turn in chat]
    phrasings = make_data.load_phrasings()
    patterns = [text for _, _, pattern in make_data.groups(phrasings) for text in make_data.expand(pattern)]
    records = [record for split in SPLITS for record in make_data.make_split(phrasings, split)]
    assert generic.forbidden(texts, records, patterns) == []
    assert generic.forbidden([*texts, "He said: the line was down, I want to pay."], records, patterns) == []
    leaked = [*texts, "He said: I would like to pause my membership for two months!", '{"queue":"x"}']
    assert generic.forbidden(leaked, records, patterns) == ["i would like to pause my membership for two months"]


def test_the_base_model_is_small_plain_and_can_tell_padding_from_the_end_of_a_turn() -> None:
    base = TICKETS / "base_model"
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert "auto_map" not in config
    assert config["hidden_size"] % 64 == config["intermediate_size"] % 64 == 0  # whole blocks of NF4
    assert config["pad_token_id"] != config["eos_token_id"]
    assert "{% generation %}" in (base / "chat_template.jinja").read_text(encoding="utf-8")
    names = {path.name for path in base.iterdir()}
    assert names >= {"model.safetensors", "tokenizer.json", "tokenizer_config.json", "MODEL_CARD.md"}
    assert sum(path.stat().st_size for path in base.iterdir()) < 3_000_000
