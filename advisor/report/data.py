"""The page of training data: what counts, what does not and why, what to do first; 80 columns."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Final

from advisor.checks.sieve import REASONS

WIDTH: Final = 80
LABEL_COLUMNS: Final = 44  # leaves room for two counts
LABELS_SHOWN: Final = 5  # from either end; JSON has all
Report = dict[str, Any]
"""What advisor.data_check.check returns."""


def page(report: Report) -> str:
    """Return the page of a data report."""
    parts = [
        head(report),
        reasons(report),
        findings(report),
        lengths(report),
        labels(report),
        beside(report),
        preferences(report),
        steps(report),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def indented(text: str, first: str = "  ", rest: str | None = None) -> list[str]:
    """Return a text in lines of at most 80 columns, behind `first`, then behind `rest` (blanks as wide as `first`)."""
    after = " " * len(first) if rest is None else rest
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=after, break_on_hyphens=False)


def head(report: Report) -> list[str]:
    """Return the files, the answer, and how many rows count."""
    found: list[str] = []
    for one in report["files"]:
        shapes = ", ".join(f"{count:,} {shape}" for shape, count in one["shapes"].items()) or "no usable shape"
        begins = f"; lines count on from {one['lines_after']:,}" if one["lines_after"] else ""
        found += indented(f"{one['file']}: {one['rows']:,} rows ({shapes}){begins}", "", "  ")
    if not found:
        return ["Only preference pairs were named: they are tuned on after examples, which are not here."]
    told = {"yes": "Ready", "no": "Not ready", "unknown": "Open: not all that matters is known"}[report["ready"]]
    counts = f"{report['usable_rows']:,} of {report['rows']:,} rows count ({report['usable_share']:.1%})"
    return [*found, "", *indented(f"{told}. {counts}: tier {report['tier']}.", "")]


def reasons(report: Report) -> list[str]:
    """Return a line for each reason why rows do not count."""
    counts: dict[str, int] = report["reasons"]
    if not counts:
        return []
    lines = [
        f"  {count:>9,}  {reason:<15}{REASONS.get(reason, 'cannot be read')}"
        for reason, count in counts.items()
        if count
    ]
    return ["Rows that do not count:", *lines] if lines else []


def findings(report: Report) -> list[str]:
    """Return every finding with its lines, the worst first."""
    found: list[str] = []
    for one in report["findings"]:
        dots = ", ..." if one["rows"] > len(one["lines"]) else ""
        lines = f" (line{'s' if one['rows'] > 1 else ''} {', '.join(map(str, one['lines']))}{dots})"
        text = f"{one['code']}: {one['why']}{lines if one['lines'] else ''}; {one['remedy']}"
        found += indented(text, f"  {one['severity']:<7}")
    return ["Findings:", *found] if found else ["Findings: none"]


def lengths(report: Report) -> list[str]:
    """Return the lengths of questions and answers, and of rows in tokens where they were counted."""
    rows = [(f"{name}, letters", found) for name, found in report["letters"].items() if found]
    tokens = report["tokens"]
    if tokens and tokens["a_row"]:
        rows.append((f"row, tokens ({tokens['label']})", tokens["a_row"]))
    lines = [f"  {name:<30}{found['p50']:>10,}{found['p95']:>10,}{found['longest']:>10,}" for name, found in rows]
    head_line = f"{'Lengths of usable rows':<32}{'half':>10}{'95 %':>10}{'longest':>10}"
    told = [head_line, *lines] if lines else []
    if tokens and tokens["total"]:
        told += indented(f"{tokens['total']:,} tokens in all, by {tokens['tokenizer']}, without the chat template.")
    if tokens and tokens["over_max_length"]:
        shown = ", ".join(map(str, tokens["over_lines"][:LABELS_SHOWN]))
        told += indented(f"{tokens['over_max_length']:,} rows are over {tokens['max_length']:,} tokens: lines {shown}.")
    return told


def labels(report: Report) -> list[str]:
    """Return the rarest and the most frequent labels with their training and test rows."""
    every: Sequence[Report] = report["labels"]
    if not every:
        return []
    few = len(every) <= 2 * LABELS_SHOWN
    shown = [*every] if few else [*every[:LABELS_SHOWN], None, *every[-LABELS_SHOWN:]]
    lines = [f"{f'{len(every)} labels, the rarest first':<{LABEL_COLUMNS + 2}}{'train':>10}{'test':>10}"]
    for one in shown:
        if one is None:
            lines.append("  ...")
            continue
        name = " ".join(one["label"].split())
        name = name if len(name) <= LABEL_COLUMNS else f"{name[: LABEL_COLUMNS - 3]}..."
        lines.append(f"  {name:<{LABEL_COLUMNS}}{one['train']:>10,}{'-' if one['test'] is None else one['test']:>10}")
    return lines


def beside(report: Report) -> list[str]:
    """Return the test set, format, sources and authorship in a sentence each."""
    lines: list[str] = []
    if report["test_rows"] is not None:
        lines.append(
            f"Test set: {report['test_rows']:,} rows; training rows ask what {report['test_rows_asked_in_train']:,} of "
            "them ask, and those training rows do not count."
        )
    if report["json_share"]:
        lines.append(f"Answers that are JSON: {report['json_share']:.1%}.")
    if report["sources"]:
        lines.append("Sources: " + ", ".join(f"{name} {count:,}" for name, count in report["sources"].items()) + ".")
    if report["synthetic_share"] is not None:
        lines.append(f"Written by a model, of rows that say so: {report['synthetic_share']:.0%}.")
    return [line for text in lines for line in indented(text, "", "  ")]


def preferences(report: Report) -> list[str]:
    """Return what each file of preference pairs holds."""
    lines: list[str] = []
    for one in report["preferences"]:
        told = f"{one['file']}: {one['pairs']:,} preference pairs, {one['different_prompts']:,} different prompts"
        told += f", {one['asked_in_test']:,} asked in the test set" if one["asked_in_test"] else ""
        if one["chosen_longer_share"] is not None:
            told += f"; the better answer is the longer one in {one['chosen_longer_share']:.0%}"
        lines += indented(f"{told}.", "", "  ")
        for fault in one["faults"]:
            lines += indented(f"line {fault['line']}: {fault['reason']}")
    return lines


def steps(report: Report) -> list[str]:
    """Return what to do next, numbered."""
    found = [
        line for place, step in enumerate(report["next_steps"], start=1) for line in indented(step, f"  {place}. ")
    ]
    return ["Next:", *found] if found else []
