"""The stage curate: record files to what the other stages read, each drop listed, and a manifest of what was used."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from advisor.checks.coverage import lengths_of
from advisor.checks.personal import personal_kinds
from advisor.checks.preferences import Pair, read_pairs
from advisor.checks.sieve import said
from advisor.plan import Plan, Stage
from runner.curate import (
    FAULTS,
    VALID_SHARE,
    Curated,
    Dropped,
    Row,
    as_record,
    beside,
    curate,
    fit_length,
    hold_out,
    in_order,
    unique_pairs,
    unique_texts,
)
from runner.disk import write_atomic
from runner.engine import Message
from runner.models import Run, base_model
from runner.refusal import Refusal, RefusedError
from runner.rows import by_line, read_rows, read_texts
from runner.stage_parts import Done, lines


def locked_rows(run: Run) -> list[Row]:
    """Return the locked test rows. Raises RefusedError if one cannot be read: the test set is never changed."""
    rows, faults = read_rows(run.root / run.plan.data.test.path)
    if faults or not rows:
        found = "; ".join(f"line {fault.line} {fault.detail}" for fault in faults[:5]) or "it has no rows"
        remedy = "correct the test file and make the plan again"
        raise RefusedError([Refusal("test", f"{run.plan.data.test.path}: {found}", remedy)])
    return rows


def do_curate(run: Run, stage: Stage) -> Done:
    """Write what is trained on, what is not and why. Raises RefusedError when a share is over the plan's gate."""
    del stage
    home, test = run.folder.stage("curate"), locked_rows(run)
    rows, faults = read_rows(run.root / run.plan.data.train.path)
    found = curate(rows, test, run.plan.gate.metric == "json_match")
    found = Curated(found.kept, in_order([*faults, *found.dropped]), found.touched)
    sizes = {id(row): tokens for row, tokens in zip(found.kept, tokens_of(run, found.kept), strict=True)}
    found = fit_length(found, list(sizes.values()), longest_tokens(run.plan))
    found, valid, not_valid = watched(run, found, test)
    write_atomic(home / "dropped.jsonl", lines(asdict(dropped) for dropped in found.dropped))
    refuse_shares(run.plan, found)
    personal = personal_rows(found.kept)
    result = counted(found, [sizes[id(row)] for row in found.kept], test, personal)
    parts: dict[str, list[Any]] = {"train": as_lines(found.kept), "test": as_lines(test)}
    parts["personal"] = [{"line": line, "kinds": kinds} for line, kinds in personal]
    if valid:
        parts |= {"valid": as_lines(valid), "valid_dropped": [asdict(dropped) for dropped in not_valid]}
        result |= {"valid_rows": len(valid), "valid_from": "data.valid" if run.plan.data.valid else "data.train"}
    add_others(run, test, parts, result)
    for name, documents in parts.items():
        write_atomic(home / f"{name}.jsonl", lines(documents))
    write_atomic(home / "manifest.json", json.dumps(manifest(run.plan, found, result), indent=1).encode())
    return Done(result, (*(home / f"{name}.jsonl" for name in (*parts, "dropped")), home / "manifest.json"))


def counted(
    found: Curated, row_tokens: Sequence[int], test: Sequence[Row], personal: Sequence[tuple[int, tuple[str, ...]]]
) -> dict[str, Any]:
    """Return the counts of the training rows; `row_tokens` and `personal` go with what was kept."""
    lengths = lengths_of(row_tokens)
    return {
        "rows": len(found.kept) + len(found.dropped),
        "kept": len(found.kept),
        "dropped": found.counts(),
        "tokens": sum(row_tokens),
        "row_tokens": {} if lengths is None else lengths._asdict(),
        "test_rows": len(test),
        "test_rows_asked_in_train": found.touched,
        "personal": dict(Counter(kind for _, kinds in personal for kind in kinds)),
    }


def add_others(run: Run, test: Sequence[Row], parts: dict[str, list[Any]], result: dict[str, Any]) -> None:
    """Add unlabelled texts and preference pairs, where the plan has them, to what is written and what is counted."""
    data = run.plan.data
    if data.unlabelled is not None:
        texts = unique_texts(read_texts(run.root / data.unlabelled.path), test)
        parts["adapt"], result["texts"] = [{"text": text} for text in texts], len(texts)
    if data.preferences is not None:
        pairs, out = preference_pairs(run, run.root / data.preferences.path, test)
        parts |= {"preferences": [as_pair(pair) for pair in pairs], "preferences_dropped": [asdict(one) for one in out]}
        result |= {"pairs": len(pairs), "pairs_dropped": dict(Counter(one.reason for one in out))}


def as_lines(rows: Sequence[Row]) -> list[Any]:
    """Return rows as the stages read them."""
    return [{"messages": list(row.messages)} for row in rows]


def tokens_of(run: Run, rows: Sequence[Row]) -> list[int]:
    """Return the length of each row in the base model's own tokens, template included."""
    return run.engine.count_tokens(base_model(run).directory, [row.messages for row in rows])


def longest_tokens(plan: Plan) -> int:
    """Return how long a row may be: the SFT stage's max_length."""
    return max((stage.train.max_length for stage in plan.stages if stage.name == "sft" and stage.train), default=0)


def watched(run: Run, found: Curated, test: Sequence[Row]) -> tuple[Curated, tuple[Row, ...], tuple[Dropped, ...]]:
    """Return what is left to train on, the rows on which training is watched, and the stated ones that were not used.

    Stated rows go where they ask what another side asks. Without any, a share of the training rows is held out by hash
    where a stage asks to be watched.
    """
    stated = run.plan.data.valid
    if stated is not None:
        rows, faults = read_rows(run.root / stated.path)
        other = beside(rows, [*test, *found.kept])
        fitting = fit_length(other, tokens_of(run, other.kept), longest_tokens(run.plan))
        return found, fitting.kept, in_order([*faults, *fitting.dropped])
    if any(stage.name == "dpo" or (stage.train and stage.train.evaluate_every_steps) for stage in run.plan.stages):
        found, valid = hold_out(found, VALID_SHARE)
        return found, valid, ()
    return found, (), ()


def preference_pairs(run: Run, path: Path, test: Sequence[Row]) -> tuple[list[Pair], list[Dropped]]:
    """Return the pairs to tune preferences on, and every other one with its reason."""
    pairs, faults = read_pairs(path)
    unique, out = unique_pairs(pairs, test)
    longest = longest_tokens(run.plan)
    both = [as_answered(pair, answer) for pair in unique for answer in (pair.chosen, pair.rejected)]
    tokens = run.engine.count_tokens(base_model(run).directory, both)
    kept: list[Pair] = []
    for pair, size in zip(unique, map(max, zip(tokens[::2], tokens[1::2], strict=True)), strict=True):
        if size > longest:
            out.append(Dropped(pair.line, "over_long", f"{size} tokens, max_length is {longest}"))
        else:
            kept.append(pair)
    return kept, list(in_order([*by_line(faults), *out]))


def as_answered(pair: Pair, answer: str) -> list[Message]:
    """Return what a pair asks with one of its answers."""
    return [*as_messages(pair), Message(role="assistant", content=answer)]


def as_messages(pair: Pair) -> list[Message]:
    """Return what a pair asks."""
    return [Message(role=turn.role, content=turn.content) for turn in pair.prompt]


def as_pair(pair: Pair) -> dict[str, Any]:
    """Return a pair as preference trainers read it: turns in all three places."""
    chosen, rejected = ([Message(role="assistant", content=text)] for text in (pair.chosen, pair.rejected))
    return {"prompt": as_messages(pair), "chosen": chosen, "rejected": rejected}


def personal_rows(rows: Sequence[Row]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the line of each row that holds personal data, and its kinds; never what it holds."""
    found = ((row.line, personal_kinds(said(as_record(row)))) for row in rows)
    return [(line, kinds) for line, kinds in found if kinds]


def manifest(plan: Plan, found: Curated, result: dict[str, Any]) -> dict[str, Any]:
    """Return what was used and on what ground: files by digest, licence, consent, sources, and the checks' counts."""
    data = plan.data
    named = {"train": data.train, "test": data.test, "valid": data.valid, "unlabelled": data.unlabelled}
    named["preferences"] = data.preferences
    sources = Counter((row.about.source, row.about.licence) for row in found.kept)
    return {
        "licence": data.licence,
        "consent": data.consent,
        "files": {name: {"path": ref.path, "sha256": ref.sha256} for name, ref in named.items() if ref is not None},
        "sources": [
            {"source": source or "not stated", "licence": licence or data.licence, "rows": count}
            for (source, licence), count in sorted(sources.items())
        ],
        "groups": len({row.about.group for row in found.kept if row.about.group}),
        "written_by_a_model": sum(row.about.synthetic is True for row in found.kept),
        "checks": result,
    }


def refuse_shares(plan: Plan, found: Curated) -> None:
    """Raise RefusedError if too many rows were dropped or cut, or none is left."""
    counts, gate = found.counts(), plan.gate
    total = max(1, len(found.kept) + len(found.dropped))
    cut = counts.pop("over_long")
    faults = {reason: count for reason, count in counts.items() if count and reason in FAULTS}
    remedy = "read curate/dropped.jsonl, correct the data, and make the plan again"
    refusals = [
        Refusal("data", f"{count} of {total} rows {what}, more than {share:.1%}", remedy)
        for count, share, what in (
            (
                sum(faults.values()),
                gate.max_dropped_share,
                "dropped: " + ", ".join(f"{count} {reason}" for reason, count in faults.items()),
            ),
            (cut, gate.max_truncated_share, "longer than max_length"),
        )
        if count / total > share
    ]
    if not found.kept:
        refusals.append(Refusal("data", "no row is left to train on", remedy))
    if refusals:
        raise RefusedError(refusals)
