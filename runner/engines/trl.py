"""The TRL engine: QLoRA, LoRA and full fine-tuning, greedy answers, and merging, behind runner.engine.Engine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch.utils import deterministic
from transformers import PrinterCallback

from runner.engine import MergeResult, Message, ModelRef, TrainJob, TrainResult, Watcher
from runner.engines import answering, merging
from runner.engines.checkpoints import CheckpointStore, Commit, export, sha256_of, weights_sha256
from runner.engines.data import TokenRow, load_token_rows
from runner.engines.loading import DTYPES, device_name, known_noise, load_base, load_model, load_tokenizer, versions
from runner.engines.memory import PeakMemory
from runner.engines.template import token_ids
from runner.engines.training import Collator, CommittingTrainer, Reporter, sft_config

HARMLESS_SETTINGS = frozenset({"save_every_steps", "keep_checkpoints", "log_every_steps"})
"""They do not shape the trajectory, so a resume may change them."""
TRAINED_IN = ("bfloat16", "float32")


class TrlEngine:
    """Engine on transformers, TRL, peft and bitsandbytes; one model is kept loaded between calls of `answer`."""

    def __init__(self) -> None:
        self._loaded: answering.Loaded | None = None

    def identity(self) -> dict[str, str]:
        """Return package versions, the device and the number of threads."""
        return {**versions(), "device": device_name(), "threads": str(torch.get_num_threads())}

    def count_tokens(self, model: Path, conversations: Sequence[Sequence[Message]]) -> list[int]:
        """Return the templated length in tokens of each conversation with the model's own tokenizer."""
        tokenizer = load_tokenizer(model)
        return [len(token_ids(tokenizer, turns)) for turns in conversations]

    def train(self, job: TrainJob, watcher: Watcher) -> TrainResult:
        """Train, going on from the newest committed checkpoint.

        Raises BadDataError, TrainingDivergedError, ChangedSinceCheckpointError, or ValueError for a job that
        contradicts itself. Peak memory is that of this call (see runner.engines.memory).
        """
        check_job(job)
        self._loaded = None
        peak = PeakMemory()
        store = CheckpointStore(
            job.checkpoints, job.settings.keep_checkpoints, fingerprint(job), self.identity(), watcher.note
        )
        found = store.open()
        if found is None or found[1].step < job.settings.max_steps:
            with known_noise():
                found = _train_on(job, store, watcher, found)
        directory, commit = found
        finished = commit.step >= job.settings.max_steps
        if finished:
            export(directory, job.output, job.model.directory.name)
        return TrainResult(
            finished=finished,
            step=commit.step,
            sha256=weights_sha256(directory),
            output=job.output,
            trainable_parameters=commit.trainable_parameters,
            peak_bytes=peak.peak_bytes(),
        )

    def answer(
        self, model: ModelRef, prompts: Sequence[Sequence[Message]], max_new_tokens: int, batch_rows: int
    ) -> Iterator[list[str]]:
        """Yield greedy answers batch by batch, in the order of the prompts; the assistant's turn only."""
        key = answering.cache_key(model)
        if self._loaded is None or self._loaded.key != key:
            self._loaded = None  # free the old one before the new one is loaded
            with known_noise():
                self._loaded = answering.load(model, key)
        yield from answering.answers(self._loaded, prompts, max_new_tokens, batch_rows)

    def merge(self, model: ModelRef, samples: Sequence[Sequence[Message]], output: Path) -> MergeResult:
        """Merge `model.adapter` into the dequantised base, write safetensors, compare logits on samples."""
        self._loaded = None
        with known_noise():
            return merging.merge(model, samples, output)


def check_job(job: TrainJob) -> None:
    """Raise ValueError where method, model and settings contradict each other; all contradictions at once."""
    method, ref = job.method, job.model
    rules = (
        (method.kind == "qlora" and ref.quantisation is None, "qlora wants quantisation nf4, found none"),
        (method.kind != "qlora" and ref.quantisation is not None, f"{method.kind} wants no quantisation, found nf4"),
        (method.kind == "full" and method.lora is not None, "full fine-tuning wants no lora, found one"),
        (method.kind != "full" and method.lora is None, f"{method.kind} wants a lora, found none"),
        (method.kind == "full" and ref.adapter is not None, "full fine-tuning wants no adapter; merge it first"),
        (
            ref.compute_dtype not in TRAINED_IN,
            f"compute dtype {ref.compute_dtype} is not trained in here; wanted one of {', '.join(TRAINED_IN)}",
        ),
    )
    wrong = [sentence for broken, sentence in rules if broken]
    if wrong:
        raise ValueError("; ".join(wrong))


def fingerprint(job: TrainJob) -> dict[str, str]:
    """Return all that shapes the trajectory, by field: settings, method, model files, records."""
    settings = job.settings.model_dump(mode="json", exclude=set(HARMLESS_SETTINGS))
    method = job.method.model_dump(mode="json", exclude={"lora"})
    lora = job.method.lora.model_dump(mode="json") if job.method.lora else {}
    fields = {f"settings.{name}": value for name, value in settings.items()}
    fields |= {f"method.{name}": value for name, value in method.items()}
    fields |= {f"method.lora.{name}": value for name, value in lora.items()}
    fields |= {"objective": job.objective, "model.compute_dtype": job.model.compute_dtype}
    fields |= {"model.quantisation": job.model.quantisation, "model.double_quantisation": job.model.double_quantisation}
    fields["records sha256"] = sha256_of(job.records)
    for label, folder in (("model", job.model.directory), ("adapter", job.model.adapter)):
        for path in sorted(folder.iterdir()) if folder else ():
            if path.suffix in {".json", ".jinja", ".safetensors", ".model"}:
                fields[f"{label}/{path.name} sha256"] = sha256_of(path)
    return {name: str(value) for name, value in fields.items()}


def optimizer_name(job: TrainJob, watcher: Watcher) -> str:
    """Return the optimizer to use; on a CPU a paged one has nothing to page, and its plain form is taken."""
    wanted = job.method.optimizer
    if wanted.startswith("paged_") and not torch.cuda.is_available():
        plain = wanted.removeprefix("paged_")
        watcher.note("fallback", f"{wanted} has nothing to page on a CPU: {plain} is used, the arithmetic is the same")
        return plain
    return wanted


def _train_on(
    job: TrainJob, store: CheckpointStore, watcher: Watcher, found: tuple[Path, Commit] | None
) -> tuple[Path, Commit]:
    tokenizer = load_tokenizer(job.model.directory)
    rows = load_token_rows(job.records, job.objective, tokenizer, job.settings)
    torch.use_deterministic_algorithms(True, warn_only=True)
    deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]  costs time only
    trainer = build_trainer(job, store, watcher, tokenizer, rows)
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is the report's
    trainer.add_callback(Reporter(trainer, job.settings.save_every_steps))
    trainer.train(resume_from_checkpoint=str(found[0]) if found else False)
    committed = store.open()
    if committed is None:
        message = f"{job.checkpoints}: training ended without a committed checkpoint that verifies"
        raise OSError(message)
    return committed


def build_trainer(
    job: TrainJob, store: CheckpointStore, watcher: Watcher, tokenizer: Any, rows: Sequence[TokenRow]
) -> CommittingTrainer:
    """Return the trainer over a freshly loaded model.

    What is trained is kept in float32, but a QLoRA adapter in the compute dtype (Dettmers et al. 2023, section 3); only
    full fine-tuning computes in another dtype than it keeps.
    """
    full = job.method.kind == "full"
    model = load_base(job.model, torch.float32) if full else load_model(job.model, trainable=True)
    model.config.use_cache = False
    lora = job.method.lora if job.model.adapter is None else None
    names = ("input_ids", "labels", "rows", "piece_tokens")
    return CommittingTrainer(
        store=store,
        watcher=watcher,
        trained_dtype=DTYPES[job.model.compute_dtype] if job.method.kind == "qlora" else torch.float32,
        model=model,
        args=sft_config(
            job.method,
            job.settings,
            optimizer_name(job, watcher),
            store.writing,
            autocast=full and job.model.compute_dtype == "bfloat16",
        ),
        train_dataset=Dataset.from_dict({name: [getattr(row, name) for row in rows] for name in names}),
        processing_class=tokenizer,
        data_collator=Collator(tokenizer.pad_token_id, packed=job.settings.packing),
        peft_config=LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets),
            task_type="CAUSAL_LM",
        )
        if lora
        else None,
    )
