"""A training job from its checks to its artefact: trainer, resume, out-of-memory retries, the best checkpoint.

Rule 1  Out of memory halves the micro-batch, doubles the accumulation and goes on from the last commit: rows, order
        and steps stay (RUNNER.md 5). What fits is remembered beside the checkpoints; one row is the floor.
Rule 2  A run that overfits stops early, and its best checkpoint is the result; any other run's result is its last.
"""

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from datasets import Dataset
from peft import LoraConfig
from torch.utils import deterministic
from transformers import PrinterCallback
from trl.trainer.dpo_trainer import DataCollatorForPreference

from advisor.plan import Lora, TrainSettings
from runner.engine import TooLargeError, TrainJob, TrainResult, Watcher
from runner.engines.checkpoints import CheckpointStore, Commit, export, sha256_of, weights_sha256
from runner.engines.committing import Reporter
from runner.engines.data import TokenRow, load_token_rows
from runner.engines.held_out import HeldOut, evaluations, held_out_batches
from runner.engines.loading import DTYPES, device, known_noise, load_base, load_model, load_tokenizer
from runner.engines.memory import PeakMemory
from runner.engines.preferences import CommittingDpo, PairCollator, dpo_config, load_pairs, pair_rows
from runner.engines.training import Collator, CommittingTrainer, sft_config
from runner.guards import best_of, overfitted

HARMLESS_SETTINGS = frozenset({"save_every_steps", "keep_checkpoints", "log_every_steps"})
"""They do not shape the trajectory, so a resume may change them."""
SPLIT_SETTINGS = frozenset({"micro_batch", "accumulation"})
"""Only their product shapes the trajectory (to the last bits of a sum), and only it is held against a resume."""
TRAINED_IN = ("bfloat16", "float32")
FITTED = "micro_batch.json"
NO_ROOM = ("DefaultCPUAllocator: can't allocate memory", "not enough memory")
"""How torch says on a processor what is a type of its own on a card."""
Found = tuple[Path, Commit]
T = TypeVar("T")


def check_job(job: TrainJob) -> None:
    """Raise ValueError where method, model and settings contradict each other; all contradictions at once."""
    method, ref = job.method, job.model
    continued = ref.adapter is not None
    rules = (
        (method.kind == "qlora" and ref.quantisation is None, "qlora wants quantisation nf4, found none"),
        (method.kind != "qlora" and ref.quantisation is not None, f"{method.kind} wants no quantisation, found nf4"),
        (method.kind == "full" and method.lora is not None, "full fine-tuning wants no lora, found one"),
        (method.kind != "full" and method.lora is None, f"{method.kind} wants a lora, found none"),
        (method.kind == "full" and continued, "full fine-tuning wants no adapter; merge it first"),
        (job.objective == "preference" and job.beta is None, "preference tuning wants beta, found none"),
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
    settings = job.settings.model_dump(mode="json", exclude=set(HARMLESS_SETTINGS | SPLIT_SETTINGS))
    method = job.method.model_dump(mode="json", exclude={"lora"})
    lora = job.method.lora.model_dump(mode="json") if job.method.lora else {}
    fields = {f"settings.{name}": value for name, value in settings.items()}
    fields["settings.rows_per_step"] = job.settings.micro_batch * job.settings.accumulation
    fields |= {f"method.{name}": value for name, value in method.items()}
    fields |= {f"method.lora.{name}": value for name, value in lora.items()}
    fields |= {"objective": job.objective, "beta": job.beta, "model.compute_dtype": job.model.compute_dtype}
    fields |= {"model.quantisation": job.model.quantisation, "model.double_quantisation": job.model.double_quantisation}
    fields["records sha256"] = sha256_of(job.records)
    for label, folder in (("model", job.model.directory), ("adapter", job.model.adapter)):
        for path in sorted(folder.iterdir()) if folder else ():
            if path.suffix in {".json", ".jinja", ".safetensors", ".model"}:
                fields[f"{label}/{path.name} sha256"] = sha256_of(path)
    return {name: str(value) for name, value in fields.items()}


def train(job: TrainJob, watcher: Watcher, environment: dict[str, str]) -> TrainResult:
    """Train, going on from the newest committed checkpoint; peak memory is that of this call.

    Raises BadDataError, TrainingDivergedError, TooLargeError, ChangedSinceCheckpointError, or ValueError for a job that
    contradicts itself.
    """
    check_job(job)
    peak = PeakMemory()
    store = CheckpointStore(job.checkpoints, job.settings.keep_checkpoints, fingerprint(job), environment, watcher.note)
    directory, commit = in_memory(job, watcher, lambda fitted: _trained(fitted, store, watcher))
    early = _stopped_early(directory, job)
    best = _best(store, directory, watcher) if early else directory
    finished = early or commit.step >= job.settings.max_steps
    if finished:
        export(best, job.output, job.model.directory.name)
    done, _ = evaluations(directory)
    return TrainResult(
        finished=finished,
        step=commit.step,
        sha256=weights_sha256(best),
        output=job.output,
        trainable_parameters=commit.trainable_parameters,
        peak_bytes=peak.peak_bytes(),
        stopped_early=early,
        best_step=best_of(done).step if done else None,
    )


def _stopped_early(checkpoint: Path, job: TrainJob) -> bool:
    return overfitted(evaluations(checkpoint)[0], job.settings.patience)


def _best(store: CheckpointStore, newest: Path, watcher: Watcher) -> Path:
    step = best_of(evaluations(newest)[0]).step
    found = store.at(step)
    if found is None:
        watcher.note("best checkpoint", f"step {step} is gone or does not verify; {newest.name} is taken instead")
        return newest
    return found[0]


def _trained(job: TrainJob, store: CheckpointStore, watcher: Watcher) -> Found:
    found = store.open()
    if found is not None and (found[1].step >= job.settings.max_steps or _stopped_early(found[0], job)):
        return found
    with known_noise():
        trainer = build_trainer(job, store, watcher)
        if found and trainer.held_out is not None:
            trainer.held_out.read(found[0])
        trainer.train(resume_from_checkpoint=str(found[0]) if found else False)
    committed = store.open()
    if committed is None:
        message = f"{job.checkpoints}: training ended without a committed checkpoint that verifies"
        raise OSError(message)
    return committed


def in_memory(job: TrainJob, watcher: Watcher, body: Callable[[TrainJob], T]) -> T:
    """Return what `body` makes of the job, with smaller micro-batches where memory does not hold it (Rule 1)."""
    while True:
        fitted = replace(job, settings=_fitted(job))
        try:
            return body(fitted)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
        gc.collect()  # the trainer and its model go with the frames that are left now
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        _halve(job, fitted.settings, said, watcher)


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(text in str(error) for text in NO_ROOM)


def _fitted(job: TrainJob) -> TrainSettings:
    path = job.checkpoints / FITTED
    if not path.is_file():
        return job.settings
    rows, micro_batch = job.settings.micro_batch * job.settings.accumulation, int(json.loads(path.read_bytes()))
    return job.settings.model_copy(update={"micro_batch": micro_batch, "accumulation": rows // micro_batch})


def _halve(job: TrainJob, settings: TrainSettings, said: str, watcher: Watcher) -> None:
    smaller = half(settings.micro_batch, settings.micro_batch * settings.accumulation)
    if smaller is None:
        fewer = settings.max_length // 2
        message = (
            f"one row a micro-batch does not fit: {said}. Plan max_length {fewer}"
            f"{'' if settings.gradient_checkpointing else ', gradient checkpointing'}"
            f"{'' if job.method.kind == 'qlora' else ', qlora'}, a smaller base model, or a larger card"
        )
        raise TooLargeError(message)
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    (job.checkpoints / FITTED).write_text(json.dumps(smaller), encoding="utf-8")
    rows = settings.micro_batch * settings.accumulation
    detail = f"{said}; micro-batch {settings.micro_batch} to {smaller}, accumulation {rows // smaller}: the same steps"
    watcher.note("out of memory", detail)


def half(micro_batch: int, rows_per_step: int) -> int | None:
    """Return the largest micro-batch of at most half that divides a step's rows; None below one row."""
    fitting = [size for size in range(1, micro_batch // 2 + 1) if rows_per_step % size == 0]
    return max(fitting, default=None)


def optimizer_name(job: TrainJob, watcher: Watcher) -> str:
    """Return the optimizer to use; on a CPU a paged one has nothing to page, and its plain form is taken."""
    wanted = job.method.optimizer
    if wanted.startswith("paged_") and not torch.cuda.is_available():
        plain = wanted.removeprefix("paged_")
        watcher.note("fallback", f"{wanted} has nothing to page on a CPU: {plain} is used, the arithmetic is the same")
        return plain
    return wanted


def lora_config(lora: Lora) -> LoraConfig:
    """Return peft's configuration of an adapter."""
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets),
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        task_type="CAUSAL_LM",
    )


def data_set(rows: Sequence[TokenRow]) -> Dataset:
    """Return token rows as the data set the trainer reads."""
    names = ("input_ids", "labels", "rows", "piece_tokens")
    return Dataset.from_dict({name: [getattr(row, name) for row in rows] for name in names})


def build_trainer(
    job: TrainJob, store: CheckpointStore, watcher: Watcher, rows: Sequence[TokenRow] | None = None
) -> Any:
    """Return the committing trainer over a freshly loaded model and the job's rows (or these).

    What is trained is kept in float32, but a QLoRA adapter in the compute dtype (Dettmers et al. 2023, section 3); only
    full fine-tuning computes in another dtype than it keeps.
    """
    tokenizer, settings = load_tokenizer(job.model.directory), job.settings
    full = job.method.kind == "full"
    said = (settings, optimizer_name(job, watcher), store.writing, full and job.model.compute_dtype == "bfloat16")
    lora = job.method.lora if job.model.adapter is None else None
    shared: dict[str, Any] = {
        "store": store,
        "watcher": watcher,
        "trained_dtype": DTYPES[job.model.compute_dtype] if job.method.kind == "qlora" else torch.float32,
        "processing_class": tokenizer,
        "peft_config": lora_config(lora) if lora else None,
    }
    if job.objective == "preference":
        pairs = pair_rows(load_pairs(job.records, tokenizer, settings.max_length))
        collator = PairCollator(DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id))
        made: Any = CommittingDpo
        own = {"args": dpo_config(*said, beta=job.beta or 0.0), "train_dataset": pairs, "data_collator": collator}
    else:
        rows = load_token_rows(job.records, job.objective, tokenizer, settings) if rows is None else rows
        collator = Collator(tokenizer.pad_token_id, packed=settings.packing)
        made = CommittingTrainer
        own = {"args": sft_config(*said), "train_dataset": data_set(rows), "data_collator": collator}
        own |= {"held_out": _held_out(job, tokenizer, collator), "learned_only": device() == "cpu"}
    _be_deterministic()
    model = load_base(job.model, torch.float32) if full else load_model(job.model, trainable=True)
    model.config.use_cache = False
    trainer = made(model=model, **shared, **own)
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, which is the report's
    trainer.add_callback(Reporter(trainer, settings.save_every_steps))
    return trainer


def _held_out(job: TrainJob, tokenizer: Any, collator: Collator) -> HeldOut | None:
    settings = job.settings
    if job.held_out is None or settings.evaluate_every_steps is None or job.objective != "chat":
        return None
    rows = load_token_rows(job.held_out, "chat", tokenizer, settings)
    return HeldOut(
        held_out_batches(rows, collator, settings.micro_batch), settings.evaluate_every_steps, settings.patience
    )


def _be_deterministic() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]  costs time only
