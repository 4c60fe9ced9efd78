"""A small random Llama with a byte-level tokenizer and a ChatML template, made once a session; nothing is committed."""

import json
from pathlib import Path

import pytest

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
