"""Score the dry run on published peaks: what a card measured against what the step on fake tensors holds.

    python -m benchmarks.dryrun ../shared/reference/memory/vram_truth.csv 2026-11-21 [--every 3]

Rows: training, one card, grade A. Of equal questions one is asked (a run measured again is a row again); `--every n`
takes every n-th question. Rows that measured padded batches state no length: it is set once, from one row, for all of
them, and that row is not scored. One process asks all; no answer is kept. Prints markdown.
"""

import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from advisor.catalog import find_config, find_model
from runner.engines.dryrun import answer

PUBLISHED_WORKSPACE_BYTES = 2 * (4096 * 2 + 16 * 8) * 1024
"""cuBLAS's own default below Hopper, :4096:2:16:8 KiB, for the forward and the backward thread."""
LENGTHS = (512, 768)  # tokens; what is held is a straight line in between
SET_BY = "V0087"  # LoRA of rank 32: the row that sets the longest padded batch
PADDED = "peft-method-comparison-MetaMathQA"
NO_STAND_IN = {
    "gptq": "GPTQ's kernels are not run here",
    "lora-fa": "the optimizer is its authors' own",
    "mixtral": "transformers 5 keeps experts in one parameter, these rows' version in many 4-bit maps",
    "bdlora": "another adapter than PEFT's plain one",
    "mica": "another adapter than PEFT's plain one",
    "steps1000": "a shorter run, which may not have met the longest batch",
}
LOSSES = {"default": "shifted", "fast CE kernel": "fast", "liger fused CE": "fused"}
NEVER_UPCAST = {"shifted": "plain", "fast": "fast_plain"}
"""Losses of a family whose code before transformers 4.50 leaves its logits in 16 bits."""
NAMES = {"NousResearch/Llama-2-70b-hf": "meta-llama/Llama-2-70b-hf"}


def why_not(row: dict[str, str]) -> str | None:
    """Return why a row is not asked, None where it is."""
    text = " ".join((row["quant"], row["optimizer"], row["model"], row["notes"])).lower()
    return next((reason for word, reason in NO_STAND_IN.items() if word in text), None)


def question(row: dict[str, str], tokens: int) -> dict[str, Any]:
    """Return the question a row answers."""
    padded, full, nf4 = row["source"] == PADDED, row["method"] == "full", "nf4" in row["quant"]
    lora = {"rank": int(float(row["lora_r"] or 16)), "targets": row["lora_targets"].split()}
    return {
        "config": find_config(NAMES.get(row["model"], row["model"])),
        "method": {
            "kind": "full" if full else "qlora" if nf4 else "lora",
            "quantisation": "nf4" if nf4 else None,
            "double_quantisation": nf4,
            "lora": None if full else lora,
            "optimizer": "adamw_torch",
        },
        "settings": {
            "micro_batch": int(row["micro_batch"]),
            "accumulation": int(row["grad_accum"]),
            "max_length": tokens,
            "gradient_checkpointing": row["grad_ckpt"] == "True",
        },
        "kept_dtype": "bfloat16",
        "trained_dtype": "bfloat16" if full else "float32",
        "autocast": row["autocast"] in {"bf16", "True"},
        "loss": "held" if padded else _loss(row),
        "padded": padded,
        "dora": row["method"] == "dora",
        "workspace_bytes": PUBLISHED_WORKSPACE_BYTES,
    }


def _loss(row: dict[str, str]) -> str:
    loss = LOSSES[row["loss_impl"]]
    return NEVER_UPCAST.get(loss, loss) if "bigcode" in row["model"] else loss


def allocated_gib(row: dict[str, str]) -> list[float]:
    """Return the peak in GiB at the row's length, or at LENGTHS where it states none."""
    positions = find_model(NAMES.get(row["model"], row["model"])).learned_positions  # the tokenizer truncates to them
    cap = min(int(row["seq_len"]), positions or int(row["seq_len"]))
    lengths = LENGTHS if row["source"] == PADDED else (cap,)
    return [answer(question(row, tokens))["allocated_bytes"] / 2**30 for tokens in lengths]


def groups(rows: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Yield rows that ask the same question."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(json.dumps(question(row, 0), sort_keys=True), []).append(row)
    yield from found.values()


def at(share: float, peaks: list[float]) -> float:
    """Return a peak at a length between LENGTHS, stated as a share of the way; a single peak as it is."""
    return peaks[0] + share * (peaks[-1] - peaks[0])


def main() -> None:
    """Ask, score, print."""
    rows = list(csv.DictReader(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))
    rows = [row for row in rows if (row["quality"], row["n_gpus"], row["task"]) == ("A", "1", "train")]
    left = Counter(reason for row in rows if (reason := why_not(row)))
    every = int(sys.argv[sys.argv.index("--every") + 1]) if "--every" in sys.argv else 1
    whole = list(groups([row for row in rows if why_not(row) is None]))
    chosen = [
        group for index, group in enumerate(whole) if index % every == 0 or SET_BY in {r["row_id"] for r in group}
    ]
    started = time.perf_counter()
    peaks: list[tuple[list[dict[str, str]], list[float]]] = []
    for group in chosen:
        peaks.append((group, allocated_gib(group[0])))
        print(f"{len(peaks)} of {len(chosen)}", file=sys.stderr, flush=True)
    share = next(
        (float(row["peak_mem_gib"]) - found[0]) / (found[-1] - found[0])
        for group, found in peaks for row in group if row["row_id"] == SET_BY
    )  # fmt: skip
    scored = [(row, at(share, found)) for group, found in peaks for row in group if row["row_id"] != SET_BY]
    print(report(scored, left, len(chosen), len(whole), share, time.perf_counter() - started, sys.argv[2]))


def report(
    scored: list[tuple[dict[str, str], float]], left: Counter[str], asked_: int, of: int, share: float,
    seconds: float, day: str,
) -> str:  # fmt: skip
    """Return the dated result as markdown."""
    tokens = LENGTHS[0] + share * (LENGTHS[1] - LENGTHS[0])
    lines = [
        f"# Dry run, {day}",
        "",
        f"{asked_} of {of} different questions of the one-card, grade-A training rows were asked, {len(scored)} rows "
        f"scored, in {seconds:.0f} s of a shared CPU; the longest padded batch, {tokens:.0f} tokens, was set by row "
        f"{SET_BY}.",
        "Not asked: " + "; ".join(f"{n} rows: {why}" for why, n in left.most_common()) + ".",
        "",
        "| rows | n | median error | p90 | mean signed | too low |",
        "|---|---|---|---|---|---|",
    ]
    cuts = {"all": scored}
    for key in ("source", "method", "loss_impl"):
        cuts |= {f"{key} {v}": [s for s in scored if s[0][key] == v] for v in sorted({s[0][key] for s in scored})}
    lines += [line(name, part) for name, part in cuts.items()]
    worst = sorted(scored, key=lambda one: -abs(error(one)))[:12]
    lines += [
        "",
        "Worst rows:",
        "",
        "| row | model | method | loss | batch | measured GiB | dry run GiB | error |",
        "|" + "---|" * 8,
    ]
    lines += [
        f"| {row['row_id']} | {row['model']} | {row['method']} {row['quant']} | {row['loss_impl'][:14]} | "
        f"{row['micro_batch']} | {float(row['peak_mem_gib']):.2f} | {found:.2f} | {error((row, found)):+.1%} |"
        for row, found in worst
    ]
    return "\n".join(lines)


def error(one: tuple[dict[str, str], float]) -> float:
    """Return prediction over measurement, less one."""
    return one[1] / float(one[0]["peak_mem_gib"]) - 1


def line(name: str, part: list[tuple[dict[str, str], float]]) -> str:
    """Return one markdown row."""
    errors = [error(one) for one in part]
    sizes = sorted(map(abs, errors))
    p90 = sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))]
    low = sum(e < 0 for e in errors) / len(errors)
    return f"| {name} | {len(part)} | {median(sizes):.2%} | {p90:.2%} | {sum(errors) / len(errors):+.2%} | {low:.0%} |"


if __name__ == "__main__":
    main()
