"""The stages that ask models: base and tuned on the locked test and the guards' texts, and the merged model after them.

Models are asked one after the other, each loaded once; every answer is on disk before the next batch is asked.
"""

import shutil
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from advisor.plan import QualityGate, Stage, StageName
from runner.answer_guards import MAX_MERGE_KL_NATS, MIN_MERGE_TOP1_SHARE
from runner.engine import MergeResult, MergeWay, Message, ModelRef
from runner.evaluate import BATCH_ROWS, Line, LockedRow, answer_rows, work_rows
from runner.evaluation_sets import Sets, read_sets
from runner.folder import RunFolder
from runner.metrics import score
from runner.models import Run, base_model, plain_model, start_model, tuned_model, tuned_sha256
from runner.rows import read_rows
from runner.secrets_in_answers import find_secrets, sampled, variants
from runner.stage_parts import Done, locked_tests, read_given, result_of, sample_prompts

WEIGHED_ROWS = 64  # for perplexity; on a processor a row costs nearly as much as answering it
PARITY_SAMPLES = 8  # prompts rendered both ways; templates differ by kind of turn, not by row
Text = str | tuple[Message, ...]


def ask(run: Run, stage: StageName, name: str, model: ModelRef, digest: str, rows: Sequence[LockedRow]) -> Path:
    """Have the model answer the rows; return the file of answers, whose name carries the digest of what answered."""
    path = answers_path(run.folder, stage, name, digest)
    answer_rows(run.engine, model, name, rows, path, run.plan.gate.max_new_tokens, run.meter)
    return path


def weigh(run: Run, stage: StageName, name: str, model: ModelRef, digest: str, texts: Sequence[Text]) -> Path:
    """Have the model's loss on each text taken; return the file of losses."""
    path = answers_path(run.folder, stage, f"{name}-losses", digest)

    def work(first: int) -> Iterator[list[Line]]:
        for batch in run.engine.losses(model, texts[first:], BATCH_ROWS):
            yield [{"nats": loss.nats, "tokens": loss.tokens} for loss in batch]

    work_rows(path, len(texts), f"{name} losses", work, run.meter)
    return path


def answers_path(folder: RunFolder, stage: StageName, name: str, digest: str) -> Path:
    """Return where a model's answers lie."""
    return folder.stage(stage) / f"{name}-{digest[:12]}.jsonl"


def base_digest(run: Run) -> str:
    """Return one digest of all the base model's files."""
    return sha256("".join(sorted(ref.sha256 for ref in run.plan.base_model.files)).encode()).hexdigest()


def whole(rows: Sequence[LockedRow]) -> list[tuple[Message, ...]]:
    """Return test rows as conversations with the right answer."""
    return [(*row.prompt, Message(role="assistant", content=row.expected)) for row in rows]


def requests(sets: Sets) -> list[LockedRow]:
    """Return the safety requests as rows; nothing is the right answer to them."""
    return [LockedRow((Message(role="user", content=text),), "") for text in sets.safety]


def secret_texts(run: Run, tests: Sequence[LockedRow]) -> tuple[list[Text], list[Text]]:
    """Return the variants of secrets in training answers, and of those in test answers, which nobody trained on."""
    rows, _ = read_rows(run.folder.stage("curate") / "train.jsonl")
    trained = sampled(find_secrets([row.messages for row in rows]))
    known = {secret.text for secret in trained}
    unseen = sampled([secret for secret in find_secrets(whole(tests)) if secret.text not in known])
    return list(chain(*map(variants, trained))), list(chain(*map(variants, unseen)))


def do_evaluate(run: Run, stage: Stage) -> Done:
    """Answer the locked test and the guards' texts with base, prompted base where there is a prompt, and tuned."""
    del stage
    tests = locked_tests(run)
    sets = read_sets(run.plan.data, run.root, len(tests))
    trained, unseen = secret_texts(run, tests)
    weighed = whole(tests[:WEIGHED_ROWS])
    shared = [*sets.general, *weighed]
    base, before, tuned, after = base_model(run), base_digest(run), tuned_model(run), tuned_sha256(run)
    paths = {"base": ask(run, "evaluate", "base", base, before, tests)}
    paths["base_safety"] = ask(run, "evaluate", "base-safety", base, before, requests(sets))
    paths["base_losses"] = weigh(run, "evaluate", "base", base, before, shared)
    if sets.has_prompt:
        paths["prompted"] = ask(run, "evaluate", "prompted", base, before, sets.prompted(tests))
    paths["tuned"] = ask(run, "evaluate", "tuned", tuned, after, tests)
    paths["tuned_safety"] = ask(run, "evaluate", "tuned-safety", tuned, after, requests(sets))
    paths["tuned_losses"] = weigh(run, "evaluate", "tuned", tuned, after, [*shared, *trained, *unseen])
    result: dict[str, Any] = {name: path.relative_to(run.folder.path).as_posix() for name, path in paths.items()}
    result["layout"] = {
        "general": len(sets.general), "tests": len(weighed), "trained": len(trained), "unseen": len(unseen)
    }  # fmt: skip
    return Done(result, tuple(paths.values()))


def ways(run: Run) -> tuple[MergeWay, ...]:
    """Return the ways to merge, best first by experience; what would be the same as another is left out."""
    found: list[MergeWay] = ["dequantised"]
    if run.plan.machine.compute_dtype != "float32":
        found.append("dequantised_float32")
    if run.plan.method.kind == "qlora":
        found.append("reloaded")
    return tuple(found)


def merged_model(run: Run, directory: Path, way: MergeWay) -> ModelRef:
    """Return a merged model as it is to be served: in the dtype it was saved in."""
    plain = plain_model(run, directory)
    return ModelRef(directory, None, False, "float32") if way == "dequantised_float32" else plain


def keeps(gate: QualityGate, found: MergeResult, before: float, after: float) -> bool:
    """Return whether a merged model is near enough to base and adapter, in its logits and its score."""
    near = found.mean_kl_nats <= MAX_MERGE_KL_NATS and found.top1_agreement_share >= MIN_MERGE_TOP1_SHARE
    return near and before - after <= gate.max_merge_drop


def merge_candidates(
    run: Run, samples: Sequence[tuple[Message, ...]], tests: Sequence[LockedRow]
) -> tuple[MergeWay, MergeResult, Path, list[dict[str, Any]]]:
    """Merge by one way after the other until one keeps the model; else the one nearest in KL, which no test row chose.

    Returns the way, its merge, its answers, and what was found of every candidate.
    """
    home, gate = run.folder.stage("merge"), run.plan.gate

    def scored(path: Path) -> float:
        return score(gate.metric, [row.expected for row in tests], read_given(path)).value

    before = scored(run.folder.path / str(result_of(run, "evaluate")["tuned"]))
    tried: list[tuple[MergeWay, MergeResult, Path]] = []
    seen: list[dict[str, Any]] = []
    for way in ways(run):
        found = run.engine.merge(tuned_model(run), samples, home / f"model-{way}", way)
        path = ask(run, "merge", "merged", merged_model(run, found.directory, way), found.sha256, tests)
        kept = keeps(gate, found, before, scored(path))
        tried.append((way, found, path))
        seen.append({
            "way": way, "sha256": found.sha256, "mean_kl_nats": found.mean_kl_nats,
            "top1_agreement_share": found.top1_agreement_share, "keeps": kept,
        })  # fmt: skip
        if kept:
            break
        run.meter.note("merge", f"{way} is off (KL {found.mean_kl_nats:.2g} nats, or the metric)")
    way, found, path = tried[-1] if seen[-1]["keeps"] else min(tried, key=lambda one: one[1].mean_kl_nats)
    return way, found, path, seen


def do_merge(run: Run, stage: Stage) -> Done:
    """Merge the adapter and answer the locked test with what came of it; a full model needs no merging."""
    del stage
    samples = sample_prompts(run)
    shown = samples[:PARITY_SAMPLES]
    trained = start_model(run).directory
    if run.plan.method.kind == "full":
        faults = run.engine.serving_faults(trained, tuned_model(run).directory, shown)
        why = "full fine-tuning leaves one model: there is nothing to merge"
        return Done({"merged": False, "why": why, "serving_faults": faults, "parity_samples": len(shown)}, ())
    home, tests = run.folder.stage("merge"), locked_tests(run)
    way, merged, answers, seen = merge_candidates(run, samples, tests)
    shutil.rmtree(home / "model", ignore_errors=True)
    merged.directory.rename(home / "model")
    for other in home.glob("model-*"):
        shutil.rmtree(other)
    model = merged_model(run, home / "model", way)
    losses = weigh(run, "merge", "merged", model, merged.sha256, whole(tests[:WEIGHED_ROWS]))
    result: dict[str, Any] = {
        "merged": True,
        "way": way,
        "dtype": model.compute_dtype,
        "sha256": merged.sha256,
        "mean_kl_nats": merged.mean_kl_nats,
        "top1_agreement_share": merged.top1_agreement_share,
        "candidates": seen,
        "serving_faults": run.engine.serving_faults(trained, home / "model", shown),
        "parity_samples": len(shown),
        "answers": answers.relative_to(run.folder.path).as_posix(),
        "losses": losses.relative_to(run.folder.path).as_posix(),
    }
    return Done(result, (home / "model", answers, losses))
