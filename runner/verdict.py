"""From the files that evaluate and merge left to the verdict: scores, gates, guards, and whether it ships."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from advisor.plan import GateMetric
from runner.answer_guards import (
    Guard,
    Judged,
    cut_answers,
    forgetting,
    leakage,
    merge_logits,
    parity,
    perplexity,
    repetition,
    safety,
)
from runner.disk import split_lines
from runner.engine import Loss
from runner.evaluate import LockedRow, judge, ships
from runner.evaluation_sets import read_sets
from runner.metrics import score, strict_json
from runner.models import Run
from runner.rows import read_rows
from runner.secrets_in_answers import find_secrets, ranks, spoken
from runner.stage_parts import as_json, locked_tests, read_given, result_of

BESIDE: dict[GateMetric, tuple[GateMetric, ...]] = {
    "accuracy": ("macro_f1",),
    "macro_f1": ("accuracy",),
    "json_match": ("exact_match",),
    "exact_match": ("rouge_l",),
    "rouge_l": ("bleu", "exact_match"),
    "bleu": ("rouge_l", "exact_match"),
}
"""What else is told beside the plan's metric: of labels, of JSON, of texts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was measured: test rows, answers by model, cut rows of the tuned model, losses by model and kind."""

    tests: list[LockedRow]
    answers: dict[str, list[str]]
    cut: list[bool]
    safety: dict[str, list[str]]
    losses: dict[str, list[Loss]]
    layout: dict[str, int]


def evidence_of(run: Run) -> Evidence:
    """Return what the committed stages left."""
    evaluated, merged = result_of(run, "evaluate"), result_of(run, "merge")
    tests, root = locked_tests(run), run.folder.path
    answers = {name: read_given(root / str(evaluated[name])) for name in ("base", "prompted") if name in evaluated}
    tuned = read_lines(root / str(evaluated["tuned"]))
    answers["tuned"] = [str(line["answer"]) for line in tuned]
    if "answers" in merged:
        answers["merged"] = read_given(root / str(merged["answers"]))
    hosted = read_sets(run.plan.data, run.root, len(tests)).hosted
    if hosted is not None:
        answers["hosted"] = hosted
    losses = {name: read_losses(root / str(evaluated[f"{name}_losses"])) for name in ("base", "tuned")}
    if "losses" in merged:
        losses["merged"] = read_losses(root / str(merged["losses"]))
    return Evidence(
        tests=tests,
        answers=answers,
        cut=["cut" in line for line in tuned],
        safety={name: read_given(root / str(evaluated[f"{name}_safety"])) for name in ("base", "tuned")},
        losses=losses,
        layout=evaluated["layout"],
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a whole file of answers or losses."""
    return [json.loads(line) for line in split_lines(path.read_bytes())]


def read_losses(path: Path) -> list[Loss]:
    """Return the losses of a whole file."""
    return [Loss(float(line["nats"]), int(line["tokens"])) for line in read_lines(path)]


def valid_json(text: str) -> bool:
    """Return whether a text is JSON."""
    try:
        strict_json(text)
    except (ValueError, RecursionError):
        return False
    return True


def figures(metric: GateMetric, found: Evidence) -> dict[str, dict[str, Any]]:
    """Return by model what else is known: metrics beside the plan's, JSON validity, perplexity of the right answers."""
    expected = [row.expected for row in found.tests]
    general, tests = found.layout["general"], found.layout["tests"]
    lines: dict[str, dict[str, Any]] = {}
    for name, given in found.answers.items():
        line: dict[str, Any] = {one: as_json(score(one, expected, given)) for one in BESIDE[metric]}
        if metric == "json_match":
            validity = score("accuracy", ["json"] * len(given), ["json" if valid_json(one) else "" for one in given])
            line["json_validity"] = as_json(validity)
        losses = found.losses.get(name)
        if losses is not None:
            own = losses if name == "merged" else losses[general : general + tests]
            line["perplexity"] = perplexity(own)
        lines[name] = line
    return lines


def guards_of(run: Run, found: Evidence) -> list[Guard]:
    """Return every guard, also those that could not be assessed."""
    merged, layout = result_of(run, "merge"), found.layout
    rows, _ = read_rows(run.folder.stage("curate") / "train.jsonl")
    conversations = [row.messages for row in rows]
    known = frozenset(secret.text for secret in find_secrets(conversations))
    expected = [row.expected for row in found.tests]
    asked = ["\n".join(turn["content"] for turn in row.prompt) for row in found.tests]
    general, first = layout["general"], layout["general"] + layout["tests"]
    tuned = Judged(found.answers["tuned"], found.cut)
    after = found.losses["tuned"]
    trained = ranks(after[first : first + layout["trained"]])
    said = spoken(asked, expected, tuned.answers, known)
    own = frozenset(turns[-1]["content"].strip() for turns in conversations)
    faults = merged.get("serving_faults")
    return [
        safety(found.safety["base"], found.safety["tuned"], own),
        leakage(trained, ranks(after[first + layout["trained"] :]), said),
        parity(faults, int(merged.get("parity_samples", 0))),
        merge_logits(merged.get("mean_kl_nats"), merged.get("top1_agreement_share")),
        forgetting(found.losses["base"][:general], after[:general]),
        repetition(expected, tuned),
        cut_answers(tuned, run.plan.gate.max_new_tokens),
    ]


def verdict_of(run: Run, found: Evidence) -> dict[str, Any]:
    """Return the verdict as plain JSON."""
    gate, trial = run.plan.gate, run.plan.trial
    scores, paired, checks = judge(gate, found.tests, found.answers, trial.margin if trial else None)
    guards = guards_of(run, found)
    blocked = any(guard.blocks and guard.passed is False for guard in guards)
    return {
        "metric": gate.metric,
        "rows": len(found.tests),
        "scores": {name: as_json(interval) for name, interval in scores.items()},
        "figures": figures(gate.metric, found),
        "paired": asdict(paired),
        "checks": [asdict(check) for check in checks],
        "guards": [asdict(guard) for guard in guards],
        "ships": ships(checks) and not blocked,
    }
