"""Edge: result files named in a scenario's evidence, counted into it before it is judged; faults keep their lines."""

from pathlib import Path as FilePath
from typing import Any, Final, cast

from advisor.evidence import wilson
from advisor.quality_results import Results, pair, pairs_of, results_of
from advisor.scenario_tree import Path, Tree, quote

EVIDENCE: Final = "evidence"
LARGEST_BYTES: Final = 256_000_000  # ten million short rows, which is more than a trial may have


def lines_of(tree: Tree, path: Path, name: str, folder: FilePath) -> list[str] | None:
    """Return a file's lines, or None after noting why it cannot be read."""
    file = (folder / name).resolve()
    wanted = ("a JSONL file below the scenario's folder", "check the name, or state the counts")
    if not file.is_relative_to(folder.resolve()) or not file.is_file() or file.stat().st_size > LARGEST_BYTES:
        tree.fault(path, f"is {quote(name)}, which is not there", *wanted)
        return None
    try:
        return file.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        tree.fault(path, f"is {quote(name)}, which is not UTF-8", *wanted)
        return None


def told(tree: Tree, path: Path, name: str, faults: tuple[str, ...]) -> None:
    """Note a file's faults at the place that names it."""
    for fault in faults:
        tree.fault(path, f"names {quote(name)}, {fault}", "rows that can be counted", "correct the row")


def trials_in(tree: Tree, arm: str) -> list[tuple[Path, dict[str, Any]]]:
    """Return the trials of an arm with their paths, whether it is a bare list or a mapping."""
    raw: Any = tree.values[EVIDENCE].get(arm)
    path: Path = (EVIDENCE, arm)
    if isinstance(raw, dict):
        raw, path = cast("dict[str, Any]", raw).get("trials"), (*path, "trials")
    listed = cast("list[Any]", raw) if isinstance(raw, list) else []
    return [((*path, place), trial) for place, trial in enumerate(listed) if isinstance(trial, dict)]


def count(tree: Tree, path: Path, trial: dict[str, Any], folder: FilePath, metric: str) -> Results | None:
    """Count one trial's file into it; counts that are stated too must be the file's. None where there is no file."""
    name, here = trial.get("results"), (*path, "results")
    if not isinstance(name, str):
        return None
    lines = lines_of(tree, here, name, folder)
    if lines is None:
        return None
    found = results_of(lines, metric)
    told(tree, here, name, found.faults or (() if found.right else ("which holds no row",)))
    for field, value in (("n", len(found.right)), ("successes", found.successes), ("declined", len(found.declined))):
        if field in trial and trial[field] != value:
            tree.fault((*path, field), f"is {trial[field]}", f"{value}, as {name} has it", "leave the line out")
        trial[field] = value
    return found if found.right else None


def fill(tree: Tree, folder: FilePath) -> None:
    """Count every result file of the evidence into it, and pair the best tuned and hosted ones by id."""
    evidence: Any = tree.values.get(EVIDENCE)
    if not isinstance(evidence, dict):
        return
    quality: Any = tree.values.get("quality")
    metric = str(cast("dict[str, Any]", quality).get("metric", "")) if isinstance(quality, dict) else ""
    found: dict[str, list[Results]] = {}
    for arm in cast("dict[str, Any]", evidence):
        counted = [count(tree, path, trial, folder, metric) for path, trial in trials_in(tree, arm)]
        found[arm] = [one for one in counted if one is not None]
    paired: Any = cast("dict[str, Any]", evidence).get("paired")
    if isinstance(paired, dict):
        fill_pairs(tree, cast("dict[str, Any]", paired), folder)
        return
    tuned, hosted = (best(tree, found, *arms) for arms in (("tuned",), ("hosted", "prompting")))
    if paired is None and tuned is not None and hosted is not None:
        pairs = pair(tuned, hosted)
        if pairs.n:
            names = ("both", "only_tuned", "only_hosted", "neither")
            evidence["paired"] = dict(zip(names, pairs, strict=True))


def best(tree: Tree, found: dict[str, list[Results]], *arms: str) -> Results | None:
    """Return the file of the best trial of the first arm that has trials; None where a trial there has no file."""
    for arm in arms:
        trials = trials_in(tree, arm)
        if trials:
            ranked = sorted(found.get(arm, []), key=lambda one: wilson(one.successes, len(one.right)).low)
            return ranked[-1] if len(ranked) == len(trials) else None
    return None


def fill_pairs(tree: Tree, paired: dict[str, Any], folder: FilePath) -> None:
    """Count the file of pairs into the evidence."""
    name, here = paired.get("file"), (EVIDENCE, "paired", "file")
    lines = lines_of(tree, here, name, folder) if isinstance(name, str) else None
    if lines is None:
        return
    pairs, faults = pairs_of(lines)
    told(tree, here, str(name), faults or (() if pairs.n else ("which holds no row",)))
    paired |= dict(zip(("both", "only_tuned", "only_hosted", "neither"), pairs, strict=True))
