"""Training data judged before there is a scenario or a plan: the findings of readiness, and figures to act on. Pure.

Rule 1  One code path: rows are sifted by advisor.checks.sieve and judged by advisor.readiness, as in an advice, and the
        run sifts by the same.
Rule 2  Where several files are given, lines count on from one file to the next, and the page says where each begins.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from advisor.checks.coverage import label_counts, lengths_of
from advisor.checks.preferences import Pair
from advisor.checks.records import RecordFault, Row
from advisor.checks.shapes import Message
from advisor.checks.sieve import asked, is_json, normalised, prompt_key
from advisor.checks.splits import split
from advisor.findings import DataFinding, Readiness, Severity
from advisor.readiness import TIERS, assess_rows
from advisor.row_findings import Records, usable_rows
from advisor.scenario import Data
from advisor.tokens import Count

LABEL_KINDS: Final = frozenset({"classification", "routing"})
"""Tasks whose answers are one of a few."""
WORST_FIRST: Final = (Severity.BLOCKS, Severity.OPEN, Severity.WARNS)
FAULTS_SHOWN: Final = 20  # in JSON and on the page; the file itself has them all
SHARES: Final = {"test": 0.1, "valid": 0.1, "train": 0.8}
"""The usual split; rows keep their side however many are added (advisor.checks.splits)."""


class RecordFile(NamedTuple):
    """One training file as it was read; its lines count on from `after`."""

    name: str
    rows: Sequence[Row]
    faults: Sequence[RecordFault]
    after: int = 0


class PairFile(NamedTuple):
    """One file of preference pairs as it was read."""

    name: str
    pairs: Sequence[Pair]
    faults: Sequence[RecordFault]


class Asked(NamedTuple):
    """What the data is for: kind of task, whether answers must be JSON, goals, and the longest row in tokens."""

    stated: Data
    kind: str | None = None
    wants_json: bool = False
    goals: Sequence[str] = ()
    max_length: int | None = None


class Checked(NamedTuple):
    """The report as plain JSON, and the usable rows themselves."""

    report: dict[str, Any]
    kept: list[Row]


def numbered(files: Sequence[RecordFile]) -> list[RecordFile]:
    """Return the files with their lines counted on from one to the next (Rule 2)."""
    found: list[RecordFile] = []
    after = 0
    for one in files:
        rows = [replace(row, line=row.line + after) for row in one.rows] if after else one.rows
        faults = [RecordFault(fault.line + after, fault.reason) for fault in one.faults]
        found.append(RecordFile(one.name, rows, faults, after))
        after = max([after, *(row.line for row in rows), *(fault.line for fault in faults)])
    return found


def check(
    files: Sequence[RecordFile],
    question: Asked,
    test: Records | None = None,
    pairs: Sequence[PairFile] = (),
    count: Callable[[str], Count] | None = None,
) -> Checked:
    """Return what is known about training files beside a test set; `count` counts the tokens of a text."""
    files = numbered(files)
    train = Records([row for one in files for row in one.rows], [fault for one in files for fault in one.faults])
    usable = usable_rows(train, test, question.wants_json)
    more = kind_findings(question.kind, usable.rows)
    ready = assess_rows(question.stated, question.goals, usable, test, more=more)
    found = sorted(ready.findings, key=lambda one: WORST_FIRST.index(one.severity))
    drops = [
        {"line": train.rows[drop.place].line, "reason": drop.reason, "detail": drop.detail}
        for drop in usable.sifted.drops
    ]
    report: dict[str, Any] = {
        "files": [file_record(one) for one in files],
        "ready": ready.answer.value,
        "tier": ready.tier,
        **row_counts(train, ready, drops),
        "test_rows": None if test is None else len(test.rows),
        "test_rows_asked_in_train": len(usable.sifted.touched),
        "findings": [finding_record(one) for one in found],
        "next_steps": next_steps(found, ready),
        **text_facts(usable.rows),
        "labels": label_records(usable.rows, test),
        "tokens": None if count is None else token_facts(usable.rows, count, question.max_length),
        "preferences": [pair_record(one, test) for one in pairs],
        "dropped": drops,
    }
    return Checked(report, usable.rows)


def file_record(one: RecordFile) -> dict[str, Any]:
    """Return what a file holds, as plain JSON."""
    shapes = Counter(row.shape for row in one.rows)
    faults = [{"line": fault.line, "reason": fault.reason} for fault in one.faults[:FAULTS_SHOWN]]
    return {"file": one.name, "lines_after": one.after, "rows": len(one.rows), "faults": len(one.faults),
            "first_faults": faults, "shapes": dict(shapes.most_common())}  # fmt: skip


def row_counts(train: Records, ready: Readiness, drops: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how many rows there are, how many count, and how many do not, by reason."""
    unreadable = len({fault.line for fault in train.faults})
    total, usable = len(train.rows) + unreadable, ready.usable_rows or 0
    reasons = Counter(str(drop["reason"]) for drop in drops) + Counter({"unreadable": unreadable})
    return {
        "rows": total,
        "usable_rows": usable,
        "usable_share": usable / total if total else 0.0,
        "reasons": dict(reasons.most_common()),
    }


def finding_record(one: DataFinding) -> dict[str, Any]:
    """Return a finding as plain JSON."""
    return {"code": one.code, "severity": one.severity.value, "why": one.why, "remedy": one.remedy, "rows": one.rows,
            "lines": list(one.lines)}  # fmt: skip


def kind_findings(kind: str | None, rows: Sequence[Row]) -> list[DataFinding]:
    """Return what is wrong with the answers for this kind of task."""
    answered = [row for row in rows if len(row.messages) > 1]
    if rows and not answered:
        why = "no row has an answer: this is plain text"
        return [DataFinding("no_answers", Severity.OPEN, why, "name it as data.unlabelled, and collect answered rows")]
    if kind in LABEL_KINDS and answered and not label_counts(answered):
        different = len({row.answer for row in answered})
        why = f"{different} different answers in {len(answered)} rows are no label set, and the task is {kind}"
        return [DataFinding("no_label_set", Severity.OPEN, why, "see that each answer is a label and nothing else")]
    return []


def next_steps(findings: Sequence[DataFinding], ready: Readiness) -> list[str]:
    """Return what to do, worst first, each once; last what the next tier of rows would take."""
    steps = [f"{one.remedy} ({one.code})" for one in findings if one.severity is not Severity.WARNS]
    usable = ready.usable_rows or 0
    larger = [(fewest, name) for fewest, name in reversed(TIERS) if fewest > usable]
    if larger:
        fewest, name = larger[0]
        steps.append(f"{fewest - usable:,} more different rows reach the tier {name!r}; better rows come before more")
    return list(dict.fromkeys(steps))


def text_facts(rows: Sequence[Row]) -> dict[str, Any]:
    """Return lengths, format, sources and authorship of the usable rows."""
    answers = [row.answer for row in rows if len(row.messages) > 1]
    letters = {"question": [len(asked(row)) for row in rows], "answer": [len(answer) for answer in answers]}
    lengths = {name: lengths_of(counts) for name, counts in letters.items()}
    marked = [row.about.synthetic for row in rows if row.about.synthetic is not None]
    sources = Counter(row.about.source for row in rows if row.about.source)
    return {
        "letters": {name: None if found is None else found._asdict() for name, found in lengths.items()},
        "json_share": sum(map(is_json_object, answers)) / len(answers) if answers else None,
        "sources": dict(sources.most_common(FAULTS_SHOWN)),
        "groups": len({row.about.group for row in rows if row.about.group}),
        "synthetic_share": sum(marked) / len(marked) if marked else None,
    }


def is_json_object(text: str) -> bool:
    """Return True if a text is a JSON object or array: a bare number or word would be so by accident."""
    return text.lstrip()[:1] in ("{", "[") and is_json(text)


def label_records(rows: Sequence[Row], test: Records | None) -> list[dict[str, Any]]:
    """Return each label with its training and test rows, the rarest first; nothing where answers are no labels."""
    tested = Counter(row.answer.strip() for row in test.rows) if test else None
    counts = sorted(label_counts(rows).items(), key=lambda pair: (pair[1], pair[0]))
    return [
        {"label": label, "train": count, "test": None if tested is None else tested[label]} for label, count in counts
    ]


def token_facts(rows: Sequence[Row], count: Callable[[str], Count], max_length: int | None) -> dict[str, Any]:
    """Return the tokens of the usable rows: all, and by row; how the count was made; and how many rows are too long."""
    counts = [count("\n".join(turn.content for turn in row.messages)) for row in rows]
    sizes = [one.tokens for one in counts]
    lengths = lengths_of(sizes)
    over = [row.line for row, size in zip(rows, sizes, strict=True) if max_length is not None and size > max_length]
    return {
        "total": sum(sizes),
        "a_row": None if lengths is None else lengths._asdict(),
        "label": counts[0].label.value if counts else None,
        "tokenizer": counts[0].tokenizer if counts else None,
        "max_length": max_length,
        "over_max_length": None if max_length is None else len(over),
        "over_lines": over[:FAULTS_SHOWN],
    }


def pair_record(one: PairFile, test: Records | None) -> dict[str, Any]:
    """Return what a file of preference pairs holds: usable ones, faults, and prompts that repeat or are tested."""
    prompts = [Row(pair.line, (*pair.prompt, Message("assistant", pair.chosen)), "preference") for pair in one.pairs]
    keys = [prompt_key(row, normalised) for row in prompts]
    tested = {prompt_key(row, normalised) for row in test.rows} if test else set[str]()
    longer = sum(len(pair.chosen) > len(pair.rejected) for pair in one.pairs)
    return {
        "file": one.name,
        "pairs": len(one.pairs),
        "faults": [{"line": fault.line, "reason": fault.reason} for fault in one.faults[:FAULTS_SHOWN]],
        "different_prompts": len(set(keys)),
        "asked_in_test": sum(key in tested for key in keys),
        "chosen_longer_share": longer / len(one.pairs) if one.pairs else None,
    }


def sides(rows: Sequence[Row], test_given: bool) -> dict[str, list[Row]]:
    """Return the usable rows by side of a split by group or question; without a test side where one is given."""
    shares = {name: share for name, share in SHARES.items() if name != "test" or not test_given}
    found = split(rows, shares)
    return {name: [rows[place] for place in found[name]] for name in reversed(shares)}


def as_document(row: Row) -> dict[str, Any]:
    """Return a row as one line of a training file, with what it says of itself."""
    about = {name: value for name, value in row.about._asdict().items() if value not in ("", None)}
    return {"messages": [{"role": turn.role, "content": turn.content} for turn in row.messages], **about}
