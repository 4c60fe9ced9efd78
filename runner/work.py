"""What each stage does. Every body may be started again after a kill at any point and goes on, or begins anew.

A body returns what it found and the paths it stands for; the loop in runner.stages commits them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from advisor.plan import Plan, Stage, StageName
from runner.ab_page import plan_sections
from runner.ab_plan import plan_test
from runner.curate import Curated, Row, curate, fit_length, unique_texts
from runner.disk import split_lines, write_atomic
from runner.engine import ModelRef, TrainJob, TrainResult
from runner.evaluate import LockedRow, StopRequestedError, answer_rows, judge, ships
from runner.folder import RunFolder
from runner.metrics import Interval, score
from runner.models import Run, base_model, plain_model, start_model, tuned_model, with_adapter
from runner.refusal import Refusal, RefusedError
from runner.render import markdown_of
from runner.rows import read_rows, read_texts

NO_TRIAL = "no margin is known; state quality.non_inferiority_margin above 0 in the scenario and make the plan again"
MERGE_SAMPLES = 32  # enough rows for a stable mean divergence, few enough to cost seconds


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's result (plain JSON) and the files or folders it stands for."""

    result: dict[str, Any]
    outputs: tuple[Path, ...]


def lines(documents: Iterable[object]) -> bytes:
    """Return documents as JSON lines."""
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents).encode()


def locked_rows(run: Run) -> list[Row]:
    """Return the locked test rows. Raises RefusedError if one cannot be read: the test set is never changed."""
    rows, faults = read_rows(run.root / run.plan.data.test.path)
    if faults or not rows:
        found = "; ".join(f"line {fault.line} {fault.detail}" for fault in faults[:5]) or "it has no rows"
        remedy = "correct the test file and make the plan again"
        raise RefusedError([Refusal("test", f"{run.plan.data.test.path}: {found}", remedy)])
    return rows


def as_tests(rows: Sequence[Row]) -> list[LockedRow]:
    """Return prompt and right answer of each test row."""
    return [LockedRow(row.messages[:-1], row.messages[-1]["content"]) for row in rows]


def do_curate(run: Run, stage: Stage) -> Done:
    """Write what is trained on, what is not and why. Raises RefusedError when a share is over the plan's gate."""
    del stage
    home, test = run.folder.stage("curate"), locked_rows(run)
    rows, faults = read_rows(run.root / run.plan.data.train.path)
    found = curate(rows, test)
    found = Curated(found.kept, tuple(sorted((*faults, *found.dropped), key=lambda one: one.line)))
    row_tokens = run.engine.count_tokens(base_model(run).directory, [row.messages for row in found.kept])
    longest = max((one.train.max_length for one in run.plan.stages if one.name == "sft" and one.train), default=0)
    found = fit_length(found, row_tokens, longest)
    write_atomic(home / "dropped.jsonl", lines(asdict(dropped) for dropped in found.dropped))
    refuse_shares(run.plan, found)
    write_atomic(home / "train.jsonl", lines({"messages": list(row.messages)} for row in found.kept))
    write_atomic(home / "test.jsonl", lines({"messages": list(row.messages)} for row in test))
    outputs = [home / "dropped.jsonl", home / "train.jsonl", home / "test.jsonl"]
    result: dict[str, Any] = {
        "rows": len(found.kept) + len(found.dropped),
        "kept": len(found.kept),
        "dropped": found.counts(),
        "tokens": sum(tokens for tokens in row_tokens if tokens <= longest),
        "test_rows": len(test),
    }
    if run.plan.data.unlabelled is not None:
        texts = unique_texts(read_texts(run.root / run.plan.data.unlabelled.path), test)
        write_atomic(home / "adapt.jsonl", lines({"text": text} for text in texts))
        outputs.append(home / "adapt.jsonl")
        result["texts"] = len(texts)
    return Done(result, tuple(outputs))


def refuse_shares(plan: Plan, found: Curated) -> None:
    """Raise RefusedError if too many rows were dropped or cut, or none is left."""
    counts, gate = found.counts(), plan.gate
    total = max(1, len(found.kept) + len(found.dropped))
    cut = counts["over_long"]
    dropped = len(found.dropped) - cut
    remedy = "read curate/dropped.jsonl, correct the data, and make the plan again"
    refusals = [
        Refusal("data", f"{count} of {total} rows {what}, more than {share:.1%}", remedy)
        for count, share, what in (
            (dropped, gate.max_dropped_share, "dropped: " + ", ".join(f"{n} {why}" for why, n in counts.items() if n)),
            (cut, gate.max_truncated_share, "longer than max_length"),
        )
        if count / total > share
    ]
    if not found.kept:
        refusals.append(Refusal("data", "no row is left to train on", remedy))
    if refusals:
        raise RefusedError(refusals)


def train(run: Run, stage: Stage, model: ModelRef, objective: str, records: Path) -> TrainResult:
    """Train one stage, going on from its newest checkpoint. Raises StopRequestedError when it was asked to stop."""
    home = run.folder.stage(stage.name)
    if stage.train is None:
        message = f"stage {stage.name} has no training settings; make the plan again"
        raise ValueError(message)
    job = TrainJob(
        model=model,
        method=run.plan.method,
        settings=stage.train,
        objective="text" if objective == "text" else "chat",
        records=records,
        checkpoints=home / "checkpoints",
        output=home / "output",
    )
    result = run.engine.train(job, run.meter)
    if not result.finished:
        if run.meter.stop_asked is None:
            message = f"{stage.name} ended at step {result.step} of {stage.train.max_steps}, and nobody asked it to"
            raise RuntimeError(message)
        raise StopRequestedError
    return result


def trained(result: TrainResult) -> dict[str, Any]:
    """Return what training found, as plain JSON."""
    return {
        "step": result.step,
        "sha256": result.sha256,
        "trainable_parameters": result.trainable_parameters,
        "peak_bytes": result.peak_bytes,
    }


def do_adapt(run: Run, stage: Stage) -> Done:
    """Go on with language modelling on unlabelled texts; an adapter is merged, so that SFT starts from one model."""
    home = run.folder.stage("adapt")
    result = train(run, stage, base_model(run), "text", run.folder.stage("curate") / "adapt.jsonl")
    if run.plan.method.kind == "full":
        return Done(trained(result), (result.output,))
    merged = run.engine.merge(with_adapter(base_model(run), result.output), sample_prompts(run), home / "merged")
    return Done({**trained(result), "merged_sha256": merged.sha256}, (result.output, merged.directory))


def do_sft(run: Run, stage: Stage) -> Done:
    """Train on the curated conversations."""
    result = train(run, stage, start_model(run), "chat", run.folder.stage("curate") / "train.jsonl")
    return Done(trained(result), (result.output,))


def locked_tests(run: Run) -> list[LockedRow]:
    """Return the test rows as curated."""
    rows, _ = read_rows(run.folder.stage("curate") / "test.jsonl")
    return as_tests(rows)


def sample_prompts(run: Run) -> list[tuple[Any, ...]]:
    """Return whole training conversations to compare two forms of one model on; the test set stays locked."""
    rows, _ = read_rows(run.folder.stage("curate") / "train.jsonl")
    return [row.messages for row in rows[:MERGE_SAMPLES]]


def ask(run: Run, stage: StageName, name: str, model: ModelRef, digest: str) -> list[str]:
    """Return the model's answers to the locked test; the file's name carries the digest of what answered."""
    path = answers_path(run.folder, stage, name, digest)
    return answer_rows(run.engine, model, name, locked_tests(run), path, run.plan.gate.max_new_tokens, run.meter)


def answers_path(folder: RunFolder, stage: StageName, name: str, digest: str) -> Path:
    """Return where a model's answers lie."""
    return folder.stage(stage) / f"{name}-{digest[:12]}.jsonl"


def result_of(run: Run, stage: StageName) -> dict[str, Any]:
    """Return what a committed stage found; empty if it is not in this plan."""
    commit = run.folder.committed(stage)
    return {} if commit is None else commit.result


def do_evaluate(run: Run, stage: Stage) -> Done:
    """Answer the locked test with base and tuned."""
    del stage
    tuned_digest = str(result_of(run, "sft")["sha256"])
    base_digest = sha256("".join(sorted(ref.sha256 for ref in run.plan.base_model.files)).encode()).hexdigest()
    ask(run, "evaluate", "base", base_model(run), base_digest)
    ask(run, "evaluate", "tuned", tuned_model(run), tuned_digest)
    paths = {
        "base": answers_path(run.folder, "evaluate", "base", base_digest),
        "tuned": answers_path(run.folder, "evaluate", "tuned", tuned_digest),
    }
    result = {name: path.relative_to(run.folder.path).as_posix() for name, path in paths.items()}
    return Done(result, tuple(paths.values()))


def do_merge(run: Run, stage: Stage) -> Done:
    """Merge the adapter into the dequantised base and answer the locked test with it; a full model needs no merging."""
    del stage
    if run.plan.method.kind == "full":
        return Done({"merged": False, "why": "full fine-tuning leaves one model: there is nothing to merge"}, ())
    home = run.folder.stage("merge")
    merged = run.engine.merge(tuned_model(run), sample_prompts(run), home / "model")
    result: dict[str, Any] = {
        "merged": True,
        "sha256": merged.sha256,
        "mean_kl_nats": merged.mean_kl_nats,
        "top1_agreement_share": merged.top1_agreement_share,
    }
    ask(run, "merge", "merged", plain_model(run, merged.directory), merged.sha256)
    path = answers_path(run.folder, "merge", "merged", merged.sha256)
    result["answers"] = path.relative_to(run.folder.path).as_posix()
    return Done(result, (merged.directory, path))


def do_abplan(run: Run, stage: Stage) -> Done:
    """Plan the test in production that comes after this run, as data and as a page."""
    del stage
    trial = run.plan.trial
    if trial is None:
        return Done({"planned": False, "why": NO_TRIAL}, ())
    given = read_given(run.folder.path / str(result_of(run, "evaluate")["tuned"]))
    offline = score(run.plan.gate.metric, [row.expected for row in locked_tests(run)], given)
    test = plan_test(run.plan, trial, offline, str(result_of(run, "sft")["sha256"]))
    home = run.folder.stage("abplan")
    write_atomic(home / "abplan.json", json.dumps(test, indent=1, ensure_ascii=False).encode())
    write_atomic(home / "abplan.md", markdown_of(plan_sections(test)).encode())
    days = test["duration"]["ramp_days"] + test["duration"]["test_days"]
    result = {"planned": True, "question": test["question"], "tasks_per_arm": test["tasks_per_arm"], "days": days}
    return Done(result, (home / "abplan.json", home / "abplan.md"))


def do_account(run: Run, stage: Stage) -> Done:
    """Judge: scores, paired comparison, gates, and whether it ships."""
    del stage
    evaluated, merged = result_of(run, "evaluate"), result_of(run, "merge")
    files = {name: str(evaluated[name]) for name in ("base", "tuned")}
    if "answers" in merged:
        files["merged"] = str(merged["answers"])
    given = {name: read_given(run.folder.path / path) for name, path in files.items()}
    scores, paired, checks = judge(run.plan.gate, locked_tests(run), given)
    result = {
        "metric": run.plan.gate.metric,
        "rows": len(given["base"]),
        "scores": {name: as_json(interval) for name, interval in scores.items()},
        "paired": asdict(paired),
        "checks": [asdict(check) for check in checks],
        "ships": ships(checks),
    }
    run.meter.record("verdict", ships=result["ships"], checks=result["checks"])
    path = run.folder.stage("account") / "verdict.json"
    write_atomic(path, json.dumps(result, indent=1).encode())
    return Done(result, (path,))


def read_given(path: Path) -> list[str]:
    """Return the answers of a whole answers file."""
    return [str(json.loads(line)["answer"]) for line in split_lines(path.read_bytes())]


def as_json(interval: Interval) -> dict[str, float]:
    """Return an interval as plain JSON."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


BODIES: dict[StageName, Callable[[Run, Stage], Done]] = {
    "curate": do_curate,
    "adapt": do_adapt,
    "sft": do_sft,
    "evaluate": do_evaluate,
    "merge": do_merge,
    "abplan": do_abplan,
    "account": do_account,
}
