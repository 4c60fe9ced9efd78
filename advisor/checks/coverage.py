"""Does the training set look like what will be asked: labels, lengths, scripts and groups beside the test set. Pure.

Rule 1  The test set stands for production: a label, a length or a script that it has and the training set has not is a
        gap. Nothing is dropped here: only the owner of the data knows which side is wrong.
Rule 2  Answers are labels where they are few, short and used again and again; labels that are one but for case, blanks
        and underscores are two spellings of one.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from advisor.checks.records import Row
from advisor.checks.sieve import asked

LABELS_MOST: Final = 500  # the largest published intent sets have 150 to 300 labels
LABEL_LETTERS_MOST: Final = 120  # a small JSON object still counts as a label
ROWS_A_LABEL: Final = 3  # on average; below it answers are texts that happen to repeat
THIN_LABEL_ROWS: Final = 10  # few-shot benchmarks of intents start at 5 to 10 rows a label
SHOWN: Final = 5  # names or lines in one sentence
LONG_QUANTILE: Final = 0.99  # one training row in a hundred is this long or longer
LONG_LIMIT_SHARE: Final = 0.05  # of test rows: five times what is expected of a set of the same kind
RARE_SHARE: Final = 0.01  # of rows in one script: under one in a hundred it is as often an accident
LEAST_FOR_RARE: Final = 100  # rows; below it one row is over RARE_SHARE


class Gap(NamedTuple):
    """One thing in which the sets differ: a code, what is so, what to do, how many rows, the first of their lines."""

    code: str
    why: str
    remedy: str
    rows: int = 0
    lines: tuple[int, ...] = ()


class Lengths(NamedTuple):
    """Lengths in letters (or tokens, where those were counted): half, 95 in a hundred and all are at most this."""

    p50: int
    p95: int
    longest: int


def lengths_of(counts: Sequence[int]) -> Lengths | None:
    """Return the spread of some lengths, or None where there are none."""
    if not counts:
        return None
    ordered = sorted(counts)
    return Lengths(ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])


def label_counts(rows: Sequence[Row]) -> Counter[str]:
    """Return how often each answer is given, or nothing where answers are no labels (Rule 2)."""
    counts = Counter(row.answer.strip() for row in rows if len(row.messages) > 1)
    few = 1 < len(counts) <= min(LABELS_MOST, counts.total() / ROWS_A_LABEL)
    return counts if few and max(map(len, counts)) <= LABEL_LETTERS_MOST else Counter()


def gaps(train: Sequence[Row], test: Sequence[Row]) -> list[Gap]:
    """Return everything in which the usable training rows differ from the test rows; `test` may be empty."""
    labels = label_counts(train)
    found = [*label_gaps(labels, test), *spelling_gaps(labels), *label_script_gaps(labels)] if labels else []
    return [*found, *length_gaps(train, test), *script_gaps(train, test), *group_gaps(train, test)]


def named(names: Sequence[str]) -> str:
    """Return a few names for a sentence, and how many more there are."""
    shown = ", ".join(name if len(name) <= 40 else f"{name[:37]}..." for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def label_gaps(labels: Mapping[str, int], test: Sequence[Row]) -> list[Gap]:
    """Return the labels of the test set that are never trained, those never tested, and those with few rows."""
    tested = Counter(row.answer.strip() for row in test if len(row.messages) > 1)
    missing = sorted(tested.keys() - labels.keys())
    lines = tuple(row.line for row in test if row.answer.strip() in set(missing))
    found: list[Gap] = []
    if missing:
        why = f"{len(missing)} of {len(tested)} labels of the test set are in no usable training row: {named(missing)}"
        found.append(Gap("missing_label", why, "collect rows for them", len(lines), lines[:SHOWN]))
    untested = sorted(labels.keys() - tested.keys()) if tested else []
    if untested:
        why = f"{len(untested)} of {len(labels)} labels are trained and never tested: {named(untested)}"
        found.append(Gap("untested_label", why, "hold out rows of them", sum(labels[one] for one in untested)))
    thin = sorted((one for one, count in labels.items() if count < THIN_LABEL_ROWS), key=lambda one: labels[one])
    if thin:
        why = f"{len(thin)} of {len(labels)} labels have fewer than {THIN_LABEL_ROWS} usable rows: {named(thin)}"
        found.append(Gap("thin_label", why, "collect rows for these first", sum(labels[one] for one in thin)))
    return found


def spelling_gaps(labels: Mapping[str, int]) -> list[Gap]:
    """Return the labels that are written in more than one way."""
    ways: dict[str, list[str]] = {}
    for label in labels:
        bare = "".join(sign for sign in unicodedata.normalize("NFKC", label).casefold() if sign not in " _-")
        ways.setdefault(bare, []).append(label)
    twice = [" = ".join(sorted(names)) for names in ways.values() if len(names) > 1]
    if not twice:
        return []
    rows = sum(labels[name] for names in ways.values() if len(names) > 1 for name in names)
    why = f"labels are written in more than one way: {named(twice)}"
    return [Gap("label_spelling", why, "settle on one spelling", rows)]


def label_script_gaps(labels: Mapping[str, int]) -> list[Gap]:
    """Return the labels in another script than most of the label set."""
    scripts = {label: script_of(label) for label in labels}
    usual = Counter(script for script in scripts.values() if script).most_common(1)
    odd = sorted(label for label, script in scripts.items() if script and script != usual[0][0])
    if not odd or len(odd) * 2 > len(labels):
        return []
    why = f"{len(odd)} of {len(labels)} labels are {scripts[odd[0]]} in a {usual[0][0]} label set: {named(odd)}"
    return [Gap("label_script", why, "write them as the other labels", sum(labels[label] for label in odd))]


def length_gaps(train: Sequence[Row], test: Sequence[Row]) -> list[Gap]:
    """Return the test rows that are longer than nearly all training rows, where they are many."""
    if not train or not test:
        return []
    lengths = sorted(len(asked(row)) for row in train)
    long = lengths[int(LONG_QUANTILE * (len(lengths) - 1))]
    over = [row.line for row in test if len(asked(row)) > long]
    if len(over) <= LONG_LIMIT_SHARE * len(test):
        return []
    why = f"{len(over)} of {len(test)} test rows are longer than 99 in 100 training rows ({long:,} letters)"
    return [Gap("longer_test", why, "collect rows as long as those in production", len(over), tuple(over[:SHOWN]))]


@cache
def script_of_letter(letter: str) -> str:
    """Return the script of a letter as Unicode names it; the three that Japanese mixes count as one."""
    name = unicodedata.name(letter, "").split(" ")[0].title()
    return "Chinese or Japanese" if name in ("Cjk", "Hiragana", "Katakana") else name


def script_of(text: str) -> str:
    """Return the script that most letters of a text are in; empty where it has no letters."""
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else ""
    counts = Counter(script_of_letter(letter) for letter in text if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else ""


def script_gaps(train: Sequence[Row], test: Sequence[Row]) -> list[Gap]:
    """Return the training rows whose question or answer is in a script that hardly any other row is in."""
    if len(train) < LEAST_FOR_RARE:
        return []
    both = [(script_of(asked(row)), script_of(row.answer)) for row in train]
    counts = (Counter(pair[0] for pair in both), Counter(pair[1] for pair in both))
    in_test = {script_of(text) for row in test for text in (asked(row), row.answer)}

    def odd(pair: tuple[str, str]) -> bool:
        return any(
            script and script not in in_test and counts[side][script] < RARE_SHARE * len(train)
            for side, script in enumerate(pair)
        )

    found = [place for place, pair in enumerate(both) if odd(pair)]
    if not found:
        return []
    scripts = sorted({script for place in found for script in both[place] if script} - in_test)
    usual = counts[0].most_common(1)[0][0] or "no"
    why = f"{len(found)} of {len(train)} rows are in a script that few others are in ({named(scripts)}; most: {usual})"
    lines = tuple(train[place].line for place in found[:SHOWN])
    return [Gap("odd_script", why, "remove them, or collect as many as production has", len(found), lines)]


def group_gaps(train: Sequence[Row], test: Sequence[Row]) -> list[Gap]:
    """Return the training rows of a group (a customer, a thread) that the test set has rows of too."""
    tested = {row.about.group for row in test if row.about.group}
    lines = [row.line for row in train if row.about.group in tested]
    if not lines:
        return []
    why = f"{len(lines)} of {len(train)} rows belong to a group that has test rows too"
    return [Gap("group_leak", why, "split by group: advise data FILE --split FOLDER", len(lines), tuple(lines[:SHOWN]))]
