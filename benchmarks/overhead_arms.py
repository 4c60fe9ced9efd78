"""The arms of benchmarks.overhead: one training, by a plain TRL script and by the runner's engine under its meter."""

import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

STORY = Path(__file__).resolve().parents[1] / "scenarios" / "ticket_routing"
BATCH, MAX_LENGTH, RATE, SEED, RANK, ALPHA = 16, 160, 4e-3, 1, 16, 32
"""The default scenario's own settings."""


class Marks:
    """When a training loop began and ended, on the wall and on the processor."""

    def __init__(self) -> None:
        self.seconds: list[tuple[float, float]] = []

    def mark(self) -> None:
        """Note this moment."""
        self.seconds.append((time.perf_counter(), time.process_time()))

    def loop(self) -> dict[str, float]:
        """Return the seconds from the first to the last mark."""
        (wall, processor), (last_wall, last_processor) = self.seconds[0], self.seconds[-1]
        return {"loop_wall": last_wall - wall, "loop_processor": last_processor - processor}


def bare(work: Path, steps: int) -> dict[str, Any]:
    """Train as a plain script would: load in 4 bits, SFTTrainer, save the adapter."""
    import torch
    from datasets import load_dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TrainerCallback
    from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportAttributeAccessIssue]

    quantised = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )  # fmt: skip
    folder = STORY / "base_model"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, quantization_config=quantised)
    rows = load_dataset("json", data_files=str(work / "train.jsonl"), split="train", cache_dir=str(work / "cache"))
    marks, losses = Marks(), list[float]()

    class Clock(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            marks.mark()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.mark()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            losses.extend([logs["loss"]] if "loss" in logs else [])

    arguments = SFTConfig(
        output_dir=str(work / "out"), max_steps=steps, per_device_train_batch_size=BATCH, learning_rate=RATE,
        gradient_accumulation_steps=1, lr_scheduler_type="cosine", warmup_steps=4, optim="adamw_8bit", seed=SEED,
        data_seed=SEED, max_length=MAX_LENGTH, assistant_only_loss=True, packing=False, bf16=False, use_cpu=True,
        gradient_checkpointing=False, save_strategy="no", logging_steps=steps, report_to="none", disable_tqdm=True,
        dataloader_pin_memory=False, loss_type="nll",
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, args=arguments, train_dataset=rows, callbacks=[Clock()],
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
    )  # fmt: skip
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:  # TRL makes it bfloat16, five times slower on a processor without it
            parameter.data = parameter.data.float()
    trainer.train()
    trainer.save_model(str(work / "adapter"))
    return {**marks.loop(), "loss": statistics.fmean(losses), "steps": steps}


def timed_own() -> list[float]:
    """Wrap all that the runner does of its own in a step; return where its processor seconds gather."""
    from runner.engines import committing

    spent: list[float] = []
    for place, name in (
        (committing.StepTally, "begin"),
        (committing.StepTally, "check"),
        (committing.Reporter, "on_optimizer_step"),
        (committing.Reporter, "on_step_end"),
    ):
        setattr(place, name, timed(getattr(place, name), spent))
    return spent


def timed(call: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """Return the call, adding its thread's processor seconds to `spent`."""

    def around(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return call(*arguments, **named)
        finally:
            spent.append(time.thread_time() - began)

    return around


def ours(work: Path, steps: int, save_every_steps: int) -> dict[str, Any]:
    """Train as a stage of `run` does: metered into a ledger, with heartbeats and a screen."""
    from advisor.plan import Lora, Method, TrainSettings
    from runner import clock
    from runner.budget import Budget
    from runner.engine import ModelRef, StepReport, TrainJob
    from runner.engines.trl import TrlEngine
    from runner.ledger import Ledger
    from runner.meter import Meter, Rate
    from runner.progress import StderrScreen

    marks, losses, saves, own = Marks(), list[float](), list[tuple[int, float]](), timed_own()

    class Marking(Meter):
        def started(self, step: int, total_steps: int) -> None:
            super().started(step, total_steps)
            marks.mark()

        def stepped(self, report: StepReport) -> bool:
            go_on = super().stepped(report)
            losses.append(report.loss)
            marks.mark()
            return go_on

        def committed(self, step: int, bytes_written: int, seconds: float) -> None:
            super().committed(step, bytes_written, seconds)
            saves.append((bytes_written, seconds))

    method = Method(
        kind="qlora", quantisation="nf4", double_quantisation=True, lora=Lora(rank=RANK, alpha=ALPHA),
        optimizer="adamw_8bit",
    )  # fmt: skip
    settings = TrainSettings(
        learning_rate=RATE, max_steps=steps, micro_batch=BATCH, accumulation=1, max_length=MAX_LENGTH, seed=SEED,
        warmup_share=4 / steps, save_every_steps=save_every_steps,
    )  # fmt: skip
    job = TrainJob(
        model=ModelRef(STORY / "base_model", "nf4", True, "float32"), method=method, settings=settings,
        objective="chat", records=work / "train.jsonl", checkpoints=work / "checkpoints", output=work / "adapter",
    )  # fmt: skip
    wide = Budget(Decimal(1000), Decimal(1000))
    rate = Rate(Decimal(1), "this benchmark", rented=False)
    ledger = Ledger(work / "ledger.jsonl", "0" * 64)
    meter = Marking(ledger, clock, clock.now_seconds(), rate, wide, StderrScreen())
    meter.start("here", "this boot")
    with meter.heartbeats(lambda: None, lambda: None):
        meter.enter("sft")
        TrlEngine().train(job, meter)
    ledger.close()
    return {**marks.loop(), "loss": statistics.fmean(losses), "steps": steps, "saves": saves, "own": sum(own)}


def as_bare_computes() -> None:
    """Let the runner's trainer score every position, as TRL's does: then only what the runner adds differs."""
    from runner.engines import training

    training.has_plain_head = lambda _: False


def act(arm: str, work: Path, steps: int) -> dict[str, Any]:
    """Run one arm in this process."""
    if arm == "bare":
        return bare(work, steps)
    if arm == "run":
        as_bare_computes()
    return ours(work, steps, 1 if "saving" in arm else 10 * steps)
