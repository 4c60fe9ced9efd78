"""Two optimizer steps of the runner's own trainers on a fake model: what they hold, byte by byte."""

import contextlib
import tempfile
import types
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, prepare_model_for_kbit_training
from torch._subclasses import FakeTensorMode
from transformers import ByT5Tokenizer, PrinterCallback, TrainerCallback

from advisor.plan import Method, TrainSettings
from runner.engines.dry_losses import LOSSES
from runner.engines.fakes import as_on_a_card, bare_model, fill, quantisation
from runner.engines.loading import DTYPES, known_noise
from runner.engines.tracing import BACKWARD, BACKWARD_END, LOSS, STEP, History, StorageTracker, answer_for_bitsandbytes
from runner.engines.training import CommittingTrainer, sft_config

PAGED = "paged"
PAGED_FROM = 100_000  # bitsandbytes pages a state of at least this many numbers (optim/optimizer.py)
MICRO_BATCHES = 2
STATED = (
    "compute_dtype", "kept_dtype", "trained_dtype", "autocast", "objective", "loss", "attention", "padded",
    "kbit_prepared", "dora", "foreach",
)  # fmt: skip
"""Words of a question that go into its recipe as they are."""
STEPS = 2  # the first makes the optimizer's states, the second is every later one


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training step to be tried: what is trained, how it is stored, and how long and wide a batch is."""

    config: dict[str, Any]
    method: Method
    settings: TrainSettings
    compute_dtype: str = "bfloat16"
    kept_dtype: str = "float32"
    trained_dtype: str = "float32"
    autocast: bool = False
    objective: str = "sft"
    loss: str = "engine"
    attention: str = "sdpa"
    padded: bool = False
    kbit_prepared: bool = False
    dora: bool = False
    foreach: bool = True


@dataclass(slots=True)
class Steps:
    """What two steps left: their history, the bytes that may be paged out, the parameters trained, all parameters."""

    history: History
    paged_bytes: int
    trainable_parameters: int
    parameters: int


class Phases(TrainerCallback):
    """Marks where a step's phases begin, and says which storages are gradients and states."""

    def __init__(self, tracker: StorageTracker):
        self.tracker = tracker

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A forward pass comes next."""
        self.tracker.history.mark(LOSS)

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Another micro-batch comes next."""
        self.tracker.history.mark(LOSS)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """All gradients are there."""
        model = kwargs["model"]
        self.tracker.call((p.grad for p in model.parameters() if p.grad is not None), "gradients")
        self.tracker.history.mark(STEP)

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The states are there."""
        states = kwargs["optimizer"].state.values()
        self.tracker.call((value for state in states for value in state.values()), "optimizer")


def recipe_of(question: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a question; dtypes that it leaves out are the engine's (runner.engines.trl.build_trainer).

    Two micro-batches a step hold what any more would: gradients are added up in place. Rows of one batch differ in
    length, so that all but the longest are padded, and attention is given a mask.
    """
    method = Method.model_validate(question["method"])
    stated = question["settings"]
    accumulation = min(MICRO_BATCHES, stated.get("accumulation", MICRO_BATCHES))
    fixed = {"accumulation": accumulation, "max_steps": STEPS, "save_every_steps": STEPS + 1}
    settings = TrainSettings.model_validate({"learning_rate": 1e-4, **stated, **fixed})
    compute, full = question.get("compute_dtype", "bfloat16"), method.kind == "full"
    own: dict[str, Any] = {
        "kept_dtype": "float32" if full else compute,
        "trained_dtype": compute if method.kind == "qlora" else "float32",
        "autocast": full and compute == "bfloat16",
        "padded": settings.micro_batch > 1,
    }
    rest = {name: question[name] for name in STATED if name in question}
    return Recipe(config=dict(question["config"]), method=method, settings=settings, **(own | rest))


def sft_batch(recipe: Recipe) -> dict[str, Any]:
    """Return one micro-batch as the engine's collator makes it, every row as long as the longest."""
    settings = recipe.settings
    shape = (settings.micro_batch, settings.max_length)
    ids = torch.ones(shape, dtype=torch.int64)
    batch = {"input_ids": ids, "labels": ids.clone(), "rows": [0], "tokens": ids.numel()}
    mask = "position_ids" if settings.packing else "attention_mask"
    return batch | {mask: ids.clone()}


def dpo_batch(recipe: Recipe) -> dict[str, Any]:
    """Return one micro-batch as TRL's preference collator makes it: chosen rows, then rejected ones."""
    shape = (2 * recipe.settings.micro_batch, recipe.settings.max_length)
    return {name: torch.ones(shape, dtype=torch.int64) for name in ("input_ids", "attention_mask", "completion_mask")}


@dataclass(slots=True)
class Batches:
    """As many micro-batches as two steps take."""

    recipe: Recipe

    def __len__(self) -> int:  # noqa: D105
        return STEPS * self.recipe.settings.accumulation

    def __iter__(self) -> Iterator[dict[str, Any]]:  # noqa: D105
        make = dpo_batch if self.recipe.objective == "dpo" else sft_batch
        return (make(self.recipe) for _ in range(len(self)))


class Dry:
    """What a trainer does otherwise in a dry run: our batches in place of a data loader, and marks for the phases."""

    recipe: Recipe

    def get_train_dataloader(self) -> Any:
        """Return enough micro-batches for the steps."""
        return Batches(self.recipe)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """Make the optimizer, with the multi-tensor step that torch takes by itself on a card."""
        optimizer = super().create_optimizer(*args, **kwargs)  # type: ignore[misc]
        for group in optimizer.param_groups:
            if "foreach" in group:
                group["foreach"] = self.recipe.foreach and not group.get("fused")
        return optimizer


class DrySft(Dry, CommittingTrainer):
    """The engine's trainer; another library's loss only where the recipe names one."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        """Return the loss as the engine computes it, or as the named library does."""
        if self.recipe.loss == "engine":
            return super().compute_loss(model, inputs, return_outputs, **kwargs)
        rest = {name: value for name, value in inputs.items() if name != "labels"}
        bare = self.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # these losses stand inside the model
        with self.accelerator.autocast():
            return LOSSES[self.recipe.loss](bare, rest | {"use_cache": False}, inputs["labels"])


def trainer_of(recipe: Recipe, model: Any, output: Path) -> Any:
    """Return the trainer that the recipe's stage would be run by."""
    method, settings = recipe.method, recipe.settings
    args = sft_config(settings, plain_optimizer(method.optimizer), output, autocast=recipe.autocast)
    shared: dict[str, Any] = {"model": model, "processing_class": ByT5Tokenizer(), "peft_config": lora_of(recipe)}
    if recipe.objective == "dpo":
        from runner.engines.dry_preferences import preference_trainer  # half a second that SFT need not wait for

        return preference_trainer(args, output, shared)
    rows = Dataset.from_dict({"input_ids": [[1], [1]], "labels": [[1], [1]]})
    watcher: Any = types.SimpleNamespace(started=None)
    store: Any = types.SimpleNamespace(writing=output)
    trained = DTYPES[recipe.trained_dtype]
    return DrySft(args=args, train_dataset=rows, store=store, watcher=watcher, trained_dtype=trained, **shared)


def lora_of(recipe: Recipe) -> LoraConfig | None:
    """Return the adapter's configuration, None for full fine-tuning."""
    lora = recipe.method.lora
    if lora is None:
        return None
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets),
        use_dora=recipe.dora,
        task_type="CAUSAL_LM",
    )


def plain_optimizer(name: str) -> str:
    """Return the optimizer's form that a CPU has; its states are told apart afterwards (see `paged_bytes`)."""
    return name.removeprefix("paged_")


def two_steps(recipe: Recipe, tensors: contextlib.AbstractContextManager[Any] | None = None) -> Steps:
    """Run two optimizer steps of the recipe on fake tensors, or on what `tensors` makes (a test: on real ones)."""
    history = History()
    nf4 = None
    if recipe.method.kind == "qlora":
        nf4 = quantisation(DTYPES[recipe.compute_dtype], recipe.method.double_quantisation)
    answer_for_bitsandbytes()
    model, parameters = bare_model(recipe.config, DTYPES[recipe.kept_dtype], recipe.attention, nf4)
    tracker = StorageTracker(history, yes=not (recipe.padded or recipe.settings.packing))
    with contextlib.ExitStack() as stack:
        output = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(known_noise())
        # transformers counts parameters by their addresses, for a log line that is off
        warnings.filterwarnings("ignore", message="Accessing the data pointer of FakeTensor")
        stack.enter_context(as_on_a_card())
        stack.enter_context(tensors or FakeTensorMode(allow_non_fake_inputs=True))
        stack.enter_context(tracker)
        fill(model)
        model.config.use_cache = False
        if recipe.kbit_prepared:
            checkpointing = recipe.settings.gradient_checkpointing
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)
        trainer = trainer_of(recipe, model, output)
        run(trainer, recipe, tracker)
        return found(trainer, recipe, tracker, parameters)


def run(trainer: Any, recipe: Recipe, tracker: StorageTracker) -> None:
    """Train for two steps with the phases marked, and with weights told from adapters."""
    trainer.recipe = recipe
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Phases(tracker))
    mark_layers(trainer.model, tracker)
    tracker.call(everything_kept(trainer.model), "weights")
    if recipe.method.kind != "full":
        tracker.call((p for p in trainer.model.parameters() if p.requires_grad), "adapters")
    trainer.train()


def mark_layers(model: torch.nn.Module, tracker: StorageTracker) -> None:
    """Mark where the backward pass reaches the last layer and the first; before that it is the loss's own.

    What is held rises or falls steadily from layer to layer, so a pass peaks at its first layer or at its last.
    """
    stacks = (module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    layers: Any = max(stacks, key=lambda stack: sum(p.numel() for p in stack.parameters()))

    def watch(layer: Any, _: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        phase = BACKWARD if layer is layers[-1] else BACKWARD_END
        if hidden.requires_grad:
            hidden.register_hook(lambda gradient: tracker.history.mark(phase))

    for layer in {layers[-1], layers[0]}:
        layer.register_forward_hook(watch)


def found(trainer: Any, recipe: Recipe, tracker: StorageTracker, parameters: int) -> Steps:
    """Return what the steps left; states that a driver may page out are told apart."""
    paged = paged_states(trainer.optimizer, recipe.method.optimizer)
    tracker.call(paged, PAGED)
    return Steps(
        history=tracker.history.without(PAGED),
        paged_bytes=sum(state.nbytes for state in paged),
        trainable_parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        parameters=parameters,
    )


def everything_kept(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Yield parameters, buffers, and the scales and codes of 4-bit maps."""
    yield from model.parameters()
    yield from model.buffers()
    for module in model.modules():
        state = getattr(module, "quant_state", None)
        for part in (state, getattr(state, "state2", None)):
            if part is not None:
                yield from (value for value in vars(part).values() if isinstance(value, torch.Tensor))


def paged_states(optimizer: Any, name: str) -> list[torch.Tensor]:
    """Return the states that a paged optimizer keeps in memory which the driver may move to the host."""
    if not name.startswith("paged_"):
        return []
    whole = getattr(optimizer, "optimizer", optimizer)
    states = (state for states in whole.state.values() for key, state in states.items() if key.startswith("state"))
    return [state for state in states if state.numel() >= PAGED_FROM]
