"""Which model a stage loads, and how: the base, what SFT starts from, the tuned one. No weights are read here."""

from dataclasses import dataclass
from pathlib import Path

from advisor.plan import Plan, StageName
from runner.engine import Engine, ModelRef
from runner.folder import RunFolder
from runner.meter import Meter


@dataclass(frozen=True, slots=True)
class Run:
    """All that a stage works with; `root` is the plan's folder."""

    plan: Plan
    root: Path
    folder: RunFolder
    engine: Engine
    meter: Meter


def with_adapter(model: ModelRef, adapter: Path) -> ModelRef:
    """Return the model with an adapter on it."""
    return ModelRef(model.directory, model.quantisation, model.double_quantisation, model.compute_dtype, adapter)


def base_model(run: Run) -> ModelRef:
    """Return the plan's base as it is loaded for training and for the comparison."""
    method, machine = run.plan.method, run.plan.machine
    directory = run.root / run.plan.base_model.directory
    return ModelRef(directory, method.quantisation, method.double_quantisation, machine.compute_dtype)


def plain_model(run: Run, directory: Path) -> ModelRef:
    """Return a model of this run's own making, loaded unquantised."""
    return ModelRef(directory, None, False, run.plan.machine.compute_dtype)


def start_model(run: Run) -> ModelRef:
    """Return what SFT starts from: the adapted model if there is one, else the base."""
    if all(stage.name != "adapt" for stage in run.plan.stages):
        return base_model(run)
    method = run.plan.method
    name = "output" if method.kind == "full" else "merged"
    directory = run.folder.stage("adapt") / name
    return ModelRef(directory, method.quantisation, method.double_quantisation, run.plan.machine.compute_dtype)


def tuned_stage(run: Run) -> StageName:
    """Return the stage whose result is the tuned model: dpo where it was done and kept, else sft."""
    commit = run.folder.committed("dpo")
    return "dpo" if commit is not None and commit.result.get("kept") == "dpo" else "sft"


def tuned_sha256(run: Run) -> str:
    """Return the digest of the tuned model's weights. Raises KeyError before it is trained."""
    commit = run.folder.committed(tuned_stage(run))
    return str((commit.result if commit else {})["sha256"])


def tuned_model(run: Run) -> ModelRef:
    """Return the trained model: the start with its adapter, or the fully trained folder."""
    return trained_by(run, tuned_stage(run))


def sft_model(run: Run) -> ModelRef:
    """Return what supervised tuning left, from which preferences start."""
    return trained_by(run, "sft")


def trained_by(run: Run, stage: StageName) -> ModelRef:
    """Return the model that a training stage left."""
    output = run.folder.stage(stage) / "output"
    if run.plan.method.kind == "full":
        return plain_model(run, output)
    return with_adapter(start_model(run), output)
