"""A small random Llama with a byte-level tokenizer and a ChatML template, made once a session; nothing is committed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.plan import Lora, Method, TrainSettings
from runner.engine import ModelRef, StepReport, TrainJob

TEMPLATE = """{%- for message in messages -%}
{%- if message['role'] == 'assistant' -%}
<|im_start|>assistant
{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}

{% else -%}
<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}"""
COLOURS = ("red", "green", "blue", "white", "black", "amber", "violet", "olive")
THINGS = ("door", "lamp", "chair", "kite", "boat", "stone")


def colour_rows() -> list[dict[str, object]]:
    """Ask for the colour in a sentence; the answer is that word in JSON."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"the {thing} is {colour}"},
                {"role": "assistant", "content": json.dumps({"colour": colour})},
            ]
        }
        for thing in THINGS
        for colour in COLOURS
    ]


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def make_base(directory: Path) -> Path:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((json.dumps(row) for row in colour_rows()), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|im_end|>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(directory)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model folder: hidden 128, 2 layers, tied embeddings, float32."""
    pytest.importorskip("torch")
    return make_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """48 conversations, 6 things in 8 colours."""
    return write_rows(tmp_path / "train.jsonl", colour_rows())


FULL = Method(kind="full", optimizer="adamw_torch")
QLORA = Method(kind="qlora", quantisation="nf4", double_quantisation=True, lora=Lora(rank=8))


class Watching:
    """Keeps what it hears; `on_step` may meddle with the world, as a fault would."""

    def __init__(self, on_step: Callable[[int], bool] = lambda step: True):
        self.on_step, self.steps, self.notes = on_step, [], []
        self.commits: list[int] = []
        self.evaluations: list[tuple[int, float]] = []
        self.steps: list[StepReport]
        self.notes: list[tuple[str, str]]

    def started(self, step: int, total_steps: int) -> None:
        self.start = (step, total_steps)

    def stepped(self, report: StepReport) -> bool:
        self.steps.append(report)
        return self.on_step(report.step)

    def committed(self, step: int, bytes_written: int, seconds: float) -> None:
        self.commits.append(step)
        assert bytes_written > 0
        assert seconds > 0

    def evaluated(self, step: int, loss: float, seconds: float) -> None:
        self.evaluations.append((step, loss))
        assert seconds > 0

    def note(self, event: str, detail: str) -> None:
        self.notes.append((event, detail))


@pytest.fixture
def job(base: Path, colours: Path, tmp_path: Path) -> Callable[..., TrainJob]:
    def make(
        method: Method = FULL, objective: Any = "chat", records: Path = colours, dtype: str = "float32", **settings: Any
    ) -> TrainJob:
        wanted = {"learning_rate": 2e-3, "max_steps": 6, "micro_batch": 4, "accumulation": 2, "max_length": 64}
        return TrainJob(
            model=ModelRef(base, method.quantisation, method.double_quantisation, dtype),
            method=method,
            settings=TrainSettings.model_validate({**wanted, "save_every_steps": 2, **settings}),
            objective=objective,
            records=records,
            checkpoints=tmp_path / "checkpoints",
            output=tmp_path / "output",
        )

    return make


@pytest.fixture(scope="session")
def engine() -> Any:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from runner.engines.trl import TrlEngine

    return TrlEngine()


@pytest.fixture(scope="session")
def tuned(engine: Any, base: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """A reference to base + adapter that answers the colour questions."""
    folder = tmp_path_factory.mktemp("tuned")
    ref = ModelRef(base, "nf4", True, "float32")
    engine.train(
        TrainJob(
            model=ref,
            method=Method(kind="qlora", quantisation="nf4", double_quantisation=True, lora=Lora(rank=16)),
            settings=TrainSettings(
                learning_rate=5e-3, max_steps=80, micro_batch=16, accumulation=1, max_length=64, save_every_steps=80
            ),
            objective="chat",
            records=write_rows(folder / "train.jsonl", colour_rows()),
            checkpoints=folder / "checkpoints",
            output=folder / "adapter",
        ),
        Watching(),
    )
    return replace(ref, adapter=folder / "adapter")
