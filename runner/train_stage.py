"""The stages that train: continued language modelling, supervised tuning, and preferences.

A stage may be started again after a kill at any point: the engine goes on from its newest committed checkpoint.
"""

from pathlib import Path
from typing import Any, Literal

from advisor.plan import Preference, Stage
from runner.engine import BadDataError, ModelRef, TooLargeError, TrainJob, TrainResult
from runner.evaluate import LockedRow, StopRequestedError, answer_rows
from runner.metrics import score
from runner.models import Run, base_model, sft_model, start_model, trained_by, with_adapter
from runner.refusal import Refusal, RefusedError
from runner.rows import read_rows
from runner.stage_parts import Done, as_tests, result_of, sample_prompts

Objective = Literal["chat", "text", "preference"]
RECORDS: dict[Objective, str] = {"chat": "train.jsonl", "text": "adapt.jsonl", "preference": "preferences.jsonl"}
"""What each objective reads, as curate wrote it."""
HELD_OUT = "valid.jsonl"
NO_PAIRS = "{pairs} pairs after curating, wanted {wanted} or more; collect more, or lower training.dpo.min_pairs"
NOTHING_HELD_OUT = "no held-out rows to judge it on: name data.valid, and the locked test stays locked"


def job_of(run: Run, stage: Stage, model: ModelRef, objective: Objective) -> TrainJob:
    """Return the job of a training stage. Raises ValueError where the plan has no settings for it."""
    if stage.train is None:
        message = f"stage {stage.name} has no training settings; make the plan again"
        raise ValueError(message)
    home, curated = run.folder.stage(stage.name), run.folder.stage("curate")
    return TrainJob(
        model=model,
        method=run.plan.method,
        settings=stage.train,
        objective=objective,
        records=curated / RECORDS[objective],
        checkpoints=home / "checkpoints",
        output=home / "output",
        held_out=curated / HELD_OUT if objective == "chat" and (curated / HELD_OUT).is_file() else None,
        beta=stage.preference.beta if stage.preference else None,
    )


def train(run: Run, stage: Stage, model: ModelRef, objective: Objective) -> TrainResult:
    """Train one stage. Raises StopRequestedError when it was asked to stop, RefusedError for data or memory."""
    job = job_of(run, stage, model, objective)
    try:
        result = run.engine.train(job, run.meter)
    except (BadDataError, TooLargeError) as fault:
        raise RefusedError([refusal_of(fault)]) from fault
    if not result.finished:
        if run.meter.stop_asked is None:
            message = f"{stage.name} ended at step {result.step} of {job.settings.max_steps}, and nobody asked it to"
            raise RuntimeError(message)
        raise StopRequestedError
    return result


def refusal_of(fault: BadDataError | TooLargeError) -> Refusal:
    """Return an engine's no as a refusal with its remedy."""
    if isinstance(fault, TooLargeError):
        return Refusal("memory", str(fault), "make a smaller plan, or run it on a larger machine")
    return Refusal("data", str(fault), "correct these rows and make the plan again")


def trained(run: Run, stage: Stage, result: TrainResult) -> dict[str, Any]:
    """Return what training found, as plain JSON.

    On a processor a stage's own peak does not see memory that the probe in the same process used before it, so the
    peak is the larger of the two.
    """
    probe = result_of(run, "probe").get("measured", {}).get(stage.name, {})
    found = {
        "step": result.step,
        "sha256": result.sha256,
        "trainable_parameters": result.trainable_parameters,
        "peak_bytes": max(result.peak_bytes, int(probe.get("peak_bytes", 0))),
    }
    early = {"stopped_early": True, "best_step": result.best_step}
    return {**found, **early} if result.stopped_early else found


def do_adapt(run: Run, stage: Stage) -> Done:
    """Go on with language modelling on unlabelled texts; an adapter is merged, so that SFT starts from one model."""
    home = run.folder.stage("adapt")
    result = train(run, stage, base_model(run), "text")
    if run.plan.method.kind == "full":
        return Done(trained(run, stage, result), (result.output,))
    merged = run.engine.merge(with_adapter(base_model(run), result.output), sample_prompts(run), home / "merged")
    return Done({**trained(run, stage, result), "merged_sha256": merged.sha256}, (result.output, merged.directory))


def do_sft(run: Run, stage: Stage) -> Done:
    """Train on the curated conversations."""
    result = train(run, stage, start_model(run), "chat")
    return Done(trained(run, stage, result), (result.output,))


def do_dpo(run: Run, stage: Stage) -> Done:
    """Tune on preferences where there are enough; its result is kept only if the held-out metric does not fall."""
    wanted, curated = stage.preference or Preference(), run.folder.stage("curate")
    pairs = count_lines(curated / RECORDS["preference"])
    held_out = as_tests(read_rows(curated / HELD_OUT)[0]) if (curated / HELD_OUT).is_file() else []
    why = "" if held_out else NOTHING_HELD_OUT
    if pairs < wanted.min_pairs:
        why = NO_PAIRS.format(pairs=pairs, wanted=wanted.min_pairs)
    if why:
        run.meter.note("dpo skipped", why)
        return Done({"kept": "sft", "why": why, "pairs": pairs}, ())
    result = train(run, stage, sft_model(run), "preference")
    before = held_out_score(run, stage, "sft", sft_model(run), held_out)
    after = held_out_score(run, stage, "dpo", trained_by(run, "dpo"), held_out)
    kept = "dpo" if after >= before else "sft"
    why = f"{run.plan.gate.metric} on {len(held_out)} held-out rows: {before:.3f} before, {after:.3f} after"
    if kept == "sft":
        run.meter.note("dpo not kept", f"{why}: the result of sft goes on")
    found = {**trained(run, stage, result), "pairs": pairs, "kept": kept, "why": why, "before": before, "after": after}
    return Done(found, (result.output,))


def held_out_score(run: Run, stage: Stage, name: str, model: ModelRef, rows: list[LockedRow]) -> float:
    """Return the gate's metric on held-out rows; answers are kept, and gone on with, in the stage's folder."""
    path = run.folder.stage(stage.name) / f"{name}.jsonl"
    gate = run.plan.gate
    given = answer_rows(run.engine, model, name, rows, path, gate.max_new_tokens, run.meter)
    return score(gate.metric, [row.expected for row in rows], given).value


def count_lines(path: Path) -> int:
    """Return the records of a JSON lines file; 0 where there is none."""
    return sum(bool(line.strip()) for line in path.read_bytes().split(b"\n")) if path.is_file() else 0
