"""Pre-train the base model that the default scenario tunes: a Llama decoder of about a million weights, on two cores.

    python scenarios/ticket_routing/pretrain_base.py [--steps N]        writes base_model/ beside this file

It reads generic text only (see generic_text.py) and stops if a phrasing, message or answer of the routing task is in
it. The same interpreter and libraries on the same kind of processor give the same bytes; elsewhere rounding differs.
"""

import argparse
import os
import random
import time
from pathlib import Path

os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # before torch: busy waiting beside another process is 8-10 times slower

import torch
from generic_text import FIELD_TEXTS, SKILL_TEXTS, Chat, docstrings, field_texts, forbidden, load_fields, skill_chats
from make_data import ROWS, expand, groups, load_phrasings, make_split
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
SEED = 7  # any number does
THREADS = 2
VOCABULARY = 2048  # small: the embedding is already a quarter of the model
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
SHAPE = {  # multiples of 64, the block of NF4
    "hidden_size": 192,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
WINDOW_TOKENS = 128
BATCH_WINDOWS = 16
STEPS = 1500  # 3 million tokens, 1.3 times through the text: as much as ten minutes of one core allow
PEAK_LEARNING_RATE = 3e-3  # usual for models of a million weights; no other was tried
WARMUP_STEPS = 100
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def make_texts() -> list[str]:
    """All pre-training texts in training order. Raises ValueError if one holds anything of the routing task."""
    fields, rng = load_fields(), random.Random(SEED)
    plain = [*docstrings(), *field_texts(fields, FIELD_TEXTS, rng)]
    texts = [text + END for text in plain] + [render(chat) for chat in skill_chats(fields, SKILL_TEXTS, rng)]
    phrasings = load_phrasings()
    records = [record for split in ROWS for record in make_split(phrasings, split)]
    found = forbidden(texts, records, [text for _, _, pattern in groups(phrasings) for text in expand(pattern)])
    if found:
        raise ValueError(f"the pre-training text holds parts of the routing task; reword generic_text.toml: {found}")
    rng.shuffle(texts)
    return texts


def render(chat: Chat) -> str:
    """A conversation as the chat template writes it."""
    return "".join(f"{START}{turn['role']}\n{turn['content']}{END}\n" for turn in chat)


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE learned from the texts, with the chat template; padding and end of turn are different tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[PAD, START, END], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=PAD, eos_token=END, model_max_length=SHAPE["max_position_embeddings"]
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama decoder with fresh weights and the input embedding reused as the head."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        **SHAPE,
    )
    return LlamaForCausalLM(config)


def train(model: LlamaForCausalLM, tokens: torch.Tensor, steps: int) -> float:
    """Next-token training on random windows of the token stream; the mean loss of the last tenth of the steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, total_steps=steps, pct_start=min(0.5, WARMUP_STEPS / steps), cycle_momentum=False
    )
    generator = torch.Generator().manual_seed(SEED)
    losses: list[float] = []
    started = time.monotonic()
    for step in range(steps):
        starts = torch.randint(len(tokens) - WINDOW_TOKENS, (BATCH_WINDOWS,), generator=generator)
        batch = torch.stack([tokens[start : start + WINDOW_TOKENS] for start in starts.tolist()])
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 250 == 0:
            print(f"step {step} loss {losses[-1]:.3f} after {time.monotonic() - started:.0f} s", flush=True)
    tail = losses[-max(1, steps // 10) :]
    return sum(tail) / len(tail)


def main() -> None:
    """Write base_model/: weights, config, tokenizer and chat template."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, default=HERE / "base_model")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    texts = make_texts()
    tokenizer = make_tokenizer(texts)
    tokens = torch.tensor([token for ids in tokenizer(texts)["input_ids"] for token in ids])
    model = make_model(tokenizer)
    print(f"{len(texts)} texts, {len(tokens)} tokens, {model.num_parameters()} weights")
    loss = train(model, tokens, options.steps)
    model.to(torch.bfloat16).save_pretrained(options.out, safe_serialization=True)
    tokenizer.save_pretrained(options.out)
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"loss {loss:.3f}; {options.out}: {size} bytes")


if __name__ == "__main__":
    main()
